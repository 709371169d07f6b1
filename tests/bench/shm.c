/*
 * shm - what reading, writing and mapping shared memory costs through ipcfs, as a ratio to the same
 * memory without it in the same run.
 *
 * usage: shm IPCFS    (the program; as root)
 *
 * Each operation is done in turn on memory reached in both ways, with the first changing from run
 * to run.  The measure of POSIX objects is a file of /dev/shm; that of System V segments is such a
 * file for calls, which they do not have, and shmat for loads and stores.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"
#define KEY 0x4d2
#define SIZE (64 << 20)
#define MIB (1 << 20)

/* One way to the memory: a descriptor, a mapping, or both. */
struct way {
	int fd;
	uint64_t *memory;
};

static char *buffer;

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

/* ---- the operations: all of the memory, or as many pieces as take a few milliseconds ---- */

static void read_all(const struct way *way)
{
	must(lseek(way->fd, 0, SEEK_SET) == 0, "lseek");
	for (int i = 0; i < SIZE / MIB; i++)
		must(read(way->fd, buffer, MIB) == MIB, "read");
}

static void write_all(const struct way *way)
{
	must(lseek(way->fd, 0, SEEK_SET) == 0, "lseek");
	for (int i = 0; i < SIZE / MIB; i++)
		must(write(way->fd, buffer, MIB) == MIB, "write");
}

static void read_pages(const struct way *way)
{
	for (unsigned i = 0; i < 2000; i++)
		must(pread(way->fd, buffer, 4096, i * 2654435761u % (SIZE / 4096) * 4096) == 4096,
		     "pread");
}

static void write_pages(const struct way *way)
{
	for (unsigned i = 0; i < 2000; i++)
		must(pwrite(way->fd, buffer, 4096, i * 2654435761u % (SIZE / 4096) * 4096) == 4096,
		     "pwrite");
}

static void read_mebibytes(const struct way *way)
{
	for (unsigned i = 0; i < 64; i++)
		must(pread(way->fd, buffer, MIB, i * 2654435761u % (SIZE / MIB) * MIB) == MIB,
		     "pread");
}

static void load_all(const struct way *way)
{
	const volatile uint64_t *memory = way->memory;
	uint64_t sum = 0;

	for (size_t i = 0; i < SIZE / sizeof(*memory); i++)
		sum += memory[i];
	must(sum != 1, "sum");
}

static void store_all(const struct way *way)
{
	volatile uint64_t *memory = way->memory;

	for (size_t i = 0; i < SIZE / sizeof(*memory); i++)
		memory[i] = i * 3;
}

