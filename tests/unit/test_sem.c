/*
 * test_sem.c - the directory sem/ against the kernel: names, mkdir, rmdir, chmod, rename, figures,
 * and status as ipcs prints it.
 */
#include <limits.h>
#include <semaphore.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <jansson.h>

#include "sem_fixture.h"

#define NOBODY 65534

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* This thread's own ids, as a daemon becomes its caller. */
static void become(uid_t uid)
{
	assert_int_equal(syscall(SYS_setresgid, -1, uid, -1), 0);
	assert_int_equal(syscall(SYS_setresuid, -1, uid, -1), 0);
	call.uid = uid;
}

static void unbecome(void)
{
	assert_int_equal(syscall(SYS_setresuid, -1, 0, -1), 0);
	assert_int_equal(syscall(SYS_setresgid, -1, 0, -1), 0);
	call.uid = 0;
}

static int find(const char *name)
{
	struct place found;

	return sem_kind.dir->find(&call, &sem_root, name, &found);
}

static char *command_output(const char *command)
{
	char *text = NULL;
	size_t size = 0;
	FILE *in = popen(command, "r");

	assert_non_null(in);
	if (getdelim(&text, &size, '\0', in) < 0)
		fail_msg("%s says nothing", command);
	assert_int_equal(pclose(in), 0);
	return text;
}

static char *root_show(const char *file)
{
	int error;
	char *text = place_show((struct place){.dir = sem_kind.dir}, file, &error);

	assert_int_equal(error, 0);
	return text;
}

struct names {
	char text[4096];
};

static int name_add(void *context, const char *name, const struct place *place)
{
	struct names *names = context;

	strcat(strcat(names->text, name), "\n");
	return place->dir ? 0 : -EIO;
}

static bool is_listed(const char *name)
{
	struct names names = {"\n"};
	char wanted[300];

	assert_int_equal(sem_kind.dir->list(&call, &sem_root, name_add, &names), 0);
	snprintf(wanted, sizeof(wanted), "\n%s\n", name);
	return strstr(names.text, wanted);
}

static void test_make_sysv(void **state)
{
	struct semid_ds set;
	int id;

	assert_int_equal(sem_mkdir("0x4d2,nsems=3,value=1:10:0", 0640), 0);
	id = semget(0x4d2, 0, 0);
	assert_true(id >= 0);
	assert_int_equal(semctl(id, 0, IPC_STAT, (union semun){.buf = &set}), 0);
	assert_int_equal(set.sem_nsems, 3);
	assert_int_equal(set.sem_perm.mode & 0777, 0640);
	assert_true(set.sem_otime != 0);
	assert_int_equal(semctl(id, 0, GETVAL), 1);
	assert_int_equal(semctl(id, 1, GETVAL), 10);
	assert_int_equal(semctl(id, 2, GETVAL), 0);
	assert_shows("0x4D2", "value", "1 10 0\n");
	assert_shows("0x000004d2", "nsems", "3\n");
	assert_true(is_listed("0x000004d2"));
	assert_int_equal(sem_mkdir("0x4d2", 0600), -EEXIST);
	assert_int_equal(sem_rmdir("0x4d2,anything"), 0);
	assert_int_equal(semget(0x4d2, 0, 0), -1);
	assert_int_equal(find("0x4d2"), -ENOENT);

	/* All zeros: initialised none the less. */
	assert_int_equal(sem_mkdir("0x5,value=0,nsems=2", 0777), 0);
	id = semget(5, 0, 0);
	assert_int_equal(semctl(id, 0, IPC_STAT, (union semun){.buf = &set}), 0);
	assert_true(set.sem_otime != 0);
	assert_int_equal(set.sem_perm.mode & 0777, 0666);
	assert_shows("0x5", "value", "0 0\n");
	assert_int_equal(sem_rmdir("0x5"), 0);

	assert_int_equal(sem_mkdir("0x5", 0), 0);
	assert_shows("0x5", "value", "1\n");
	assert_int_equal(sem_rmdir("0x5"), 0);

	/* More than one semop can give values to. */
	assert_int_equal(sem_mkdir("0x5,nsems=1201,value=32767", 0600), 0);
	id = semget(5, 0, 0);
	assert_int_equal(semctl(id, 0, GETVAL), 32767);
	assert_int_equal(semctl(id, 1200, GETVAL), 32767);
	assert_int_equal(sem_rmdir("0x5"), 0);
}

