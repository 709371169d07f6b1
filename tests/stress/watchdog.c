/*
 * watchdog.c - a bound for every wait of a test: who is stuck is shown, not only that somebody is.
 */
#include "watchdog.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { SHOWN = 60, LOOK = 200 }; /* tasks shown in full; milliseconds */

static struct shared {
	_Atomic int64_t until; /* milliseconds of CLOCK_MONOTONIC; 0: no bound */
	int64_t since;
	char what[128];
} * shared;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void show_file(const char *task, const char *name)
{
	char path[512], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "%.400s/%.40s", task, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		fprintf(stderr, "    %s: %s%s", name, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

static void show_task(const char *task)
{
	char path[512], line[512] = "?";
	FILE *file;

	snprintf(path, sizeof(path), "%.400s/stat", task);
	file = fopen(path, "re");
	if (file) {
		/* PID (COMMAND) STATE PARENT is enough. */
		if (fgets(line, sizeof(line), file) && strlen(line) > 60)
			strcpy(line + 60, " ...");
		fclose(file);
	}
	fprintf(stderr, "  %s: %s\n", task, line);
	show_file(task, "wchan");
	show_file(task, "syscall");
	show_file(task, "stack");
}

/* Calls for each entry of @directory that is a number. */
static size_t each_number(const char *directory, size_t room, void (*each)(const char *path))
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	char path[512];
	size_t count = 0;

	while (list && (entry = readdir(list))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%.200s/%.200s", directory, entry->d_name);
		if (count++ < room)
			each(path);
	}
	if (list)
		closedir(list);
	return count;
}

static void show_process(const char *process)
{
	char tasks[512];
	size_t count;

	show_file(process, "cmdline");
	snprintf(tasks, sizeof(tasks), "%.400s/task", process);
	count = each_number(tasks, SHOWN, show_task);
	if (count > SHOWN)
		fprintf(stderr, "  %s: %zu more threads\n", process, count - SHOWN);
}

static void watch(pid_t whom)
{
	const struct timespec pause = {0, LOOK * 1000000L};

	for (;;) {
		int64_t until = shared->until;

		if (until && now() > until) {
			fprintf(stderr, "STUCK: %s\n", shared->what);
			fprintf(stderr, "  (%zu processes)\n",
				each_number("/proc", 4 * SHOWN, show_process));
			kill(whom, SIGKILL);
			_exit(1);
		}
		nanosleep(&pause, NULL);
	}
}

void watchdog_start(void)
{
	pid_t whom = getpid(), pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "watchdog");
	watch(whom);
}

void watchdog_expect(unsigned seconds, const char *what)
{
	const char *slack = getenv("WATCHDOG_SLACK");

	/* Without a bound while the words change. */
	if (shared->until)
		printf("%7.2f s  %s\n", (double)(now() - shared->since) / 1000, shared->what);
	shared->until = 0;
	shared->since = now();
	snprintf(shared->what, sizeof(shared->what), "%s", what);
	if (seconds)
		shared->until = now() + seconds * 1000L * (slack ? atoi(slack) : 1);
}
