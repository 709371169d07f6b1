/*
 * test_shm_holes.c - what takes memory and what does not: holes, and huge pages.
 *
 * The kernel's own view of the same pages is the measure: SEEK_DATA, SEEK_HOLE and st_blocks of the
 * file that is behind the object.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KEY = 0x1234, PAGE = 4096, PAGES = 64, SIZE = PAGES * PAGE };

struct object {
	const char *name;
	int pages; /* the kernel's own file of it */
};

static int make_object(struct object *object, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s,size=%d", name, SIZE);
	shm_make(text, 0600);
	object->name = name;
	if (strncmp(name, "0x", 2) == 0)
		object->pages = shm_sysv_file(shmget(KEY, 0, 0));
	else
		object->pages = shm_open(name, O_RDWR, 0);
	assert_return_code(object->pages, errno);
	return object->pages;
}

static blkcnt_t blocks(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	return st.st_blocks;
}

/* The tree says of holes and of memory in use what the kernel does, through any way to ask. */
static void agrees(const struct object *object, int fd)
{
	struct stat st;

	assert_int_equal(blocks(fd), blocks(object->pages));
	assert_return_code(stat(shm_path(object->name, "data"), &st), errno);
	assert_int_equal(st.st_blocks, blocks(object->pages));
	assert_int_equal(st.st_size, SIZE);
	for (off_t at = 0; at <= SIZE + PAGE; at += PAGE / 2)
		for (int whence = SEEK_DATA; whence <= SEEK_HOLE; whence += SEEK_HOLE - SEEK_DATA) {
			off_t expected = lseek(object->pages, at, whence);
			int error = errno;
			off_t said = lseek(fd, at, whence);

			if (said != expected)
				fail_msg("%s from %ld: %ld, not %ld", object->name, (long)at,
					 (long)said, (long)expected);
			if (expected < 0)
				assert_int_equal(errno, error);
			else
				assert_int_equal(lseek(fd, 0, SEEK_CUR), said);
		}
	assert_int_equal(lseek(fd, -1, SEEK_DATA), -1);
	assert_int_equal(errno, ENXIO);
	assert_int_equal(lseek(object->pages, -1, SEEK_DATA), -1);
	assert_int_equal(errno, ENXIO);
}

static void holes_of(const char *name)
{
	static char text[SIZE];
	struct object object;
	int fd;

	make_object(&object, name);
	fd = shm_open_data(name, O_RDWR);
	agrees(&object, fd);
	assert_int_equal(blocks(fd), 0);
	/* Reading takes nothing, be it in one piece, in many, or by a walker. */
	assert_int_equal(pread(fd, text, SIZE, 0), SIZE);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(text[i], 0);
	for (int page = 0; page < PAGES; page++)
		assert_int_equal(pread(fd, text, 1, page * PAGE + 17), 1);
	assert_int_equal(get(shm_path(name, "data"), text, sizeof(text)), SIZE - 1);
	assert_int_equal(blocks(object.pages), 0);
	agrees(&object, fd);
	/* Islands of data. */
	for (int page = 3; page < PAGES; page += 7) {
		assert_int_equal(pwrite(fd, "island", 6, page * PAGE + 5), 6);
		agrees(&object, fd);
	}
	assert_int_equal(blocks(object.pages), (PAGES + 3) / 7 * PAGE / 512);
	assert_int_equal(pread(fd, text, SIZE, 0), SIZE);
	agrees(&object, fd);
	/* Made a hole again. */
	assert_return_code(
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * PAGE, 8 * PAGE),
		errno);
	agrees(&object, fd);
	assert_int_equal(pread(object.pages, text, 6, 3 * PAGE + 5), 6);
	assert_memory_equal(text, "\0\0\0\0\0\0", 6);
	assert_int_equal(pread(object.pages, text, 6, 17 * PAGE + 5), 6);
	assert_memory_equal(text, "island", 6);
	if (shm_maps()) {
		char *memory = shm_map(name, SIZE);

		memory[40 * PAGE] = 'm';
		agrees(&object, fd);
		munmap(memory, SIZE);
	}
	close(fd);
	close(object.pages);
	shm_remove(name);
}

static void test_holes(void **state)
{
	holes_of("0x1234");
	holes_of("holes");
}

/* rss of the kernel's table is what du shows. */
static long rss_of(int id)
{
	char line[512];
	long rss = -1, swap;
	int found;
	FILE *table = fopen("/proc/sysvipc/shm", "re");

	assert_non_null(table);
	while (rss < 0 && fgets(line, sizeof(line), table))
		if (sscanf(line, "%*d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %ld",
			   &found, &rss, &swap) != 3 ||
		    found != id)
			rss = -1;
	fclose(table);
	assert_true(rss >= 0);
	return rss;
}

static void test_rss(void **state)
{
	struct object object;

	make_object(&object, "0x1234");
	for (int page = 0; page <= PAGES; page += 8) {
		int id = shmget(KEY, 0, 0);

		for (int i = 0; i < page; i++)
			assert_int_equal(pwrite(object.pages, "x", 1, i * PAGE), 1);
		struct stat st;
		assert_return_code(stat(shm_path("0x1234", "data"), &st), errno);
		assert_int_equal(rss_of(id), page * PAGE);
		assert_int_equal(st.st_blocks * 512, rss_of(id));
		assert_int_equal(get_number(shm_path("0x1234", "rss")), rss_of(id));
		assert_int_equal(get_number(shm_path("0x1234", "swap")), 0);
	}
	close(object.pages);
	shm_remove("0x1234");
}

