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
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 15        /* and one before them that does not count */
#define OPERATIONS 500 /* in a run; their messages fit a queue of the usual 16384 bytes */
#define SEM_KEY 0x4d2
#define QUEUE_KEY 0x4d3
#define START_LIMIT 10000 /* milliseconds until a file system must be mounted */

#define NULL_MOUNT "/mnt/null"
#define IPCFS_MOUNT "/mnt/ipcfs"

static int queue;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

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
		die("msgrcv");
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

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int open_as_shell(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die(path);
	return fd;
}

static double measure(const struct subject *subject)
{
	int fd = subject->echo ? -1 : open_as_shell(subject->path);
	double start = now(), end;

	for (int i = 0; i < OPERATIONS; i++) {
		const char *text = subject->texts[i % 2];
		ssize_t size = strlen(text);

		if (subject->echo)
			fd = open_as_shell(subject->path);
		if (write(fd, text, size) != size)
			die(subject->path);
		if (subject->echo)
			close(fd);
	}
	end = now();
	if (!subject->echo)
		close(fd);
	if (subject->after)
		subject->after();
	return (end - start) / OPERATIONS;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts @values and returns the one in the middle. */
static double median(double values[RUNS])
{
	qsort(values, RUNS, sizeof(values[0]), by_value);
	return values[RUNS / 2];
}

static void report(void)
{
	const struct subject *null = NULL;

	printf("%-18s %-8s %10s %8s  %s\n", "operation", "on", "us", "ratio", "lowest - highest");
	for (int s = 0; s < SUBJECTS; s++) {
		double values[RUNS], ratios[RUNS];

		if (strcmp(subjects[s].name, "null") == 0)
			null = &subjects[s];
		for (int run = 0; run < RUNS; run++)
			ratios[run] = subjects[s].microseconds[run] / null->microseconds[run];
		memcpy(values, subjects[s].microseconds, sizeof(values));
		printf("%-18s %-8s %10.1f ", subjects[s].echo ? "open+write+close" : "write",
		       subjects[s].name, median(values));
		if (null == &subjects[s]) {
			printf("%8s\n", "1");
			continue;
		}
		median(ratios);
		printf("%8.2f  %.2f - %.2f\n", ratios[RUNS / 2], ratios[0], ratios[RUNS - 1]);
	}
}

static bool is_mounted(const char *path)
{
	struct stat here, above;

	return stat(path, &here) == 0 && stat("/mnt", &above) == 0 && here.st_dev != above.st_dev;
}

/* Runs a file system in the foreground, tied to this process, and returns when it is mounted. */
static pid_t start(int program, const char *const argv[], const char *path)
{
	struct pollfd mounts = {.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
				.events = POLLPRI};
	double limit = now() + START_LIMIT * 1e3;
	pid_t pid;

	if ((mkdir(path, 0755) != 0 && errno != EEXIST) || mounts.fd < 0)
		die(path);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		fexecve(program, (char *const *)argv, environ);
		die(argv[0]);
	}
	while (!is_mounted(path)) {
		if (waitpid(pid, NULL, WNOHANG) == pid || now() > limit) {
			fprintf(stderr, "compare: %s did not mount\n", argv[0]);
			exit(1);
		}
		poll(&mounts, 1, 100);
	}
	close(mounts.fd);
	return pid;
}

static void stop(pid_t pid, const char *path)
{
	int status;

	if (umount2(path, 0) != 0)
		die(path);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(stderr, "compare: the file system at %s ended with %#x\n", path, status);
}

/* Mounts both, measures, reports and unmounts. */
static void compare(int null, int ipcfs, const char *where)
{
	const char *const null_argv[] = {"null", NULL_MOUNT, NULL};
	const char *const ipcfs_argv[] = {"ipcfs", "-f", IPCFS_MOUNT, NULL};
	pid_t null_pid = start(null, null_argv, NULL_MOUNT);
	pid_t ipcfs_pid = start(ipcfs, ipcfs_argv, IPCFS_MOUNT);

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
	stop(ipcfs_pid, IPCFS_MOUNT);
	stop(null_pid, NULL_MOUNT);
}

/* This process, and those that it starts, on the first processor that it may use. */
static void use_one_processor(const cpu_set_t *all)
{
	cpu_set_t one;
	int processor = 0;

	while (processor < CPU_SETSIZE - 1 && !CPU_ISSET(processor, all))
		processor++;
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		die("sched_setaffinity");
}

int main(int argc, char *argv[])
{
	int null, ipcfs;
	cpu_set_t processors;
	struct utsname system;

	if (argc != 3) {
		fprintf(stderr, "usage: %s NULL IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover them. */
	null = open(argv[1], O_PATH | O_CLOEXEC);
	ipcfs = open(argv[2], O_PATH | O_CLOEXEC);
	if (null < 0 || ipcfs < 0)
		die(null < 0 ? argv[1] : argv[2]);
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0)
		die("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0)
		die("mount");
	queue = msgget(QUEUE_KEY, IPC_CREAT | 0600);
	if (queue < 0 || semget(SEM_KEY, 1, IPC_CREAT | 0600) < 0)
		die("making the objects");
	if (sched_getaffinity(0, sizeof(processors), &processors) != 0)
		die("sched_getaffinity");
	uname(&system);
	printf("Linux %s, %d processors, medians of %d runs of %d operations\n", system.release,
	       CPU_COUNT(&processors), RUNS, OPERATIONS);

	use_one_processor(&processors);
	compare(null, ipcfs, "All on one processor");
	sched_setaffinity(0, sizeof(processors), &processors);
	compare(null, ipcfs, "Where the scheduler puts them");
	return 0;
}
