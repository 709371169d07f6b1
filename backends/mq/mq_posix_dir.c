/*
 * mq_posix_dir.c - the directory of a POSIX message queue: its files and figures.
 */
#include <errno.h>
#include <inttypes.h>

#include "mq.h"

static int posix_remove(struct call *call, const struct place *place)
{
	int error = mq_posix_remove(place->name);

	if (error == -EACCES || error == -EPERM)
		return refuse_permission(call, -error, place,
					 "only the owner of a queue may remove it");
	return error;
}

static int posix_change(struct call *call, const struct place *place, const struct change *change)
{
	int error = mq_posix_change(place->name, change);

	if (error == -EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner of a queue may change it");
	return error;
}

static int posix_stat(const struct place *place, struct stat *st)
{
	struct stat queue;
	int error = mq_posix_stat(place->name, &queue);

	if (error)
		return error;
	st->st_uid = queue.st_uid;
	st->st_gid = queue.st_gid;
	st->st_mode = queue.st_mode & 0777;
	st->st_atim = queue.st_atim;
	st->st_mtim = queue.st_mtim;
	st->st_ctim = queue.st_ctim;
	return 0;
}

static int show_number(const struct place *place, FILE *out, int64_t (*of)(const struct mq_posix *))
{
	struct mq_posix queue;
	int error = mq_posix_figures(place->name, &queue);

	if (error)
		return error;
	if (of(&queue) < 0)
		return -EACCES;
	fprintf(out, "%" PRId64 "\n", of(&queue));
	return 0;
}

static int64_t messages_of(const struct mq_posix *queue)
{
	return queue->messages;
}

static int64_t bytes_of(const struct mq_posix *queue)
{
	return queue->bytes;
}

static int64_t maxmsg_of(const struct mq_posix *queue)
{
	return queue->maxmsg;
}

static int64_t msgsize_of(const struct mq_posix *queue)
{
	return queue->msgsize;
}

static int show_messages(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, messages_of);
}

static int show_bytes(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, bytes_of);
}

static int show_maxmsg(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, maxmsg_of);
}

static int show_msgsize(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, msgsize_of);
}

static int show_status(struct call *call, const struct place *place, FILE *out)
{
	struct user_names users = {0};
	struct mq_posix queue;
	int error = mq_posix_get(place->name, &queue);

	if (error)
		return error;
	mq_print_posix_header(out);
	mq_print_posix(out, &queue, &users);
	mq_print_hidden(out, queue.bytes < 0);
	return 0;
}

static int show_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct mq_posix queue;
	int error = mq_posix_get(place->name, &queue);

	return error ? error : json_print_one(out, mq_json_posix(&queue, &names));
}

static const struct row rows[] = {
	{"data", ROW_CHANNEL, .channel = &mq_channel_data},
	{"each", ROW_CHANNEL, .channel = &mq_channel_each},
	{"lines", ROW_CHANNEL, .channel = &mq_channel_lines},
	{"bulk", ROW_CHANNEL, .channel = &mq_channel_bulk},
	{"framed", ROW_CHANNEL, .channel = &mq_channel_framed},
	{"prio", ROW_NUMBERED, .channel = &mq_channel_prio, .number = mq_prio_number},
	{"messages", ROW_TEXT, 0444, .show = show_messages},
	{"bytes", ROW_TEXT, 0444, .show = show_bytes},
	{"maxmsg", ROW_TEXT, 0444, .show = show_maxmsg},
	{"msgsize", ROW_TEXT, 0444, .show = show_msgsize},
	{"status", ROW_TEXT, 0444, .show = show_status},
	{"status.json", ROW_TEXT, 0444, .show = show_json},
	{"holders", ROW_TEXT, 0444, .show = mq_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

const struct dir mq_posix_dir = {
	.rows = rows,
	.stat = posix_stat,
	.make = refuse_make,
	.remove = posix_remove,
	.change = posix_change,
	.rename = refuse_rename,
};
