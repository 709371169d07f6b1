/*
 * test_hostile_directory.c - a lock of /dev/shm, of a file in it, or of the directory of unix
 * sockets, that a user keeps for ever: what needs it waits, however much that is, and everybody
 * else goes on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shm_help.h"

/*
 * As many as threads serve as long as all goes on, more than there can be, and how many of one user
 * may wait.
 */
enum { SIZE = 1 << 16, LOOKERS = 2, CROWD = 100, WAITING_MAX = 20 };
enum { HOSTILE = 54321, OTHER = 54322 };

/* Which directory is kept, who keeps it, and who wants it alone. */
static const char *kept;
static pid_t lister, maker;

/* Memory that never comes. */
static char *memory_kept(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register wanted = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(fd >= 0 && memory != MAP_FAILED && ioctl(fd, UFFDIO_API, &api) == 0);
	wanted.range.start = (uintptr_t)memory;
	wanted.range.len = SIZE;
	need(ioctl(fd, UFFDIO_REGISTER, &wanted) == 0);
	return memory;
}

/* Lists the directory, with its lock shared, into that. */
static int list(void *unused)
{
	int fd = open(kept, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	need(fd >= 0);
	return syscall(SYS_getdents64, fd, memory_kept(), SIZE) < 0 ? errno : 0;
}

/* Wants the lock for itself, so that whoever comes later waits behind. */
static int make_file(void *unused)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/made", kept);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || unlink(path) < 0)
		return errno;
	close(fd);
	return 0;
}

/* Asks the tree for a name that is not there, for which the directory has to be searched. */
static int look(void *name)
{
	struct stat st;

	return stat(name, &st) < 0 ? errno : 0;
}

/* The kernel itself lets nobody make and remove in a directory in which it waits for an answer. */
static int others_go_on(void *semaphore)
{
	const int *fd = semaphore;
	struct stat st;
	char text[4096];

	need(put(MOUNT "/mq/0x51/data", "first") == 0);
	need(get(MOUNT "/mq/0x51/data", text, sizeof(text)) == 5);
	need(write(*fd, "P", 1) == 1 && write(*fd, "V", 1) == 1);
	need(mkdir(MOUNT "/mq/new", 0600) == 0 && rmdir(MOUNT "/mq/new") == 0);
	need(stat(MOUNT "/sem/0x51", &st) == 0 && stat(MOUNT "/sem/1", &st) < 0 && errno == ENOENT);
	return 0;
}

/* Nothing but a lock makes an open of a new file sleep so that no signal wakes it. */
static void wait_for_lock(pid_t pid)
{
	const struct timespec pause = {0, 500000};
	char path[40], text[4096], *state;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	do {
		nanosleep(&pause, NULL);
		assert_true(get(path, text, sizeof(text) - 1) > 0);
		state = strstr(text, "State:\t");
		assert_non_null(state);
		if (strchr("ZX", state[7]))
			fail_msg("process %d has ended instead of waiting", (int)pid);
	} while (state[7] != 'D');
}

static void needs_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0) {
		print_message("skipped: userfaultfd: %s\n", strerror(errno));
		skip();
	}
	close(fd);
}

static void keep_directory(const char *path)
{
	needs_userfaultfd();
	kept = path;
	lister = spawn(list, NULL);
	wait_until_asleep_in(lister, "handle_userfault");
	maker = spawn(make_file, NULL);
	wait_for_lock(maker);
}

static void let_directory_go(void)
{
	kill(lister, SIGKILL);
	assert_int_equal(reap(lister), -SIGKILL);
	lister = 0;
	assert_int_equal(reap(maker), 0);
}

static void test_directory(void **state)
{
	static const char *const names[LOOKERS] = {MOUNT "/sem/none", MOUNT "/shm/none"};
	pid_t lookers[LOOKERS];
	int semaphore = open(MOUNT "/sem/0x51/op", O_WRONLY | O_CLOEXEC);

	assert_return_code(semaphore, errno);
	keep_directory("/dev/shm");
	for (int i = 0; i < LOOKERS; i++) {
		lookers[i] = spawn(look, (void *)(uintptr_t)names[i]);
		wait_until_asleep_in(lookers[i], "request_wait_answer");
	}
	assert_int_equal(reap(spawn(others_go_on, &semaphore)), 0);
	close(semaphore);
	let_directory_go();
	for (int i = 0; i < LOOKERS; i++)
		assert_int_equal(reap(lookers[i]), ENOENT);
}

