/*
 * test_limits.c - what one user may pile up in the daemon, and that nobody else notices.
 *
 * A user goes up to each limit and over it, by one; another does at the same time what always goes;
 * then the first is killed, and nothing may be left.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "talk_help.h"

#define USER OWNER

/* What cannot be done in the child is for its exit status. */
#define TRY(condition)                                                                     \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, \
				strerror(errno));                                          \
			_exit(1);                                                          \
		}                                                                          \
	} while (0)

/* ---- who has what ---- */

/* As limits.users tells; -1: not that the user has any, -2: it cannot be read. */
static long used(uid_t uid, const char *option)
{
	static char text[64 << 10];
	char user[16], *line, *rest = text;
	ssize_t size = get(MOUNT "/limits.users", text, sizeof(text));
	long result = -1;

	if (size <= 0)
		return -2;
	snprintf(user, sizeof(user), "%u", (unsigned)uid);
	while ((line = strsep(&rest, "\n"))) {
		char name[64], limit[64];
		long count;

		if (sscanf(line, "%63s %63s %ld", name, limit, &count) == 3 &&
		    !strcmp(name, user) && (!option || !strcmp(limit, option)))
			result = count;
	}
	return result;
}

/* A close reaches the daemon a moment later. */
static void await_used(uid_t uid, const char *option, long count)
{
	const struct timespec pause = {0, 1000000};

	for (int tries = 0; used(uid, option) != count; tries++) {
		if (tries == 20000)
			fail_msg("%s of uid %u is %ld, not %ld", option ? option : "something",
				 (unsigned)uid, used(uid, option), count);
		nanosleep(&pause, NULL);
	}
}

/* ---- what a user can have, one after the other: a descriptor or 0, -errno ---- */

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int try_mkdir(const char *format, int i)
{
	char path[80];

	snprintf(path, sizeof(path), format, i);
	return mkdir(path, 0600) < 0 ? -errno : 0;
}

static int take_memory(int i)
{
	return try_open(MOUNT "/README", O_RDONLY);
}

static int take_connection(int i)
{
	/* Those that are at an end and those that wait for a client are no less. */
	switch (i % 3) {
	case 0:
		return try_open(SOCKETS "/tcp/connect/127.0.0.1:4000", O_RDWR);
	case 1:
		return try_open(SOCKETS "/udp/connect/127.0.0.1:4000", O_RDWR);
	default:
		return try_open(SOCKETS "/unix/connect/@limits", O_RDWR);
	}
}

static int take_socket(int i)
{
	return i % 2 ? try_mkdir(SOCKETS "/unix/user%d", i)
		     : try_mkdir(SOCKETS "/udp/127.0.0.1:%d", 5000 + i);
}

static int take_lookup(int i)
{
	int fd = try_open(SOCKETS "/tcp/try/connect/slow.example:80", O_RDWR);

	return fd == -EAGAIN ? 0 : fd;
}

static int take_hold(int i)
{
	return try_open(i % 2 ? MOUNT "/sem/many/try/hold" : MOUNT "/sem/0x71/try/hold", O_WRONLY);
}

static int take_pipe(int i)
{
	return try_mkdir(MOUNT "/pipes/user%d,keep=1", i);
}

static int take_events(int i)
{
	return try_open(i % 2 ? MOUNT "/events" : MOUNT "/mq/events", O_RDONLY);
}

