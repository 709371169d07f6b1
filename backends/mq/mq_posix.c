/*
 * mq_posix.c - POSIX message queues: finding and making them, their figures.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/charge.h"
#include "mq.h"

/* What the kernel never goes beyond, CAP_SYS_RESOURCE or not: HARD_MSGMAX, HARD_MSGSIZEMAX. */
enum { MAXMSG_HIGHEST = 65536, MSGSIZE_HIGHEST = 16 << 20 };

/* Bytes of the messages in the queue, which only the text of its file tells, to who may read it. */
static int64_t bytes_read(int fd)
{
	char text[128];
	int64_t bytes;
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return -1;
	text[length] = '\0';
	return sscanf(text, "QSIZE:%" SCNd64, &bytes) == 1 ? bytes : -1;
}

int mq_posix_figures(const char *name, struct mq_posix *queue)
{
	struct mq_attr attr;
	int fd = mq_posix_open(name, O_RDONLY);

	queue->messages = queue->bytes = queue->maxmsg = queue->msgsize = -1;
	if (fd >= 0)
		queue->bytes = bytes_read(fd);
	else if (fd == -EACCES)
		fd = mq_posix_open(name, O_WRONLY); /* enough for the rest of them */
	if (fd < 0)
		return fd;
	if (mq_getattr(fd, &attr) == 0) {
		queue->messages = attr.mq_curmsgs;
		queue->maxmsg = attr.mq_maxmsg;
		queue->msgsize = attr.mq_msgsize;
	}
	close(fd);
	return 0;
}

int mq_posix_get(const char *name, struct mq_posix *queue)
{
	int error;

	memset(queue, 0, sizeof(*queue));
	queue->name = name;
	error = mq_posix_stat(name, &queue->st);
	if (!error)
		error = mq_posix_figures(name, queue);
	return error == -EACCES ? 0 : error;
}

static void found_set(struct place *found, const char *name)
{
	/* Until this thread's next one: the name that was asked for need not end where this does.
	 */
	static _Thread_local char found_name[NAME_MAX + 1];

	snprintf(found_name, sizeof(found_name), "%s", name);
	*found = (struct place){.dir = &mq_posix_dir, .name = found_name};
}

int mq_posix_find(const struct object_name *name, struct place *found)
{
	struct stat st;
	int error = mq_posix_stat(name->posix, &st);

	/* What may not be opened is there, all the same. */
	if (error && error != -EACCES)
		return error;
	found_set(found, name->posix);
	return 0;
}

/* @limit is a soft one: the kernel judges who may go beyond. */
static int attribute_read(struct call *call, const char *name, const char *limit, const char *value,
			  long highest, long *into)
{
	char what[128];
	int64_t number;
	int error;

	snprintf(what, sizeof(what),
		 "%s (fs.mqueue.%s is %" PRId64 ", more takes CAP_SYS_RESOURCE)", name, limit,
		 mq_posix_limit(limit));
	error = number_read(call, what, value, 1, highest, &number);

	if (!error)
		*into = (long)number;
	return error;
}

static int maxmsg_read(struct call *call, const char *value, void *context)
{
	return attribute_read(call, "maxmsg", "msg_max", value, MAXMSG_HIGHEST,
			      &((struct mq_attr *)context)->mq_maxmsg);
}

static int msgsize_read(struct call *call, const char *value, void *context)
{
	return attribute_read(call, "msgsize", "msgsize_max", value, MSGSIZE_HIGHEST,
			      &((struct mq_attr *)context)->mq_msgsize);
}

static const struct attribute attributes[] = {
	{"maxmsg", maxmsg_read},
	{"msgsize", msgsize_read},
	{NULL},
};

/* The kernel's own choice, by mq_overview(7), which is within the limit even if the default is not.
 */
static long attribute_default(const char *name, const char *limit, long otherwise)
{
	int64_t value = mq_posix_limit(name), most = mq_posix_limit(limit);

	if (value < 0 || most < 0)
		return otherwise;
	return (long)(value < most ? value : most);
}

/* mq_open takes both or none. */
static void attributes_complete(struct mq_attr *attr)
{
	if (!attr->mq_maxmsg)
		attr->mq_maxmsg = attribute_default("msg_default", "msg_max", 10);
	if (!attr->mq_msgsize)
		attr->mq_msgsize = attribute_default("msgsize_default", "msgsize_max", 8192);
}

/* What RLIMIT_MSGQUEUE counts for a queue, by getrlimit(2), with the structs of 64-bit kernels. */
static uint64_t charge(uint64_t maxmsg, uint64_t msgsize)
{
	const uint64_t msg_msg = 48, tree_node = 48;
	uint64_t nodes = maxmsg < MQ_PRIO_MAX ? maxmsg : MQ_PRIO_MAX;

	return maxmsg * (msgsize + msg_msg) + nodes * tree_node;
}

