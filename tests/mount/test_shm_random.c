/*
 * test_shm_random.c - random operations on data, each compared with a model in memory; after the
 * manner of fsx.
 *
 * One of eight operations is done behind the tree's back, on the kernel's own file of the object.
 * Holes and memory in use are compared with that file too.  SHM_OPERATIONS and SHM_SEED in the
 * environment choose how many and which.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 0x1234, PAGE = 4096, MOST = 256 << 10, LONGEST = 64 << 10, HANDLES = 3 };

struct run {
	const char *object;
	bool fixed; /* a System V segment: no truncation, no growth */
	bool maps;
	bool attached; /* a segment that the daemon can only attach: no holes can be told or made */
	int handles[HANDLES]; /* two of them read and write, the last one appends */
	int pages;            /* the kernel's own file */
	char *mapping;        /* MOST bytes, as long as the run */
	unsigned char model[MOST];
	size_t size;
	unsigned random;
	long done;
	const char *operation;
	size_t at, length;
};

#define agree(run, condition)                      \
	do {                                       \
		if (!(condition))                  \
			disagree(run, #condition); \
	} while (0)

static void disagree(const struct run *run, const char *condition)
{
	int error = errno;

	fail_msg("operation %ld, %s of %s at %zu, %zu bytes, size %zu: not so: %s (errno: %s)",
		 run->done, run->operation, run->object, run->at, run->length, run->size, condition,
		 strerror(error));
}

static unsigned below(struct run *run, unsigned limit)
{
	return ((unsigned)rand_r(&run->random) << 8 ^ (unsigned)rand_r(&run->random)) % limit;
}

/* An offset below @limit and a length from there; often at the edge of a page. */
static void choose_range(struct run *run, size_t limit)
{
	run->at = below(run, (unsigned)limit);
	if (below(run, 4) == 0)
		run->at -= run->at % PAGE;
	run->length = 1 + below(run, below(run, 4) ? PAGE : LONGEST);
	if (run->length > limit - run->at)
		run->length = limit - run->at;
}

/* A handle of the tree, or now and then the kernel's own file. */
static int some_handle(struct run *run)
{
	return below(run, 8) == 0 ? run->pages : run->handles[below(run, 2)];
}

static unsigned char *some_bytes(struct run *run)
{
	static unsigned char bytes[LONGEST];

	for (size_t i = 0; i < run->length; i++)
		bytes[i] = (unsigned char)(run->done + (long)(i * 31));
	return bytes;
}

/* What truncation and writing past the end do to the bytes between. */
static void model_grow(struct run *run, size_t size)
{
	if (size > run->size) {
		memset(run->model + run->size, 0, size - run->size);
		run->size = size;
	}
}

static void do_read(struct run *run)
{
	static unsigned char bytes[LONGEST];
	size_t expected;

	choose_range(run, MOST);
	expected = run->at >= run->size                ? 0
		   : run->at + run->length > run->size ? run->size - run->at
						       : run->length;
	agree(run,
	      pread(some_handle(run), bytes, run->length, (off_t)run->at) == (ssize_t)expected);
	agree(run, memcmp(bytes, run->model + run->at, expected) == 0);
}

static void do_write(struct run *run)
{
	unsigned char *bytes;

	choose_range(run, MOST);
	bytes = some_bytes(run);
	if (run->fixed && run->at >= run->size) {
		errno = 0;
		agree(run, pwrite(run->handles[0], bytes, run->length, (off_t)run->at) < 0 &&
				   errno == ENOSPC);
		return;
	}
	if (run->fixed && run->at + run->length > run->size) {
		size_t room = run->size - run->at;

		agree(run,
		      pwrite(run->handles[1], bytes, run->length, (off_t)run->at) == (ssize_t)room);
		memcpy(run->model + run->at, bytes, room);
		return;
	}
	agree(run,
	      pwrite(some_handle(run), bytes, run->length, (off_t)run->at) == (ssize_t)run->length);
	model_grow(run, run->at);
	memcpy(run->model + run->at, bytes, run->length);
	if (run->at + run->length > run->size)
		run->size = run->at + run->length;
}

static void do_append(struct run *run)
{
	unsigned char *bytes;

	run->at = run->size;
	run->length = 1 + below(run, PAGE);
	bytes = some_bytes(run);
	if (run->fixed) {
		agree(run,
		      write(run->handles[HANDLES - 1], bytes, run->length) < 0 && errno == ENOSPC);
		return;
	}
	if (run->length > MOST - run->size)
		return;
	agree(run, write(run->handles[HANDLES - 1], bytes, run->length) == (ssize_t)run->length);
	memcpy(run->model + run->at, bytes, run->length);
	run->size += run->length;
}

/* A mapping of its own for a piece of the file, or the one that lasts; within the size. */
static void do_map(struct run *run, bool store)
{
	size_t page, span;
	char *memory, *own = NULL;

	if (!run->maps || run->size == 0)
		return;
	choose_range(run, run->size);
	page = run->at - run->at % PAGE;
	span = run->at + run->length - page;
	memory = run->mapping + run->at;
	if (below(run, 2) == 0) {
		own = mmap(NULL, span, store ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			   run->handles[below(run, 2)], (off_t)page);
		agree(run, own != MAP_FAILED);
		memory = own + (run->at - page);
	}
	if (store) {
		memcpy(memory, some_bytes(run), run->length);
		memcpy(run->model + run->at, memory, run->length);
	} else {
		agree(run, memcmp(memory, run->model + run->at, run->length) == 0);
	}
	if (own)
		agree(run, munmap(own, span) == 0);
}

static void do_load(struct run *run)
{
	do_map(run, false);
}

static void do_store(struct run *run)
{
	do_map(run, true);
}

static void do_truncate(struct run *run)
{
	size_t size = below(run, 10) == 0 ? 0 : below(run, MOST + 1);

	run->at = size;
	run->length = 0;
	if (run->fixed) {
		agree(run, ftruncate(run->handles[0], (off_t)size) == (size == run->size ? 0 : -1));
		return;
	}
	switch (below(run, 3)) {
	case 0:
		agree(run, truncate(shm_path(run->object, "data"), (off_t)size) == 0);
		break;
	default:
		agree(run, ftruncate(some_handle(run), (off_t)size) == 0);
	}
	model_grow(run, size);
	run->size = size;
}

static void do_punch(struct run *run)
{
	choose_range(run, MOST);
	if (run->attached) {
		agree(run, fallocate(run->handles[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     (off_t)run->at, (off_t)run->length) < 0 &&
				   errno == EOPNOTSUPP);
		return;
	}
	agree(run, fallocate(some_handle(run), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     (off_t)run->at, (off_t)run->length) == 0);
	if (run->at < run->size)
		memset(run->model + run->at, 0,
		       run->at + run->length > run->size ? run->size - run->at : run->length);
}

static void do_allocate(struct run *run)
{
	choose_range(run, MOST);
	if (run->fixed) {
		/* It could make the segment grow. */
		agree(run, fallocate(run->handles[0], 0, (off_t)run->at, (off_t)run->length) < 0);
		return;
	}
	agree(run, fallocate(some_handle(run), 0, (off_t)run->at, (off_t)run->length) == 0);
	model_grow(run, run->at + run->length);
}

static void do_seek(struct run *run)
{
	int whence = below(run, 2) ? SEEK_DATA : SEEK_HOLE;
	int fd = run->handles[below(run, HANDLES)];
	off_t expected;

	choose_range(run, MOST);
	expected = lseek(run->pages, (off_t)run->at, whence);
	/* Then all of it may be data. */
	if (run->attached && run->at < run->size)
		expected = whence == SEEK_DATA ? (off_t)run->at : (off_t)run->size;
	agree(run, lseek(fd, (off_t)run->at, whence) == expected);
	agree(run, expected >= 0 || errno == ENXIO);
}

static void do_stat(struct run *run)
{
	struct stat kernel, tree, path;

	run->at = run->length = 0;
	agree(run, fstat(run->pages, &kernel) == 0);
	agree(run, fstat(run->handles[below(run, HANDLES)], &tree) == 0);
	agree(run, stat(shm_path(run->object, "data"), &path) == 0);
	agree(run, kernel.st_size == (off_t)run->size);
	agree(run, tree.st_size == kernel.st_size && path.st_size == kernel.st_size);
	agree(run, tree.st_blocks == kernel.st_blocks && path.st_blocks == kernel.st_blocks);
	agree(run, lseek(run->handles[0], 0, SEEK_END) == kernel.st_size);
}

static void do_reopen(struct run *run)
{
	static const int flags[HANDLES] = {O_RDWR, O_RDWR, O_WRONLY | O_APPEND};
	unsigned which = below(run, HANDLES);

	close(run->handles[which]);
	run->handles[which] = shm_open_data(run->object, flags[which]);
}

static const struct {
	const char *name;
	unsigned weight;
	void (*function)(struct run *);
} operations[] = {
	{"read", 20, do_read},  {"write", 20, do_write},      {"append", 5, do_append},
	{"load", 10, do_load},  {"store", 10, do_store},      {"truncate", 8, do_truncate},
	{"punch", 6, do_punch}, {"allocate", 2, do_allocate}, {"seek", 10, do_seek},
	{"stat", 6, do_stat},   {"reopen", 3, do_reopen},
};
enum { WEIGHT = 100 };

static void step(struct run *run)
{
	unsigned choice = below(run, WEIGHT), i = 0;

	while (choice >= operations[i].weight)
		choice -= operations[i++].weight;
	run->operation = operations[i].name;
	operations[i].function(run);
}

/* The whole content, through the tree and behind its back. */
static void compare_all(struct run *run)
{
	static unsigned char bytes[MOST];

	run->operation = "comparing all";
	agree(run, pread(run->pages, bytes, MOST, 0) == (ssize_t)run->size);
	agree(run, memcmp(bytes, run->model, run->size) == 0);
	agree(run, pread(run->handles[0], bytes, MOST, 0) == (ssize_t)run->size);
	agree(run, memcmp(bytes, run->model, run->size) == 0);
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *said = getenv(name);

	return said ? strtoul(said, NULL, 10) : otherwise;
}

static void go(struct run *run)
{
	static const int flags[HANDLES] = {O_RDWR, O_RDWR, O_WRONLY | O_APPEND};
	long count = (long)from_environment("SHM_OPERATIONS", 30000);
	unsigned seed = (unsigned)from_environment("SHM_SEED", (unsigned long)time(NULL));

	run->random = seed;
	run->maps = shm_maps() && !run->attached;
	print_message("%s, %s mapping: SHM_SEED=%u SHM_OPERATIONS=%ld\n", run->object,
		      run->maps ? "with" : "without", seed, count);
	for (int i = 0; i < HANDLES; i++)
		run->handles[i] = shm_open_data(run->object, flags[i]);
	if (run->maps)
		run->mapping = shm_map(run->object, MOST);
	for (run->done = 0; run->done < count; run->done++) {
		step(run);
		if (run->done % 256 == 0)
			compare_all(run);
	}
	compare_all(run);
	for (int i = 0; i < HANDLES; i++)
		close(run->handles[i]);
	close(run->pages);
	if (run->maps)
		munmap(run->mapping, MOST);
	shm_remove(run->object);
}

static void test_posix(void **state)
{
	static struct run run;

	run = (struct run){.object = "random"};
	shm_make("random", 0600);
	run.pages = shm_open("/random", O_RDWR, 0);
	assert_return_code(run.pages, errno);
	go(&run);
}

static void test_system_v(void **state)
{
	static struct run run;

	/* It ends within a page. */
	run = (struct run){.object = "0x1234", .fixed = true, .size = MOST - PAGE - 1234};
	assert_return_code(shmget(KEY, run.size, IPC_CREAT | IPC_EXCL | 0600), errno);
	run.pages = shm_sysv_file(shmget(KEY, 0, 0));
	go(&run);
}

/* As a plain user's daemon has it, to which the kernel shows no files of its mappings. */
static void test_system_v_attached(void **state)
{
	static struct run run;
	char path[64];

	run = (struct run){
		.object = "0x1234", .fixed = true, .attached = true, .size = MOST - PAGE - 1234};
	assert_return_code(shmget(KEY, run.size, IPC_CREAT | IPC_EXCL | 0600), errno);
	run.pages = shm_sysv_file(shmget(KEY, 0, 0));
	snprintf(path, sizeof(path), "/proc/%d/map_files", (int)fixture_daemon());
	assert_return_code(mount("tmpfs", path, "tmpfs", 0, NULL), errno);
	go(&run);
	assert_return_code(umount(path), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_posix),
		cmocka_unit_test(test_system_v),
		cmocka_unit_test(test_system_v_attached),
	};

	fixture_isolate();
	return shm_run_both_ways("shm random", tests);
}