static int take_lock(int i)
{
	int fd = try_open(MOUNT "/shm/memory/data", O_RDWR);
	struct flock record = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
	int error;

	if (fd < 0)
		return fd;
	error = i % 2 ? flock(fd, LOCK_SH) : fcntl(fd, F_OFD_SETLK, &record);
	if (!error)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* A child that waits. */
static int take_waiting(int i)
{
	const char *const paths[] = {MOUNT "/sem/zero/op", MOUNT "/sem/0x72/op"};
	const struct timespec pause = {0, 1000000};
	long before = used(geteuid(), "waiting_max");
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		_exit(-put(paths[i % 2], "P"));
	}
	while (used(geteuid(), "waiting_max") <= before) {
		int status;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return -WEXITSTATUS(status);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int take_handle(int i)
{
	static const char *const paths[] = {MOUNT "/mq", MOUNT "/sem/many/op",
					    MOUNT "/shm/memory/data"};

	return try_open(paths[i % 3], i % 3 == 1 ? O_WRONLY : O_RDONLY);
}

enum { MEMORY_MAX = 64 << 10 };

/* In the order in which they are gone up to: a name is looked up for a connection, and all that is
 * open is a handle. */
static struct limit {
	const char *option;
	int most;
	int (*take)(int i);
	const char *counts; /* for the line in `errors` */
} limits[] = {
	{"waiting_max", 4, take_waiting, "operations that wait"},
	{"memory_max", 0, take_memory, "bytes kept"},
	{"lookups_max", 2, take_lookup, "names being looked up"},
	{"connections_max", 4, take_connection, "connections open"},
	{"sockets_max", 3, take_socket, "sockets made by mkdir"},
	{"holds_max", 3, take_hold, "semaphores held"},
	{"pipes_max", 3, take_pipe, "pipes kept"},
	{"events_max", 3, take_events, "files of events open"},
	{"locks_max", 3, take_lock, "descriptors that lock memory"},
	{"handles_max", 90, take_handle, "files and directories"},
};

enum { LIMITS = sizeof(limits) / sizeof(*limits) };

/* ---- what always goes ---- */

/* As another user: one of each thing, and everything that needs a moment; counts what fails. */
static int others_work(void *unused)
{
	int failed = 0, fd, queues = 0;
	char text[64 << 10], path[64];

	become(OTHER);
	for (int i = 0; i < LIMITS; i++) {
		int at = limits[i].take == take_socket || limits[i].take == take_pipe ? 100 : 0;
		int taken = limits[i].take(at);

		if (taken < 0) {
			fprintf(stderr, "%s: %s\n", limits[i].option, strerror(-taken));
			failed++;
		}
	}
	failed += rmdir(SOCKETS "/udp/127.0.0.1:5100") < 0;
	failed += rmdir(MOUNT "/pipes/user100") < 0;
	failed += get(MOUNT "/status", text, sizeof(text)) <= 0;
	failed += get(MOUNT "/errors", text, sizeof(text)) < 0;
	failed += get(MOUNT "/holders", text, sizeof(text)) < 0;
	/* All the queues that a user may have. */
	do
		snprintf(path, sizeof(path), MOUNT "/mq/other%d", queues);
	while (mkdir(path, 0600) == 0 && ++queues < 100);
	failed += errno != EMFILE;
	for (int i = 0; i < queues; i++) {
		snprintf(path, sizeof(path), MOUNT "/mq/other%d", i);
		failed += put(strcat(path, "/data"), "x") < 0;
		*strrchr(path, '/') = '\0';
		failed += rmdir(path) < 0;
	}
	fd = try_open(MOUNT "/mq/empty/try/each", O_RDONLY);
	failed += read(fd, text, 1) >= 0 || errno != EAGAIN;
	close(fd);
	return failed ? 100 + failed : queues;
}

/* ---- the test ---- */

static int names = -1; /* where questions go that nobody answers */

/* Answers them all: there is no such name. */
static void answer_names(void)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	unsigned char packet[512];
	ssize_t size;

	while ((size = recvfrom(names, packet, sizeof(packet), MSG_DONTWAIT,
				(struct sockaddr *)&from, &length)) > 12) {
		packet[2] = 0x81;
		packet[3] = 0x83;
		sendto(names, packet, (size_t)size, 0, (struct sockaddr *)&from, length);
	}
}

static void replace_file(const char *path, const char *other, const char *text)
{
	int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_return_code(mount(other, path, NULL, MS_BIND, NULL), errno);
}

static int make_world(void **state)
{
	char text[MEMORY_MAX];
	ssize_t size;
	int error = fixture_mount(state);

	if (error)
		return error;
	assert_return_code(mkdir(MOUNT "/sem/many,value=100", 0666), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x71,value=100", 0666), errno);
	assert_return_code(mkdir(MOUNT "/mq/empty", 0666), errno);
	assert_return_code(mkdir(MOUNT "/sem/zero,value=0", 0666), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x72,value=0", 0666), errno);
	assert_return_code(mkdir(MOUNT "/shm/memory,size=4096", 0666), errno);
	plain_listener(SOCK_STREAM, ip("127.0.0.1", 4000), 100);
	plain_bound(SOCK_DGRAM, ip("127.0.0.1", 4000));
	plain_listener(SOCK_STREAM, local("@limits"), 100);
	names = plain_bound(SOCK_DGRAM, ip("127.0.0.1", 53));
	size = get(MOUNT "/README", text, sizeof(text));
	assert_true(size > 0);
	/* Each that waits has a byte to write. */
	limits[1].most = (int)((MEMORY_MAX - limits[0].most) / size);
	return 0;
}

/* Takes all of one, of which there are @has, and checks that the next is refused. */
static void go_up_to(const struct limit *limit, int has)
{
	const struct timespec pause = {0, 1000000};
	int taken = has, last;

	/* What was just closed is given back a moment later. */
	for (int tries = 0; taken < limit->most; tries++) {
		last = limit->take(taken);
		if (last >= 0)
			taken++;
		else if (last == -EDQUOT && tries < 5000)
			nanosleep(&pause, NULL);
		else
			break;
	}
	last = limit->take(taken);
	if (taken == limit->most && last == -EDQUOT)
		return;
	fprintf(stderr, "%s: %d, then %s\n", limit->option, taken, strerror(-last));
	_exit(1);
}

static void go_up_to_all(void)
{
	int open_files = 0, queues = 0;

	for (int i = 0; i < LIMITS; i++) {
		go_up_to(&limits[i], limits[i].take == take_handle ? open_files : 0);
		/* What mkdir makes, and what is looked up in vain, is no open file. */
		if (limits[i].take != take_socket && limits[i].take != take_lookup &&
		    limits[i].take != take_pipe)
			open_files += limits[i].most;
	}
	while (try_mkdir(MOUNT "/mq/user%d", queues) == 0)
		queues++;
	TRY(errno == EMFILE);
}

struct greedy {
	int ready[2];
	uid_t uid;
};

static int be_greedy(void *argument)
{
	const struct greedy *greedy = argument;

	become(greedy->uid);
	go_up_to_all();
	TRY(write(greedy->ready[1], "x", 1) == 1);
	pause();
	return 0;
}

static pid_t greedy_start(uid_t uid)
{
	struct greedy greedy = {.uid = uid};
	char byte;
	pid_t pid;

	assert_return_code(pipe2(greedy.ready, O_CLOEXEC), errno);
	pid = spawn(be_greedy, &greedy);
	close(greedy.ready[1]);
	assert_int_equal(read(greedy.ready[0], &byte, 1), 1);
	close(greedy.ready[0]);
	return pid;
}

static void fail_left(uid_t uid)
{
	char text[64 << 10];

	get(MOUNT "/limits.users", text, sizeof(text));
	fail_msg("uid %u still has something: %s", (unsigned)uid, text);
}

/* Those who looked a name up may have gone; the thread that does ends with the answer. */
static void settle(uid_t uid)
{
	const struct timespec pause = {0, 1000000};

	for (int tries = 0; used(uid, NULL) != -1; tries++) {
		if (tries == 20000)
			fail_left(uid);
		answer_names();
		nanosleep(&pause, NULL);
	}
}

static void greedy_end(pid_t pid, uid_t uid)
{
	char path[64];

	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
	/* What stays without its maker is there until it is removed. */
	for (int i = 0; i < LIMITS; i++)
		if (limits[i].take != take_socket && limits[i].take != take_pipe &&
		    limits[i].take != take_lookup)
			await_used(uid, limits[i].option, -1);
	assert_int_equal(used(uid, "pipes_max"), 3);
	assert_int_equal(used(uid, "sockets_max"), 3);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), MOUNT "/pipes/user%d", i);
		assert_return_code(rmdir(path), errno);
		snprintf(path, sizeof(path),
			 i % 2 ? SOCKETS "/unix/user%d" : SOCKETS "/udp/127.0.0.1:%d",
			 i % 2 ? i : 5000 + i);
		assert_return_code(rmdir(path), errno);
	}
	for (int i = 0; access(path, F_OK) == 0 || i == 0; i++) {
		snprintf(path, sizeof(path), MOUNT "/mq/user%d", i);
		rmdir(path);
		snprintf(path, sizeof(path), MOUNT "/mq/user%d", i + 1);
	}
	settle(uid);
}

