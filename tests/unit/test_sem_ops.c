/*
 * test_sem_ops.c - operation lists: what is read, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sem/sem_ops.h"

/* The list as text again, each operation as NUM:DELTA with its flags, or the errno. */
static const char *ops_text(const char *text, size_t size, unsigned short part, bool fixed)
{
	static char written[512];
	struct call call = {0};
	struct sem_ops ops;
	int result = sem_ops_read(&call, text, size, part, fixed, &ops);
	size_t length = 0;

	if (result < 0) {
		assert_true(call.reason[0] != '\0');
		return strerrorname_np(-result);
	}
	for (size_t i = 0; i < ops.count; i++)
		length +=
			(size_t)snprintf(written + length, sizeof(written) - length, "%s%u:%d%s%s",
					 i ? " " : "", ops.list[i].sem_num, ops.list[i].sem_op,
					 ops.list[i].sem_flg & IPC_NOWAIT ? "n" : "",
					 ops.list[i].sem_flg & SEM_UNDO ? "u" : "");
	sem_ops_free(&ops);
	return written;
}

#define assert_ops(text, expected) \
	assert_string_equal(ops_text(text, strlen(text), 0, false), expected)

static void test_reads(void **state)
{
	assert_ops("P", "0:-1");
	assert_ops("P\n", "0:-1");
	assert_ops("V", "0:1");
	assert_ops("0", "0:0");
	assert_ops("+5", "0:5");
	assert_ops("-5", "0:-5");
	assert_ops("Pn", "0:-1n");
	assert_ops("Pu", "0:-1u");
	assert_ops("Pnu", "0:-1nu");
	assert_ops("Pun", "0:-1nu");
	assert_ops("0n", "0:0n");
	assert_ops("3:P", "3:-1");
	assert_ops("0:0", "0:0");
	assert_ops("0:-1 1:+1\n", "0:-1 1:1");
	assert_ops("0:-1,1:+1", "0:-1 1:1");
	assert_ops("  P ,  V  0 ", "0:-1 0:1 0:0");
	assert_ops("65535:+32767", "65535:32767");
	assert_ops("-32768", "0:-32768");
	assert_ops("007:+007", "7:7");
	assert_ops("P,V,P,V,P,V,P,V,P,V", "0:-1 0:1 0:-1 0:1 0:-1 0:1 0:-1 0:1 0:-1 0:1");
}

static void test_refuses(void **state)
{
	static const char *const wrong[] = {
		"",      "\n",    " ",     ",",     "P,",   ",P",   "P,,V", "p",    "PP",
		"1",     "5",     "+",     "-",     "+-1",  "+0",   "-0",   "Pnn",  "Puu",
		"Pnun",  "Px",    "P\n\n", "P\nV",  "P\tV", "1:",   ":P",   "-1:P", "+1:P",
		"1:2:P", "0x1:P", "1 :P",  "P V W", "--1",  "+1.5", "un",   "1:1",  "00 1",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (strcmp(ops_text(wrong[i], strlen(wrong[i]), 0, false), "EINVAL") != 0)
			fail_msg("'%s' is read as %s", wrong[i],
				 ops_text(wrong[i], strlen(wrong[i]), 0, false));
	assert_string_equal(ops_text("P\0", 2, 0, false), "EINVAL");
	assert_string_equal(ops_text("P\xff", 2, 0, false), "EINVAL");
	assert_ops("+32768", "ERANGE");
	assert_ops("-32769", "ERANGE");
	assert_ops("-99999999999999999999999999", "ERANGE");
	assert_ops("65536:P", "EFBIG");
	assert_ops("99999999999999999999999:P", "EFBIG");
}

static void test_part(void **state)
{
	assert_string_equal(ops_text("P", 1, 2, false), "2:-1");
	assert_string_equal(ops_text("P 1:V", 5, 2, false), "2:-1 1:1");
	assert_string_equal(ops_text("P", 1, 2, true), "2:-1");
	assert_string_equal(ops_text("2:P", 3, 2, true), "2:-1");
	assert_string_equal(ops_text("0:P", 3, 2, true), "EINVAL");
}

/* Far more operations than the kernel takes: it is the kernel that says so. */
static void test_long(void **state)
{
	size_t size = 1 << 20;
	char *text = malloc(size);
	struct sem_ops ops;

	for (size_t i = 0; i < size; i++)
		text[i] = i % 2 ? ' ' : 'V';
	assert_int_equal(sem_ops_read(NULL, text, size, 0, false, &ops), 0);
	assert_int_equal(ops.count, size / 2);
	assert_int_equal(ops.list[size / 2 - 1].sem_op, 1);
	sem_ops_free(&ops);
	memset(text, 'V', size);
	assert_int_equal(sem_ops_read(NULL, text, size, 0, false, &ops), -EINVAL);
	memset(text, '0', size);
	assert_int_equal(sem_ops_read(NULL, text, size, 0, false, &ops), 0);
	assert_int_equal(ops.count, 1);
	sem_ops_free(&ops);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
