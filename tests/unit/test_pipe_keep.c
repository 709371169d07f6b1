/*
 * test_pipe_keep.c - pipes that the daemon holds open.  What that means to others is tried with the
 * system calls that they would make.
 */
#include "pipe_fixture.h"

static int writable(const char *path)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int readable(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	assert_return_code(fd, errno);
	return fd;
}

/* Without keep a writer is refused, and a reader at its end at once. */
static void assert_not_kept(const char *path)
{
	char byte;
	int fd;

	assert_int_equal(writable(path), -ENXIO);
	fd = readable(path);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
}

static void assert_kept(const char *path)
{
	char byte;
	int fd = writable(path);

	assert_return_code(fd, errno);
	close(fd);
	fd = readable(path);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static void test_content_stays(void **state)
{
	char text[16];
	int fd;

	assert_int_equal(tree_make("p,keep=1", 0600), 0);
	assert_figure("p", "keep", 1);
	assert_kept(PIPES "/p");
	fd = writable(PIPES "/p");
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	assert_figure("p", "bytes", 5);
	fd = readable(PIPES "/p");
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(read(fd, text, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	assert_figure("p", "bytes", 0);
}

static void test_switched(void **state)
{
	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	assert_figure("p", "keep", 0);
	assert_not_kept(PIPES "/p");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tree_store("p", "keep", "1"), 0);
		assert_int_equal(tree_store("p", "keep", "1"), 0);
		assert_figure("p", "keep", 1);
		assert_kept(PIPES "/p");
		assert_int_equal(tree_store("p", "keep", "0"), 0);
		assert_int_equal(tree_store("p", "keep", "0"), 0);
		assert_figure("p", "keep", 0);
		assert_not_kept(PIPES "/p");
	}
	assert_int_equal(tree_store("p", "keep", "2"), -EINVAL);
	assert_int_equal(tree_store("p", "keep", ""), -EINVAL);
	assert_int_equal(tree_store("p", "keep", "yes"), -EINVAL);
	assert_figure("p", "keep", 0);
}

/* The daemon is no reader and no writer, but it is there. */
static void test_not_counted(void **state)
{
	char expected[64], comm[32] = {0};
	FILE *file = fopen("/proc/self/comm", "r");
	char *text;

	assert_non_null(fgets(comm, sizeof(comm), file));
	fclose(file);
	assert_int_equal(tree_make("p,keep=1", 0600), 0);
	assert_figure("p", "readers", 0);
	assert_figure("p", "writers", 0);
	snprintf(expected, sizeof(expected), "%d root keep %s", (int)getpid(), comm);
	assert_text("p", "holders", expected);
	/* Everybody may know, also who may not look into the daemon. */
	assert_return_code(chmod(PIPES "/p", 0644), errno);
	become(USER);
	assert_text("p", "holders", expected);
	assert_figure("p", "readers", 0);
	text = text_of(NULL, "holders");
	assert_contains(text, "p ");
	assert_contains(text, " root keep ");
	free(text);
}

static void test_capacity(void **state)
{
	int fd;

	assert_int_equal(tree_make("p,keep=1,capacity=131072", 0600), 0);
	assert_figure("p", "capacity", 131072);
	fd = readable(PIPES "/p");
	assert_int_equal(fcntl(fd, F_GETPIPE_SZ), 131072);
	assert_int_equal(tree_store("p", "capacity", "5000"), 0);
	assert_int_equal(fcntl(fd, F_GETPIPE_SZ), 8192);
	assert_figure("p", "capacity", 8192);
	close(fd);
	assert_int_equal(tree_store("p", "keep", "0"), 0);
	assert_text("p", "capacity", "");
	assert_int_equal(tree_store("p", "capacity", "8192"), -ENXIO);
	assert_contains(call.reason, "keep=1");
	assert_int_equal(tree_make("q,capacity=8192,keep=1", 0600), 0);
	assert_figure("q", "capacity", 8192);
}

/* ---- its end ---- */

/* Reads until the end comes, and only then ends itself. */
static void read_to_end(int line, void *context)
{
	char byte;
	int fd = open(context, O_RDONLY);

	if (fd < 0 || send(line, "", 1, 0) != 1)
		_exit(5);
	while (read(fd, &byte, 1) > 0)
		;
}

/*
 * A process that reads from the pipe and waits; it has it open when this returns.  What it says
 * next is that its end has come.
 */
static struct child reader_start(void)
{
	return child_start(0, NULL, 0, read_to_end, (char[]){PIPES "/p"});
}

static void reader_ends(struct child *reader)
{
	char byte;

	assert_int_equal(recv(reader->line, &byte, 1, 0), 1);
	child_end(reader);
}

static void end_by_file(void)
{
	assert_int_equal(tree_store("p", "keep", "0"), 0);
}

static void end_by_rmdir(void)
{
	assert_int_equal(tree_remove("p"), 0);
}

static void end_by_unlink(void)
{
	assert_return_code(unlink(PIPES "/p"), errno);
}

static void end_by_rename_over(void)
{
	assert_return_code(mkfifo(PIPES "/other", 0600), errno);
	assert_return_code(rename(PIPES "/other", PIPES "/p"), errno);
}

static void end_by_tree_rename_over(void)
{
	struct place place;

	assert_return_code(mkfifo(PIPES "/other", 0600), errno);
	place = at("other");
	assert_int_equal(place.dir->rename(&call, &place, "p", 0), 0);
}

/* However it ends, who reads comes to its end.  If it did not, this would hang. */
static void test_ends(void **state)
{
	void (*const ends[])(void) = {end_by_file, end_by_rmdir, end_by_unlink, end_by_rename_over,
				      end_by_tree_rename_over};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct child reader;

		assert_int_equal(tree_make("p,keep=1", 0600), 0);
		reader = reader_start();
		ends[i]();
		reader_ends(&reader);
		unlink(PIPES "/p");
	}
}

