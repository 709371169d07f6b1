/*
 * view.c - filtering and sorting.
 */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool has(const char *text, const char *part)
{
	return text && strcasestr(text, part);
}

static bool text_is_in(const struct object *object, const char *part)
{
	if (has(object->label, part) || has(kind_names[object->kind], part) ||
	    has(object->local, part) || has(object->remote, part) || has(object->state, part) ||
	    has(object->family, part))
		return true;
	for (size_t i = 0; i < object->holder_count; i++)
		if (has(object->holders[i].command, part))
			return true;
	return false;
}

static bool is_shown(const struct view *view, const struct object *object)
{
	if (view->active && !object_is_active(object))
		return false;
	if (view->user[0] && (!object->user || strcmp(object->user, view->user) != 0))
		return false;
	return !view->text[0] || text_is_in(object, view->text);
}

static int compare(const void *one, const void *other, void *context)
{
	const struct view *view = context;
	int order = column_compare(view->sort, *(const struct object *const *)one,
				   *(const struct object *const *)other);

	return view->reverse ? -order : order;
}

int view_make(struct view *view, const struct sample *sample)
{
	const struct object **rows = reallocarray(view->rows, sample->count + 1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	view->rows = rows;
	view->count = view->of = 0;
	view->name_width = 0;
	for (size_t i = 0; i < sample->count; i++) {
		const struct object *object = sample->objects[i];
		int width;

		if (view->kind != KIND_ALL && view->kind != object->kind)
			continue;
		view->of++;
		if (!is_shown(view, object))
			continue;
		rows[view->count++] = object;
		width = text_width(object->label);
		if (width > view->name_width)
			view->name_width = width;
	}
	qsort_r(rows, view->count, sizeof(*rows), compare, view);
	return 0;
}

void view_sort_next(struct view *view, int step)
{
	size_t count, at = 0;
	const enum column *columns = column_list(view->kind, &count);

	while (at + 1 < count && columns[at] != view->sort)
		at++;
	view->sort = columns[(at + count + (size_t)(step + (int)count)) % count];
}

void view_choose(struct view *view, enum kind kind)
{
	size_t count;
	const enum column *columns = column_list(kind, &count);
	bool there = false;

	view->kind = kind;
	for (size_t i = 0; i < count; i++)
		there = there || columns[i] == view->sort;
	if (there)
		return;
	/* What waits, or else how full it is. */
	view->sort = kind == KIND_PIPES || kind == KIND_SOCKETS ? COLUMN_FULL
		     : kind == KIND_SHM                         ? COLUMN_RSS
								: COLUMN_WAIT;
	view->reverse = false;
}

long view_row(const struct view *view, const char *key)
{
	for (size_t i = 0; i < view->count; i++)
		if (strcmp(view->rows[i]->key, key) == 0)
			return (long)i;
	return -1;
}

void view_free(struct view *view)
{
	free(view->rows);
	view->rows = NULL;
	view->count = 0;
}
