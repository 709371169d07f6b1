/*
 * test_names - the grammar of object names, attributes and numbers.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/names.h"

static void key_is(const char *text, int32_t key)
{
	struct object_name name;

	assert_int_equal(object_name_read(NULL, text, false, &name), 0);
	assert_int_equal(name.family, FAMILY_KEY);
	assert_int_equal(name.key, key);
}

static void id_is(const char *text, int32_t id)
{
	struct object_name name;

	assert_int_equal(object_name_read(NULL, text, false, &name), 0);
	assert_int_equal(name.family, FAMILY_ID);
	assert_int_equal(name.id, id);
}

static void posix_is(const char *text, bool whole, const char *posix, const char *attributes)
{
	struct object_name name;

	assert_int_equal(object_name_read(NULL, text, whole, &name), 0);
	assert_int_equal(name.family, FAMILY_POSIX);
	assert_string_equal(name.posix, posix);
	if (!attributes) {
		assert_null(name.attributes);
		return;
	}
	assert_non_null(name.attributes);
	assert_string_equal(name.attributes, attributes);
	/* It points into what was read, so the caller need not keep a copy. */
	assert_ptr_equal(name.attributes, text + strlen(text) - strlen(attributes));
}

/* Refused with this error, and the reason has this in it. */
static void refused(const char *text, bool whole, int error, const char *reason)
{
	struct call call = {.reason = ""};
	struct object_name name;

	assert_int_equal(object_name_read(&call, text, whole, &name), -error);
	if (!strstr(call.reason, reason))
		fail_msg("'%s' is refused with: %s", text, call.reason);
}

static void test_keys(void **state)
{
	key_is("0x1", 1);
	key_is("0x4d2", 1234);
	key_is("0x4D2", 1234);
	key_is("0X4d2", 1234);
	key_is("0x000004d2", 1234);
	key_is("0x00000001", 1);
	key_is("0x7fffffff", INT32_MAX);
	key_is("0x80000000", INT32_MIN);
	key_is("0xffffffff", -1);
	key_is("0xFFFFfffe", -2);
	key_is("0x4d2,nsems=3", 1234);
}

static void test_keys_refused(void **state)
{
	refused("0x0", false, EINVAL, "IPC_PRIVATE");
	refused("0x00000000", false, EINVAL, "IPC_PRIVATE");
	refused("0x0,qbytes=1", false, EINVAL, "IPC_PRIVATE");
	refused("0x100000000", false, EINVAL, "has 9");
	refused("0x000000001", false, EINVAL, "has 9");
	refused("0x000000000", false, EINVAL, "has 9");
	refused("0x4d2,nsems=3", true, EINVAL, "posix:");
}

static void test_ids(void **state)
{
	id_is("0", 0);
	id_is("7", 7);
	id_is("007", 7);
	id_is("32768", 32768);
	id_is("2147483647", INT32_MAX);
	id_is("00000000002147483647", INT32_MAX);
	id_is("12,nsems=2", 12);
	refused("2147483648", false, EINVAL, "2147483647");
	refused("4294967296", false, EINVAL, "posix:4294967296");
	/* One that would come round to a valid number in 64 bits. */
	refused("18446744073709551617", false, EINVAL, "2147483647");
	refused("99999999999999999999999999999999999999999999999999", false, EINVAL, "2147483647");
}

static void test_posix_names(void **state)
{
	posix_is("jobs", false, "jobs", NULL);
	posix_is("jobs", true, "jobs", NULL);
	posix_is("jobs,maxmsg=10,msgsize=256", false, "jobs", "maxmsg=10,msgsize=256");
	posix_is("jobs,", false, "jobs", "");
	posix_is("posix:jobs", false, "jobs", NULL);
	posix_is("posix:0x4d2", false, "0x4d2", NULL);
	posix_is("posix:0x0", false, "0x0", NULL);
	posix_is("posix:123456789012", false, "123456789012", NULL);
	posix_is("posix:status", false, "status", NULL);
	posix_is("posix:posix:", false, "posix:", NULL);
	posix_is("posix:a,value=3", false, "a", "value=3");
	posix_is("posix:a,value=3", true, "a,value=3", NULL);
	posix_is("posix:,", true, ",", NULL);
}