/* ---- huge pages ---- */

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"
static int guarded = -1;
static pid_t guard;

/*
 * This figure is the whole machine's: a process of its own puts it back when the test ends, in
 * whatever way.
 */
static int allow_huge_pages(void **state)
{
	char before[32], byte;
	int ends[2];

	if (get(OVERCOMMIT, before, sizeof(before)) <= 0 || strtol(before, NULL, 10) >= 4)
		return 0;
	assert_return_code(pipe2(ends, O_CLOEXEC), errno);
	guard = fork();
	assert_return_code(guard, errno);
	if (guard == 0) {
		close(ends[1]);
		setsid();
		while (read(ends[0], &byte, 1) < 0)
			;
		put(OVERCOMMIT, before);
		_exit(0);
	}
	close(ends[0]);
	guarded = ends[1];
	put(OVERCOMMIT, "4");
	return 0;
}

static int forbid_huge_pages(void **state)
{
	shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL);
	if (guarded >= 0) {
		close(guarded);
		guarded = -1;
		reap(guard);
	}
	return 0;
}

static void test_huge_pages(void **state)
{
	enum { HUGE = 2 << 20, BYTES = 2 * HUGE };
	int id = shmget(KEY, BYTES, SHM_HUGETLB | IPC_CREAT | IPC_EXCL | 0600), fd;
	static char text[1 << 20], seen[1 << 20];
	char *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
	struct stat st;

	if (memory == (void *)-1) {
		print_message("skipped: no huge pages can be had: %s\n", strerror(errno));
		skip();
	}
	fd = shm_open_data("0x1234", O_RDWR);
	assert_return_code(fstat(fd, &st), errno);
	assert_int_equal(st.st_size, BYTES);
	assert_int_equal(get_number(shm_path("0x1234", "size")), BYTES);
	/* A mapping of such pages cannot go through the mount; nothing stale is mapped. */
	assert_ptr_equal(mmap(NULL, HUGE, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, ENODEV);
	for (int round = 0; round < 3; round++)
		for (off_t at = HUGE - (1 << 19) - 3; at < BYTES - (1 << 20); at += 777777) {
			memset(text, 'a' + round, sizeof(text));
			text[0] = 'A';
			assert_int_equal(pwrite(fd, text, sizeof(text), at), sizeof(text));
			assert_memory_equal(memory + at, text, sizeof(text));
			memory[at + 5] = 'B';
			assert_int_equal(pread(fd, seen, sizeof(seen), at), sizeof(seen));
			assert_memory_equal(memory + at, seen, sizeof(seen));
		}
	assert_int_equal(pread(fd, seen, sizeof(seen), BYTES - 7), 7);
	assert_int_equal(pread(fd, seen, sizeof(seen), BYTES), 0);
	assert_int_equal(pwrite(fd, text, sizeof(text), BYTES - 7), 7);
	assert_int_equal(pwrite(fd, text, 1, BYTES), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(ftruncate(fd, HUGE), -1);
	assert_int_equal(errno, EINVAL);
	/* To write them the daemon is attached as long as the file is open. */
	close(fd);
	while (shm_sysv_stat(KEY).shm_nattch != 1)
		;
	fd = shm_open_data("0x1234", O_RDONLY);
	assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 1);
	/* Removed and detached, it is there as long as it is open. */
	memory[0] = 'z';
	assert_return_code(shmctl(id, IPC_RMID, NULL), errno);
	assert_return_code(shmdt(memory), errno);
	assert_int_equal(pread(fd, seen, 1, 0), 1);
	assert_int_equal(seen[0], 'z');
	close(fd);
	shm_daemon_answers();
}

/* The second page cannot be had when it is touched: an error for the client, and a daemon that
 * lives. */
static void test_huge_pages_run_out(void **state)
{
	enum { HUGE = 2 << 20, BYTES = 2 * HUGE };
	static char text[1 << 20];
	int id, fd;

	if (put(OVERCOMMIT, "1") < 0 || get_number("/proc/sys/vm/nr_hugepages") > 0)
		skip();
	id = shmget(KEY, BYTES, SHM_HUGETLB | SHM_NORESERVE | IPC_CREAT | IPC_EXCL | 0600);
	if (id < 0) {
		print_message("skipped: no huge pages can be had: %s\n", strerror(errno));
		skip();
	}
	fd = shm_open_data("0x1234", O_RDWR);
	memset(text, 'x', sizeof(text));
	if (pwrite(fd, text, sizeof(text), 0) != sizeof(text)) {
		close(fd);
		print_message("skipped: not even one huge page can be had\n");
		skip();
	}
	assert_int_equal(pwrite(fd, text, sizeof(text), HUGE), -1);
	assert_int_equal(pwrite(fd, text, 200, HUGE - 100), 100);
	assert_int_equal(pread(fd, text, 100, HUGE - 100), 100);
	close(fd);
	shm_daemon_answers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_rss),
		cmocka_unit_test_setup_teardown(test_huge_pages, allow_huge_pages,
						forbid_huge_pages),
		cmocka_unit_test_setup_teardown(test_huge_pages_run_out, allow_huge_pages,
						forbid_huge_pages),
	};

	fixture_isolate();
	return shm_run_both_ways("shm holes", tests);
}
