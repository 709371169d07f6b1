/*
 * test_many.c - many that wait: they are spread over the daemon's descriptors of /dev/fuse,
 * whatever ends their waiting comes to each, and the memory that they took goes back.
 */
#include "../stress/memory_use.h"
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* More than the daemon reads by one descriptor, and by the one after it. */
enum { READERS = 1000, MOST = 16 };

#define QUEUE MOUNT "/mq/q"

static struct reader {
	pthread_t thread;
	int number; /* what it has read; -errno */
} readers[READERS];
static atomic_int ended;

static void *read_number(void *argument)
{
	struct reader *reader = argument;
	char text[16] = "";
	int fd = open(QUEUE "/each", O_RDONLY | O_CLOEXEC);

	reader->number = fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 ? atoi(text) : -errno;
	if (fd >= 0)
		close(fd);
	ended++;
	return NULL;
}

static void nothing(int signal)
{
}

static long waiting(void)
{
	char text[4096], *row;

	assert_true(get(MOUNT "/limits.users", text, sizeof(text)) > 0);
	row = strstr(text, "waiting_max");
	return row ? strtol(row + strlen("waiting_max"), NULL, 10) : 0;
}

static void start_readers(void)
{
	pthread_attr_t little;

	ended = 0;
	assert_int_equal(pthread_attr_init(&little), 0);
	assert_int_equal(pthread_attr_setstacksize(&little, 64 << 10), 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(
			pthread_create(&readers[i].thread, &little, read_number, &readers[i]), 0);
	pthread_attr_destroy(&little);
	while (waiting() != READERS)
		assert_int_equal(ended, 0);
}

static void join_readers(void)
{
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
	assert_int_equal(waiting(), 0);
}

static int devices_of_daemon(void)
{
	char directory[64], name[320], target[64];
	const struct dirent *entry;
	int found = 0;
	DIR *list;

	snprintf(directory, sizeof(directory), "/proc/%d/fd", fixture_daemon());
	list = opendir(directory);
	assert_non_null(list);
	while ((entry = readdir(list))) {
		ssize_t size;

		snprintf(name, sizeof(name), "%s/%s", directory, entry->d_name);
		size = readlink(name, target, sizeof(target) - 1);
		target[size < 0 ? 0 : size] = '\0';
		found += strcmp(target, "/dev/fuse") == 0;
	}
	closedir(list);
	return found;
}

static void test_each_reads_its_own(void **state)
{
	bool seen[READERS + 1] = {false};
	char text[16];

	assert_int_equal(devices_of_daemon(), MOST);
	start_readers();
	for (int i = 1; i <= READERS; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(put(QUEUE "/data", text), 0);
	}
	join_readers();
	for (int i = 0; i < READERS; i++) {
		assert_in_range(readers[i].number, 1, READERS);
		assert_false(seen[readers[i].number]);
		seen[readers[i].number] = true;
	}
}

/* The latest first, so that those which wait at the first descriptor are the last. */
static void test_each_is_interrupted(void **state)
{
	start_readers();
	for (int i = READERS - 1; i >= 0; i--) {
		assert_int_equal(pthread_kill(readers[i].thread, SIGUSR1), 0);
		while (ended < READERS - i)
			sched_yield();
		assert_int_equal(readers[i].number, -EINTR);
	}
	join_readers();
}

static void test_each_hears_of_the_end(void **state)
{
	start_readers();
	assert_return_code(rmdir(QUEUE), errno);
	join_readers();
	for (int i = 0; i < READERS; i++)
		assert_int_equal(readers[i].number, -EIDRM);
}

static void test_memory_goes_back(void **state)
{
	const struct timespec pause = {0, 10000000};
	size_t idle = memory_use(fixture_daemon()).pss, busy;

	if (memory_has_sanitizer(fixture_daemon())) {
		print_message("skipped: a sanitizer keeps what has been freed\n");
		skip();
	}
	start_readers();
	busy = memory_use(fixture_daemon()).pss;
	/* There is something to be given back. */
	assert_true(busy > idle + READERS * 4096);
	assert_return_code(rmdir(QUEUE), errno);
	join_readers();
	while (memory_use(fixture_daemon()).pss > idle + (busy - idle) / 2)
		nanosleep(&pause, NULL);
}

static int setup(void **state)
{
	int error = fixture_mount(state);

	return error ? error : mkdir(QUEUE, 0600);
}

static int teardown(void **state)
{
	rmdir(QUEUE); /* if the test has left it */
	return fixture_unmount(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_reads_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_is_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_hears_of_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_goes_back, setup, teardown),
	};

	fixture_isolate();
	/* Without SA_RESTART. */
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