static void test_make_posix(void **state)
{
	struct stat st;
	sem_t *semaphore;
	int value;

	assert_int_equal(sem_mkdir("lock", 0640), 0);
	semaphore = sem_open("/lock", 0);
	assert_ptr_not_equal(semaphore, SEM_FAILED);
	assert_int_equal(sem_getvalue(semaphore, &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(sem_post(semaphore), 0);
	assert_int_equal(sem_close(semaphore), 0);
	assert_shows("lock", "value", "2\n");
	assert_shows("lock,any=thing", "ncount", "0\n");
	assert_int_equal(stat("/dev/shm/sem.lock", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_size, sizeof(sem_t));
	assert_int_equal(sem_mkdir("lock", 0600), -EEXIST);
	assert_int_equal(place_store(sem_at("lock"), "value", "3"), -EOPNOTSUPP);
	assert_int_equal(sem_rmdir("lock"), 0);
	assert_int_equal(stat("/dev/shm/sem.lock", &st), -1);

	assert_int_equal(sem_mkdir("big,value=2147483647", 0600), 0);
	assert_shows("big", "value", "2147483647\n");
	assert_int_equal(sem_rmdir("big"), 0);
	/* One that another program made, in the tree. */
	semaphore = sem_open("/theirs", O_CREAT | O_EXCL, 0600, 7);
	assert_ptr_not_equal(semaphore, SEM_FAILED);
	assert_shows("theirs", "value", "7\n");
	assert_true(is_listed("theirs"));
	sem_close(semaphore);
	assert_int_equal(sem_unlink("/theirs"), 0);
	assert_int_equal(find("theirs"), -ENOENT);
}

static void test_make_refuses(void **state)
{
	static const char *const wrong[] = {
		"17",
		"0x0",
		"0x5,nsems=0",
		"0x5,nsems=32001",
		"0x5,nsems=x",
		"0x5,value=32768",
		"0x5,value=-1",
		"0x5,value=",
		"0x5,value=1:2,nsems=3",
		"0x5,value=1::2",
		"0x5,value=1:2:3:4,nsems=3",
		"0x5,colour=red",
		"0x5,value=1,value=1",
		"0x5,",
		"0x5,nsems",
		"lock,nsems=1",
		"lock,value=2147483648",
		"lock,value=1:2",
		"lock,value=-1",
		"lock,value",
		"lock,",
		"0x123456789",
		"2147483648",
	};
	struct names names = {""};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(sem_mkdir(wrong[i], 0600), -EINVAL);
		assert_true(call.reason[0] != '\0');
	}
	assert_int_equal(sem_kind.dir->list(&call, &sem_root, name_add, &names), 0);
	assert_string_equal(names.text, "");
	sem_mkdir("0x5,nsems=32001", 0600);
	assert_non_null(strstr(call.reason, "kernel.sem"));
	assert_non_null(strstr(call.reason, "32000"));
}

static void test_names(void **state)
{
	static const char *const odd[] = {
		"posix:0x5", "posix:17", "posix:status", "posix:posix:a", "posix:0x123456789",
		"posix:a,b", "\xff\xfe", "new\nline",    "0xyz",          "0x",
		"a b",       "...",
	};
	char longest[300], path[64];
	int id;

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		const char *name = strncmp(odd[i], "posix:", 6) == 0 ? odd[i] + 6 : odd[i];

		/* Made by others: mkdir cannot make a name with a comma. */
		snprintf(path, sizeof(path), "/dev/shm/sem.%s", name);
		assert_int_equal(close(open(path, O_CREAT | O_EXCL | O_RDWR, 0600)), 0);
		if (!is_listed(odd[i]))
			fail_msg("%s is not listed", odd[i]);
		assert_string_equal(sem_at(odd[i]).name, name);
		assert_int_equal(unlink(path), 0);
	}
	/* These two name directories, whatever else there is. */
	close(open("/dev/shm/sem..", O_CREAT | O_RDWR, 0600));
	close(open("/dev/shm/sem...", O_CREAT | O_RDWR, 0600));
	assert_false(is_listed(".") || is_listed(".."));
	unlink("/dev/shm/sem..");
	unlink("/dev/shm/sem...");

	/* What follows a comma is dropped where the whole is no object. */
	assert_int_equal(sem_mkdir("posix:a,value=2", 0600), 0);
	assert_string_equal(sem_at("posix:a,value=2").name, "a");
	assert_string_equal(sem_at("a,x").name, "a");
	assert_int_equal(sem_rmdir("a"), 0);

	memset(longest, 'n', sizeof(longest));
	longest[251] = '\0';
	assert_int_equal(sem_mkdir(longest, 0600), 0);
	assert_int_equal(sem_rmdir(longest), 0);
	longest[251] = 'n';
	longest[252] = '\0';
	assert_int_equal(sem_mkdir(longest, 0600), -ENAMETOOLONG);
	assert_int_equal(find(longest), -ENOENT);

	/* Private sets by their id; others too. */
	id = semget(IPC_PRIVATE, 1, 0600);
	snprintf(longest, sizeof(longest), "%d", id);
	assert_true(is_listed(longest));
	assert_int_equal(sem_at(longest).object, id);
	assert_int_equal(sem_rmdir(longest), 0);
	assert_int_equal(find(longest), -ENOENT);
	assert_int_equal(find("2147483647"), -ENOENT);
}

/* What is no regular file is no semaphore, and a link leads nowhere. */
static void test_not_semaphores(void **state)
{
	struct place place = {0};
	int error;

	assert_int_equal(symlink("/etc/passwd", "/dev/shm/sem.link"), 0);
	assert_int_equal(mkfifo("/dev/shm/sem.fifo", 0666), 0);
	assert_int_equal(mkdir("/dev/shm/sem.dir", 0777), 0);
	close(open("/dev/shm/sem.short", O_CREAT | O_WRONLY, 0666));
	close(open("/dev/shm/sem.", O_CREAT | O_WRONLY, 0666));
	assert_int_equal(find("link"), -ENOENT);
	assert_int_equal(find("fifo"), -ENOENT);
	assert_int_equal(find("dir"), -ENOENT);
	assert_false(is_listed("link") || is_listed("fifo") || is_listed("dir") || is_listed(""));
	assert_null(place_show(sem_at("short"), "value", &error));
	assert_int_equal(error, -EINVAL);
	/* One that was swapped after it was found. */
	place = sem_at("short");
	assert_int_equal(rename("/dev/shm/sem.link", "/dev/shm/sem.short"), 0);
	assert_null(place_show(place, "value", &error));
	assert_int_equal(error, -ENOENT);
	assert_int_equal(
		place.dir->change(&call, &place, &(struct change){.has_mode = true, .mode = 0666}),
		-ENOENT);
	unlink("/dev/shm/sem.short");
	unlink("/dev/shm/sem.fifo");
	unlink("/dev/shm/sem.");
	rmdir("/dev/shm/sem.dir");
}

static void test_parts(void **state)
{
	struct place set, part;
	struct names names = {""};

	assert_int_equal(sem_mkdir("0x7,value=4:5:6", 0600), 0);
	set = sem_at("0x7");
	assert_int_equal(set.dir->list(&call, &set, name_add, &names), 0);
	assert_string_equal(names.text, "0\n1\n2\n");
	assert_int_equal(set.dir->find(&call, &set, "2", &part), 0);
	assert_int_equal(part.part, 2);
	assert_int_equal(place_store(part, "value", "9"), 0);
	assert_shows("0x7", "value", "4 5 9\n");
	assert_int_equal(place_store(part, "value", "32768"), -EINVAL);
	assert_int_equal(place_store(part, "value", "1 2 3"), -EINVAL);
	assert_int_equal(set.dir->find(&call, &set, "3", &part), -ENOENT);
	assert_int_equal(set.dir->find(&call, &set, "00", &part), -ENOENT);
	assert_int_equal(set.dir->find(&call, &set, "-1", &part), -ENOENT);
	assert_int_equal(set.dir->find(&call, &set, "65536", &part), -ENOENT);
	assert_int_equal(place_store(set, "value", "1:2:3"), 0);
	assert_shows("0x7", "value", "1 2 3\n");
	assert_int_equal(place_store(set, "value", "3 2 1"), 0);
	assert_int_equal(place_store(set, "value", "1 2"), -EINVAL);
	assert_int_equal(place_store(set, "value", "1 2 3 4"), -EINVAL);
	assert_int_equal(place_store(set, "value", ""), -EINVAL);
	assert_int_equal(place_store(set, "value", "1 2 -3"), -EINVAL);
	assert_shows("0x7", "value", "3 2 1\n");
	assert_shows("0x7", "ncount", "0 0 0\n");
	assert_shows("0x7", "zcount", "0 0 0\n");
	assert_int_equal(sem_rmdir("0x7"), 0);
	assert_int_equal(place_store(set, "value", "1 2 3"), -ENOENT);
}

static void test_change(void **state)
{
	struct change change = {.has_mode = true, .has_uid = true, .mode = 0751, .uid = 12};
	struct stat st = {0}, file;
	struct place place;

	assert_int_equal(sem_mkdir("0x8", 0600), 0);
	place = sem_at("0x8");
	assert_int_equal(place.dir->change(&call, &place, &change), 0);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0640);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 0);
	assert_true(st.st_ctim.tv_sec > 0 && st.st_mtim.tv_sec > 0);
	become(NOBODY);
	assert_int_equal(place.dir->change(&call, &place, &change), -EPERM);
	assert_int_equal(place.dir->remove(&call, &place), -EPERM);
	unbecome();
	change.uid = (uid_t)-1;
	assert_int_equal(place.dir->change(&call, &place, &change), -EINVAL);
	assert_int_equal(place.dir->rename(&call, &place, "0x9", 0), -EPERM);
	assert_int_equal(sem_rmdir("0x8"), 0);

	assert_int_equal(sem_mkdir("lock", 0600), 0);
	place = sem_at("lock");
	assert_int_equal(place.dir->change(&call, &place, &change), -EINVAL);
	change.uid = 12;
	assert_int_equal(place.dir->change(&call, &place, &change), 0);
	assert_int_equal(stat("/dev/shm/sem.lock", &file), 0);
	assert_int_equal(file.st_mode & 07777, 0640);
	assert_int_equal(file.st_uid, 12);
	become(NOBODY);
	assert_int_equal(place.dir->change(&call, &place, &change), -EPERM);
	assert_int_equal(place.dir->remove(&call, &place), -EACCES);
	unbecome();
	assert_int_equal(sem_rmdir("lock"), 0);
}

