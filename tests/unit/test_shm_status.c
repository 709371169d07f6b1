/*
 * test_shm_status - the tables, JSON and limits of shm/, against ipcs and lsipc and by their types.
 */
#include "shm_fixture.h"

#include <jansson.h>
#include <sys/statvfs.h>

static void assert_begins_with_output(const char *file, const char *command)
{
	char *expected = output_of(command), *text = show(NULL, file);

	if (strncmp(text, expected, strlen(expected)) != 0)
		fail_msg("%s\nis not\n%s", text, expected);
	free(text);
	free(expected);
}

static void tables_are_those_of_ipcs(void **state)
{
	struct change change = {.has_uid = true, .uid = 4000000000, .has_mode = true, .mode = 0640};
	struct place place;
	char *text;
	void *at;
	int id;

	assert_begins_with_output("status", "ipcs -m");
	/* All that makes columns differ. */
	assert_true(shmget(IPC_PRIVATE, 1, 0600) >= 0);
	assert_true(shmget(-2, 12345678901, IPC_CREAT | SHM_NORESERVE | 0666) >= 0);
	assert_int_equal(shm_mkdir(SYSV, 0), 0);
	place = shm_at(SYSV);
	assert_int_equal(place.dir->change(&call, &place, &change), 0);
	assert_int_equal(shm_mkdir("0x52", 0600), 0);
	assert_int_equal(store("0x52", "locked", "1"), 0);
	id = (int)shm_at("0x52").object;
	at = shmat(id, NULL, 0);
	assert_begins_with_output("status", "ipcs -m");
	assert_int_equal(shm_rmdir("0x52"), 0);
	text = show(NULL, "status");
	assert_non_null(strstr(text, " dest   locked\n"));
	free(text);
	assert_begins_with_output("status", "ipcs -m");
	shmdt(at);
	id = shmget(IPC_PRIVATE, 1, 0600);
	at = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	assert_begins_with_output("status", "ipcs -m");
	shmdt(at);
	assert_begins_with_output("status", "ipcs -m");
}

static void the_table_of_objects(void **state)
{
	char *text, expected[1024];
	int fd;

	assert_int_equal(shm_mkdir("two,size=5000", 0640), 0);
	assert_int_equal(shm_mkdir("one", 0600), 0);
	assert_int_equal(shm_mkdir("posix:a b\n\\", 0600), 0);
	close(open("/dev/shm/sem.x", O_CREAT | O_WRONLY, 0600));
	fd = shm_open("/two", O_RDWR, 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	close(fd);
	snprintf(expected, sizeof(expected),
		 "\n------ Shared Memory Segments --------\n"
		 "key        shmid      owner      perms      bytes      nattch     status      \n"
		 "\n------ POSIX Shared Memory Objects --------\n"
		 "name                  owner      perms      bytes      used-bytes  \n"
		 "a\\040b\\012\\134        root       600        0          0           \n"
		 "one                   root       600        0          0           \n"
		 "two                   root       640        5000       %-12ld\n\n",
		 sysconf(_SC_PAGESIZE));
	text = show(NULL, "status");
	assert_string_equal(text, expected);
	free(text);
	/* Everyone may know. */
	become(NOBODY);
	text = show(NULL, "status");
	assert_string_equal(text, expected);
	free(text);
	become(0);
	unlink("/dev/shm/sem.x");
}

static void an_object_has_its_row(void **state)
{
	char expected[512];

	assert_int_equal(shm_mkdir("0x51,size=2K", 0640), 0);
	snprintf(expected, sizeof(expected),
		 "\n------ Shared Memory Segments --------\n"
		 "key        shmid      owner      perms      bytes      nattch     status      \n"
		 "0x00000051 %-10d root       640        2048       0                       \n",
		 shm_id());
	assert_shows(SYSV, "status", expected);
	assert_int_equal(shm_mkdir("board,size=2G", 0640), 0);
	assert_shows(POSIX, "status",
		     "\n------ POSIX Shared Memory Objects --------\n"
		     "name                  owner      perms      bytes      used-bytes  \n"
		     "board                 root       640        2147483648 0           \n");
}

static void limits_are_those_of_ipcs(void **state)
{
	static const char *const files[] = {"shmmax", "shmall", "shmmni"};
	static const char *const values[] = {"0", "1", "4095", "1048577", "9223372036854775807"};
	char path[64], before[3][32], *text, expected[128];
	struct statvfs room;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", files[i]);
		snprintf(before[i], sizeof(before[i]), "%llu", read_number(path));
	}
	assert_begins_with_output("limits", "ipcs -m -l");
	for (size_t j = 0; j < sizeof(values) / sizeof(*values); j++) {
		write_text("/proc/sys/kernel/shmmax", values[j]);
		write_text("/proc/sys/kernel/shmall", values[j]);
		if (j < 3)
			write_text("/proc/sys/kernel/shmmni", values[j]);
		assert_begins_with_output("limits", "ipcs -m -l");
	}
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", files[i]);
		write_text(path, before[i]);
	}
	text = show(NULL, "limits");
	assert_int_equal(statvfs("/dev/shm", &room), 0);
	snprintf(expected, sizeof(expected),
		 "\n------ POSIX Shared Memory Limits --------\n"
		 "max total shared memory (kbytes) = %llu\n",
		 (unsigned long long)room.f_blocks * room.f_frsize / 1024);
	assert_non_null(strstr(text, expected));
	snprintf(expected, sizeof(expected), "\nfree files = %llu\n\n",
		 (unsigned long long)room.f_ffree);
	assert_non_null(strstr(text, expected));
	free(text);
}

