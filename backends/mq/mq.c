/*
 * mq.c - the kind of message queues: System V and POSIX side by side in one directory.
 */
#include <errno.h>
#include <string.h>

#include "kinds.h"
#include "events/events.h"
#include "mq.h"

static int family_find(const struct object_name *name, struct place *found)
{
	return name->family == FAMILY_POSIX ? mq_posix_find(name, found)
					    : mq_sysv_find(name, found);
}

static int mq_find(struct call *call, const struct place *at, const char *name, struct place *found)
{
	struct object_name read;
	int error;

	/* A comma may be part of a POSIX object's name; mkdir looks up what it has made with its
	   attributes. */
	if (strchr(name, ',') && object_name_read(NULL, name, true, &read) == 0 &&
	    family_find(&read, found) == 0)
		return 0;
	error = object_name_read(call, name, false, &read);
	return error ? error : family_find(&read, found);
}

struct listing_context {
	listing *each;
	void *context;
};

static int list_sysv(void *context, const struct mq_sysv *queue)
{
	struct listing_context *to = context;
	struct place place = {.dir = &mq_sysv_dir, .object = (uint32_t)queue->object.id};
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(queue->object.key, queue->object.id, listed);
	return to->each(to->context, listed, &place);
}

static int list_posix(void *context, const char *name)
{
	struct listing_context *to = context;
	struct place place = {.dir = &mq_posix_dir, .name = name};
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&mq_dir, name, listed);
	return to->each(to->context, listed, &place);
}

static int mq_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_context to = {each, context};
	int error = mq_sysv_gather(list_sysv, &to);

	return error ? error : mq_posix_gather(list_posix, &to);
}

static int mq_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		   struct place *made)
{
	struct object_name read;
	int error = object_name_read(call, name, false, &read);

	if (error)
		return error;
	switch (read.family) {
	case FAMILY_KEY:
		return mq_sysv_make(call, &read, mode, made);
	case FAMILY_POSIX:
		return mq_posix_make(call, &read, mode, made);
	case FAMILY_ID:
		break;
	}
	return refuse(call, EINVAL,
		      "%d is an id, which the kernel gives: 0x and a key makes a System V queue, a "
		      "name that is no number a POSIX queue",
		      read.id);
}

static int status_sysv(void *context, const struct mq_sysv *queue)
{
	mq_print_sysv(context, queue);
	return 0;
}

struct posix_context {
	FILE *out;
	unsigned hidden; /* queues that were not shown in full */
};

static int status_posix(void *context, const char *name)
{
	struct posix_context *to = context;
	struct mq_posix queue;
	int error = mq_posix_get(name, &queue);

	if (error)
		return error;
	mq_print_posix(to->out, &queue);
	to->hidden += queue.bytes < 0;
	return 0;
}

static int mq_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct posix_context to = {.out = out};
	int error;

	mq_print_sysv_header(out);
	error = mq_sysv_gather(status_sysv, out);
	if (error)
		return error;
	/* The empty line with which ipcs ends is the one that begins a title. */
	mq_print_posix_header(out);
	error = mq_posix_gather(status_posix, &to);
	if (error)
		return error;
	fputc('\n', out);
	if (to.hidden)
		fprintf(out, "# %u not shown in full: you may not read %s\n", to.hidden,
			to.hidden == 1 ? "it" : "them");
	if (!mq_posix_can_list())
		fprintf(out, "# POSIX queues cannot be listed: no mqueue file system at "
			     "/dev/mqueue\n");
	return 0;
}

static int json_append(json_t *array, json_t *object)
{
	return json_array_append_new(array, object) < 0 ? -ENOMEM : 0;
}

static int json_sysv(void *context, const struct mq_sysv *queue)
{
	return json_append(context, mq_json_sysv(queue));
}

static int json_posix(void *context, const char *name)
{
	struct mq_posix queue;
	int error = mq_posix_get(name, &queue);

	return error ? error : json_append(context, mq_json_posix(&queue));
}

static int mq_show_json(struct call *call, const struct place *place, FILE *out)
{
	json_t *array = json_array();
	int error = array ? mq_sysv_gather(json_sysv, array) : -ENOMEM;

	if (!error)
		error = mq_posix_gather(json_posix, array);
	if (!error)
		return json_print(out, array);
	json_decref(array);
	return error;
}

static int mq_show_limits(struct call *call, const struct place *place, FILE *out)
{
	mq_print_limits(out);
	return 0;
}

static const struct row rows[] = {
	{"status", ROW_TEXT, 0444, .show = mq_show_status},
	{"status.json", ROW_TEXT, 0444, .show = mq_show_json},
	{"limits", ROW_TEXT, 0444, .show = mq_show_limits},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{NULL, ROW_END},
};

static const struct dir *const children[] = {&mq_sysv_dir, &mq_posix_dir, NULL};

const struct dir mq_dir = {
	.rows = rows,
	.children = children,
	.find = mq_find,
	.list = mq_list,
	.make = mq_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static int mq_setup(const struct settings *settings)
{
	return mq_posix_setup();
}

const struct kind mq_kind = {
	.name = "mq",
	.dir = &mq_dir,
	.snapshot = mq_snapshot,
	.families = mq_families,
	.limits = mq_limits,
	.setup = mq_setup,
	.removals = mq_posix_removals,
};
