/*
 * test_unnamed.c - memory without a name is a row of shm/unnamed, with its size and who has it;
 * what has a name, or is one process's alone, is none.
 */
#include "holders_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWNER = 1001 };

struct row {
	unsigned long long inode, bytes;
	char holders[1000], path[1000];
};

/* Calls @is with every row until it says that this is it; true if there is one. */
static bool find_row(bool (*is)(const struct row *row, const void *context), const void *context,
		     struct row *row)
{
	static char text[1 << 20];
	char *line, *rest = text;
	int headers = 0;

	assert_true(get(MOUNT "/shm/unnamed", text, sizeof(text)) > 0);
	while ((line = strsep(&rest, "\n"))) {
		if (*line == '-') {
			assert_string_equal(line, "------ Unnamed Shared Memory --------");
		} else if (headers == 0 && *line) {
			headers++;
			assert_int_equal(
				sscanf(line, "inode bytes %999s %999s", row->holders, row->path),
				2);
		} else if (*line && *line != '#') {
			assert_int_equal(sscanf(line, "%llu %llu %999s %999[^\n]", &row->inode,
						&row->bytes, row->holders, row->path),
					 4);
			if (is(row, context))
				return true;
		}
	}
	assert_int_equal(headers, 1);
	return false;
}

static bool has_path(const struct row *row, const void *context)
{
	return strcmp(row->path, context) == 0;
}

static bool has_size(const struct row *row, const void *context)
{
	return row->bytes == *(const unsigned long long *)context;
}

/* "12/sh,14/cat,+1" has exactly so many of them, and this process. */
static bool has_holder(const struct row *row, pid_t pid, size_t count)
{
	char list[1000], *item, *rest = list;
	size_t found = 0;
	bool has = false;

	snprintf(list, sizeof(list), "%s", row->holders);
	while ((item = strsep(&rest, ","))) {
		found++;
		has |= strtol(item, NULL, 10) == pid;
	}
	return has && found == count;
}

static int idle(void *argument)
{
	pause();
	return 0;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
}

static void test_memfd(void **state)
{
	const char *path = "/memfd:big\\012one (deleted)";
	int fd = memfd_create("big\none", MFD_CLOEXEC);
	struct stat st;
	struct row row;
	void *memory;
	pid_t child;

	assert_return_code(ftruncate(fd, 100 << 20), errno);
	assert_return_code(fstat(fd, &st), errno);
	/* Open, and not mapped. */
	assert_true(find_row(has_path, path, &row));
	assert_int_equal(row.bytes, 100 << 20);
	assert_int_equal(row.inode, st.st_ino);
	assert_true(has_holder(&row, getpid(), 1));
	/* Mapped, and not open: the size is that of all of it. */
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	close(fd);
	child = spawn(idle, NULL);
	assert_true(find_row(has_path, path, &row));
	assert_int_equal(row.bytes, 100 << 20);
	assert_int_equal(row.inode, st.st_ino);
	assert_true(has_holder(&row, getpid(), 2));
	assert_true(has_holder(&row, child, 2));
	end_child(child);
	munmap(memory, 4096);
	assert_false(find_row(has_path, path, &row));
}

static void test_anonymous(void **state)
{
	const unsigned long long size = 12345 * 4096ULL;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct row row;
	pid_t child;

	assert_ptr_not_equal(memory, MAP_FAILED);
	child = spawn(idle, NULL);
	assert_true(find_row(has_size, &size, &row));
	assert_string_equal(row.path, "/dev/zero (deleted)");
	assert_true(has_holder(&row, child, 2));
	end_child(child);
	munmap(memory, size);
	assert_false(find_row(has_size, &size, &row));
}

