/*
 * shm_report.c - all shared memory in one text: each family is gone through once, and an object is
 * printed as it comes.
 */
#include "shm.h"

struct table {
	FILE *out;
	enum report report;
	struct id_names names;
};

static int row_sysv(void *context, const struct shm_sysv *segment)
{
	struct table *table = context;

	shm_print_sysv(table->out, table->report, segment, &table->names);
	return 0;
}

int shm_print_ipcs(struct call *call, enum report report, const struct page *page)
{
	struct table table = {.out = page->out, .report = report};

	switch (report) {
	case REPORT_LIMITS:
		shm_print_sysv_limits(page->out);
		return 0;
	case REPORT_SUMMARY:
		shm_print_sysv_summary(page->out);
		return 0;
	default:
		shm_print_sysv_header(page->out, report);
		return shm_sysv_gather(row_sysv, &table);
	}
}

static int row_posix(void *context, const struct shm_posix *object)
{
	struct table *table = context;

	shm_print_posix(table->out, object, &table->names.users);
	return 0;
}

int shm_print_more(struct call *call, enum report report, const struct page *page)
{
	struct table table = {.out = page->out};

	switch (report) {
	case REPORT_STATUS:
		shm_print_posix_header(page->out);
		return shm_posix_gather(row_posix, &table);
	case REPORT_LIMITS:
		return shm_print_posix_limits(page->out);
	case REPORT_SUMMARY:
		return shm_print_posix_summary(page->out);
	default: /* the kernel keeps neither pids nor creators of them */
		return 0;
	}
}

/* ---- JSON ---- */

struct json_table {
	struct json_list *list;
	struct id_names names;
};

static int json_sysv(void *context, const struct shm_sysv *segment)
{
	struct json_table *table = context;

	return json_list_add(table->list, shm_json_sysv(segment, &table->names));
}

static int json_posix(void *context, const struct shm_posix *object)
{
	struct json_table *table = context;

	return json_list_add(table->list, shm_json_posix(object, &table->names));
}

int shm_list_json(struct call *call, struct json_list *list)
{
	struct json_table table = {.list = list};
	int error = shm_sysv_gather(json_sysv, &table);

	return error ? error : shm_posix_gather(json_posix, &table);
}