static void test_rename(void **state)
{
	struct place place;

	assert_int_equal(sem_mkdir("one,value=1", 0600), 0);
	assert_int_equal(sem_mkdir("two,value=2", 0600), 0);
	place = sem_at("one");
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(place.dir->rename(&call, &place, "0x11", 0), -EPERM);
	assert_int_equal(place.dir->rename(&call, &place, "11", 0), -EPERM);
	assert_int_equal(place.dir->rename(&call, &place, "two,value=1", 0), -EINVAL);
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_WHITEOUT), -EINVAL);
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_EXCHANGE), 0);
	assert_shows("one", "value", "2\n");
	assert_int_equal(place.dir->rename(&call, &place, "two", 0), 0);
	assert_int_equal(find("one"), -ENOENT);
	place = sem_at("two");
	assert_int_equal(place.dir->rename(&call, &place, "posix:0x11,a", 0), 0);
	assert_shows("posix:0x11,a", "value", "2\n");
	assert_int_equal(sem_rmdir("posix:0x11,a"), 0);
}

/* The kernel judges: what others may not read stays unread, what everyone may know is shown. */
static void test_permission(void **state)
{
	struct place set;
	char *text;
	int error;

	assert_int_equal(sem_mkdir("0x9,value=1:2", 0600), 0);
	assert_int_equal(sem_mkdir("secret,value=5", 0600), 0);
	become(NOBODY);
	set = sem_at("0x9");
	assert_null(place_show(set, "value", &error));
	assert_int_equal(error, -EACCES);
	assert_null(place_show(set, "pid", &error));
	assert_int_equal(error, -EACCES);
	assert_int_equal(place_store(set, "value", "1 1"), -EACCES);
	assert_shows("0x9", "nsems", "2\n");
	assert_null(place_show(sem_at("secret"), "value", &error));
	assert_int_equal(error, -EACCES);
	text = place_show(set, "status", &error);
	assert_non_null(strstr(text, "\n# 2 semaphores not shown: no read permission\n"));
	free(text);
	text = root_show("status");
	assert_non_null(strstr(text, "\nsecret     root       600        -         \n"));
	assert_non_null(strstr(text, "\n\n# 1 not shown in full\n"));
	free(text);
	/* A new object is its maker's. */
	assert_int_equal(sem_mkdir("mine", 0600), 0);
	assert_int_equal(sem_mkdir("0xa", 0400), 0);
	assert_shows("0xa", "value", "1\n");
	assert_shows("mine", "value", "1\n");
	assert_int_equal(sem_rmdir("mine"), 0);
	assert_int_equal(sem_rmdir("0xa"), 0);
	unbecome();
	assert_int_equal(sem_rmdir("secret"), 0);
	assert_int_equal(sem_rmdir("0x9"), 0);
}

