/*
 * test_paths - directories in which everyone can make and swap files: what a user puts there
 * neither holds the daemon up nor leads it, or another user, to something else.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { USER = 1234, TURNS = 300, MOST = 100 * TURNS };

static void become_user(void)
{
	if (setgid(USER) < 0 || setuid(USER) < 0)
		_exit(1);
}

/* ---- a name that is swapped between the look and the act ---- */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* A user's object: by its path in the tree, by its file, and a link beside it. */
struct victim {
	const char *path, *file, *other, *secret;
	int ready;
};

/* A socket is made without the tree, which would close it when its file is moved. */
static bool object_make(const struct victim *victim)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	if (strncmp(victim->path, MOUNT "/sockets", strlen(MOUNT "/sockets")) != 0)
		return mkdir(victim->path, 0644) == 0;
	strcpy(name.sun_path, victim->file);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	return bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 1) == 0;
}

/* Swaps object and link for ever, and back at once, so that the object is nearly always there. */
static int swap(void *argument)
{
	const struct victim *victim = argument;

	become_user();
	if (!object_make(victim) || symlink(victim->secret, victim->other) < 0 ||
	    write(victim->ready, "x", 1) != 1)
		return errno;
	for (;;) {
		int64_t until = now() + 20000;

		for (int i = 0; i < 2; i++)
			if (renameat2(AT_FDCWD, victim->file, AT_FDCWD, victim->other,
				      RENAME_EXCHANGE) < 0)
				return errno;
		while (now() < until)
			;
	}
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_return_code(stat(path, &st), errno);
	return st.st_mode & 07777;
}

/*
 * The moment in which a swap matters is short: to see a fault, start the daemon by
 * strace -D -f -e inject=fchmodat,chmod:delay_enter=3000 (IPCFS names the program).
 *
 * Root changes a user's object, which that user swaps for a link to something of root's.  @path is
 * the object in the tree, @file its file, which all users can write beside.
 */
static void check_swapped(const char *path, const char *file)
{
	char secret[] = "/run/secret-XXXXXX", other[64], byte;
	struct victim victim = {path, file, other, secret, -1};
	int fd = mkstemp(secret), ready[2], changed = 0;
	pid_t swapping;

	assert_return_code(fd, errno);
	close(fd);
	snprintf(other, sizeof(other), "%s.other", file);
	assert_return_code(pipe(ready), errno);
	victim.ready = ready[1];
	swapping = spawn(swap, &victim);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	for (int i = 0; i < MOST && changed < TURNS && mode_of(secret) == 0600; i++)
		changed += chmod(path, i % 2 ? 0666 : 0606) == 0;
	kill(swapping, SIGKILL);
	assert_int_equal(reap(swapping), -SIGKILL);
	unlink(file);
	unlink(other);
	assert_int_equal(mode_of(secret), 0600);
	unlink(secret);
	/* Often enough for something to go wrong. */
	assert_int_equal(changed, TURNS);
}

static void test_swapped_socket(void **state)
{
	check_swapped(MOUNT "/sockets/unix/x", "/run/ipcfs/unix/x");
}

static void test_swapped_pipe(void **state)
{
	check_swapped(MOUNT "/pipes/x", "/run/ipcfs/pipes/x");
}

static void test_swapped_memory(void **state)
{
	check_swapped(MOUNT "/shm/x", "/dev/shm/x");
}

static void test_swapped_semaphore(void **state)
{
	check_swapped(MOUNT "/sem/x", "/dev/shm/sem.x");
}

/* ---- what is in the way of the daemon's own files ---- */

#define DAEMONS "/run/ipcfs/daemons"

static int make_segment(void *unused)
{
	return mkdir(MOUNT "/shm/0x4d2,size=4096", 0600) < 0 ? errno : 0;
}

static int remove_segment(void *unused)
{
	return rmdir(MOUNT "/shm/0x4d2") < 0 ? errno : 0;
}

/* The status of a child that ends within ten seconds; else the daemon is ended, and it fails. */
static int reap_soon(pid_t pid)
{
	const struct timespec pause = {0, 1000000};

	for (int i = 0; i < 10000; i++) {
		int status;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return WEXITSTATUS(status);
		nanosleep(&pause, NULL);
	}
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), NULL, 0), fixture_daemon());
	fixture_daemon_gone();
	waitpid(pid, NULL, 0);
	fail_msg("it does not come back");
	return -1;
}

static int fifo_as_user(void *path)
{
	become_user();
	return mkfifo(path, 0666) < 0 ? errno : 0;
}

static int file_as_user(void *path)
{
	become_user();
	return creat(path, 0666) < 0 ? errno : 0;
}

static int directory_as_user(void *path)
{
	char below[80];

	become_user();
	snprintf(below, sizeof(below), "%s/below", (const char *)path);
	return mkdir(path, 0700) < 0 || mkdir(below, 0700) < 0 ? errno : 0;
}

/* A daemon notes its pid when it makes its first segment; whoever knows the pid can be there first.
 */
static void check_in_the_way(int (*make)(void *path))
{
	char path[64];
	struct stat st;

	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(fixture_mount(NULL), 0);
	snprintf(path, sizeof(path), "%s/%d", DAEMONS, (int)fixture_daemon());
	assert_int_equal(reap(spawn(make, path)), 0);
	assert_int_equal(reap_soon(spawn(make_segment, NULL)), 0);
	assert_int_equal(reap_soon(spawn(remove_segment, NULL)), 0);
	assert_return_code(lstat(path, &st), errno);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_uid, 0);
}

static void test_in_the_way(void **state)
{
	/* The directory is there from the first on. */
	assert_int_equal(reap(spawn(make_segment, NULL)), 0);
	assert_int_equal(reap(spawn(remove_segment, NULL)), 0);
	check_in_the_way(fifo_as_user);
	check_in_the_way(file_as_user);
	check_in_the_way(directory_as_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swapped_socket), cmocka_unit_test(test_swapped_pipe),
		cmocka_unit_test(test_swapped_memory), cmocka_unit_test(test_swapped_semaphore),
		cmocka_unit_test(test_in_the_way),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("paths", tests, fixture_mount, fixture_unmount);
}
