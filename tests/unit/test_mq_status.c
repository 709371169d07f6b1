/*
 * test_mq_status - the tables, JSON and limits of mq/, against ipcs and by their types.
 */
#include "mq_fixture.h"

#include <jansson.h>

static void figures_of_posix_need_permission(void **state)
{
	struct place place;
	char *text;
	int error;

	assert_int_equal(mq_mkdir("closed", 0600), 0);
	assert_int_equal(mq_mkdir("inbox", 0622), 0);
	become(NOBODY);
	assert_null(show("closed", "messages", &error));
	assert_int_equal(error, -EACCES);
	assert_shows("inbox", "messages", "0\n"); /* who may write may ask, but not for bytes */
	assert_null(show("inbox", "bytes", &error));
	assert_int_equal(error, -EACCES);
	text = show(NULL, "status", &error);
	assert_non_null(strstr(text, "# 2 not shown in full"));
	assert_non_null(
		strstr(text, "closed                root       600        -            -  "));
	free(text);
	/* Everyone may see whose it is. */
	struct stat st;
	place = mq_at("closed");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0600);
	become(0);
	text = show(NULL, "status", &error);
	assert_null(strchr(text, '#'));
	free(text);
}

/* What a program prints. */
static char *output_of(const char *command)
{
	char *text = NULL, buffer[4096];
	size_t size = 0, length;
	FILE *in = popen(command, "r"), *out = open_memstream(&text, &size);

	assert_non_null(in);
	while ((length = fread(buffer, 1, sizeof(buffer), in)))
		fwrite(buffer, 1, length, out);
	fclose(out);
	if (pclose(in) != 0)
		fail_msg("%s fails", command);
	return text;
}

static void assert_as_ipcs(void)
{
	int error;
	char *ipcs = output_of("ipcs -q"), *text = show(NULL, "status", &error);

	assert_memory_equal(text, ipcs, strlen(ipcs));
	free(text);
	free(ipcs);
}

static void tables_are_those_of_ipcs(void **state)
{
	struct change change = {.has_uid = true, .uid = 4000000000, .has_mode = true, .mode = 0751};
	struct handle handle;
	struct place place;

	assert_as_ipcs();
	/* All that makes columns differ. */
	assert_true(msgget(IPC_PRIVATE, 0600) >= 0);
	assert_true(msgget(-2, IPC_CREAT | 0666) >= 0);
	assert_int_equal(mq_mkdir("0x51", 0), 0);
	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	handle = handle_open("0x51", "data");
	assert_int_equal(handle_puts(&handle, "hello"), 5);
	handle_close(&handle);
	place = mq_at("0x51");
	assert_int_equal(place.dir->change(&call, &place, &change), 0);
	assert_as_ipcs();
}

static void limits_are_those_of_ipcs(void **state)
{
	int error;
	char *ipcs = output_of("ipcs -q -l"), *text = show(NULL, "limits", &error);

	assert_memory_equal(text, ipcs, strlen(ipcs));
	assert_non_null(strstr(text, "\n------ POSIX Messages Limits --------\n"
				     "max queues system wide = 256\n"));
	free(text);
	free(ipcs);
}

static void an_object_has_its_row(void **state)
{
	char expected[512], *text;
	int error;

	assert_int_equal(mq_mkdir("0x51", 0640), 0);
	snprintf(expected, sizeof(expected),
		 "\n------ Message Queues --------\n"
		 "key        msqid      owner      perms      used-bytes   messages    \n"
		 "0x00000051 %-10u root       640        0            0           \n",
		 mq_at("0x51").object);
	assert_shows("0x51", "status", expected);
	assert_int_equal(mq_mkdir("jobs,maxmsg=3", 0640), 0);
	assert_shows(
		"jobs", "status",
		"\n------ POSIX Message Queues --------\n"
		"name                  owner      perms      used-bytes   messages     maxmsg   "
		"  msgsize   \n"
		"jobs                  root       640        0            0            3        "
		"  8192      \n");
	/* A name is one column, whatever it has in it. */
	assert_int_equal(mq_mkdir("posix:a b\n\\,maxmsg=1", 0600), 0);
	text = show(NULL, "status", &error);
	assert_non_null(strstr(text, "\na\\040b\\012\\134        root"));
	free(text);
}

