/*
 * test_pipe_scan.c - who has which end of which pipe, and what is in it; as root, who may see all.
 */
#include "pipe_fixture.h"

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

static void scatter(int line, void *context)
{
	/* Numbers with gaps between them, of which the last is all that is left of the pipe. */
	const int numbers[] = {5, 6, 40, 41, 900};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (dup2(i == 4 ? 3 : line, numbers[i]) < 0)
			_exit(6);
	close(3);
	close(*(const int *)context);
}

/* An end is found whatever its number, and where nothing is open at the first numbers. */
static void test_gaps(void **state)
{
	for (int low = 0; low <= 4; low++) {
		struct ends ends = ends_make();
		struct child child = child_start(0, &ends.read, 1, scatter, &low);

		assert_figure(ends.name, "readers", 1);
		assert_holder(ends.name, &child, "read");
		child_end(&child);
		ends_close(&ends);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ends, test_end),
		cmocka_unit_test_teardown(test_duplicates, test_end),
		cmocka_unit_test_teardown(test_gaps, test_end),
		cmocka_unit_test_teardown(test_figures, test_end),
		cmocka_unit_test_teardown(test_capacity, test_end),
		cmocka_unit_test_teardown(test_named_figures, test_end),
		cmocka_unit_test_teardown(test_undisturbed, test_end),
		cmocka_unit_test_teardown(test_find, test_end),
		cmocka_unit_test_teardown(test_list, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe_scan", tests, NULL, NULL);
}