/* A tmpfs without limits says 0 of all. */
static void limits_that_are_none(void **state)
{
	char *text;

	assert_int_equal(mount("none", "/dev/shm", "tmpfs", MS_REMOUNT, "size=0,nr_inodes=0"), 0);
	text = show(NULL, "limits");
	assert_non_null(strstr(text, "\nmax total shared memory (kbytes) = unlimited\n"
				     "free shared memory (kbytes) = unlimited\n"
				     "max number of files = unlimited\n"
				     "free files = unlimited\n\n"));
	free(text);
}

/* ---- JSON ---- */

static json_t *json_of(const char *name)
{
	char *text = show(name, "status.json");
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	assert_true(json_is_array(value));
	free(text);
	return value;
}

static json_t *json_by_name(json_t *list, const char *name)
{
	json_t *object;
	size_t i;

	json_array_foreach(list, i,
			   object) if (strcmp(json_string_value(json_object_get(object, "name")),
					      name) == 0) return object;
	fail_msg("no %s", name);
	return NULL;
}

/* A value as text, since lsipc writes numbers so; "" for null. */
static void json_text_of(const json_t *value, char text[256])
{
	assert_non_null(value);
	if (json_is_null(value))
		*text = '\0';
	else if (json_is_integer(value))
		snprintf(text, 256, "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, 256, "%s", json_string_value(value));
}

/* Makes a segment that is removed while it is attached, and lives until it is killed. */
static pid_t another_process(void)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int id = shmget(IPC_PRIVATE, 100, 0600);

		shmat(id, NULL, 0);
		shmctl(id, SHM_LOCK, NULL);
		shmctl(id, IPC_RMID, NULL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void json_is_as_lsipc_has_it(void **state)
{
	static const char *const keys[] = {"key",  "id",     "owner",  "perms", "cuid", "cuser",
					   "cgid", "cgroup", "uid",    "user",  "gid",  "group",
					   "size", "nattch", "status", "cpid",  "lpid", "command"};
	json_t *ours, *theirs, *list, *row;
	pid_t child;
	char *output;
	void *at;
	size_t i;

	assert_int_equal(shm_mkdir(SYSV, 0604), 0);
	at = shmat(shm_id(), NULL, 0);
	assert_int_equal(shm_mkdir("0x52,size=3G", 0620), 0);
	assert_int_equal(store("0x52", "locked", "1"), 0);
	child = another_process();
	output = output_of("lsipc -m -J -b --notruncate -o KEY,ID,OWNER,PERMS,CUID,CUSER,CGID,"
			   "CGROUP,UID,USER,GID,GROUP,SIZE,NATTCH,STATUS,CPID,LPID,COMMAND");
	theirs = json_loads(output, 0, NULL);
	free(output);
	ours = json_of(NULL);
	list = json_object_get(theirs, "sharedmemory");
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_array_size(ours), 3);
	json_array_foreach(list, i, row)
	{
		json_t *mine = json_array_get(ours, i);
		bool itself =
			json_integer_value(json_object_get(mine, "cpid")) == (json_int_t)getpid();

		/* What a debugger shows this process of its own command is not what others see. */
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys) - itself; k++) {
			char one[256], other[256];

			json_text_of(json_object_get(mine, keys[k]), one);
			json_text_of(json_object_get(row, keys[k]), other);
			assert_string_equal(one, other);
		}
		assert_true(json_is_string(json_object_get(mine, "command")));
	}
	json_decref(theirs);
	json_decref(ours);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	shmdt(at);
}