static int look_as_hostile(void *number)
{
	char name[64];

	shm_become(HOSTILE);
	snprintf(name, sizeof(name), MOUNT "/sem/none%d", *(int *)number);
	return look(name);
}

/* Each asks for another name, for the kernel asks for one name once at a time. */
static void look_in_crowd(pid_t lookers[CROWD])
{
	for (int i = 0; i < CROWD; i++)
		lookers[i] = spawn(look_as_hostile, &i);
	for (int i = 0; i < CROWD; i++)
		wait_until_asleep_in(lookers[i], "request_wait_answer");
}

static int other_goes_on(void *unused)
{
	char text[64];

	for (int i = 0; i < 100; i++) {
		need(mkdir(MOUNT "/mq/others", 0600) == 0);
		need(put(MOUNT "/mq/others/data", "first") == 0);
		need(get(MOUNT "/mq/others/data", text, sizeof(text)) == 5);
		need(rmdir(MOUNT "/mq/others") == 0);
	}
	return 0;
}

static void test_crowd(void **state)
{
	pid_t lookers[CROWD];

	keep_directory("/dev/shm");
	look_in_crowd(lookers);
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	assert_int_equal(shm_try_as(0, other_goes_on, NULL), 0);
	/* What no thread has taken up can be given up. */
	kill(lookers[CROWD - 1], SIGKILL);
	assert_int_equal(reap(lookers[CROWD - 1]), -SIGKILL);
	let_directory_go();
	for (int i = 0; i < CROWD - 1; i++)
		assert_int_equal(reap(lookers[i]), ENOENT);
}

/* In a user namespace of its own, as each of the uids that a user has been given (subuid(5)). */
static int look_as_subordinate(void *number)
{
	char name[64];

	shm_become(HOSTILE + 1000 + (uid_t) * (int *)number);
	if (unshare(CLONE_NEWUSER) < 0)
		return errno;
	snprintf(name, sizeof(name), MOUNT "/sem/none%d", *(int *)number);
	return look(name);
}

static void test_crowd_of_subordinates(void **state)
{
	pid_t lookers[CROWD];

	keep_directory("/dev/shm");
	for (int i = 0; i < CROWD; i++)
		lookers[i] = spawn(look_as_subordinate, &i);
	for (int i = 0; i < CROWD; i++)
		wait_until_asleep_in(lookers[i], "request_wait_answer");
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	let_directory_go();
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(reap(lookers[i]), ENOENT);
}

/* Writes to a file of the hostile user's from memory that never comes, and keeps its lock. */
static int write_for_ever(void *number)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/shm/kept%d", *(int *)number);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fchown(fd, HOSTILE, HOSTILE) < 0)
		return errno;
	return write(fd, memory_kept(), SIZE) < 0 ? errno : 0;
}

static int change_as_hostile(void *number)
{
	char path[64];

	shm_become(HOSTILE);
	snprintf(path, sizeof(path), MOUNT "/shm/kept%d", *(int *)number);
	return chmod(path, 0640) < 0 ? errno : 0;
}

/* What may take long has another go on at once, and is suspected later. */
static void test_crowd_of_files(void **state)
{
	pid_t writers[CROWD], changers[CROWD];

	needs_userfaultfd();
	for (int i = 0; i < CROWD; i++) {
		writers[i] = spawn(write_for_ever, &i);
		wait_until_asleep_in(writers[i], "handle_userfault");
	}
	for (int i = 0; i < CROWD; i++)
		changers[i] = spawn(change_as_hostile, &i);
	for (int i = 0; i < CROWD; i++)
		wait_until_asleep_in(changers[i], "request_wait_answer");
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	assert_int_equal(shm_try_as(0, other_goes_on, NULL), 0);
	for (int i = 0; i < CROWD; i++) {
		kill(writers[i], SIGKILL);
		assert_int_equal(reap(writers[i]), -SIGKILL);
	}
	for (int i = 0; i < CROWD; i++) {
		char path[64];
		struct stat st;

		assert_int_equal(reap(changers[i]), 0);
		snprintf(path, sizeof(path), "/dev/shm/kept%d", i);
		assert_return_code(stat(path, &st), errno);
		assert_int_equal(st.st_mode & 0777, 0640);
		assert_return_code(unlink(path), errno);
	}
}

