/*
 * sem.c - semaphores: sets by semop(2) and semctl(2), POSIX ones by sem_open(3).
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

#include "sem/sem.h"

/* Values that nothing else has, so that who is shown them can be told. */
enum { KEY = 0x51, NEW_KEY = 0x52, VALUE = 23717, NAMED_VALUE = 31873 };
#define VALUE_TEXT "23717"
#define NAMED_VALUE_TEXT "31873"

#define FILE_OF_NAMED "/dev/shm/sem.u"

#define AS_IPCS "ipcs -s tells everyone"
#define AS_LS "ls -l /dev/shm tells everyone"
#define AS_PROC "there for everyone; whom it names /proc says: shown.c"
#define AS_VALUE "a table for everyone, with the values that the reader may ask for"

/* ---- sets ---- */

/* What everyone may know of a set, so that IPC_SET can be tried without read permission. */
static struct semid_ds known;

static int id(void)
{
	return semget(KEY, 0, 0);
}

static int operate(unsigned short number, short delta, short flags)
{
	struct sembuf one = {number, delta, (short)(flags | IPC_NOWAIT)};

	return errno_of(semop(id(), &one, 1));
}

static int take(const void *unused)
{
	return operate(0, -1, 0);
}

static int give(const void *unused)
{
	return operate(0, 1, 0);
}

static int take_with_undo(const void *unused)
{
	return operate(0, -1, SEM_UNDO);
}

static int wait_for_zero(const void *unused)
{
	return operate(1, 0, 0);
}

static int get_all(const void *unused)
{
	unsigned short values[2];
	int error = errno_of(semctl(id(), 0, GETALL, values));

	if (!error)
		say("%u %u\n", values[0], values[1]);
	return error;
}

/* Of the first semaphore, and of both. */
static int get_one(int command)
{
	int one = semctl(id(), 0, command);

	if (one >= 0)
		say("%d\n", one);
	return errno_of(one);
}

static int get_both(int command)
{
	int one = semctl(id(), 0, command), other = semctl(id(), 1, command);

	if (one >= 0 && other >= 0)
		say("%d %d\n", one, other);
	return one < 0 || other < 0 ? errno : 0;
}

static int get_value(const void *unused)
{
	return get_one(GETVAL);
}

static int get_waiting(const void *unused)
{
	return get_both(GETNCNT);
}

static int get_waiting_for_zero(const void *unused)
{
	return get_both(GETZCNT);
}

static int get_one_waiting(const void *unused)
{
	return get_one(GETNCNT);
}

static int get_one_waiting_for_zero(const void *unused)
{
	return get_one(GETZCNT);
}

/* Which pid it is depends on who has operated: the daemon, or not. */
static int get_pid(const void *unused)
{
	return errno_of(semctl(id(), 0, GETPID));
}

static int set_value(const void *unused)
{
	return errno_of(semctl(id(), 0, SETVAL, 3));
}

static int set_all(const void *unused)
{
	unsigned short values[] = {3, 4};

	return errno_of(semctl(id(), 0, SETALL, values));
}

static int show_if_readable(const void *unused)
{
	say_shown(semctl(id(), 0, GETVAL) >= 0);
	return 0;
}

static int say_nsems(const void *unused)
{
	say("%lu\n", (unsigned long)known.sem_nsems);
	return 0;
}

static int set_remove(const void *unused)
{
	return errno_of(semctl(id(), 0, IPC_RMID));
}

static int set_chmod(const void *unused)
{
	struct semid_ds ds = known;

	ds.sem_perm.mode = MODE_AFTER;
	return errno_of(semctl(id(), 0, IPC_SET, &ds));
}

static int set_chown(const void *unused)
{
	struct semid_ds ds = known;

	ds.sem_perm.uid = OTHER;
	return errno_of(semctl(id(), 0, IPC_SET, &ds));
}

static int set_chgrp(const void *unused)
{
	struct semid_ds ds = known;

	ds.sem_perm.gid = OTHER;
	return errno_of(semctl(id(), 0, IPC_SET, &ds));
}

