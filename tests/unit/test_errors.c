/*
 * test_errors.c - the log of refusals: private, bounded, one line each whatever the names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "errors.h"

static char *printed(uid_t uid)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(errors_print(uid, out), 0);
	fclose(out);
	return text;
}

static unsigned lines_of(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void test_line(void **state)
{
	char *text, command[32], expected[256];
	FILE *file = fopen("/proc/self/comm", "r");

	assert_non_null(fgets(command, sizeof(command), file));
	fclose(file);
	command[strcspn(command, "\n")] = '\0';
	errors_record(1, getpid(), "mkdir", "mq/two words\n", EMFILE, "a reason\nin words");
	text = printed(1);
	snprintf(expected, sizeof(expected),
		 " %d %s mq/two\\040words\\012 mkdir EMFILE: a reason?in words\n", (int)getpid(),
		 command);
	assert_non_null(strstr(text, expected));
	assert_int_equal(lines_of(text), 1);
	free(text);
	errors_record(1, getpid(), "open", "sem/x", EACCES, "");
	text = printed(1);
	assert_non_null(strstr(text, "sem/x open EACCES: Permission denied\n"));
	free(text);
}

static void test_rings(void **state)
{
	char path[32], *text;

	for (int i = 0; i < 250; i++) {
		snprintf(path, sizeof(path), "mq/%d", i);
		errors_record(100, 1, "open", path, EACCES, "");
	}
	errors_record(101, 1, "open", "mq/other", EACCES, "");
	text = printed(100);
	assert_int_equal(lines_of(text), 100);
	assert_null(strstr(text, "mq/149 "));
	assert_non_null(strstr(text, "mq/150 "));
	assert_null(strstr(text, "other"));
	assert_true(strstr(text, "mq/150 ") < strstr(text, "mq/249 "));
	free(text);
	text = printed(101);
	assert_int_equal(lines_of(text), 1);
	free(text);
	/* Root sees all, the last hundred of them. */
	text = printed(0);
	assert_int_equal(lines_of(text), 100);
	assert_non_null(strstr(text, "other"));
	assert_null(strstr(text, "mq/150 "));
	free(text);
}

/* Many users push out the users that had no refusal for longest, and no more memory is used. */
static void test_users_are_bounded(void **state)
{
	char *text;

	for (uid_t uid = 1000; uid < 3000; uid++)
		errors_record(uid, 1, "open", "mq/x", EACCES, "");
	text = printed(1000);
	assert_string_equal(text, "");
	free(text);
	text = printed(2999);
	assert_int_equal(lines_of(text), 1);
	free(text);
}

/* A long name is cut, the line remains one, and says why. */
static void test_long_names(void **state)
{
	char path[4096], reason[256], *text;

	memset(path, '\x01', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	errors_record(5000, 1, "open", path, ENAMETOOLONG, reason);
	text = printed(5000);
	assert_int_equal(lines_of(text), 1);
	assert_non_null(strstr(text, "\\001... open ENAMETOOLONG: rrr"));
	assert_non_null(strstr(text, reason));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_users_are_bounded),
		cmocka_unit_test(test_long_names),
	};

	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
