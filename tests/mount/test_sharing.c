/*
 * test_sharing.c - descriptors that processes share, and reads that nobody asked for.
 */
#include "fixture.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *const families[][2] = {
	{MOUNT "/mq/q", MOUNT "/sem/p"},
	{MOUNT "/mq/0x71", MOUNT "/sem/0x71"},
};

static int setup_objects(void **state)
{
	for (int f = 0; f < 2; f++) {
		char name[64];

		assert_return_code(mkdir(families[f][0], 0600), errno);
		snprintf(name, sizeof(name), "%s,value=0", families[f][1]);
		assert_return_code(mkdir(name, 0600), errno);
	}
	return 0;
}

static int remove_objects(void **state)
{
	for (int f = 0; f < 2; f++) {
		assert_return_code(rmdir(families[f][0]), errno);
		assert_return_code(rmdir(families[f][1]), errno);
	}
	return 0;
}

static const char *in(const char *object, const char *file)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", object, file);
	return path[turn];
}

static int take_shared(void *fd)
{
	return write(*(int *)fd, "P", 1) == 1 ? 0 : errno;
}

/* ---- one file, many users ---- */

enum { GROUP = 77, ROUNDS = 60 };

/* Who may or may not operate on a set of the group's, more than the daemon remembers of a file. */
static const struct sharer {
	uid_t uid;
	gid_t gid;
	bool in_group;
} sharers[] = {
	{0, 0, false},       {1001, 1001, true}, {1001, 1001, false}, {1002, GROUP, false},
	{1003, 1003, false}, {1003, 1003, true}, {1004, 1004, false},
};
enum { SHARERS = sizeof(sharers) / sizeof(*sharers) };

struct sharing {
	const struct sharer *who;
	int fd, asked[2], told[2];
};

