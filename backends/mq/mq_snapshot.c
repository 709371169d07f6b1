/*
 * mq_snapshot.c - all message queues at one moment, as everyone may know them.
 */
#include <errno.h>

#include "events/snapshot.h"
#include "mq.h"

static int add_sysv(void *context, const struct mq_sysv *queue)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;

	object_name_list_sysv(queue->object.key, queue->object.id, listed);
	object = snapshot_add(context, listed, "sysv", (uint64_t)queue->object.id);
	if (!object)
		return -ENOMEM;
	snapshot_figure(object, "id", queue->object.id);
	snapshot_owner(object, queue->object.uid, queue->object.gid, queue->object.mode);
	snapshot_figure(object, "messages", (int64_t)queue->messages);
	snapshot_figure(object, "bytes", (int64_t)queue->bytes);
	return 0;
}

/* How many messages are in it is for who may read it. */
static int add_posix(void *context, const char *name)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;
	struct stat st;
	int error = mq_posix_stat(name, &st);

	if (error)
		return error;
	object_name_list_posix(&mq_dir, name, listed);
	object = snapshot_add(context, listed, "posix", st.st_ino);
	if (!object)
		return -ENOMEM;
	snapshot_owner(object, st.st_uid, st.st_gid, st.st_mode);
	return 0;
}

int mq_snapshot(struct snapshot *snapshot)
{
	int error = mq_sysv_gather(add_sysv, snapshot);

	return error ? error : mq_posix_gather(add_posix, snapshot);
}