static int owner_makes_set(const void *unused)
{
	return errno_of(semget(KEY, 2, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static void set_gone(void)
{
	semctl(id(), 0, IPC_RMID);
}

static void set_make(mode_t mode, bool given)
{
	unsigned short values[] = {VALUE, 0};

	set_gone();
	as_owner(owner_makes_set);
	assert_return_code(semctl(id(), 0, SETALL, values), errno);
	assert_return_code(semctl(id(), 0, IPC_STAT, &known), errno);
	if (!given)
		return;
	known.sem_perm.uid = NEW_OWNER;
	known.sem_perm.gid = NEW_GROUP;
	assert_return_code(semctl(id(), 0, IPC_SET, &known), errno);
}

static void describe_set(int set, char *text, size_t size)
{
	unsigned short values[2] = {0};
	struct semid_ds ds;

	if (set < 0 || semctl(set, 0, IPC_STAT, &ds) < 0 || semctl(set, 0, GETALL, values) < 0)
		snprintf(text, size, "none");
	else
		snprintf(text, size, "%u %u %u %u %04o: %u %u", ds.sem_perm.cuid, ds.sem_perm.cgid,
			 ds.sem_perm.uid, ds.sem_perm.gid, ds.sem_perm.mode, values[0], values[1]);
}

static void set_describe(char *text, size_t size)
{
	describe_set(id(), text, size);
}

/* What a set and each semaphore of it have; @of is the table, @at where it is. */
#define CASES(of, at)                                                                                \
	{"op", WRITE, of, at "try/op", "P", .direct = take},                                         \
		{"op", WRITE, of, at "try/op", "V", .direct = give},                                 \
		{"op", BOTH, of, at "try/op", "P", O_RDWR, .direct = take},                          \
		{"op",                                                                               \
		 READ,                                                                               \
		 of,                                                                                 \
		 at "try/op",                                                                        \
		 .flags = O_RDWR,                                                                    \
		 .why = "reading it is always the end"},                                             \
		{"op", SHOW, of, at "try/op", .why = "it shows nothing"},                            \
		{"op",          CHMOD, of, at "try/op", .tree = tree_chmod, .direct = set_chmod,     \
		 .narrow = true},                                                                    \
		{"op",          CHOWN, of, at "wait/op", .tree = tree_chown, .direct = set_chown,    \
		 .narrow = true},                                                                    \
		{"hold",                                                                             \
		 WRITE,                                                                              \
		 of,                                                                                 \
		 at "try/hold",                                                                      \
		 .flags = O_WRONLY,                                                                  \
		 .only_open = true,                                                                  \
		 .direct = take_with_undo},                                                          \
		{"hold",                                                                             \
		 BOTH | READ,                                                                        \
		 of,                                                                                 \
		 at "try/hold",                                                                      \
		 .flags = O_RDWR,                                                                    \
		 .only_open = true,                                                                  \
		 .direct = take_with_undo},                                                          \
		{"hold", SHOW, of, at "hold", .why = AS_PROC},                                       \
		{"hold",        CHMOD, of, at "try/hold", .tree = tree_chmod, .direct = set_chmod,   \
		 .narrow = true},                                                                    \
		{"hold",        CHOWN, of, at "wait/hold", .tree = tree_chgrp, .direct = set_chgrp,  \
		 .narrow = true},                                                                    \
		{"nsems", READ, of, at "nsems", .reads = true, .direct = say_nsems, .why = AS_IPCS}, \
		{"pid", READ, of, at "pid", .direct = get_pid}, {"status",                           \
								 READ,                               \
								 of,                                 \
								 at "status",                        \
								 .word = VALUE_TEXT,                 \
								 .direct = show_if_readable,         \
								 .why = AS_VALUE},                   \
		{"status.json",                                                                      \
		 READ,                                                                               \
		 of,                                                                                 \
		 at "status.json",                                                                   \
		 .word = VALUE_TEXT,                                                                 \
		 .direct = show_if_readable,                                                         \
		 .why = AS_VALUE},                                                                   \
		{"holders", READ, of, at "holders", .narrow = true, .why = AS_PROC},                 \
		{ITSELF, STAT, of, at, .tree = tree_stat, .why = AS_IPCS},                           \
		{ITSELF, CHMOD, of, at, .tree = tree_chmod, .direct = set_chmod},                    \
		{ITSELF, CHOWN, of, at, .tree = tree_chown, .direct = set_chown},                    \
	{                                                                                            \
		ITSELF, CHOWN, of, at, .tree = tree_chgrp, .direct = set_chgrp                       \
	}

static const struct test_case set_cases[] = {
	CASES(NULL, ""),
	CASES(&sem_sysv_part_dir, "0/"),
	{"op", WRITE, NULL, "try/op", "1:0", .direct = wait_for_zero},
	{"op", WRITE, NULL, "wait/op", "V", .direct = give},
	{"op", WRITE, NULL, "within/5/op", "V", .direct = give},
	{"value", READ, .reads = true, .direct = get_all},
	{"value", WRITE, .write = "3 4", .direct = set_all},
	{"ncount", READ, .reads = true, .direct = get_waiting},
	{"zcount", READ, .reads = true, .direct = get_waiting_for_zero},
	{"value", READ, &sem_sysv_part_dir, "0/value", .reads = true, .direct = get_value},
	{"value", WRITE, &sem_sysv_part_dir, "0/value", "3", .direct = set_value},
	{"ncount", READ, &sem_sysv_part_dir, "0/ncount", .reads = true, .direct = get_one_waiting},
	{"zcount", READ, &sem_sysv_part_dir, "0/zcount", .reads = true,
	 .direct = get_one_waiting_for_zero},
	{ITSELF, FIND, NULL, "0", .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, FIND, &sem_dir, "/sem/0x51", .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, LIST, .tree = tree_list, .why = AS_IPCS},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = set_remove},
	{ITSELF, RENAME, .tree = tree_rename, .direct = nobody_eperm, .narrow = true,
	 .why = "a key is for life"},
	{"status", READ, &sem_dir, "/sem/status", .word = VALUE_TEXT, .direct = nobody_says,
	 .narrow = true, .why = "ipcs -s has no values"},
	{"status.json", READ, &sem_dir, "/sem/status.json", .word = VALUE_TEXT,
	 .direct = show_if_readable, .why = AS_VALUE},
	{"status.json", READ, &sem_dir, "/status.json", .word = VALUE_TEXT,
	 .direct = show_if_readable, .narrow = true, .why = AS_VALUE},
	{NULL},
};

static const struct object set = {
	.name = "a set of semaphores",
	.dir = &sem_sysv_dir,
	.path = MOUNT "/sem/0x51",
	.cases = set_cases,
	.make = set_make,
	.remove = set_gone,
	.describe = set_describe,
};

/* ---- POSIX ---- */

static int named_operate(int (*operation)(sem_t *sem))
{
	sem_t *sem = sem_open("/u", 0);
	int error;

	if (sem == SEM_FAILED)
		return errno;
	error = errno_of(operation(sem));
	sem_close(sem);
	return error;
}

static int named_take(const void *unused)
{
	return named_operate(sem_trywait);
}

static int named_give(const void *unused)
{
	return named_operate(sem_post);
}

/* sem_open(3) needs more than to look at the value takes: reading the file. */
static int named_value(void)
{
	int fd = open(FILE_OF_NAMED, O_RDONLY | O_CLOEXEC), value, error;
	const sem_t *sem;

	if (fd < 0)
		return -errno;
	sem = mmap(NULL, sizeof(*sem), PROT_READ, MAP_SHARED, fd, 0);
	error = errno;
	close(fd);
	if (sem == MAP_FAILED)
		return -error;
	sem_getvalue((sem_t *)(uintptr_t)sem, &value);
	munmap((void *)(uintptr_t)sem, sizeof(*sem));
	return value;
}

static int named_get(const void *unused)
{
	int value = named_value();

	if (value >= 0)
		say("%d\n", value);
	return value < 0 ? -value : 0;
}

static int named_readable(const void *unused)
{
	int fd = open(FILE_OF_NAMED, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int named_show_if_readable(const void *unused)
{
	say_shown(named_readable(unused) == 0);
	return 0;
}

static int named_unlink(const void *unused)
{
	return errno_of(sem_unlink("/u"));
}

static int owner_makes_named(const void *unused)
{
	sem_t *sem = sem_open("/u", O_CREAT | O_EXCL, made.mode, NAMED_VALUE);

	return sem == SEM_FAILED ? errno : errno_of(sem_close(sem));
}

static void named_gone(void)
{
	sem_unlink("/u");
	sem_unlink("/u.else");
}

static void named_make(mode_t mode, bool given)
{
	named_gone();
	as_owner(owner_makes_named);
	if (given)
		assert_return_code(chown(FILE_OF_NAMED, NEW_OWNER, NEW_GROUP), errno);
	/* glibc makes it with the bits that the umask leaves, chown takes none away. */
	assert_return_code(chmod(FILE_OF_NAMED, mode), errno);
}

static void named_describe(char *text, size_t size)
{
	size_t length;

	describe_file(FILE_OF_NAMED, text, size);
	length = strlen(text);
	snprintf(text + length, size - length, ": %d", named_value());
}

static const struct test_case named_cases[] = {
	{"op", WRITE, NULL, "try/op", "P", .direct = named_take},
	{"op", WRITE, NULL, "try/op", "V", .direct = named_give},
	{"op", BOTH, NULL, "try/op", "P", O_RDWR, .direct = named_take},
	{"op", READ, NULL, "try/op", .flags = O_RDWR, .direct = file_open,
	 .why = "reading it is always the end, opening it what sem_open does"},
	{"op", SHOW, NULL, "try/op", .why = "it shows nothing"},
	{"op", CHMOD, NULL, "try/op", .tree = tree_chmod, .direct = file_chmod, .narrow = true},
	{"op", CHOWN, NULL, "try/op", .tree = tree_chown, .direct = file_chown, .narrow = true},
	{"hold", WRITE, NULL, "try/hold", .flags = O_WRONLY, .only_open = true,
	 .direct = named_take},
	{"hold", BOTH | READ, NULL, "try/hold", .flags = O_RDWR, .only_open = true,
	 .direct = named_take},
	{"hold", SHOW, NULL, "hold", .why = AS_PROC},
	{"hold", CHMOD, NULL, "try/hold", .tree = tree_chmod, .direct = file_chmod, .narrow = true},
	{"hold", CHOWN, NULL, "try/hold", .tree = tree_chgrp, .direct = file_chgrp, .narrow = true},
	{"value", READ, .reads = true, .direct = named_get},
	{"value", WRITE, .write = "3", .direct = nobody_not_supported, .narrow = true,
	 .why = "there is no such call"},
	{"ncount", READ, .direct = named_readable, .why = "part of the same file"},
	{"status", READ, .word = NAMED_VALUE_TEXT, .direct = named_show_if_readable,
	 .why = AS_VALUE},
	{"status.json", READ, .word = NAMED_VALUE_TEXT, .direct = named_show_if_readable,
	 .why = AS_VALUE},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_LS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = file_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = file_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = file_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = named_unlink},
	{ITSELF, RENAME, .tree = tree_rename, .direct = file_rename},
	{"status", READ, &sem_dir, "/sem/status", .word = NAMED_VALUE_TEXT,
	 .direct = named_show_if_readable, .why = AS_VALUE},
	{"status.json", READ, &sem_dir, "/sem/status.json", .word = NAMED_VALUE_TEXT,
	 .direct = named_show_if_readable, .why = AS_VALUE},
	{"status", READ, &sem_dir, "/status", .word = NAMED_VALUE_TEXT,
	 .direct = named_show_if_readable, .why = AS_VALUE},
	{NULL},
};

static const struct object named = {
	.name = "a POSIX semaphore",
	.dir = &sem_posix_dir,
	.path = MOUNT "/sem/u",
	.file = FILE_OF_NAMED,
	.cases = named_cases,
	.make = named_make,
	.remove = named_gone,
	.describe = named_describe,
};

/* ---- making them ---- */

static int make_set(const void *unused)
{
	return errno_of(semget(NEW_KEY, 2, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static int make_named(const void *unused)
{
	sem_t *sem = sem_open("/new", O_CREAT | O_EXCL, made.mode, 0);

	return sem == SEM_FAILED ? errno : errno_of(sem_close(sem));
}

static void new_gone(void)
{
	semctl(semget(NEW_KEY, 0, 0), 0, IPC_RMID);
	sem_unlink("/new");
}

static void new_none(mode_t mode, bool given)
{
	new_gone();
}

static void new_describe(char *text, size_t size)
{
	size_t length;

	describe_set(semget(NEW_KEY, 0, 0), text, size);
	length = strlen(text);
	describe_file("/dev/shm/sem.new", text + length, size - length);
}

static const struct test_case new_cases[] = {
	{ITSELF, MAKE, NULL, "0x52,nsems=2,value=0", .tree = tree_mkdir, .direct = make_set},
	{ITSELF, MAKE, NULL, "new,value=0", .tree = tree_mkdir, .direct = make_named},
	{ITSELF, LIST, .tree = tree_list, .narrow = true, .why = AS_IPCS " of sets, " AS_LS},
	{"status", READ, .narrow = true, .why = AS_IPCS " of sets, " AS_LS},
	{"status.json", READ, .narrow = true, .why = AS_IPCS " of sets, " AS_LS},
	{"status.pids", READ, .narrow = true, .why = AS_IPCS},
	{"status.times", READ, .narrow = true, .why = AS_IPCS},
	{"status.creators", READ, .narrow = true, .why = AS_IPCS},
	{"limits", READ, .narrow = true, .why = AS_IPCS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{"events", READ, NULL, "try/events", .narrow = true, .why = AS_IPCS " of sets, " AS_LS},
	{NULL},
};

static const struct object made_sems = {
	.name = "sem/",
	.dir = &sem_dir,
	.path = MOUNT "/sem",
	.cases = new_cases,
	.make = new_none,
	.remove = new_gone,
	.describe = new_describe,
	.not_given = true,
};

const struct object *const sem_objects[] = {&set, &named, &made_sems, NULL};
