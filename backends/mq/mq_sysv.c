/*
 * mq_sysv.c - System V message queues: finding, making and changing them.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ipc.h>

#include "mq.h"
#include "common/sysv.h"
#include "common/sysvipc.h"

/* IPC_SET sets all that can be set: no two changes of ours may read, and then write, at once. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

static int get(uint32_t id, struct msqid_ds *ds)
{
	/* Asks for no permission, but takes an index, which is part of the identifier; the kernel
	   cuts that out of whatever it is given.  Another queue may be there by now. */
	int found;

	memset(ds, 0, sizeof(*ds)); /* checkers of memory do not know that the kernel fills it */
	found = msgctl((int)id, MSG_STAT_ANY, ds);
	if (found < 0)
		return sysv_error(errno);
	return (uint32_t)found == id ? 0 : -ENOENT;
}

int mq_sysv_get(uint32_t id, struct mq_sysv *queue)
{
	struct msqid_ds ds;
	int error = get(id, &ds);

	if (error)
		return error;
	*queue = (struct mq_sysv){
		.object = sysv_object_of((int32_t)id, &ds.msg_perm),
		.bytes = ds.__msg_cbytes,
		.messages = ds.msg_qnum,
		.qbytes = ds.msg_qbytes,
		.lspid = ds.msg_lspid,
		.lrpid = ds.msg_lrpid,
		.stime = ds.msg_stime,
		.rtime = ds.msg_rtime,
		.ctime = ds.msg_ctime,
	};
	return 0;
}

struct gathering {
	int (*each)(void *context, const struct mq_sysv *queue);
	void *context;
};

/* A line of /proc/sysvipc/msg. */
static int gather_line(const char *line, void *context)
{
	struct gathering *gathering = context;
	struct mq_sysv queue = {0};
	struct sysvipc_line from = {.at = line};

	sysvipc_object(&from, &queue.object);
	queue.bytes = sysvipc_unsigned(&from);
	queue.messages = sysvipc_unsigned(&from);
	queue.lspid = (pid_t)sysvipc_signed(&from);
	queue.lrpid = (pid_t)sysvipc_signed(&from);
	sysvipc_owners(&from, &queue.object);
	queue.stime = sysvipc_signed(&from);
	queue.rtime = sysvipc_signed(&from);
	queue.ctime = sysvipc_signed(&from);
	if (from.failed)
		return -EIO;
	return gathering->each(gathering->context, &queue);
}

int mq_sysv_gather(int (*each)(void *context, const struct mq_sysv *queue), void *context)
{
	struct gathering gathering = {each, context};
	int error = sysvipc_read("msg", gather_line, &gathering);

	return error == -ENOENT ? 0 : error; /* a kernel without System V IPC has no queues */
}

static void found_set(struct place *found, uint32_t id)
{
	*found = (struct place){.dir = &mq_sysv_dir, .object = id};
}

int mq_sysv_find(const struct object_name *name, struct place *found)
{
	struct msqid_ds ds;
	int id = name->id;

	if (name->family == FAMILY_KEY) {
		id = msgget(name->key, 0); /* asks for no permission */
		if (id < 0)
			return -errno;
	} else {
		int error = get((uint32_t)id, &ds);

		if (error)
			return error;
	}
	found_set(found, (uint32_t)id);
	return 0;
}

/* Sets what IPC_SET sets, by @edit of what there is. */
static int change(struct call *call, uint32_t id,
		  void (*edit)(struct msqid_ds *ds, const void *wanted), const void *wanted)
{
	struct msqid_ds ds;
	int error;

	pthread_mutex_lock(&changing);
	error = get(id, &ds);
	if (!error) {
		edit(&ds, wanted);
		if (msgctl((int)id, IPC_SET, &ds) < 0)
			error = sysv_error(errno);
	}
	pthread_mutex_unlock(&changing);
	if (error == -EPERM && ds.msg_qbytes > (msglen_t)mq_sysv_limits().msgmnb)
		return refuse(call, EPERM,
			      "qbytes=%lu is more than kernel.msgmnb, which is %d: a queue that "
			      "may hold more needs CAP_SYS_RESOURCE, for every change",
			      ds.msg_qbytes, mq_sysv_limits().msgmnb);
	if (error == -EPERM)
		return refuse_permission(call, EPERM,
					 &(struct place){.dir = &mq_sysv_dir, .object = id},
					 "only the owner and the creator of a queue may change it");
	return error;
}

static void edit_qbytes(struct msqid_ds *ds, const void *wanted)
{
	ds->msg_qbytes = *(const msglen_t *)wanted;
}

static void edit_owner(struct msqid_ds *ds, const void *wanted)
{
	sysv_edit(&ds->msg_perm, wanted);
}

static int qbytes_read(struct call *call, const char *text, void *context)
{
	int64_t value;
	int error = number_read(call, "qbytes", text, 0, INT64_MAX, &value);

	if (!error)
		*(msglen_t *)context = (msglen_t)value;
	return error;
}

static const struct attribute attributes[] = {
	{"qbytes", qbytes_read},
	{NULL},
};

int mq_sysv_used(void)
{
	struct msginfo used = {0};

	return msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&used) < 0 ? -1 : used.msgpool;
}

int mq_sysv_make(struct call *call, const struct object_name *name, mode_t mode, struct place *made)
{
	const msglen_t unset = (msglen_t)-1;
	msglen_t qbytes = unset;
	int error = attributes_read(call, name->attributes, attributes, &qbytes);
	int id;

	if (error)
		return error;
	id = msgget(name->key, IPC_CREAT | IPC_EXCL | (int)(mode & 0666));
	if (id < 0 && errno == ENOSPC)
		return refuse(call, ENOSPC,
			      "kernel.msgmni is %d queues, %d in use: one more has no place",
			      mq_sysv_limits().msgmni, mq_sysv_used());
	if (id < 0)
		return -errno;
	if (qbytes != unset) {
		error = change(call, (uint32_t)id, edit_qbytes, &qbytes);
		if (error) {
			msgctl(id, IPC_RMID, NULL);
			return error;
		}
	}
	found_set(made, (uint32_t)id);
	return 0;
}

int mq_sysv_remove(struct call *call, const struct place *place)
{
	if (msgctl((int)place->object, IPC_RMID, NULL) == 0)
		return 0;
	if (errno == EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner and the creator of a queue may remove it");
	return sysv_error(errno);
}

int mq_sysv_change(struct call *call, const struct place *place, const struct change *wanted)
{
	int error = change_check(call, wanted);

	return error ? error : change(call, place->object, edit_owner, wanted);
}

int mq_sysv_store_qbytes(struct call *call, const struct place *place, const char *text)
{
	msglen_t qbytes;
	int error = qbytes_read(call, text, &qbytes);

	return error ? error : change(call, place->object, edit_qbytes, &qbytes);
}