/* sem/status begins with the very bytes of ipcs, sem/limits with those of ipcs -l. */
static void assert_as_ipcs(const char *file, const char *command)
{
	char *expected = command_output(command), *text = root_show(file);

	assert_memory_equal(text, expected, strlen(expected));
	assert_int_equal(strncmp(text + strlen(expected), "------ POSIX Sem", 16), 0);
	free(text);
	free(expected);
}

static void test_status(void **state)
{
	char *expected, *text, *rows;
	char command[64];
	struct place set;
	int error, id;

	assert_as_ipcs("status", "LC_ALL=C ipcs -s");
	assert_as_ipcs("limits", "LC_ALL=C ipcs -s -l");
	assert_int_equal(sem_mkdir("0xfffffff0,value=1:2:3", 0604), 0);
	assert_int_equal(sem_mkdir("0x7", 0), 0);
	assert_true(semget(IPC_PRIVATE, 40, 0666) >= 0);
	assert_int_equal(sem_mkdir("a b,value=7", 0600), 0);
	become(NOBODY);
	assert_int_equal(sem_mkdir("0x8", 0600), 0);
	unbecome();
	set = sem_at("0x7");
	assert_int_equal(
		set.dir->change(&call, &set, &(struct change){.has_uid = true, .uid = 4242424242}),
		0);
	assert_as_ipcs("status", "LC_ALL=C ipcs -s");
	text = root_show("status");
	assert_non_null(strstr(text, "\na\\040b     root       600        7         \n\n"));
	assert_null(strchr(text, '#'));
	free(text);

	/* One set: the lines of ipcs -i from "semnum" on. */
	set = sem_at("0xfffffff0");
	id = (int)set.object;
	snprintf(command, sizeof(command), "LC_ALL=C ipcs -s -i %d", id);
	expected = command_output(command);
	text = place_show(set, "status", &error);
	rows = strstr(expected, "semnum");
	assert_memory_equal(strstr(text, "semnum"), rows, strlen(rows) - 1);
	assert_non_null(strstr(text, "\n0xfffffff0 "));
	free(text);
	free(expected);

	sem_rmdir("0xfffffff0");
	sem_rmdir("0x7");
	sem_rmdir("0x8");
	sem_rmdir("a b");
}

