/*
 * test_descriptors.c - that one user who has as much as may be leaves others half of the
 * descriptors that the daemon may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm_help.h"

enum { USER = 54321, OTHER = 54322, FILES = 1024 };

static int made(const char *pattern)
{
	char path[64];
	int count = 0;

	do
		snprintf(path, sizeof(path), pattern, count);
	while (mkdir(path, 0600) == 0 && ++count < FILES);
	need(count > 0 && errno == EDQUOT);
	return count;
}

/* Those of memory take most: what is open of each object, and of each opening. */
static int opened(int *first)
{
	char path[64];
	int count = 0, fd;

	for (;; count++) {
		snprintf(path, sizeof(path), MOUNT "/shm/o%d", count);
		need(mkdir(path, 0600) == 0);
		snprintf(path, sizeof(path), MOUNT "/shm/o%d/data", count);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			break;
		if (!count)
			*first = fd;
	}
	need(errno == EDQUOT);
	return count;
}

/* Each process that locks has a descriptor of its own for that. */
static int lock_and_stay(int fd, int told)
{
	struct flock lock = {.l_type = F_RDLCK, .l_len = 1};
	bool locked = fcntl(fd, F_SETLK, &lock) == 0;

	if (write(told, &locked, sizeof(locked)) != sizeof(locked))
		return 1;
	if (locked)
		pause();
	return 0;
}

static int lockers(int fd)
{
	int count = 0, told[2];
	bool locked = true;

	need(pipe(told) == 0);
	while (count < FILES) {
		pid_t pid = fork();

		need(pid >= 0);
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(lock_and_stay(fd, told[1]));
		}
		need(read(told[0], &locked, sizeof(locked)) == sizeof(locked));
		if (!locked)
			break;
		count++;
	}
	need(!locked);
	return count;
}

static int take_all(void *told)
{
	int first = -1;

	shm_become(USER);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	need(made(MOUNT "/sockets/unix/u%d") > 0 && made(MOUNT "/pipes/p%d,keep=1") > 0);
	need(opened(&first) > 0 && lockers(first) > 0);
	need(write(*(int *)told, "", 1) == 1);
	return pause();
}

static int other_goes_on(void *unused)
{
	char text[64];

	need(mkdir(MOUNT "/mq/others", 0600) == 0 && put(MOUNT "/mq/others/data", "x") == 0);
	need(get(MOUNT "/mq/others/data", text, sizeof(text)) == 1);
	need(rmdir(MOUNT "/mq/others") == 0);
	return 0;
}

static void test_half_is_left(void **state)
{
	size_t before = descriptors_of(fixture_daemon());
	int told[2];
	pid_t pid;
	char byte;

	assert_return_code(pipe2(told, O_CLOEXEC), errno);
	pid = spawn(take_all, &told[1]);
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	assert_in_range(descriptors_of(fixture_daemon()) - before, FILES / 8, FILES / 2);
	assert_int_equal(shm_try_as(OTHER, other_goes_on, NULL), 0);
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_half_is_left)};
	static const struct rlimit files = {FILES, FILES};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_isolate_network();
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return 1;
	return cmocka_run_group_tests_name("descriptors", tests, fixture_mount, fixture_unmount);
}