static void test_removed(void **state)
{
	const unsigned long long size = 54321 * 4096ULL, size_posix = 54322 * 4096ULL;
	int id = shmget(0x71, size, IPC_CREAT | 0600);
	int fd = shm_open("/gone", O_RDWR | O_CREAT | O_EXCL, 0600);
	void *memory = shmat(id, NULL, 0), *posix;
	struct row row;

	assert_ptr_not_equal(memory, (void *)-1);
	assert_return_code(ftruncate(fd, (off_t)size_posix), errno);
	posix = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(posix, MAP_FAILED);
	close(fd);
	/* As long as they have names they are not here. */
	assert_false(find_row(has_size, &size, &row));
	assert_false(find_row(has_size, &size_posix, &row));
	assert_return_code(shmctl(id, IPC_RMID, NULL), errno);
	assert_return_code(shm_unlink("/gone"), errno);
	assert_true(find_row(has_size, &size, &row));
	assert_int_equal(row.inode, id);
	assert_string_equal(row.path, "/SYSV00000071 (deleted)");
	assert_true(has_holder(&row, getpid(), 1));
	assert_true(find_row(has_size, &size_posix, &row));
	assert_string_equal(row.path, "/dev/shm/gone (deleted)");
	/* Another of the name is another. */
	fd = shm_open("/gone", O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_return_code(fd, errno);
	assert_true(find_row(has_size, &size_posix, &row));
	close(fd);
	assert_return_code(shm_unlink("/gone"), errno);
	assert_return_code(shmdt(memory), errno);
	munmap(posix, 4096);
	assert_false(find_row(has_size, &size, &row));
	assert_false(find_row(has_size, &size_posix, &row));
}

/* Mapped through the tree, then removed. */
static void test_removed_through_the_tree(void **state)
{
	const unsigned long long size = 43210 * 4096ULL;
	struct row row;
	char name[100];
	void *memory;
	int fd;

	snprintf(name, sizeof(name), MOUNT "/shm/gone,size=%llu", size);
	assert_return_code(mkdir(name, 0600), errno);
	fd = open(MOUNT "/shm/gone/data", O_RDWR);
	assert_return_code(fd, errno);
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	assert_false(find_row(has_size, &size, &row));
	assert_return_code(rmdir(MOUNT "/shm/gone"), errno);
	if (memory == MAP_FAILED)
		skip();
	assert_true(find_row(has_size, &size, &row));
	assert_true(has_holder(&row, getpid(), 1));
	munmap(memory, 4096);
}

static void test_files(void **state)
{
	const unsigned long long size = 32109 * 4096ULL;
	int fd = open("/run/several", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct row row;
	void *memory;
	pid_t child;

	assert_return_code(ftruncate(fd, (off_t)size), errno);
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	/* One process alone shares nothing; and a private mapping is no sharing. */
	assert_false(find_row(has_size, &size, &row));
	child = spawn(idle, NULL);
	assert_true(find_row(has_size, &size, &row));
	assert_string_equal(row.path, "/run/several");
	assert_true(has_holder(&row, getpid(), 2));
	munmap(memory, 4096);
	assert_false(find_row(has_size, &size, &row));
	end_child(child);
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	child = spawn(idle, NULL);
	assert_false(find_row(has_size, &size, &row));
	end_child(child);
	munmap(memory, 4096);
	close(fd);
	unlink("/run/several");
}

/* What has a name, however it is mapped. */
static void test_named(void **state)
{
	const unsigned long long size = 21098 * 4096ULL;
	struct row row;
	char name[100];
	void *memory[2];
	pid_t child;
	int fd;

	snprintf(name, sizeof(name), MOUNT "/shm/0x72,size=%llu", size);
	assert_return_code(mkdir(name, 0600), errno);
	fd = open(MOUNT "/shm/0x72/data", O_RDWR | O_CLOEXEC);
	memory[0] = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	memory[1] = shmat(shmget(0x72, 0, 0), NULL, 0);
	child = spawn(idle, NULL);
	assert_false(find_row(has_size, &size, &row));
	end_child(child);
	if (memory[0] != MAP_FAILED)
		munmap(memory[0], 4096);
	shmdt(memory[1]);
	close(fd);
	assert_return_code(rmdir(MOUNT "/shm/0x72"), errno);
}

static int have_memfd(void *argument)
{
	const int *ready = argument;

	if (memfd_create("roots", 0) < 0 || write(ready[1], "x", 1) != 1)
		return 1;
	pause();
	return 0;
}

static int look_as_user(void *argument)
{
	static char text[1 << 20];
	const char *hidden;

	become(OWNER);
	if (memfd_create("mine", 0) < 0 || get(MOUNT "/shm/unnamed", text, sizeof(text)) < 0)
		return 1;
	hidden = strstr(text, "\n# ");
	if (!strstr(text, "/memfd:mine") || !hidden || strtol(hidden + 3, NULL, 10) < 1)
		return 2;
	return strstr(text, "/memfd:roots") ? 3 : 0;
}

static void test_plain_user(void **state)
{
	int ready[2];
	struct row row;
	pid_t child;
	char byte;

	assert_return_code(pipe(ready), errno);
	child = spawn(have_memfd, ready);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(find_row(has_path, "/memfd:roots (deleted)", &row));
	assert_int_equal(reap(spawn(look_as_user, NULL)), 0);
	end_child(child);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memfd),      cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_removed),    cmocka_unit_test(test_removed_through_the_tree),
		cmocka_unit_test(test_files),      cmocka_unit_test(test_named),
		cmocka_unit_test(test_plain_user),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
