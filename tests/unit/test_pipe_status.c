/*
 * test_pipe_status.c - the tables of pipes, their JSON, and the holders as lsof(8) sees them.
 */
#include "pipe_fixture.h"
#include "under_valgrind.h"

#include <jansson.h>

static void hold_named(int line, void *context)
{
	prctl(PR_SET_NAME, context);
}

/* Line of @text that begins with @start. */
static void line_of(const char *text, const char *start, char *line, size_t size)
{
	const char *at = text;

	while (at && strncmp(at, start, strlen(start)) != 0) {
		at = strchr(at, '\n');
		at += at != NULL;
	}
	if (!at)
		fail_msg("no line begins with '%s' in:\n%s", start, text);
	snprintf(line, size, "%.*s", (int)strcspn(at, "\n"), at);
}

/* sleep | cat | wc, as a shell would have it. */
static void test_pipeline(void **state)
{
	struct ends one = ends_make(), two = ends_make();
	int middle[] = {one.read, two.write};
	struct child sleeper = child_start(0, &one.write, 1, hold_named, (char[]){"sleep"});
	struct child cat = child_start(0, middle, 2, hold_named, (char[]){"cat"});
	struct child wc = child_start(0, &two.read, 1, hold_named, (char[]){"wc"});
	char line[256], expected[256];
	char *text;

	ends_close(&one);
	ends_close(&two);
	text = text_of(NULL, "status");
	line_of(text, one.name, line, sizeof(line));
	snprintf(expected, sizeof(expected), "%d/sleep", (int)sleeper.pid);
	assert_contains(line, expected);
	snprintf(expected, sizeof(expected), " %d/cat", (int)cat.pid);
	assert_contains(line, expected);
	assert_true(strstr(line, "/sleep") < strstr(line, "/cat"));
	line_of(text, two.name, line, sizeof(line));
	snprintf(expected, sizeof(expected), " %d/wc", (int)wc.pid);
	assert_contains(line, expected);
	assert_true(strstr(line, "/cat") < strstr(line, "/wc"));
	assert_lacks(text, "#");
	free(text);

	text = text_of(two.name, "status");
	assert_contains(text, "\n------ Unnamed Pipes --------\nname ");
	assert_lacks(text, one.name);
	line_of(text, two.name, line, sizeof(line));
	assert_contains(line, expected);
	free(text);
	child_end(&sleeper);
	child_end(&cat);
	child_end(&wc);
}

static void test_odd_bytes(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_start(0, &ends.read, 1, hold_named, (char[]){"a b\n\\,\x7f"});
	char line[256];
	char *text;

	ends_close(&ends);
	snprintf(line, sizeof(line), "%d root read a b\\012\\134,\\177\n", (int)child.pid);
	assert_text(ends.name, "holders", line);
	text = text_of(NULL, "status");
	snprintf(line, sizeof(line), " %d/a\\040b\\012\\134\\054\\177\n", (int)child.pid);
	assert_contains(text, line);
	free(text);
	child_end(&child);

	assert_return_code(mkfifo(PIPES "/a b\nc", 0644), errno);
	text = text_of(NULL, "status");
	assert_contains(text, "\na\\040b\\012c root       644        0          -          0     ");
	free(text);
}

/* FIFOs that are nowhere near the run directory, by the path that they were opened with. */
static void test_elsewhere(void **state)
{
	struct child child, gone;
	char line[256];
	char *text;
	int fd;

	assert_return_code(mkfifo("/run/else where", 0640), errno);
	assert_return_code(mkfifo("/run/removed", 0600), errno);
	fd = open("/run/else where", O_RDWR);
	assert_int_equal(write(fd, "abc", 3), 3);
	child = child_hold(0, fd);
	close(fd);
	fd = open("/run/removed", O_RDWR);
	gone = child_hold(0, fd);
	close(fd);
	assert_return_code(unlink("/run/removed"), errno);
	text = text_of(NULL, "status");
	assert_contains(text, "\n------ Named Pipes Elsewhere --------\npath ");
	snprintf(
		line, sizeof(line),
		"\n/run/else\\040where root       640        3          65536      1          1    "
		"      read-write:%d/holder\n",
		(int)child.pid);
	assert_contains(text, line);
	assert_contains(text, "\n/run/removed\\040(deleted) root ");
	free(text);
	text = text_of(NULL, "holders");
	snprintf(line, sizeof(line), "/run/else\\040where %d root read-write holder\n",
		 (int)child.pid);
	assert_contains(text, line);
	free(text);
	child_end(&child);
	child_end(&gone);
	text = text_of(NULL, "status");
	assert_lacks(text, "/run/else");
	free(text);
	assert_return_code(unlink("/run/else where"), errno);
}

