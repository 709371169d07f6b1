/*
 * test_hostile_semaphores.c - what users put into /dev/shm under the names of semaphores.  Each
 * operation on it ends with an error that says what is the matter, or does what the C library would
 * do; the semaphores beside it, and the tables of all, are as they were.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm_help.h"

enum { USER = 1001, OTHER, WORDS = sizeof(sem_t) / sizeof(uint32_t) };

#define X MOUNT "/sem/x"
#define FILE_OF_X "/dev/shm/sem.x"

/* ---- what is beside it ---- */

static int make(void **state)
{
	assert_return_code(mkdir(MOUNT "/sem/good,value=7", 0666), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x77,value=3", 0666), errno);
	return 0;
}

static int remove_made(void **state)
{
	/* Of a test that failed. */
	remove(FILE_OF_X);
	remove("/dev/shm/filling");
	mount(NULL, "/dev/shm", NULL, MS_REMOUNT, "size=50%");
	assert_return_code(rmdir(MOUNT "/sem/good"), errno);
	assert_return_code(rmdir(MOUNT "/sem/0x77"), errno);
	return 0;
}

static int others_are_shown(void *unused)
{
	static const char *const tables[] = {"sem/status", "sem/status.json", "status",
					     "status.json", "sem/holders"};
	static char text[1 << 20];
	char path[64];

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", tables[i]);
		need(get(path, text, sizeof(text)) >= 0);
		need(strstr(path, "holders") || strstr(text, "good"));
		need(strstr(path, "holders") || strstr(text, "0x00000077"));
	}
	need(get(MOUNT "/sem/good/value", text, sizeof(text)) > 0 && !strcmp(text, "7\n"));
	need(put(MOUNT "/sem/good/op", "P") == 0 && put(MOUNT "/sem/good/op", "V") == 0);
	need(put(MOUNT "/sem/0x77/op", "P") == 0 && put(MOUNT "/sem/0x77/op", "V") == 0);
	return 0;
}

static void assert_others_as_before(void)
{
	assert_int_equal(shm_try_as(0, others_are_shown, NULL), 0);
	assert_int_equal(shm_try_as(OTHER, others_are_shown, NULL), 0);
}

/* ---- every operation ---- */

/* The last line of errors has @words. */
static bool said(const char *words)
{
	static char text[1 << 16];
	ssize_t size = get(MOUNT "/errors", text, sizeof(text));
	const char *last;

	if (size <= 1)
		return false;
	text[size - 1] = '\0';
	last = strrchr(text, '\n');
	return strstr(last ? last : text, words);
}

/* What each file says, and in what words; 0: it works. */
struct expected {
	int look, operate;
	const char *words;
};

static int operate(void *argument)
{
	static const char *const looks[] = {"value", "ncount"};
	static const char *const operations[] = {"P", "V", "-1n", "+3", "P u"};
	const struct expected *expected = argument;
	char path[64], text[256];
	ssize_t got;
	int fd;

	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		snprintf(path, sizeof(path), X "/%s", looks[i]);
		got = get(path, text, sizeof(text));
		need(expected->look ? got == expected->look : got > 0);
		need(!expected->words || expected->look == -ENOENT || said(expected->words));
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		need(put(X "/try/op", operations[i]) == expected->operate);
		need(put(X "/op", operations[i]) == expected->operate);
		need(!expected->words || expected->operate == -ENOENT || said(expected->words));
	}
	fd = open(X "/try/hold", O_WRONLY);
	need(fd < 0 && errno == -expected->operate);
	/* What shows all of it has the figures that can be had. */
	need(get(X "/status", text, sizeof(text)) > 0 || expected->look == -ENOENT);
	need(get(X "/status.json", text, sizeof(text)) > 0 || expected->look == -ENOENT);
	return 0;
}

static void check(const struct expected *expected)
{
	assert_int_equal(shm_try_as(0, operate, (void *)(uintptr_t)expected), 0);
	assert_int_equal(shm_try_as(USER, operate, (void *)(uintptr_t)expected), 0);
	assert_others_as_before();
}

/* ---- what is no file ---- */

static void make_fifo(void)
{
	assert_return_code(mkfifo(FILE_OF_X, 0666), errno);
}

static void make_link(void)
{
	assert_return_code(symlink("/dev/shm/sem.good", FILE_OF_X), errno);
}

