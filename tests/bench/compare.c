/*
 * compare - what an operation costs through ipcfs, as a ratio to the null file system in the same
 * run.
 *
 * usage: compare NULL IPCFS    (the two programs; as root)
 *
 * All happens in its own mount and IPC namespaces, so nothing of the machine is seen or touched.
 * Only the ratios are worth comparing between machines.  They are taken twice: with all programs on
 * one processor, which shows the work that is done, and wherever the scheduler puts them, where
 * waking each other costs more than the work and a ratio below 1 is luck.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#define OPERATIONS 500 /* in a run; their messages fit a queue of the usual 16384 bytes */
#define SEM_KEY 0x4d2
#define QUEUE_KEY 0x4d3

#define NULL_MOUNT "/mnt/null"
#define IPCFS_MOUNT "/mnt/ipcfs"

static int queue;

/* Takes out, beside the clock and the tree, what a run has sent. */
static void drain_queue(void)
{
	struct {
		long type;
		char text[64];
	} message;

	while (msgrcv(queue, &message, sizeof(message.text), 0, IPC_NOWAIT) >= 0)
		;
	if (errno != ENOMSG)
		bench_die("msgrcv");
}

/* One thing that is measured; @texts are written in turn, so that a semaphore comes back to 0. */
struct subject {
	const char *name;
	const char *path;
	bool echo; /* each operation opens, writes and closes, as echo does */
	const char *texts[2];
	void (*after)(void);
	double microseconds[RUNS];
};

/* The null file system comes first in each group: the rest is measured against it. */
static struct subject subjects[] = {
	{"null", NULL_MOUNT "/file", true, {"V\n", "P\n"}, NULL, {0}},
	{"sem op", IPCFS_MOUNT "/sem/0x000004d2/op", true, {"V\n", "P\n"}, NULL, {0}},
	{"mq data",
	 IPCFS_MOUNT "/mq/0x000004d3/data",
	 true,
	 {"hello\n", "world\n"},
	 drain_queue,
	 {0}},
	{"null", NULL_MOUNT "/file", false, {"V\n", "P\n"}, NULL, {0}},
	{"sem op", IPCFS_MOUNT "/sem/0x000004d2/op", false, {"V\n", "P\n"}, NULL, {0}},
	{"mq data",
	 IPCFS_MOUNT "/mq/0x000004d3/data",
	 false,
	 {"hello\n", "world\n"},
	 drain_queue,
	 {0}},
};
#define SUBJECTS ((int)(sizeof(subjects) / sizeof(subjects[0])))

static int open_as_shell(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		bench_die(path);
	return fd;
}

static double measure(const struct subject *subject)
{
	int fd = subject->echo ? -1 : open_as_shell(subject->path);
	double start = bench_now(), end;

	for (int i = 0; i < OPERATIONS; i++) {
		const char *text = subject->texts[i % 2];
		ssize_t size = strlen(text);

		if (subject->echo)
			fd = open_as_shell(subject->path);
		if (write(fd, text, size) != size)
			bench_die(subject->path);
		if (subject->echo)
			close(fd);
	}
	end = bench_now();
	if (!subject->echo)
		close(fd);
	if (subject->after)
		subject->after();
	return (end - start) / OPERATIONS;
}

static void report(void)
{
	const struct subject *null = subjects; /* the first */

	printf("%-18s %-8s %10s %8s  %s\n", "operation", "on", "us", "ratio", "lowest - highest");
	for (int s = 0; s < SUBJECTS; s++) {
		double values[RUNS], ratios[RUNS];

		if (strcmp(subjects[s].name, "null") == 0)
			null = &subjects[s];
		for (int run = 0; run < RUNS; run++)
			ratios[run] = subjects[s].microseconds[run] / null->microseconds[run];
		memcpy(values, subjects[s].microseconds, sizeof(values));
		printf("%-18s %-8s %10.1f ", subjects[s].echo ? "open+write+close" : "write",
		       subjects[s].name, bench_median(values));
		if (null == &subjects[s]) {
			printf("%8s\n", "1");
			continue;
		}
		bench_median(ratios);
		printf("%8.2f  %.2f - %.2f\n", ratios[RUNS / 2], ratios[0], ratios[RUNS - 1]);
	}
}

/* Mounts both, measures, reports and unmounts. */
static void compare(int null, int ipcfs, const char *where)
{
	const char *const null_argv[] = {"null", NULL_MOUNT, NULL};
	const char *const ipcfs_argv[] = {"ipcfs", "-f", IPCFS_MOUNT, NULL};
	pid_t null_pid = bench_start(null, null_argv, NULL_MOUNT);
	pid_t ipcfs_pid = bench_start(ipcfs, ipcfs_argv, IPCFS_MOUNT);

	for (int run = -1; run < RUNS; run++) {
		/* Each run begins elsewhere, so that no subject always follows the same one. */
		for (int s = 0; s < SUBJECTS; s++) {
			struct subject *subject = &subjects[(s + run + 1) % SUBJECTS];
			double microseconds = measure(subject);

			if (run >= 0)
				subject->microseconds[run] = microseconds;
		}
	}
	printf("\n%s\n", where);
	report();
	bench_stop(ipcfs_pid, IPCFS_MOUNT);
	bench_stop(null_pid, NULL_MOUNT);
}

int main(int argc, char *argv[])
{
	int null, ipcfs;

	if (argc != 3) {
		fprintf(stderr, "usage: %s NULL IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover them. */
	null = open(argv[1], O_PATH | O_CLOEXEC);
	ipcfs = open(argv[2], O_PATH | O_CLOEXEC);
	if (null < 0 || ipcfs < 0)
		bench_die(null < 0 ? argv[1] : argv[2]);
	bench_isolate();
	queue = msgget(QUEUE_KEY, IPC_CREAT | 0600);
	if (queue < 0 || semget(SEM_KEY, 1, IPC_CREAT | 0600) < 0)
		bench_die("making the objects");
	bench_introduce(OPERATIONS);
	bench_use_one_processor();
	compare(null, ipcfs, "All on one processor");
	bench_use_all_processors();
	compare(null, ipcfs, "Where the scheduler puts them");
	return 0;
}
