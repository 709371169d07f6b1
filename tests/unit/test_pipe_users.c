/*
 * test_pipe_users.c - what a caller may see and change that is not root.  The thread has that
 * user's effective ids alone, as the daemon's threads have; its real ones are still root's, which
 * is what pidfd_getfd(2) would go by.
 */
#include "pipe_fixture.h"

#include <jansson.h>

static void assert_holders(const char *name, const struct child *child, const char *user,
			   const char *how, const char *rest)
{
	char expected[256];

	snprintf(expected, sizeof(expected), "%d %s %s holder\n%s", (int)child->pid, user, how,
		 rest);
	assert_text(name, "holders", expected);
}

#define ONE_HIDDEN "# 1 process not shown: you may not look at it\n"

/* ---- pipes without a name ---- */

static void test_not_found(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);
	struct child other = child_hold(OTHER, ends.write);
	struct place found;
	struct names names;
	char *text;

	/* This process has them open, too: it may always look into itself, whoever it is. */
	become(USER);
	assert_int_equal(tree_find(ends.name, &found), -ENOENT);
	tree_list(row_of(pipe_kind.dir, "anon")->dir, &names);
	assert_string_equal(names.text, "");
	text = text_of(NULL, "status");
	assert_lacks(text, "anon/");
	assert_contains(text, "\n# 2 processes not shown: you may not look at them\n");
	free(text);
	assert_text(NULL, "holders", "# 2 processes not shown: you may not look at them\n");
	assert_text(NULL, "status.json", "[]\n");
	/* Neither by what has just been seen by root. */
	become(0);
	at(ends.name);
	become(USER);
	assert_int_equal(tree_find(ends.name, &found), -ENOENT);
	become(0);
	child_end(&child);
	child_end(&other);
	ends_close(&ends);
}

/* One that was found by somebody who may is not shown to somebody else. */
static void test_place_of_another(void **state)
{
	static const char *const files[] = {"bytes",  "capacity",    "readers", "writers",
					    "status", "status.json", "holders"};
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);
	struct place place = at(ends.name);
	int error;

	become(USER);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		assert_null(place_text(&place, files[i], &error));
		assert_int_equal(error, -ENOENT);
	}
	assert_int_equal(row_of(place.dir, "capacity")->store(&call, &place, "4096"), -ENOENT);
	assert_int_equal(fcntl(ends.read, F_GETPIPE_SZ), 65536);
	become(0);
	child_end(&child);
	ends_close(&ends);
}

/* The user sees his own end; that the other end is root's is counted. */
static void test_half_seen(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(USER, ends.read), hidden = child_hold(0, ends.write);
	char expected[256];
	json_t *list;
	char *text;

	ends_close(&ends);
	become(USER);
	assert_holders(ends.name, &child, "nobody", "read", ONE_HIDDEN);
	assert_figure(ends.name, "readers", 1);
	assert_figure(ends.name, "writers", 1);
	assert_figure(ends.name, "bytes", 0);
	assert_figure(ends.name, "capacity", 65536);
	text = text_of(NULL, "status");
	snprintf(expected, sizeof(expected), " +1                       %d/holder\n",
		 (int)child.pid);
	assert_contains(text, expected);
	assert_contains(text, "\n" ONE_HIDDEN);
	free(text);
	text = text_of(ends.name, "status.json");
	list = json_loads(text, 0, NULL);
	assert_non_null(list);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "hidden")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "writers")),
			 1);
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 0), "holders")), 1);
	json_decref(list);
	free(text);
	become(0);
	child_end(&child);
	child_end(&hidden);
}

/* Who cannot be looked into, and has nothing to do with it, is not counted. */
static void test_only_holders_counted(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(USER, ends.read),
		     bystander = child_start(0, NULL, 0, NULL, NULL);

	ends_close(&ends);
	become(USER);
	assert_holders(ends.name, &child, "nobody", "read", "");
	become(0);
	child_end(&child);
	child_end(&bystander);
}

static void be_undumpable(int line, void *context)
{
	prctl(PR_SET_DUMPABLE, 0);
}

/* One's own process that may not be looked into: the kernel says so, not the user id. */
static void test_undumpable(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_start(USER, &ends.read, 1, be_undumpable, NULL);
	struct place found;

	become(USER);
	assert_int_equal(tree_find(ends.name, &found), -ENOENT);
	assert_text(NULL, "holders", ONE_HIDDEN);
	become(0);
	assert_holders(ends.name, &child, "nobody", "read", "");
	child_end(&child);
	ends_close(&ends);
}

static void test_capacity(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(USER, ends.read);

	/* Root's pipe, of which the user has an end: he could not open it. */
	become(USER);
	assert_figure(ends.name, "capacity", 65536);
	assert_int_equal(tree_store(ends.name, "capacity", "4096"), -EACCES);
	become(0);
	assert_int_equal(fcntl(ends.read, F_GETPIPE_SZ), 65536);
	/* Given to him he may, as far as his own limits allow. */
	assert_return_code(fchown(ends.read, USER, USER), errno);
	become(USER);
	assert_int_equal(tree_store(ends.name, "capacity", "8192"), 0);
	assert_int_equal(tree_store(ends.name, "capacity", "1000000000"), -EPERM);
	assert_contains(call.reason, "fs.pipe-max-size");
	become(0);
	assert_int_equal(fcntl(ends.read, F_GETPIPE_SZ), 8192);
	child_end(&child);
	ends_close(&ends);
}

