/*
 * mq_snapshot.c - all message queues at one moment, and how much of the limits they use, as
 * everyone may know them.
 */
#include <errno.h>
#include <sys/resource.h>

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

const char *const mq_families[] = {"sysv", "posix", NULL};

int mq_snapshot(struct snapshot *snapshot)
{
	int error = mq_sysv_gather(add_sysv, snapshot);

	return error ? error : mq_posix_gather(add_posix, snapshot);
}

/* ---- limits ---- */

static void tell_sysctl(limit_told *tell, void *context, const char *limit, const char *name,
			const char *unit, int64_t used)
{
	int64_t value = mq_posix_limit(limit);

	if (value >= 0)
		tell(context, name, unit, (uint64_t)value, used);
}

void mq_limits(limit_told *tell, void *context)
{
	struct msginfo limits = mq_sysv_limits();
	struct mq_posix_use use = mq_posix_used_most(NULL);
	struct rlimit bytes;

	tell(context, "kernel.msgmni", "queues", (uint64_t)limits.msgmni, mq_sysv_used());
	tell(context, "kernel.msgmax", "bytes", (uint64_t)limits.msgmax, LIMIT_NO_USE);
	tell(context, "kernel.msgmnb", "bytes", (uint64_t)limits.msgmnb, LIMIT_NO_USE);
	tell_sysctl(tell, context, "queues_max", "fs.mqueue.queues_max", "queues",
		    mq_posix_can_list() ? (int64_t)use.queues : LIMIT_NO_USE);
	tell_sysctl(tell, context, "msg_max", "fs.mqueue.msg_max", "messages", LIMIT_NO_USE);
	tell_sysctl(tell, context, "msgsize_max", "fs.mqueue.msgsize_max", "bytes", LIMIT_NO_USE);
	if (getrlimit(RLIMIT_MSGQUEUE, &bytes) == 0)
		tell(context, "RLIMIT_MSGQUEUE", "bytes",
		     bytes.rlim_cur == RLIM_INFINITY ? LIMIT_NONE : bytes.rlim_cur,
		     mq_posix_can_list() ? (int64_t)use.bytes : LIMIT_NO_USE);
}
