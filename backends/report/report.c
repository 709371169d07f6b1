/*
 * report.c - puts together what the kinds have to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "common/print.h"
#include "report.h"

/* The kind whose directory this is, NULL: none, so all are meant. */
static const struct kind *kind_of(const struct place *place)
{
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if ((*kind)->dir == place->dir)
			return *kind;
	return NULL;
}

/* Notes are gathered until the tables are all there.  @kind goes before each; NULL: nothing. */
static void print_notes(FILE *out, const char *kind, char *notes)
{
	static const char begin[] = "# ";
	char *line;

	while ((line = strsep(&notes, "\n"))) {
		size_t begins = strncmp(line, begin, strlen(begin)) ? 0 : strlen(begin);

		if (*line)
			fprintf(out, "%s%s%s%s\n", begin, kind ? kind : "", kind ? ": " : "",
				line + begins);
	}
}

typedef int print_part(struct call *call, enum report report, const struct page *page);

/* One kind's part; @kind_in_notes: they are among those of others. */
static int print_kind(struct call *call, enum report report, const struct kind *kind,
		      print_part *print, bool kind_in_notes, const struct page *page)
{
	struct page own = {.out = page->out};
	char *notes = NULL;
	size_t size;
	int error;

	if (!print)
		return 0;
	own.notes = open_memstream(&notes, &size);
	if (!own.notes)
		return -ENOMEM;
	error = print(call, report, &own);
	if (text_close(own.notes, &notes) && !error)
		error = -ENOMEM;
	if (!error)
		print_notes(page->notes, kind_in_notes ? kind->name : NULL, notes);
	free(notes);
	return error;
}

static int print_tables(struct call *call, enum report report, const struct kind *only,
			const struct page *page)
{
	int error = 0;

	for (const struct kind *const *kind = kinds; *kind && !error; kind++)
		if (!only || *kind == only)
			error = print_kind(call, report, *kind, (*kind)->print_ipcs, !only, page);
	/* The empty line that ends ipcs is the one before the next title, or the last. */
	for (const struct kind *const *kind = kinds; *kind && !error; kind++)
		if (!only || *kind == only)
			error = print_kind(call, report, *kind, (*kind)->print_more, !only, page);
	return error;
}

static int show(struct call *call, enum report report, const struct place *place, FILE *out)
{
	struct page page = {.out = out};
	char *notes = NULL;
	size_t size;
	int error;

	page.notes = open_memstream(&notes, &size);
	if (!page.notes)
		return -ENOMEM;
	error = print_tables(call, report, kind_of(place), &page);
	if (text_close(page.notes, &notes) && !error)
		error = -ENOMEM;
	if (!error)
		fprintf(out, "\n%s", notes);
	free(notes);
	return error;
}

int report_show_status(struct call *call, const struct place *place, FILE *out)
{
	return show(call, REPORT_STATUS, place, out);
}

int report_show_pids(struct call *call, const struct place *place, FILE *out)
{
	return show(call, REPORT_PIDS, place, out);
}

int report_show_times(struct call *call, const struct place *place, FILE *out)
{
	tzset(); /* localtime_r(3) need not notice that the time zone is another one by now */
	return show(call, REPORT_TIMES, place, out);
}

int report_show_creators(struct call *call, const struct place *place, FILE *out)
{
	return show(call, REPORT_CREATORS, place, out);
}

int report_show_limits(struct call *call, const struct place *place, FILE *out)
{
	return show(call, REPORT_LIMITS, place, out);
}

int report_show_summary(struct call *call, const struct place *place, FILE *out)
{
	return show(call, REPORT_SUMMARY, place, out);
}

int report_show_json(struct call *call, const struct place *place, FILE *out)
{
	const struct kind *only = kind_of(place);
	struct json_list list;
	int error = 0;

	json_list_begin(&list, out);
	for (const struct kind *const *kind = kinds; *kind && !error; kind++) {
		if (!(*kind)->list_json || (only && *kind != only))
			continue;
		list.kind = only ? NULL : (*kind)->name;
		error = (*kind)->list_json(call, &list);
	}
	return error ? error : json_list_end(&list);
}
