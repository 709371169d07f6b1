/*
 * test_pipes_keep.c - pipes that the daemon holds open: nobody waits for an end, what was written
 * stays, and all that ends when it is given up.
 */
#include "pipe_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read in one go by a fresh open that must not wait for a writer. */
static void check_content(const char *name, const char *expected)
{
	char text[64] = "";
	int fd = open_data(name, O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	assert_int_equal(got, strlen(expected));
	assert_string_equal(text, expected);
	close(fd);
}

static void test_one_after_the_other(void **state)
{
	make("box,keep=1", 0600);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(put(in_pipe("box", "data"), "a\n"), 0);
		assert_int_equal(put(in_pipe("box", "data"), "b\n"), 0);
		assert_int_equal(figure("box", "bytes"), 4);
		check_content("box", "a\nb\n");
		assert_int_equal(figure("box", "bytes"), 0);
	}
	assert_return_code(rmdir(PIPES "/box"), errno);
}

/* Exits with what the read returned: 0 at the end of file. */
static int read_one(void *argument)
{
	char byte;
	int fd = open_data(argument, O_RDONLY);

	return fd < 0 ? 100 : (int)read(fd, &byte, 1);
}

static void give_up(void)
{
	assert_int_equal(set("end", "keep", "0"), 0);
}

static void remove_it(void)
{
	assert_return_code(rmdir(PIPES "/end"), errno);
}

static void remove_outside(void)
{
	assert_return_code(unlink(RUN_PIPES "/end"), errno);
}

static void replace(void)
{
	assert_return_code(mkfifo(RUN_PIPES "/other", 0600), errno);
	assert_return_code(rename(RUN_PIPES "/other", RUN_PIPES "/end"), errno);
}

static void kill_daemon(void)
{
	assert_return_code(kill(fixture_daemon(), SIGKILL), errno);
	assert_int_equal(reap(fixture_daemon()), -SIGKILL);
	fixture_daemon_gone();
}

/* A reader waits as long as the pipe is kept, and comes to the end of file when it is not. */
static void test_end(void **state)
{
	void (*const ways[])(void) = {give_up, remove_it, remove_outside, replace, kill_daemon};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t reader;

		make("end,keep=1", 0600);
		reader = spawn(read_one, (void *)"end");
		wait_until_asleep_in(reader, "pipe_read");
		ways[i]();
		assert_int_equal(reap(reader), 0);
		if (ways[i] == kill_daemon) {
			fixture_unmount(state);
			fixture_mount(state);
		}
		unlink(RUN_PIPES "/end");
	}
}

static void test_content_ends(void **state)
{
	void (*const ways[])(void) = {give_up, kill_daemon};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		make("end,keep=1", 0600);
		assert_int_equal(put(in_pipe("end", "data"), "lost"), 0);
		ways[i]();
		if (ways[i] == kill_daemon) {
			fixture_unmount(state);
			fixture_mount(state);
		}
		/* The FIFO is there, empty and as nobody has it open. */
		assert_true(is_listed(PIPES, "end"));
		assert_int_equal(figure("end", "keep"), 0);
		assert_int_equal(figure("end", "bytes"), 0);
		assert_int_equal(open_data("end", O_WRONLY | O_NONBLOCK), -ENXIO);
		assert_return_code(rmdir(PIPES "/end"), errno);
	}
}

/* What others have open goes on with its content when the daemon lets go. */
static void test_others_go_on(void **state)
{
	char text[8] = "";
	int reader;

	make("shared,keep=1", 0600);
	reader = open_data("shared", O_RDONLY);
	assert_int_equal(put(in_pipe("shared", "data"), "stays"), 0);
	assert_int_equal(set("shared", "keep", "0"), 0);
	assert_int_equal(read(reader, text, sizeof(text)), 5);
	assert_string_equal(text, "stays");
	assert_int_equal(read(reader, text, sizeof(text)), 0);
	close(reader);
	assert_return_code(rmdir(PIPES "/shared"), errno);
}