/* For each byte that it is sent: a V, and what came of it. */
static int share(void *context)
{
	const struct sharing *sharing = context;
	const struct sharer *who = sharing->who;
	const gid_t group = GROUP;
	char byte;

	close(sharing->asked[1]);
	if (setgroups(who->in_group, &group) < 0 || setresgid(who->gid, who->gid, who->gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		return errno;
	while (read(sharing->asked[0], &byte, 1) == 1) {
		int error = write(sharing->fd, "V", 1) == 1 ? 0 : errno;

		if (write(sharing->told[1], &error, sizeof(error)) != sizeof(error))
			return errno;
	}
	return 0;
}

/* The descriptor of a file that the user @id, of the group @id, has opened. */
static int opened_by(unsigned id, const char *path)
{
	int fd;

	assert_return_code(setegid(id), errno);
	assert_return_code(seteuid(id), errno);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_return_code(seteuid(0), errno);
	assert_return_code(setegid(0), errno);
	return fd;
}

/* Each is judged as who opened the file, whoever uses it and has used it before. */
static void check_shared(unsigned opener, int expected)
{
	struct sharing sharing[SHARERS];
	pid_t pids[SHARERS];
	unsigned who = 0;
	int fd = opened_by(opener, in(families[1][1], "op"));

	for (int i = 0; i < SHARERS; i++) {
		sharing[i] = (struct sharing){.who = &sharers[i], .fd = fd};
		assert_return_code(pipe2(sharing[i].asked, O_CLOEXEC), errno);
		assert_return_code(pipe2(sharing[i].told, O_CLOEXEC), errno);
		pids[i] = spawn(share, &sharing[i]);
		close(sharing[i].asked[0]);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		int error;

		/* In an order in which each follows each, and some come again soon. */
		who = (who + (round % 3 ? 1 : round / 3)) % SHARERS;
		assert_int_equal(write(sharing[who].asked[1], "", 1), 1);
		assert_int_equal(read(sharing[who].told[0], &error, sizeof(error)), sizeof(error));
		assert_int_equal(error, expected);
		if (round % 2)
			who = (who + SHARERS - 1) % SHARERS;
	}
	for (int i = 0; i < SHARERS; i++)
		close(sharing[i].asked[1]);
	for (int i = SHARERS; i--;)
		close(sharing[i].told[0]);
	for (int i = 0; i < SHARERS; i++) {
		assert_int_equal(reap(pids[i]), 0);
		close(sharing[i].told[1]);
	}
	close(fd);
}

static void test_shared_by_users(void **state)
{
	assert_return_code(chown(families[1][1], 0, GROUP), errno);
	assert_return_code(chmod(families[1][1], 0660), errno);
	check_shared(0, 0);
	check_shared(1003, EACCES);
}

static int read_shared(void *fd)
{
	char text[64];

	return read(*(int *)fd, text, sizeof(text)) == 5 ? 0 : errno;
}

/* One waits on a descriptor; another that shares it lets it go on through the same. */
static void test_shared_descriptor(void **state)
{
	static const int flags[] = {O_RDWR, O_RDWR | O_TRUNC};

	for (int f = 0; f < 2; f++)
		for (int i = 0; i < 2; i++) {
			int fd = open(in(families[f][1], "op"), flags[i]);
			pid_t pid;

			assert_return_code(fd, errno);
			pid = spawn(take_shared, &fd);
			wait_until_parked(pid);
			assert_int_equal(write(fd, "V", 1), 1);
			assert_int_equal(reap(pid), 0);
			close(fd);

			fd = open(in(families[f][0], "each"), flags[i]);
			assert_return_code(fd, errno);
			pid = spawn(read_shared, &fd);
			wait_until_parked(pid);
			assert_int_equal(write(fd, "hello", 5), 5);
			assert_int_equal(reap(pid), 0);
			close(fd);
		}
}

/* Two that wait on one descriptor of a serial channel: one message each, and both can be stopped.
 */
static void test_shared_turns(void **state)
{
	for (int f = 0; f < 2; f++) {
		int fd = open(in(families[f][0], "each"), O_RDONLY);
		pid_t first, second, third;

		assert_return_code(fd, errno);
		first = spawn(read_shared, &fd);
		wait_until_parked(first);
		second = spawn(read_shared, &fd);
		wait_until_parked(second);
		third = spawn(read_shared, &fd);
		wait_until_parked(third);
		kill(second, SIGKILL);
		assert_int_equal(reap(second), -SIGKILL);
		assert_int_equal(put(in(families[f][0], "data"), "hello"), 0);
		assert_int_equal(reap(first), 0);
		assert_int_equal(put(in(families[f][0], "data"), "hello"), 0);
		assert_int_equal(reap(third), 0);
		close(fd);
	}
}

static int read_by_aio(void *path)
{
	char text[64];
	struct aiocb request = {
		.aio_fildes = open(path, O_RDONLY),
		.aio_buf = text,
		.aio_nbytes = sizeof(text),
	};
	const struct aiocb *requests[] = {&request};

	if (request.aio_fildes < 0 || aio_read(&request) < 0)
		return errno;
	(void)!aio_suspend(requests, 1, NULL);
	return 0;
}

static void test_aio_can_be_killed(void **state)
{
	for (int f = 0; f < 2; f++) {
		pid_t pid = spawn(read_by_aio, (void *)in(families[f][0], "data"));
		char path[64], text[4096];

		/* Another thread reads: wait until the daemon has it. */
		snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
		do {
			snprintf(text, sizeof(text),
				 "grep -q fuse_direct_io %s/*/stack 2>/dev/null", path);
		} while (system(text) != 0);
		kill(pid, SIGKILL);
		assert_int_equal(reap(pid), -SIGKILL);
	}
}

static void nothing_was_taken(void)
{
	assert_int_equal(get_number(MOUNT "/mq/q/messages"), 1);
	assert_int_equal(get_number(MOUNT "/mq/0x71/messages"), 1);
}

static void test_reads_that_nobody_asked_for(void **state)
{
	static const char *const files[] = {"data", "each", "lines", "bulk", "framed"};
	int ends[2];

	assert_return_code(pipe(ends), errno);
	for (int f = 0; f < 2; f++)
		assert_int_equal(put(in(families[f][0], "data"), "hello"), 0);
	for (int f = 0; f < 2; f++)
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
			int fd = open(in(families[f][0], files[i]), O_RDONLY);
			void *memory;

			assert_return_code(fd, errno);
			assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED), 0);
			readahead(fd, 0, 4096);
			nothing_was_taken();
			assert_int_equal(splice(fd, NULL, ends[1], NULL, 4096, 0), -1);
			nothing_was_taken();
			assert_int_equal(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0),
					 MAP_FAILED);
			assert_int_equal(errno, ENODEV);
			memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
			if (memory != MAP_FAILED) {
				/* A page that can't be had: write(2) says EFAULT instead of dying.
				 */
				assert_int_equal(write(ends[1], memory, 1), -1);
				munmap(memory, 4096);
			}
			nothing_was_taken();
			assert_int_equal(lseek(fd, 0, SEEK_SET), -1);
			assert_int_equal(errno, ESPIPE);
			assert_int_equal(flock(fd, LOCK_EX), -1);
			assert_int_equal(errno, ENOLCK);
			close(fd);
			nothing_was_taken();
		}
	for (int f = 0; f < 2; f++) {
		char text[64];

		assert_int_equal(get(in(families[f][0], "data"), text, sizeof(text)), 5);
	}
	close(ends[0]);
	close(ends[1]);
}

