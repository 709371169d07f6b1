/*
 * test_shm_memory - the content of segments and objects: the very pages that shmat and mmap give,
 * in each of the ways in which the daemon can reach them.
 */
#include "shm_fixture.h"

#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* How the daemon reaches the memory. */
struct way {
	const char *name;
	uid_t uid; /* of the daemon and its caller */
	bool has_file;
	bool resizes;
};

static const struct way by_file = {SYSV, 0, true, false};            /* a segment's own file */
static const struct way by_attaching = {SYSV, NOBODY, false, false}; /* it may not have that */
static const struct way by_name = {POSIX, 0, true, true};
static const struct way by_name_as_user = {POSIX, NOBODY, true, true};

static size_t page;

static const struct way *begin(void **state)
{
	const struct way *way = *state;

	become(way->uid);
	return way;
}

/* An object of this size, and its pages as another program has them. */
static char *make(const struct way *way, size_t size)
{
	char name[64];
	void *at;
	int fd;

	snprintf(name, sizeof(name), "%s,size=%zu", way->name, size);
	assert_int_equal(shm_mkdir(name, 0600), 0);
	if (!way->resizes) {
		at = shmat(shm_id(), NULL, 0);
		assert_ptr_not_equal(at, (void *)-1);
		return at;
	}
	fd = shm_open("/" POSIX, O_RDWR, 0);
	assert_true(fd >= 0);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	close(fd);
	return at;
}

static void unmake(const struct way *way, char *at, size_t size)
{
	assert_int_equal(way->resizes ? munmap(at, size) : shmdt(at), 0);
}

static void the_same_pages(void **state)
{
	const struct way *way = begin(state);
	struct handle handle;
	char *at = make(way, 3 * page), buffer[16], *mapped;
	struct stat one, other;

	handle = handle_open(way->name, O_RDWR);
	assert_int_equal(handle_write(&handle, "hello", 5, (off_t)page - 2), 5);
	assert_memory_equal(at + page - 2, "hello", 5);
	memcpy(at + 100, "world", 5);
	assert_int_equal(handle_read(&handle, buffer, 5, 100), 5);
	assert_memory_equal(buffer, "world", 5);
	assert_int_equal(handle_read(&handle, buffer, 5, (off_t)page - 2), 5);
	assert_memory_equal(buffer, "hello", 5);

	if (!way->has_file) {
		assert_int_equal(handle.memory->file(handle.state), -1);
		/* Its own, and that of the handle, which is not hidden. */
		assert_shows(way->name, "nattch", "2\n");
	} else {
		struct handle second = handle_open(way->name, O_RDONLY);
		int fd = handle.memory->file(handle.state);

		/* What a mapping through the tree gets. */
		mapped = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_ptr_not_equal(mapped, MAP_FAILED);
		at[7] = 'a';
		assert_int_equal(mapped[7], 'a');
		mapped[8] = 'b';
		assert_int_equal(at[8], 'b');
		munmap(mapped, 3 * page);
		assert_int_equal(handle.memory->file(handle.state), fd);
		/* One inode, whatever the handle may do. */
		assert_int_equal(fstat(fd, &one), 0);
		fd = second.memory->file(second.state);
		assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
		assert_int_equal(fstat(fd, &other), 0);
		assert_int_equal(one.st_ino, other.st_ino);
		assert_int_equal(one.st_dev, other.st_dev);
		handle_close(&second);
		if (!way->resizes)
			assert_shows(way->name, "nattch", "1\n");
	}
	handle_close(&handle);
	unmake(way, at, 3 * page);
	if (!way->resizes)
		assert_shows(way->name, "nattch", "0\n");
}

static void handles_do_what_they_were_opened_for(void **state)
{
	const struct way *way = begin(state);
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	char *at = make(way, page), byte = 'x';
	struct handle handle = handle_open(way->name, O_RDONLY);

	at[0] = 'k';
	assert_int_equal(handle_write(&handle, &byte, 1, 0), -EBADF);
	assert_int_equal(handle_append(&handle, &byte, 1), -EBADF);
	assert_int_equal(handle_allocate(&handle, punch, 0, 1), -EBADF);
	assert_int_equal(handle_read(&handle, &byte, 1, 0), 1);
	assert_int_equal(byte, 'k');
	handle_close(&handle);
	assert_int_equal(at[0], 'k');
	handle = handle_open(way->name, O_WRONLY);
	assert_int_equal(handle_write(&handle, &byte, 1, 1), 1);
	assert_int_equal(at[1], 'k');
	handle_close(&handle);
	unmake(way, at, page);
}

