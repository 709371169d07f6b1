/*
 * test_spin.c - when it is looked for the next request before sleeping, and when not.
 *
 * Nothing can be read, so a look goes on until its time is over: for ever by a clock that is to
 * come, if there is one at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "common/clock.h"
#include "spin.h"

enum { MICROSECOND = 1000, HOUR = 3600 };

static int ends[2];

static void require_asleep(void)
{
	spin(ends[0], clock_now() + HOUR * INT64_C(1000000000));
}

static void require_awake(void)
{
	int64_t before = clock_now();

	spin(ends[0], before);
	assert_true(clock_now() - before >= 300 * MICROSECOND);
}

static void learn(int count, int64_t waited)
{
	for (int i = 0; i < count; i++)
		spin_learn(waited);
}

static void *where_it_pays(void *unused)
{
	require_asleep();
	learn(7, 60 * MICROSECOND);
	require_asleep();
	learn(1, 60 * MICROSECOND);
	require_awake();
	/* It has been worth it, so that it is longer the next time. */
	learn(31, 20 * MICROSECOND);
	require_awake();
	learn(1, 20 * MICROSECOND);
	require_asleep();
	learn(8, 60 * MICROSECOND);
	learn(63, 20 * MICROSECOND);
	require_awake();
	learn(1, 20 * MICROSECOND);
	require_asleep();
	/* One that was held up does not hide what the others say. */
	learn(7, 60 * MICROSECOND);
	learn(1, 900 * MICROSECOND);
	learn(1, 900 * MICROSECOND);
	learn(127, 20 * MICROSECOND);
	require_asleep();
	learn(8, 60 * MICROSECOND);
	learn(255, 20 * MICROSECOND);
	require_awake();
	/* Then nobody asks for long. */
	learn(1, 5000 * MICROSECOND);
	require_asleep();
	learn(7, 60 * MICROSECOND);
	require_asleep();
	learn(1, 60 * MICROSECOND);
	require_awake();
	return unused;
}

static void *where_it_does_not(void *unused)
{
	/* Who asks waits as long itself. */
	for (int asleep = 8; asleep <= 8192; asleep *= 2) {
		learn(asleep - 1, 90 * MICROSECOND);
		require_asleep();
		learn(1, 90 * MICROSECOND);
		require_awake();
		learn(32, 80 * MICROSECOND);
	}
	learn(8191, 90 * MICROSECOND);
	require_asleep();
	learn(1, 90 * MICROSECOND);
	require_awake();
	return unused;
}

static void *where_waking_is_cheap(void *unused)
{
	learn(10000, 10 * MICROSECOND);
	require_asleep();
	return unused;
}

/* Each thread has learnt nothing yet. */
static void on_thread(void *(*run)(void *))
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_pays(void **state)
{
	on_thread(where_it_pays);
}

static void test_does_not_pay(void **state)
{
	on_thread(where_it_does_not);
}

static void test_cheap(void **state)
{
	on_thread(where_waking_is_cheap);
}

/* What can be read is not looked for twice. */
static void test_readable(void **state)
{
	char byte = 'x';

	learn(8, 60 * MICROSECOND);
	require_awake();
	assert_int_equal(write(ends[1], &byte, 1), 1);
	require_asleep();
	assert_int_equal(read(ends[0], &byte, 1), 1);
	require_awake();
}

static void test_one_processor(void **state)
{
	spin_learn(5000 * MICROSECOND);
	spin_setup(1);
	learn(10000, 60 * MICROSECOND);
	require_asleep();
}

static int setup(void **state)
{
	spin_setup(2);
	return pipe(ends);
}

static int teardown(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pays),          cmocka_unit_test(test_does_not_pay),
		cmocka_unit_test(test_cheap),         cmocka_unit_test(test_readable),
		cmocka_unit_test(test_one_processor),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
