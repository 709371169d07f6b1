/*
 * test_locks.c - flock and record locks: who excludes whom is the kernel's to say, so every case is
 * held against a second way to lock the same file.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "locks.h"

static int file;
static struct locks *locks;
static struct call call;

static int setup(void **state)
{
	file = memfd_create("locked", MFD_CLOEXEC);
	locks = locks_new(file);
	return file < 0 || !locks;
}

static int teardown(void **state)
{
	locks_free(locks);
	close(file);
	return 0;
}

static struct lock_wish wish_of(struct locks *of, uint64_t owner, short type, off_t start,
				off_t length)
{
	struct lock_wish wish = {
		.record = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length},
	};

	assert_int_equal(locks_own(&call, of, owner, owner, (pid_t)owner * 10, &wish), 0);
	return wish;
}

static int lock_record(uint64_t owner, short type, off_t start, off_t length)
{
	struct lock_wish wish = wish_of(locks, owner, type, start, length);
	int result = locks_attempt(&wish, false);

	locks_done(&wish);
	return result;
}

/* What somebody else, who opened the file by its own name, may lock. */
static int other_record(short type, off_t start, off_t length)
{
	struct flock record = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
	char path[32];
	int fd, result;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	result = fcntl(fd, F_OFD_SETLK, &record) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static void record_locks_exclude_by_owner(void **state)
{
	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	assert_int_equal(lock_record(2, F_WRLCK, 5, 1), -EAGAIN);
	assert_int_equal(lock_record(2, F_RDLCK, 5, 1), -EAGAIN);
	assert_int_equal(lock_record(2, F_WRLCK, 10, 1), 0);
	assert_int_equal(lock_record(1, F_RDLCK, 0, 10), 0); /* its own lock, changed */
	assert_int_equal(lock_record(2, F_RDLCK, 5, 1), 0);
	assert_int_equal(lock_record(1, F_UNLCK, 0, 5), 0);
	assert_int_equal(lock_record(2, F_WRLCK, 0, 5), 0);
}

static void record_locks_hold_against_others(void **state)
{
	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	assert_int_equal(other_record(F_WRLCK, 9, 1), -EAGAIN);
	assert_int_equal(other_record(F_WRLCK, 10, 1), 0);
}

static void a_close_drops_the_owners_locks_only(void **state)
{
	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	assert_int_equal(lock_record(2, F_WRLCK, 20, 10), 0);
	locks_drop(locks, 1);
	assert_int_equal(other_record(F_WRLCK, 0, 10), 0);
	assert_int_equal(other_record(F_WRLCK, 20, 10), -EAGAIN);
	locks_drop(locks, 3); /* never locked anything */
}

static void a_close_during_a_wish_drops_the_locks_too(void **state)
{
	struct lock_wish under_way;

	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	under_way = wish_of(locks, 1, F_WRLCK, 50, 1);
	locks_drop(locks, 1);
	assert_int_equal(other_record(F_WRLCK, 0, 10), 0);
	assert_int_equal(locks_attempt(&under_way, false), 0);
	locks_done(&under_way);
	assert_int_equal(other_record(F_WRLCK, 50, 1), -EAGAIN);
	locks_drop(locks, 1);
	assert_int_equal(other_record(F_WRLCK, 50, 1), 0);
}

static void a_handle_takes_its_owners_along(void **state)
{
	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	assert_int_equal(lock_record(2, F_WRLCK, 20, 10), 0);
	locks_leave(locks, 1); /* by which only the first has locked */
	assert_int_equal(other_record(F_WRLCK, 0, 10), 0);
	assert_int_equal(other_record(F_WRLCK, 20, 10), -EAGAIN);
	locks_leave(locks, 2);
	assert_int_equal(other_record(F_WRLCK, 20, 10), 0);
}

static void a_test_names_the_holder(void **state)
{
	struct lock_wish wish;

	assert_int_equal(lock_record(1, F_WRLCK, 0, 10), 0);
	assert_int_equal(lock_record(2, F_RDLCK, 20, 10), 0);
	wish = wish_of(locks, 3, F_WRLCK, 25, 1);
	assert_int_equal(locks_test(locks, &wish), 0);
	locks_done(&wish);
	assert_int_equal(wish.record.l_type, F_RDLCK);
	assert_int_equal(wish.record.l_pid, 20);
	assert_int_equal(wish.record.l_start, 20);
	assert_int_equal(wish.record.l_len, 10);
	wish = wish_of(locks, 3, F_WRLCK, 100, 1);
	assert_int_equal(locks_test(locks, &wish), 0);
	locks_done(&wish);
	assert_int_equal(wish.record.l_type, F_UNLCK);
}

/* Who stands in the way of all of @start. */
static struct flock found_at(off_t start)
{
	struct lock_wish wish = wish_of(locks, 1, F_WRLCK, start, 1);

	assert_int_equal(locks_test(locks, &wish), 0);
	locks_done(&wish);
	return wish.record;
}

enum { MANY = 300 };

static void the_holder_is_found_among_many(void **state)
{
	/* Each has its own, and all have had the same one, one after the other. */
	for (uint64_t owner = 2; owner < MANY; owner++) {
		assert_int_equal(lock_record(owner, F_WRLCK, 0, 0), 0);
		assert_int_equal(lock_record(owner, F_UNLCK, 0, 0), 0);
	}
	for (uint64_t owner = 2; owner < MANY; owner++)
		assert_int_equal(lock_record(owner, F_WRLCK, (off_t)owner * 10, 5), 0);
	for (uint64_t owner = 2; owner < MANY; owner++)
		assert_int_equal(found_at((off_t)owner * 10 + 4).l_pid, owner * 10);
	assert_int_equal(found_at(15).l_type, F_UNLCK);
}

static void a_holder_among_many_that_share_is_not(void **state)
{
	for (uint64_t owner = 2; owner < MANY; owner++)
		assert_int_equal(lock_record(owner, F_RDLCK, 0, 10), 0);
	assert_int_equal(found_at(0).l_type, F_RDLCK);
	assert_int_equal(found_at(0).l_len, 10);
	assert_int_equal(found_at(0).l_pid, -1);
	for (uint64_t owner = 2; owner < MANY - 1; owner++)
		locks_drop(locks, owner);
	assert_int_equal(found_at(0).l_pid, (MANY - 1) * 10);
}

/* Those who lock, look and close at once: nothing is left, and none finds itself in its way. */
enum { THREADS = 4, ROUNDS = 3000 };

static void *lock_and_look(void *argument)
{
	uint64_t owner = *(uint64_t *)argument;
	off_t start = (off_t)(owner % 2) * 10;
	size_t failed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct lock_wish wish = {.record = {.l_type = i % 2 ? F_RDLCK : F_WRLCK,
						    .l_whence = SEEK_SET,
						    .l_start = start,
						    .l_len = 10}};

		failed += locks_own(&call, locks, owner, owner, 1, &wish) != 0;
		failed += locks_attempt(&wish, false) != 0;
		locks_done(&wish);
		wish.record.l_start = 10 - start;
		failed += locks_own(&call, locks, owner, owner, 1, &wish) != 0;
		failed += locks_test(locks, &wish) != 0;
		locks_done(&wish);
		if (i % 3 == 0)
			locks_drop(locks, owner);
	}
	return (void *)failed;
}