/* 1000 bytes are a page, of which the rest is nobody's. */
static void the_end(void **state)
{
	const struct way *way = begin(state);
	char *at = make(way, 1000), buffer[2000];
	struct handle handle = handle_open(way->name, O_RDWR);
	struct stat st = {0};

	memset(at, 'm', 1000);
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(handle_read(&handle, buffer, 2000, 0), 1000);
	assert_memory_equal(buffer, at, 1000);
	assert_int_equal(buffer[1000], 0);
	assert_int_equal(handle_read(&handle, buffer, 2000, 999), 1);
	assert_int_equal(handle_read(&handle, buffer, 2000, 1000), 0);
	assert_int_equal(handle_read(&handle, buffer, 2000, INT64_MAX - 2000), 0);
	assert_int_equal(handle_read(&handle, buffer, 2000, -1), -EINVAL);
	assert_int_equal(handle_read(&handle, buffer, 0, 0), 0);
	assert_int_equal(handle_write(&handle, buffer, 10, -1), -EINVAL);
	assert_int_equal(handle_write(&handle, buffer, 0, 5000), 0);
	assert_int_equal(handle.memory->fixed_size, !way->resizes);
	if (way->resizes) {
		assert_int_equal(handle_write(&handle, "abc", 3, 999), 3);
		assert_shows(way->name, "size", "1002\n");
		assert_int_equal(handle_append(&handle, "def", 3), 3);
		assert_shows(way->name, "size", "1005\n");
		assert_int_equal(handle_read(&handle, buffer, 2000, 999), 6);
		assert_memory_equal(buffer, "abcdef", 6);
	} else {
		assert_int_equal(handle_write(&handle, "abc", 3, 999), 1);
		assert_int_equal(at[999], 'a');
		assert_int_equal(at[1000], 0);
		assert_refused((int)handle_write(&handle, "abc", 3, 1000), ENOSPC, "1000 bytes");
		assert_refused((int)handle_write(&handle, "abc", 3, INT64_MAX), ENOSPC, "1000");
		assert_refused((int)handle_append(&handle, "abc", 3), ENOSPC, "1000 bytes");
		assert_shows(way->name, "size", "1000\n");
	}
	assert_int_equal(handle.memory->stat(&handle.place, handle.state, &st), 0);
	assert_int_equal(st.st_size, way->resizes ? 1005 : 1000);
	assert_int_equal(st.st_blocks, page / 512);
	memset(&st, 0, sizeof(st));
	assert_int_equal(handle.memory->stat(&handle.place, NULL, &st), 0);
	assert_int_equal(st.st_size, way->resizes ? 1005 : 1000);
	assert_int_equal(st.st_blocks, page / 512);
	handle_close(&handle);
	unmake(way, at, 1000);
}

static void sizes(void **state)
{
	const struct way *way = begin(state);
	char *at = make(way, 5000);
	struct handle handle = handle_open(way->name, O_RDWR);
	const struct memory *memory = handle.memory;

	at[0] = 'k';
	assert_int_equal(memory->resize(&call, handle.state, 5000), 0);
	assert_int_equal(memory->truncate(&call, &handle.place, 5000), 0);
	assert_int_equal(memory->resize(&call, handle.state, -1), -EINVAL);
	assert_int_equal(memory->truncate(&call, &handle.place, -1), -EINVAL);
	if (way->resizes) {
		assert_int_equal(memory->resize(&call, handle.state, 9000), 0);
		assert_shows(way->name, "size", "9000\n");
		assert_int_equal(memory->truncate(&call, &handle.place, 0), 0);
		assert_shows(way->name, "size", "0\n");
		assert_shows(way->name, "rss", "0\n");
		assert_int_equal(memory->truncate(&call, &handle.place, 100), 0);
		assert_shows(way->name, "size", "100\n");
	} else {
		assert_refused(memory->resize(&call, handle.state, 0), EINVAL, "5000 bytes");
		assert_refused(memory->resize(&call, handle.state, 5001), EINVAL, "5000 bytes");
		assert_refused(memory->truncate(&call, &handle.place, 4999), EINVAL, "5000");
		/* The > of a shell. */
		assert_int_equal(memory->truncate(&call, &handle.place, 0), 0);
		assert_shows(way->name, "size", "5000\n");
		assert_int_equal(at[0], 'k');
	}
	handle_close(&handle);
	unmake(way, at, 5000);
}

