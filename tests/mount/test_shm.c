/*
 * test_shm.c - data is the very memory that shmat and shm_open give, seen from both sides.
 *
 * SHM_TURNS in the environment says how many stores and loads take turns.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KEY = 0x1234, SIZE = 64 << 10, PAGE = 4096, LIMIT = 250 };

/* ---- two processes take turns with one word, and check what the other has stored ---- */

enum { WORDS = SIZE / sizeof(uint64_t) - 1 };

/* What is in the memory: whose turn it is, and the words. */
struct board {
	_Atomic uint64_t turn;
	uint64_t words[WORDS];
};

static uint64_t turns(void)
{
	const char *said = getenv("SHM_TURNS");

	return said ? strtoull(said, NULL, 10) : 1000000;
}

/* The word of a turn is anywhere in the memory, so that no page is left out. */
static uint64_t *word_of(struct board *board, uint64_t turn)
{
	return &board->words[turn * 2654435761u % WORDS];
}

static void wait_for_turn(struct board *board, uint64_t turn)
{
	for (unsigned spins = 1; atomic_load_explicit(&board->turn, memory_order_acquire) != turn;
	     spins++)
		if (spins % 64 == 0)
			sched_yield();
}

/* Takes every other turn, beginning with @turn; the number of words that were not the other's. */
static uint64_t take_turns(struct board *board, uint64_t turn)
{
	uint64_t wrong = 0, last = turns();

	for (; turn < last; turn += 2) {
		wait_for_turn(board, turn);
		if (turn > 0)
			wrong += *word_of(board, turn - 1) != ~(turn - 1);
		*word_of(board, turn) = ~turn;
		atomic_store_explicit(&board->turn, turn + 1, memory_order_release);
	}
	return wrong;
}

static int turns_by_shmat(void *unused)
{
	struct board *board = shmat(shmget(KEY, 0, 0), NULL, 0);

	alarm(LIMIT);
	need(board != (void *)-1);
	need(take_turns(board, 1) == 0);
	return 0;
}

static int turns_by_shm_open(void *name)
{
	int fd = shm_open(name, O_RDWR, 0);
	struct board *board;

	alarm(LIMIT);
	need(fd >= 0);
	board = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(board != MAP_FAILED);
	need(take_turns(board, 1) == 0);
	return 0;
}

static int turns_by_tree(void *object)
{
	int fd = open(shm_path(object, "data"), O_RDWR);
	struct board *board;

	alarm(LIMIT);
	need(fd >= 0);
	board = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(board != MAP_FAILED);
	need(take_turns(board, 1) == 0);
	return 0;
}

static void play(const char *object, int (*other)(void *), void *argument)
{
	struct board *board = shm_map(object, SIZE);
	pid_t pid;

	atomic_store(&board->turn, 0);
	pid = spawn(other, argument);
	assert_int_equal(take_turns(board, 0), 0);
	assert_int_equal(reap(pid), 0);
	assert_return_code(munmap(board, SIZE), errno);
}

static void test_turns_with_shmat(void **state)
{
	shm_needs_mapping();
	shm_make("0x1234,size=64K", 0600);
	play("0x1234", turns_by_shmat, NULL);
	play("0x1234", turns_by_tree, (void *)"0x00001234");
	/* A mapping through the tree is none of shmat's. */
	void *memory = shm_map("0x1234", SIZE);
	assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 0);
	munmap(memory, SIZE);
	shm_remove("0x1234");
}

static void test_turns_with_shm_open(void **state)
{
	shm_needs_mapping();
	close(shm_posix_create("/board", SIZE));
	play("board", turns_by_shm_open, (void *)"/board");
	shm_remove("board");
	shm_make("board,size=64K", 0600);
	play("board", turns_by_shm_open, (void *)"/board");
	shm_remove("board");
}

/* ---- the same by read and write, which work without mapping too ---- */

/* Stores through the memory are what pread gives, and what pwrite puts is loaded, at all offsets.
 */
static void same_by_calls(const char *object, volatile unsigned char *memory)
{
	int fd = shm_open_data(object, O_RDWR);
	unsigned seed = 1;

	for (int i = 0; i < 10000; i++) {
		size_t at = (size_t)rand_r(&seed) % SIZE;
		unsigned char byte = (unsigned char)(i * 7 + 1), seen = 0;

		memory[at] = byte;
		assert_int_equal(pread(fd, &seen, 1, (off_t)at), 1);
		assert_int_equal(seen, byte);
		byte ^= 0xff;
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		assert_int_equal(memory[at], byte);
	}
	close(fd);
}

