/*
 * test_hostile_buffers.c - system calls on the tree with memory that never comes, or cannot come:
 * pages of a file that nobody serves, or that userfaultfd(2) keeps.  That caller waits, or gets
 * EFAULT; nothing is taken or sent, and everybody else goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile_help.h"
#include "shm_help.h"

enum { OTHER = HOSTILE_OWNER + 1, PAGE = 4096 };

#define SERVED "/run/served"

/* Where callers read and write; each has something to read, and room. */
static const struct {
	const char *path;
	int flags;
} files[] = {
	{MOUNT "/shm/0x51/data", O_RDONLY},  {MOUNT "/shm/0x52/data", O_WRONLY},
	{MOUNT "/shm/posix/data", O_RDONLY}, {MOUNT "/shm/also/data", O_WRONLY},
	{MOUNT "/mq/q/data", O_RDONLY},      {MOUNT "/mq/q/data", O_WRONLY},
	{MOUNT "/mq/q/each", O_RDONLY},      {MOUNT "/mq/q/framed", O_RDWR},
	{MOUNT "/mq/0x51/data", O_RDONLY},   {MOUNT "/mq/0x51/data", O_WRONLY},
	{MOUNT "/sem/s/op", O_WRONLY},       {MOUNT "/sem/0x51/op", O_WRONLY},
	{MOUNT "/sem/0x51/value", O_WRONLY}, {MOUNT "/status", O_RDONLY},
	{MOUNT "/events", O_RDONLY},
};
enum { FILES = sizeof(files) / sizeof(*files) };

static int make(void **state)
{
	static const char *const made[] = {
		"shm/0x51", "shm/0x52", "shm/posix,size=64K", "shm/also,size=64K",
		"mq/q",     "mq/0x51",  "sem/s,value=7",      "sem/0x51,value=7"};
	char path[64];

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", made[i]);
		assert_return_code(mkdir(path, 0666), errno);
	}
	assert_int_equal(put(MOUNT "/mq/q/data", "first"), 0);
	assert_int_equal(put(MOUNT "/mq/0x51/data", "first"), 0);
	close(open(SERVED, O_RDWR | O_CREAT | O_CLOEXEC, 0666));
	return 0;
}

static int remove_made(void **state)
{
	static const char *const made[] = {"shm/0x51", "shm/0x52", "shm/posix", "shm/also",
					   "mq/q",     "mq/0x51",  "sem/s",     "sem/0x51"};
	char path[64];

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", made[i]);
		assert_return_code(rmdir(path), errno);
	}
	return 0;
}

/* ---- everybody else ---- */

static int others_go_on(void *unused)
{
	static char text[1 << 20];
	char byte = 'x';
	struct stat st;
	int fd;

	for (int i = 0; i < FILES; i++)
		need(stat(files[i].path, &st) == 0);
	fd = open(MOUNT "/shm/posix/data", O_RDWR);
	need(fd >= 0 && pwrite(fd, &byte, 1, 0) == 1 && pread(fd, &byte, 1, 0) == 1);
	close(fd);
	fd = open(MOUNT "/shm/0x51/data", O_RDWR);
	need(fd >= 0 && pwrite(fd, &byte, 1, 0) == 1 && pread(fd, &byte, 1, 0) == 1);
	close(fd);
	/* What those who wait have not taken, and what they have not sent. */
	need(get(MOUNT "/mq/q/try/data", text, sizeof(text)) == 5 && !strcmp(text, "first"));
	need(put(MOUNT "/mq/q/try/data", "first") == 0);
	need(get(MOUNT "/mq/0x51/try/data", text, sizeof(text)) == 5 && !strcmp(text, "first"));
	need(put(MOUNT "/mq/0x51/try/data", "first") == 0);
	need(put(MOUNT "/sem/s/op", "P") == 0 && put(MOUNT "/sem/s/op", "V") == 0);
	need(put(MOUNT "/sem/0x51/op", "P") == 0 && put(MOUNT "/sem/0x51/op", "V") == 0);
	need(get_number(MOUNT "/sem/s/value") == 7 && get_number(MOUNT "/sem/0x51/value") == 7);
	need(get(MOUNT "/status", text, sizeof(text)) > 0);
	need(get(MOUNT "/holders", text, sizeof(text)) > 0);
	need(mkdir(MOUNT "/mq/new", 0600) == 0 && rmdir(MOUNT "/mq/new") == 0);
	return 0;
}