/* A message that reaches the daemon in parts is refused whole. */
static void test_torn_writes(void **state)
{
	enum { PIECES = 300, PIECE = 4 };
	static char big[2 << 20], piece[PIECE] = "abcd";
	struct iovec pieces[PIECES];

	for (int i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){piece, PIECE};
	for (int f = 0; f < 2; f++) {
		int fd = open(in(families[f][0], "data"), O_WRONLY);
		char text[8192];

		assert_return_code(fd, errno);
		assert_int_equal(writev(fd, pieces, PIECES), -1);
		assert_int_equal(errno, EMSGSIZE);
		assert_int_equal(write(fd, big, 1 << 20), -1);
		assert_int_equal(errno, EMSGSIZE);
		assert_int_equal(write(fd, big + 1, (1 << 20) + 5), -1);
		assert_int_equal(errno, EMSGSIZE);
		nothing_was_taken();
		/* In fewer pieces it is a message. */
		assert_int_equal(writev(fd, pieces, 200), 200 * PIECE);
		close(fd);
		assert_int_equal(get(in(families[f][0], "data"), text, sizeof(text)), 5);
		assert_int_equal(get(in(families[f][0], "data"), text, sizeof(text)), 200 * PIECE);
		assert_int_equal(put(in(families[f][0], "data"), "hello"), 0);
	}
}

static int put_hello(void **state)
{
	setup_objects(state);
	for (int f = 0; f < 2; f++)
		assert_int_equal(put(in(families[f][0], "data"), "hello"), 0);
	return 0;
}

static void test_attributes(void **state)
{
	struct stat first, second;

	for (int f = 0; f < 2; f++) {
		assert_return_code(stat(in(families[f][0], "data"), &first), errno);
		assert_return_code(stat(in(families[f][0], "wait/data"), &second), errno);
		assert_int_equal(first.st_ino, second.st_ino);
		assert_int_equal(first.st_size, 1 << 20);
		assert_int_equal(first.st_blocks, first.st_size / 512);
		assert_int_equal(first.st_blksize, 64 << 10);
		assert_true(S_ISREG(first.st_mode));
		assert_return_code(lstat(in(families[f][0], "data"), &first), errno);
		assert_true(S_ISLNK(first.st_mode));
		assert_return_code(truncate(in(families[f][0], "data"), 0), errno);
		assert_return_code(stat(in(families[f][0], "data"), &second), errno);
		assert_int_equal(second.st_size, 1 << 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shared_descriptor, setup_objects,
						remove_objects),
		cmocka_unit_test_setup_teardown(test_shared_by_users, setup_objects,
						remove_objects),
		cmocka_unit_test_setup_teardown(test_shared_turns, setup_objects, remove_objects),
		cmocka_unit_test_setup_teardown(test_aio_can_be_killed, setup_objects,
						remove_objects),
		cmocka_unit_test_setup_teardown(test_reads_that_nobody_asked_for, setup_objects,
						remove_objects),
		cmocka_unit_test_setup_teardown(test_torn_writes, put_hello, remove_objects),
		cmocka_unit_test_setup_teardown(test_attributes, setup_objects, remove_objects),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("sharing", tests, fixture_mount, fixture_unmount);
}