/* Pages of a pattern here and there; what is read must be it, and must have filled no hole. */
static void reading_a_hole_allocates_nothing(void **state)
{
	const struct way *way = begin(state);
	const size_t pages = 1500, size = pages * page - 77;
	char *at = make(way, size), *expected = calloc(pages, page), *read = malloc(pages * page);
	struct handle handle = handle_open(way->name, O_RDONLY);
	unsigned long long before;
	size_t filled = 0;
	unsigned seed = 1;

	assert_int_equal(rss(way->name), 0);
	for (size_t i = 0; i < pages; i++) {
		if ((i * 7919) % 5 != 0 && i % 300 < 290)
			continue;
		for (size_t j = i * page; j < (i + 1) * page && j < size; j++)
			expected[j] = at[j] = (char)rand_r(&seed);
		filled++;
	}
	before = rss(way->name);
	assert_int_equal(before, filled * page);
	memset(read, '?', pages * page);
	assert_int_equal(handle_read(&handle, read, pages * page, 0), size);
	assert_memory_equal(read, expected, size);
	for (int i = 0; i < 2000; i++) {
		size_t offset = (size_t)rand_r(&seed) % size;
		size_t length = 1 + (size_t)rand_r(&seed) % (i % 10 ? 3 * page : 300 * page);
		size_t left = size - offset < length ? size - offset : length;

		memset(read, '?', length);
		assert_int_equal(handle_read(&handle, read, length, (off_t)offset), left);
		assert_memory_equal(read, expected + offset, left);
		assert_true(left == length || read[left] == '?');
	}
	assert_int_equal(rss(way->name), before);
	handle_close(&handle);
	unmake(way, at, size);
	free(expected);
	free(read);
}

static void seeking(void **state)
{
	const struct way *way = begin(state);
	const size_t size = 10 * page;
	char *at = make(way, size);
	struct handle handle = handle_open(way->name, O_RDONLY);
	off_t (*seek)(void *, off_t, int) = handle.memory->seek;

	at[3 * page] = 'x';
	at[9 * page] = 'y';
	assert_int_equal(seek(handle.state, -1, SEEK_DATA), -ENXIO);
	assert_int_equal(seek(handle.state, (off_t)size, SEEK_DATA), -ENXIO);
	assert_int_equal(seek(handle.state, (off_t)size, SEEK_HOLE), -ENXIO);
	assert_int_equal(seek(handle.state, 0, SEEK_SET), -EINVAL);
	assert_int_equal(seek(handle.state, 9 * (off_t)page, SEEK_HOLE), size);
	if (way->has_file) {
		assert_int_equal(seek(handle.state, 0, SEEK_HOLE), 0);
		assert_int_equal(seek(handle.state, 0, SEEK_DATA), 3 * page);
		assert_int_equal(seek(handle.state, 3 * (off_t)page, SEEK_HOLE), 4 * page);
	} else {
		assert_int_equal(seek(handle.state, 5, SEEK_HOLE), size);
		assert_int_equal(seek(handle.state, 5, SEEK_DATA), 5);
	}
	handle_close(&handle);
	unmake(way, at, size);
}

