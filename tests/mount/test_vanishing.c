/*
 * test_vanishing.c - memory and objects that go away while they are used.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLIPS = 10000 };

/* Writes and reads a semaphore whose file is cut short all the time; errors are expected. */
static int operate(void *file)
{
	char text[64], path[128];
	unsigned done = 0;

	snprintf(path, sizeof(path), MOUNT "/sem/p/%s", (const char *)file);
	for (;;) {
		int result = !strcmp(file, "value") ? (int)get(path, text, sizeof(text))
						    : put(path, ++done % 2 ? "V" : "P");

		if (result == -ENOTCONN || result == -ECONNABORTED)
			return 1;
	}
}

/* The owner of a semaphore's file flips it between nothing and a semaphore. */
static void test_flipping_semaphore(void **state)
{
	static const char *const files[] = {"try/op", "op", "within/0.001/op", "value", "op"};
	enum { CLIENTS = sizeof(files) / sizeof(*files) };
	pid_t clients[CLIENTS];
	char whole[32];
	int fd;

	assert_return_code(mkdir(MOUNT "/sem/p,value=0", 0600), errno);
	fd = open("/dev/shm/sem.p", O_RDWR);
	assert_return_code(fd, errno);
	assert_int_equal(read(fd, whole, sizeof(whole)), sizeof(whole));
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = spawn(operate, (void *)files[i]);
	for (int i = 0; i < FLIPS; i++) {
		assert_return_code(ftruncate(fd, 0), errno);
		assert_return_code(ftruncate(fd, sizeof(whole)), errno);
		assert_int_equal(pwrite(fd, whole, sizeof(whole), 0), sizeof(whole));
	}
	for (int i = 0; i < CLIENTS; i++) {
		kill(clients[i], SIGKILL);
		assert_int_equal(reap(clients[i]), -SIGKILL);
	}
	/* The daemon is alive, and the semaphore works. */
	assert_int_equal(pwrite(fd, whole, sizeof(whole), 0), sizeof(whole));
	assert_int_equal(put(MOUNT "/sem/p/op", "V"), 0);
	assert_int_equal(put(MOUNT "/sem/p/op", "P"), 0);
	close(fd);
	assert_return_code(rmdir(MOUNT "/sem/p"), errno);
}

static int take(void *path)
{
	return -put(path, "P");
}

static int receive(void *path)
{
	char text[64];
	ssize_t size = get(path, text, sizeof(text));

	return size < 0 ? (int)-size : 0;
}

static int hold(void *path)
{
	return open(path, O_WRONLY) < 0 ? errno : 0;
}

/* An object is removed while clients wait on it, and made again under the same name at once. */
static void test_removed_under_waiters(void **state)
{
	static const struct {
		const char *object, *attributes, *file;
		int (*client)(void *);
	} cases[] = {
		{MOUNT "/sem/p", ",value=0", "op", take},
		{MOUNT "/sem/p", ",value=0", "hold", hold},
		{MOUNT "/sem/p", ",value=0", "within/100/op", take},
		{MOUNT "/sem/0x31", ",value=0", "op", take},
		{MOUNT "/sem/0x31", ",value=0", "hold", hold},
		{MOUNT "/mq/q", "", "data", receive},
		{MOUNT "/mq/q", "", "lines", receive},
		{MOUNT "/mq/0x31", "", "data", receive},
		{MOUNT "/mq/0x31", "", "within/100/type/-3", receive},
	};
	enum { CLIENTS = 5 };

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		char name[128], file[128];
		pid_t clients[CLIENTS];

		snprintf(name, sizeof(name), "%s%s", cases[c].object, cases[c].attributes);
		snprintf(file, sizeof(file), "%s/%s", cases[c].object, cases[c].file);
		assert_return_code(mkdir(name, 0600), errno);
		for (int i = 0; i < CLIENTS; i++) {
			clients[i] = spawn(cases[c].client, file);
			if (cases[c].client == hold)
				wait_until_open_parked(clients[i]);
			else
				wait_until_parked(clients[i]);
		}
		assert_return_code(rmdir(cases[c].object), errno);
		assert_return_code(mkdir(name, 0600), errno);
		for (int i = 0; i < CLIENTS; i++)
			assert_int_equal(reap(clients[i]), EIDRM);
		assert_return_code(rmdir(cases[c].object), errno);
	}
}