static void make_loop(void)
{
	assert_return_code(symlink(FILE_OF_X, FILE_OF_X), errno);
}

static void make_directory(void)
{
	assert_return_code(mkdir(FILE_OF_X, 0777), errno);
}

static void make_terminal(void)
{
	assert_return_code(mknod(FILE_OF_X, S_IFCHR | 0666, makedev(5, 0)), errno);
}

static void make_disk(void)
{
	assert_return_code(mknod(FILE_OF_X, S_IFBLK | 0666, makedev(7, 0)), errno);
}

static void make_socket(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = FILE_OF_X};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&name, sizeof(name)), errno);
	close(fd);
}

static int cannot_be_changed(void *unused)
{
	struct stat st;

	need(stat(X, &st) < 0 && errno == ENOENT);
	need(chmod(X, 0600) < 0 && errno == ENOENT);
	need(chown(X, getuid(), getgid()) < 0 && errno == ENOENT);
	need(rename(X, MOUNT "/sem/y") < 0 && errno == ENOENT);
	need(rmdir(X) < 0 && errno == ENOENT);
	need(mkdir(X, 0600) < 0 && errno == EEXIST && said("there is a file /dev/shm/sem.x"));
	return 0;
}

static void test_no_file(void **state)
{
	static void (*const makes[])(void) = {make_fifo,     make_link, make_loop,  make_directory,
					      make_terminal, make_disk, make_socket};
	const struct expected nothing = {-ENOENT, -ENOENT, NULL};
	struct stat before, after;

	for (size_t i = 0; i < sizeof(makes) / sizeof(*makes); i++) {
		makes[i]();
		assert_return_code(lchown(FILE_OF_X, USER, USER), errno);
		assert_return_code(lstat(FILE_OF_X, &before), errno);
		check(&nothing);
		assert_int_equal(shm_try_as(0, cannot_be_changed, NULL), 0);
		assert_int_equal(shm_try_as(USER, cannot_be_changed, NULL), 0);
		assert_return_code(lstat(FILE_OF_X, &after), errno);
		assert_int_equal(after.st_ino, before.st_ino);
		assert_int_equal(after.st_mode, before.st_mode);
		assert_return_code(remove(FILE_OF_X), errno);
	}
}

/* ---- a file of another size ---- */

static void make_file(const void *content, size_t size, mode_t mode)
{
	int fd = open(FILE_OF_X, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, content, size), size);
	assert_return_code(fchmod(fd, mode), errno);
	assert_return_code(fchown(fd, USER, USER), errno);
	close(fd);
}

static void test_too_short(void **state)
{
	static const size_t sizes[] = {0, 1, sizeof(sem_t) - 1};
	const struct expected refused = {-EINVAL, -EINVAL, "is no semaphore: one has 32"};
	const char zeroes[sizeof(sem_t)] = "";

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		make_file(zeroes, sizes[i], 0666);
		check(&refused);
		assert_return_code(rmdir(X), errno);
	}
}

/* P, V and the figures, on one that is as good as any. */
static int works(void *unused)
{
	char text[64];

	need(get(X "/value", text, sizeof(text)) > 0 && !strcmp(text, "1\n"));
	need(put(X "/op", "P") == 0 && put(X "/try/op", "P") == -EAGAIN);
	need(put(X "/op", "+1") == 0);
	need(get(X "/ncount", text, sizeof(text)) > 0 && !strcmp(text, "0\n"));
	return 0;
}

static void check_works(void)
{
	assert_int_equal(shm_try_as(0, works, NULL), 0);
	assert_int_equal(shm_try_as(USER, works, NULL), 0);
	assert_others_as_before();
}

/* Only its beginning is looked at. */
static void test_too_long(void **state)
{
	static const off_t sizes[] = {sizeof(sem_t) + 1, 4097, (off_t)1 << 40, INT64_MAX};
	sem_t one;

	assert_return_code(sem_init(&one, 1, 1), errno);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		make_file(&one, sizeof(one), 0666);
		assert_return_code(truncate(FILE_OF_X, sizes[i]), errno);
		check_works();
		assert_return_code(rmdir(X), errno);
	}
}