static void giving_pages_back(void **state)
{
	const struct way *way = begin(state);
	const int keep = FALLOC_FL_KEEP_SIZE;
	const off_t size = 10 * (off_t)page;
	char *at = make(way, (size_t)size);
	struct handle handle = handle_open(way->name, O_RDWR);

	memset(at, 'x', (size_t)size);
	assert_int_equal(handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | keep, -1, 1), -EINVAL);
	assert_int_equal(handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | keep, 0, 0), -EINVAL);
	assert_int_equal(handle_allocate(&handle, FALLOC_FL_COLLAPSE_RANGE, 0, (off_t)page),
			 -EOPNOTSUPP);
	if (way->has_file) {
		assert_int_equal(handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | keep,
						 (off_t)page + 1, 3 * (off_t)page),
				 0);
		assert_int_equal(rss(way->name), 8 * page);
		assert_int_equal(at[page], 'x');
		assert_int_equal(at[page + 1], 0);
		assert_int_equal(at[4 * page], 0);
		assert_int_equal(at[4 * page + 1], 'x');
		/* To the end and no further. */
		assert_int_equal(handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | keep,
						 9 * (off_t)page, INT64_MAX / 2),
				 0);
		assert_int_equal(rss(way->name), 7 * page);
	} else {
		assert_int_equal(
			handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | keep, 0, (off_t)page),
			-EOPNOTSUPP);
		assert_int_equal(at[0], 'x');
	}
	if (way->resizes) {
		assert_int_equal(handle_allocate(&handle, 0, 2 * size, (off_t)page), 0);
		assert_shows_number(way->name, "size", 21 * (unsigned long long)page);
	} else {
		assert_int_equal(handle_allocate(&handle, 0, 2 * size, (off_t)page), -EOPNOTSUPP);
		assert_shows_number(way->name, "size", (unsigned long long)size);
	}
	handle_close(&handle);
	unmake(way, at, (size_t)size);
}

static void removed_while_open(void **state)
{
	const struct way *way = begin(state);
	char *at = make(way, 2 * page), buffer[8];
	struct handle handle = handle_open(way->name, O_RDWR);
	struct stat st = {0};

	memcpy(at, "before", 7);
	unmake(way, at, 2 * page);
	assert_int_equal(shm_rmdir(way->name), 0);
	assert_int_equal(handle_read(&handle, buffer, 7, 0), 7);
	assert_string_equal(buffer, "before");
	assert_int_equal(handle_write(&handle, "after", 6, (off_t)page), 6);
	assert_int_equal(handle_read(&handle, buffer, 6, (off_t)page), 6);
	assert_string_equal(buffer, "after");
	assert_int_equal(handle.memory->stat(&handle.place, handle.state, &st), 0);
	assert_int_equal(st.st_size, 2 * page);
	assert_int_equal(st.st_blocks, 2 * page / 512);
	handle_close(&handle);
	assert_int_equal(shmget(KEY, 0, 0), -1);
}

enum { THREADS = 4, ROUNDS = 200 };

struct worker {
	struct handle *handle;
	int number;
	atomic_int wrong;
};

/* Its own pages, which no other may have touched. */
static void *worker_run(void *context)
{
	struct worker *worker = context;
	const struct memory *memory = worker->handle->memory;
	void *shared = worker->handle->state;
	const size_t size = 5 * page;
	const off_t offset = worker->number * (off_t)size;
	char *written = malloc(size), *back = malloc(size);
	struct call own = {.uid = call.uid};

	for (int i = 0; i < ROUNDS; i++) {
		memset(written, worker->number * 50 + i % 50, size);
		if (memory->write(&own, shared, written, size, offset, false) != (ssize_t)size ||
		    memory->read(shared, back, size, offset) != (ssize_t)size ||
		    memcmp(written, back, size) != 0)
			worker->wrong++;
	}
	free(written);
	free(back);
	return NULL;
}

static void threads_share_a_handle(void **state)
{
	const struct way *way = begin(state);
	char *at = make(way, THREADS * 5 * page);
	struct handle handle = handle_open(way->name, O_RDWR);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){&handle, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].wrong, 0);
	}
	handle_close(&handle);
	unmake(way, at, THREADS * 5 * page);
}

/* What root's daemon does for a user: the caller is judged, and the rest asks nobody. */
static void root_serves_a_user(void **state)
{
	const struct way *way = *state;
	char *at = make(way, page), byte;
	struct handle handle;
	struct place place = shm_at(way->name);
	int fd;

	assert_int_equal(
		place.dir->change(&call, &place, &(struct change){.has_mode = true, .mode = 0644}),
		0);
	at[1] = '1';
	become(NOBODY);
	call.as_daemon = step_as_root;
	assert_refused(handle_try(way->name, O_RDWR, &handle), EACCES, "permission");
	handle = handle_open(way->name, O_RDONLY);
	assert_int_equal(geteuid(), NOBODY);
	fd = handle.memory->file(handle.state);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_int_equal(handle_write(&handle, "x", 1, 0), -EBADF);
	assert_int_equal(handle_read(&handle, &byte, 1, 1), 1);
	assert_int_equal(byte, '1');
	become(12345);
	assert_int_equal(handle_read(&handle, &byte, 1, 1), 1);
	handle_close(&handle);

	/* A plain user's daemon gets as much as the user. */
	become(NOBODY);
	call.as_daemon = NULL;
	handle = handle_open(way->name, O_RDONLY);
	assert_int_equal(handle.memory->file(handle.state), -1);
	assert_int_equal(handle_read(&handle, &byte, 1, 1), 1);
	assert_int_equal(byte, '1');
	handle_close(&handle);
	become(0);
	unmake(way, at, page);
}