static void test_near_keys_and_ids_are_posix(void **state)
{
	static const char *const names[] = {
		"0x",  "0xZZ", "0x4d2z",     "0x 1",  "0x-1",   "x1",      "00x1", "-1",
		"+1",  "1a",   "1.5",        " 1",    "1 ",     "...",     ".a",   "a.",
		"a b", "\xff", "line\nline", "posix", "posix;", "Posix:a",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		posix_is(names[i], true, names[i], NULL);
}

static void test_posix_names_refused(void **state)
{
	refused("", false, EINVAL, "empty");
	refused(",maxmsg=1", false, EINVAL, "empty");
	refused("posix:", false, EINVAL, "empty");
	refused("posix:,maxmsg=1", false, EINVAL, "empty");
	refused(".", false, EINVAL, "directories");
	refused("..", false, EINVAL, "directories");
	refused("posix:..", false, EINVAL, "directories");
	refused("a/b", false, EINVAL, "slash");
	refused("posix:/a", false, EINVAL, "slash");
	refused("a,b", true, EINVAL, "posix:");
	/* A slash in the attributes is the attributes' affair. */
	posix_is("a,b=/", false, "a", "b=/");
}

static void test_length(void **state)
{
	char text[300];
	struct object_name name;

	memcpy(text, "posix:", 6);
	memset(text + 6, 'n', sizeof(text) - 6);
	text[6 + 255] = '\0';
	posix_is(text, false, text + 6, NULL);
	posix_is(text + 6, false, text + 6, NULL);
	text[6 + 255] = 'n';
	text[6 + 256] = '\0';
	refused(text, false, ENAMETOOLONG, "255");
	refused(text + 6, false, ENAMETOOLONG, "256 bytes");
	text[6 + 255] = ',';
	assert_int_equal(object_name_read(NULL, text, false, &name), 0);
	assert_int_equal(strlen(name.posix), 255);
	refused(text, true, ENAMETOOLONG, "255");
}

static const struct row rows[] = {
	{.name = NULL, .type = ROW_DIR},
	{.name = "status", .type = ROW_TEXT},
	{.name = "holders", .type = ROW_TEXT},
	{.type = ROW_END},
};
static const struct dir kind = {.rows = rows};

static void test_listing(void **state)
{
	static const struct {
		const char *posix, *listed;
	} cases[] = {
		{"jobs", "jobs"},
		{"status", "posix:status"},
		{"holders", "posix:holders"},
		{"Status", "Status"},
		{"status.", "status."},
		{"0x", "0x"},
		{"0x1", "posix:0x1"},
		{"0X1", "posix:0X1"},
		{"0x0", "posix:0x0"},
		{"0x123456789", "posix:0x123456789"},
		{"0xg", "0xg"},
		{"1", "posix:1"},
		{"2147483648", "posix:2147483648"},
		{"-1", "-1"},
		{"a,b", "posix:a,b"},
		{",", "posix:,"},
		{"posix:", "posix:posix:"},
		{"posix:a", "posix:posix:a"},
		{"posix", "posix"},
		{"\xc3\xa4\xff\n", "\xc3\xa4\xff\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char listed[LISTED_NAME_SIZE];
		struct object_name name;

		object_name_list_posix(&kind, cases[i].posix, listed);
		assert_string_equal(listed, cases[i].listed);
		assert_int_equal(object_name_is_ambiguous(&kind, cases[i].posix),
				 strcmp(cases[i].posix, cases[i].listed) != 0);
		/* What is listed reads as what it is. */
		assert_int_equal(object_name_read(NULL, listed, true, &name), 0);
		assert_int_equal(name.family, FAMILY_POSIX);
		assert_string_equal(name.posix, cases[i].posix);
	}
}

static void test_listing_longest(void **state)
{
	char posix[256], listed[LISTED_NAME_SIZE];

	memset(posix, ',', 255);
	posix[255] = '\0';
	object_name_list_posix(&kind, posix, listed);
	assert_int_equal(strlen(listed), 6 + 255);
	assert_string_equal(listed + 6, posix);
	/* Without rows, as in a directory that has none. */
	assert_false(object_name_is_ambiguous(&(struct dir){.rows = NULL}, "status"));
}

static void test_listing_sysv(void **state)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(1234, 5, listed);
	assert_string_equal(listed, "0x000004d2");
	object_name_list_sysv(-1, 5, listed);
	assert_string_equal(listed, "0xffffffff");
	object_name_list_sysv(0, 98304, listed);
	assert_string_equal(listed, "98304");
	object_name_list_sysv(0, 0, listed);
	assert_string_equal(listed, "0");
}

struct taken {
	char log[128];
};

static int take_maxmsg(struct call *call, const char *value, void *context)
{
	struct taken *taken = context;

	strcat(strcat(strcat(taken->log, "maxmsg:"), value), ";");
	return strcmp(value, "bad") == 0 ? refuse(call, ERANGE, "bad maxmsg") : 0;
}

static int take_value(struct call *call, const char *value, void *context)
{
	struct taken *taken = context;

	strcat(strcat(strcat(taken->log, "value:"), value), ";");
	return 0;
}

static const struct attribute attributes[] = {
	{"maxmsg", take_maxmsg},
	{"value", take_value},
	{NULL, NULL},
};

static void attributes_give(const char *text, int result, const char *log, const char *reason)
{
	struct call call = {.reason = ""};
	struct taken taken = {.log = ""};

	assert_int_equal(attributes_read(&call, text, attributes, &taken), result);
	assert_string_equal(taken.log, log);
	if (!strstr(call.reason, reason))
		fail_msg("'%s' gives the reason: %s", text, call.reason);
}

static void test_attributes(void **state)
{
	attributes_give(NULL, 0, "", "");
	attributes_give("maxmsg=5", 0, "maxmsg:5;", "");
	attributes_give("value=1:10:0,maxmsg=5", 0, "value:1:10:0;maxmsg:5;", "");
	attributes_give("maxmsg=", 0, "maxmsg:;", "");
	attributes_give("value=a=b", 0, "value:a=b;", "");
	attributes_give("maxmsg=5,maxmsg=5", -EINVAL, "maxmsg:5;", "maxmsg= is given twice");
	attributes_give("size=5", -EINVAL, "", "unknown attribute 'size='; known: maxmsg=, value=");
	attributes_give("max=5", -EINVAL, "", "unknown");
	attributes_give("maxmsgs=5", -EINVAL, "", "unknown");
	attributes_give("Maxmsg=5", -EINVAL, "", "unknown");
	attributes_give("=5", -EINVAL, "", "unknown");
	attributes_give("maxmsg", -EINVAL, "", "NAME=VALUE");
	attributes_give("", -EINVAL, "", "NAME=VALUE");
	attributes_give("maxmsg=5,", -EINVAL, "maxmsg:5;", "NAME=VALUE");
	attributes_give("maxmsg=5,,value=1", -EINVAL, "maxmsg:5;", "NAME=VALUE");
	/* What a kind says of a value is passed on, and ends the reading. */
	attributes_give("maxmsg=bad,value=1", -ERANGE, "maxmsg:bad;", "bad maxmsg");
}

static void test_attributes_of_none(void **state)
{
	static const struct attribute none[] = {{NULL, NULL}};
	struct call call = {.reason = ""};

	assert_int_equal(attributes_read(&call, "a=1", none, NULL), -EINVAL);
	assert_non_null(strstr(call.reason, "known: none"));
}

static void number_is(const char *text, int64_t lowest, int64_t highest, int64_t expected)
{
	int64_t value = 12345;

	assert_int_equal(number_read(NULL, "value", text, lowest, highest, &value), 0);
	assert_int_equal(value, expected);
}

static void number_refused(const char *text, int64_t lowest, int64_t highest, const char *reason)
{
	struct call call = {.reason = ""};
	int64_t value = 12345;

	assert_int_equal(number_read(&call, "value", text, lowest, highest, &value), -EINVAL);
	assert_int_equal(value, 12345);
	if (!strstr(call.reason, reason))
		fail_msg("'%s' gives the reason: %s", text, call.reason);
}

static void test_numbers(void **state)
{
	static const char *const wrong[] = {"",    " ",   " 1",  "1 ",  "1\n", "0x1",
					    "1e3", "1.0", "one", "1,2", "- 1", "--1",
					    "-",   "+",   "1-",  "\xff"};

	number_is("0", 0, 32767, 0);
	number_is("32767", 0, 32767, 32767);
	number_is("00032767", 0, 32767, 32767);
	number_is("9223372036854775807", 0, INT64_MAX, INT64_MAX);
	number_is("-9223372036854775808", INT64_MIN, 0, INT64_MIN);
	number_is("-5", -5, 5, -5);
	number_is("+5", -5, 5, 5);
	number_refused("32768", 0, 32767, "from 0 to 32767");
	number_refused("0", 1, 10, "from 1 to 10");
	number_refused("-6", -5, 5, "from -5 to 5");
	number_refused("+5", 0, 10, "'+5'");
	number_refused("-0", 0, 10, "'-0'");
	number_refused("9223372036854775808", 0, INT64_MAX, "9223372036854775807");
	number_refused("18446744073709551617", 0, INT64_MAX, "9223372036854775807");
	number_refused("-9223372036854775809", INT64_MIN, 0, "-9223372036854775808");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		number_refused(wrong[i], -100, 100, "no value: a whole decimal number");
}

static void size_is(const char *text, int64_t expected)
{
	int64_t value = 12345;

	assert_int_equal(size_read(NULL, "size", text, 0, INT64_MAX, &value), 0);
	assert_int_equal(value, expected);
}

static void test_sizes(void **state)
{
	static const char *const wrong[] = {"",
					    "K",
					    "-1",
					    "+1",
					    "1k",
					    "1KB",
					    "1KK",
					    "1 K",
					    " 1K",
					    "1.5K",
					    "0x1K",
					    "1T",
					    "K1",
					    "1K1",
					    "0",
					    "1025",
					    "2K",
					    "1M",
					    "1G",
					    "9223372036854775808",
					    "18014398509481984K",
					    "17592186044416M",
					    "17179869184G",
					    "9223372036854775808G"};

	size_is("0", 0);
	size_is("0G", 0);
	size_is("1", 1);
	size_is("007K", 7168);
	size_is("3M", 3145728);
	size_is("2G", 2147483648);
	size_is("9223372036854775807", INT64_MAX);
	size_is("8589934591G", INT64_C(8589934591) << 30);
	size_is("9007199254740991K", INT64_C(9007199254740991) << 10);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct call call = {.reason = ""};
		int64_t value = 12345;

		assert_int_equal(size_read(&call, "size", wrong[i], 1, 1024, &value), -EINVAL);
		assert_int_equal(value, 12345);
		assert_non_null(strstr(call.reason, "from 1 to 1024"));
	}
}

