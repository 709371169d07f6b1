/*
 * test_shm_faults.c - shm/ under clients that do what they should not, and a daemon that dies.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEY = 0x1234, PAGE = 4096, SIZE = 4 * PAGE, OTHER = 1002 };

static off_t size_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	return st.st_size;
}

/* ---- a System V segment has its size for life ---- */

static void still(int fd, int pages)
{
	struct stat st;

	assert_int_equal(size_of(fd), SIZE);
	assert_int_equal(size_of(pages), SIZE);
	assert_int_equal(shm_sysv_stat(KEY).shm_segsz, SIZE);
	assert_return_code(stat(shm_path("0x1234", "data"), &st), errno);
	assert_int_equal(st.st_size, SIZE);
	assert_int_equal(lseek(fd, 0, SEEK_END), SIZE);
}

static void test_fixed_size(void **state)
{
	static const off_t others[] = {0, 1, SIZE - 1, SIZE + 1, SIZE + PAGE, INT64_MAX};
	char text[SIZE + PAGE], seen[SIZE], *memory = NULL;
	int fd, pages, appending, source;
	loff_t from = 0, to = SIZE - 5;
	const char *const sources[] = {"/dev/shm/source", MOUNT "/shm/source/data"};

	shm_make("0x1234,size=16K", 0600);
	pages = shm_sysv_file(shmget(KEY, 0, 0));
	memset(text, 'x', sizeof(text));
	assert_int_equal(pwrite(pages, text, SIZE, 0), SIZE);
	if (shm_maps())
		memory = shm_map("0x1234", SIZE);
	fd = shm_open_data("0x1234", O_RDWR);
	still(fd, pages);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		assert_int_equal(ftruncate(fd, others[i]), -1);
		assert_int_equal(errno, EINVAL);
		still(fd, pages);
		/* To 0 it cannot be told from >. */
		assert_int_equal(truncate(shm_path("0x1234", "data"), others[i]),
				 others[i] ? -1 : 0);
		assert_int_equal(errno, EINVAL);
		still(fd, pages);
	}
	assert_return_code(ftruncate(fd, SIZE), errno);
	assert_return_code(truncate(shm_path("0x1234", "data"), SIZE), errno);
	/* > leaves what is there. */
	assert_int_equal(put_bytes(shm_path("0x1234", "data"), "new", 3), 0);
	still(fd, pages);
	assert_int_equal(pread(pages, seen, SIZE, 0), SIZE);
	assert_memory_equal(seen, "newxxx", 6);
	assert_memory_equal(seen + 3, text, SIZE - 3);

	/* Past the end: what fits, then no space.  Once more when the handle itself is mapped. */
	for (int round = 0; round < 2; round++) {
		if (round == 1 && memory) {
			munmap(memory, SIZE);
			memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			assert_ptr_not_equal(memory, MAP_FAILED);
			memory[SIZE - 1] = 'm';
		}
		assert_int_equal(pwrite(fd, text, 1, SIZE), -1);
		assert_int_equal(errno, ENOSPC);
		assert_int_equal(pwrite(fd, text, PAGE, SIZE + 100 * PAGE), -1);
		assert_int_equal(errno, ENOSPC);
		still(fd, pages);
		assert_int_equal(pwrite(fd, text, PAGE, SIZE - 7), 7);
		assert_int_equal(pwrite(fd, text, sizeof(text), 0), SIZE);
		still(fd, pages);
		appending = shm_open_data("0x1234", O_WRONLY | O_APPEND);
		assert_int_equal(write(appending, text, 1), -1);
		assert_int_equal(errno, ENOSPC);
		close(appending);
		still(fd, pages);
		assert_int_equal(fallocate(fd, 0, SIZE, PAGE), -1);
		still(fd, pages);
		assert_int_equal(lseek(fd, SIZE, SEEK_SET), SIZE);
		assert_int_equal(write(fd, text, 1), -1);
		assert_int_equal(errno, ENOSPC);
		assert_int_equal(read(fd, text, 1), 0);
		still(fd, pages);
	}
	/* Nor does what the kernel copies from file to file go past the end. */
	close(shm_posix_create("/source", SIZE + PAGE));
	for (int i = 0; i < 2; i++) {
		source = open(sources[i], O_RDONLY);
		assert_return_code(source, errno);
		assert_true(copy_file_range(source, &from, fd, &to, PAGE, 0) <= 5);
		still(fd, pages);
		assert_int_equal(lseek(fd, SIZE - 5, SEEK_SET), SIZE - 5);
		assert_true(sendfile(fd, source, NULL, PAGE) <= 5);
		still(fd, pages);
		close(source);
	}
	assert_return_code(shm_unlink("/source"), errno);
	if (memory)
		munmap(memory, SIZE);
	close(fd);
	close(pages);
	shm_remove("0x1234");
}