/* ---- named pipes ---- */

static void test_named(void **state)
{
	static const char *const files[] = {"bytes", "capacity", "readers", "writers"};
	struct child child;
	char *text;
	int fd;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	fd = open(PIPES "/p", O_RDWR);
	child = child_hold(0, fd);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	/* That it is there everyone may know, what is in it who could open it. */
	become(USER);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		assert_int_equal(error_of("p", files[i]), -EACCES);
		assert_contains(call.reason, "neither read nor write");
	}
	assert_int_equal(tree_store("p", "capacity", "4096"), -EACCES);
	assert_text("p", "holders", ONE_HIDDEN);
	text = text_of("p", "status");
	assert_contains(text, "\np          root       600        -          -          -          "
			      "-          +1\n" ONE_HIDDEN);
	free(text);
	for (mode_t mode = 0604; mode; mode = mode == 0604 ? 0602 : 0) {
		become(0);
		assert_return_code(chmod(PIPES "/p", mode), errno);
		become(USER);
		assert_figure("p", "bytes", 5);
		assert_figure("p", "capacity", 65536);
		assert_figure("p", "readers", 1);
		assert_figure("p", "writers", 1);
		assert_text("p", "holders", ONE_HIDDEN);
	}
	assert_int_equal(tree_store("p", "capacity", "8192"), 0);
	assert_figure("p", "capacity", 8192);
	become(0);
	assert_return_code(chmod(PIPES "/p", 0604), errno);
	become(USER);
	assert_int_equal(tree_store("p", "capacity", "4096"), -EACCES);
	assert_contains(call.reason, "permission to write");
	become(0);
	assert_figure("p", "capacity", 8192);
	child_end(&child);
}

/* Who has it open knows what is in it, whatever its mode is by now. */
static void test_named_open(void **state)
{
	struct child child;
	int fd;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	fd = open(PIPES "/p", O_RDWR);
	child = child_hold(USER, fd);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	become(USER);
	assert_figure("p", "bytes", 5);
	assert_figure("p", "readers", 1);
	assert_holders("p", &child, "nobody", "read-write", "");
	assert_int_equal(tree_store("p", "capacity", "4096"), -EACCES);
	become(OTHER);
	assert_int_equal(error_of("p", "bytes"), -EACCES);
	become(0);
	child_end(&child);
}

/* A kept pipe of somebody else's. */
static void test_kept(void **state)
{
	int fd;

	assert_int_equal(tree_make("p,keep=1", 0600), 0);
	fd = open(PIPES "/p", O_RDWR);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	become(USER);
	assert_int_equal(error_of("p", "bytes"), -EACCES);
	assert_int_equal(error_of("p", "capacity"), -EACCES);
	assert_int_equal(tree_store("p", "capacity", "4096"), -EACCES);
	assert_figure("p", "keep", 1);
	become(0);
	assert_figure("p", "bytes", 5);
}

static void test_elsewhere(void **state)
{
	struct child child;
	char *text;
	int fd;

	assert_return_code(mkfifo("/run/other", 0666), errno);
	fd = open("/run/other", O_RDWR);
	child = child_hold(0, fd);
	close(fd);
	become(USER);
	text = text_of(NULL, "status");
	assert_lacks(text, "/run/other");
	assert_contains(text, ONE_HIDDEN);
	free(text);
	become(0);
	text = text_of(NULL, "status");
	assert_contains(text, "/run/other");
	free(text);
	child_end(&child);
	assert_return_code(unlink("/run/other"), errno);
}

/* A daemon of a plain user's, which may look into no other's processes: nobody is hidden silently.
 */
static void test_plain_daemon(void **state)
{
	struct ends ends = ends_make();
	struct child own = child_hold(USER, ends.read), hidden = child_hold(0, ends.write);
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		char expected[256];
		char *text;

		if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER))
			_exit(1);
		call.as_daemon = NULL;
		call.uid = call.gid = USER;
		/* The first process, this one's parent, and the holder. */
		snprintf(expected, sizeof(expected),
			 "%d nobody read holder\n# 2 processes not shown: you may not look at "
			 "them\n",
			 (int)own.pid);
		text = text_of(ends.name, "holders");
		if (strcmp(text, expected) != 0) {
			fputs(text, stderr);
			_exit(2);
		}
		free(text);
		text = text_of(ends.name, "bytes");
		_exit(strcmp(text, "0\n") == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	child_end(&own);
	child_end(&hidden);
	ends_close(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_not_found, test_end),
		cmocka_unit_test_teardown(test_place_of_another, test_end),
		cmocka_unit_test_teardown(test_half_seen, test_end),
		cmocka_unit_test_teardown(test_only_holders_counted, test_end),
		cmocka_unit_test_teardown(test_undumpable, test_end),
		cmocka_unit_test_teardown(test_capacity, test_end),
		cmocka_unit_test_teardown(test_named, test_end),
		cmocka_unit_test_teardown(test_named_open, test_end),
		cmocka_unit_test_teardown(test_kept, test_end),
		cmocka_unit_test_teardown(test_elsewhere, test_end),
		cmocka_unit_test_teardown(test_plain_daemon, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe_users", tests, NULL, NULL);
}
