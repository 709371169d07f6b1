/*
 * test_print - columns against what ipcs prints, JSON, and the tables of /proc/sysvipc.
 *
 * Works in its own IPC and mount namespaces, with a user and a group database of its own there.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/print.h"
#include "common/sysvipc.h"

/* Ids that the databases of this test give a long name, an odd one, and none. */
#define LONG_NAME_ID 54321
#define ODD_NAME_ID 54322
#define NO_NAME_ID 4294967294u
#define LONG_NAME "a_name_of_24_characters_"

static const char *no_namespace; /* why there is none */

/* Puts a file made of the old one and of what @add writes over @path. */
static int cover(const char *path, const char *copy, void (*add)(FILE *to))
{
	char buffer[4096];
	FILE *from = fopen(path, "re"), *to = fopen(copy, "we");
	size_t size;

	if (!from || !to)
		return -errno;
	add(to);
	while ((size = fread(buffer, 1, sizeof(buffer), from)) > 0)
		fwrite(buffer, 1, size, to);
	fclose(from);
	if (fclose(to) != 0 || mount(copy, path, "none", MS_BIND, NULL) != 0)
		return -errno;
	return 0;
}

static void add_users(FILE *to)
{
	fprintf(to, LONG_NAME ":x:%d:%d::/:/bin/false\n", LONG_NAME_ID, LONG_NAME_ID);
	fprintf(to, "odd\xff\"name:x:%d:%d::/:/bin/false\n", ODD_NAME_ID, ODD_NAME_ID);
}

static void add_groups(FILE *to)
{
	/* More members than fit the first room that a look-up tries, and the second. */
	fprintf(to, "crowd:x:%d:", LONG_NAME_ID);
	for (int i = 0; i < 1000; i++)
		fprintf(to, "%smember%d", i ? "," : "", i);
	fprintf(to, "\n");
}

static void enter_namespaces(void)
{
	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) != 0)
		no_namespace = "no private IPC and mount namespaces (not root?)";
	else if (cover("/etc/passwd", "/dev/shm/passwd", add_users) < 0 ||
		 cover("/etc/group", "/dev/shm/group", add_groups) < 0)
		no_namespace = "no user and group database of its own";
}

#define NEEDS_NAMESPACE()         \
	do {                      \
		if (no_namespace) \
			skip();   \
	} while (0)

/* All that a command prints; the caller frees it. */
static char *output_of(const char *command)
{
	FILE *from = popen(command, "re");
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	int byte;

	assert_non_null(from);
	assert_non_null(to);
	while ((byte = fgetc(from)) != EOF)
		fputc(byte, to);
	fclose(to);
	assert_int_equal(pclose(from), 0);
	return text;
}

static struct id_names names;

static int print_queue(const char *text, void *context)
{
	struct sysvipc_line line = {.at = text};
	struct sysv_object object;
	uint64_t bytes, messages;
	FILE *out = context;

	sysvipc_object(&line, &object);
	bytes = sysvipc_unsigned(&line);
	messages = sysvipc_unsigned(&line);
	sysvipc_unsigned(&line);
	sysvipc_unsigned(&line);
	object.uid = (uid_t)sysvipc_unsigned(&line);
	assert_false(line.failed);
	ipcs_columns(out, &object, &names.users);
	fprintf(out, "%-12" PRIu64 " %-12" PRIu64 "\n", bytes, messages);
	return 0;
}

static int print_set(const char *text, void *context)
{
	struct sysvipc_line line = {.at = text};
	struct sysv_object object;
	uint64_t count;
	FILE *out = context;

	sysvipc_object(&line, &object);
	count = sysvipc_unsigned(&line);
	object.uid = (uid_t)sysvipc_unsigned(&line);
	assert_false(line.failed);
	ipcs_columns(out, &object, &names.users);
	fprintf(out, "%-10" PRIu64 "\n", count);
	return 0;
}

static void same_as_ipcs(const char *command, const char *title, const char *header,
			 const char *file, int (*row)(const char *line, void *context))
{
	char *text = NULL, *expected = output_of(command);
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ipcs_title(out, title);
	fputs(header, out);
	assert_int_equal(sysvipc_read(file, row, out), 0);
	fputc('\n', out);
	fclose(out);
	assert_string_equal(text, expected);
	/* An empty table would prove little. */
	assert_non_null(strstr(expected, "0x000004d2"));
	free(text);
	free(expected);
}

