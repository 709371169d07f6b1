/*
 * test_pipe_hostile.c - users who want the daemon to hang or to say what it should not: pipes whose
 * lock is held for ever, file systems that never answer, descriptors that change between two calls.
 */
#include "pipe_fixture.h"

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/pidfd.h>

#include "common/proc_fds.h"

/* ---- a pipe whose lock is held ---- */

/*
 * A write(2) from memory that has no page yet waits for the page, and holds the pipe's lock.  Here
 * the page comes when the test says so, by way of userfaultfd(2); a user would have a file system
 * of his own, which never delivers.
 */
struct holdup {
	int fault;
	char *page;
	size_t size;
	int pipe;
	pthread_t thread;
};

static void *write_page(void *context)
{
	struct holdup *holdup = context;

	(void)!write(holdup->pipe, holdup->page, 1);
	return NULL;
}

static bool holdup_begin(struct holdup *holdup, int pipe)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range;
	struct uffd_msg message;

	holdup->size = (size_t)sysconf(_SC_PAGESIZE);
	holdup->pipe = pipe;
	holdup->fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (holdup->fault < 0 || ioctl(holdup->fault, UFFDIO_API, &api) < 0)
		return false;
	holdup->page = mmap(NULL, holdup->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	assert_true(holdup->page != MAP_FAILED);
	range = (struct uffdio_register){.range = {(uintptr_t)holdup->page, holdup->size},
					 .mode = UFFDIO_REGISTER_MODE_MISSING};
	assert_return_code(ioctl(holdup->fault, UFFDIO_REGISTER, &range), errno);
	assert_int_equal(pthread_create(&holdup->thread, NULL, write_page, holdup), 0);
	/* It is at the page, and has the lock. */
	assert_int_equal(read(holdup->fault, &message, sizeof(message)), sizeof(message));
	return true;
}

static void holdup_end(struct holdup *holdup)
{
	struct uffdio_zeropage page = {.range = {(uintptr_t)holdup->page, holdup->size}};

	assert_return_code(ioctl(holdup->fault, UFFDIO_ZEROPAGE, &page), errno);
	pthread_join(holdup->thread, NULL);
	munmap(holdup->page, holdup->size);
	close(holdup->fault);
}

static int threads_count(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	int count = 0;

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Threads: %d", &count) == 1)
			break;
	fclose(file);
	return count;
}

static void *note_number(void *path)
{
	sprintf(path, "/proc/self/task/%d", (int)gettid());
	return NULL;
}

/* How many there are before the test makes any: a sanitizer may add one of its own to the first. */
static int threads_before(void)
{
	pthread_t thread;
	char path[64];

	assert_int_equal(pthread_create(&thread, NULL, note_number, path), 0);
	pthread_join(thread, NULL);
	while (access(path, F_OK) == 0)
		sched_yield();
	return threads_count();
}

/* Until there are no more than these: a thread that has come to its end is there a moment longer.
 */
static void await_threads(int count)
{
	while (threads_count() > count)
		sched_yield();
	assert_int_equal(threads_count(), count);
}

static void test_held_up(void **state)
{
	struct ends ends = ends_make(), good = ends_make();
	struct child child = child_hold(0, ends.read), other = child_hold(0, good.read);
	struct holdup holdup;
	int before = threads_before();
	char line[128];
	char *text;

	if (!holdup_begin(&holdup, ends.write)) {
		fputs("skip: no userfaultfd here\n", stderr);
		skip();
	}
	assert_int_equal(error_of(ends.name, "bytes"), -ETIMEDOUT);
	assert_contains(call.reason, "does not answer");
	assert_int_equal(error_of(ends.name, "capacity"), -ETIMEDOUT);
	assert_int_equal(tree_store(ends.name, "capacity", "4096"), -ETIMEDOUT);
	/* Everything else is as ever. */
	assert_figure(ends.name, "readers", 1);
	assert_figure(good.name, "bytes", 0);
	text = text_of(NULL, "status");
	snprintf(line, sizeof(line), "\n%s root       -          -          ", ends.name);
	assert_contains(text, line);
	snprintf(line, sizeof(line), "\n%s root       0          65536      ", good.name);
	assert_contains(text, line);
	assert_contains(text, "\n# of 1 pipe it is not known what is in it");
	free(text);
	/* It is left alone by now: one thread waits for it, however often it is asked. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(error_of(ends.name, "bytes"), -ETIMEDOUT);
	await_threads(before + 2); /* and the one that writes */
	holdup_end(&holdup);
	await_threads(before);
	assert_figure(ends.name, "bytes", 1);
	assert_int_equal(tree_store(ends.name, "capacity", "4096"), 0);
	assert_figure(ends.name, "capacity", 4096);
	child_end(&child);
	child_end(&other);
	ends_close(&ends);
	ends_close(&good);
}