static void test_setting(void **state)
{
	static const char *const wrong[] = {"\n", "2", "-1", "yes", "1 1", "01x", "0x1"};
	size_t before;

	make("set", 0600);
	before = descriptors_for_good(fixture_daemon());
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(set("set", "keep", wrong[i]), -EINVAL);
		assert_int_equal(figure("set", "keep"), 0);
	}
	for (int i = 0; i < 50; i++) {
		assert_int_equal(set("set", "keep", "1"), 0);
		assert_int_equal(set("set", "keep", "1\n"), 0);
		assert_int_equal(figure("set", "keep"), 1);
		assert_int_equal(figure("set", "readers"), 0);
		assert_int_equal(figure("set", "writers"), 0);
		assert_int_equal(set("set", "keep", "0"), 0);
		assert_int_equal(set("set", "keep", "0"), 0);
		assert_int_equal(figure("set", "keep"), 0);
	}
	wait_for_descriptors(fixture_daemon(), before);
	assert_return_code(rmdir(PIPES "/set"), errno);
}

/* Keeping one that somebody waits to open lets him in. */
static int open_to_write(void *argument)
{
	return open_data(argument, O_WRONLY) < 0;
}

static void test_lets_in_who_waits(void **state)
{
	pid_t writer;

	make("opener", 0600);
	writer = spawn(open_to_write, (void *)"opener");
	wait_until_asleep_in(writer, "fifo_open");
	assert_int_equal(set("opener", "keep", "1"), 0);
	assert_int_equal(reap(writer), 0);
	assert_return_code(rmdir(PIPES "/opener"), errno);
}

static int keep_as_other(void *unused)
{
	become(OTHER);
	if (set("perm", "keep", "1") != -EACCES)
		return 1;
	return figure("perm", "keep") != 0;
}

static int give_up_as_other(void *unused)
{
	become(OTHER);
	return -set("perm", "keep", "0");
}

static void test_permission(void **state)
{
	make("perm", 0644);
	assert_int_equal(reap(spawn(keep_as_other, NULL)), 0);
	assert_int_equal(set("perm", "keep", "1"), 0);
	assert_int_equal(reap(spawn(give_up_as_other, NULL)), EACCES);
	assert_int_equal(figure("perm", "keep"), 1);
	assert_return_code(chmod(PIPES "/perm", 0666), errno);
	assert_int_equal(reap(spawn(give_up_as_other, NULL)), 0);
	assert_int_equal(figure("perm", "keep"), 0);
	assert_return_code(rmdir(PIPES "/perm"), errno);
}

enum { KEPT_PER_USER = 256 };

/* Exits with the errno of the first that is refused; the count of those that are not is checked. */
static int keep_many(void *unused)
{
	char path[64];
	int made = 0, error = 0;

	become(OTHER);
	while (made <= KEPT_PER_USER && !error) {
		snprintf(path, sizeof(path), PIPES "/many%d,keep=1", made);
		error = mkdir(path, 0600) < 0 ? errno : 0;
		made += !error;
	}
	for (int i = 0; i < made; i++) {
		snprintf(path, sizeof(path), PIPES "/many%d", i);
		if (rmdir(path) < 0)
			return 100;
	}
	return made == KEPT_PER_USER ? error : 101;
}

static void test_so_many_for_a_user(void **state)
{
	size_t before = descriptors_for_good(fixture_daemon());
	char text[65536];

	assert_int_equal(reap(spawn(keep_many, NULL)), EDQUOT);
	assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
	assert_non_null(
		strstr(text, "pipes_max is 256 for each user: uid 1002 has 256 pipes kept"));
	/* The one that was refused has left nothing. */
	assert_false(is_listed(RUN_PIPES, "many256"));
	wait_for_descriptors(fixture_daemon(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_content_ends),
		cmocka_unit_test(test_others_go_on),
		cmocka_unit_test(test_setting),
		cmocka_unit_test(test_lets_in_who_waits),
		cmocka_unit_test(test_permission),
		cmocka_unit_test(test_so_many_for_a_user),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
