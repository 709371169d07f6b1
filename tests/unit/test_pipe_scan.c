/*
 * test_pipe_scan.c - who has which end of which pipe, and what is in it; as root, who may see all.
 */
#include "pipe_fixture.h"

#include <jansson.h>
#include <poll.h>

/* "PID USER HOW COMMAND\n" */
static void holder_line(char *text, size_t size, const struct child *child, const char *user,
			const char *how)
{
	snprintf(text, size, "%d %s %s holder\n", (int)child->pid, user, how);
}

static void assert_holder(const char *name, const struct child *child, const char *how)
{
	char line[128];
	char *text = text_of(name, "holders");

	holder_line(line, sizeof(line), child, "root", how);
	assert_contains(text, line);
	free(text);
}

/* ---- ends ---- */

static void test_ends(void **state)
{
	struct ends ends = ends_make();
	int both[] = {ends.read, ends.write};
	struct child reader = child_hold(0, ends.read), writer = child_hold(0, ends.write);
	struct child second = child_hold(0, ends.read);
	struct child has_both = child_start(0, both, 2, NULL, NULL);
	struct place found;
	char line[256];

	ends_close(&ends);
	assert_figure(ends.name, "readers", 3);
	assert_figure(ends.name, "writers", 2);
	assert_holder(ends.name, &reader, "read");
	assert_holder(ends.name, &second, "read");
	assert_holder(ends.name, &writer, "write");
	assert_holder(ends.name, &has_both, "read-write");
	child_end(&second);
	child_end(&has_both);
	assert_figure(ends.name, "readers", 1);
	assert_figure(ends.name, "writers", 1);
	child_end(&reader);
	assert_figure(ends.name, "readers", 0);
	holder_line(line, sizeof(line), &writer, "root", "write");
	assert_text(ends.name, "holders", line);
	child_end(&writer);
	assert_int_equal(tree_find(ends.name, &found), -ENOENT);
}

static void hold_more(int line, void *context)
{
	/* Two more of what is there, and one that is no end at all. */
	if (dup(3) < 0 || dup(3) < 0 || open(context, O_PATH) < 0)
		_exit(6);
}

/* Processes are counted, not descriptors; one that neither reads nor writes is no end. */
static void test_duplicates(void **state)
{
	int fd = open(PIPES, O_RDONLY | O_DIRECTORY);
	struct child child, by_path;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	by_path = child_start(0, &fd, 1, hold_more, (char[]){PIPES "/p"});
	assert_figure("p", "readers", 0);
	assert_figure("p", "writers", 0);
	assert_text("p", "holders", "");
	assert_text("p", "capacity", "");
	close(fd);
	fd = open(PIPES "/p", O_RDWR);
	child = child_start(0, &fd, 1, hold_more, (char[]){PIPES "/p"});
	close(fd);
	assert_figure("p", "readers", 1);
	assert_figure("p", "writers", 1);
	assert_holder("p", &child, "read-write");
	child_end(&child);
	child_end(&by_path);
}

/* ---- what is in it ---- */

static void assert_in(const char *name, const struct ends *ends)
{
	int bytes = -1;

	assert_return_code(ioctl(ends->read, FIONREAD, &bytes), errno);
	assert_figure(name, "bytes", bytes);
	assert_figure(name, "capacity", fcntl(ends->read, F_GETPIPE_SZ));
}

static void test_figures(void **state)
{
	static char block[4096];
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);
	int64_t sum = 0;

	assert_in(ends.name, &ends);
	for (int i = 1; i < 9; i++) {
		sum += write(ends.write, block, (size_t)i * 300);
		assert_in(ends.name, &ends);
	}
	assert_figure(ends.name, "bytes", sum);
	assert_return_code(fcntl(ends.read, F_SETPIPE_SZ, 1 << 18), errno);
	assert_in(ends.name, &ends);
	assert_int_equal(read(ends.read, block, 1000), 1000);
	assert_figure(ends.name, "bytes", sum - 1000);
	child_end(&child);
	ends_close(&ends);
}

static void test_capacity(void **state)
{
	static char block[60000];
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);

	assert_int_equal(tree_store(ends.name, "capacity", "100000"), 0);
	assert_int_equal(fcntl(ends.read, F_GETPIPE_SZ), 131072);
	assert_int_equal(write(ends.write, block, sizeof(block)), sizeof(block));
	assert_int_equal(tree_store(ends.name, "capacity", "4096"), -EBUSY);
	assert_contains(call.reason, "60000 bytes are in the pipe");
	assert_int_equal(tree_store(ends.name, "capacity", "0"), -EINVAL);
	assert_int_equal(tree_store(ends.name, "capacity", "64K"), -EINVAL);
	assert_int_equal(tree_store(ends.name, "capacity", ""), -EINVAL);
	assert_int_equal(fcntl(ends.read, F_GETPIPE_SZ), 131072);
	child_end(&child);
	ends_close(&ends);
}

static void test_named_figures(void **state)
{
	struct ends ends;
	struct child child;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	assert_figure("p", "bytes", 0);
	assert_text("p", "capacity", "");
	assert_int_equal(tree_store("p", "capacity", "4096"), -ENXIO);
	ends.read = open(PIPES "/p", O_RDONLY | O_NONBLOCK);
	ends.write = open(PIPES "/p", O_WRONLY);
	child = child_hold(0, ends.write);
	assert_int_equal(write(ends.write, "hello", 5), 5);
	assert_in("p", &ends);
	assert_int_equal(tree_store("p", "capacity", "131072"), 0);
	assert_in("p", &ends);
	assert_figure("p", "readers", 0);
	assert_figure("p", "writers", 1);
	ends_close(&ends);
	child_end(&child);
	assert_figure("p", "bytes", 0);
	assert_text("p", "capacity", "");
}