static void many_at_once(void **state)
{
	/* Two threads of each of two processes. */
	uint64_t owners[THREADS] = {1, 2, 1, 2};
	pthread_t threads[THREADS];
	void *failed;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_and_look, &owners[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	locks_drop(locks, 1);
	locks_drop(locks, 2);
	assert_int_equal(other_record(F_WRLCK, 0, 0), 0);
}

static int flock_description(struct locks *of)
{
	struct quota_share share = quota_share(QUOTA_LOCKS, 0);
	int fd = -1, again;

	again = locks_open(&call, of, &share, &fd);
	assert_int_equal(again, fd);
	assert_int_equal(locks_open(&call, of, &share, &fd), again);
	assert_int_equal(share.amount, 1);
	quota_drop(&share);
	return fd;
}

static void flocks_exclude_by_handle(void **state)
{
	struct lock_wish one = {.whole = true, .operation = LOCK_EX};
	struct lock_wish other = {.whole = true, .operation = LOCK_SH};

	one.fd = flock_description(locks);
	other.fd = flock_description(locks);
	assert_true(one.fd >= 0 && other.fd >= 0);
	assert_int_equal(locks_attempt(&one, false), 0);
	assert_int_equal(locks_attempt(&other, false), -EAGAIN);
	assert_int_equal(flock(file, LOCK_SH | LOCK_NB), -1);
	close(one.fd);
	assert_int_equal(locks_attempt(&other, false), 0);
	close(other.fd);
}

static void memory_that_is_no_file_can_be_locked(void **state)
{
	struct locks *unnamed = locks_new(-1);
	struct lock_wish one = {.whole = true, .operation = LOCK_EX}, other = one;
	struct lock_wish record, against;

	assert_non_null(unnamed);
	one.fd = flock_description(unnamed);
	other.fd = flock_description(unnamed);
	assert_int_equal(locks_attempt(&one, false), 0);
	assert_int_equal(locks_attempt(&other, false), -EAGAIN);
	record = wish_of(unnamed, 1, F_WRLCK, 0, 0);
	against = wish_of(unnamed, 2, F_RDLCK, 7, 1);
	assert_int_equal(locks_attempt(&record, false), 0);
	assert_int_equal(locks_attempt(&against, false), -EAGAIN);
	close(one.fd);
	close(other.fd);
	locks_free(unnamed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(record_locks_exclude_by_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(record_locks_hold_against_others, setup, teardown),
		cmocka_unit_test_setup_teardown(a_close_drops_the_owners_locks_only, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_close_during_a_wish_drops_the_locks_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_handle_takes_its_owners_along, setup, teardown),
		cmocka_unit_test_setup_teardown(a_test_names_the_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(the_holder_is_found_among_many, setup, teardown),
		cmocka_unit_test_setup_teardown(a_holder_among_many_that_share_is_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(flocks_exclude_by_handle, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_that_is_no_file_can_be_locked, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