static void test_reasons(void **state)
{
	struct call call;

	assert_int_equal(refuse(NULL, EPERM, "nobody reads this"), -EPERM);
	assert_int_equal(refuse(&call, ENOSPC, "'%s' and %d", "a\nb\x7f-\x01", 5), -ENOSPC);
	assert_string_equal(call.reason, "'a?b?-?' and 5");
	assert_int_equal(refuse(&call, EINVAL, "%300s|", "x"), -EINVAL);
	assert_int_equal(strlen(call.reason), sizeof(call.reason) - 1);
}

static void test_named_refusals(void **state)
{
	struct call call = {.reason = ""};
	struct place place = {.dir = &kind};

	assert_int_equal(refuse_make(&call, &place, "x", 0777, NULL), -EPERM);
	assert_non_null(strstr(call.reason, "'x'"));
	call.reason[0] = '\0';
	assert_int_equal(refuse_remove(&call, &place), -EPERM);
	assert_string_not_equal(call.reason, "");
	call.reason[0] = '\0';
	assert_int_equal(refuse_change(&call, &place, &(struct change){.has_mode = true}), -EPERM);
	assert_non_null(strstr(call.reason, "directory"));
	assert_int_equal(refuse_rename(&call, &place, "y", 0), -EPERM);
	assert_non_null(strstr(call.reason, "'y'"));
	assert_int_equal(refuse_rename(NULL, &place, "y", 0), -EPERM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_refused),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_posix_names),
		cmocka_unit_test(test_near_keys_and_ids_are_posix),
		cmocka_unit_test(test_posix_names_refused),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_listing_longest),
		cmocka_unit_test(test_listing_sysv),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_attributes_of_none),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_named_refusals),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