static void test_calls(void **state)
{
	int fd = shm_posix_create("/calls", SIZE);
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	same_by_calls("calls", memory);
	munmap(memory, SIZE);
	close(fd);
	assert_return_code(shm_unlink("/calls"), errno);

	shm_make("0x1234,size=64K", 0600);
	memory = shmat(shmget(KEY, 0, 0), NULL, 0);
	assert_ptr_not_equal(memory, (void *)-1);
	same_by_calls("0x1234", memory);
	assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 1);
	shmdt(memory);
	assert_int_equal(shm_sysv_stat(KEY).shm_nattch, 0);
	shm_remove("0x1234");
}

/* A private mapping reads what is there, and keeps its stores to itself. */
static void private_of(const char *object)
{
	int fd = shm_open_data(object, O_RDWR);
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), seen[8];

	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(pwrite(fd, "outside", 7, 5 * PAGE), 7);
	assert_memory_equal(memory + 5 * PAGE, "outside", 7);
	assert_int_equal(memory[SIZE - 1], 0);
	memcpy(memory + 5 * PAGE, "private", 7);
	assert_int_equal(pread(fd, seen, 7, 5 * PAGE), 7);
	assert_memory_equal(seen, "outside", 7);
	munmap(memory, SIZE);
	/* Mapped again it is not what was read the last time. */
	assert_int_equal(pwrite(fd, "changed", 7, 5 * PAGE), 7);
	memory = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_memory_equal(memory + 5 * PAGE, "changed", 7);
	munmap(memory, SIZE);
	close(fd);
}

static void test_private_mapping(void **state)
{
	shm_make("0x1234", 0600);
	assert_int_equal(shm_sysv_stat(KEY).shm_segsz, SIZE); /* what it has by default */
	private_of("0x1234");
	shm_remove("0x1234");
	shm_make("private,size=64K", 0600);
	private_of("private");
	shm_remove("private");
}

/* ---- sizes ---- */

static off_t size_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	assert_int_equal(lseek(fd, 0, SEEK_END), st.st_size);
	return st.st_size;
}

/* Whoever resizes a POSIX object, everyone sees it at once. */
static void test_resize(void **state)
{
	static const off_t sizes[] = {1, PAGE, 3 * PAGE + 5, 0, 1 << 20, 2, 7 * PAGE};
	int outside, one, other;
	char byte;
	struct stat st;

	shm_make("resized", 0600);
	assert_return_code(stat("/dev/shm/resized", &st), errno);
	assert_int_equal(st.st_size, 0);
	outside = shm_open("/resized", O_RDWR, 0);
	assert_return_code(outside, errno);
	one = shm_open_data("resized", O_RDWR);
	other = shm_open_data("resized", O_RDWR);
	for (int round = 0; round < 50; round++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			char number[32];

			switch ((round + i) % 4) {
			case 0:
				assert_return_code(ftruncate(outside, sizes[i]), errno);
				break;
			case 1:
				assert_return_code(ftruncate(one, sizes[i]), errno);
				break;
			case 2:
				assert_return_code(truncate(shm_path("resized", "data"), sizes[i]),
						   errno);
				break;
			default:
				snprintf(number, sizeof(number), "%ld\n", (long)sizes[i]);
				assert_int_equal(put(shm_path("resized", "size"), number), 0);
			}
			assert_int_equal(size_of(outside), sizes[i]);
			assert_int_equal(size_of(one), sizes[i]);
			assert_int_equal(size_of(other), sizes[i]);
			assert_return_code(stat(shm_path("resized", "data"), &st), errno);
			assert_int_equal(st.st_size, sizes[i]);
			assert_int_equal(get_number(shm_path("resized", "size")), sizes[i]);
			assert_int_equal(pread(other, &byte, 1, sizes[i]), 0);
			if (sizes[i])
				assert_int_equal(pread(other, &byte, 1, sizes[i] - 1), 1);
		}
	/* By a write past the end, and by appending after somebody else has. */
	assert_return_code(ftruncate(outside, 10), errno);
	assert_int_equal(pwrite(one, "x", 1, 20), 1);
	assert_int_equal(size_of(other), 21);
	close(one);
	one = shm_open_data("resized", O_WRONLY | O_APPEND);
	assert_int_equal(pwrite(outside, "y", 1, 30), 1);
	assert_int_equal(write(one, "z", 1), 1);
	assert_int_equal(size_of(outside), 32);
	assert_int_equal(pread(other, &byte, 1, 31), 1);
	assert_int_equal(byte, 'z');
	/* > */
	assert_int_equal(put_bytes(shm_path("resized", "data"), "abc", 3), 0);
	assert_int_equal(size_of(outside), 3);
	close(one);
	close(other);
	close(outside);
	shm_remove("resized");
}