static void assert_others_go_on(void)
{
	assert_int_equal(shm_try_as(0, others_go_on, NULL), 0);
	assert_int_equal(shm_try_as(OTHER, others_go_on, NULL), 0);
}

/* ---- memory ---- */

static char *memory_served(void)
{
	int fd = open(SERVED, O_RDWR | O_CLOEXEC);
	struct stat st;
	char *memory;

	/* The kernel has to know the size: past the end there is no page to wait for. */
	need(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == HOSTILE_SIZE);
	memory = mmap(NULL, HOSTILE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	need(memory != MAP_FAILED);
	close(fd);
	return memory;
}

/* As root, who alone may have faults of the kernel kept. */
static char *memory_kept(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register wanted = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	char *memory = mmap(NULL, HOSTILE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	need(fd >= 0 && memory != MAP_FAILED && ioctl(fd, UFFDIO_API, &api) == 0);
	wanted.range.start = (uintptr_t)memory;
	wanted.range.len = HOSTILE_SIZE;
	need(ioctl(fd, UFFDIO_REGISTER, &wanted) == 0);
	return memory;
}

struct caller {
	int file;
	char *(*memory)(void);
	size_t size;
};

/* The errno of the system call, 0: it was done. */
static int call(void *argument)
{
	const struct caller *caller = argument;
	int flags = files[caller->file].flags, fd;
	char *memory = caller->memory();
	ssize_t result;

	if (caller->memory == memory_served)
		shm_become(HOSTILE_OWNER);
	if (!strcmp(files[caller->file].path, MOUNT "/sem/0x51/value") && getuid())
		return EFAULT; /* for its owner */
	fd = open(files[caller->file].path, flags);
	need(fd >= 0);
	result = flags == O_WRONLY ? write(fd, memory, caller->size)
				   : read(fd, memory, caller->size);
	return result < 0 ? errno : 0;
}

static void all_wait(char *(*memory)(void), const char *asleep_in, pid_t pids[FILES])
{
	for (int i = 0; i < FILES; i++) {
		struct caller caller = {i, memory, PAGE};

		if (memory == memory_served && !strcmp(files[i].path, MOUNT "/sem/0x51/value")) {
			pids[i] = 0;
			continue;
		}
		pids[i] = spawn(call, &caller);
		wait_until_asleep_in(pids[i], asleep_in);
	}
}

/* Of a file whose pages do not come. */
static void test_served_by_nobody(void **state)
{
	struct hostile hostile = hostile_mount(SERVED, HOSTILE_SILENT_READS);
	pid_t pids[FILES];

	all_wait(memory_served, "filemap_fault", pids);
	assert_others_go_on();
	hostile_unmount(&hostile);
	for (int i = 0; i < FILES; i++)
		if (pids[i])
			assert_int_equal(reap(pids[i]), EFAULT);
	assert_others_go_on();
}

static void test_kept_by_userfaultfd(void **state)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	pid_t pids[FILES];

	if (fd < 0) {
		print_message("skipped: userfaultfd: %s\n", strerror(errno));
		skip();
	}
	close(fd);
	all_wait(memory_kept, "handle_userfault", pids);
	assert_others_go_on();
	/* They can be killed. */
	for (int i = 0; i < FILES; i++) {
		if (!pids[i])
			continue;
		kill(pids[i], SIGKILL);
		assert_int_equal(reap(pids[i]), -SIGKILL);
	}
	assert_others_go_on();
}

static void test_answers_errors(void **state)
{
	struct hostile hostile = hostile_mount(SERVED, HOSTILE_BROKEN_READS);

	for (int i = 0; i < FILES; i++) {
		struct caller caller = {i, memory_served, PAGE};

		assert_int_equal(reap(spawn(call, &caller)), EFAULT);
	}
	assert_others_go_on();
	hostile_unmount(&hostile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_served_by_nobody, make, remove_made),
		cmocka_unit_test_setup_teardown(test_kept_by_userfaultfd, make, remove_made),
		cmocka_unit_test_setup_teardown(test_answers_errors, make, remove_made),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests_name("hostile buffers", tests, fixture_mount,
					   fixture_unmount);
}
