/*
 * test_hostile_directory.c - a lock of /dev/shm, or of a file in it, that a user keeps for ever:
 * what needs it waits, and everybody else goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm_help.h"

/* As many as threads serve. */
enum { SIZE = 1 << 16, LOOKERS = 2 };

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
	int fd = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	need(fd >= 0);
	return syscall(SYS_getdents64, fd, memory_kept(), SIZE) < 0 ? errno : 0;
}

/* Wants the lock for itself, so that whoever comes later waits behind. */
static int make_file(void *unused)
{
	int fd = open("/dev/shm/made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
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

/* The kernel itself keeps others out of the directories in which it waits for an answer. */
static int others_go_on(void *semaphore)
{
	const int *fd = semaphore;
	char text[4096];

	need(put(MOUNT "/mq/0x51/data", "first") == 0);
	need(get(MOUNT "/mq/0x51/data", text, sizeof(text)) == 5);
	need(write(*fd, "P", 1) == 1 && write(*fd, "V", 1) == 1);
	need(mkdir(MOUNT "/mq/new", 0600) == 0 && rmdir(MOUNT "/mq/new") == 0);
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

static void test_directory(void **state)
{
	static const char *const names[LOOKERS] = {MOUNT "/sem/none", MOUNT "/shm/none"};
	pid_t lister, maker, lookers[LOOKERS];
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC), semaphore;

	if (fd < 0) {
		print_message("skipped: userfaultfd: %s\n", strerror(errno));
		skip();
	}
	close(fd);
	semaphore = open(MOUNT "/sem/0x51/op", O_WRONLY | O_CLOEXEC);
	assert_return_code(semaphore, errno);
	lister = spawn(list, NULL);
	wait_until_asleep_in(lister, "handle_userfault");
	maker = spawn(make_file, NULL);
	wait_for_lock(maker);
	for (int i = 0; i < LOOKERS; i++) {
		lookers[i] = spawn(look, (void *)(uintptr_t)names[i]);
		wait_until_asleep_in(lookers[i], "request_wait_answer");
	}
	assert_int_equal(reap(spawn(others_go_on, &semaphore)), 0);
	close(semaphore);
	kill(lister, SIGKILL);
	assert_int_equal(reap(lister), -SIGKILL);
	assert_int_equal(reap(maker), 0);
	for (int i = 0; i < LOOKERS; i++)
		assert_int_equal(reap(lookers[i]), ENOENT);
	assert_return_code(unlink("/dev/shm/made"), errno);
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
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests_name("hostile directory", tests, fixture_mount,
					   fixture_unmount);
}
