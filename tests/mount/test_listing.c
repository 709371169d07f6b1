/*
 * test_listing.c - directories read from any offset, and names of all sorts.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OBJECTS = 50 };

struct entry {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static bool is_known(const char *name)
{
	static const char *const files[] = {
		".",           "..",           "status",          "status.json",
		"status.pids", "status.times", "status.creators", "limits",
		"holders",     "events"};
	char expected[32];

	for (int i = 0; i < OBJECTS; i++) {
		snprintf(expected, sizeof(expected), "semaphore-%d", i);
		if (!strcmp(name, expected))
			return true;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!strcmp(name, files[i]))
			return true;
	return false;
}

/* Offsets are the user's to choose: whatever they are, only names of the directory come. */
static void test_any_offset(void **state)
{
	char buffer[32768], path[64];
	int fd;

	for (int i = 0; i < OBJECTS; i++) {
		snprintf(path, sizeof(path), MOUNT "/sem/semaphore-%d", i);
		assert_return_code(mkdir(path, 0600), errno);
	}
	fd = open(MOUNT "/sem", O_RDONLY | O_DIRECTORY);
	assert_return_code(fd, errno);
	for (off_t offset = 0; offset < 4000; offset++) {
		long size;

		/* From the beginning first, so that there is a listing. */
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_true(syscall(SYS_getdents64, fd, buffer, 64) > 0);
		assert_int_equal(lseek(fd, offset, SEEK_SET), offset);
		size = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
		assert_true(size >= 0);
		for (long at = 0; at < size;) {
			struct entry *entry = (struct entry *)(buffer + at);

			assert_true(is_known(entry->name));
			at += entry->size;
		}
	}
	assert_int_equal(lseek(fd, INT64_MAX - 1, SEEK_SET), INT64_MAX - 1);
	assert_int_equal(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), 0);
	close(fd);
	for (int i = 0; i < OBJECTS; i++) {
		snprintf(path, sizeof(path), MOUNT "/sem/semaphore-%d", i);
		assert_return_code(rmdir(path), errno);
	}
}

/* Each is listed once, under the name by which it can be reached. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"plain", "with space", "new\nline", "\xff\xfe",     "0x12g",
		"-",     "posix:0x12", "posix:17",  "posix:status", "posix:posix:x"};
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct dirent *entry;
		unsigned found = 0;
		struct stat st;
		DIR *dir;

		snprintf(path, sizeof(path), MOUNT "/sem/%s", names[i]);
		assert_return_code(mkdir(path, 0600), errno);
		assert_int_equal(mkdir(path, 0600), -1);
		assert_int_equal(errno, EEXIST);
		dir = opendir(MOUNT "/sem");
		assert_non_null(dir);
		while ((entry = readdir(dir)))
			found += !strcmp(entry->d_name, names[i]) && entry->d_type == DT_DIR;
		closedir(dir);
		assert_int_equal(found, 1);
		assert_return_code(stat(path, &st), errno);
		assert_return_code(rmdir(path), errno);
		assert_int_equal(stat(path, &st), -1);
		assert_int_equal(errno, ENOENT);
	}
}

/* What chmod computes from the mode that a directory shows gives nobody more than was asked for. */
static void test_chmod_of_directory(void **state)
{
	static const struct {
		mode_t before, asked, after;
	} cases[] = {
		{0600, 0644, 0644}, /* numbers are meant as they are */
		{0600, 0600, 0600}, {0644, 0600, 0600},
		{0666, 0, 0},       {0600, 0775, 0620}, /* g+w on what shows as 755 */
		{0600, 0555, 0400},                     /* u-w */
		{0644, 0777, 0666},                     /* a+w */
		{0640, 0751, 0640},                     /* o-r, which it has not */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct stat st;

		assert_return_code(mkdir(MOUNT "/sem/m", cases[i].before), errno);
		assert_return_code(chmod(MOUNT "/sem/m", cases[i].asked), errno);
		assert_return_code(stat("/dev/shm/sem.m", &st), errno);
		assert_int_equal(st.st_mode & 0777, cases[i].after);
		assert_return_code(rmdir(MOUNT "/sem/m"), errno);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_offset),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_chmod_of_directory),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("listing", tests, fixture_mount, fixture_unmount);
}
