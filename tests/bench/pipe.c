/*
 * pipe.c - bytes through a named pipe of the tree, beside a FIFO.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { BLOCK = 64 << 10, BLOCKS = 2048 };

#define PLAIN "/run/plain"

static char block[BLOCK];

static void write_blocks(const char *path, int count)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	bench_must(fd >= 0, path);
	while (count--)
		bench_must(write(fd, block, BLOCK) == BLOCK, "write");
}

/* Microseconds of a block, from the opening of the pipe to the end of file. */
static double run_through(const void *path)
{
	int count = bench_times(BLOCKS, 16), status, fd;
	double begin = bench_now();
	long long bytes = 0;
	pid_t writer = fork();
	ssize_t got;

	bench_must(writer >= 0, "fork");
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_blocks(path, count);
		_exit(0);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bench_must(fd >= 0, path);
	while ((got = read(fd, block, BLOCK)) > 0)
		bytes += got;
	begin = bench_now() - begin;
	bench_must(bytes == (long long)BLOCK * count, "read");
	close(fd);
	bench_must(waitpid(writer, &status, 0) == writer && status == 0, "the writer");
	return begin / count;
}

static void measure(void)
{
	static const struct row row = {
		"pipe/data", "64 KiB through a pipe", "pipes/NAME/data", "FIFO", ABOUT, 1};

	bench_pair(&row, (struct side){run_through, TREE "/pipes/x/data"},
		   (struct side){run_through, PLAIN});
}

void bench_pipe(void)
{
	pid_t ipcfs = bench_mount_tree();

	bench_must(mkdir(TREE "/pipes/x", 0600) == 0 && mkfifo(PLAIN, 0600) == 0, "mkfifo");
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
	bench_unmount(ipcfs, TREE);
}