static void test_one_at_all_limits(void **state)
{
	char text[256 << 10];
	int before = reap(spawn(others_work, NULL)), during;
	pid_t greedy;

	assert_in_range(before, 1, 99);
	settle(OTHER);
	for (int turn = 0; turn < 3; turn++) {
		greedy = greedy_start(USER);
		for (int i = 0; i < LIMITS; i++)
			if (limits[i].take != take_memory)
				assert_int_equal(used(USER, limits[i].option), limits[i].most);
		during = reap(spawn(others_work, NULL));
		assert_int_equal(during, before);
		/* Why, in words that the administrator finds. */
		assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
		for (int i = 0; i < LIMITS; i++) {
			char words[128];
			const char *line;

			snprintf(words, sizeof(words), " EDQUOT: %s is ", limits[i].option);
			line = strstr(text, words);
			if (!line || !strstr(line, limits[i].counts))
				fail_msg("'%s' and '%s' are not in %s", words, limits[i].counts,
					 text);
		}
		greedy_end(greedy, USER);
		settle(OTHER);
	}
}

/* Root uses the same daemon, and has no limits but the kernel's. */
static void test_root_goes_on(void **state)
{
	pid_t greedy = greedy_start(USER);
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = try_open(MOUNT "/sem/many/op", O_WRONLY);
		assert_return_code(fds[i], -fds[i]);
	}
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	greedy_end(greedy, USER);
}

