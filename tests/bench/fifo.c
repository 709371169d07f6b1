/*
 * fifo - what bytes through a named pipe of the tree cost, as a ratio to a FIFO beside it.
 *
 * usage: fifo IPCFS    (the program; as root)
 */
#include "bench.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"
#define PLAIN "/run/plain"
#define BLOCK (64 << 10)
#define BLOCKS 2048 /* in a run */

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

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

int main(int argc, char *argv[])
{
	const char *const ipcfs_argv[] = {"ipcfs", "-f", TREE, NULL};
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
	pid = bench_start(ipcfs, ipcfs_argv, TREE);
	must(mkdir(TREE "/pipes/x", 0600) == 0 && mkfifo(PLAIN, 0600) == 0, "mkfifo");
	bench_use_one_processor();
	compare_throughput("All on one processor");
	bench_use_all_processors();
	compare_throughput("Where the scheduler puts them");
	bench_stop(pid, TREE);
	return 0;
}
