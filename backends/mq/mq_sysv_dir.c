/*
 * mq_sysv_dir.c - the directory of a System V message queue: its files and figures.
 */
#include <inttypes.h>

#include "mq.h"

static int sysv_stat(const struct place *place, struct stat *st)
{
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	if (!error)
		sysv_object_stat(&queue.object, queue.rtime,
				 queue.stime > queue.rtime ? queue.stime : queue.rtime, queue.ctime,
				 st);
	return error;
}

static int sysv_label(const struct place *place, char *name, size_t size)
{
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	if (!error)
		sysv_object_label(&queue.object, name, size);
	return error;
}

static int show_number(const struct place *place, FILE *out, uint64_t (*of)(const struct mq_sysv *))
{
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	if (!error)
		fprintf(out, "%" PRIu64 "\n", of(&queue));
	return error;
}

static uint64_t messages_of(const struct mq_sysv *queue)
{
	return queue->messages;
}

static uint64_t bytes_of(const struct mq_sysv *queue)
{
	return queue->bytes;
}

static uint64_t qbytes_of(const struct mq_sysv *queue)
{
	return queue->qbytes;
}

static uint64_t lspid_of(const struct mq_sysv *queue)
{
	return (uint64_t)queue->lspid;
}

static uint64_t lrpid_of(const struct mq_sysv *queue)
{
	return (uint64_t)queue->lrpid;
}

static int show_messages(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, messages_of);
}

static int show_bytes(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, bytes_of);
}

static int show_qbytes(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, qbytes_of);
}

static int show_lspid(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, lspid_of);
}

static int show_lrpid(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, lrpid_of);
}

static int show_status(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	if (error)
		return error;
	mq_print_sysv_header(out, REPORT_STATUS);
	mq_print_sysv(out, REPORT_STATUS, &queue, &names);
	return 0;
}

static int show_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	return error ? error : json_print_one(out, mq_json_sysv(&queue, &names));
}

static const struct row rows[] = {
	{"data", ROW_CHANNEL, .channel = &mq_channel_data},
	{"each", ROW_CHANNEL, .channel = &mq_channel_each},
	{"lines", ROW_CHANNEL, .channel = &mq_channel_lines},
	{"bulk", ROW_CHANNEL, .channel = &mq_channel_bulk},
	{"framed", ROW_CHANNEL, .channel = &mq_channel_framed},
	{"type", ROW_NUMBERED, .channel = &mq_channel_type, .number = mq_type_number},
	{"messages", ROW_TEXT, 0444, .show = show_messages},
	{"bytes", ROW_TEXT, 0444, .show = show_bytes},
	{"qbytes", ROW_TEXT, 0644, .show = show_qbytes, .store = mq_sysv_store_qbytes},
	{"lspid", ROW_TEXT, 0444, .show = show_lspid},
	{"lrpid", ROW_TEXT, 0444, .show = show_lrpid},
	{"status", ROW_TEXT, 0444, .show = show_status},
	{"status.json", ROW_TEXT, 0444, .show = show_json},
	{"holders", ROW_TEXT, 0444, .show = mq_show_holders, .namespaces = NAMESPACE_PID},
	{"peek", ROW_DIR, .dir = &mq_peek_dir},
	{NULL, ROW_END},
};

const struct dir mq_sysv_dir = {
	.rows = rows,
	.label = sysv_label,
	.stat = sysv_stat,
	.make = refuse_make,
	.remove = mq_sysv_remove,
	.change = mq_sysv_change,
	.rename = refuse_rename,
};
