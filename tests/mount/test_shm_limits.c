/*
 * test_shm_limits.c - what shm/ must not do, use up or leave behind: a tree mounted ro, the
 * kernel's limits, a full /dev/shm, descriptors and attachments of the daemon.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

enum { KEY = 0x1234, PAGE = 4096, SIZE = 4 * PAGE };

static off_t size_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	return st.st_size;
}

/* Mounted ro: the memory can be read and mapped to read, and not be changed. */
static void test_read_only(void **state)
{
	static const char *const objects[] = {"0x1234", "ro"};
	const char *options = fixture_options;
	char with_ro[64], byte;

	shm_make("0x1234,size=16K", 0600);
	shm_make("ro,size=16K", 0600);
	assert_int_equal(fixture_unmount(NULL), 0);
	snprintf(with_ro, sizeof(with_ro), "ro%s%s", *options ? "," : "", options);
	fixture_options = with_ro;
	assert_int_equal(fixture_mount(NULL), 0);
	fixture_options = options;
	for (int i = 0; i < 2; i++) {
		const char *data = shm_path(objects[i], "data");
		int fd = open(data, O_RDONLY);
		void *memory;

		assert_return_code(fd, errno);
		assert_int_equal(pread(fd, &byte, 1, SIZE - 1), 1);
		memory = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
		if (shm_maps()) {
			assert_ptr_not_equal(memory, MAP_FAILED);
			assert_int_equal(mprotect(memory, SIZE, PROT_READ | PROT_WRITE), -1);
			munmap(memory, SIZE);
		} else {
			assert_ptr_equal(memory, MAP_FAILED);
		}
		close(fd);
		assert_int_equal(open(data, O_RDWR), -1);
		assert_int_equal(errno, EROFS);
		assert_int_equal(open(data, O_WRONLY | O_TRUNC), -1);
		assert_int_equal(errno, EROFS);
		assert_int_equal(truncate(data, 5), -1);
		assert_int_equal(errno, EROFS);
		assert_int_equal(chmod(data, 0666), -1);
		assert_int_equal(errno, EROFS);
		assert_int_equal(rmdir(shm_path(objects[i], "")), -1);
		assert_int_equal(errno, EROFS);
	}
	assert_int_equal(put(shm_path("ro", "size"), "5"), -EROFS);
	assert_int_equal(put(shm_path("0x1234", "locked"), "1"), -EROFS);
	assert_int_equal(mkdir(shm_path("new", ""), 0600), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(fixture_mount(NULL), 0);
	assert_int_equal(get_number(shm_path("ro", "size")), SIZE);
	shm_remove("ro");
	shm_remove("0x1234");
}

/* ---- nothing is left behind ---- */

static void open_and_close(const char *object)
{
	char byte = 'x';
	int fd;

	fd = shm_open_data(object, O_RDONLY);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	close(fd);
	fd = shm_open_data(object, O_WRONLY);
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	close(fd);
	fd = shm_open_data(object, O_RDWR);
	/* The daemon hears of the close before this a moment later, and that is waited for. */
	assert_return_code(flock(fd, LOCK_EX), errno);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
	if (shm_maps()) {
		void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		assert_ptr_not_equal(memory, MAP_FAILED);
		*(volatile char *)memory = 'x';
		munmap(memory, PAGE);
	}
	close(fd);
}

/* The daemon hears of a close a moment after it. */
static void descriptors_come_down_to(size_t count)
{
	alarm(60);
	while (descriptors_of(fixture_daemon()) > count)
		;
	alarm(0);
}

static void test_nothing_is_left(void **state)
{
	size_t before;

	shm_make("0x1234,size=16K", 0600);
	shm_make("left,size=16K", 0600);
	open_and_close("0x1234");
	open_and_close("left");
	before = descriptors_of(fixture_daemon());
	for (int i = 0; i < 200; i++) {
		open_and_close("0x1234");
		open_and_close("left");
		assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 0);
	}
	descriptors_come_down_to(before);
	/* Nor of objects that come and go, some of them while they are open. */
	for (int i = 0; i < 200; i++) {
		int fd;

		shm_make("brief,size=4K", 0600);
		shm_make("0x99,size=4K", 0600);
		open_and_close("brief");
		fd = shm_open_data(i % 2 ? "0x99" : "brief", O_RDWR);
		shm_remove("brief");
		shm_remove("0x99");
		close(fd);
	}
	descriptors_come_down_to(before);
	shm_remove("0x1234");
	shm_remove("left");
}

