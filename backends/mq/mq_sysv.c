/*
 * mq_sysv.c - System V message queues: finding, making and changing them, their figures.
 */
#include <errno.h>
#include <inttypes.h>
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
		.object = {.key = ds.msg_perm.__key,
			   .id = (int32_t)id,
			   .mode = ds.msg_perm.mode & 0777,
			   .uid = ds.msg_perm.uid,
			   .cuid = ds.msg_perm.cuid,
			   .gid = ds.msg_perm.gid,
			   .cgid = ds.msg_perm.cgid},
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
	struct sysv_object *object = &queue.object;
	struct sysvipc_line from = {.at = line};

	object->key = (int32_t)sysvipc_signed(&from);
	object->id = (int32_t)sysvipc_signed(&from);
	object->mode = sysvipc_octal(&from) & 0777;
	queue.bytes = sysvipc_unsigned(&from);
	queue.messages = sysvipc_unsigned(&from);
	queue.lspid = (pid_t)sysvipc_signed(&from);
	queue.lrpid = (pid_t)sysvipc_signed(&from);
	object->uid = (uid_t)sysvipc_unsigned(&from);
	object->gid = (gid_t)sysvipc_unsigned(&from);
	object->cuid = (uid_t)sysvipc_unsigned(&from);
	object->cgid = (gid_t)sysvipc_unsigned(&from);
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

static int sysv_remove(struct call *call, const struct place *place)
{
	if (msgctl((int)place->object, IPC_RMID, NULL) == 0)
		return 0;
	if (errno == EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner and the creator of a queue may remove it");
	return sysv_error(errno);
}

static int sysv_change(struct call *call, const struct place *place, const struct change *wanted)
{
	int error = change_check(call, wanted);

	return error ? error : change(call, place->object, edit_owner, wanted);
}

static int sysv_stat(const struct place *place, struct stat *st)
{
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);
	time_t used;

	if (error)
		return error;
	used = queue.stime > queue.rtime ? queue.stime : queue.rtime;
	st->st_uid = queue.object.uid;
	st->st_gid = queue.object.gid;
	st->st_mode = queue.object.mode;
	/* Whole seconds are all that the kernel keeps. */
	st->st_mtim = (struct timespec){.tv_sec = used ? used : queue.ctime};
	st->st_atim = (struct timespec){.tv_sec = queue.rtime ? queue.rtime : queue.ctime};
	st->st_ctim = (struct timespec){.tv_sec = queue.ctime};
	return 0;
}

static int sysv_label(const struct place *place, char *name, size_t size)
{
	char listed[LISTED_NAME_SIZE];
	struct mq_sysv queue;
	int error = mq_sysv_get(place->object, &queue);

	if (error)
		return error;
	object_name_list_sysv(queue.object.key, queue.object.id, listed);
	snprintf(name, size, "%s", listed);
	return 0;
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

static int store_qbytes(struct call *call, const struct place *place, const char *text)
{
	msglen_t qbytes;
	int error = qbytes_read(call, text, &qbytes);

	return error ? error : change(call, place->object, edit_qbytes, &qbytes);
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
	{"qbytes", ROW_TEXT, 0644, .show = show_qbytes, .store = store_qbytes},
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
	.remove = sysv_remove,
	.change = sysv_change,
	.rename = refuse_rename,
};
