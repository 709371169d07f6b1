/*
 * test_fixture.c - a daemon that ends badly fails the test program, also where nothing but the
 * teardown of a group sees it: that is how a sanitizer tells what it found in the daemon.
 */
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing(void **state)
{
}

static void kill_daemon(void **state)
{
	kill(fixture_daemon(), SIGKILL);
}

/* The exit status of a program with that one test. */
static int status_of(const struct CMUnitTest *test)
{
	const struct CMUnitTest tests[] = {*test};
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		exit(cmocka_run_group_tests(tests, fixture_mount, fixture_unmount));
	return reap(pid);
}

static void test_daemon_that_ends_well(void **state)
{
	assert_int_equal(status_of(&(struct CMUnitTest)cmocka_unit_test(nothing)), 0);
}

static void test_daemon_that_dies(void **state)
{
	assert_int_equal(status_of(&(struct CMUnitTest)cmocka_unit_test(kill_daemon)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_daemon_that_ends_well),
		cmocka_unit_test(test_daemon_that_dies),
	};

	fixture_isolate();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