/* ---- limits ---- */

static void set_sysctl(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	assert_int_equal(put(path, text), 0);
}

static void last_error_names(const char *error, const char *words)
{
	static char text[1 << 20];
	char *line;
	ssize_t size = get(MOUNT "/errors", text, sizeof(text));

	assert_true(size > 1);
	text[size - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (!strstr(line, error) || !strstr(line, words))
		fail_msg("errors ends with '%s', not %s ... %s", line, error, words);
}

/* kernel.shmmni and its like belong to the IPC namespace, which is this test's own. */
static void test_kernel_limits(void **state)
{
	enum { SEGMENTS = 64 };
	long segments = get_number("/proc/sys/kernel/shmmni");
	char name[64];

	set_sysctl("/proc/sys/kernel/shmmni", SEGMENTS);
	for (int i = 1; i <= SEGMENTS; i++) {
		snprintf(name, sizeof(name), "0x%x,size=4K", i);
		shm_make(name, 0600);
	}
	assert_int_equal(mkdir(shm_path("0x1000,size=4K", ""), 0600), -1);
	assert_int_equal(errno, ENOSPC);
	last_error_names("ENOSPC", "kernel.shmmni");
	last_error_names("ENOSPC", "64");
	for (int i = 1; i <= SEGMENTS; i++) {
		snprintf(name, sizeof(name), "0x%x", i);
		shm_remove(name);
	}
	set_sysctl("/proc/sys/kernel/shmmni", segments);

	/* All segments together, in pages. */
	char all[32];
	ssize_t size = get("/proc/sys/kernel/shmall", all, sizeof(all));
	assert_true(size > 0);
	set_sysctl("/proc/sys/kernel/shmall", 4);
	assert_int_equal(mkdir(shm_path("0x1000,size=20K", ""), 0600), -1);
	assert_int_equal(errno, ENOSPC);
	last_error_names("ENOSPC", "kernel.shmall");
	shm_make("0x1000,size=16K", 0600);
	shm_remove("0x1000");
	assert_int_equal(put("/proc/sys/kernel/shmall", all), 0);

	/* The largest segment. */
	size = get("/proc/sys/kernel/shmmax", all, sizeof(all));
	assert_true(size > 0);
	set_sysctl("/proc/sys/kernel/shmmax", 1 << 20);
	assert_int_equal(mkdir(shm_path("0x1000,size=1048577", ""), 0600), -1);
	assert_int_equal(errno, EINVAL);
	last_error_names("EINVAL", "kernel.shmmax");
	shm_make("0x1000,size=1M", 0600);
	shm_remove("0x1000");
	assert_int_equal(put("/proc/sys/kernel/shmmax", all), 0);
}

/* A full /dev/shm: the write says so, and what fits has been written. */
static void test_full(void **state)
{
	static char megabyte[1 << 20];
	int fd;
	ssize_t total = 0, put_down = 0;

	assert_return_code(mount("tmpfs", "/dev/shm", "tmpfs", MS_REMOUNT, "size=2M"), errno);
	shm_make("full", 0600);
	fd = shm_open_data("full", O_WRONLY);
	while ((put_down = write(fd, megabyte, sizeof(megabyte))) > 0) {
		total += put_down;
		assert_true(total <= 2 << 20);
	}
	assert_int_equal(errno, ENOSPC);
	assert_true(total > 0);
	assert_int_equal(size_of(fd), total);
	close(fd);
	shm_daemon_answers();
	shm_remove("full");
	assert_return_code(mount("tmpfs", "/dev/shm", "tmpfs", MS_REMOUNT, "size=50%"), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_kernel_limits),
		cmocka_unit_test(test_full),
	};

	fixture_isolate();
	return shm_run_both_ways("shm limits", tests);
}
