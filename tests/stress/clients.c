/*
 * clients.c - workers of a mixed load that are programs.
 *
 * Queues: mq/jobs, mq/0x50, small, so that both ends wait; mq/exact, mq/0x51 the same.  Semaphores:
 * 0x60 and lock are 1, with a section in which one is alone; the set 0x61 is 2:2:2, slots 3.  A
 * client that is interrupted has done nothing; a client that is killed gives back what it held.
 */
#include "clients.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../mount/fixture.h"
#include "books.h"

enum { QUEUE_KEY = 0x50, LOCK_KEY = 0x60, AREA = 1 << 20, BLOCK = 4096 };

static struct {
	struct client_state *state;
	const struct clients_setting *setting;
	unsigned seed;
	struct message next;
	bool exact;
	const char *posix_name, *sysv_name; /* of the queues */
	int sysv_queue, sysv_lock;
	mqd_t posix_queue;
	int area; /* the memory itself */
	unsigned block;
} me;

/* ---- objects ---- */

void clients_make_objects(void)
{
	static const char *const objects[] = {
		"mq/exact,maxmsg=6,msgsize=128",
		"mq/0x51,qbytes=512",
		"mq/jobs,maxmsg=6,msgsize=128",
		"mq/0x50,qbytes=512",
		"sem/0x60",
		"sem/0x61,nsems=3,value=2",
		"sem/lock",
		"sem/slots,value=3",
		"shm/area,size=1M",
		"pipes/log",
	};
	char path[128];

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", objects[i]);
		assert_return_code(mkdir(path, 0600), errno);
	}
}

void clients_make_sockets(void)
{
	assert_return_code(mkdir(MOUNT "/sockets/tcp/127.0.0.1:7000", 0600), errno);
}

/* ---- what may happen ---- */

static unsigned any(unsigned below)
{
	return (unsigned)rand_r(&me.seed) % below;
}

/* The mount has gone, or is just not there. */
static bool is_mount_error(int error)
{
	return me.setting->mount_dies &&
	       (error == ENOTCONN || error == ECONNABORTED || error == ENOENT);
}

/* An operation that has failed has changed nothing, but one that the mount's end met. */
static bool check_error(const char *what, int error)
{
	if (error != EINTR && error != EAGAIN && error != ETIMEDOUT && !is_mount_error(error))
		books_fault("%s: %s", what, strerror(error));
	if (is_mount_error(error)) {
		const struct timespec pause = {0, 2000000};

		nanosleep(&pause, NULL);
	}
	return error == ECONNABORTED;
}

/* ---- queues ---- */

static bool in_sysv(void)
{
	return any(2);
}

/* How a queue is sent to through the tree: in half of the cases it waits as long as it takes. */
static void send_path(char *path, size_t size, bool *lines, bool *framed)
{
	static const char *const files[] = {"data", "each", "lines", "bulk", "framed"};
	static const char *const waits[] = {"wait", "wait", "within/0.2", "try"};
	const char *file = files[any(5)];
	bool sysv = in_sysv();

	*lines = !strcmp(file, "lines") || !strcmp(file, "bulk");
	*framed = !strcmp(file, "framed");
	if (any(4)) {
		snprintf(path, size, MOUNT "/mq/%s/%s/%s", sysv ? me.sysv_name : me.posix_name,
			 waits[any(4)], file);
		return;
	}
	*lines = *framed = false;
	snprintf(path, size, MOUNT "/mq/%s/%s/%u", sysv ? me.sysv_name : me.posix_name,
		 sysv ? "type" : "prio", 1 + any(9));
}

static struct message new_message(void)
{
	struct message message;

	if (me.next.number == WRITER_MESSAGES)
		me.next = (struct message){books_writer(me.exact), 0};
	message = me.next;
	me.next.number++;
	books_sending(message);
	return message;
}

