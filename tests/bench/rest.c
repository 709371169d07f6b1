/*
 * rest.c - what a daemon takes that nobody uses: how often it wakes up, and its memory.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

/* Milliseconds, but for the memory; what has been used ends first, an idle thread of the daemon
 * after 5 s. */
enum { REST = 10000, THREADS_END = 6000, LIMIT = 8 << 10 /* KiB */ };

/* The number after a word of /proc/PID/.../status. */
static long figure(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(word);
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, word, length) == 0 && line[length] == ':')
			value = atol(line + length + 1);
	if (file)
		fclose(file);
	bench_must(value >= 0, path);
	return value;
}

/* Of all threads: how often they have been put on a processor since they began. */
static long switches(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	long sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	bench_must(tasks != NULL, path);
	while ((entry = readdir(tasks))) {
		char status[400];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(status, sizeof(status), "%s/%s/status", path, entry->d_name);
		sum += figure(status, "voluntary_ctxt_switches") +
		       figure(status, "nonvoluntary_ctxt_switches");
	}
	closedir(tasks);
	return sum;
}

static void rest(int milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	nanosleep(&time, NULL);
}

static void count_wakeups(const char *id, const char *what, pid_t pid)
{
	int milliseconds = bench_times(REST, 10);
	char detail[64];
	long before;

	if (!bench_wants(id))
		return;
	rest(bench_times(THREADS_END, 10));
	before = switches(pid);
	rest(milliseconds);
	snprintf(detail, sizeof(detail), "in %g s", milliseconds / 1e3);
	bench_count(id, what, (double)(switches(pid) - before), "context switches", 0, detail);
}

static void count_memory(const char *id, const char *what, pid_t pid)
{
	char path[64], detail[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(detail, sizeof(detail), "%ld KiB of it anonymous", figure(path, "RssAnon"));
	bench_count(id, what, (double)figure(path, "VmRSS"), "KiB", LIMIT, detail);
}

/* Every text and every listing, and some waits. */
static void use(void)
{
	static const char *const script[] = {
		"sh", "-c",
		"cd " TREE " || exit\n"
		"mkdir mq/a mq/0x1 sem/a sem/0x1 shm/a shm/0x1 pipes/a sockets/tcp/127.0.0.1:4000\n"
		"ls -lR . >/dev/null\n"
		"grep -r . . >/dev/null 2>&1\n"
		"for i in 1 2 3 4 5 6 7 8 9 10; do\n"
		"echo x >mq/a/data; cat mq/a/data; echo x >mq/0x1/data; cat mq/0x1/data\n"
		"echo P >sem/a/op; echo V >sem/a/op; echo P >sem/0x1/op; echo V >sem/0x1/op\n"
		"cat mq/0x1/within/0.01/data; cat sem/holders\n"
		"done\n"
		"exit 0",
		NULL};

	bench_time_of(script);
}

void bench_rest(void)
{
	pid_t ipcfs;

	bench_use_all_processors();
	ipcfs = bench_mount_tree();
	count_memory("rest/memory", "resident, just mounted", ipcfs);
	count_wakeups("rest/wakeups", "wake-ups at rest, just mounted", ipcfs);
	use();
	count_memory("rest/memory-used", "resident, after every file was used", ipcfs);
	count_wakeups("rest/wakeups-used", "wake-ups at rest, after every file was used", ipcfs);
	bench_unmount(ipcfs, TREE);
}
