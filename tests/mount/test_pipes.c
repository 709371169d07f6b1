/*
 * test_pipes.c - a named pipe is a FIFO of the kernel's: what fifo(7) and pipe(7) say of opening,
 * waiting, ends and permission holds for pipes/NAME/data.
 */
#include "pipe_help.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ---- */

struct opening {
	const char *name;
	int flags;
};

/* Exits with 0 once it is open. */
static int open_one(void *argument)
{
	const struct opening *opening = argument;

	return open_data(opening->name, opening->flags) < 0;
}

static void test_open_waits_for_the_other_end(void **state)
{
	struct opening reading = {"modes", O_RDONLY}, writing = {"modes", O_WRONLY};
	pid_t pid;
	int fd;

	make("modes", 0600);
	pid = spawn(open_one, &reading);
	wait_until_asleep_in(pid, "fifo_open");
	fd = open_data("modes", O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(reap(pid), 0);
	close(fd);

	pid = spawn(open_one, &writing);
	wait_until_asleep_in(pid, "fifo_open");
	fd = open_data("modes", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(reap(pid), 0);
	close(fd);
	assert_return_code(rmdir(PIPES "/modes"), errno);
}

static void test_open_that_does_not_wait(void **state)
{
	int reader, writer, both;

	make("now", 0600);
	assert_int_equal(open_data("now", O_WRONLY | O_NONBLOCK), -ENXIO);
	reader = open_data("now", O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	writer = open_data("now", O_WRONLY | O_NONBLOCK);
	assert_true(writer >= 0);
	close(writer);
	close(reader);
	both = open_data("now", O_RDWR);
	assert_true(both >= 0);
	assert_int_equal(write(both, "x", 1), 1);
	close(both);
	assert_return_code(rmdir(PIPES "/now"), errno);
}

/* A signal ends the wait for the other end. */
static void test_open_is_killed(void **state)
{
	struct opening reading = {"killed", O_RDONLY};
	pid_t pid;

	make("killed", 0600);
	pid = spawn(open_one, &reading);
	wait_until_asleep_in(pid, "fifo_open");
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(reap(pid), -SIGKILL);
	assert_return_code(rmdir(PIPES "/killed"), errno);
}

/* ---- both ends ---- */

/* A reader that goes; then what a write says, to who ignores SIGPIPE and to who does not. */
static int write_after_reader(void *argument)
{
	const bool *ignore = argument;
	int reader = open_data("broken", O_RDONLY | O_NONBLOCK);
	int writer = open_data("broken", O_WRONLY);

	signal(SIGPIPE, *ignore ? SIG_IGN : SIG_DFL);
	if (reader < 0 || writer < 0 || close(reader) < 0)
		return 100;
	return write(writer, "x", 1) < 0 ? errno : 0;
}

static void test_nobody_reads(void **state)
{
	bool ignore = true;

	make("broken", 0600);
	assert_int_equal(reap(spawn(write_after_reader, &ignore)), EPIPE);
	ignore = false;
	assert_int_equal(reap(spawn(write_after_reader, &ignore)), -SIGPIPE);
	assert_return_code(rmdir(PIPES "/broken"), errno);
}

static void test_poll_and_end_of_file(void **state)
{
	struct pollfd end;
	int reader, writer;
	char byte;

	make("poll", 0600);
	reader = open_data("poll", O_RDONLY | O_NONBLOCK);
	writer = open_data("poll", O_WRONLY | O_NONBLOCK);
	end = (struct pollfd){.fd = reader, .events = POLLIN};
	assert_int_equal(poll(&end, 1, 0), 0);
	assert_int_equal(read(reader, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(write(writer, "x", 1), 1);
	assert_int_equal(poll(&end, 1, -1), 1);
	assert_int_equal(end.revents, POLLIN);
	assert_int_equal(read(reader, &byte, 1), 1);
	close(writer);
	assert_int_equal(poll(&end, 1, -1), 1);
	assert_int_equal(end.revents, POLLHUP);
	assert_int_equal(read(reader, &byte, 1), 0);
	close(reader);
	assert_return_code(rmdir(PIPES "/poll"), errno);
}

/* ---- pieces of PIPE_BUF ---- */

enum { WRITERS = 8, PIECES = 100 };

static int write_pieces(void *argument)
{
	char piece[PIPE_BUF];
	int fd = open_data("atomic", O_WRONLY);

	memset(piece, *(const char *)argument, sizeof(piece));
	for (int i = 0; i < PIECES; i++)
		if (write(fd, piece, sizeof(piece)) != sizeof(piece))
			return 1;
	return 0;
}

static void test_pieces_stay_whole(void **state)
{
	static const char letters[WRITERS + 1] = "abcdefgh";
	int counts[WRITERS] = {0}, reader;
	char piece[PIPE_BUF];
	pid_t pids[WRITERS];
	size_t used = 0;

	make("atomic", 0600);
	for (int i = 0; i < WRITERS; i++)
		pids[i] = spawn(write_pieces, (void *)&letters[i]);
	reader = open_data("atomic", O_RDONLY);
	assert_true(reader >= 0);
	/* All at once: each has filled the pipe before the first piece is read. */
	for (int i = 0; i < WRITERS; i++)
		wait_until_asleep_in(pids[i], "pipe_write");
	/* Read in odd sizes, so that pieces do not stay whole by being read so. */
	for (size_t turn = 0;; turn++) {
		size_t want = sizeof(piece) - used;
		ssize_t got = read(reader, piece + used, want > 777 ? 777 : want);

		assert_return_code(got, errno);
		if (got == 0)
			break;
		used += (size_t)got;
		if (used < sizeof(piece))
			continue;
		for (size_t i = 1; i < sizeof(piece); i++)
			assert_int_equal(piece[i], piece[0]);
		assert_non_null(strchr(letters, piece[0]));
		counts[piece[0] - 'a']++;
		used = 0;
	}
	assert_int_equal(used, 0);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(reap(pids[i]), 0);
		assert_int_equal(counts[i], PIECES);
	}
	close(reader);
	assert_return_code(rmdir(PIPES "/atomic"), errno);
}

/* ---- permission ---- */

struct attempt {
	uid_t uid;
	const char *name;
	int flags;
};

/* Exits with the errno of the open, 0 if it succeeds. */
static int attempt_open(void *argument)
{
	const struct attempt *attempt = argument;
	int fd;

	become(attempt->uid);
	fd = open_data(attempt->name, attempt->flags);
	return fd < 0 ? -fd : 0;
}

static int open_as(uid_t uid, const char *name, int flags)
{
	struct attempt attempt = {uid, name, flags};

	return reap(spawn(attempt_open, &attempt));
}

static int make_as_owner(void *argument)
{
	become(OWNER);
	umask(0);
	return mkdir(in_pipe(argument, ""), 0600) < 0 ? errno : 0;
}

static void test_permission(void **state)
{
	struct stat st;

	assert_int_equal(reap(spawn(make_as_owner, (void *)"private")), 0);
	/* The FIFO is the caller's, and of the mode that was asked for. */
	assert_return_code(lstat(RUN_PIPES "/private", &st), errno);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(open_as(OWNER, "private", O_RDWR), 0);
	assert_int_equal(open_as(OTHER, "private", O_RDWR), EACCES);
	assert_int_equal(open_as(OTHER, "private", O_RDONLY | O_NONBLOCK), EACCES);
	assert_int_equal(open_as(OTHER, "private", O_WRONLY | O_NONBLOCK), EACCES);
	assert_return_code(chmod(PIPES "/private", 0644), errno);
	assert_int_equal(open_as(OTHER, "private", O_RDONLY | O_NONBLOCK), 0);
	assert_int_equal(open_as(OTHER, "private", O_WRONLY | O_NONBLOCK), EACCES);
	assert_return_code(chmod(PIPES "/private", 0622), errno);
	assert_int_equal(open_as(OTHER, "private", O_RDONLY | O_NONBLOCK), EACCES);
	/* It may, and there is no reader. */
	assert_int_equal(open_as(OTHER, "private", O_WRONLY | O_NONBLOCK), ENXIO);
	assert_return_code(rmdir(PIPES "/private"), errno);
}

/* ---- what the daemon has to do with it ---- */

/* Both ends go on when the daemon has been killed, and the name is there after the next mount. */
static void test_outlives_the_daemon(void **state)
{
	char text[8] = "";
	int both;

	make("lasting", 0640);
	both = open_data("lasting", O_RDWR);
	assert_true(both >= 0);
	assert_int_equal(write(both, "before", 6), 6);
	assert_return_code(kill(fixture_daemon(), SIGKILL), errno);
	assert_int_equal(reap(fixture_daemon()), -SIGKILL);
	fixture_daemon_gone();
	assert_int_equal(read(both, text, sizeof(text)), 6);
	assert_string_equal(text, "before");
	assert_int_equal(write(both, "after", 5), 5);
	fixture_unmount(state);
	fixture_mount(state);
	assert_true(is_listed(PIPES, "lasting"));
	assert_int_equal(figure("lasting", "bytes"), 5);
	assert_int_equal(figure("lasting", "writers"), 1);
	close(both);
	assert_return_code(rmdir(PIPES "/lasting"), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_waits_for_the_other_end),
		cmocka_unit_test(test_open_that_does_not_wait),
		cmocka_unit_test(test_open_is_killed),
		cmocka_unit_test(test_nobody_reads),
		cmocka_unit_test(test_poll_and_end_of_file),
		cmocka_unit_test(test_pieces_stay_whole),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_outlives_the_daemon),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