static const struct operation {
	const char *name;
	void (*function)(const struct way *way);
	bool maps, stores;
} operations[] = {
	{"read, 1 MiB each", read_all, false, false},
	{"write, 1 MiB each", write_all, false, true},
	{"pread of 4 KiB", read_pages, false, false},
	{"pwrite of 4 KiB", write_pages, false, true},
	{"pread of 1 MiB", read_mebibytes, false, false},
	{"loads", load_all, true, false},
	{"stores", store_all, true, true},
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* ---- the ways ---- */

static void *map(int fd, int flags)
{
	int protection = flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ;
	void *memory = mmap(NULL, SIZE, protection, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static struct way open_way(const char *path, int flags)
{
	struct way way = {.fd = open(path, flags | O_CLOEXEC)};

	must(way.fd >= 0, path);
	way.memory = map(way.fd, flags);
	return way;
}

static void close_way(const struct way *way)
{
	if (way->memory)
		munmap(way->memory, SIZE);
	close(way->fd);
}

static const struct family {
	const char *name, *without, *tree;
	int flags;
	bool attach;
} families[] = {
	{"POSIX", "/dev/shm/native", TREE "/shm/posix/data", O_RDWR, false},
	{"System V", "/dev/shm/native", TREE "/shm/0x000004d2/data", O_RDWR, true},
	/* Such a handle cannot make the segment grow, so the kernel reads by itself. */
	{"System V, read-only", "/dev/shm/native", TREE "/shm/0x000004d2/data", O_RDONLY, true},
};
enum { FAMILIES = sizeof(families) / sizeof(*families) };

static double time_of(const struct operation *operation, const struct way *way)
{
	double start = bench_now();

	operation->function(way);
	return bench_now() - start;
}

static void measure(const struct family *family, const struct operation *operation,
		    const struct way *native, const struct way *tree)
{
	double natives[RUNS], trees[RUNS], ratios[RUNS];

	if (operation->maps && (!native->memory || !tree->memory)) {
		printf("%-20s %-18s %s\n", family->name, operation->name, "cannot be mapped");
		return;
	}
	for (int run = -1; run < RUNS; run++) {
		double with = 0, without;

		if (run % 2)
			with = time_of(operation, tree);
		without = time_of(operation, native);
		if (run % 2 == 0)
			with = time_of(operation, tree);
		if (run < 0)
			continue;
		natives[run] = without;
		trees[run] = with;
		ratios[run] = with / without;
	}
	bench_median(ratios);
	printf("%-20s %-18s %12.0f %12.0f %8.2f  %.2f - %.2f\n", family->name, operation->name,
	       bench_median(natives), bench_median(trees), ratios[RUNS / 2], ratios[0],
	       ratios[RUNS - 1]);
}

static void compare(int ipcfs, const char *where)
{
	const char *const argv[] = {"ipcfs", "-f", TREE, NULL};
	pid_t pid = bench_start(ipcfs, argv, TREE);

	printf("\n%s\n%-20s %-18s %12s %12s %8s  %s\n", where, "memory", "operation", "without, us",
	       "through, us", "ratio", "lowest - highest");
	for (int f = 0; f < FAMILIES; f++) {
		const struct family *family = &families[f];
		struct way native = open_way(family->without, family->flags);
		struct way tree = open_way(family->tree, family->flags), attached = native;

		if (family->attach)
			attached.memory = shmat(shmget(KEY, 0, 0), NULL, 0);
		for (int i = 0; i < OPERATIONS; i++)
			if (family->flags == O_RDWR || !operations[i].stores)
				measure(family, &operations[i],
					operations[i].maps ? &attached : &native, &tree);
		if (family->attach)
			shmdt(attached.memory);
		close_way(&native);
		close_way(&tree);
	}
	bench_stop(pid, TREE);
}

/* Memory that is there: no page is taken while the clock runs. */
static void make_objects(void)
{
	static const char *const paths[] = {"/dev/shm/native", "/dev/shm/posix"};
	void *memory;

	for (int i = 0; i < 2; i++) {
		int fd = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		must(fd >= 0 && ftruncate(fd, SIZE) == 0, paths[i]);
		memory = map(fd, O_RDWR);
		must(memory != NULL, "mmap");
		memset(memory, 'x', SIZE);
		munmap(memory, SIZE);
		close(fd);
	}
	memory = shmat(shmget(KEY, SIZE, IPC_CREAT | 0600), NULL, 0);
	must(memory != (void *)-1, "shmat");
	memset(memory, 'x', SIZE);
	shmdt(memory);
}

int main(int argc, char *argv[])
{
	int ipcfs;

	if (argc != 2) {
		fprintf(stderr, "usage: %s IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover it. */
	ipcfs = open(argv[1], O_PATH | O_CLOEXEC);
	must(ipcfs >= 0, argv[1]);
	buffer = aligned_alloc(4096, MIB);
	must(buffer != NULL, "memory");
	memset(buffer, 'y', MIB);
	bench_isolate();
	make_objects();
	bench_introduce(0);
	bench_use_one_processor();
	compare(ipcfs, "All on one processor");
	bench_use_all_processors();
	compare(ipcfs, "Where the scheduler puts them");
	return 0;
}
