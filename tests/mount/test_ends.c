/*
 * test_ends.c - how a mount ends: by a signal, by umount, by kill -9, with clients waiting in it.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEY = 0x61 };

static int read_errno(void *path)
{
	char byte;
	int fd = open(path, O_RDONLY);

	return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
}

static int write_errno(void *path)
{
	return -put(path, "P");
}

static int hold_errno(void *path)
{
	return open(path, O_WRONLY) < 0 ? errno : 0;
}

struct waiting {
	int (*client)(void *);
	const char *path;
};

static const struct waiting waiting[] = {
	{read_errno, MOUNT "/mq/q/data"},
	{read_errno, MOUNT "/mq/0x61/lines"},
	{write_errno, MOUNT "/sem/p/op"},
	{write_errno, MOUNT "/sem/0x61/op"},
	{hold_errno, MOUNT "/sem/p/hold"},
	{hold_errno, MOUNT "/sem/0x61/hold"},
	{read_errno, MOUNT "/mq/q/within/1000/data"},
};
enum { WAITING = sizeof(waiting) / sizeof(*waiting) };

static void make_objects(void)
{
	assert_return_code(mkdir(MOUNT "/mq/q", 0600), errno);
	assert_return_code(mkdir(MOUNT "/mq/0x61", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/p,value=0", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x61,value=0", 0600), errno);
}

static void remove_objects(void)
{
	assert_return_code(rmdir(MOUNT "/mq/q"), errno);
	assert_return_code(rmdir(MOUNT "/mq/0x61"), errno);
	assert_return_code(rmdir(MOUNT "/sem/p"), errno);
	assert_return_code(rmdir(MOUNT "/sem/0x61"), errno);
}

static void start_waiting(pid_t pids[WAITING])
{
	for (int i = 0; i < WAITING; i++) {
		pids[i] = spawn(waiting[i].client, (void *)waiting[i].path);
		if (waiting[i].client == hold_errno)
			wait_until_open_parked(pids[i]);
		else
			wait_until_parked(pids[i]);
	}
}

static void test_signal_ends_waiting(void **state)
{
	static const int signals[] = {SIGTERM, SIGINT};
	pid_t pids[WAITING];
	struct stat st;
	int status;

	make_objects();
	for (int s = 0; s < 2; s++) {
		start_waiting(pids);
		kill(fixture_daemon(), signals[s]);
		for (int i = 0; i < WAITING; i++)
			assert_int_equal(reap(pids[i]), EINTR);
		assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
		assert_int_equal(status, 0);
		fixture_daemon_gone();
		assert_int_equal(stat(MOUNT "/mq", &st), -1);
		assert_int_equal(errno, ENOENT);
		assert_int_equal(fixture_mount(NULL), 0);
		/* All is still there, and as it was. */
		assert_int_equal(get_number(MOUNT "/mq/0x61/messages"), 0);
		assert_int_equal(get_number(MOUNT "/sem/0x61/ncount"), 0);
		assert_int_equal(get_number(MOUNT "/sem/p/value"), 0);
	}
	remove_objects();
}

/* The daemon ends well, and there is another. */
static void unmount_and_mount(void)
{
	int status;

	/* A close is told to the daemon a moment later. */
	while (umount(MOUNT) < 0)
		assert_int_equal(errno, EBUSY);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	assert_int_equal(status, 0);
	fixture_daemon_gone();
	assert_int_equal(fixture_mount(NULL), 0);
}