/* What is written behind a mapping's end is in the mapping as soon as the object has grown. */
static void test_mapping_grows(void **state)
{
	char *memory;
	int fd;

	shm_needs_mapping();
	shm_make("grows,size=4K", 0600);
	memory = shm_map("grows", SIZE);
	fd = shm_open_data("grows", O_RDWR);
	assert_int_equal(pwrite(fd, "far", 3, SIZE - 3), 3);
	assert_memory_equal(memory + SIZE - 3, "far", 3);
	memory[SIZE - PAGE] = 'm';
	assert_return_code(ftruncate(fd, PAGE), errno);
	assert_return_code(ftruncate(fd, SIZE), errno);
	assert_int_equal(memory[SIZE - PAGE], 0);
	munmap(memory, SIZE);
	close(fd);
	shm_remove("grows");
}

/* ---- removed, renamed, made anew ---- */

static void holds(int fd, const char *text)
{
	char seen[64] = "";
	struct stat st;

	assert_int_equal(pread(fd, seen, sizeof(seen), 0) >= (ssize_t)strlen(text), 1);
	assert_memory_equal(seen, text, strlen(text));
	assert_return_code(fstat(fd, &st), errno);
	assert_true(st.st_size >= (off_t)strlen(text));
}

static void test_removed_under_a_handle(void **state)
{
	static const char *const objects[] = {"0x1234", "removed"};

	for (int i = 0; i < 2; i++) {
		char name[64], *memory = NULL;
		struct stat st;
		int fd;

		snprintf(name, sizeof(name), "%s,size=8K", objects[i]);
		shm_make(name, 0600);
		fd = shm_open_data(objects[i], O_RDWR);
		assert_int_equal(pwrite(fd, "kept", 4, 100), 4);
		if (shm_maps())
			memory = shm_map(objects[i], 2 * PAGE);
		shm_remove(objects[i]);
		assert_int_equal(stat(shm_path(objects[i], ""), &st), -1);
		assert_int_equal(errno, ENOENT);
		assert_int_equal(open(shm_path(objects[i], "data"), O_RDONLY), -1);
		assert_int_equal(errno, ENOENT);
		assert_return_code(fstat(fd, &st), errno);
		assert_int_equal(st.st_size, 2 * PAGE);
		char seen[5] = "";
		assert_int_equal(pread(fd, seen, 4, 100), 4);
		assert_string_equal(seen, "kept");
		if (memory) {
			assert_memory_equal(memory + 100, "kept", 4);
			memory[2 * PAGE - 1] = 'l';
			assert_int_equal(pread(fd, seen, 4, 2 * PAGE - 1), 1);
			assert_int_equal(seen[0], 'l');
			munmap(memory, 2 * PAGE);
		}
		assert_int_equal(pwrite(fd, "late", 4, 100), 4);
		assert_int_equal(pread(fd, seen, 4, 100), 4);
		assert_memory_equal(seen, "late", 4);
		close(fd);
	}
	/* Attached, so that the kernel keeps it: listed by its id until the last detach. */
	shm_make("0x1234,size=4K", 0600);
	int id = shmget(KEY, 0, 0);
	char *attached = shmat(id, NULL, 0), number[16];
	struct stat st;

	assert_ptr_not_equal(attached, (void *)-1);
	strcpy(attached, "attached");
	shm_remove("0x1234");
	assert_int_equal(stat(shm_path("0x1234", ""), &st), -1);
	snprintf(number, sizeof(number), "%d", id);
	assert_int_equal(get_number(shm_path(number, "dest")), 1);
	int fd = shm_open_data(number, O_RDONLY);
	holds(fd, "attached");
	shmdt(attached);
	assert_int_equal(stat(shm_path(number, ""), &st), -1);
	assert_int_equal(errno, ENOENT);
	holds(fd, "attached");
	close(fd);
}