#define EXPECT(condition)                                                           \
	do {                                                                        \
		if (!(condition)) {                                                 \
			fprintf(stderr, "line %d: not %s\n", __LINE__, #condition); \
			_exit(1);                                                   \
		}                                                                   \
	} while (0)

static int child_status(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* A daemon that never was root, as far as the kernel is concerned. */
static void a_plain_users_daemon(void **state)
{
	pid_t child = fork();

	if (child == 0) {
		struct handle handle;
		char buffer[100];
		struct stat st;
		int fd;

		EXPECT(setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
		       setresuid(NOBODY, NOBODY, NOBODY) == 0);
		call.uid = call.gid = NOBODY;
		EXPECT(shm_mkdir("0x51,size=1M", 0600) == 0);
		handle = handle_open(SYSV, O_RDWR);
		EXPECT(handle.memory->file(handle.state) == -1);
		EXPECT(handle_write(&handle, "mine", 4, 500000) == 4);
		memset(buffer, '?', sizeof(buffer));
		EXPECT(handle_read(&handle, buffer, 100, 499990) == 100);
		EXPECT(memcmp(buffer, "\0\0\0\0\0\0\0\0\0\0mine\0", 15) == 0);
		for (off_t at = 0; at < 1 << 20; at += 100)
			EXPECT(handle_read(&handle, buffer, 100, at) > 0);
		EXPECT(rss(SYSV) == page);
		EXPECT(shm_rmdir(SYSV) == 0);
		EXPECT(handle_read(&handle, buffer, 4, 500000) == 4);
		EXPECT(memcmp(buffer, "mine", 4) == 0);
		EXPECT(handle.memory->stat(&handle.place, handle.state, &st) == 0);
		EXPECT(st.st_size == 1 << 20 && st.st_blocks == (blkcnt_t)page / 512);
		handle_close(&handle);

		EXPECT(shm_mkdir("board,size=10", 0600) == 0);
		handle = handle_open(POSIX, O_RDONLY);
		fd = handle.memory->file(handle.state);
		EXPECT(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
		EXPECT(handle_read(&handle, buffer, 100, 0) == 10);
		handle_close(&handle);
		EXPECT(shm_rmdir(POSIX) == 0);
		_exit(0);
	}
	assert_int_equal(child_status(child), 0);
}

/* Another process cuts the object short again and again: errors or less, and nothing worse. */
static void an_object_that_shrinks(void **state)
{
	enum { SHRINKS = 10000 };
	const struct way *way = begin(state);
	const size_t size = 64 * page;
	char *buffer = malloc(size);
	struct handle handle;
	unsigned long reads = 0, shorts = 0;
	pid_t child;
	int status;

	memset(buffer, 'w', size);
	assert_int_equal(shm_mkdir(POSIX, 0600), 0);
	handle = handle_open(way->name, O_RDWR);
	child = fork();
	if (child == 0) {
		int fd = shm_open("/" POSIX, O_RDWR, 0);

		for (int i = 0; i < SHRINKS; i++)
			EXPECT(ftruncate(fd, (off_t)size) == 0 &&
			       pwrite(fd, "full", 4, (off_t)(size - 4)) == 4 &&
			       ftruncate(fd, 0) == 0);
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		ssize_t result = handle_read(&handle, buffer, size, 0);
		struct stat st;

		assert_in_range(result, 0, size);
		reads++;
		shorts += result < (ssize_t)size;
		result = handle.memory->seek(handle.state, (off_t)(size / 2), SEEK_DATA);
		assert_true(result == -ENXIO || result >= (off_t)(size / 2));
		assert_int_equal(handle.memory->stat(&handle.place, handle.state, &st), 0);
		if (reads % 8 == 0)
			assert_int_equal(handle_write(&handle, "w", 1, (off_t)page), 1);
	}
	assert_int_equal(status, 0);
	assert_true(reads > 0 && shorts > 0);
	handle_close(&handle);
	free(buffer);
}

/* Two processes append: no line is lost or torn. */
static void appending(void **state)
{
	enum { LINES = 2000 };
	const struct way *way = begin(state);
	unsigned counts[2] = {0};
	struct handle handle;
	char line[8];
	pid_t child;

	assert_int_equal(shm_mkdir(POSIX, 0600), 0);
	handle = handle_open(way->name, O_RDWR);
	child = fork();
	for (int i = 0; i < LINES; i++) {
		ssize_t result = handle_append(&handle, child ? "parent\n" : "child.\n", 7);

		if (child == 0)
			EXPECT(result == 7);
		else
			assert_int_equal(result, 7);
	}
	if (child == 0)
		_exit(0);
	assert_int_equal(child_status(child), 0);
	for (off_t at = 0; handle_read(&handle, line, 7, at) == 7; at += 7) {
		line[7] = '\0';
		assert_true(strcmp(line, "parent\n") == 0 || strcmp(line, "child.\n") == 0);
		counts[line[0] == 'p']++;
	}
	assert_int_equal(counts[0], LINES);
	assert_int_equal(counts[1], LINES);
	handle_close(&handle);
}

/* The daemon's limit of a file's size is an error to who writes past it, and ends nobody. */
static void a_limit_of_file_size(void **state)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
	pid_t child = fork();

	if (child == 0) {
		struct handle handle;

		EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
		EXPECT(shm_mkdir("board,size=101", 0600) == -EFBIG);
		EXPECT(shm_mkdir("board,size=100", 0600) == 0);
		handle = handle_open(POSIX, O_RDWR);
		EXPECT(handle_write(&handle, "abc", 3, 100) == -EFBIG);
		EXPECT(handle.memory->resize(&call, handle.state, 101) == -EFBIG);
		handle_close(&handle);
		EXPECT(shm_rmdir(POSIX) == 0);
		_exit(0);
	}
	assert_int_equal(child_status(child), 0);
}

/* Where the last to detach removes a segment, opening it here must not do that. */
static void opening_removes_nothing(void **state)
{
	struct handle handle;
	char *at, byte;

	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	write_text("/proc/sys/kernel/shm_rmid_forced", "1");
	assert_refused(handle_try(SYSV, O_RDONLY, &handle), EBUSY, "shm_rmid_forced");
	assert_refused(handle_try(SYSV, O_RDWR, &handle), EBUSY, "shm_rmid_forced");
	assert_shows(SYSV, "nattch", "0\n");
	at = shmat(shm_id(), NULL, 0);
	at[1] = 'x';
	handle = handle_open(SYSV, O_RDONLY);
	assert_int_equal(handle_read(&handle, &byte, 1, 1), 1);
	assert_int_equal(byte, 'x');
	handle_close(&handle);
	assert_shows(SYSV, "nattch", "1\n");
	write_text("/proc/sys/kernel/shm_rmid_forced", "0");
	shmdt(at);
	assert_shows(SYSV, "nattch", "0\n");
}

#define ON(test, way)                                                               \
	{                                                                           \
#test " " #way, test, NULL, remove_all, (void *)(uintptr_t) & (way) \
	}
#define ON_ALL(test) \
	ON(test, by_file), ON(test, by_attaching), ON(test, by_name), ON(test, by_name_as_user)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(the_same_pages),
		ON_ALL(handles_do_what_they_were_opened_for),
		ON_ALL(the_end),
		ON_ALL(sizes),
		ON_ALL(reading_a_hole_allocates_nothing),
		ON_ALL(seeking),
		ON_ALL(giving_pages_back),
		ON_ALL(removed_while_open),
		ON_ALL(threads_share_a_handle),
		ON(root_serves_a_user, by_file),
		ON(root_serves_a_user, by_name),
		ON(a_plain_users_daemon, by_attaching),
		ON(an_object_that_shrinks, by_name),
		ON(an_object_that_shrinks, by_name_as_user),
		ON(appending, by_name),
		ON(a_limit_of_file_size, by_name),
		ON(opening_removes_nothing, by_file),
		ON(opening_removes_nothing, by_attaching),
	};

	fixture_enter();
	page = (size_t)sysconf(_SC_PAGESIZE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