/* Open handles whose object has gone say so, whatever has taken its name. */
static void test_removed_under_open_handles(void **state)
{
	static const char *const objects[] = {MOUNT "/mq/q", MOUNT "/mq/0x31"};
	static const char *const sems[] = {MOUNT "/sem/p", MOUNT "/sem/0x31"};
	char path[128], text[64];

	for (int i = 0; i < 2; i++) {
		int each, op;

		assert_return_code(mkdir(objects[i], 0600), errno);
		snprintf(path, sizeof(path), "%s/each", objects[i]);
		each = open(path, O_RDWR);
		assert_return_code(each, errno);
		assert_return_code(rmdir(objects[i]), errno);
		assert_return_code(mkdir(objects[i], 0600), errno);
		assert_int_equal(read(each, text, sizeof(text)), -1);
		assert_int_equal(errno, EIDRM);
		assert_int_equal(write(each, "x", 1), -1);
		assert_int_equal(errno, EIDRM);
		close(each);
		assert_return_code(rmdir(objects[i]), errno);

		assert_return_code(mkdir(sems[i], 0600), errno);
		snprintf(path, sizeof(path), "%s/op", sems[i]);
		op = open(path, O_RDWR);
		assert_return_code(op, errno);
		assert_return_code(rmdir(sems[i]), errno);
		assert_return_code(mkdir(sems[i], 0600), errno);
		assert_int_equal(write(op, "P", 1), -1);
		assert_int_equal(errno, EIDRM);
		close(op);
		assert_return_code(rmdir(sems[i]), errno);
	}
}

/*
 * The kernel marks the inode of a removed directory dead.  What is made again under its name is
 * another, however the old one is still in use.
 */
static void test_made_again(void **state)
{
	static const char *const objects[] = {MOUNT "/mq/again", MOUNT "/sem/again",
					      MOUNT "/mq/0x77", MOUNT "/sem/0x77"};
	static const char *const paths[] = {MOUNT "/mq/again/each", MOUNT "/sem/again/op",
					    MOUNT "/mq/0x77/each", MOUNT "/sem/0x77/op"};
	char here[128];
	struct stat st;

	assert_non_null(getcwd(here, sizeof(here)));
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		const char *path = paths[i];
		int fd;

		assert_return_code(mkdir(objects[i], 0600), errno);
		fd = open(path, O_RDWR);
		assert_return_code(fd, errno);
		assert_return_code(chdir(objects[i]), errno);
		for (int again = 0; again < 3; again++) {
			assert_return_code(rmdir(objects[i]), errno);
			assert_return_code(mkdir(objects[i], 0600), errno);
			assert_return_code(stat(path, &st), errno);
			assert_int_equal(put(path, "+1"), 0);
		}
		assert_return_code(chdir(here), errno);
		close(fd);
		assert_return_code(stat(path, &st), errno);
		assert_return_code(rmdir(objects[i]), errno);
	}
	/* The same by a rename over it. */
	assert_return_code(mkdir(MOUNT "/sem/from", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/to", 0600), errno);
	assert_return_code(chdir(MOUNT "/sem/to"), errno);
	assert_return_code(rename(MOUNT "/sem/from", MOUNT "/sem/to"), errno);
	assert_int_equal(put(MOUNT "/sem/to/op", "+1"), 0);
	assert_int_equal(get_number(MOUNT "/sem/to/value"), 2);
	assert_return_code(mkdir(MOUNT "/sem/from", 0600), errno);
	assert_int_equal(get_number(MOUNT "/sem/from/value"), 1);
	assert_return_code(chdir(here), errno);
	assert_return_code(rmdir(MOUNT "/sem/from"), errno);
	assert_return_code(rmdir(MOUNT "/sem/to"), errno);
}

/* A reader that comes to a queue at the moment of its removal is not forgotten. */
static void test_removed_while_reading(void **state)
{
	enum { ROUNDS = 2000 };

	for (int i = 0; i < ROUNDS; i++) {
		pid_t reader;
		int result;

		assert_return_code(mkdir(MOUNT "/mq/race,maxmsg=1,msgsize=8", 0600), errno);
		reader = spawn(receive, (void *)MOUNT "/mq/race/data");
		assert_return_code(rmdir(MOUNT "/mq/race"), errno);
		result = reap(reader);
		assert_true(result == EIDRM || result == ENOENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flipping_semaphore),
		cmocka_unit_test(test_made_again),
		cmocka_unit_test(test_removed_while_reading),
		cmocka_unit_test(test_removed_under_waiters),
		cmocka_unit_test(test_removed_under_open_handles),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("vanishing", tests, fixture_mount, fixture_unmount);
}