static void test_crowd_at_end(void **state)
{
	pid_t lookers[CROWD];
	int interrupted = 0, status;

	keep_directory("/dev/shm");
	look_in_crowd(lookers);
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	kill(fixture_daemon(), SIGTERM);
	assert_int_equal(reap(lookers[CROWD - 1]), EINTR);
	let_directory_go();
	for (int i = 0; i < CROWD - 1; i++) {
		int error = reap(lookers[i]);

		assert_true(error == EINTR || error == ENOENT);
		interrupted += error == EINTR;
	}
	assert_true(interrupted > CROWD / 2);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	assert_int_equal(status, 0);
	fixture_daemon_gone();
	assert_int_equal(fixture_mount(NULL), 0);
}

/* Some of the crowd have to wait, and the rest are told that there are too many. */
static void test_crowd_over_limit(void **state)
{
	pid_t lookers[CROWD];
	int refused = 0;
	char errors[1 << 16];

	assert_int_equal(fixture_unmount(NULL), 0);
	fixture_options = "waiting_max=20";
	assert_int_equal(fixture_mount(NULL), 0);
	fixture_options = "";
	keep_directory("/dev/shm");
	for (int i = 0; i < CROWD; i++)
		lookers[i] = spawn(look_as_hostile, &i);
	while (refused < CROWD / 2) {
		siginfo_t ended;

		assert_return_code(waitid(P_ALL, 0, &ended, WEXITED), errno);
		assert_int_equal(ended.si_status, EDQUOT);
		for (int i = 0; i < CROWD; i++)
			if (lookers[i] == ended.si_pid)
				lookers[i] = 0;
		refused++;
	}
	assert_true(get(MOUNT "/errors", errors, sizeof(errors)) > 0);
	assert_non_null(strstr(errors, "EDQUOT: "));
	assert_non_null(strstr(errors, "waiting_max"));
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	let_directory_go();
	for (int i = 0; i < CROWD; i++) {
		int error = lookers[i] ? reap(lookers[i]) : ENOENT;

		refused += error == EDQUOT;
		assert_true(error == ENOENT || error == EDQUOT);
	}
	assert_true(refused <= CROWD - WAITING_MAX);
	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(fixture_mount(NULL), 0);
}

/* ---- the directory of unix sockets ---- */

#define UNIX "/run/ipcfs/unix"

static int poll_it(void *fd)
{
	struct pollfd polled = {.fd = *(int *)fd, .events = POLLIN};

	return poll(&polled, 1, -1) == 1 ? 0 : errno;
}

static int read_one(void *unused)
{
	char text[8];

	alarm(20);
	return get(MOUNT "/mq/0x51/data", text, sizeof(text)) == 5 ? 0 : EIO;
}

/*
 * A socket that has lost its file is found out by whoever uses it, and where all that wait are
 * told that one has gone: neither looks for the file by its name.
 */
