/*
 * test_caller.c - who asks is found by number and kept open: few, and never in another's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../return_code.h"

#include "caller.h"

enum { KEPT = 4, PROCESSES = 10, ROOM = 4096, FILLED = 40, MANY = 256 };

static pid_t pids[PROCESSES];

/* A process that sleeps until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return pid;
}

/* With no descriptors but the usual three, so that they can be counted. */
static int start(void **state)
{
	close_range(STDERR_FILENO + 1, ~0U, 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = sleeper();
		if (pids[i] < 0)
			return -1;
	}
	return 0;
}

static void end(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int end_all(void **state)
{
	for (int i = 0; i < PROCESSES; i++)
		end(pids[i]);
	return 0;
}

static void assert_shows(struct caller *caller, pid_t pid)
{
	char room[ROOM], line[32], *status;

	assert_int_equal(caller_read(caller, room, sizeof(room), &status), 0);
	assert_ptr_equal(status, room);
	snprintf(line, sizeof(line), "\nPid:\t%d\n", (int)pid);
	assert_non_null(strstr(status, line));
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < MANY; fd++)
		count += is_open(fd);
	return count;
}

/* All below are taken. */
static int fill_up(void)
{
	int last;

	do
		last = dup(STDOUT_FILENO);
	while (last < FILLED);
	for (int fd = FILLED; fd < MANY; fd++)
		assert_int_equal(is_open(fd), fd == last);
	return last + 1;
}

static void look_at(pid_t pid)
{
	struct caller caller;

	assert_int_equal(caller_take(pid, &caller), 0);
	assert_shows(&caller, pid);
	caller_give_back(&caller);
}

/* Two descriptors for each, until there are enough; the one that is longest ago goes. */
static void test_few_are_kept(void **state)
{
	struct caller caller;
	int before;

	caller_forget_all();
	before = count_open();
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < PROCESSES; i++) {
			int more = round || i >= KEPT ? KEPT : i + 1;

			look_at(pids[i]);
			look_at(pids[i]);
			assert_int_equal(count_open(), before + 2 * more);
		}
	look_at(pids[PROCESSES - KEPT]);
	look_at(pids[0]);
	assert_int_equal(caller_take(pids[PROCESSES - KEPT], &caller), 0);
	assert_true(caller.kept);
	caller_give_back(&caller);
	assert_int_equal(caller_take(pids[PROCESSES - KEPT + 1], &caller), 0);
	assert_false(caller.kept);
	caller_give_back(&caller);
}

/* Several threads ask for one process at a time: each has its own. */
static void test_taken_is_taken(void **state)
{
	struct caller one, other;

	look_at(pids[0]);
	assert_int_equal(caller_take(pids[0], &one), 0);
	assert_int_equal(caller_take(pids[0], &other), 0);
	assert_true(one.kept);
	assert_false(other.kept);
	assert_int_not_equal(one.directory, other.directory);
	assert_shows(&other, pids[0]);
	assert_shows(&one, pids[0]);
	caller_give_back(&one);
	caller_give_back(&other);
	look_at(pids[0]);
}

/* Nothing is read of it, nothing of it stays open, and it can't be taken any more. */
static void test_ended(void **state)
{
	char room[ROOM], *status;
	pid_t pid = sleeper();
	struct caller caller;
	int before;

	assert_return_code(pid, errno);
	caller_forget_all();
	before = count_open();
	look_at(pid);
	assert_int_equal(count_open(), before + 2);
	end(pid);
	assert_int_equal(caller_take(pid, &caller), 0);
	assert_int_equal(caller_read(&caller, room, sizeof(room), &status), -EACCES);
	caller_give_back(&caller);
	assert_int_equal(count_open(), before);
	assert_int_equal(caller_take(pid, &caller), -EACCES);
	/* One that ended when it was taken for the first time is not read either. */
	pid = sleeper();
	assert_return_code(pid, errno);
	assert_int_equal(caller_take(pid, &caller), 0);
	end(pid);
	assert_int_equal(caller_read(&caller, room, sizeof(room), &status), -EACCES);
	caller_give_back(&caller);
	assert_int_equal(count_open(), before);
}

/* What is wrong with the reading is not told as an end, and does not look for another. */
static void test_not_ended(void **state)
{
	char room[ROOM], *status;
	struct caller caller;

	look_at(pids[0]);
	assert_int_equal(caller_take(pids[0], &caller), 0);
	assert_return_code(dup2(caller.directory, caller.status), errno);
	assert_int_equal(caller_read(&caller, room, sizeof(room), &status), -EBADF);
	caller_give_back(&caller);
	look_at(pids[0]);
}

/* More than the room is memory of its own; all of it is there. */
static void test_long_status(void **state)
{
	char room[16], *status;
	struct caller caller;

	caller_forget_all();
	assert_int_equal(caller_take(pids[0], &caller), 0);
	assert_int_equal(caller_read(&caller, room, sizeof(room), &status), 0);
	assert_ptr_not_equal(status, room);
	assert_non_null(strstr(status, "\nCapBnd:"));
	assert_non_null(strstr(status, "\nnonvoluntary_ctxt_switches:"));
	free(status);
	/* The kernel has memory for it as long as it is open. */
	caller_give_back(&caller);
	assert_int_equal(caller_take(pids[0], &caller), 0);
	assert_false(caller.kept);
	caller_give_back(&caller);
}

/* The last descriptors are for what is soon closed again. */
static void test_last_descriptors(void **state)
{
	struct rlimit before, few;
	struct caller caller;
	int fd;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	for (int i = 0; i < KEPT; i++)
		look_at(pids[i]);
	fd = fill_up();
	few = before;
	few.rlim_cur = (rlim_t)fd + 2;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &few), errno);
	for (int i = KEPT; i < PROCESSES; i++) {
		look_at(pids[i]);
		assert_false(is_open(fd));
	}
	/* What was kept is. */
	few.rlim_cur = (rlim_t)fd + 1;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &few), errno);
	assert_int_equal(caller_take(pids[KEPT], &caller), -EMFILE);
	assert_false(is_open(fd));
	look_at(pids[0]);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_kept), cmocka_unit_test(test_taken_is_taken),
		cmocka_unit_test(test_ended),        cmocka_unit_test(test_not_ended),
		cmocka_unit_test(test_long_status),  cmocka_unit_test(test_last_descriptors),
	};

	return cmocka_run_group_tests(tests, start, end_all);
}
