/*
 * calls.c - how many FUSE requests and how many system calls of the daemon an operation of a shell
 * takes.
 *
 * strace looks at the daemon while bash does it a few times, and then some times more: the
 * difference is what each takes, without what comes once.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TRACE "/run/trace"

enum {
	FEW = 2,
	MORE = 10, /* in a whole run */
	OPCODES = 64,
	LIMIT = 30,
	SERVERS = 2
};

static const char *const names[OPCODES] = {
	[FUSE_LOOKUP] = "LOOKUP",
	[FUSE_GETATTR] = "GETATTR",
	[FUSE_SETATTR] = "SETATTR",
	[FUSE_READLINK] = "READLINK",
	[FUSE_MKDIR] = "MKDIR",
	[FUSE_RMDIR] = "RMDIR",
	[FUSE_OPEN] = "OPEN",
	[FUSE_READ] = "READ",
	[FUSE_WRITE] = "WRITE",
	[FUSE_RELEASE] = "RELEASE",
	[FUSE_FLUSH] = "FLUSH",
	[FUSE_OPENDIR] = "OPENDIR",
	[FUSE_READDIR] = "READDIR",
	[FUSE_READDIRPLUS] = "READDIRPLUS",
	[FUSE_RELEASEDIR] = "RELEASEDIR",
	[FUSE_GETXATTR] = "GETXATTR",
	[FUSE_LISTXATTR] = "LISTXATTR",
	[FUSE_ACCESS] = "ACCESS",
	[FUSE_STATFS] = "STATFS",
	[FUSE_LSEEK] = "LSEEK",
	[FUSE_POLL] = "POLL",
	[FUSE_IOCTL] = "IOCTL",

	[FUSE_GETLK] = "GETLK",
	[FUSE_INTERRUPT] = "INTERRUPT",
	[FUSE_FSYNC] = "FSYNC",
};

struct counts {
	int requests[OPCODES]; /* but FORGET: those come together, when the kernel likes */
	int calls;
};

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

/* Until both of its threads that take requests wait for one, and again a moment later. */
static void await_rest(pid_t daemon)
{
	double limit = bench_now() + LIMIT * 1e6;
	int all;

	for (int times = 0; times < 5; times++) {
		usleep(2000);
		if (threads_with(daemon, "stack", "fuse_dev_do_read", &all) < SERVERS)
			times = 0;
		bench_must(bench_now() < limit, "the daemon is not at rest");
	}
}

/* ---- what strace has written ---- */

/* A line is one call; a read of @device begins with the length and the number of the request, in
 * hexadecimal bytes. */
static void count_file(const char *path, int device, struct counts *counts)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	bench_must(file != NULL, path);
	while (fgets(line, sizeof(line), file)) {
		unsigned bytes[8];
		int fd;

		if (line[0] < 'a' || line[0] > 'z')
			continue;
		/* What it was in when strace left it. */
		if (strstr(line, "<detached ...>") || strstr(line, "<unfinished ...>"))
			continue;
		counts->calls++;
		if (sscanf(line, "read(%d, \"\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\\x%2x\"",
			   &fd, &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5],
			   &bytes[6], &bytes[7]) != 9 ||
		    fd != device)
			continue;
		if (bytes[4] == FUSE_FORGET || bytes[4] == FUSE_BATCH_FORGET)
			counts->calls--;
		else if (bytes[4] < OPCODES)
			counts->requests[bytes[4]]++;
	}
	fclose(file);
	unlink(path);
}

static struct counts count_trace(int device)
{
	struct counts counts = {.calls = 0};
	struct dirent *entry;
	DIR *run = opendir("/run");