static const char queue_header[] =
	"key        msqid      owner      perms      used-bytes   messages    \n";
static const char set_header[] = "key        semid      owner      perms      nsems     \n";

/* A queue with this owner and mode; the namespace ends with the process and takes it along. */
static int queue(key_t key, uid_t uid, mode_t mode)
{
	struct msqid_ds status;
	int id = msgget(key, IPC_CREAT | 0600);

	assert_true(id >= 0);
	assert_int_equal(msgctl(id, IPC_STAT, &status), 0);
	status.msg_perm.uid = uid;
	status.msg_perm.mode = mode;
	assert_int_equal(msgctl(id, IPC_SET, &status), 0);
	return id;
}

static void test_queues_as_ipcs(void **state)
{
	struct {
		long type;
		char text[100];
	} message = {.type = 1};
	int id;

	NEEDS_NAMESPACE();
	id = queue(1234, 0, 0644);
	assert_int_equal(msgsnd(id, &message, 77, 0), 0);
	queue(-1, 1, 0);
	queue(INT32_MIN, LONG_NAME_ID, 0777);
	queue(IPC_PRIVATE, NO_NAME_ID, 0200);
	/* A hole in the ids, then one with a larger id. */
	assert_int_equal(msgctl(queue(IPC_PRIVATE, 0, 0600), IPC_RMID, NULL), 0);
	queue(7, ODD_NAME_ID, 0640);
	same_as_ipcs("ipcs -q", "Message Queues", queue_header, "msg", print_queue);
	same_as_ipcs("ipcs -q", "Message Queues", queue_header, "/proc/sysvipc/msg", print_queue);
}

static void test_sets_as_ipcs(void **state)
{
	NEEDS_NAMESPACE();
	assert_true(semget(1234, 3, IPC_CREAT | 0640) >= 0);
	assert_true(semget(IPC_PRIVATE, 32000, 0) >= 0);
	same_as_ipcs("ipcs -s", "Semaphore Arrays", set_header, "sem", print_set);
}

static void test_names_of_ids(void **state)
{
	char name[ID_NAME_SIZE];

	assert_true(user_name(0, name));
	assert_string_equal(name, "root");
	assert_true(group_name(0, name));
	assert_string_equal(name, "root");
	NEEDS_NAMESPACE();
	assert_true(user_name(LONG_NAME_ID, name));
	assert_string_equal(name, LONG_NAME);
	assert_true(group_name(LONG_NAME_ID, name));
	assert_string_equal(name, "crowd");
	assert_false(user_name(NO_NAME_ID, name));
	assert_string_equal(name, "4294967294");
	assert_false(group_name(NO_NAME_ID, name));
	assert_string_equal(name, "4294967294");
}

static void test_names_remembered(void **state)
{
	memset(&names, 0, sizeof(names));
	/* More than are remembered, some in one place, in an order that comes back to them. */
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t id = 0; id < 3 * ID_NAMES; id++) {
			char user[ID_NAME_SIZE], group[ID_NAME_SIZE];
			bool has_user = user_name(id, user), has_group = group_name(id, group);
			const char *found;

			assert_string_equal(user_names_get(&names.users, id), user);
			assert_string_equal(group_names_get(&names.groups, id), group);
			found = user_names_find(&names.users, id);
			assert_int_equal(found != NULL, has_user);
			if (found)
				assert_string_equal(found, user);
			found = group_names_find(&names.groups, id);
			assert_int_equal(found != NULL, has_group);
			if (found)
				assert_string_equal(found, group);
		}
	}
}

static int count_lines(const char *text, void *context)
{
	int *count = context;

	assert_null(strchr(text, '\n'));
	return ++*count == 3 ? -ECANCELED : 0;
}