/* Makes an object of that name with that text, in one way or another. */
static void make_anew(const char *object, bool by_tree, const char *text)
{
	char name[64];

	if (by_tree) {
		shm_make(object, 0600);
	} else {
		snprintf(name, sizeof(name), "/%s", object);
		close(shm_posix_create(name, 0));
	}
	assert_int_equal(put(shm_path(object, "data"), text), 0);
}

static void unmake(const char *object, bool by_tree)
{
	char name[64];

	snprintf(name, sizeof(name), "/%s", object);
	if (by_tree)
		shm_remove(object);
	else
		assert_return_code(shm_unlink(name), errno);
}

/* The path is the new object's, the handle that was open the old one's. */
static void test_made_anew(void **state)
{
	for (int way = 0; way < 8; way++) {
		char text[16];
		int old, young;
		struct stat first, second;

		make_anew("again", way & 1, "old");
		old = shm_open_data("again", O_RDWR);
		unmake("again", way & 2);
		make_anew("again", way & 4, "young");
		young = shm_open_data("again", O_RDWR);
		holds(old, "old");
		holds(young, "young");
		assert_int_equal(pwrite(old, "OLD", 3, 0), 3);
		assert_int_equal(get(shm_path("again", "data"), text, sizeof(text)), 5);
		assert_string_equal(text, "young");
		assert_return_code(ftruncate(old, 1000), errno);
		assert_return_code(fstat(old, &first), errno);
		assert_return_code(fstat(young, &second), errno);
		assert_int_equal(first.st_size, 1000);
		assert_int_equal(second.st_size, 5);
		if (shm_maps()) {
			char *memory = shm_map("again", PAGE);

			assert_string_equal(memory, "young");
			munmap(memory, PAGE);
			memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, old, 0);
			assert_ptr_not_equal(memory, MAP_FAILED);
			assert_string_equal(memory, "OLD");
			munmap(memory, PAGE);
		}
		close(old);
		close(young);
		shm_remove("again");
	}
}

static void test_rename(void **state)
{
	char text[64];
	int over;
	struct stat st;

	make_anew("from", true, "from");
	make_anew("over", true, "over");
	over = shm_open_data("over", O_RDWR);
	assert_int_equal(renameat2(AT_FDCWD, shm_path("from", ""), AT_FDCWD, shm_path("over", ""),
				   RENAME_NOREPLACE),
			 -1);
	assert_int_equal(errno, EEXIST);
	assert_return_code(rename(shm_path("from", ""), shm_path("over", "")), errno);
	assert_int_equal(stat("/dev/shm/from", &st), -1);
	assert_int_equal(stat(shm_path("from", ""), &st), -1);
	holds(over, "over");
	assert_int_equal(get(shm_path("over", "data"), text, sizeof(text)), 4);
	assert_string_equal(text, "from");
	assert_int_equal(get("/dev/shm/over", text, sizeof(text)), 4);
	assert_string_equal(text, "from");
	close(over);

	/* A handle follows its object, not the name; exchanged, each has the other's. */
	make_anew("other", true, "other");
	over = shm_open_data("over", O_RDWR);
	assert_return_code(renameat2(AT_FDCWD, shm_path("over", ""), AT_FDCWD,
				     shm_path("other", ""), RENAME_EXCHANGE),
			   errno);
	holds(over, "from");
	assert_int_equal(get(shm_path("other", "data"), text, sizeof(text)), 4);
	assert_int_equal(get(shm_path("over", "data"), text, sizeof(text)), 5);
	close(over);

	/* What is no POSIX object of shm/ is no new name, and System V has no names to change. */
	shm_make("0x1234,size=4K", 0600);
	assert_int_equal(rename(shm_path("0x1234", ""), shm_path("x", "")), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rename(shm_path("over", ""), shm_path("0x77", "")), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rename(shm_path("over", ""), MOUNT "/sem/over"), -1);
	assert_true(errno == EPERM || errno == EXDEV);
	shm_remove("0x1234");
	shm_remove("over");
	shm_remove("other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns_with_shmat),
		cmocka_unit_test(test_turns_with_shm_open),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_private_mapping),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_mapping_grows),
		cmocka_unit_test(test_removed_under_a_handle),
		cmocka_unit_test(test_made_anew),
		cmocka_unit_test(test_rename),
	};

	fixture_isolate();
	return shm_run_both_ways("shm", tests);
}