/* Who made it is no more. */
static void json_of_an_orphan(void **state)
{
	pid_t child = fork();
	json_t *list;

	if (child == 0)
		_exit(shm_mkdir(SYSV, 0600) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	list = json_of(SYSV);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "cpid")),
			 child);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "command")));
	json_decref(list);
}

static void json_is_typed(void **state)
{
	struct shmid_ds ds;
	json_t *list, *object;
	void *at;

	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	list = json_of(SYSV);
	assert_int_equal(json_array_size(list), 1);
	object = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(object, "family")), "sysv");
	assert_string_equal(json_string_value(json_object_get(object, "name")), SYSV);
	assert_true(json_is_null(json_object_get(object, "status")));
	assert_true(json_is_null(json_object_get(object, "attach")));
	assert_true(json_is_null(json_object_get(object, "detach")));
	assert_true(json_is_false(json_object_get(object, "locked")));
	assert_true(json_is_false(json_object_get(object, "dest")));
	assert_int_equal(json_integer_value(json_object_get(object, "rss")), 0);
	assert_true(json_is_integer(json_object_get(object, "swap")));
	assert_int_equal(json_integer_value(json_object_get(object, "cpid")), getpid());
	json_decref(list);

	at = shmat(shm_id(), NULL, 0);
	*(char *)at = 'x';
	assert_int_equal(store(SYSV, "locked", "1"), 0);
	shmdt(shmat(shm_id(), NULL, 0));
	list = json_of(SYSV);
	object = json_array_get(list, 0);
	assert_int_equal(shmctl(shm_id(), IPC_STAT, &ds), 0);
	assert_int_equal(json_integer_value(json_object_get(object, "attach")), ds.shm_atime);
	assert_int_equal(json_integer_value(json_object_get(object, "detach")), ds.shm_dtime);
	assert_int_equal(json_integer_value(json_object_get(object, "ctime")), ds.shm_ctime);
	assert_int_equal(json_integer_value(json_object_get(object, "nattch")), 1);
	assert_true(json_is_true(json_object_get(object, "locked")));
	assert_string_equal(json_string_value(json_object_get(object, "status")), "locked");
	assert_true(json_integer_value(json_object_get(object, "rss")) >= sysconf(_SC_PAGESIZE));
	json_decref(list);
	shmdt(at);
}

static void json_of_objects(void **state)
{
	json_t *all, *alone, *segment, *object, *value;
	const char *key;
	struct stat st;
	int fd;

	assert_int_equal(shm_mkdir("board,size=5000", 0640), 0);
	assert_int_equal(shm_mkdir("posix:\xff\"", 0600), 0);
	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	fd = shm_open("/board", O_RDWR, 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(fstat(fd, &st), 0);
	close(fd);
	all = json_of(NULL);
	assert_int_equal(json_array_size(all), 3);
	json_by_name(all, "\\xff\"");
	segment = json_by_name(all, SYSV);
	object = json_by_name(all, POSIX);
	alone = json_of(POSIX);
	assert_true(json_equal(json_array_get(alone, 0), object));
	assert_string_equal(json_string_value(json_object_get(object, "family")), "posix");
	assert_string_equal(json_string_value(json_object_get(object, "perms")), "rw-r-----");
	assert_int_equal(json_integer_value(json_object_get(object, "size")), 5000);
	assert_int_equal(json_integer_value(json_object_get(object, "rss")), st.st_blocks * 512);
	assert_int_equal(json_integer_value(json_object_get(object, "ctime")), st.st_ctime);
	assert_true(json_is_null(json_object_get(object, "nattch")));
	assert_true(json_is_null(json_object_get(object, "key")));
	/* One has every key that the other has, null where it has nothing to say. */
	json_object_foreach(segment, key, value) assert_non_null(json_object_get(object, key));
	assert_int_equal(json_object_size(segment), json_object_size(object));
	json_decref(all);
	json_decref(alone);
}

/* Nothing is an empty list. */
static void an_empty_directory(void **state)
{
	json_t *list = json_of(NULL);

	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	assert_shows(
		NULL, "status",
		"\n------ Shared Memory Segments --------\n"
		"key        shmid      owner      perms      bytes      nattch     status      \n"
		"\n------ POSIX Shared Memory Objects --------\n"
		"name                  owner      perms      bytes      used-bytes  \n\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, NULL, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_directory),       TEST(tables_are_those_of_ipcs),
		TEST(the_table_of_objects),     TEST(an_object_has_its_row),
		TEST(limits_are_those_of_ipcs), TEST(limits_that_are_none),
		TEST(json_is_as_lsipc_has_it),  TEST(json_is_typed),
		TEST(json_of_an_orphan),        TEST(json_of_objects),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