static void test_status_empty(void **state)
{
	assert_text(NULL, "status",
		    "\n------ Named Pipes --------\n"
		    "name       owner      perms      used-bytes capacity   readers    writers    "
		    "holders\n"
		    "\n------ Unnamed Pipes --------\n"
		    "name       owner      used-bytes capacity   writers                  readers\n"
		    "\n------ Named Pipes Elsewhere --------\n"
		    "path       owner      perms      used-bytes capacity   readers    writers    "
		    "holders\n"
		    "\n");
	assert_text(NULL, "status.json", "[]\n");
	assert_text(NULL, "holders", "");
}

static void test_status_named(void **state)
{
	char line[256];
	struct child child;
	int fd;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	assert_return_code(chmod(PIPES "/p", 0622), errno);
	assert_return_code(chown(PIPES "/p", USER, USER), errno);
	assert_text("p", "status",
		    "\n------ Named Pipes --------\n"
		    "name       owner      perms      used-bytes capacity   readers    writers    "
		    "holders\n"
		    "p          nobody     622        0          -          0          0          "
		    "-\n");
	fd = open(PIPES "/p", O_RDWR);
	child = child_hold(0, fd);
	close(fd);
	snprintf(line, sizeof(line),
		 "\n------ Named Pipes --------\n"
		 "name       owner      perms      used-bytes capacity   readers    writers    "
		 "holders\n"
		 "p          nobody     622        0          65536      1          1          "
		 "read-write:%d/holder\n",
		 (int)child.pid);
	assert_text("p", "status", line);
	child_end(&child);
}

/* ---- JSON ---- */

static json_t *json_of(const char *name)
{
	char *text = text_of(name, "status.json");
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	assert_true(json_is_array(value));
	free(text);
	return value;
}

static json_int_t number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("%s is no number", key);
	return json_integer_value(value);
}

static const char *string_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		fail_msg("%s is no text", key);
	return json_string_value(value);
}

static void test_json(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);
	const json_t *object, *holder;
	json_t *list;
	struct stat st;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	assert_int_equal(write(ends.write, "abc", 3), 3);
	assert_return_code(fstat(ends.read, &st), errno);
	ends_close(&ends);
	list = json_of(ends.name);
	assert_int_equal(json_array_size(list), 1);
	object = json_array_get(list, 0);
	assert_string_equal(string_of(object, "family"), "unnamed");
	assert_string_equal(string_of(object, "name"), ends.name);
	assert_int_equal(number_of(object, "inode"), st.st_ino);
	assert_int_equal(number_of(object, "bytes"), 3);
	assert_int_equal(number_of(object, "capacity"), 65536);
	assert_int_equal(number_of(object, "readers"), 1);
	assert_int_equal(number_of(object, "writers"), 0);
	assert_int_equal(number_of(object, "hidden"), 0);
	assert_true(json_is_null(json_object_get(object, "keep")));
	assert_int_equal(json_array_size(json_object_get(object, "holders")), 1);
	holder = json_array_get(json_object_get(object, "holders"), 0);
	assert_int_equal(number_of(holder, "pid"), child.pid);
	assert_string_equal(string_of(holder, "user"), "root");
	assert_string_equal(string_of(holder, "how"), "read");
	assert_string_equal(string_of(holder, "command"), "holder");
	json_decref(list);

	list = json_of("p");
	object = json_array_get(list, 0);
	assert_string_equal(string_of(object, "family"), "named");
	assert_string_equal(string_of(object, "name"), "p");
	assert_string_equal(string_of(object, "perms"), "rw-------");
	assert_string_equal(string_of(object, "owner"), "root");
	assert_int_equal(number_of(object, "bytes"), 0);
	assert_int_equal(number_of(object, "keep"), 0);
	assert_true(json_is_null(json_object_get(object, "capacity")));
	assert_int_equal(json_array_size(json_object_get(object, "holders")), 0);
	json_decref(list);

	list = json_of(NULL);
	/* valgrind has one of its own. */
	assert_int_equal(json_array_size(list), under_valgrind() ? 3 : 2);
	json_decref(list);
	child_end(&child);
}

