/*
 * test_quota.c - what a user may have: counted, refused at the limit and not before, given back.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../return_code.h"
#include "common/quota.h"
#include "under_valgrind.h"

enum { USER = 1234, OTHER = 5678 };

static uint64_t used(uid_t uid, enum quota what)
{
	struct quota_use *uses;
	ssize_t count = quota_uses(&uses);
	uint64_t amount = 0;

	assert_true(count >= 0);
	for (ssize_t i = 0; i < count; i++)
		if (uses[i].uid == uid)
			amount = uses[i].used[what];
	free(uses);
	return amount;
}

static void assert_nobody(void)
{
	struct quota_use *uses;

	assert_int_equal(quota_uses(&uses), 0);
	free(uses);
}

static void test_at_the_limit(void **state)
{
	struct quota_share first = quota_share(QUOTA_MEMORY, USER), second = first;
	struct call call = {0};

	assert_int_equal(quota_set("memory_max", "1K"), 0);
	assert_int_equal(quota_take(&call, &first, 1000), 0);
	assert_int_equal(quota_take(&call, &second, 25), -EDQUOT);
	assert_string_equal(call.reason,
			    "memory_max is 1024 for each user: uid 1234 has 1000 bytes kept for "
			    "what is open and what waits, this takes 25 more");
	assert_int_equal(second.amount, 0);
	assert_int_equal(quota_take(&call, &second, 24), 0);
	assert_int_equal(used(USER, QUOTA_MEMORY), 1024);
	assert_int_equal(quota_take(NULL, &second, 1), -EDQUOT);
	/* Nothing is always there, and what would overflow never. */
	assert_int_equal(quota_take(NULL, &second, 0), 0);
	assert_int_equal(quota_take(NULL, &second, UINT64_MAX), -EDQUOT);
	quota_give(&first, 1);
	assert_int_equal(quota_take(NULL, &second, 1), 0);
	quota_drop(&first);
	quota_drop(&second);
	quota_drop(&second);
	assert_nobody();
}

static void test_each_its_own(void **state)
{
	struct quota_share user = quota_share(QUOTA_HOLDS, USER);
	struct quota_share other = quota_share(QUOTA_HOLDS, OTHER);
	struct quota_share another = quota_share(QUOTA_EVENTS, USER);

	assert_int_equal(quota_set("holds_max", "2"), 0);
	assert_int_equal(quota_take(NULL, &user, 2), 0);
	assert_int_equal(quota_take(NULL, &user, 1), -EDQUOT);
	assert_int_equal(quota_take(NULL, &other, 2), 0);
	assert_int_equal(quota_take(NULL, &another, 1), 0);
	quota_drop(&user);
	assert_int_equal(used(OTHER, QUOTA_HOLDS), 2);
	assert_int_equal(used(USER, QUOTA_EVENTS), 1);
	quota_drop(&other);
	quota_drop(&another);
	assert_nobody();
}

/* Root runs the daemon, and is counted without a limit. */
static void test_own_user(void **state)
{
	struct quota_share share = quota_share(QUOTA_HOLDS, geteuid());

	assert_int_equal(quota_set("holds_max", "2"), 0);
	assert_int_equal(quota_take(NULL, &share, 1000), 0);
	assert_int_equal(used(geteuid(), QUOTA_HOLDS), 1000);
	quota_drop(&share);
	assert_nobody();
}

static void test_resize(void **state)
{
	struct quota_share share = quota_share(QUOTA_MEMORY, USER);

	assert_int_equal(quota_set("memory_max", "100"), 0);
	assert_int_equal(quota_resize(NULL, &share, 100), 0);
	assert_int_equal(quota_resize(NULL, &share, 101), -EDQUOT);
	assert_int_equal(share.amount, 100);
	assert_int_equal(quota_resize(NULL, &share, 40), 0);
	assert_int_equal(used(USER, QUOTA_MEMORY), 40);
	assert_int_equal(quota_resize(NULL, &share, 0), 0);
	assert_nobody();
}

static void test_options(void **state)
{
	assert_int_equal(quota_set("handles_max", "4K"), 0);
	assert_int_equal(quota_limit(QUOTA_HANDLES).most, 4096);
	assert_int_equal(quota_set("handles", "4"), -ENOENT);
	assert_int_equal(quota_set("handles_max", "0"), -EINVAL);
	assert_int_equal(quota_set("handles_max", "-1"), -EINVAL);
	assert_int_equal(quota_set("handles_max", "4k"), -EINVAL);
	assert_int_equal(quota_set("handles_max", ""), -EINVAL);
	assert_int_equal(quota_limit(QUOTA_HANDLES).most, 4096);
}

static void find_highest(void *context, const char *name, const char *unit, uint64_t limit,
			 int64_t used)
{
	if (!strcmp(name, "pipes_max"))
		*(int64_t *)context = used;
}

/* What an alarm wants to know: how near to the limit is who is nearest. */
static void test_highest(void **state)
{
	struct quota_share user = quota_share(QUOTA_PIPES, USER);
	struct quota_share other = quota_share(QUOTA_PIPES, OTHER);
	struct quota_share own = quota_share(QUOTA_PIPES, geteuid());
	int64_t highest = -1;

	assert_int_equal(quota_take(NULL, &user, 3), 0);
	assert_int_equal(quota_take(NULL, &other, 5), 0);
	assert_int_equal(quota_take(NULL, &own, 9), 0);
	quota_limits(find_highest, &highest);
	assert_int_equal(highest, 5);
	quota_drop(&user);
	quota_drop(&other);
	quota_drop(&own);
	assert_nobody();
}

enum { THREADS = 4, TURNS = 20000, MOST = 3 };

/* Never more than the limit at a time, whoever comes at the same moment. */
static void *take_and_give(void *refused)
{
	for (int i = 0; i < TURNS; i++) {
		struct quota_share share = quota_share(QUOTA_LOCKS, USER);

		if (quota_take(NULL, &share, 1) == -EDQUOT)
			++*(unsigned *)refused;
		else if (used(USER, QUOTA_LOCKS) > MOST)
			abort();
		quota_drop(&share);
	}
	return NULL;
}

static void test_at_once(void **state)
{
	pthread_t threads[THREADS];
	unsigned refused[THREADS] = {0};

	assert_int_equal(quota_set("locks_max", "3"), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &refused[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_nobody();
}

/* All that one user may have leaves others half of a daemon that may have little open. */
static void test_by_descriptors(void **state)
{
	struct rlimit files = {1024, 4096};
	uint64_t together;

	skip_under_valgrind("lets nobody change the hard limit of descriptors");
	assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
	assert_int_equal(quota_set("handles_max", "65536"), 0);
	assert_int_equal(quota_set("waiting_max", "1"), 0);
	quota_setup();
	assert_int_equal(quota_limit(QUOTA_HANDLES).most, 1024 / 12);
	assert_int_equal(quota_limit(QUOTA_WAITING).most, 1);
	together = 3 * quota_limit(QUOTA_HANDLES).most + 3 * quota_limit(QUOTA_SOCKETS).most +
		   quota_limit(QUOTA_PIPES).most + quota_limit(QUOTA_LOCKS).most +
		   quota_limit(QUOTA_CLOSING).most + 2 * quota_limit(QUOTA_LOOKUPS).most;
	assert_true(together < 1024 / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_the_limit), cmocka_unit_test(test_each_its_own),
		cmocka_unit_test(test_own_user),     cmocka_unit_test(test_resize),
		cmocka_unit_test(test_options),      cmocka_unit_test(test_highest),
		cmocka_unit_test(test_at_once),      cmocka_unit_test(test_by_descriptors),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
