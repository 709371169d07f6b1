/*
 * test_locks.c - flock and record locks: who excludes whom is the kernel's to say, so every case is
 * held against a second way to lock the same file.
 */
#include <errno.h>
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

static void flocks_exclude_by_handle(void **state)
{
	struct lock_wish one = {.whole = true, .operation = LOCK_EX};
	struct lock_wish other = {.whole = true, .operation = LOCK_SH};

	one.fd = locks_open(locks);
	other.fd = locks_open(locks);
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
	one.fd = locks_open(unnamed);
	other.fd = locks_open(unnamed);
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
		cmocka_unit_test_setup_teardown(flocks_exclude_by_handle, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_that_is_no_file_can_be_locked, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