struct user_use {
	uid_t uid;
	uint64_t bytes;
};

struct uses {
	unsigned queues;
	struct user_use *list; /* by user */
	size_t count;
};

/* To an owner who has got it from another it is not charged; chown(2) of a queue takes root. */
static int use_add(void *context, const char *name)
{
	struct uses *uses = context;
	struct user_use *use;
	struct mq_posix queue;
	size_t at = 0;
	int error = mq_posix_get(name, &queue);

	if (error)
		return error;
	uses->queues++;
	while (at < uses->count && uses->list[at].uid != queue.st.st_uid)
		at++;
	if (at == uses->count) {
		struct user_use *list = reallocarray(uses->list, uses->count + 1, sizeof(*list));

		if (!list)
			return -ENOMEM;
		uses->list = list;
		list[uses->count++] = (struct user_use){.uid = queue.st.st_uid};
	}
	use = &uses->list[at];
	if (queue.maxmsg >= 0)
		use->bytes += charge((uint64_t)queue.maxmsg, (uint64_t)queue.msgsize);
	return 0;
}

static int use_count(void *context)
{
	return mq_posix_gather(use_add, context);
}

/* @uid NULL: of the user whose queues take most. */
static struct mq_posix_use used(struct call *call, const uid_t *uid)
{
	struct uses uses = {0};
	struct mq_posix_use result;

	as_daemon(call, use_count, &uses);
	result = (struct mq_posix_use){.queues = uses.queues};
	for (size_t i = 0; i < uses.count; i++)
		if ((!uid || uses.list[i].uid == *uid) && uses.list[i].bytes > result.bytes)
			result.bytes = uses.list[i].bytes;
	free(uses.list);
	return result;
}

struct mq_posix_use mq_posix_used_most(struct call *call)
{
	return used(call, NULL);
}

static int refuse_emfile(struct call *call, const struct mq_attr *attr)
{
	uid_t uid = geteuid(); /* who was charged */
	struct rlimit limit;
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 && errno == EMFILE) {
		getrlimit(RLIMIT_NOFILE, &limit);
		return refuse(call, EMFILE,
			      "RLIMIT_NOFILE of the daemon is %llu, and it has as many files open",
			      (unsigned long long)limit.rlim_cur);
	}
	if (fd >= 0)
		close(fd);
	return refuse(call, EMFILE,
		      "RLIMIT_MSGQUEUE is %llu bytes, %" PRIu64 " in use, this queue needs %" PRIu64
		      ": less with a lower maxmsg= or msgsize=. The limit is for all queues of uid "
		      "%u, elsewhere too",
		      (unsigned long long)charge_limit(call, RLIMIT_MSGQUEUE),
		      used(call, &uid).bytes,
		      charge((uint64_t)attr->mq_maxmsg, (uint64_t)attr->mq_msgsize), (unsigned)uid);
}

static int refuse_einval(struct call *call, const struct mq_attr *attr)
{
	int64_t most = mq_posix_limit("msg_max");

	if (attr->mq_maxmsg > most)
		return refuse(call, EINVAL,
			      "maxmsg=%ld is more than fs.mqueue.msg_max, which is %" PRId64,
			      attr->mq_maxmsg, most);
	most = mq_posix_limit("msgsize_max");
	if (attr->mq_msgsize > most)
		return refuse(call, EINVAL,
			      "msgsize=%ld is more than fs.mqueue.msgsize_max, which is %" PRId64,
			      attr->mq_msgsize, most);
	return -EINVAL;
}

struct making {
	struct mq_attr attr;
	char path[NAME_MAX + 2];
	mode_t mode;
};

static int make_step(const void *context)
{
	const struct making *making = context;
	struct mq_attr attr = making->attr;
	int fd = mq_open(making->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, making->mode, &attr);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int mq_posix_make(struct call *call, const struct object_name *name, mode_t mode,
		  struct place *made)
{
	struct making making = {.mode = mode & 0666};
	int error = attributes_read(call, name->attributes, attributes, &making.attr);

	if (error)
		return error;
	attributes_complete(&making.attr);
	mq_posix_slashed(name->posix, making.path);
	error = charge_caller(call, RLIMIT_MSGQUEUE, make_step, &making);
	switch (-error) {
	case 0:
		found_set(made, name->posix);
		return 0;
	case EMFILE:
		return refuse_emfile(call, &making.attr);
	case EINVAL:
		return refuse_einval(call, &making.attr);
	case ENOSPC:
		return refuse(call, ENOSPC,
			      "fs.mqueue.queues_max is %" PRId64
			      " queues, %u in use: one more takes CAP_SYS_RESOURCE",
			      mq_posix_limit("queues_max"), used(call, &call->uid).queues);
	default:
		return error;
	}
}