/* A segment need not end where a page does; the rest of the page is not in the file. */
static void test_odd_size(void **state)
{
	char byte = 'x', text[64];
	int fd, id = shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0600);
	char *memory = shmat(id, NULL, 0);

	assert_ptr_not_equal(memory, (void *)-1);
	fd = shm_open_data("0x1234", O_RDWR);
	assert_int_equal(size_of(fd), 5000);
	assert_int_equal(get_number(shm_path("0x1234", "size")), 5000);
	assert_int_equal(pwrite(fd, &byte, 1, 4999), 1);
	assert_int_equal(memory[4999], 'x');
	assert_int_equal(pwrite(fd, &byte, 1, 5000), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(memory[5000], 0);
	memory[5000] = 'y';
	assert_int_equal(pread(fd, text, sizeof(text), 4990), 10);
	assert_int_equal(pread(fd, text, sizeof(text), 5000), 0);
	assert_int_equal(lseek(fd, 5000, SEEK_DATA), -1);
	assert_int_equal(errno, ENXIO);
	close(fd);
	shmdt(memory);
	shm_remove("0x1234");
}

/* ---- memory that shrinks under its readers ---- */

static int shrink_and_grow(void *object)
{
	char path[64], page[PAGE];
	int fd;

	snprintf(path, sizeof(path), "/%s", (const char *)object);
	fd = shm_open(path, O_RDWR, 0);
	need(fd >= 0);
	memset(page, 's', sizeof(page));
	for (;;) {
		need(ftruncate(fd, 0) == 0);
		need(ftruncate(fd, SIZE) == 0);
		need(pwrite(fd, page, PAGE, SIZE - PAGE) == PAGE);
	}
}