static void test_umount_is_refused_while_open(void **state)
{
	int fd;

	assert_return_code(mkdir(MOUNT "/mq/q", 0600), errno);
	fd = open(MOUNT "/mq/q/each", O_RDWR);
	assert_return_code(fd, errno);
	assert_int_equal(umount(MOUNT), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(write(fd, "still", 5), 5);
	assert_return_code(rmdir(MOUNT "/mq/q"), errno);
	close(fd);
	unmount_and_mount();
}

/* The daemon ends well though closes are told to it while the mount ends. */
static void test_umount_right_after_closes(void **state)
{
	enum { ROUNDS = 20, FILES = 64 };

	for (int round = 0; round < ROUNDS; round++) {
		int fds[FILES];

		for (int i = 0; i < FILES; i++) {
			fds[i] = open(MOUNT "/limits", O_RDONLY);
			assert_return_code(fds[i], errno);
		}
		for (int i = 0; i < FILES; i++)
			close(fds[i]);
		unmount_and_mount();
	}
}

static int hold_forever(void *path)
{
	if (open(path, O_WRONLY) < 0)
		return errno;
	pause();
	return 0;
}

/* Who waits when the daemon is killed is freed, and what it held of System V is given back. */
static void test_kill_gives_back(void **state)
{
	enum { HOLDERS = 40 };
	pid_t holders[HOLDERS], pids[WAITING];
	char value[16];
	int id, status;

	make_objects();
	snprintf(value, sizeof(value), "%d", HOLDERS);
	/* All of them first wait, in a thread each, and many threads end before the daemon does. */
	for (int i = 0; i < HOLDERS; i++)
		holders[i] = spawn(hold_forever, (void *)MOUNT "/sem/0x61/hold");
	for (int i = 0; i < HOLDERS; i++)
		wait_until_open_parked(holders[i]);
	assert_int_equal(put(MOUNT "/sem/0x61/op", "+40"), 0);
	id = semget(KEY, 0, 0);
	while (semctl(id, 0, GETVAL) != 0)
		;
	for (int i = 0; i < HOLDERS / 2; i++) {
		kill(holders[i], SIGKILL);
		assert_int_equal(reap(holders[i]), -SIGKILL);
	}
	while (semctl(id, 0, GETVAL) != HOLDERS / 2)
		;
	assert_int_equal(put(MOUNT "/sem/0x61/op", "-20"), 0);
	start_waiting(pids);
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	fixture_daemon_gone();
	for (int i = 0; i < WAITING; i++) {
		int error = reap(pids[i]);

		assert_true(error == ECONNABORTED || error == ENOTCONN);
	}
	assert_int_equal(semctl(id, 0, GETVAL), HOLDERS / 2);
	for (int i = HOLDERS / 2; i < HOLDERS; i++) {
		kill(holders[i], SIGKILL);
		assert_int_equal(reap(holders[i]), -SIGKILL);
	}
	assert_int_equal(semctl(id, 0, GETVAL), HOLDERS / 2);
	assert_return_code(umount2(MOUNT, MNT_DETACH), errno);
	assert_int_equal(fixture_mount(NULL), 0);
	assert_int_equal(get_number(MOUNT "/sem/0x61/value"), HOLDERS / 2);
	remove_objects();
}

/* What a killed daemon's hold gave back is not given back again by one that ends well. */
static void test_hold_is_given_back_once(void **state)
{
	int fd;

	assert_return_code(mkdir(MOUNT "/sem/0x62,value=1", 0600), errno);
	for (int i = 0; i < 100; i++) {
		fd = open(MOUNT "/sem/0x62/hold", O_WRONLY);
		assert_return_code(fd, errno);
		close(fd);
	}
	fd = open(MOUNT "/sem/0x62/hold", O_WRONLY);
	assert_return_code(fd, errno);
	assert_int_equal(get_number(MOUNT "/sem/0x62/value"), 0);
	close(fd);
	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(semctl(semget(0x62, 0, 0), 0, GETVAL), 1);
	assert_int_equal(fixture_mount(NULL), 0);
	assert_return_code(rmdir(MOUNT "/sem/0x62"), errno);
}

/* At a clean end what is held through open handles is given back, in both families. */
static void test_clean_end_gives_back(void **state)
{
	char line[64];
	int posix, sysv, lines;

	make_objects();
	assert_int_equal(put(MOUNT "/sem/p/op", "V"), 0);
	assert_int_equal(put(MOUNT "/sem/0x61/op", "V"), 0);
	posix = open(MOUNT "/sem/p/hold", O_WRONLY);
	sysv = open(MOUNT "/sem/0x61/hold", O_WRONLY);
	lines = open(MOUNT "/mq/q/lines", O_WRONLY);
	assert_return_code(posix, errno);
	assert_return_code(sysv, errno);
	assert_int_equal(write(lines, "unfinished", 10), 10);
	assert_int_equal(get_number(MOUNT "/sem/p/value"), 0);
	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(fixture_mount(NULL), 0);
	assert_int_equal(get_number(MOUNT "/sem/p/value"), 1);
	assert_int_equal(get_number(MOUNT "/sem/0x61/value"), 1);
	assert_int_equal(get(MOUNT "/mq/q/data", line, sizeof(line)), 10);
	close(posix);
	close(sysv);
	close(lines);
	remove_objects();
}

static void mount_again(const char *where, const char *directory)
{
	const char *program = getenv("IPCFS");
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (!pid) {
		if (chdir(directory) < 0)
			_exit(126);
		execl(program, program, where, NULL);
		_exit(127);
	}
	/* It goes to the background when it serves. */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The daemon that serves a directory, which is this process's child since its parent ended. */
static pid_t daemon_in_background(void)
{
	char path[64], text[256];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	assert_non_null(file);
	while (fscanf(file, "%d", &pid) == 1)
		if (pid != fixture_daemon())
			break;
	fclose(file);
	assert_int_not_equal(pid, fixture_daemon());
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	assert_true(get(path, text, sizeof(text)) > 0);
	assert_string_equal(text, "ipcfs\n");
	return pid;
}

/* By a relative path, in the background; killed and mounted again over the dead mount; ended. */
static void test_mount_points(void **state)
{
	char directory[] = "/run/points-XXXXXX", path[64];
	struct stat st;
	pid_t pid;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a b", directory);
	assert_return_code(mkdir(path, 0700), errno);
	mount_again("a b", directory);
	pid = daemon_in_background();
	snprintf(path, sizeof(path), "%s/a b/sem", directory);
	assert_return_code(stat(path, &st), errno);
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOTCONN);
	mount_again("a b", directory);
	pid = daemon_in_background();
	assert_return_code(stat(path, &st), errno);
	kill(pid, SIGTERM);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOENT);

	/* What somebody else mounts there when ours is detached stays. */
	mount_again("a b", directory);
	pid = daemon_in_background();
	snprintf(path, sizeof(path), "%s/a b", directory);
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_return_code(fd, errno);
	assert_return_code(umount2(path, MNT_DETACH), errno);
	assert_return_code(mount("tmpfs", path, "tmpfs", 0, NULL), errno);
	kill(pid, SIGTERM);
	assert_int_equal(reap(pid), 0);
	close(fd);
	assert_return_code(umount(path), errno);
	assert_return_code(rmdir(path), errno);
	assert_return_code(rmdir(directory), errno);
}