/* ---- whose it is ---- */

static int hold_as_user(void *unused)
{
	int fds[4];

	/* Opened by one; used by the same process as another. */
	TRY(setresgid(USER, USER, 0) == 0 && setresuid(USER, USER, 0) == 0);
	for (int i = 0; i < 3; i++)
		TRY((fds[i] = take_hold(i)) >= 0);
	TRY(take_hold(3) == -EDQUOT);
	TRY(setresuid(0, 0, 0) == 0);
	become(OTHER);
	for (int i = 0; i < 3; i++)
		TRY(take_hold(i) >= 0);
	TRY(take_hold(3) == -EDQUOT);
	/* Closed by who has it now, it is given back to who opened it. */
	close(fds[0]);
	TRY(kill(getpid(), SIGSTOP) == 0);
	return 0;
}

static void test_charged_to_the_opener(void **state)
{
	pid_t pid = spawn(hold_as_user, NULL);
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	await_used(USER, "holds_max", 2);
	assert_int_equal(used(OTHER, "holds_max"), 3);
	kill(pid, SIGKILL);
	reap(pid);
	await_used(USER, NULL, -1);
	await_used(OTHER, NULL, -1);
}

/* What is shared by two processes, one of which ends. */
struct passing {
	pid_t heir;
	int ready[2];
};

static int outlive(void *argument)
{
	struct passing *passing = argument;

	/* That also drops the signal of the parent's end. */
	become(OTHER);
	TRY(write(passing->ready[1], "x", 1) == 1);
	pause();
	return 0;
}

static int pass_on(void *argument)
{
	struct passing *passing = argument;
	char byte;

	TRY(setresgid(USER, USER, 0) == 0 && setresuid(USER, USER, 0) == 0);
	TRY(take_events(0) >= 0);
	TRY(setresuid(0, 0, 0) == 0);
	passing->heir = spawn(outlive, passing);
	TRY(read(passing->ready[0], &byte, 1) == 1);
	return 0;
}

