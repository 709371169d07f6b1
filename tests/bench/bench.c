/*
 * bench.c - what the programs that measure share: namespaces of their own, mounts, clocks, medians.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_LIMIT 10000 /* milliseconds until a file system must be mounted */

static cpu_set_t processors;

void bench_die(const char *what)
{
	perror(what);
	exit(1);
}

void bench_isolate(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0)
		bench_die("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0)
		bench_die("mount");
}

void bench_introduce(int operations)
{
	struct utsname system;

	if (sched_getaffinity(0, sizeof(processors), &processors) != 0)
		bench_die("sched_getaffinity");
	uname(&system);
	printf("Linux %s, %d processors, medians of %d runs", system.release,
	       CPU_COUNT(&processors), RUNS);
	if (operations)
		printf(" of %d operations", operations);
	printf("\n");
}

void bench_use_one_processor(void)
{
	cpu_set_t one;
	int processor = 0;

	while (processor < CPU_SETSIZE - 1 && !CPU_ISSET(processor, &processors))
		processor++;
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		bench_die("sched_setaffinity");
}

void bench_use_all_processors(void)
{
	if (sched_setaffinity(0, sizeof(processors), &processors) != 0)
		bench_die("sched_setaffinity");
}

static bool is_mounted(const char *path)
{
	struct stat here, above;

	return stat(path, &here) == 0 && stat("/mnt", &above) == 0 && here.st_dev != above.st_dev;
}

pid_t bench_start(int program, const char *const argv[], const char *path)
{
	struct pollfd mounts = {.fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
				.events = POLLPRI};
	double limit = bench_now() + START_LIMIT * 1e3;
	pid_t pid;

	if ((mkdir(path, 0755) != 0 && errno != EEXIST) || mounts.fd < 0)
		bench_die(path);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		fexecve(program, (char *const *)argv, environ);
		bench_die(argv[0]);
	}
	while (!is_mounted(path)) {
		if (waitpid(pid, NULL, WNOHANG) == pid || bench_now() > limit) {
			fprintf(stderr, "%s did not mount\n", argv[0]);
			exit(1);
		}
		poll(&mounts, 1, 100);
	}
	close(mounts.fd);
	return pid;
}

void bench_stop(pid_t pid, const char *path)
{
	int status;

	/* The last close is told to the file system a moment after it. */
	while (umount2(path, 0) != 0)
		if (errno != EBUSY)
			bench_die(path);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		fprintf(stderr, "the file system at %s ended with %#x\n", path, status);
}

double bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double bench_median(double values[RUNS])
{
	qsort(values, RUNS, sizeof(values[0]), by_value);
	return values[RUNS / 2];
}