	bench_must(run != NULL, "/run");
	while ((entry = readdir(run))) {
		char path[300];

		if (strncmp(entry->d_name, "trace.", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "/run/%s", entry->d_name);
		count_file(path, device, &counts);
	}
	closedir(run);
	return counts;
}

static int device_of(pid_t daemon)
{
	char path[64], target[64];

	for (int fd = 0; fd < 64; fd++) {
		ssize_t size;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", daemon, fd);
		size = readlink(path, target, sizeof(target) - 1);
		if (size > 0 && (target[size] = '\0', strcmp(target, "/dev/fuse") == 0))
			return fd;
	}
	bench_die("the daemon's /dev/fuse");
}

/* ---- */

struct operation {
	const char *name, *what;
	const char *body, *before, *after;
};

static const struct operation operations[] = {
	{"echo-sysv", "echo P >sem/KEY/op", "echo P >sem/0x4d2/op", "echo 100 >sem/0x4d2/value",
	 ":"},
	{"echo-posix", "echo P >sem/NAME/op", "echo P >sem/posix/op", ":", ":"},
	{"cat-value", "cat sem/KEY/value", "cat sem/0x4d2/value", ":", ":"},
	{"mkdir", "mkdir mq/KEY", "mkdir mq/0x$i", ":",
	 "for ((i = 1; i <= n; i++)); do rmdir mq/0x$i; done"},
	{"rmdir", "rmdir mq/KEY", "rmdir mq/0x$i",
	 "for ((i = 1; i <= n; i++)); do mkdir mq/0x$i; done", ":"},
	{"ls", "ls mq", "ls mq", ":", ":"},
	{"ls-l", "ls -l mq, of 3 queues", "ls -l mq", "mkdir mq/a mq/b mq/c",
	 "rmdir mq/a mq/b mq/c"},
	{"status", "cat status", "cat status", ":", ":"},
};

static void run_bash(const char *body, int times)
{
	char script[512];
	const char *argv[] = {"bash", "--norc", "--noprofile", "-c", script, NULL};

	snprintf(script, sizeof(script),
		 "cd " TREE " || exit; n=%d; for ((i = 1; i <= n; i++)); do %s; done", times, body);
	bench_time_of(argv);
}

static void run_once(const char *body, int times)
{
	char script[512];
	const char *argv[] = {"bash", "--norc", "--noprofile", "-c", script, NULL};

	snprintf(script, sizeof(script), "set -e; cd " TREE "; n=%d; %s", times, body);
	bench_time_of(argv);
}

static struct counts trace(const struct operation *operation, int times, pid_t daemon)
{
	int status;
	pid_t strace;

	run_once(operation->before, times);
	await_rest(daemon);
	strace = start_strace(daemon);
	await_rest(daemon);
	run_bash(operation->body, times);
	await_rest(daemon);
	kill(strace, SIGINT);
	bench_must(waitpid(strace, &status, 0) == strace, "strace");
	run_once(operation->after, times);
	return count_trace(device_of(daemon));
}

static void count(const struct operation *operation, pid_t daemon)
{
	char id[64], detail[512] = "";
	struct counts few, more;
	double requests = 0;
	int times = bench_times(MORE, 1);

	snprintf(id, sizeof(id), "calls/%s", operation->name);
	if (!bench_wants(id))
		return;
	run_once(operation->before, FEW);
	run_bash(operation->body, FEW);
	run_once(operation->after, FEW);
	few = trace(operation, FEW, daemon);
	more = trace(operation, FEW + times, daemon);
	for (int i = 0; i < OPCODES; i++) {
		double each = (double)(more.requests[i] - few.requests[i]) / times;
		size_t length = strlen(detail);

		requests += each;
		if (each == 0)
			continue;
		snprintf(detail + length, sizeof(detail) - length, "%s%s", length ? ", " : "",
			 names[i] ? names[i] : "?");
		length = strlen(detail);
		if (each != 1)
			snprintf(detail + length, sizeof(detail) - length, " x %.3g", each);
	}
	bench_count(id, operation->what, requests, "requests", -1, detail);
	snprintf(id, sizeof(id), "calls/%s-daemon", operation->name);
	snprintf(detail, sizeof(detail), "of the daemon");
	bench_count(id, operation->what, (double)(more.calls - few.calls) / times, "system calls",
		    -1, detail);
}

void bench_calls(void)
{
	pid_t ipcfs;

	bench_use_one_processor();
	ipcfs = bench_mount_tree();
	bench_must(mkdir(TREE "/sem/0x4d2,value=100", 0600) == 0 &&
			   mkdir(TREE "/sem/posix,value=100", 0600) == 0,
		   "mkdir");
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (bench_has("strace"))
			count(&operations[i], ipcfs);
		else
			bench_skip("calls", "there is no strace here");
	}
	bench_unmount(ipcfs, TREE);
}