static void test_started_with_signals_blocked(void **state)
{
	sigset_t all, before;
	pid_t client;

	assert_int_equal(fixture_unmount(NULL), 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	assert_int_equal(fixture_mount(NULL), 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	make_objects();
	client = spawn(write_errno, (void *)MOUNT "/sem/0x61/op");
	wait_until_parked(client);
	kill(client, SIGKILL);
	assert_int_equal(reap(client), -SIGKILL);
	remove_objects();
}

static void test_read_only(void **state)
{
	char text[4096];

	make_objects();
	assert_int_equal(put(MOUNT "/mq/q/data", "keep"), 0);
	assert_int_equal(fixture_unmount(NULL), 0);
	fixture_options = "ro";
	assert_int_equal(fixture_mount(NULL), 0);
	fixture_options = "";
	assert_int_equal(get(MOUNT "/mq/q/data", text, sizeof(text)), -EROFS);
	assert_int_equal(get(MOUNT "/mq/0x61/type/1", text, sizeof(text)), -EROFS);
	assert_int_equal(put(MOUNT "/mq/q/data", "more"), -EROFS);
	assert_int_equal(put(MOUNT "/sem/p/op", "V"), -EROFS);
	assert_int_equal(open(MOUNT "/sem/p/hold", O_WRONLY), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(put(MOUNT "/sem/0x61/value", "3"), -EROFS);
	assert_int_equal(mkdir(MOUNT "/sem/new", 0600), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(rmdir(MOUNT "/mq/q"), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(chmod(MOUNT "/mq/q", 0666), -1);
	assert_int_equal(errno, EROFS);
	assert_true(get(MOUNT "/mq/status", text, sizeof(text)) > 0);
	assert_int_equal(get_number(MOUNT "/mq/q/messages"), 1);
	assert_int_equal(get_number(MOUNT "/sem/p/value"), 0);
	assert_int_equal(fixture_unmount(NULL), 0);
	assert_int_equal(fixture_mount(NULL), 0);
	remove_objects();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_ends_waiting),
		cmocka_unit_test(test_umount_is_refused_while_open),
		cmocka_unit_test(test_umount_right_after_closes),
		cmocka_unit_test(test_kill_gives_back),
		cmocka_unit_test(test_hold_is_given_back_once),
		cmocka_unit_test(test_clean_end_gives_back),
		cmocka_unit_test(test_mount_points),
		cmocka_unit_test(test_started_with_signals_blocked),
		cmocka_unit_test(test_read_only),
	};

	fixture_isolate();
	/* A daemon in the background ends with the program, however that ends. */
	fixture_isolate_processes();
	return cmocka_run_group_tests_name("ends", tests, fixture_mount, fixture_unmount);
}
