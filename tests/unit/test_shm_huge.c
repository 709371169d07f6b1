/*
 * test_shm_huge - segments of huge pages, whose file takes no writing.
 */
#include "shm_fixture.h"
#include "under_valgrind.h"

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"

static char overcommit[32]; /* what it was, once it has been changed */

/* A limit of the whole machine: put back however this ends. */
static void overcommit_restore(void)
{
	static const char failed[] = "cannot put back " OVERCOMMIT "\n";
	size_t length = strlen(overcommit);
	int fd = length ? open(OVERCOMMIT, O_WRONLY) : -1;

	if (length && (fd < 0 || write(fd, overcommit, length) != (ssize_t)length) &&
	    write(STDERR_FILENO, failed, sizeof(failed) - 1) < 0)
		return;
	if (fd >= 0)
		close(fd);
	overcommit[0] = '\0';
}

static void restore_and_end(int ending)
{
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
		overcommit_restore();
	signal(ending, SIG_DFL);
	raise(ending);
}

static void overcommit_raise(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGABRT};
	unsigned long long before;

	if (access(OVERCOMMIT, R_OK | W_OK) < 0 || (before = read_number(OVERCOMMIT)) >= 4)
		return;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		signal(ends[i], restore_and_end);
	atexit(overcommit_restore);
	snprintf(overcommit, sizeof(overcommit), "%llu\n", before);
	write_text(OVERCOMMIT, "4\n");
}

static int huge_segment(size_t size)
{
	return shmget(KEY, size, IPC_CREAT | SHM_HUGETLB | 0644);
}

/* Whose daemon it is: root's has the file of huge pages, a plain user's attaches them. */
static const int root, user;

static void huge_pages(void **state)
{
	const bool is_root = *state == &root;
	const size_t size = 3000000; /* of two pages of 2 MiB */
	int id = huge_segment(size);
	char *at, *buffer;
	struct handle handle;
	struct stat st = {0};
	char byte;

	at = shmat(id, NULL, 0);
	assert_ptr_not_equal(at, (void *)-1);
	buffer = malloc(size + 100);
	memset(at + 2500000, 'h', 1000);
	become(is_root ? 0 : NOBODY);
	handle = handle_open(SYSV, O_RDONLY);
	assert_int_equal(handle.memory->file(handle.state), -1);
	assert_shows(SYSV, "nattch", is_root ? "1\n" : "2\n");
	memset(buffer, '?', size + 100);
	assert_int_equal(handle_read(&handle, buffer, size + 100, 0), size);
	assert_memory_equal(buffer, at, size);
	assert_int_equal(buffer[2500000], 'h');
	assert_int_equal(buffer[size], '?');
	assert_int_equal(handle_read(&handle, &byte, 1, (off_t)size), 0);
	assert_int_equal(handle.memory->seek(handle.state, 5, SEEK_DATA), 5);
	assert_int_equal(handle.memory->seek(handle.state, 5, SEEK_HOLE), size);
	assert_int_equal(handle.memory->stat(&handle.place, handle.state, &st), 0);
	assert_int_equal(st.st_size, size);
	handle_close(&handle);
	assert_shows(SYSV, "nattch", "1\n");
	become(0);
	assert_int_equal(handle.place.dir->change(&call, &handle.place,
						  &(struct change){.has_mode = true, .mode = 0666}),
			 0);
	become(is_root ? 0 : NOBODY);

	/* The file takes no writing: for that it stays attached. */
	handle = handle_open(SYSV, O_RDWR);
	assert_int_equal(handle.memory->file(handle.state), -1);
	assert_shows(SYSV, "nattch", "2\n");
	assert_int_equal(handle_write(&handle, "written", 7, 2097150), 7);
	assert_memory_equal(at + 2097150, "written", 7);
	assert_int_equal(handle_read(&handle, buffer, 7, 2097150), 7);
	assert_memory_equal(buffer, "written", 7);
	assert_int_equal(handle_write(&handle, "written", 7, (off_t)size - 1), 1);
	assert_refused((int)handle_write(&handle, "x", 1, (off_t)size), ENOSPC, "3000000");
	assert_int_equal(handle.memory->truncate(&call, &handle.place, 0), 0);
	assert_int_equal(
		handle_allocate(&handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2097152),
		is_root ? 0 : -EOPNOTSUPP);
	assert_int_equal(at[2097150], is_root ? 0 : 'w');
	assert_int_equal(at[2097152], 'i');
	assert_shows(SYSV, "size", "3000000\n");
	assert_true(rss(SYSV) <= 3002368); /* in whole pages of 4 KiB */
	handle_close(&handle);
	become(0);
	shmdt(at);
	free(buffer);
}

/* By the file, reading what has no page takes none. */
static void huge_holes(void **state)
{
	struct handle handle;
	struct stat st = {0};
	char buffer[100];

	assert_true(huge_segment(4 << 20) >= 0);
	handle = handle_open(SYSV, O_RDONLY);
	memset(buffer, '?', sizeof(buffer));
	assert_int_equal(handle_read(&handle, buffer, 100, 1000000), 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buffer[i], 0);
	assert_shows(SYSV, "rss", "0\n");
	assert_int_equal(handle.memory->stat(&handle.place, handle.state, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	handle_close(&handle);
}

#define TEST(test, whose)                                                               \
	{                                                                               \
#test " " #whose, test, NULL, remove_all, (void *)(uintptr_t) & (whose) \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(huge_pages, root),
		TEST(huge_pages, user),
		TEST(huge_holes, root),
	};

	if (under_valgrind()) {
		puts("skip: valgrind leaves SHM_HUGETLB out of shmget");
		return 77;
	}
	fixture_enter();
	overcommit_raise();
	if (huge_segment(1) < 0 || shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL) < 0) {
		printf("skip: no huge page can be had: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