/* By two names it is one semaphore, and goes with the last of them. */
static void test_hard_links(void **state)
{
	sem_t one;

	assert_return_code(sem_init(&one, 1, 1), errno);
	make_file(&one, sizeof(one), 0666);
	assert_return_code(link(FILE_OF_X, "/dev/shm/sem.also"), errno);
	check_works();
	assert_int_equal(put(MOUNT "/sem/also/op", "V"), 0);
	assert_int_equal(get_number(X "/value"), 2);
	assert_return_code(rmdir(MOUNT "/sem/also"), errno);
	assert_int_equal(put(X "/op", "P"), 0);
	check_works();
	/* And with the name of a piece of memory. */
	assert_return_code(link(FILE_OF_X, "/dev/shm/memory"), errno);
	assert_int_equal(get_number(MOUNT "/shm/memory/size"), sizeof(sem_t));
	assert_int_equal(put(MOUNT "/shm/memory/size", "1"), 0);
	assert_int_equal(put(X "/op", "P"), -EINVAL);
	assert_others_as_before();
	assert_return_code(rmdir(MOUNT "/shm/memory"), errno);
	assert_return_code(rmdir(X), errno);
}

/* Nobody may look but root and, by chmod, its owner. */
static void test_mode_none(void **state)
{
	struct expected refused = {-EACCES, -EACCES, "permission"};
	sem_t one;

	assert_return_code(sem_init(&one, 1, 1), errno);
	make_file(&one, sizeof(one), 0);
	assert_int_equal(shm_try_as(USER, operate, &refused), 0);
	assert_int_equal(shm_try_as(OTHER, operate, &refused), 0);
	assert_int_equal(shm_try_as(0, works, NULL), 0);
	assert_others_as_before();
	assert_return_code(chmod(X, 0666), errno);
	check_works();
	assert_return_code(rmdir(X), errno);
}

/* ---- nonsense in it ---- */

/* Any words at all: no answer is too late, and none ends the daemon. */
static int operate_somehow(void *unused)
{
	static const char *const operations[] = {"P", "V", "+32767", "-1n", "P u", "V u"};
	char text[256];
	int fd;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		int result = put(X "/try/op", operations[i]);

		need(result == 0 || result == -EAGAIN || result == -EINVAL || result == -EOVERFLOW);
		result = put(X "/within/0.001/op", operations[i]);
		need(result == 0 || result == -EAGAIN || result == -EINVAL ||
		     result == -EOVERFLOW || result == -ETIMEDOUT);
	}
	fd = open(X "/try/hold", O_WRONLY);
	if (fd < 0)
		need(errno == EAGAIN || errno == EINVAL);
	else
		close(fd);
	need(get(X "/value", text, sizeof(text)) > 0 || errno == EINVAL);
	need(get(X "/ncount", text, sizeof(text)) > 0 || errno == EINVAL);
	need(get(X "/status", text, sizeof(text)) > 0);
	need(get(X "/status.json", text, sizeof(text)) > 0);
	return 0;
}

static void test_nonsense(void **state)
{
	/* Value, waiters, which of the layouts it is. */
	static const uint32_t numbers[] = {0,          1,          0x7fffffff, 0x80000000,
					   0x80000001, 0xfffffffe, 0xffffffff};
	static const uint32_t layouts[] = {0, 128, 1, 0xffffffff};
	enum { NUMBERS = sizeof(numbers) / sizeof(*numbers) };

	for (unsigned i = 0; i < NUMBERS * NUMBERS * 4; i++) {
		const uint32_t words[WORDS] = {numbers[i % NUMBERS], numbers[i / NUMBERS % NUMBERS],
					       layouts[i / NUMBERS / NUMBERS], 0xffffffff};

		make_file(words, sizeof(words), 0666);
		assert_int_equal(shm_try_as(USER, operate_somehow, NULL), 0);
		assert_int_equal(shm_try_as(0, operate_somehow, NULL), 0);
		assert_return_code(rmdir(X), errno);
	}
	assert_others_as_before();
}

/* ---- a file that is cut while it is in use ---- */

static int park(void *unused)
{
	return -put(X "/op", "P");
}

/*
 * Who waits goes on waiting, and can be ended; the rest says what has happened; and when the file
 * has its length again it is a semaphore again.
 */