static void open_to_read(int line, void *context)
{
	if (send(line, "", 1, 0) != 1 || open(context, O_RDONLY) < 0)
		_exit(5);
}

/* The kernel's own word for a process that waits in the open of a FIFO. */
static void await_opener(pid_t pid)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)pid);
	for (;;) {
		FILE *file = fopen(path, "r");
		size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

		text[length] = '\0';
		if (file)
			fclose(file);
		if (strstr(text, "wait_for_partner") || strstr(text, "fifo_open"))
			return;
		sched_yield();
	}
}

/* Looking wakes nobody: who waits for the other end still waits, so there is no reader yet. */
static void test_undisturbed(void **state)
{
	struct child child;
	struct names names;
	int fd;
	char byte;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	child = child_start(0, NULL, 0, open_to_read, (char[]){PIPES "/p"});
	await_opener(child.pid);
	for (int i = 0; i < 5; i++) {
		free(text_of("p", "status"));
		free(text_of("p", "status.json"));
		free(text_of("p", "holders"));
		free(text_of(NULL, "status"));
		assert_figure("p", "bytes", 0);
		assert_figure("p", "readers", 0);
		assert_int_equal(tree_store("p", "capacity", "4096"), -ENXIO);
		tree_list(pipe_kind.dir, &names);
		at("p");
	}
	await_opener(child.pid);
	assert_int_equal(poll(&(struct pollfd){.fd = child.line, .events = POLLIN}, 1, 0), 0);
	fd = open(PIPES "/p", O_WRONLY); /* releases it */
	assert_return_code(fd, errno);
	assert_int_equal(recv(child.line, &byte, 1, 0), 1);
	assert_figure("p", "readers", 1);
	close(fd);
	child_end(&child);
}

/* ---- finding unnamed ones ---- */

static void test_find(void **state)
{
	struct ends ends = ends_make(), other = ends_make();
	struct child first = child_hold(0, ends.read), second = child_hold(0, ends.write);
	struct place place = at(ends.name), found;
	char name[64];
	struct stat st = {0}, pipe;

	assert_string_equal(place.name, ends.name + strlen("anon/"));
	assert_return_code(fstat(ends.read, &pipe), errno);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_uid, pipe.st_uid);
	assert_int_equal(st.st_mode, 0600);
	assert_int_equal(st.st_mtim.tv_sec, pipe.st_mtim.tv_sec);
	/* By whichever end is left. */
	child_end(&first);
	at(ends.name);
	first = child_hold(0, ends.read);
	child_end(&second);
	at(ends.name);
	child_end(&first);
	assert_int_equal(tree_find(ends.name, &found), -ENOENT);
	assert_int_equal(place.dir->remove(&call, &place), -EPERM);

	second = child_hold(0, other.read);
	snprintf(name, sizeof(name), "anon/0%s", other.name + strlen("anon/"));
	assert_int_equal(tree_find(name, &found), -ENOENT);
	snprintf(name, sizeof(name), "%s,keep=1", other.name);
	assert_int_equal(tree_find(name, &found), -ENOENT);
	assert_int_equal(tree_find("anon/", &found), -ENOENT);
	assert_int_equal(tree_find("anon/1x", &found), -ENOENT);
	assert_int_equal(tree_find("anon/-1", &found), -ENOENT);
	assert_int_equal(tree_find("anon/0", &found), -ENOENT);
	assert_int_equal(tree_find("anon/18446744073709551615", &found), -ENOENT);
	assert_int_equal(tree_find("anon/18446744073709551617", &found), -ENOENT);
	assert_int_equal(tree_find("anon/99999999999999999999999999999999", &found), -ENOENT);
	child_end(&second);
	ends_close(&ends);
	ends_close(&other);
}

static void test_list(void **state)
{
	struct ends ends[5];
	struct child children[5];
	struct names names;
	char line[64];

	for (int i = 0; i < 5; i++) {
		ends[i] = ends_make();
		children[i] = child_hold(0, i % 2 ? ends[i].read : ends[i].write);
		ends_close(&ends[i]);
	}
	tree_list(row_of(pipe_kind.dir, "anon")->dir, &names);
	for (int i = 0; i < 5; i++) {
		snprintf(line, sizeof(line), "%s\n", ends[i].name + strlen("anon/"));
		assert_contains(names.text, line);
		child_end(&children[i]);
	}
	tree_list(row_of(pipe_kind.dir, "anon")->dir, &names);
	assert_string_equal(names.text, "");
}

/* ---- tables ---- */

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
	assert_int_equal(json_array_size(list), 2);
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
		cmocka_unit_test_teardown(test_ends, test_end),
		cmocka_unit_test_teardown(test_duplicates, test_end),
		cmocka_unit_test_teardown(test_figures, test_end),
		cmocka_unit_test_teardown(test_capacity, test_end),
		cmocka_unit_test_teardown(test_named_figures, test_end),
		cmocka_unit_test_teardown(test_undisturbed, test_end),
		cmocka_unit_test_teardown(test_find, test_end),
		cmocka_unit_test_teardown(test_list, test_end),
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
	return cmocka_run_group_tests_name("pipe_scan", tests, NULL, NULL);
}