/* A descriptor that was passed is the opener's for as long as anybody has it. */
static void test_outlives_its_opener(void **state)
{
	struct passing *passing = mmap(NULL, sizeof(*passing), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(passing != MAP_FAILED);
	assert_return_code(pipe2(passing->ready, O_CLOEXEC), errno);
	assert_int_equal(reap(spawn(pass_on, passing)), 0);
	assert_int_equal(used(USER, "events_max"), 1);
	assert_int_equal(used(OTHER, "events_max"), -1);
	kill(passing->heir, SIGKILL);
	assert_int_equal(reap(passing->heir), -SIGKILL);
	settle(USER);
	close(passing->ready[0]);
	close(passing->ready[1]);
	munmap(passing, sizeof(*passing));
}

/* ---- killed at any moment ---- */

static int take_anything(void *seed)
{
	unsigned state = *(unsigned *)seed;

	become(state % 2 ? USER : OTHER);
	for (;;) {
		const struct limit *limit = &limits[(unsigned)rand_r(&state) % LIMITS];

		/* What stays is not for this. */
		if (limit->take == take_socket || limit->take == take_pipe)
			continue;
		if (limit->take(rand_r(&state) % 4) < 0 && rand_r(&state) % 8 == 0)
			close(3 + rand_r(&state) % 80);
	}
	return 0;
}

static void test_killed_midway(void **state)
{
	enum { TURNS = 8, PROCESSES = 4 };

	for (unsigned turn = 0; turn < TURNS; turn++) {
		const struct timespec some_time = {0, 20000000 + turn * 3000000};
		pid_t pids[PROCESSES];
		unsigned seed;

		for (unsigned i = 0; i < PROCESSES; i++) {
			seed = turn * PROCESSES + i;
			pids[i] = spawn(take_anything, &seed);
		}
		/* Where they are then is chance, and meant to be. */
		nanosleep(&some_time, NULL);
		for (int i = 0; i < PROCESSES; i++)
			kill(pids[i], SIGKILL);
		for (int i = 0; i < PROCESSES; i++)
			reap(pids[i]);
		settle(USER);
		settle(OTHER);
	}
}

/* ---- lines without an end ---- */

#define FULL MOUNT "/mq/0x73"

static long threads_of_daemon(void)
{
	char path[64], text[4096];
	const char *row;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)fixture_daemon());
	assert_true(get(path, text, sizeof(text)) > 0);
	row = strstr(text, "\nThreads:");
	assert_non_null(row);
	return strtol(row + strlen("\nThreads:"), NULL, 10);
}

/* Writes @text to a file that gathers lines and closes it: 0 or -errno. */
static int leave(const char *file, const char *text)
{
	int fd = try_open(file, O_WRONLY), error = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = -errno;
	close(fd);
	return error;
}

enum { LEFT = 50 };

/* How many closes leave something to be sent. */
static int leave_many(void *unused)
{
	static const char *const files[] = {FULL "/lines", FULL "/bulk"};
	int taken = 0;

	become(USER);
	for (int i = 0; i < LEFT; i++) {
		int error = leave(files[i % 2], "x");

		TRY(!error || error == -EDQUOT);
		taken += !error;
	}
	/* What ends is not kept, and goes as far as there is room for it. */
	TRY(leave(FULL "/try/lines", "y\n") == -EAGAIN);
	return taken;
}

/* A queue with room for one message, which it has. */
static void make_full(void)
{
	assert_return_code(mkdir(FULL, 0666), errno);
	assert_int_equal(put(FULL "/qbytes", "1"), 0);
	assert_int_equal(put(FULL "/data", "x"), 0);
}

static void test_unfinished_lines(void **state)
{
	long before = threads_of_daemon();
	char text[64 << 10];

	make_full();
	assert_int_equal(reap(spawn(leave_many, NULL)), limits[0].most);
	await_used(USER, "handles_max", limits[0].most);
	assert_int_equal(used(USER, "waiting_max"), limits[0].most);
	assert_in_range(threads_of_daemon(), 1, before + LEFT / 2);
	assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, " write "));
	/* Those that were taken arrive, those that were refused do not. */
	for (int i = 0; i <= limits[0].most; i++)
		assert_int_equal(get(FULL "/data", text, sizeof(text)), 1);
	await_used(USER, NULL, -1);
	assert_int_equal(get(FULL "/try/data", text, sizeof(text)), -EAGAIN);
	assert_return_code(rmdir(FULL), errno);
}