static void test_json(void **state)
{
	json_t *list, *object = NULL;
	char *text;
	int error;

	assert_int_equal(sem_mkdir("0x7,value=3:4", 0640), 0);
	assert_int_equal(sem_mkdir("\xff", 0600), 0);
	text = root_show("status.json");
	list = json_loads(text, 0, NULL);
	free(text);
	assert_true(json_array_size(list) >= 2);
	for (size_t i = 0; i < json_array_size(list); i++) {
		object = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(object, "name")), "0x00000007") == 0)
			break;
	}
	assert_string_equal(json_string_value(json_object_get(object, "key")), "0x00000007");
	assert_int_equal(json_integer_value(json_object_get(object, "nsems")), 2);
	assert_true(json_integer_value(json_object_get(object, "otime")) > 0);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(object, "value"), 1)),
			 4);
	json_decref(list);

	text = place_show(sem_at("0x7"), "status.json", &error);
	list = json_loads(text, 0, NULL);
	free(text);
	assert_int_equal(json_array_size(list), 1);
	object = json_array_get(json_object_get(json_array_get(list, 0), "elements"), 1);
	assert_int_equal(json_integer_value(json_object_get(object, "value")), 4);
	assert_int_equal(json_integer_value(json_object_get(object, "semnum")), 1);
	assert_int_equal(json_integer_value(json_object_get(object, "pid")), getpid());
	json_decref(list);

	text = place_show(sem_at("\xff"), "status.json", &error);
	list = json_loads(text, 0, NULL);
	free(text);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "value")), 1);
	assert_true(json_is_null(json_object_get(json_array_get(list, 0), "key")));
	json_decref(list);
	sem_rmdir("0x7");
	sem_rmdir("\xff");
}