static json_t *json_of(const char *name)
{
	int error;
	char *text = show(name, "status.json", &error);
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	assert_true(json_is_array(value));
	free(text);
	return value;
}

static void json_is_typed(void **state)
{
	static const char *const keys[] = {"family",    "name",   "key",     "id",    "owner",
					   "perms",     "cuid",   "cuser",   "cgid",  "cgroup",
					   "uid",       "user",   "gid",     "group", "ctime",
					   "usedbytes", "msgs",   "send",    "recv",  "lspid",
					   "lrpid",     "maxmsg", "msgsize", "mtime", "qbytes"};
	struct handle handle;
	json_t *all, *row;

	assert_int_equal(mq_mkdir("0x51,qbytes=4711", 0640), 0);
	assert_int_equal(mq_mkdir("posix:12,maxmsg=3,msgsize=9", 0600), 0);
	handle = handle_open("0x51", "data");
	assert_int_equal(handle_puts(&handle, "hello"), 5);
	handle_close(&handle);
	all = json_of(NULL);
	assert_int_equal(json_array_size(all), 2);
	for (size_t i = 0; i < 2; i++)
		for (size_t key = 0; key < sizeof(keys) / sizeof(*keys); key++)
			if (!json_object_get(json_array_get(all, i), keys[key]))
				fail_msg("row %zu has no %s", i, keys[key]);
	row = json_array_get(all, 0);
	assert_int_equal(json_object_size(row), sizeof(keys) / sizeof(*keys));
	assert_string_equal(json_string_value(json_object_get(row, "key")), "0x00000051");
	assert_int_equal(json_integer_value(json_object_get(row, "usedbytes")), 5);
	assert_int_equal(json_integer_value(json_object_get(row, "msgs")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "lspid")), getpid());
	assert_true(json_integer_value(json_object_get(row, "send")) > 0);
	assert_int_equal(json_integer_value(json_object_get(row, "qbytes")), 4711);
	assert_true(json_is_null(json_object_get(row, "recv")));
	assert_true(json_is_null(json_object_get(row, "maxmsg")));
	row = json_array_get(all, 1);
	assert_string_equal(json_string_value(json_object_get(row, "family")), "posix");
	assert_string_equal(json_string_value(json_object_get(row, "name")), "posix:12");
	assert_int_equal(json_integer_value(json_object_get(row, "maxmsg")), 3);
	assert_int_equal(json_integer_value(json_object_get(row, "msgsize")), 9);
	assert_true(json_is_null(json_object_get(row, "lspid")));
	json_decref(all);

	all = json_of("0x51");
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
	become(NOBODY);
	all = json_of("posix:12");
	assert_true(json_is_null(json_object_get(json_array_get(all, 0), "msgs")));
	json_decref(all);
	become(0);
}

static int count_one(void *context, const char *name, const struct place *place)
{
	(*(int *)context)++;
	return 0;
}

static void many_queues_are_listed(void **state)
{
	enum { QUEUES = 3000 };
	struct place at = {.dir = mq_kind.dir};
	int count = 0, error, lines = 0;
	char *text;

	for (int i = 0; i < QUEUES; i++)
		assert_true(msgget(IPC_PRIVATE, 0600) >= 0);
	assert_int_equal(at.dir->list(&call, &at, count_one, &count), 0);
	assert_int_equal(count, QUEUES);
	text = show(NULL, "status", &error);
	for (const char *line = text; (line = strstr(line, "\n0x00000000 ")); line++)
		lines++;
	assert_int_equal(lines, QUEUES);
	free(text);
	json_t *all = json_of(NULL);
	assert_int_equal(json_array_size(all), QUEUES);
	json_decref(all);
}

#define TEST(test) cmocka_unit_test_teardown(test, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_of_posix_need_permission),
		TEST(tables_are_those_of_ipcs),
		TEST(limits_are_those_of_ipcs),
		TEST(an_object_has_its_row),
		TEST(json_is_typed),
		TEST(many_queues_are_listed),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
