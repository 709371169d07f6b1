/*
 * mq_holders.c - who has a queue open, and who waits to send or to receive.
 *
 * A System V queue is never open: who uses it is seen while it waits.
 */
#include <errno.h>

#include "common/held.h"
#include "mq.h"

static int key_of(const struct place *place, struct held_key *key)
{
	struct mq_sysv queue;
	struct stat st;
	int error;

	if (place->dir == &mq_sysv_dir) {
		*key = held_key_id(HELD_QUEUE, place->object);
		return mq_sysv_get(place->object, &queue);
	}
	if (place->dir != &mq_posix_dir)
		return -ENOENT;
	error = mq_posix_stat(place->name, &st);
	if (!error)
		*key = held_key_file(st.st_dev, st.st_ino);
	return error;
}

static int add_sysv(void *context, const struct mq_sysv *queue)
{
	struct place place = {.dir = &mq_sysv_dir, .object = (uint32_t)queue->object.id};
	struct held_key key = held_key_id(HELD_QUEUE, place.object);
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(queue->object.key, queue->object.id, listed);
	return held_add(context, &key, listed, &place);
}

static int add_posix(void *context, const char *name)
{
	struct place place = {.dir = &mq_posix_dir, .name = name};
	char listed[LISTED_NAME_SIZE];
	struct held_key key;
	int error = key_of(&place, &key);

	if (error)
		return error;
	object_name_list_posix(&mq_dir, name, listed);
	return held_add(context, &key, listed, &place);
}

static int gather(struct held_scan *scan)
{
	int error = mq_sysv_gather(add_sysv, scan);

	return error ? error : mq_posix_gather(add_posix, scan);
}

static unsigned waits(const struct place *place, bool reads)
{
	return reads ? HELD_WAIT_RECEIVE : HELD_WAIT_SEND;
}

static const struct held_kind kind = {
	.gather = gather,
	.key = key_of,
	.waits = waits,
	.in_calls = true,
};

int mq_show_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_one(call, &kind, place, out);
}

int mq_show_all_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_all(call, &kind, out);
}

static int begin(struct call *call, struct proc_viewer *viewer, void **state)
{
	return held_kind_begin(call, &kind, viewer, state);
}

HELD_KIND_HOLDERS(mq_holders, begin);
