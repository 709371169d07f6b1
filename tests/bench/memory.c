/*
 * memory.c - reading, writing and mapping shared memory through the tree, beside the same kind of
 * memory without it.
 *
 * The base of POSIX objects is a file of /dev/shm; that of System V segments is such a file for
 * calls, which they do not have, and shmat for loads and stores.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "bench.h"

enum { KEY = 0x4d2, PAGE = 4096, MIB = 1 << 20, PAGES = 2000, MIBS = 64 };

/* One way to the memory: a descriptor, a mapping, or both. */
struct way {
	int fd;
	uint64_t *memory;
};

static char *buffer;
static size_t size; /* of all objects */

/* ---- the operations, each as often as takes some milliseconds; they return how often ---- */

static off_t scattered(unsigned i, int piece)
{
	return (off_t)(i * 2654435761u % (unsigned)(size / (size_t)piece)) * piece;
}

static int read_pages(const struct way *way)
{
	int count = bench_times(PAGES, 2);

	for (int i = 0; i < count; i++)
		bench_must(pread(way->fd, buffer, PAGE, scattered(i, PAGE)) == PAGE, "pread");
	return count;
}

static int write_pages(const struct way *way)
{
	int count = bench_times(PAGES, 2);

	for (int i = 0; i < count; i++)
		bench_must(pwrite(way->fd, buffer, PAGE, scattered(i, PAGE)) == PAGE, "pwrite");
	return count;
}

static int read_mibs(const struct way *way)
{
	int count = bench_times(MIBS, 2);

	for (int i = 0; i < count; i++)
		bench_must(pread(way->fd, buffer, MIB, scattered(i, MIB)) == MIB, "pread");
	return count;
}

static int write_mibs(const struct way *way)
{
	int count = bench_times(MIBS, 2);

	for (int i = 0; i < count; i++)
		bench_must(pwrite(way->fd, buffer, MIB, scattered(i, MIB)) == MIB, "pwrite");
	return count;
}

static int load(const struct way *way)
{
	const volatile uint64_t *memory = way->memory;
	uint64_t sum = 0;

	for (size_t i = 0; i < size / sizeof(*memory); i++)
		sum += memory[i];
	bench_must(sum != 1, "sum");
	return (int)(size / MIB);
}

static int store(const struct way *way)
{
	volatile uint64_t *memory = way->memory;

	for (size_t i = 0; i < size / sizeof(*memory); i++)
		memory[i] = i * 3;
	return (int)(size / MIB);
}

static const struct operation {
	const char *name, *what;
	int (*function)(const struct way *way);
	bool maps, stores;
	enum sense sense;
	double goal;
} operations[] = {
	{"pread-4k", "pread of 4 KiB", read_pages, false, false, AT_MOST, 1.5},
	{"pwrite-4k", "pwrite of 4 KiB", write_pages, false, true, AT_MOST, 1.5},
	{"pread-1m", "pread of 1 MiB", read_mibs, false, false, AT_MOST, 1.05},
	{"pwrite-1m", "pwrite of 1 MiB", write_mibs, false, true, AT_MOST, 1.05},
	{"load", "loads, a MiB", load, true, false, ABOUT, 1},
	{"store", "stores, a MiB", store, true, true, ABOUT, 1},
};

static const struct family {
	const char *name, *tree, *ours;
	int flags;
	bool attach;
} families[] = {
	{"posix", TREE "/shm/posix/data", "shm/NAME/data", O_RDWR, false},
	{"posix-ro", TREE "/shm/posix/data", "shm/NAME/data, read-only", O_RDONLY, false},
	{"sysv", TREE "/shm/0x4d2/data", "shm/KEY/data", O_RDWR, true},
	/* Such a handle cannot make the segment grow, so the kernel reads by itself. */
	{"sysv-ro", TREE "/shm/0x4d2/data", "shm/KEY/data, read-only", O_RDONLY, true},
};
#define WITHOUT "/dev/shm/native"

struct measured {
	const struct operation *operation;
	const struct way *way;
};

static double operate(const void *context)
{
	const struct measured *measured = context;
	double begin = bench_now();
	int count = measured->operation->function(measured->way);

	return (bench_now() - begin) / count;
}

/* ---- the ways ---- */

/* With all pages in the tables of this process: no fault comes while the clock runs.  NULL: it
 * cannot be mapped. */
static void *map(int fd, int flags)
{
	int protection = flags == O_RDWR ? PROT_READ | PROT_WRITE : PROT_READ;
	void *memory = mmap(NULL, size, protection, MAP_SHARED | MAP_POPULATE, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static struct way open_way(const char *path, int flags)
{
	struct way way = {.fd = open(path, flags | O_CLOEXEC)};

	bench_must(way.fd >= 0, path);
	way.memory = map(way.fd, flags);
	return way;
}

static void close_way(const struct way *way)
{
	if (way->memory)
		munmap(way->memory, size);
	close(way->fd);
}

static void measure_operation(const struct family *family, const struct operation *operation,
			      const struct way *base, const struct way *tree)
{
	char id[64];
	struct row row = {.id = id,
			  .what = operation->what,
			  .ours = family->ours,
			  .base = operation->maps && family->attach ? "shmat" : "/dev/shm",
			  .sense = operation->sense,
			  .goal = operation->goal};
	struct measured ours = {operation, tree}, without = {operation, base};

	snprintf(id, sizeof(id), "memory/%s-%s", family->name, operation->name);
	if (operation->maps && !tree->memory)
		bench_skip(id, "memory cannot be mapped through here: needs Linux 6.9");
	else
		bench_pair(&row, (struct side){operate, &ours}, (struct side){operate, &without});
}

static void measure_family(const struct family *family)
{
	struct way base = open_way(WITHOUT, family->flags);
	struct way tree = open_way(family->tree, family->flags), attached = base;

	if (family->attach) {
		attached.memory = shmat(shmget(KEY, 0, 0), NULL, 0);
		bench_must(attached.memory != (void *)-1, "shmat");
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (family->flags == O_RDWR || !operations[i].stores)
			measure_operation(family, &operations[i],
					  operations[i].maps ? &attached : &base, &tree);
	if (family->attach)
		shmdt(attached.memory);
	close_way(&base);
	close_way(&tree);
}

static void measure(void)
{
	pid_t ipcfs = bench_mount_tree();

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		measure_family(&families[i]);
	bench_unmount(ipcfs, TREE);
}

/* Memory that is there: no page is taken while the clock runs. */
static void make_objects(void)
{
	static const char *const paths[] = {WITHOUT, "/dev/shm/posix"};
	void *memory;

	for (int i = 0; i < 2; i++) {
		int fd = open(paths[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		bench_must(fd >= 0 && ftruncate(fd, (off_t)size) == 0, paths[i]);
		memory = map(fd, O_RDWR);
		bench_must(memory != NULL, "mmap");
		memset(memory, 'x', size);
		munmap(memory, size);
		close(fd);
	}
	memory = shmat(shmget(KEY, size, IPC_CREAT | 0600), NULL, 0);
	bench_must(memory != (void *)-1, "shmat");
	memset(memory, 'x', size);
	shmdt(memory);
}

void bench_memory(void)
{
	size = (size_t)bench_times(MIBS, 1) * MIB;
	buffer = aligned_alloc(PAGE, MIB);
	bench_must(buffer != NULL, "memory");
	memset(buffer, 'y', MIB);
	make_objects();
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
