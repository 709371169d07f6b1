/*
 * status - how long the tables of many objects take, as ratios to ipcs, and how listings grow.
 *
 * usage: status IPCFS    (the program; as root)
 *
 * Each run is a program that is started and waited for, cat or ipcs, with its output thrown away:
 * wall clock, the one after the other, the first changing from run to run.  POSIX queues have users
 * of their own: RLIMIT_MSGQUEUE lets none have so many.
 */
#include "bench.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"
#define SEGMENTS 4096
#define OTHERS 30000 /* sets, and queues */
#define POSIX_QUEUES 10000
#define POSIX_QUEUES_EACH 2000 /* of a user */
#define FIRST_USER 700000

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

/* This namespace's own. */
static void set_limit(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
	close(fd);
}

static void make_objects(void)
{
	set_limit("/proc/sys/kernel/shmmni", "32768");
	set_limit("/proc/sys/kernel/msgmni", "32768");
	set_limit("/proc/sys/kernel/sem", "32000 1024000000 500 32768");
	for (int i = 0; i < SEGMENTS; i++)
		must(shmget(IPC_PRIVATE, 4096, 0644) >= 0, "shmget");
	for (int i = 0; i < OTHERS; i++)
		must(msgget(IPC_PRIVATE, 0644) >= 0 && semget(IPC_PRIVATE, 1, 0644) >= 0,
		     "msgget, semget");
}

/* Queues of the smallest size, whose numbers are @from to @to - 1. */
static void make_posix_queues(int from, int to)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0) {
		must(setuid((uid_t)(FIRST_USER + from)) == 0, "setuid");
		for (int i = from; i < to; i++) {
			char name[32];
			mqd_t queue;

			snprintf(name, sizeof(name), "/queue-%d", i);
			queue = mq_open(name, O_CREAT | O_EXCL | O_RDONLY, 0644, &attr);
			must(queue >= 0, "mq_open");
			mq_close(queue);
		}
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, "a user's queues");
}

static void remove_posix_queues(void)
{
	char name[32];

	for (int i = 0; i < POSIX_QUEUES; i++) {
		snprintf(name, sizeof(name), "/queue-%d", i);
		must(mq_unlink(name) == 0, "mq_unlink");
	}
}

/* Microseconds that a program takes. */
static double time_of(const char *const argv[])
{
	double start = bench_now();
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0) {
		int out = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(out, STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, argv[0]);
	return bench_now() - start;
}

static const struct table {
	const char *option, *file;
	int count;
} tables[] = {
	{"-m", TREE "/shm/status", SEGMENTS},
	{"-s", TREE "/sem/status", OTHERS},
	{"-q", TREE "/mq/status", OTHERS},
};

static void compare(const struct table *table)
{
	const char *const ipcs[] = {"ipcs", table->option, NULL};
	const char *const cat[] = {"cat", table->file, NULL};
	double without[RUNS], through[RUNS], ratios[RUNS];

	for (int run = -1; run < RUNS; run++) {
		double tree = 0, plain;

		if (run % 2)
			tree = time_of(cat);
		plain = time_of(ipcs);
		if (run % 2 == 0)
			tree = time_of(cat);
		if (run < 0)
			continue;
		without[run] = plain;
		through[run] = tree;
		ratios[run] = plain / tree;
	}
	bench_median(ratios);
	printf("%-8d ipcs %-4s %10.1f ms  %-24s %8.1f ms  %6.1f times faster, %.1f - %.1f\n",
	       table->count, table->option, bench_median(without) / 1e3,
	       table->file + strlen(TREE) + 1, bench_median(through) / 1e3, ratios[RUNS / 2],
	       ratios[0], ratios[RUNS - 1]);
}

static double median_of(const char *const argv[])
{
	double times[RUNS];

	time_of(argv);
	for (int run = 0; run < RUNS; run++)
		times[run] = time_of(argv);
	return bench_median(times);
}

/* Time for each queue must stay the same however many there are. */
static void grow_listing(void)
{
	static const char *const list[] = {"ls", "-U", TREE "/mq", NULL};
	static const char *const stat[] = {"ls", "-lU", TREE "/mq", NULL};
	static const char *const cat[] = {"cat", TREE "/mq/status", NULL};
	int count = 0;

	set_limit("/proc/sys/fs/mqueue/queues_max", "20000");
	printf("\n%-16s %12s %12s %12s\n", "POSIX queues", "ls, ms", "ls -l, ms", "status, ms");
	for (int next = POSIX_QUEUES / 4; next <= POSIX_QUEUES; next *= 2) {
		while (count < next) {
			int to =
				count + POSIX_QUEUES_EACH < next ? count + POSIX_QUEUES_EACH : next;

			make_posix_queues(count, to);
			count = to;
		}
		printf("%-16d %12.1f %12.1f %12.1f\n", count, median_of(list) / 1e3,
		       median_of(stat) / 1e3, median_of(cat) / 1e3);
	}
}

static pid_t start(int ipcfs)
{
	const char *const argv[] = {"ipcfs", "-f", TREE, NULL};

	return bench_start(ipcfs, argv, TREE);
}

int main(int argc, char *argv[])
{
	int ipcfs;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: %s IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover it. */
	ipcfs = open(argv[1], O_PATH | O_CLOEXEC);
	must(ipcfs >= 0, argv[1]);
	bench_isolate();
	bench_introduce(0);
	pid = start(ipcfs);
	grow_listing();
	bench_stop(pid, TREE);
	remove_posix_queues();
	make_objects();
	pid = start(ipcfs);
	printf("\n");
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		compare(&tables[i]);
	bench_stop(pid, TREE);
	return 0;
}
