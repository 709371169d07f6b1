/*
 * sem_status.c - the files that tell of semaphores: of one, and of all together.  Each family is
 * gone through once, and a semaphore is printed as it comes.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "sem_gather.h"

/* ---- one object ---- */

/* A set and the semaphores that a place is about: all of it, or one. */
static int place_gather(const struct place *place, struct sem_set *set, struct sem_figures *figures)
{
	bool one = place->dir == &sem_sysv_part_dir;
	int result = sem_set_gather((int)place->object, set);

	if (result < 0)
		return result;
	return sem_figures_gather(set, one ? place->part : 0, one ? 1 : set->nsems, figures);
}

int sem_sysv_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct sem_figures figures;
	struct sem_set set;
	int result = place_gather(place, &set, &figures);

	if (result < 0)
		return result;
	sem_print_sets_header(out, REPORT_STATUS);
	sem_print_set(out, REPORT_STATUS, &set, &names);
	sem_print_figures(out, &figures, place->dir == &sem_sysv_part_dir ? 1 : set.nsems);
	sem_figures_free(&figures);
	return 0;
}

int sem_sysv_show_status_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct sem_figures figures;
	struct sem_set set;
	int result = place_gather(place, &set, &figures);

	if (result < 0)
		return result;
	result = json_print_one(out, sem_json_set(&set, &figures, &names));
	sem_figures_free(&figures);
	return result;
}

int sem_posix_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct user_names users = {0};
	struct sem_named named;
	int result = sem_named_gather(place->name, &named);

	if (result < 0)
		return result;
	sem_print_named_header(out);
	sem_print_named(out, &named, &users);
	if (!named.is_known)
		fputs("# value not shown: no read permission, or no whole semaphore\n", out);
	return 0;
}

int sem_posix_show_status_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct sem_named named;
	int result = sem_named_gather(place->name, &named);

	return result < 0 ? result : json_print_one(out, sem_json_named(&named, &names));
}

/* ---- limits and totals ---- */

static int print_sysv_limits(FILE *out)
{
	struct sem_limits limits;
	int result = sem_sysv_limits(&limits);

	if (result < 0)
		return result;
	ipcs_title(out, "Semaphore Limits");
	fprintf(out,
		"max number of arrays = %d\n"
		"max semaphores per array = %d\n"
		"max semaphores system wide = %d\n"
		"max ops per semop call = %d\n"
		"semaphore max value = %u\n",
		limits.sets, limits.per_set, limits.all, limits.per_call, (unsigned)limits.value);
	return 0;
}

static void print_posix_limits(FILE *out)
{
	ipcs_title(out, "POSIX Semaphore Limits");
	fprintf(out, "semaphore max value = %d\n", SEM_VALUE_MAX);
}

static void print_sysv_summary(FILE *out)
{
	int sets, semaphores;

	if (sem_sysv_used(&sets, &semaphores) < 0)
		return;
	ipcs_title(out, "Semaphore Status");
	fprintf(out,
		"used arrays = %d\n"
		"allocated semaphores = %d\n",
		sets, semaphores);
}

static int count_named(void *context, const char *name, uint64_t identity)
{
	++*(size_t *)context;
	return 0;
}

static int print_posix_summary(FILE *out)
{
	size_t count = 0;
	int result = sem_posix_walk(count_named, &count);

	if (result < 0)
		return result;
	ipcs_title(out, "POSIX Semaphore Status");
	fprintf(out, "allocated semaphores = %zu\n", count);
	return 0;
}

/* ---- all objects ---- */

struct table {
	FILE *out;
	enum report report;
	size_t unknown; /* semaphores that were not shown in full */
	struct id_names names;
};

static int row_set(void *context, const struct sem_set *set)
{
	struct table *table = context;

	sem_print_set(table->out, table->report, set, &table->names);
	return 0;
}

int sem_print_ipcs(struct call *call, enum report report, const struct page *page)
{
	struct table table = {.out = page->out, .report = report};

	switch (report) {
	case REPORT_LIMITS:
		return print_sysv_limits(page->out);
	case REPORT_SUMMARY:
		print_sysv_summary(page->out);
		return 0;
	case REPORT_PIDS:
		sem_print_sets_header(page->out, report);
		return 0;
	default:
		sem_print_sets_header(page->out, report);
		return sem_sets_gather(row_set, &table);
	}
}

static int row_named(void *context, const struct sem_named *named)
{
	struct table *table = context;

	sem_print_named(table->out, named, &table->names.users);
	table->unknown += !named->is_known;
	return 0;
}

static int print_all_named(const struct page *page)
{
	struct table table = {.out = page->out};
	int result;

	sem_print_named_header(page->out);
	result = sem_all_named_gather(row_named, &table);
	if (table.unknown > 0)
		fprintf(page->notes, "# %zu not shown in full\n", table.unknown);
	return result;
}

int sem_print_more(struct call *call, enum report report, const struct page *page)
{
	switch (report) {
	case REPORT_STATUS:
		return print_all_named(page);
	case REPORT_LIMITS:
		print_posix_limits(page->out);
		return 0;
	case REPORT_SUMMARY:
		return print_posix_summary(page->out);
	default: /* the kernel keeps neither pids nor creators of them */
		return 0;
	}
}

struct json_table {
	struct json_list *list;
	struct id_names names;
};

static int json_set(void *context, const struct sem_set *set)
{
	struct json_table *table = context;
	struct sem_figures figures;
	int result = sem_figures_gather(set, 0, set->nsems, &figures);

	if (result == -ENOENT)
		return 0; /* removed meanwhile */
	if (result < 0)
		return result;
	result = json_list_add(table->list, sem_json_set(set, &figures, &table->names));
	sem_figures_free(&figures);
	return result;
}

static int json_named(void *context, const struct sem_named *named)
{
	struct json_table *table = context;

	return json_list_add(table->list, sem_json_named(named, &table->names));
}

int sem_list_json(struct call *call, struct json_list *list)
{
	struct json_table table = {.list = list};
	int result = sem_sets_gather(json_set, &table);

	return result < 0 ? result : sem_all_named_gather(json_named, &table);
}
