/*
 * test_shm_churn.c - objects that take each other's name, are removed and resized while others
 * open, read and map them: what is opened is always one object, whole, and nobody else's.
 *
 * SHM_ROUNDS in the environment says how often.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 3, WORKERS = 3, KEY = 0x1234, LIMIT = 100 };

static int rounds(void)
{
	const char *said = getenv("SHM_ROUNDS");

	return said ? atoi(said) : 1000;
}

/* Each object has its tag at the beginning of all its pages, before it gets the common name. */
static void make_tagged(unsigned worker, unsigned round, bool by_tree)
{
	char own[64], path[128];
	uint64_t tag = (uint64_t)worker << 32 | round;
	int fd;

	snprintf(own, sizeof(own), "own%u", worker);
	snprintf(path, sizeof(path), "%s", shm_path(own, ""));
	if (by_tree) {
		need(mkdir(path, 0600) == 0);
		fd = open(shm_path(own, "data"), O_RDWR);
	} else {
		fd = shm_open(own, O_RDWR | O_CREAT | O_EXCL, 0600);
	}
	need(fd >= 0);
	for (int page = 0; page < PAGES; page++)
		need(pwrite(fd, &tag, sizeof(tag), page * PAGE) == sizeof(tag));
	need(ftruncate(fd, PAGES * PAGE) == 0);
	close(fd);
	if (by_tree) {
		need(rename(path, shm_path("common", "")) == 0);
	} else {
		snprintf(path, sizeof(path), "/dev/shm/%s", own);
		need(rename(path, "/dev/shm/common") == 0);
	}
}

/* Whatever object the name was at that moment, all pages are of that one, by read and by mmap. */
static void look_at_common(int flags, bool may_be_gone)
{
	int fd = open(shm_path("common", "data"), flags);
	uint64_t tags[PAGES];
	struct stat st;

	if (fd < 0) {
		need(may_be_gone && errno == ENOENT);
		return;
	}
	need(fstat(fd, &st) == 0 && st.st_size == PAGES * PAGE);
	for (int page = 0; page < PAGES; page++) {
		need(pread(fd, &tags[page], sizeof(tags[0]), page * PAGE) == sizeof(tags[0]));
		need(tags[page] == tags[0]);
	}
	if (shm_maps()) {
		char *memory = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, 0);

		need(memory != MAP_FAILED);
		for (int page = 0; page < PAGES; page++)
			need(memcmp(memory + page * PAGE, tags, sizeof(tags[0])) == 0);
		munmap(memory, PAGES * PAGE);
	}
	need(fstat(fd, &st) == 0 && st.st_size == PAGES * PAGE);
	close(fd);
}

static int churn(void *argument)
{
	unsigned worker = *(unsigned *)argument, random = worker;

	alarm(getenv("SHM_ROUNDS") ? 0 : LIMIT);
	for (int round = 0; round < rounds(); round++) {
		make_tagged(worker, (unsigned)round, rand_r(&random) % 2);
		look_at_common(O_RDONLY, true);
		look_at_common(O_RDWR, true);
		if (rand_r(&random) % 4 == 0)
			need((rand_r(&random) % 2 ? rmdir(shm_path("common", ""))
						  : unlink("/dev/shm/common")) == 0 ||
			     errno == ENOENT);
		look_at_common(O_RDONLY, true);
	}
	return 0;
}

/*
 * Only renamed over, the name is there all the time.  Not through the tree: for a directory that
 * another is renamed over the kernel says ENOENT to whoever is on the way through it.
 */
static int replace(void *argument)
{
	unsigned worker = *(unsigned *)argument;

	alarm(getenv("SHM_ROUNDS") ? 0 : LIMIT);
	for (int round = 0; round < rounds(); round++) {
		make_tagged(worker, (unsigned)round, false);
		for (int i = 0; i < 4; i++)
			look_at_common(i % 2 ? O_RDWR : O_RDONLY, false);
	}
	return 0;
}

static void run_workers(int (*function)(void *))
{
	unsigned numbers[WORKERS];
	pid_t pids[WORKERS];
	int failed = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		numbers[i] = i + 1;
		pids[i] = spawn(function, &numbers[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		failed += reap(pids[i]) != 0;
	assert_int_equal(failed, 0);
	shm_daemon_answers();
}

static void test_removed_and_renamed(void **state)
{
	run_workers(churn);
	shm_unlink("/common");
}

static void test_renamed_over(void **state)
{
	run_workers(replace);
	shm_remove("common");
}

/* Segments of one key, made and removed by all: an open is of one that was, or says that it is not.
 */
static int churn_segments(void *argument)
{
	unsigned worker = *(unsigned *)argument, random = worker;

	alarm(getenv("SHM_ROUNDS") ? 0 : LIMIT);
	for (int round = 0; round < rounds(); round++) {
		int fd;

		/* ENOENT: made, and removed by another before the tree could say so. */
		if (mkdir(shm_path("0x1234,size=8K", ""), 0600) < 0)
			need(errno == EEXIST || errno == ENOENT);
		fd = open(shm_path("0x1234", "data"), O_RDWR);
		if (fd >= 0) {
			struct stat st;
			char byte = 'x';

			need(fstat(fd, &st) == 0 && st.st_size == 2 * PAGE);
			need(pwrite(fd, &byte, 1, PAGE) == 1);
			need(pread(fd, &byte, 1, PAGE) == 1 && byte == 'x');
			if (shm_maps()) {
				char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
						    MAP_SHARED, fd, 0);

				need(memory != MAP_FAILED);
				memory[0] = 'm';
				need(pread(fd, &byte, 1, 0) == 1 && byte == 'm');
				munmap(memory, 2 * PAGE);
			}
			close(fd);
		} else {
			need(errno == ENOENT || errno == EIDRM);
		}
		if (rand_r(&random) % 2) {
			int id = shmget(KEY, 0, 0);

			if (id >= 0)
				need(shmctl(id, IPC_RMID, NULL) == 0 || errno == EINVAL ||
				     errno == EIDRM);
		} else {
			need(rmdir(shm_path("0x1234", "")) == 0 || errno == ENOENT ||
			     errno == EIDRM);
		}
	}
	return 0;
}

static void test_system_v(void **state)
{
	run_workers(churn_segments);
	shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed_and_renamed),
		cmocka_unit_test(test_renamed_over),
		cmocka_unit_test(test_system_v),
	};

	fixture_isolate();
	return shm_run_both_ways("shm churn", tests);
}