static void cut_while_parked(const uint32_t *words)
{
	const struct expected cut = {-EINVAL, -EINVAL, "is no semaphore"};
	pid_t parked, killed;
	int fd;

	make_file(words, sizeof(sem_t), 0666);
	fd = open(X "/op", O_WRONLY | O_NONBLOCK);
	assert_return_code(fd, errno);
	parked = spawn(park, NULL);
	killed = spawn(park, NULL);
	wait_until_parked(parked);
	wait_until_parked(killed);
	assert_return_code(truncate(FILE_OF_X, 0), errno);
	check(&cut);
	/* What was open before. */
	assert_int_equal(write(fd, "V", 1), -1);
	assert_int_equal(errno, EIO);
	assert_true(said("has been cut short by its owner"));
	assert_int_equal(write(fd, "P", 1), -1);
	assert_int_equal(errno, EIO);
	kill(killed, SIGKILL);
	assert_int_equal(reap(killed), -SIGKILL);
	assert_others_as_before();
	/* Posted to by another name of the words: by the memory itself. */
	assert_return_code(truncate(FILE_OF_X, sizeof(sem_t)), errno);
	close(fd);
	/* The kernel wakes nobody whose page has gone; removing does. */
	assert_return_code(rmdir(X), errno);
	assert_int_equal(reap(parked), EIDRM);
}

static void test_cut_while_parked(void **state)
{
	const uint32_t glibc[WORDS] = {0, 0, 128}, musl[WORDS] = {0};

	cut_while_parked(glibc);
	cut_while_parked(musl);
}

/* ---- no room for its page ---- */

static int is_full(void *unused)
{
	char text[64];

	need(get(X "/value", text, sizeof(text)) == -ENOSPC && said("/dev/shm is full"));
	need(put(X "/op", "V") == -ENOSPC && said("/dev/shm is full"));
	need(put(X "/try/op", "P") == -ENOSPC && said("/dev/shm is full"));
	need(get(X "/status", text, sizeof(text)) > 0);
	return 0;
}

static void test_no_room(void **state)
{
	static char block[1 << 16];
	int fd;

	make_file("", 0, 0666);
	assert_return_code(truncate(FILE_OF_X, sizeof(sem_t)), errno);
	assert_return_code(mount(NULL, "/dev/shm", NULL, MS_REMOUNT, "size=1m"), errno);
	fd = open("/dev/shm/filling", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(shm_try_as(0, is_full, NULL), 0);
	assert_int_equal(shm_try_as(USER, is_full, NULL), 0);
	assert_others_as_before();
	close(fd);
	assert_return_code(unlink("/dev/shm/filling"), errno);
	assert_return_code(mount(NULL, "/dev/shm", NULL, MS_REMOUNT, "size=50%"), errno);
	/* Zeroes are a semaphore of musl's. */
	assert_int_equal(put(X "/op", "V"), 0);
	check_works();
	assert_return_code(rmdir(X), errno);
}

/* ---- a lease ---- */

static int busy(void *unused)
{
	char text[64];

	need(get(X "/value", text, sizeof(text)) == -EAGAIN);
	need(put(X "/op", "P") == -EAGAIN);
	need(get(X "/status", text, sizeof(text)) > 0);
	return 0;
}

/* Whoever opens a file that is leased waits for its owner: not here. */
static void test_leased(void **state)
{
	sem_t one;
	int fd;

	assert_return_code(sem_init(&one, 1, 1), errno);
	make_file(&one, sizeof(one), 0666);
	signal(SIGIO, SIG_IGN);
	fd = open(FILE_OF_X, O_RDWR | O_CLOEXEC);
	assert_return_code(fcntl(fd, F_SETLEASE, F_WRLCK), errno);
	assert_int_equal(shm_try_as(USER, busy, NULL), 0);
	assert_int_equal(shm_try_as(0, busy, NULL), 0);
	assert_others_as_before();
	close(fd);
	check_works();
	assert_return_code(rmdir(X), errno);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make, remove_made)
	const struct CMUnitTest tests[] = {
		TEST(test_no_file),          TEST(test_too_short), TEST(test_too_long),
		TEST(test_hard_links),       TEST(test_mode_none), TEST(test_nonsense),
		TEST(test_cut_while_parked), TEST(test_no_room),   TEST(test_leased),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests_name("hostile semaphores", tests, fixture_mount,
					   fixture_unmount);
}
