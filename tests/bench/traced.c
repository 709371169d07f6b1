/*
 * traced.c - a daemon's requests and system calls, as strace writes them.
 */
#include "traced.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TRACE "/run/trace"

enum { LIMIT = 30 /* seconds */, DESCRIPTORS = 256 };

/* ---- the daemon, looked at ---- */

/* What /proc has of a thread, "" if nothing. */
static void read_task(pid_t pid, const char *task, const char *name, char *text, size_t size)
{
	char path[400];
	int fd;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, task, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, text, size - 1);
	text[got > 0 ? got : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* How many threads have that in that file; all there are if @all is given. */
static int threads_with(pid_t pid, const char *name, const char *words, int *all)
{
	char path[64], text[4096];
	struct dirent *entry;
	int count = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	bench_must(tasks != NULL, path);
	for (*all = 0; (entry = readdir(tasks));) {
		if (entry->d_name[0] == '.')
			continue;
		++*all;
		read_task(pid, entry->d_name, name, text, sizeof(text));
		count += strstr(text, words) != NULL;
	}
	closedir(tasks);
	return count;
}

static pid_t start_strace(pid_t daemon)
{
	double limit = bench_now() + LIMIT * 1e6;
	char number[16];
	pid_t pid;
	int all;

	snprintf(number, sizeof(number), "%d", daemon);
	pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("strace", "strace", "-ff", "-qq", "-xx", "-s8", "-o" TRACE, "-p", number,
		       NULL);
		bench_die("strace");
	}
	/* A file for each thread, whose others are not traced yet. */
	while (threads_with(daemon, "status", "TracerPid:\t0\n", &all) > 0) {
		bench_must(waitpid(pid, NULL, WNOHANG) == 0 && bench_now() < limit, "strace");
		usleep(1000);
	}
	return pid;
}

/* Until all its threads sleep, one of them for want of a request, and again a moment later. */
static void await_rest(pid_t daemon)
{
	double limit = bench_now() + LIMIT * 1e6;
	int all;

	for (int times = 0; times < 5; times++) {
		usleep(2000);
		if (threads_with(daemon, "stack", "fuse_dev_do_read", &all) < 1 ||
		    threads_with(daemon, "status", "State:\tS", &all) < all)
			times = -1;
		bench_must(bench_now() < limit, "the daemon is not at rest");
	}
}

/* ---- what strace has written ---- */

static void count_call(const char *line, struct traced *traced)
{
	size_t length = strcspn(line, "(");
	int i = 0;

	traced->calls++;
	if (length >= TRACED_NAME)
		return;
	while (i < TRACED_CALLS - 1 && traced->by_name[i].name[0] &&
	       (strncmp(traced->by_name[i].name, line, length) != 0 ||
		traced->by_name[i].name[length]))
		i++;
	memcpy(traced->by_name[i].name, line, length);
	traced->by_name[i].count++;
}

/* A line is one call; a read of one of @devices begins with the length and the number of the
 * request, in hexadecimal bytes. */
static void count_file(const char *path, const bool *devices, struct traced *traced)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	bench_must(file != NULL, path);
	while (fgets(line, sizeof(line), file)) {
		unsigned bytes[8];
		unsigned fd;

		if (line[0] < 'a' || line[0] > 'z')
			continue;
		/* What it was in when strace left it. */
		if (strstr(line, "<detached ...>") || strstr(line, "<unfinished ...>"))
			continue;
		if (sscanf(line, "read(%u, \"\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\"",
			   &fd, &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5],
			   &bytes[6], &bytes[7]) == 9 &&
		    fd < DESCRIPTORS && devices[fd]) {
			if (bytes[4] == FUSE_FORGET || bytes[4] == FUSE_BATCH_FORGET)
				continue;
			if (bytes[4] < TRACED_OPCODES)
				traced->requests[bytes[4]]++;
		}
		count_call(line, traced);
	}
	fclose(file);
	unlink(path);
}

static void count_trace(const bool *devices, struct traced *traced)
{
	struct dirent *entry;
	DIR *run = opendir("/run");

	bench_must(run != NULL, "/run");
	while ((entry = readdir(run))) {
		char path[300];

		if (strncmp(entry->d_name, "trace.", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "/run/%s", entry->d_name);
		count_file(path, devices, traced);
	}
	closedir(run);
}

/* By which a daemon reads requests: one descriptor, or several of one connection. */
static void find_devices(pid_t daemon, bool *devices)
{
	char path[64], target[64];
	int found = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		ssize_t size;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", daemon, fd);
		size = readlink(path, target, sizeof(target) - 1);
		target[size > 0 ? size : 0] = '\0';
		devices[fd] = strcmp(target, "/dev/fuse") == 0;
		found += devices[fd];
	}
	bench_must(found > 0, "the daemon's /dev/fuse");
}

/* ---- */

pid_t traced_begin(const struct traced_daemon *daemon)
{
	pid_t strace;

	await_rest(daemon->pid);
	strace = start_strace(daemon->pid);
	await_rest(daemon->pid);
	return strace;
}

void traced_end(const struct traced_daemon *daemon, pid_t strace, struct traced *traced)
{
	bool devices[DESCRIPTORS];
	int status;

	await_rest(daemon->pid);
	kill(strace, SIGINT);
	bench_must(waitpid(strace, &status, 0) == strace, "strace");
	*traced = (struct traced){.calls = 0};
	find_devices(daemon->pid, devices);
	count_trace(devices, traced);
}
