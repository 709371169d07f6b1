/*
 * pipes - what a named pipe of the tree costs as a ratio to a FIFO beside it, and what looking at
 * all pipes of a machine full of processes costs as a ratio to lsof(8).
 *
 * usage: pipes IPCFS    (the program; as root)
 *
 * The processes are made in a PID namespace, so both look at the same ones and at no others.
 */
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"
#define PLAIN "/run/plain"
#define BLOCK (64 << 10)
#define BLOCKS 2048 /* in a run */
#define PROCESSES 2000
#define PIPES_EACH 5 /* two descriptors each */

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

/* ---- through a pipe ---- */

static char block[BLOCK];

static void write_blocks(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0, path);
	for (int i = 0; i < BLOCKS; i++)
		must(write(fd, block, BLOCK) == BLOCK, "write");
}

/* Microseconds from the first byte to the end of file, the opening of the pipe included. */
static double time_through(const char *path)
{
	double start = bench_now();
	long long bytes = 0;
	pid_t writer = fork();
	ssize_t got;
	int fd;

	must(writer >= 0, "fork");
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_blocks(path);
		_exit(0);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	while ((got = read(fd, block, BLOCK)) > 0)
		bytes += got;
	must(bytes == (long long)BLOCK * BLOCKS, "read");
	close(fd);
	must(waitpid(writer, NULL, 0) == writer, "wait");
	return bench_now() - start;
}

static void compare_throughput(const char *where)
{
	double natives[RUNS], trees[RUNS], ratios[RUNS];

	for (int run = -1; run < RUNS; run++) {
		double through = 0, plain;

		if (run % 2)
			through = time_through(TREE "/pipes/x/data");
		plain = time_through(PLAIN);
		if (run % 2 == 0)
			through = time_through(TREE "/pipes/x/data");
		if (run < 0)
			continue;
		natives[run] = plain;
		trees[run] = through;
		ratios[run] = through / plain;
	}
	bench_median(ratios);
	printf("\n%s\n%-28s %12s %12s %8s  %s\n", where, "128 MiB, 64 KiB each", "FIFO, us",
	       "pipes/, us", "ratio", "lowest - highest");
	printf("%-28s %12.0f %12.0f %8.2f  %.2f - %.2f\n", "", bench_median(natives),
	       bench_median(trees), ratios[RUNS / 2], ratios[0], ratios[RUNS - 1]);
}

/* ---- looking at all ---- */

/* A process with its pipes, which ends when this one does. */
static void hold_pipes(int ready)
{
	int ends[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < PIPES_EACH; i++)
		must(pipe(ends) == 0, "pipe");
	must(write(ready, "x", 1) == 1, "write");
	pause();
	_exit(0);
}

static void make_processes(void)
{
	int ready[2];
	char byte;

	must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		must(pid >= 0, "fork");
		if (pid == 0)
			hold_pipes(ready[1]);
		must(read(ready[0], &byte, 1) == 1, "read");
	}
	close(ready[0]);
	close(ready[1]);
}

static double time_of_command(const char *const argv[])
{
	double start = bench_now();
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 127,
	     argv[0]);
	return bench_now() - start;
}

static void compare_looking(void)
{
	static const char *const lsof[] = {"lsof", "-w", NULL};
	static const char *const subjects[][3] = {{"cat", TREE "/pipes/status", NULL},
						  {"cat", TREE "/pipes/status.json", NULL},
						  {"ls", TREE "/pipes/anon", NULL}};

	printf("\n%d processes with %d descriptors of pipes each\n%-28s %12s %12s %8s  %s\n",
	       PROCESSES, 2 * PIPES_EACH, "command", "lsof -w, us", "this, us", "ratio",
	       "lowest - highest");
	make_processes();
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		double lsofs[RUNS], own[RUNS], ratios[RUNS];
		char words[64];

		for (int run = -1; run < RUNS; run++) {
			double all = time_of_command(lsof);
			double pipes = time_of_command(subjects[i]);

			if (run < 0)
				continue;
			lsofs[run] = all;
			own[run] = pipes;
			ratios[run] = pipes / all;
		}
		bench_median(ratios);
		snprintf(words, sizeof(words), "%s %s", subjects[i][0],
			 subjects[i][1] + strlen(TREE) + 1);
		printf("%-28s %12.0f %12.0f %8.3f  %.3f - %.3f\n", words, bench_median(lsofs),
		       bench_median(own), ratios[RUNS / 2], ratios[0], ratios[RUNS - 1]);
	}
}

int main(int argc, char *argv[])
{
	const char *const ipcfs_argv[] = {"ipcfs", "-f", TREE, NULL};
	int ipcfs, status;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: %s IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover it. */
	ipcfs = open(argv[1], O_PATH | O_CLOEXEC);
	must(ipcfs >= 0, argv[1]);
	bench_isolate();
	must(unshare(CLONE_NEWPID) == 0, "unshare");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid > 0) {
		must(waitpid(pid, &status, 0) == pid, "wait");
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	bench_introduce(0);
	pid = bench_start(ipcfs, ipcfs_argv, TREE);
	must(mkdir(TREE "/pipes/x", 0600) == 0 && mkfifo(PLAIN, 0600) == 0, "mkfifo");
	bench_use_one_processor();
	compare_throughput("All on one processor");
	bench_use_all_processors();
	compare_throughput("Where the scheduler puts them");
	compare_looking();
	bench_stop(pid, TREE);
	return 0;
}