/* It is what is kept that counts, for as long as it is, and the opener has it. */
static int end_lines(void *unused)
{
	int fds[4 + 1];

	become(USER);
	for (int i = 0; i <= 4; i++)
		TRY((fds[i] = try_open(FULL "/lines", O_WRONLY)) >= 0);
	for (int i = 0; i < 4; i++)
		TRY(write(fds[i], "x", 1) == 1 && write(fds[i], "y", 1) == 1);
	TRY(used(USER, "waiting_max") == 4);
	TRY(write(fds[4], "z", 1) < 0 && errno == EDQUOT);
	/* What ends in it goes, and the rest is not taken. */
	TRY(write(fds[4], "a\nb", 3) == 2);
	TRY(write(fds[0], "\n", 1) == 1);
	TRY(used(USER, "waiting_max") == 3);
	TRY(write(fds[4], "z", 1) == 1);
	return 0;
}

static void test_finished_lines(void **state)
{
	static const char *const messages[] = {"a", "xy", "z"};
	int found[3] = {0};
	char text[16];

	assert_return_code(mkdir(FULL, 0666), errno);
	assert_int_equal(reap(spawn(end_lines, NULL)), 0);
	await_used(USER, NULL, -1);
	while (get(FULL "/try/data", text, sizeof(text)) > 0)
		for (int i = 0; i < 3; i++)
			found[i] += !strcmp(text, messages[i]);
	assert_int_equal(found[0], 1);
	assert_int_equal(found[1], 4);
	assert_int_equal(found[2], 1);
	assert_return_code(rmdir(FULL), errno);
}

/* Answers to datagrams are gathered too, and a unix socket's wait in a thread. */
static int leave_answer(void *unused)
{
	int fd;

	become(USER);
	TRY((fd = try_open(SOCKETS "/unix/answers/lines", O_WRONLY)) >= 0);
	TRY(write(fd, "x", 1) == 1);
	TRY(used(USER, "waiting_max") == 1);
	return 0;
}

static void test_unfinished_answers(void **state)
{
	make("unix/answers,type=dgram", 0600);
	assert_return_code(chown(at("unix/answers"), USER, USER), errno);
	assert_int_equal(reap(spawn(leave_answer, NULL)), 0);
	/* There is nobody whom it would answer, so that is over. */
	await_used(USER, NULL, -1);
	removed("unix/answers");
}

/* What a user reads is the user's own, and all limits are there. */
static int read_own(void *unused)
{
	char text[16 << 10], *line, *rest = text;
	int rows = 0;

	become(USER);
	TRY(get(MOUNT "/limits.users", text, sizeof(text)) > 0);
	while ((line = strsep(&rest, "\n"))) {
		char user[64], option[64];
		long count, most;

		if (sscanf(line, "%63s %63s %ld %ld", user, option, &count, &most) != 4)
			continue;
		TRY(atoi(user) == USER);
		TRY(count == !strcmp(option, "handles_max"));
		for (int i = 0; i < LIMITS; i++)
			TRY(limits[i].take == take_memory || strcmp(option, limits[i].option) ||
			    most == limits[i].most);
		rows++;
	}
	return rows;
}

static void test_own_rows(void **state)
{
	int fd = open(MOUNT "/README", O_RDONLY);

	assert_int_equal(reap(spawn(read_own, NULL)), LIMITS + 2);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rows),
		cmocka_unit_test(test_one_at_all_limits),
		cmocka_unit_test(test_root_goes_on),
		cmocka_unit_test(test_charged_to_the_opener),
		cmocka_unit_test(test_outlives_its_opener),
		cmocka_unit_test(test_unfinished_lines),
		cmocka_unit_test(test_finished_lines),
		cmocka_unit_test(test_unfinished_answers),
		cmocka_unit_test(test_killed_midway),
	};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_isolate_network();
	replace_file("/etc/resolv.conf", "/run/resolv.conf",
		     "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
	replace_file("/etc/nsswitch.conf", "/run/nsswitch.conf", "hosts: dns\nservices: files\n");
	fixture_options =
		"memory_max=64K,connections_max=4,sockets_max=3,lookups_max=2,holds_max=3,"
		"pipes_max=3,events_max=3,locks_max=3,waiting_max=4,handles_max=90";
	return cmocka_run_group_tests(tests, make_world, fixture_unmount);
}