/* Opening it takes the lock too, and so does closing it. */
static void test_keep_held_up(void **state)
{
	int fd, before = threads_before();
	struct holdup holdup;

	assert_return_code(mkfifo(PIPES "/p", 0600), errno);
	fd = open(PIPES "/p", O_RDWR);
	if (!holdup_begin(&holdup, fd))
		skip();
	assert_int_equal(tree_store("p", "keep", "1"), -ETIMEDOUT);
	assert_figure("p", "keep", 0);
	holdup_end(&holdup);
	/* One thread stays for good: it sees to FIFOs that are removed. */
	await_threads(before + 1);
	assert_figure("p", "keep", 0);
	before = threads_before();
	assert_int_equal(tree_store("p", "keep", "1"), 0);
	assert_true(holdup_begin(&holdup, fd));
	assert_int_equal(error_of("p", "bytes"), -ETIMEDOUT);
	assert_int_equal(tree_store("p", "capacity", "8192"), -ETIMEDOUT);
	assert_int_equal(tree_store("p", "keep", "0"), 0);
	assert_figure("p", "keep", 0);
	holdup_end(&holdup);
	await_threads(before);
	close(fd);
	assert_figure("p", "bytes", 0);
}

static void *ask_bytes(void *name)
{
	struct call own = {.uid = 0};
	struct place place = {.dir = NULL};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	intptr_t error = row_of(pipe_kind.dir, "anon")
				 ->dir->find(&own, &root, (char *)name + strlen("anon/"), &place);

	if (!error)
		error = row_of(place.dir, "bytes")->show(&own, &place, out);
	fclose(out);
	free(text);
	return (void *)error;
}

/* Very many of them cost a listing no more than a few, and one after the other nothing at all. */
static void test_many_held_up(void **state)
{
	enum { COUNT = 40 };
	static struct holdup holdups[COUNT];
	struct ends ends[COUNT];
	struct child children[COUNT];
	pthread_t threads[COUNT];
	int before = threads_before();
	void *error;
	char *text;

	for (int i = 0; i < COUNT; i++) {
		ends[i] = ends_make();
		children[i] = child_hold(0, ends[i].read);
		if (!holdup_begin(&holdups[i], ends[i].write))
			skip();
	}
	text = text_of(NULL, "status");
	assert_contains(text, "\n# of 40 pipes it is not known what is in them");
	free(text);
	/* It has waited for two of them, not for forty. */
	await_threads(before + COUNT + 2);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_bytes, ends[i].name), 0);
	for (int i = 0; i < COUNT; i++) {
		pthread_join(threads[i], &error);
		assert_int_equal((intptr_t)error, -ETIMEDOUT);
	}
	/* So many of them that no pipe at all is asked any more. */
	assert_true(threads_count() > before + COUNT + 30);
	for (int i = 0; i < 20; i++) {
		text = text_of(NULL, "status");
		assert_contains(text, "\n# of 40 pipes it is not known what is in them");
		free(text);
	}
	for (int i = 0; i < COUNT; i++)
		holdup_end(&holdups[i]);
	await_threads(before);
	for (int i = 0; i < COUNT; i++) {
		assert_figure(ends[i].name, "bytes", 1);
		child_end(&children[i]);
		ends_close(&ends[i]);
	}
}

/* ---- a file system that does not answer ---- */

static void hold_root(int line, void *context)
{
	if (open(context, O_PATH | O_DIRECTORY) < 0)
		_exit(6);
}

/* A FUSE mount that nobody serves: a stat of what is in it would wait for ever. */
static void test_silent_file_system(void **state)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];
	struct child child;
	struct ends ends;

	if (fuse < 0) {
		fputs("skip: no /dev/fuse\n", stderr);
		skip();
	}
	assert_return_code(mkdir("/run/silent", 0755), errno);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fuse);
	assert_return_code(mount("silent", "/run/silent", "fuse", 0, options), errno);
	child = child_start(0, NULL, 0, hold_root, (char[]){"/run/silent"});
	ends = ends_make();

	struct child other = child_hold(0, ends.read);

	free(text_of(NULL, "status"));
	assert_figure(ends.name, "readers", 1);
	child_end(&child);
	child_end(&other);
	ends_close(&ends);
	assert_return_code(umount2("/run/silent", MNT_DETACH), errno);
	close(fuse);
	rmdir("/run/silent");
}

/* ---- descriptors that change ---- */

/* Has both pipes all the time, but neither for long at the same number. */
static void swap_for_ever(int line, void *context)
{
	int file = fcntl(open("/dev/null", O_RDWR), F_DUPFD, 30);

	if (file < 0 || send(line, "", 1, 0) != 1)
		_exit(7);
	for (;;) {
		dup2(3, 20);
		dup2(4, 3);
		dup2(20, 4);
		dup2(file, 20);
	}
}

/*
 * Whatever is fetched is what was meant: one pipe holds 100 bytes, the other 2000.  It can be that
 * each time it has gone on to another number.
 */