static void note_sent(struct message message, const char *path, int error)
{
	if (!error)
		books_sent(message);
	else if (!check_error(path, error))
		books_refused(message);
}

static void send_message(void)
{
	char path[128], text[MESSAGE_ROOM], whole[2 * MESSAGE_ROOM];
	struct message message = new_message();
	size_t size = message_print(message, true, text);
	bool lines, framed;
	int fd, error = 0;

	send_path(path, sizeof(path), &lines, &framed);
	if (framed)
		size = (size_t)snprintf(whole, sizeof(whole), "size=%zu\n%s", size, text);
	else
		size = (size_t)snprintf(whole, sizeof(whole), "%s%s", text, lines ? "\n" : "");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		/* Opening sends nothing, whatever became of it. */
		check_error(path, errno);
		books_refused(message);
		return;
	}
	if (write(fd, whole, size) < 0)
		error = errno;
	close(fd);
	note_sent(message, path, error);
}

static void receive_message(void)
{
	static const char *const files[] = {"wait/data", "wait/each", "within/0.2/data", "try/each",
					    "within/0.2/framed"};
	char path[128], text[512];
	bool sysv = in_sysv();
	unsigned which = any(5);
	ssize_t size = -1;
	int fd;

	snprintf(path, sizeof(path), MOUNT "/mq/%s/%s", sysv ? me.sysv_name : me.posix_name,
		 files[which]);
	if (sysv && !any(3)) {
		which = 0;
		snprintf(path, sizeof(path), MOUNT "/mq/%s/within/0.2/type/%s%u", me.sysv_name,
			 any(2) ? "-" : "", 1 + any(9));
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		check_error(path, errno);
		return;
	}
	me.state->receiving = true;
	size = read(fd, text, sizeof(text));
	if (size >= 0) {
		const char *begin = text, *end = memchr(text, '\n', (size_t)size);

		/* Of a frame what comes after its header. */
		if (which == 4 && end)
			begin = end + 1;
		books_received(begin, (size_t)(text + size - begin));
	} else if (check_error(path, errno)) {
		books_may_have_lost(me.exact);
	}
	me.state->receiving = false;
	close(fd);
}

struct sysv_message {
	long type;
	char text[MESSAGE_ROOM];
};

static void send_native(void)
{
	struct sysv_message sysv = {.type = 1 + any(9)};
	struct message message = new_message();
	size_t size = message_print(message, true, sysv.text);
	int result;

	if (in_sysv())
		result = msgsnd(me.sysv_queue, &sysv, size, any(4) ? 0 : IPC_NOWAIT);
	else
		result = mq_send(me.posix_queue, sysv.text, size, any(9));
	note_sent(message, "msgsnd, mq_send", result < 0 ? errno : 0);
}

static void receive_native(void)
{
	struct sysv_message sysv;
	struct timespec until;
	ssize_t size;

	me.state->receiving = true;
	if (in_sysv()) {
		size = msgrcv(me.sysv_queue, &sysv, sizeof(sysv.text), 0, any(4) ? 0 : IPC_NOWAIT);
		if (size < 0 && errno == ENOMSG)
			errno = EAGAIN;
	} else {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		size = mq_timedreceive(me.posix_queue, sysv.text, sizeof(sysv.text), NULL, &until);
	}
	if (size >= 0)
		books_received(sysv.text, (size_t)size);
	else
		check_error("msgrcv, mq_receive", errno);
	me.state->receiving = false;
}

/* ---- semaphores ---- */

/* In a section of one semaphore nobody else writes. */
static void be_in_section(unsigned number)
{
	char path[128], pid[16];
	int who;

	if (me.setting->mount_dies)
		return;
	snprintf(path, sizeof(path), "%s/in.%u", me.setting->directory, number);
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (put(path, pid) < 0)
		return;
	sched_yield();
	if (get(path, pid, sizeof(pid)) > 0 && (who = atoi(pid)) != getpid())
		books_fault("in section %u of %d is %d", number, (int)getpid(), who);
}