static void test_lost_socket(void **state)
{
	int fd;
	pid_t poller, reader;

	assert_return_code(mkdir(MOUNT "/sockets/unix/x,type=dgram", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sockets/udp/127.0.0.1:4000", 0600), errno);
	fd = open(MOUNT "/sockets/unix/x/data", O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_return_code(unlink(UNIX "/x"), errno);
	reader = spawn(read_one, NULL);
	wait_until_parked(reader);
	keep_directory(UNIX);
	poller = spawn(poll_it, &fd);
	/* Whoever polls a socket, as those who wait for one, looks again at each removal. */
	assert_int_equal(rmdir(MOUNT "/sockets/udp/127.0.0.1:4000"), 0);
	assert_int_equal(reap(poller), 0);
	assert_int_equal(put(MOUNT "/mq/0x51/data", "first"), 0);
	assert_int_equal(reap(reader), 0);
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	let_directory_go();
	close(fd);
}

/* ---- events ---- */

enum { TOLD_MILLISECONDS = 20000 };

/* Reads on until a line has @words in it; false: that does not come. */
static bool is_told(int events, const char *words)
{
	static char text[1 << 16];
	struct pollfd polled = {.fd = events, .events = POLLIN};

	do {
		ssize_t got;

		if (poll(&polled, 1, TOLD_MILLISECONDS) != 1)
			return false;
		got = read(events, text, sizeof(text) - 1);
		if (got <= 0)
			return false;
		text[got] = '\0';
	} while (!strstr(text, words));
	return true;
}

/* Has told what there is already. */
static int open_events(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_return_code(fd, errno);
	assert_true(is_told(fd, "\"ready\""));
	return fd;
}

/* Before the file system itself is asked. */
static bool waits_to_list(const char *task)
{
	char path[300], stack[4096];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", (int)fixture_daemon(), task);
	return get(path, stack, sizeof(stack)) > 0 && strstr(stack, "iterate_dir") &&
	       !strstr(stack, "readdir");
}

/* A thread of the daemon takes a snapshot of what is in the directory that is kept. */
static void wait_until_snapshot_waits(void)
{
	const struct timespec pause = {0, 500000};
	bool waits = false;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)fixture_daemon());
	while (!waits) {
		DIR *tasks = opendir(path);
		struct dirent *task;

		assert_non_null(tasks);
		while (!waits && (task = readdir(tasks)))
			waits = waits_to_list(task->d_name);
		closedir(tasks);
		nanosleep(&pause, NULL);
	}
}

static void test_events_of_others(void **state)
{
	int needs_it = open_events(MOUNT "/shm/events"), all = open_events(MOUNT "/events");
	int other = open_events(MOUNT "/mq/events"), later;

	keep_directory("/dev/shm");
	wait_until_snapshot_waits();
	assert_return_code(mkdir(MOUNT "/mq/told", 0600), errno);
	assert_true(is_told(other, "\"create\",\"kind\":\"mq\",\"name\":\"told\""));
	assert_true(is_told(all, "\"create\",\"kind\":\"mq\",\"name\":\"told\""));
	later = open_events(MOUNT "/mq/events");
	assert_return_code(rmdir(MOUNT "/mq/told"), errno);
	assert_true(is_told(other, "\"remove\",\"kind\":\"mq\",\"name\":\"told\""));
	assert_true(is_told(all, "\"remove\",\"kind\":\"mq\",\"name\":\"told\""));
	assert_true(is_told(later, "\"remove\",\"kind\":\"mq\",\"name\":\"told\""));
	let_directory_go();
	shm_make("told", 0600);
	assert_true(is_told(needs_it, "\"create\",\"kind\":\"shm\",\"name\":\"told\""));
	assert_true(is_told(all, "\"create\",\"kind\":\"shm\",\"name\":\"told\""));
	shm_remove("told");
	close(needs_it);
	close(all);
	close(other);
	close(later);
}

static int begin_to_read(void *unused)
{
	int fd = open(MOUNT "/shm/events", O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && is_told(fd, "\"ready\""));
	need(mkdir(MOUNT "/shm/told", 0600) == 0 && rmdir(MOUNT "/shm/told") == 0);
	need(mkdir(MOUNT "/shm/last", 0600) == 0 && is_told(fd, "\"name\":\"last\""));
	return rmdir(MOUNT "/shm/last") < 0 ? errno : 0;
}

/* All readers have left the snapshot that waits, and another one comes. */
static void test_events_begun_meanwhile(void **state)
{
	int events = open_events(MOUNT "/shm/events");
	pid_t reader;

	keep_directory("/dev/shm");
	wait_until_snapshot_waits();
	close(events);
	reader = spawn(begin_to_read, NULL);
	wait_until_asleep_in(reader, "request_wait_answer");
	let_directory_go();
	assert_int_equal(reap(reader), 0);
}

/* A listing that waits keeps no process from ending. */
static void test_events_at_end(void **state)
{
	int events = open_events(MOUNT "/events"), status;

	keep_directory("/dev/shm");
	wait_until_snapshot_waits();
	kill(fixture_daemon(), SIGTERM);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	assert_int_equal(status, 0);
	fixture_daemon_gone();
	close(events);
	let_directory_go();
	assert_int_equal(fixture_mount(NULL), 0);
}

/* A test that failed has not. */
static int have_let_go(void **state)
{
	if (lister)
		let_directory_go();
	return 0;
}

static int make(void **state)
{
	assert_return_code(mkdir(MOUNT "/mq/0x51", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x51,value=7", 0600), errno);
	return 0;
}

static int remove_made(void **state)
{
	assert_return_code(rmdir(MOUNT "/mq/0x51"), errno);
	assert_return_code(rmdir(MOUNT "/sem/0x51"), errno);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory, make, remove_made),
		cmocka_unit_test_setup_teardown(test_lost_socket, make, remove_made),
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_crowd_of_subordinates),
		cmocka_unit_test(test_crowd_of_files),
		cmocka_unit_test(test_crowd_at_end),
		cmocka_unit_test(test_crowd_over_limit),
		cmocka_unit_test_teardown(test_events_of_others, have_let_go),
		cmocka_unit_test_teardown(test_events_begun_meanwhile, have_let_go),
		cmocka_unit_test_teardown(test_events_at_end, have_let_go),
	};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("hostile directory", tests, fixture_mount,
					   fixture_unmount);
}