/* A set of the largest size, then as many sets as there may be, which go with the namespace. */
static void test_many(void **state)
{
	int count = 0, rows = 0;
	char *text, *at;

	assert_int_equal(sem_mkdir("0x7,nsems=32000,value=2", 0600), 0);
	text = place_show(sem_at("0x7"), "value", &count);
	assert_int_equal(strlen(text), 2 * 32000);
	free(text);
	sem_rmdir("0x7");
	for (count = 0; count < 30000; count++)
		if (semget(IPC_PRIVATE, 1, 0600) < 0)
			break;
	assert_int_equal(count, 30000);
	text = root_show("status");
	/* Not strstr, for which a sanitizer measures all that follows each time. */
	for (at = text; *at; at++)
		rows += *at == '\n' && strncmp(at + 1, "0x00000000 ", 11) == 0;
	free(text);
	assert_true(rows >= 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make_refuses),   cmocka_unit_test(test_make_sysv),
		cmocka_unit_test(test_make_posix),     cmocka_unit_test(test_names),
		cmocka_unit_test(test_not_semaphores), cmocka_unit_test(test_parts),
		cmocka_unit_test(test_change),         cmocka_unit_test(test_rename),
		cmocka_unit_test(test_permission),     cmocka_unit_test(test_status),
		cmocka_unit_test(test_json),           cmocka_unit_test(test_many),
	};

	fixture_enter();
	umask(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
