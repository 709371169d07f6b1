/*
 * mq_report.c - all queues in one text: each family is gone through once, and a queue is printed as
 * it comes.
 */
#include <errno.h>

#include "mq.h"

struct table {
	FILE *out;
	enum report report;
	unsigned hidden; /* queues that were not shown in full */
	struct id_names names;
};

static int row_sysv(void *context, const struct mq_sysv *queue)
{
	struct table *table = context;

	mq_print_sysv(table->out, table->report, queue, &table->names);
	return 0;
}

int mq_print_ipcs(struct call *call, enum report report, const struct page *page)
{
	struct table table = {.out = page->out, .report = report};

	switch (report) {
	case REPORT_LIMITS:
		mq_print_sysv_limits(page->out);
		return 0;
	case REPORT_SUMMARY:
		mq_print_sysv_summary(page->out);
		return 0;
	default:
		mq_print_sysv_header(page->out, report);
		return mq_sysv_gather(row_sysv, &table);
	}
}

static int row_posix(void *context, const char *name)
{
	struct table *table = context;
	struct mq_posix queue;
	int error = mq_posix_get(name, &queue);

	if (error)
		return error;
	mq_print_posix(table->out, &queue, &table->names.users);
	table->hidden += queue.bytes < 0;
	return 0;
}

static int print_posix(const struct page *page)
{
	struct table table = {.out = page->out};
	int error;

	mq_print_posix_header(page->out);
	error = mq_posix_gather(row_posix, &table);
	mq_print_hidden(page->notes, table.hidden);
	return error;
}

int mq_print_more(struct call *call, enum report report, const struct page *page)
{
	int error = 0;

	switch (report) {
	case REPORT_STATUS:
		error = print_posix(page);
		break;
	case REPORT_SUMMARY:
		error = mq_print_posix_summary(page);
		break;
	case REPORT_LIMITS:
		return mq_print_posix_limits(page->out);
	default: /* the kernel keeps neither pids nor creators of them */
		return 0;
	}
	if (!error && !mq_posix_can_list())
		fprintf(page->notes, "# POSIX queues cannot be listed: no mqueue file system at "
				     "/dev/mqueue\n");
	return error;
}

/* ---- JSON ---- */

struct json_table {
	struct json_list *list;
	struct id_names names;
};

static int json_sysv(void *context, const struct mq_sysv *queue)
{
	struct json_table *table = context;
	struct mq_sysv full;
	/* The kernel's table does not have all that the kernel tells of a queue. */
	int error = mq_sysv_get((uint32_t)queue->object.id, &full);

	if (error)
		return error == -ENOENT ? 0 : error;
	return json_list_add(table->list, mq_json_sysv(&full, &table->names));
}

static int json_posix(void *context, const char *name)
{
	struct json_table *table = context;
	struct mq_posix queue;
	int error = mq_posix_get(name, &queue);

	return error ? error : json_list_add(table->list, mq_json_posix(&queue, &table->names));
}

int mq_list_json(struct call *call, struct json_list *list)
{
	struct json_table table = {.list = list};
	int error = mq_sysv_gather(json_sysv, &table);

	return error ? error : mq_posix_gather(json_posix, &table);
}