static void test_swapped(void **state)
{
	struct ends one = ends_make(), other = ends_make();
	int fds[] = {one.read, other.read};
	static char block[2000];
	struct child child;
	int seen = 0;

	assert_int_equal(write(one.write, block, 100), 100);
	assert_int_equal(write(other.write, block, 2000), 2000);
	child = child_start(USER, fds, 2, swap_for_ever, NULL);
	become(USER);
	for (int i = 0; i < 2000; i++) {
		const struct ends *ends = i % 2 ? &one : &other;
		struct place place;
		char *text = NULL;
		int error = tree_find(ends->name, &place);

		if (!error)
			text = place_text(&place, "bytes", &error);
		if (error)
			assert_int_equal(error, -ENOENT);
		else
			assert_string_equal(text, i % 2 ? "100\n" : "2000\n");
		seen += !error;
		free(text);
	}
	assert_true(seen > 0);
	become(0);
	child_end(&child);
	ends_close(&one);
	ends_close(&other);
}

static void come_and_go(int line, void *context)
{
	if (send(line, "", 1, 0) != 1)
		_exit(7);
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		while (waitpid(pid, NULL, 0) < 0)
			;
	}
}

/* Processes that end while they are looked at. */
static void test_vanishing(void **state)
{
	struct ends ends = ends_make();
	struct child children[4];
	char line[64];

	for (int i = 0; i < 4; i++)
		children[i] = child_start(i % 2 ? USER : 0, &ends.read, 1, come_and_go, NULL);
	for (int i = 0; i < 200; i++) {
		char *text;

		become(i % 2 ? USER : 0);
		text = text_of(ends.name, "holders");
		for (int j = 0; j < 4; j++) {
			if (i % 2 && !(j % 2))
				continue;
			snprintf(line, sizeof(line), "%d %s read holder\n", (int)children[j].pid,
				 j % 2 ? "nobody" : "root");
			assert_contains(text, line);
		}
		free(text);
		free(text_of(NULL, "status"));
	}
	become(0);
	for (int i = 0; i < 4; i++)
		child_end(&children[i]);
	ends_close(&ends);
}

static void *fetch_for_ever(void *context)
{
	const struct ends *ends = context;
	int self = pidfd_open(getpid(), 0);

	for (;;) {
		int fd = pidfd_getfd(self, ends->write, 0);

		pthread_testcancel();
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* What the daemon has open for a moment, to look at it, does not make it a holder. */
static void test_own_descriptors(void **state)
{
	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fetch_for_ever, &ends), 0);
	for (int i = 0; i < 200; i++) {
		assert_figure(ends.name, "readers", 1);
		assert_figure(ends.name, "writers", 0);
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	child_end(&child);
	ends_close(&ends);
}

/* ---- FIFOs that change ---- */

static void swap_names(int line, void *context)
{
	if (chdir(PIPES) < 0 || send(line, "", 1, 0) != 1)
		_exit(7);
	for (;;) {
		unlink("p");
		(void)!symlink("/run/precious", "p");
		unlink("p");
		mkfifo("p", 0666);
		unlink("p");
		close(open("p", O_CREAT | O_RDWR, 0666));
	}
}

/* Regular files that this process has open. */
static int count_file(void *context, const struct proc_fd *fd)
{
	++*(int *)context;
	return 0;
}

static int files_count(void)
{
	int count = 0;

	assert_int_equal(proc_fds_of(getpid(), S_IFREG, count_file, &count), 0);
	return count;
}

/* A user's own name may mean anything at any moment; a file of root's is never reached by it. */
static void test_swapped_names(void **state)
{
	const struct change change = {
		.has_mode = true, .mode = 0606, .has_uid = true, .uid = OTHER};
	int before = files_count();
	struct child child;
	struct stat st;

	assert_int_equal(system("echo precious >/run/precious && chmod 600 /run/precious"), 0);
	child = child_start(USER, NULL, 0, swap_names, NULL);
	for (int i = 0; i < 3000; i++) {
		struct place place;

		if (tree_find("p", &place) < 0)
			continue;
		place.dir->change(&call, &place, &change);
		row_of(place.dir, "keep")->store(&call, &place, "1");
		place.dir->rename(&call, &place, "q", 0);
		place.dir->remove(&call, &place);
	}
	child_end(&child);
	assert_int_equal(files_count(), before); /* a file in the FIFO's place is not kept */
	assert_return_code(lstat("/run/precious", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_size, strlen("precious\n"));
	assert_return_code(unlink("/run/precious"), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_held_up, test_end),
		cmocka_unit_test_teardown(test_keep_held_up, test_end),
		cmocka_unit_test_teardown(test_many_held_up, test_end),
		cmocka_unit_test_teardown(test_silent_file_system, test_end),
		cmocka_unit_test_teardown(test_swapped, test_end),
		cmocka_unit_test_teardown(test_vanishing, test_end),
		cmocka_unit_test_teardown(test_own_descriptors, test_end),
		cmocka_unit_test_teardown(test_swapped_names, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe_hostile", tests, NULL, NULL);
}