/* ---- against another program ---- */

enum { MANY = 12 };

/* The lines of "PID HOW INODE" that an awk program makes of a file, sorted. */
static char *sorted(const char *program, const char *file)
{
	char line[600];
	char *text = NULL;
	size_t size = 0;
	FILE *from;

	snprintf(line, sizeof(line), "awk '%s' %s | LC_ALL=C sort -u", program, file);
	from = popen(line, "r");
	assert_non_null(from);
	assert_true(getdelim(&text, &size, '\0', from) > 0);
	pclose(from);
	return text;
}

/* lsof's own walk: p is the pid, a the access, i the inode, of descriptors of type FIFO. */
static void test_as_lsof(void **state)
{
	struct ends ends[MANY];
	struct child children[MANY];
	char *ours, *theirs, *holders;
	FILE *file;

	skip_under_valgrind("hides its own pipe from the program, not from lsof");
	if (system("command -v lsof >/dev/null 2>&1") != 0) {
		fputs("skip: lsof is not installed\n", stderr);
		skip();
	}
	for (int i = 0; i < MANY; i++)
		ends[i] = ends_make();
	for (int i = 0; i < MANY; i++) {
		int fds[] = {ends[i].read, ends[(i + 1) % MANY].write, ends[(i * 5) % MANY].read};

		children[i] = child_start(0, fds, 3, NULL, NULL);
	}
	for (int i = 0; i < MANY; i++)
		ends_close(&ends[i]);
	holders = text_of(NULL, "holders");
	file = fopen("/run/holders", "w");
	fputs(holders, file);
	fclose(file);
	free(holders);
	/* lsof has pipes of its own to its helper. */
	assert_int_equal(system("lsof -w -n -P -F pcfati >/run/lsof"), 0);
	/* Both ends in one process are two lines of lsof's. */
	ours = sorted("{ sub(\"anon/\", \"\", $1); if ($4 == \"read-write\") { "
		      "print $2, \"read\", $1; print $2, \"write\", $1 } else print $2, $4, $1 }",
		      "/run/holders");
	theirs = sorted("/^p/ { pid = substr($0, 2) } /^c/ { command = substr($0, 2) } "
			"/^a/ { a = substr($0, 2) } /^t/ { type = substr($0, 2) } "
			"/^i/ && type == \"FIFO\" && command != \"lsof\" { "
			"print pid, a == \"r\" ? \"read\" : \"write\", substr($0, 2) }",
			"/run/lsof");
	assert_true(strlen(ours) > (size_t)MANY * 3 * 8);
	assert_string_equal(ours, theirs);
	free(ours);
	free(theirs);
	for (int i = 0; i < MANY; i++)
		child_end(&children[i]);
}

static void test_limits(void **state)
{
	char *text = text_of(NULL, "limits"), line[128];
	FILE *file = fopen("/proc/sys/fs/pipe-max-size", "r");
	long long most;

	assert_int_equal(fscanf(file, "%lld", &most), 1);
	fclose(file);
	assert_true(strncmp(text, "\n------ Pipe Limits --------\n", 29) == 0);
	snprintf(line, sizeof(line), "\nmax capacity of a pipe (bytes) = %lld\n", most);
	assert_contains(text, line);
	assert_contains(text, "user");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_status_empty, test_end),
		cmocka_unit_test_teardown(test_pipeline, test_end),
		cmocka_unit_test_teardown(test_odd_bytes, test_end),
		cmocka_unit_test_teardown(test_elsewhere, test_end),
		cmocka_unit_test_teardown(test_status_named, test_end),
		cmocka_unit_test_teardown(test_json, test_end),
		cmocka_unit_test_teardown(test_as_lsof, test_end),
		cmocka_unit_test_teardown(test_limits, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe_status", tests, NULL, NULL);
}
