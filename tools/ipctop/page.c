/*
 * page.c - lines of text, and those of an object as a sample has it.
 */
#include "page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "column.h"
#include "text.h"

int page_add(struct page *page, bool is_title, const char *format, ...)
{
	struct line *grown = reallocarray(page->lines, page->count + 1, sizeof(*grown));
	va_list list;
	int length;

	if (!grown)
		return -ENOMEM;
	page->lines = grown;
	va_start(list, format);
	length = vasprintf(&grown[page->count].text, format, list);
	va_end(list);
	if (length < 0)
		return -ENOMEM;
	grown[page->count++].is_title = is_title;
	return 0;
}

void page_free(struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->lines[i].text);
	free(page->lines);
	*page = (struct page){NULL};
}

static int add_holders(struct page *page, const struct object *object, bool waits)
{
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; i < object->holder_count; i++)
		count += holder_waits(&object->holders[i]) == waits;
	if (count == 0 && (waits || object->figures[FIGURE_HIDDEN] <= 0))
		return waits || object->holder_count ? 0 : page_add(page, true, "Nobody has it");
	error = page_add(page, true, waits ? "Who waits: %zu" : "Who has it: %zu", count);
	if (!error)
		error = page_add(page, false, "  %9s %-10s %-22s %s", "PID", "USER", "HOW",
				 "COMMAND");
	for (size_t i = 0; i < object->holder_count && !error; i++) {
		const struct holder *holder = &object->holders[i];

		if (holder_waits(holder) == waits)
			error = page_add(page, false, "  %9" PRId64 " %-10s %-22s %s", holder->pid,
					 holder->user, holder->how, holder->command);
	}
	if (!error && !waits && object->figures[FIGURE_HIDDEN] > 0)
		error = page_add(page, false, "  %9" PRId64 " more, which you may not look at",
				 object->figures[FIGURE_HIDDEN]);
	return error;
}

int page_of_object(struct page *page, const struct object *object, int64_t time)
{
	char room[CELL_SIZE];
	size_t count;
	const enum column *columns = column_list(object->kind, &count);
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		const char *text;

		/* What follows below, or is said by a file. */
		if (columns[i] == COLUMN_NAME || columns[i] == COLUMN_WHO ||
		    columns[i] == COLUMN_WAIT || columns[i] == COLUMN_HOLD ||
		    (object->name && column_is_figure(columns[i])))
			continue;
		text = column_text(columns[i], object, time, room);
		if (text[0] != '-' || text[1])
			error = page_add(page, false, "  %-10s %s", column_title(columns[i]), text);
	}
	if (!error)
		error = page_add(page, false, "%s", "");
	if (!error)
		error = add_holders(page, object, true);
	return error ? error : add_holders(page, object, false);
}