static void test_sysvipc_read(void **state)
{
	char path[32];
	int count = 0, fd = memfd_create("sysvipc", 0);

	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(sysvipc_read(path, count_lines, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(write(fd, "header\n", 7), 7);
	assert_int_equal(sysvipc_read(path, count_lines, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(write(fd, "one\ntwo", 7), 7);
	assert_int_equal(sysvipc_read(path, count_lines, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(write(fd, "\nthree\nfour\n", 12), 12);
	count = 0;
	assert_int_equal(sysvipc_read(path, count_lines, &count), -ECANCELED);
	assert_int_equal(count, 3);
	close(fd);
	assert_int_equal(sysvipc_read(path, count_lines, &count), -ENOENT);
	assert_int_equal(sysvipc_read("/", count_lines, &count), -EISDIR);
}

static void test_sysvipc_numbers(void **state)
{
	struct sysvipc_line line = {
		.at = "        -1 0   640 18446744073709551615 -2147483648 9223372036854775807 0"};

	assert_int_equal(sysvipc_signed(&line), -1);
	assert_int_equal(sysvipc_unsigned(&line), 0);
	assert_int_equal(sysvipc_octal(&line), 0640);
	assert_true(sysvipc_unsigned(&line) == UINT64_MAX);
	assert_int_equal(sysvipc_signed(&line), INT32_MIN);
	assert_true(sysvipc_signed(&line) == INT64_MAX);
	assert_int_equal(sysvipc_octal(&line), 0);
	assert_false(line.failed);
	assert_int_equal(sysvipc_unsigned(&line), 0);
	assert_true(line.failed);
	line = (struct sysvipc_line){.at = " 12 x 13"};
	assert_int_equal(sysvipc_unsigned(&line), 12);
	assert_int_equal(sysvipc_unsigned(&line), 0);
	assert_true(line.failed);
}

/* What a list of values prints as; the caller frees it. */
static char *printed(const char *kind, json_t *const values[], size_t count)
{
	struct json_list list;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	json_list_begin(&list, out);
	list.kind = kind;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(json_list_add(&list, values[i]), 0);
	assert_int_equal(json_list_end(&list), 0);
	fclose(out);
	return text;
}

static void prints(json_t *value, const char *expected)
{
	/* The library prints only arrays and objects. */
	json_t *array = json_pack("[o]", value);
	char *text = printed(NULL, &array, 1);
	char *whole = NULL;

	assert_true(asprintf(&whole, "[\n[%s]\n]\n", expected) > 0);
	assert_string_equal(text, whole);
	free(text);
	free(whole);
}

static void test_json_text(void **state)
{
	static const char *const odd[] = {"\xff",         "\xc3",     "\xe2\x82",
					  "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80"};

	prints(json_text(""), "\"\"");
	prints(json_text("plain"), "\"plain\"");
	prints(json_text("a\"b\\c\n"), "\"a\\\"b\\\\c\\n\"");
	prints(json_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
	       "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
	prints(json_text("a\xff\xc3\xa4\xe2\x82"), "\"a\\\\xff\xc3\xa4\\\\xe2\\\\x82\"");
	/* None of these is UTF-8: cut short, surrogate, overlong, beyond the last plane. */
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		json_t *value = json_text(odd[i]);

		assert_non_null(value);
		assert_int_equal(json_string_length(value), 4 * strlen(odd[i]));
		json_decref(value);
	}
}

static void test_json_values(void **state)
{
	prints(json_time(0), "null");
	prints(json_time(1795254729), "1795254729");
}

static void test_json_list(void **state)
{
	json_t *objects[2] = {json_pack("{si}", "a", 1), json_pack("{sn}", "b")};
	char *text = printed(NULL, NULL, 0);

	assert_string_equal(text, "[]\n");
	free(text);
	json_incref(objects[0]);
	json_incref(objects[1]);
	text = printed(NULL, objects, 2);
	assert_string_equal(text, "[\n{\"a\": 1},\n{\"b\": null}\n]\n");
	free(text);
	text = printed("shm", objects, 2);
	assert_string_equal(text, "[\n{\"kind\": \"shm\", \"a\": 1},\n"
				  "{\"kind\": \"shm\", \"b\": null}\n]\n");
	free(text);
}

static void test_json_without_memory(void **state)
{
	struct json_list list;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	json_list_begin(&list, out);
	assert_int_equal(json_list_add(&list, NULL), -ENOMEM);
	list.kind = "shm";
	assert_int_equal(json_list_add(&list, NULL), -ENOMEM);
	assert_int_equal(json_print_one(out, NULL), -ENOMEM);
	fclose(out);
	free(text);
}

static void test_json_to_full(void **state)
{
	FILE *out = fopen("/dev/full", "we");

	if (!out)
		skip();
	setbuf(out, NULL);
	assert_true(json_print_one(out, json_object()) < 0);
	fclose(out);
}

static void test_json_sysv(void **state)
{
	struct sysv_object object = {
		.key = 0x4d2,
		.id = 65537,
		.mode = 01640,
		.uid = NO_NAME_ID,
		.cuid = 0,
		.gid = 0,
		.cgid = NO_NAME_ID,
	};
	json_t *value = json_sysv_object(&object, &names);

	assert_non_null(value);
	json_incref(value);
	/* A user without a name is one to ipcs too, and absent to lsipc. */
	prints(value, "{\"family\": \"sysv\", \"name\": \"0x000004d2\", \"key\": \"0x000004d2\", "
		      "\"id\": 65537, \"owner\": \"4294967294\", \"perms\": \"rw-r-----\", "
		      "\"cuid\": 0, \"cuser\": \"root\", \"cgid\": 4294967294, \"cgroup\": null, "
		      "\"uid\": 4294967294, \"user\": null, \"gid\": 0, \"group\": \"root\"}");
	json_decref(value);
	object.key = 0;
	value = json_sysv_object(&object, &names);
	assert_string_equal(json_string_value(json_object_get(value, "name")), "65537");
	assert_string_equal(json_string_value(json_object_get(value, "key")), "0x00000000");
	json_decref(value);
}

static void test_json_posix(void **state)
{
	struct stat st = {.st_mode = S_IFREG | 0421, .st_uid = 0, .st_gid = 0};
	json_t *value = json_posix_object("posix:a\xff", &st, &names);

	assert_non_null(value);
	assert_string_equal(json_string_value(json_object_get(value, "family")), "posix");
	assert_string_equal(json_string_value(json_object_get(value, "name")), "posix:a\\xff");
	assert_string_equal(json_string_value(json_object_get(value, "perms")), "r---w---x");
	assert_string_equal(json_string_value(json_object_get(value, "group")), "root");
	assert_int_equal(json_integer_value(json_object_get(value, "uid")), 0);
	assert_true(json_is_integer(json_object_get(value, "uid")));
	/* The file keeps its owner, and nobody who made it. */
	assert_true(json_is_null(json_object_get(value, "key")));
	assert_true(json_is_null(json_object_get(value, "id")));
	assert_true(json_is_null(json_object_get(value, "cuid")));
	assert_true(json_is_null(json_object_get(value, "cuser")));
	assert_true(json_is_null(json_object_get(value, "cgid")));
	assert_true(json_is_null(json_object_get(value, "cgroup")));
	json_decref(value);
}

/* The keys that lsipc has for any object, in JSON, are there under the same names. */
static void test_json_keys_of_lsipc(void **state)
{
	struct sysv_object object = {.key = 1};
	json_t *value, *lsipc, *row, *ignored;
	json_error_t error;
	const char *key;
	char *text, *command;

	NEEDS_NAMESPACE();
	value = json_sysv_object(&object, &names);
	/* Of this queue alone: lsipc writes a name that is not UTF-8 as it is. */
	assert_true(asprintf(&command, "lsipc -J -o %s -q -i %d",
			     "KEY,ID,OWNER,PERMS,CUID,CUSER,CGID,CGROUP,UID,USER,GID,GROUP",
			     queue(1234, 0, 0644)) > 0);
	text = output_of(command);
	free(command);
	lsipc = json_loads(text, 0, &error);
	free(text);
	assert_non_null(lsipc);
	row = json_array_get(json_object_get(lsipc, "messages"), 0);
	assert_int_equal(json_object_size(row), 12);
	json_object_foreach(row, key, ignored) if (!json_object_get(value, key))
		fail_msg("lsipc has the key %s", key);
	json_decref(lsipc);
	json_decref(value);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queues_as_ipcs), cmocka_unit_test(test_sets_as_ipcs),
		cmocka_unit_test(test_names_of_ids),   cmocka_unit_test(test_names_remembered),
		cmocka_unit_test(test_sysvipc_read),   cmocka_unit_test(test_sysvipc_numbers),
		cmocka_unit_test(test_json_text),      cmocka_unit_test(test_json_values),
		cmocka_unit_test(test_json_list),      cmocka_unit_test(test_json_without_memory),
		cmocka_unit_test(test_json_to_full),   cmocka_unit_test(test_json_sysv),
		cmocka_unit_test(test_json_posix),     cmocka_unit_test(test_json_keys_of_lsipc),
	};
	int failed;

	enter_namespaces();
	failed = cmocka_run_group_tests_name("print", tests, NULL, NULL);
	if (failed == 0 && no_namespace) {
		printf("skipped in part: %s\n", no_namespace);
		return 77;
	}
	return failed;
}
