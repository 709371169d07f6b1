/*
 * mq.c - message queues: System V by msgsnd(2), msgrcv(2) and msgctl(2), POSIX by mq_open(3).
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mq/mq.h"

enum { KEY = 0x51, NEW_KEY = 0x52, ROOM = 64 };

#define AS_IPCS "ipcs -q tells everyone"
#define AS_LS "ls -l /dev/mqueue tells everyone"
#define AS_PROC "there for everyone; whom it names /proc says: shown.c"

/* ---- System V ---- */

struct message {
	long type;
	char text[ROOM];
};

/* What everyone may know of a queue, so that IPC_SET can be tried without read permission. */
static struct msqid_ds known;

static int id(void)
{
	return msgget(KEY, 0);
}

static int send_as(long type)
{
	struct message message = {type, "x"};

	return errno_of(msgsnd(id(), &message, 1, IPC_NOWAIT));
}

static int sysv_send(const void *unused)
{
	return send_as(1);
}

static int sysv_send_second(const void *unused)
{
	return send_as(2);
}

static int receive(const char *header, int flags)
{
	struct message message;
	ssize_t size = msgrcv(id(), &message, ROOM, 0, IPC_NOWAIT | flags);

	if (size >= 0)
		say("%s%.*s", header, (int)size, message.text);
	return errno_of(size);
}

static int sysv_receive(const void *unused)
{
	return receive("", 0);
}

/* There is none of that type. */
static int sysv_receive_second(const void *unused)
{
	struct message message;
	ssize_t size = msgrcv(id(), &message, ROOM, 2, IPC_NOWAIT);

	return size < 0 && errno == ENOMSG ? EAGAIN : errno_of(size);
}

static int sysv_receive_framed(const void *unused)
{
	return receive("type=1 size=2\n", 0);
}

static int sysv_copy(const void *unused)
{
	return receive("", MSG_COPY);
}

/* Whether that can be done at all. */
static int sysv_look(const void *unused)
{
	struct message message;

	return errno_of(msgrcv(id(), &message, ROOM, 0, IPC_NOWAIT | MSG_COPY));
}

static int sysv_remove(const void *unused)
{
	return errno_of(msgctl(id(), IPC_RMID, NULL));
}

static int sysv_set(const struct msqid_ds *ds)
{
	struct msqid_ds copy = *ds;

	return errno_of(msgctl(id(), IPC_SET, &copy));
}

static int sysv_chmod(const void *unused)
{
	struct msqid_ds ds = known;

	ds.msg_perm.mode = MODE_AFTER;
	return sysv_set(&ds);
}

static int sysv_chown(const void *unused)
{
	struct msqid_ds ds = known;

	ds.msg_perm.uid = OTHER;
	return sysv_set(&ds);
}

static int sysv_chgrp(const void *unused)
{
	struct msqid_ds ds = known;

	ds.msg_perm.gid = OTHER;
	return sysv_set(&ds);
}

static int sysv_limit(const void *unused)
{
	struct msqid_ds ds = known;

	ds.msg_qbytes = 100;
	return sysv_set(&ds);
}

static int sysv_raise_limit(const void *unused)
{
	struct msqid_ds ds = known;

	ds.msg_qbytes = 100000;
	return sysv_set(&ds);
}

static int say_messages(const void *unused)
{
	say("%lu\n", (unsigned long)known.msg_qnum);
	return 0;
}

static int say_bytes(const void *unused)
{
	say("%lu\n", (unsigned long)known.__msg_cbytes);
	return 0;
}

static int say_qbytes(const void *unused)
{
	say("%lu\n", (unsigned long)known.msg_qbytes);
	return 0;
}

