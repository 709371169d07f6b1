/*
 * calls.c - how many FUSE requests and how many system calls of the daemon an operation of a shell
 * takes.
 *
 * It is looked at while bash does it a few times, and then some times more: the difference is what
 * each takes, without what comes once.
 */
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "traced.h"

enum { FEW = 2, MORE = 10 /* in a whole run */, SHOWN = 8 };

static const char *const names[TRACED_OPCODES] = {
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

struct operation {
	const char *name, *what;
	const char *body, *before, *after;
};

static const struct operation on_null[] = {
	{"null-echo", "the null file system: echo P >kind/object/file", "echo P >kind/object/file",
	 ":", ":"},
};

static const struct operation on_tree[] = {
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
};

static void run_bash(const struct traced_daemon *daemon, const char *body, int times)
{
	char script[640];
	const char *argv[] = {"bash", "--norc", "--noprofile", "-c", script, NULL};

	snprintf(script, sizeof(script), "set -e; cd %s; n=%d; %s", daemon->mount, times, body);
	bench_time_of(argv);
}

static void repeat(const struct traced_daemon *daemon, const char *body, int times)
{
	char script[512];

	snprintf(script, sizeof(script), "for ((i = 1; i <= n; i++)); do %s; done", body);
	run_bash(daemon, script, times);
}

static struct traced trace(const struct traced_daemon *daemon, const struct operation *operation,
			   int times)
{
	struct traced traced;
	pid_t strace;

	run_bash(daemon, operation->before, times);
	strace = traced_begin(daemon);
	repeat(daemon, operation->body, times);
	traced_end(daemon, strace, &traced);
	run_bash(daemon, operation->after, times);
	return traced;
}

static int calls_of(const struct traced *traced, const char *name)
{
	for (int i = 0; i < TRACED_CALLS; i++)
		if (strcmp(traced->by_name[i].name, name) == 0)
			return traced->by_name[i].count;
	return 0;
}

/* Adds to a list of names, of which there are so many each time. */
static void list(char *detail, size_t size, const char *name, double each)
{
	size_t length = strlen(detail);

	if (each <= 0)
		return;
	snprintf(detail + length, size - length, "%s%s", length ? ", " : "", name);
	length = strlen(detail);
	if (each != 1)
		snprintf(detail + length, size - length, " × %.3g", each);
}

static void report_requests(const struct operation *operation, const struct traced *few,
			    const struct traced *more, int times)
{
	char id[64], detail[512] = "";
	double sum = 0;

	for (int i = 0; i < TRACED_OPCODES; i++) {
		double each = (double)(more->requests[i] - few->requests[i]) / times;

		sum += each;
		list(detail, sizeof(detail), names[i] ? names[i] : "?", each);
	}
	snprintf(id, sizeof(id), "calls/%s", operation->name);
	bench_count(id, operation->what, sum, "requests", -1, detail);
}

/* The names that come most often first, else in their order. */
static void report_calls(const struct operation *operation, const struct traced *few,
			 const struct traced *more, int times)
{
	char id[64], detail[512] = "";
	bool told[TRACED_CALLS] = {false};

	for (int shown = 0; shown < SHOWN; shown++) {
		double most = 0;
		int which = 0;

		for (int i = 0; i < TRACED_CALLS && more->by_name[i].name[0]; i++) {
			double each = (double)(more->by_name[i].count -
					       calls_of(few, more->by_name[i].name)) /
				      times;

			if (!told[i] && (each > most ||
					 (each == most && strcmp(more->by_name[i].name,
								 more->by_name[which].name) < 0))) {
				most = each;
				which = i;
			}
		}
		list(detail, sizeof(detail), more->by_name[which].name, most);
		told[which] = true;
	}
	snprintf(id, sizeof(id), "calls/%s-daemon", operation->name);
	bench_count(id, operation->what, (double)(more->calls - few->calls) / times, "system calls",
		    -1, detail);
}

static void count(const struct traced_daemon *daemon, const struct operation *operation)
{
	int times = bench_times(MORE, 1);
	struct traced few, more;
	char id[64], pattern[80];

	snprintf(id, sizeof(id), "calls/%s", operation->name);
	snprintf(pattern, sizeof(pattern), "%s-daemon", id);
	if (!bench_wants(id) && !bench_wants(pattern))
		return;
	/* What comes once has come then. */
	run_bash(daemon, operation->before, FEW);
	repeat(daemon, operation->body, FEW);
	run_bash(daemon, operation->after, FEW);
	few = trace(daemon, operation, FEW);
	more = trace(daemon, operation, FEW + times);
	report_requests(operation, &few, &more, times);
	report_calls(operation, &few, &more, times);
}

void bench_calls(void)
{
	struct traced_daemon tree = {TREE, 0, 2}, null = {NULL_TREE, 0, 1};

	if (!bench_has("strace")) {
		bench_skip("calls", "there is no strace here");
		return;
	}
	bench_use_one_processor();
	tree.pid = bench_mount_tree();
	null.pid = bench_mount_null();
	bench_must(mkdir(TREE "/sem/0x4d2,value=100", 0600) == 0 &&
			   mkdir(TREE "/sem/posix,value=100", 0600) == 0,
		   "mkdir");
	for (size_t i = 0; i < sizeof(on_null) / sizeof(*on_null); i++)
		count(&null, &on_null[i]);
	for (size_t i = 0; i < sizeof(on_tree) / sizeof(*on_tree); i++)
		count(&tree, &on_tree[i]);
	bench_unmount(null.pid, NULL_TREE);
	bench_unmount(tree.pid, TREE);
}