static void lock_by_hold(void)
{
	static const char *const holds[] = {
		"0x60/hold",    "lock/hold", "slots/hold", "0x61/1/hold", "0x60/within/0.2/hold",
		"lock/try/hold"};
	unsigned which = any(6);
	char path[128];
	int fd;

	snprintf(path, sizeof(path), MOUNT "/sem/%s", holds[which]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		check_error(path, errno);
		return;
	}
	if (which == 0 || which == 4)
		be_in_section(0);
	if (which == 1 || which == 5)
		be_in_section(1);
	close(fd);
}

static void operate(const char *path, const char *take, const char *give, bool alone)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		check_error(path, errno);
		return;
	}
	if (write(fd, take, strlen(take)) < 0) {
		check_error(path, errno);
	} else {
		if (alone)
			be_in_section(0);
		/* Every other time it is the close that gives back. */
		if (any(2) && write(fd, give, strlen(give)) < 0)
			check_error(path, errno);
	}
	close(fd);
}

static void lock(void)
{
	switch (any(3)) {
	case 0:
		operate(MOUNT "/sem/0x60/op", "Pu", "Vu", true);
		break;
	case 1:
		operate(MOUNT "/sem/0x61/within/0.5/op", "0:-1u 1:-1u 2:-1u", "0:+1u,1:+1u,2:+1u",
			false);
		break;
	case 2:
		lock_by_hold();
		break;
	}
}

static void lock_native(void)
{
	struct sembuf take = {0, -1, SEM_UNDO}, give = {0, 1, SEM_UNDO};

	if (semop(me.sysv_lock, &take, 1) < 0) {
		check_error("semop", errno);
		return;
	}
	be_in_section(0);
	if (semop(me.sysv_lock, &give, 1) < 0)
		check_error("semop", errno);
}

/* ---- sockets, memory ---- */

/* Says back one line. */
static void serve_one(void)
{
	int fd = open(MOUNT "/sockets/tcp/127.0.0.1:7000/accept", O_RDWR | O_CLOEXEC);
	char line[128];
	ssize_t size;

	if (fd < 0) {
		check_error("accept", errno);
		return;
	}
	size = read(fd, line, sizeof(line));
	/* Whoever was killed has closed it, and perhaps with a reset. */
	if (size > 0)
		size = write(fd, line, (size_t)size);
	if (size < 0 && errno != ECONNRESET && errno != EPIPE)
		check_error("connection", errno);
	close(fd);
}

/* A block of its own, written through the tree and read beside it, and the other way round. */
static void use_memory(void)
{
	char pattern[BLOCK], there[BLOCK];
	off_t at = (off_t)me.block * BLOCK;
	int fd = open(MOUNT "/shm/area/data", O_RDWR | O_CLOEXEC);
	bool tree_writes = any(2);

	if (fd < 0) {
		check_error("memory", errno);
		return;
	}
	memset(pattern, (int)any(256), sizeof(pattern));
	if (pwrite(tree_writes ? fd : me.area, pattern, BLOCK, at) < 0 ||
	    pread(tree_writes ? me.area : fd, there, BLOCK, at) < 0)
		check_error("memory", errno);
	else if (memcmp(pattern, there, BLOCK))
		books_fault("block %u of the memory is not what was written", me.block);
	close(fd);
}

/* ---- working ---- */

static void interrupted(int signal)
{
}

