/*
 * machine.c - mounts, programs, limits and clocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

enum { MOUNT_LIMIT = 30, FIRST_USER = 700000 }; /* seconds; nobody */

void bench_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	fflush(NULL);
	_exit(1);
}

void bench_must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

double bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

/* ---- mounts ---- */

static bool is_mounted(const char *path)
{
	struct stat here, above;

	return stat(path, &here) == 0 && stat("/mnt", &above) == 0 && here.st_dev != above.st_dev;
}

static pid_t start(int program, const char *const argv[], const char *path)
{
	struct pollfd mounts = {.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
				.events = POLLPRI};
	double limit = bench_now() + MOUNT_LIMIT * 1e6;
	pid_t pid;

	bench_must((mkdir(path, 0755) == 0 || errno == EEXIST) && mounts.fd >= 0, path);
	fflush(NULL);
	pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		fexecve(program, (char *const *)argv, environ);
		bench_die(argv[0]);
	}
	while (!is_mounted(path)) {
		if (waitpid(pid, NULL, WNOHANG) == pid || bench_now() > limit) {
			errno = ETIMEDOUT;
			bench_die(path);
		}
		poll(&mounts, 1, 100);
	}
	close(mounts.fd);
	return pid;
}

pid_t bench_mount_tree_at(const char *path)
{
	const char *const argv[] = {"ipcfs", "-f", path, NULL};

	return start(bench_run.ipcfs, argv, path);
}

pid_t bench_mount_tree(void)
{
	return bench_mount_tree_at(TREE);
}

pid_t bench_mount_null(void)
{
	const char *const argv[] = {"null", NULL_TREE, NULL};

	return start(bench_run.null, argv, NULL_TREE);
}

void bench_unmount(pid_t pid, const char *path)
{
	int status;

	/* The last close is told to the file system a moment after it. */
	while (umount2(path, 0) != 0)
		bench_must(errno == EBUSY, path);
	bench_must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status == 0)
		return;
	fprintf(stderr, "bench: the file system at %s ended with %#x\n", path, status);
	_exit(1);
}

/* ---- files and limits ---- */

void bench_set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t size = (ssize_t)strlen(value);

	bench_must(fd >= 0 && write(fd, value, size) == size, path);
	close(fd);
}

void bench_get(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/* In a process of its own: it ends as that user. */
static bool make_queue(const char *name, int depth, int message_size)
{
	static uid_t user = FIRST_USER;
	struct mq_attr attr = {.mq_maxmsg = depth, .mq_msgsize = message_size};
	int status;
	pid_t pid;

	user++;
	fflush(NULL);
	pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
		mqd_t queue;

		umask(0);
		if (setrlimit(RLIMIT_MSGQUEUE, &limit) < 0 &&
		    getrlimit(RLIMIT_MSGQUEUE, &limit) == 0) {
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_MSGQUEUE, &limit);
		}
		if (setresuid(user, user, user) < 0)
			_exit(1);
		queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0666, &attr);
		_exit(queue < 0);
	}
	bench_must(waitpid(pid, &status, 0) == pid, "waitpid");
	return status == 0;
}

int bench_make_queue(const char *name, int depth, int message_size)
{
	char number[16];

	/* The kernel's own limit is 65536. */
	for (; depth > 0; depth = depth * 7 / 8) {
		snprintf(number, sizeof(number), "%d", depth > 10 ? depth : 10);
		bench_set("/proc/sys/fs/mqueue/msg_max", number);
		if (make_queue(name, depth, message_size))
			return depth;
	}
	bench_die(name);
}

/* ---- programs ---- */

bool bench_has(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

static pid_t start_program(const char *const argv[], int out)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(out < 0 ? nowhere : out, STDOUT_FILENO);
		if (out < 0)
			dup2(nowhere, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

static void await_program(pid_t pid, const char *name)
{
	int status;

	bench_must(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status == 0)
		return;
	fprintf(stderr, "bench: %s ended with %#x\n", name, status);
	_exit(1);
}

double bench_time_of(const char *const argv[])
{
	double begin = bench_now();

	await_program(start_program(argv, -1), argv[0]);
	return bench_now() - begin;
}

void bench_output_of(const char *const argv[], char *text, size_t size)
{
	size_t length = 0;
	int ends[2];
	ssize_t got;
	pid_t pid;

	bench_must(pipe2(ends, O_CLOEXEC) == 0, "pipe2");
	pid = start_program(argv, ends[1]);
	close(ends[1]);
	while (length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	await_program(pid, argv[0]);
}