static int owner_makes_sysv(const void *unused)
{
	return errno_of(msgget(KEY, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static void sysv_gone(void)
{
	msgctl(id(), IPC_RMID, NULL);
}

static void sysv_make(mode_t mode, bool given)
{
	struct message message = {1, "m\n"};

	sysv_gone();
	as_owner(owner_makes_sysv);
	assert_return_code(msgsnd(id(), &message, 2, IPC_NOWAIT), errno);
	assert_return_code(msgctl(id(), IPC_STAT, &known), errno);
	if (!given)
		return;
	known.msg_perm.uid = NEW_OWNER;
	known.msg_perm.gid = NEW_GROUP;
	assert_return_code(msgctl(id(), IPC_SET, &known), errno);
}

static void describe_sysv(int queue, char *text, size_t size)
{
	struct msqid_ds ds;
	size_t used;

	if (queue < 0 || msgctl(queue, IPC_STAT, &ds) < 0) {
		snprintf(text, size, "none");
		return;
	}
	used = (size_t)snprintf(text, size, "%u %u %u %u %04o %lu:", ds.msg_perm.cuid,
				ds.msg_perm.cgid, ds.msg_perm.uid, ds.msg_perm.gid,
				ds.msg_perm.mode, (unsigned long)ds.msg_qbytes);
	for (long i = 0; i < (long)ds.msg_qnum; i++) {
		struct message message;
		ssize_t got = msgrcv(queue, &message, ROOM, i, IPC_NOWAIT | MSG_COPY);

		if (got >= 0)
			used += (size_t)snprintf(text + used, size - used, " %ld %.*s",
						 message.type, (int)got, message.text);
	}
}

static void sysv_describe(char *text, size_t size)
{
	describe_sysv(id(), text, size);
}

/* A channel, by which @text sends one message "x". */
#define CHANNEL(row, at, text, receives, sends, chmods, chowns)                                      \
	{row, READ, NULL, "try/" at, .reads = true, .direct = receives},                             \
		{row, WRITE, NULL, "try/" at, text, .direct = sends},                                \
		{row, BOTH, NULL, "try/" at, text, O_RDWR, .direct = (sends##_both)},                \
		{row, CHMOD, NULL, "try/" at, .tree = tree_chmod, .direct = chmods, .narrow = true}, \
	{                                                                                            \
		row, CHOWN, NULL, "wait/" at, .tree = tree_chown, .direct = chowns, .narrow = true   \
	}

/* Permission is judged at each operation, not by what a file was opened for. */
#define sysv_send_both sysv_send
#define sysv_send_second_both sysv_send_second
#define SYSV(row, at, text, receives, sends) \
	CHANNEL(row, at, text, receives, sends, sysv_chmod, sysv_chown)

static const struct test_case sysv_cases[] = {
	SYSV("data", "data", "x", sysv_receive, sysv_send),
	SYSV("each", "each", "x", sysv_receive, sysv_send),
	SYSV("lines", "lines", "x\n", sysv_receive, sysv_send),
	SYSV("bulk", "bulk", "x\n", sysv_receive, sysv_send),
	SYSV("framed", "framed", "size=1\nx", sysv_receive_framed, sysv_send),
	SYSV("type", "type/1", "x", sysv_receive, sysv_send),
	SYSV("type", "type/2", "x", sysv_receive_second, sysv_send_second),
	{"messages", READ, .reads = true, .direct = say_messages, .why = AS_IPCS},
	{"bytes", READ, .reads = true, .direct = say_bytes, .why = AS_IPCS},
	{"qbytes", READ, .reads = true, .direct = say_qbytes, .why = AS_IPCS},
	{"qbytes", WRITE, .write = "100", .direct = sysv_limit},
	{"qbytes", WRITE, .write = "100000", .direct = sysv_raise_limit},
	{"lspid", READ, .why = AS_IPCS},
	{"lrpid", READ, .why = AS_IPCS},
	{"status", READ, .why = AS_IPCS},
	{"status.json", READ, .why = AS_IPCS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, FIND, &mq_dir, "/mq/0x51", .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = sysv_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = sysv_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = sysv_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = sysv_remove},
	{NAMELESS, READ, &mq_peek_dir, "peek/0.1", .reads = true, .direct = sysv_copy},
	{ITSELF, FIND, &mq_peek_dir, "peek/0.1", .tree = tree_stat, .direct = sysv_look},
	{ITSELF, LIST, &mq_peek_dir, "peek", .tree = tree_list, .direct = sysv_look},
	{ITSELF, STAT, &mq_peek_dir, "peek", .tree = tree_stat, .why = AS_IPCS},
	{NULL},
};

static const struct object sysv = {
	.name = "a System V queue",
	.dir = &mq_sysv_dir,
	.path = MOUNT "/mq/0x51",
	.cases = sysv_cases,
	.make = sysv_make,
	.remove = sysv_gone,
	.describe = sysv_describe,
};

/* ---- POSIX ---- */

/* The same files as a mount at /dev/mqueue would show: this IPC namespace's. */
#define MQUEUE "/run/mqueue"
#define FILE_OF_QUEUE MQUEUE "/u"

static int posix_open(int flags)
{
	mqd_t queue = mq_open("/u", flags | O_NONBLOCK | O_CLOEXEC);

	return queue < 0 ? -errno : queue;
}

static int posix_opens(const void *argument)
{
	int queue = posix_open(((const struct test_case *)argument)->flags);

	return queue < 0 ? -queue : 0;
}

static int posix_send_opened(int flags, unsigned priority)
{
	int queue = posix_open(flags);

	return queue < 0 ? -queue : errno_of(mq_send(queue, "x", 1, priority));
}

static int posix_send(const void *unused)
{
	return posix_send_opened(O_WRONLY, 0);
}

static int posix_send_both(const void *unused)
{
	return posix_send_opened(O_RDWR, 0);
}

static int posix_send_high(const void *unused)
{
	return posix_send_opened(O_WRONLY, 7);
}

static int posix_receive_as(const char *header)
{
	int queue = posix_open(O_RDONLY);
	char text[ROOM];
	ssize_t size;

	if (queue < 0)
		return -queue;
	size = mq_receive(queue, text, sizeof(text), NULL);
	if (size >= 0)
		say("%s%.*s", header, (int)size, text);
	return errno_of(size);
}

static int posix_receive(const void *unused)
{
	return posix_receive_as("");
}

static int posix_receive_framed(const void *unused)
{
	return posix_receive_as("prio=0 size=2\n");
}

static int attributes(struct mq_attr *attr)
{
	int queue = posix_open(O_RDONLY);

	if (queue == -EACCES)
		queue = posix_open(O_WRONLY);
	return queue < 0 ? -queue : errno_of(mq_getattr(queue, attr));
}

static int posix_messages(const void *unused)
{
	struct mq_attr attr;
	int error = attributes(&attr);

	if (!error)
		say("%ld\n", attr.mq_curmsgs);
	return error;
}

static int posix_maxmsg(const void *unused)
{
	struct mq_attr attr;
	int error = attributes(&attr);

	if (!error)
		say("%ld\n", attr.mq_maxmsg);
	return error;
}

static int posix_msgsize(const void *unused)
{
	struct mq_attr attr;
	int error = attributes(&attr);

	if (!error)
		say("%ld\n", attr.mq_msgsize);
	return error;
}

/* By mq_overview(7): the file says QSIZE:n and more. */
static int posix_bytes(const void *unused)
{
	FILE *file = fopen(FILE_OF_QUEUE, "re");
	int bytes;

	if (!file)
		return errno;
	if (fscanf(file, "QSIZE:%d", &bytes) == 1)
		say("%d\n", bytes);
	fclose(file);
	return 0;
}

static int show_if_opened(const void *unused)
{
	struct mq_attr attr;

	say_shown(attributes(&attr) == 0);
	return 0;
}

static int posix_unlink(const void *unused)
{
	return errno_of(mq_unlink("/u"));
}

/* Small enough that what is not closed yet does not fill RLIMIT_MSGQUEUE, of 37 bytes each. */
enum { MAXMSG = 3, MSGSIZE = 37 };
#define MSGSIZE_OF_JSON "\"msgsize\": 37"

static int owner_makes_posix(const void *unused)
{
	struct mq_attr attr = {.mq_maxmsg = MAXMSG, .mq_msgsize = MSGSIZE};

	return errno_of(mq_open("/u", O_CREAT | O_EXCL | O_RDWR, made.mode, &attr));
}

static void posix_gone(void)
{
	mq_unlink("/u");
}

static void posix_make(mode_t mode, bool given)
{
	int queue;

	posix_gone();
	as_owner(owner_makes_posix);
	queue = posix_open(O_WRONLY);
	assert_true(queue >= 0);
	assert_return_code(mq_send(queue, "m\n", 2, 0), errno);
	if (given)
		assert_return_code(fchown(queue, NEW_OWNER, NEW_GROUP), errno);
	let_go();
}

static void describe_posix(const char *file, char *text, size_t size)
{
	char content[128] = "";
	size_t length;
	FILE *queue;

	describe_file(file, text, size);
	queue = fopen(file, "re");
	if (!queue)
		return;
	if (!fgets(content, sizeof(content), queue))
		*content = '\0';
	fclose(queue);
	length = strlen(text);
	/* Up to who is to be told. */
	snprintf(text + length, size - length, " %.*s", (int)strcspn(content, "N"), content);
}

static void posix_describe(char *text, size_t size)
{
	describe_posix(FILE_OF_QUEUE, text, size);
}

#define POSIX(row, at, text, receives, sends) \
	CHANNEL(row, at, text, receives, sends, file_chmod, file_chown)

static const struct test_case posix_cases[] = {
	POSIX("data", "data", "x", posix_receive, posix_send),
	POSIX("each", "each", "x", posix_receive, posix_send),
	POSIX("lines", "lines", "x\n", posix_receive, posix_send),
	POSIX("bulk", "bulk", "x\n", posix_receive, posix_send),
	POSIX("framed", "framed", "size=1\nx", posix_receive_framed, posix_send),
	{"each", READ, NULL, "wait/each", .flags = O_RDONLY, .only_open = true,
	 .direct = posix_opens},
	{"each", READ, NULL, "within/5/each", .flags = O_RDONLY, .only_open = true,
	 .direct = posix_opens},
	{"prio", WRITE, NULL, "try/prio/7", "x", .direct = posix_send_high},
	{"prio", CHMOD, NULL, "try/prio/7", .tree = tree_chmod, .direct = file_chmod,
	 .narrow = true},
	{"prio", CHOWN, NULL, "wait/prio/7", .tree = tree_chgrp, .direct = file_chgrp,
	 .narrow = true},
	{"messages", READ, .reads = true, .direct = posix_messages},
	{"bytes", READ, .reads = true, .direct = posix_bytes},
	{"maxmsg", READ, .reads = true, .direct = posix_maxmsg},
	{"msgsize", READ, .reads = true, .direct = posix_msgsize},
	{"status", READ, .word = " 37 ", .direct = show_if_opened,
	 .why = "for everyone, with the figures that mq_getattr gives the reader"},
	{"status.json", READ, .word = MSGSIZE_OF_JSON, .direct = show_if_opened,
	 .why = "for everyone, with the figures that mq_getattr gives the reader"},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_LS},
	{ITSELF, FIND, &mq_dir, "/mq/u", .tree = tree_stat, .why = AS_LS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = file_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = file_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = file_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = posix_unlink},
	{"status.json", READ, &mq_dir, "/mq/status.json", .word = MSGSIZE_OF_JSON,
	 .direct = show_if_opened, .why = "the same of all"},
	{"status", READ, &mq_dir, "/mq/status", .word = " 37 ", .direct = show_if_opened,
	 .why = "the same of all"},
	{NULL},
};

static const struct object posix = {
	.name = "a POSIX queue",
	.dir = &mq_posix_dir,
	.path = MOUNT "/mq/u",
	.file = FILE_OF_QUEUE,
	.cases = posix_cases,
	.make = posix_make,
	.remove = posix_gone,
	.describe = posix_describe,
};

/* ---- making them ---- */

static int make_sysv(const void *unused)
{
	return errno_of(msgget(NEW_KEY, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static int make_posix(const void *unused)
{
	struct mq_attr attr = {.mq_maxmsg = MAXMSG, .mq_msgsize = MSGSIZE};

	return errno_of(mq_open("/new", O_CREAT | O_EXCL | O_RDWR, made.mode, &attr));
}

static int make_large(const void *unused)
{
	struct mq_attr attr = {.mq_maxmsg = 11, .mq_msgsize = MSGSIZE};

	return errno_of(mq_open("/new", O_CREAT | O_EXCL | O_RDWR, made.mode, &attr));
}

/* IPC_SET after it; a queue that cannot have it is not made. */
static int make_with_limit(const void *unused)
{
	int queue = msgget(NEW_KEY, IPC_CREAT | IPC_EXCL | (int)made.mode);
	struct msqid_ds ds;

	if (msgctl(queue, MSG_STAT_ANY, &ds) < 0 && msgctl(queue, IPC_STAT, &ds) < 0) {
		ds.msg_perm.uid = geteuid();
		ds.msg_perm.gid = getegid();
		ds.msg_perm.mode = (unsigned short)made.mode;
	}
	ds.msg_perm.mode &= 0777;
	ds.msg_qbytes = 100000;
	if (msgctl(queue, IPC_SET, &ds) == 0)
		return 0;
	msgctl(queue, IPC_RMID, NULL);
	return EPERM;
}

static void new_gone(void)
{
	msgctl(msgget(NEW_KEY, 0), IPC_RMID, NULL);
	mq_unlink("/new");
}

static void new_none(mode_t mode, bool given)
{
	new_gone();
}

static void new_describe(char *text, size_t size)
{
	size_t length;

	describe_sysv(msgget(NEW_KEY, 0), text, size);
	length = strlen(text);
	describe_posix(MQUEUE "/new", text + length, size - length);
}

static const struct test_case new_cases[] = {
	{ITSELF, MAKE, NULL, "0x52", .tree = tree_mkdir, .direct = make_sysv},
	{ITSELF, MAKE, NULL, "0x52,qbytes=100000", .tree = tree_mkdir, .direct = make_with_limit},
	{ITSELF, MAKE, NULL, "new,maxmsg=3,msgsize=37", .tree = tree_mkdir, .direct = make_posix},
	{ITSELF, MAKE, NULL, "new,maxmsg=11,msgsize=37", .tree = tree_mkdir, .direct = make_large},
	{ITSELF, LIST, .tree = tree_list, .narrow = true, .why = AS_IPCS " of System V, " AS_LS},
	{"status", READ, .narrow = true, .why = AS_IPCS " of System V, " AS_LS},
	{"status.json", READ, .narrow = true, .why = AS_IPCS " of System V, " AS_LS},
	{"status.pids", READ, .narrow = true, .why = AS_IPCS},
	{"status.times", READ, .narrow = true, .why = AS_IPCS},
	{"status.creators", READ, .narrow = true, .why = AS_IPCS},
	{"limits", READ, .narrow = true, .why = AS_IPCS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{"events", READ, NULL, "try/events", .narrow = true, .why = AS_IPCS ", " AS_LS},
	{NULL},
};

static const struct object made_queues = {
	.name = "mq/",
	.dir = &mq_dir,
	.path = MOUNT "/mq",
	.cases = new_cases,
	.make = new_none,
	.remove = new_gone,
	.describe = new_describe,
	.not_given = true,
};

void mq_begin(void)
{
	assert_return_code(mkdir(MQUEUE, 0755), errno);
	assert_return_code(mount("mqueue", MQUEUE, "mqueue", 0, NULL), errno);
}

const struct object *const mq_objects[] = {&sysv, &posix, &made_queues, NULL};