/* Renamed, or with a second link, it is the same pipe. */
static void test_renamed(void **state)
{
	struct place place;

	assert_int_equal(tree_make("p,keep=1", 0600), 0);
	place = at("p");
	assert_int_equal(place.dir->rename(&call, &place, "q", 0), 0);
	assert_figure("q", "keep", 1);
	assert_return_code(rename(PIPES "/q", PIPES "/r"), errno);
	assert_figure("r", "keep", 1);
	assert_kept(PIPES "/r");
	assert_return_code(link(PIPES "/r", PIPES "/s"), errno);
	assert_return_code(unlink(PIPES "/r"), errno);
	assert_figure("s", "keep", 1);
	assert_kept(PIPES "/s");
}

/* ---- permission ---- */

static void test_permission(void **state)
{
	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	assert_return_code(chmod(PIPES "/p", 0644), errno);
	become(USER);
	assert_int_equal(tree_store("p", "keep", "1"), -EACCES);
	assert_contains(call.reason, "to read and to write");
	assert_figure("p", "keep", 0);
	become(0);
	assert_int_equal(tree_store("p", "keep", "1"), 0);
	become(USER);
	assert_int_equal(tree_store("p", "keep", "0"), -EACCES);
	assert_figure("p", "keep", 1);
	become(0);
	assert_return_code(chmod(PIPES "/p", 0666), errno);
	become(USER);
	assert_int_equal(tree_store("p", "keep", "0"), 0);
	assert_int_equal(tree_store("p", "keep", "1"), 0);
	/* Nothing is left of one that could not be kept. */
	assert_int_equal(tree_make("q,keep=1", 0200), -EACCES);
	become(0);
	assert_int_equal(access(PIPES "/q", F_OK), -1);
}

static void test_too_large(void **state)
{
	int64_t most = 0;
	FILE *file = fopen("/proc/sys/fs/pipe-max-size", "r");
	char name[64], value[32];

	assert_int_equal(fscanf(file, "%" SCNd64, &most), 1);
	fclose(file);
	snprintf(name, sizeof(name), "p,keep=1,capacity=%" PRId64, 2 * most);
	snprintf(value, sizeof(value), "%" PRId64, 2 * most);
	become(USER);
	assert_int_equal(tree_make(name, 0600), -EPERM);
	assert_contains(call.reason, "fs.pipe-max-size");
	become(0);
	assert_int_equal(access(PIPES "/p", F_OK), -1);
	become(USER);
	assert_int_equal(tree_make("p,keep=1", 0600), 0);
	assert_int_equal(tree_store("p", "capacity", value), -EPERM);
	/* What is less always goes; how much more may be, all pipes of root's together decide. */
	assert_int_equal(tree_store("p", "capacity", "4096"), 0);
	assert_figure("p", "capacity", 4096);
}

static void test_limit(void **state)
{
	char name[32];
	int error = 0, count = 0;

	become(USER);
	for (; !error && count < 1000; count++) {
		snprintf(name, sizeof(name), "p%d,keep=1", count);
		error = tree_make(name, 0600);
	}
	assert_int_equal(error, -EDQUOT);
	assert_int_equal(count, 257);
	assert_contains(call.reason, "256");
	assert_int_equal(tree_store("p255", "keep", "1"), 0); /* it is kept already */
	become(0);
	assert_int_equal(access(PIPES "/p256", F_OK), -1);
	become(OTHER);
	assert_int_equal(tree_make("q,keep=1", 0600), 0);
	become(USER);
	assert_int_equal(tree_remove("p0"), 0);
	assert_int_equal(tree_make("p0,keep=1", 0600), 0);
	for (int i = 0; i < 256; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(tree_remove(name), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_content_stays, test_end),
		cmocka_unit_test_teardown(test_switched, test_end),
		cmocka_unit_test_teardown(test_not_counted, test_end),
		cmocka_unit_test_teardown(test_capacity, test_end),
		cmocka_unit_test_teardown(test_ends, test_end),
		cmocka_unit_test_teardown(test_renamed, test_end),
		cmocka_unit_test_teardown(test_permission, test_end),
		cmocka_unit_test_teardown(test_too_large, test_end),
		cmocka_unit_test_teardown(test_limit, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe_keep", tests, NULL, NULL);
}