static void test_shrinks_under_a_reader(void **state)
{
	char buffer[2 * SIZE];
	int fd, full = 0, cut = 0;
	pid_t pid;

	close(shm_posix_create("/shrinks", SIZE));
	fd = shm_open_data("shrinks", O_RDWR);
	pid = spawn(shrink_and_grow, (void *)"shrinks");
	for (int i = 0; i < 10000 || !full || !cut; i++) {
		ssize_t got = pread(fd, buffer, sizeof(buffer), 0);

		/* Whatever the size is at that moment: bytes, or none, or an error. */
		assert_true(got <= SIZE);
		for (ssize_t at = 0; at < got; at++)
			if (buffer[at] != 0 && buffer[at] != 's')
				fail_msg("byte %zd is %d", at, buffer[at]);
		full += got == SIZE;
		cut += got != SIZE;
		if (i % 16 == 0) {
			pwrite(fd, "", 1, SIZE - 1);
			lseek(fd, 0, SEEK_HOLE);
			lseek(fd, 0, SEEK_DATA);
			assert_true(get(shm_path("shrinks", "size"), buffer, sizeof(buffer)) > 0);
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
	close(fd);
	shm_daemon_answers();
	shm_remove("shrinks");
}

static int touch_the_mapping(void *memory)
{
	signal(SIGBUS, SIG_DFL); /* cmocka catches it */
	return *(volatile char *)memory;
}

/* It costs the client that touches what has gone its life, and nobody else's. */
static void test_shrinks_under_a_mapping(void **state)
{
	char *memory;

	shm_needs_mapping();
	shm_make("shrinks,size=16K", 0600);
	memory = shm_map("shrinks", SIZE);
	memory[3 * PAGE] = 5;
	assert_int_equal(reap(spawn(touch_the_mapping, memory + 3 * PAGE)), 5);
	assert_return_code(truncate("/dev/shm/shrinks", PAGE), errno);
	assert_int_equal(reap(spawn(touch_the_mapping, memory + 3 * PAGE)), -SIGBUS);
	/* The client handing such memory to read and write gets EFAULT. */
	int fd = shm_open_data("shrinks", O_RDWR);
	assert_int_equal(pwrite(fd, memory + 3 * PAGE, 8, 0), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(pread(fd, memory + 3 * PAGE, 8, 0), -1);
	assert_int_equal(errno, EFAULT);
	close(fd);
	memory[0] = 1;
	shm_daemon_answers();
	munmap(memory, SIZE);
	shm_remove("shrinks");
}

/* A client's buffer that is a mapping of the very file: neither must wait for the other. */
static int copy_onto_itself(void *object)
{
	int fd = open(shm_path(object, "data"), O_RDWR);
	char *memory;

	alarm(30);
	need(fd >= 0);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(memory != MAP_FAILED);
	for (int i = 0; i < 100; i++) {
		need(pwrite(fd, memory, SIZE / 2, SIZE / 2) == SIZE / 2);
		need(pread(fd, memory, SIZE / 2, SIZE / 2) == SIZE / 2);
		need(madvise(memory, SIZE, MADV_DONTNEED) == 0);
	}
	return 0;
}

static void test_copy_onto_itself(void **state)
{
	shm_needs_mapping();
	shm_make("itself,size=16K", 0600);
	shm_make("0x1234,size=16K", 0600);
	assert_int_equal(reap(spawn(copy_onto_itself, (void *)"itself")), 0);
	assert_int_equal(reap(spawn(copy_onto_itself, (void *)"0x1234")), 0);
	shm_remove("itself");
	shm_remove("0x1234");
}

/* ---- who may not ---- */

static int may_not_open(void *object)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s", shm_path(object, "data"));
	shm_become(OTHER);
	need(open(path, O_RDONLY) < 0 && errno == EACCES);
	need(open(path, O_WRONLY) < 0 && errno == EACCES);
	need(open(path, O_RDWR) < 0 && errno == EACCES);
	need(open(path, O_WRONLY | O_TRUNC) < 0 && errno == EACCES);
	/* That a segment has its size for life is so for everyone. */
	need(truncate(path, 1) < 0 && (errno == EACCES || errno == EINVAL));
	/* What it is, everyone may know. */
	need(stat(path, &st) == 0 && st.st_size == SIZE && st.st_mode == (S_IFREG | 0600));
	return 0;
}

static int may_only_read(void *object)
{
	char path[64], byte;
	void *memory;
	int fd;

	snprintf(path, sizeof(path), "%s", shm_path(object, "data"));
	shm_become(OTHER);
	need(open(path, O_RDWR) < 0 && errno == EACCES);
	need(open(path, O_WRONLY) < 0 && errno == EACCES);
	/* A segment is not cut by that, so nothing is refused but by what follows. */
	need(open(path, O_RDONLY | O_TRUNC) < 0 ? errno == EACCES : !strncmp(object, "0x", 2));
	fd = open(path, O_RDONLY);
	need(fd >= 0);
	need(pread(fd, &byte, 1, 0) == 1 && byte == 'r');
	need(pwrite(fd, &byte, 1, 0) < 0 && errno == EBADF);
	need(ftruncate(fd, SIZE) < 0);
	need(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) < 0);
	need(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	     errno == EACCES);
	need(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (!shm_maps()) {
		need(memory == MAP_FAILED && errno == ENODEV);
		return 0;
	}
	need(memory != MAP_FAILED && *(char *)memory == 'r');
	need(mprotect(memory, PAGE, PROT_READ | PROT_WRITE) < 0 && errno == EACCES);
	/* Nor by opening again what is open. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	need(open(path, O_RDWR) < 0 && errno == EACCES);
	return 0;
}

static void test_permission(void **state)
{
	static const char *const objects[] = {"0x1234", "private"};

	for (int i = 0; i < 2; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s,size=16K", objects[i]);
		shm_make(name, 0600);
		assert_int_equal(put_bytes(shm_path(objects[i], "data"), "r", 1), 0);
		if (i == 1)
			assert_return_code(truncate("/dev/shm/private", SIZE), errno);
		/* With and without others who have it open and mapped. */
		int fd = shm_open_data(objects[i], O_RDWR);
		void *memory = shm_maps() ? shm_map(objects[i], SIZE) : NULL;
		for (int round = 0; round < 2; round++) {
			assert_return_code(chmod(shm_path(objects[i], ""), 0600), errno);
			assert_int_equal(reap(spawn(may_not_open, (void *)objects[i])), 0);
			assert_return_code(chmod(shm_path(objects[i], "data"), 0644), errno);
			assert_int_equal(reap(spawn(may_only_read, (void *)objects[i])), 0);
			if (round == 0) {
				close(fd);
				if (memory)
					munmap(memory, SIZE);
			}
		}
		shm_remove(objects[i]);
	}
}

/* ---- a daemon that dies ---- */

/* A mapping outlives the daemon, both ways, and the next daemon shows what was stored. */
static void killed_under(const char *object, volatile char *outside)
{
	char *memory = shm_map(object, SIZE), seen;
	int status, fd = shm_open_data(object, O_RDWR);

	memory[0] = 'a';
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	fixture_daemon_gone();
	for (int at = 0; at < SIZE; at += 97) {
		memory[at] = 'b';
		assert_int_equal(outside[at], 'b');
		outside[at] = 'c';
		assert_int_equal(memory[at], 'c');
	}
	assert_return_code(mprotect(memory, PAGE, PROT_READ), errno);
	assert_int_equal(memory[97], 'c');
	close(fd);
	assert_return_code(umount2(MOUNT, MNT_DETACH), errno);
	assert_int_equal(fixture_mount(NULL), 0);
	memory[SIZE - 1] = 'd';
	fd = shm_open_data(object, O_RDONLY);
	assert_int_equal(pread(fd, &seen, 1, SIZE - 1), 1);
	assert_int_equal(seen, 'd');
	close(fd);
	munmap(memory, SIZE);
}

static void test_daemon_killed_under_a_mapping(void **state)
{
	int fd;
	void *outside;

	shm_needs_mapping();
	fd = shm_posix_create("/killed", SIZE);
	outside = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(outside, MAP_FAILED);
	killed_under("killed", outside);
	munmap(outside, SIZE);
	close(fd);
	shm_remove("killed");

	shm_make("0x1234,size=16K", 0600);
	outside = shmat(shmget(KEY, 0, 0), NULL, 0);
	assert_ptr_not_equal(outside, (void *)-1);
	killed_under("0x1234", outside);
	/* The daemon that was killed was not attached: the last detach ends the segment. */
	assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 1);
	shmdt(outside);
	shm_remove("0x1234");
	assert_int_equal(shmget(KEY, 0, 0), -1);
}

/* SIGTERM under a mapping: a clean end, and the mapping goes on. */
static void test_clean_end_under_a_mapping(void **state)
{
	char *memory;

	shm_needs_mapping();
	shm_make("0x1234,size=16K", 0600);
	memory = shm_map("0x1234", SIZE);
	assert_int_equal(fixture_unmount(NULL), 0);
	memory[5] = 'e';
	assert_int_equal(fixture_mount(NULL), 0);
	char *again = shm_map("0x1234", SIZE);
	assert_int_equal(again[5], 'e');
	again[6] = 'f';
	assert_int_equal(memory[6], 'f');
	munmap(memory, SIZE);
	munmap(again, SIZE);
	shm_remove("0x1234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_size),
		cmocka_unit_test(test_odd_size),
		cmocka_unit_test(test_shrinks_under_a_reader),
		cmocka_unit_test(test_shrinks_under_a_mapping),
		cmocka_unit_test(test_copy_onto_itself),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_daemon_killed_under_a_mapping),
		cmocka_unit_test(test_clean_end_under_a_mapping),
	};

	fixture_isolate();
	return shm_run_both_ways("shm faults", tests);
}