static void begin(struct client_state *state)
{
	struct sigaction action = {.sa_handler = interrupted}; /* no SA_RESTART */
	sigset_t set;

	me.state = state;
	sigaction(SIGINT, &action, NULL);
	/* Until now it was blocked. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void rest(void)
{
	const struct timespec pause = {0, 1000000};

	me.state->idle = true;
	while (me.state->pause)
		nanosleep(&pause, NULL);
	me.state->idle = false;
}

void client_run(enum client_role role, unsigned seed, struct client_state *state,
		const struct clients_setting *setting)
{
	static void (*const work[CLIENT_ROLES])(void) = {
		[CLIENT_SENDER] = send_message,
		[CLIENT_RECEIVER] = receive_message,
		[CLIENT_NATIVE_SENDER] = send_native,
		[CLIENT_NATIVE_RECEIVER] = receive_native,
		[CLIENT_EXACT_SENDER] = send_message,
		[CLIENT_EXACT_RECEIVER] = receive_message,
		[CLIENT_LOCKER] = lock,
		[CLIENT_NATIVE_LOCKER] = lock_native,
		[CLIENT_SERVER] = serve_one,
		[CLIENT_MEMORY] = use_memory,
	};

	begin(state);
	me.setting = setting;
	me.seed = seed;
	me.exact = role == CLIENT_EXACT_SENDER || role == CLIENT_EXACT_RECEIVER;
	me.posix_name = me.exact ? "exact" : "jobs";
	me.sysv_name = me.exact ? "0x51" : "0x50";
	me.next = (struct message){books_writer(me.exact), 0};
	me.sysv_queue = msgget(QUEUE_KEY, 0);
	me.sysv_lock = semget(LOCK_KEY, 0, 0);
	me.posix_queue = mq_open("/jobs", O_RDWR | O_CLOEXEC);
	me.area = open("/dev/shm/area", O_RDWR | O_CLOEXEC);
	me.block = state->place % (AREA / BLOCK);
	for (;;) {
		if (state->pause)
			rest();
		work[role]();
		state->done++;
	}
}

void client_read_pipe(struct client_state *state)
{
	char text[4096];
	size_t used = 0;
	/* With both ends it never sees the end of the file. */
	int fd = open("/run/ipcfs/pipes/log", O_RDWR | O_CLOEXEC);

	begin(state);
	for (;;) {
		ssize_t size = read(fd, text + used, sizeof(text) - used);
		char *end;

		if (size < 0 && errno != EINTR)
			books_fault("the pipe: %s", strerror(errno));
		if (size > 0)
			used += (size_t)size;
		while ((end = memchr(text, '\n', used))) {
			size_t line = (size_t)(end - text) + 1;

			books_received(text, line);
			used -= line;
			memmove(text, end + 1, used);
		}
		if (size < 0 && state->pause)
			rest();
	}
}

/* ---- the end ---- */

void clients_drain(void)
{
	static const char *const queues[] = {MOUNT "/mq/jobs/try/data", MOUNT "/mq/0x50/try/data",
					     MOUNT "/mq/exact/try/data", MOUNT "/mq/0x51/try/data"};
	char text[512];
	ssize_t size;

	for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++) {
		while ((size = get(queues[i], text, sizeof(text))) >= 0)
			books_received(text, (size_t)size);
		assert_int_equal(size, -EAGAIN);
	}
}

/* A close is told of a moment later. */
static void await_figure(const char *path, const char *expected)
{
	const struct timespec pause = {0, 1000000};
	char value[64];

	for (int tries = 0; tries < 5000; tries++) {
		assert_true(get(path, value, sizeof(value)) > 0);
		if (!strcmp(value, expected))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%s is %s", path, value);
}

void clients_check_semaphores(bool killed)
{
	await_figure(MOUNT "/sem/0x60/value", "1\n");
	await_figure(MOUNT "/sem/0x61/value", "2 2 2\n");
	await_figure(MOUNT "/sem/lock/value", "1\n");
	await_figure(MOUNT "/sem/slots/value", "3\n");
	await_figure(MOUNT "/sem/0x60/ncount", "0\n");
	await_figure(MOUNT "/sem/0x61/ncount", "0 0 0\n");
	if (killed)
		return;
	await_figure(MOUNT "/sem/lock/ncount", "0\n");
	await_figure(MOUNT "/sem/slots/ncount", "0\n");
}
