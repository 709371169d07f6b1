/*
 * shm.c - shared memory: segments by shmat(2) and shmctl(2), POSIX objects as files of /dev/shm;
 * and what nobody uses, in shm/orphans.
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/shm.h"

enum { KEY = 0x51, NEW_KEY = 0x52, UNUSED_KEY = 0x53, SIZE = 8192 };

#define CONTENT "content"
#define FILE_OF_OBJECT "/dev/shm/u"
#define OF_ANOTHER "/dev/shm/v"
#define FILE_UNUSED "/dev/shm/w"

#define AS_IPCS "ipcs -m tells everyone"
#define AS_LS "ls -l /dev/shm tells everyone"
#define AS_PROC "there for everyone; whom it names /proc says: shown.c"

/* ---- System V ---- */

/* What everyone may know of a segment, so that IPC_SET can be tried without read permission. */
static struct shmid_ds known;

static int id(void)
{
	return shmget(KEY, 0, 0);
}

static int attach(int flags, const char *write)
{
	char *memory = shmat(id(), NULL, flags);

	if (memory == (void *)-1)
		return errno;
	if (write)
		memcpy(memory, write, strlen(write));
	else
		say("%s", memory);
	return errno_of(shmdt(memory));
}

static int attach_to_read(const void *unused)
{
	return attach(SHM_RDONLY, NULL);
}

static int attach_and_write(const void *unused)
{
	return attach(0, "new");
}

/* Attaching to write is what opening asks for. */
static int attach_to_write(const void *unused)
{
	return attach(0, "");
}

static int segment_remove(const void *unused)
{
	return errno_of(shmctl(id(), IPC_RMID, NULL));
}

static int segment_chmod(const void *unused)
{
	struct shmid_ds ds = known;

	ds.shm_perm.mode = MODE_AFTER;
	return errno_of(shmctl(id(), IPC_SET, &ds));
}

static int segment_chown(const void *unused)
{
	struct shmid_ds ds = known;

	ds.shm_perm.uid = OTHER;
	return errno_of(shmctl(id(), IPC_SET, &ds));
}

static int segment_chgrp(const void *unused)
{
	struct shmid_ds ds = known;

	ds.shm_perm.gid = OTHER;
	return errno_of(shmctl(id(), IPC_SET, &ds));
}

static int segment_lock(const void *unused)
{
	return errno_of(shmctl(id(), SHM_LOCK, NULL));
}

static int segment_unlock(const void *unused)
{
	return errno_of(shmctl(id(), SHM_UNLOCK, NULL));
}

static int say_size(const void *unused)
{
	say("%zu\n", (size_t)known.shm_segsz);
	return 0;
}

static int say_locked(const void *unused)
{
	say("%d\n", (known.shm_perm.mode & SHM_LOCKED) != 0);
	return 0;
}

static int owner_makes_segment(const void *unused)
{
	return errno_of(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static void segment_gone(void)
{
	shmctl(id(), IPC_RMID, NULL);
}

static void segment_make(mode_t mode, bool given)
{
	char *memory;

	segment_gone();
	as_owner(owner_makes_segment);
	memory = shmat(id(), NULL, 0);
	assert_true(memory != (void *)-1);
	strcpy(memory, CONTENT);
	shmdt(memory);
	assert_return_code(shmctl(id(), IPC_STAT, &known), errno);
	if (!given)
		return;
	known.shm_perm.uid = NEW_OWNER;
	known.shm_perm.gid = NEW_GROUP;
	assert_return_code(shmctl(id(), IPC_SET, &known), errno);
}

static void describe_segment(int segment, char *text, size_t size)
{
	struct shmid_ds ds;
	char *memory;

	if (segment < 0 || shmctl(segment, IPC_STAT, &ds) < 0) {
		snprintf(text, size, "none");
		return;
	}
	memory = shmat(segment, NULL, SHM_RDONLY);
	snprintf(text, size, "%u %u %u %u %04o %zu: %s", ds.shm_perm.cuid, ds.shm_perm.cgid,
		 ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.mode, (size_t)ds.shm_segsz,
		 memory == (void *)-1 ? "?" : memory);
	if (memory != (void *)-1)
		shmdt(memory);
}

static void segment_describe(char *text, size_t size)
{
	describe_segment(id(), text, size);
}

static const struct test_case segment_cases[] = {
	{"data", READ, .reads = true, .direct = attach_to_read},
	{"data", WRITE, .write = "new", .direct = attach_and_write},
	{"data", BOTH, .write = "new", .flags = O_RDWR, .direct = attach_and_write},
	{"data", WRITE, .flags = O_WRONLY | O_TRUNC, .only_open = true, .direct = attach_to_write,
	 .why = "it empties nothing"},
	{"data", TRUNCATE, .tree = tree_truncate, .flags = SIZE,
	 .why = "it has its size for life: this changes nothing"},
	{"data", CHMOD, .tree = tree_chmod, .direct = segment_chmod, .narrow = true},
	{"data", CHOWN, .tree = tree_chown, .direct = segment_chown, .narrow = true},
	{"size", READ, .reads = true, .direct = say_size, .why = AS_IPCS},
	{"nattch", READ, .why = AS_IPCS},
	{"cpid", READ, .why = AS_IPCS},
	{"lpid", READ, .why = AS_IPCS},
	{"locked", READ, .reads = true, .direct = say_locked, .why = AS_IPCS},
	{"locked", WRITE, .write = "1", .direct = segment_lock},
	{"locked", WRITE, .write = "0", .direct = segment_unlock},
	{"dest", READ, .why = AS_IPCS},
	{"rss", READ, .why = "/proc/sysvipc/shm tells everyone"},
	{"swap", READ, .why = "/proc/sysvipc/shm tells everyone"},
	{"status", READ, .why = AS_IPCS},
	{"status.json", READ, .why = AS_IPCS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, FIND, &shm_dir, "/shm/0x51", .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_IPCS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = segment_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = segment_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = segment_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = segment_remove},
	{NULL},
};

static const struct object segment = {
	.name = "a segment",
	.dir = &shm_sysv_dir,
	.path = MOUNT "/shm/0x51",
	.cases = segment_cases,
	.make = segment_make,
	.remove = segment_gone,
	.describe = segment_describe,
};

/* ---- POSIX ---- */

static int file_read(const void *unused)
{
	char text[64] = "";
	int fd = open(FILE_OF_OBJECT, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		error = errno;
	else
		say("%s", text);
	close(fd);
	return error;
}

static int file_write(const void *argument)
{
	const struct test_case *test = argument;
	int fd = open(FILE_OF_OBJECT, (test->flags ? test->flags : O_WRONLY) | O_CLOEXEC);

	return fd < 0 ? errno : errno_of(write(fd, test->write, strlen(test->write)));
}

static int file_truncate(const void *unused)
{
	return errno_of(truncate(FILE_OF_OBJECT, 10));
}

static int longer(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : errno_of(fallocate(fd, 0, 0, 2 * SIZE));
}

static int tree_longer(const void *unused)
{
	return longer(MOUNT "/shm/u/data");
}

static int file_longer(const void *unused)
{
	return longer(FILE_OF_OBJECT);
}

static int say_file_size(const void *unused)
{
	struct stat st;

	if (stat(FILE_OF_OBJECT, &st) < 0)
		return errno;
	say("%lld\n", (long long)st.st_size);
	return 0;
}

static int object_unlink(const void *unused)
{
	return errno_of(shm_unlink("/u"));
}

static int tree_rename_over(const void *unused)
{
	return errno_of(rename(MOUNT "/shm/u", MOUNT "/shm/v"));
}

static int file_rename_over(const void *unused)
{
	return errno_of(rename(FILE_OF_OBJECT, OF_ANOTHER));
}

static int tree_exchange(const void *unused)
{
	return errno_of(
		renameat2(AT_FDCWD, MOUNT "/shm/u", AT_FDCWD, MOUNT "/shm/v", RENAME_EXCHANGE));
}

static int file_exchange(const void *unused)
{
	return errno_of(renameat2(AT_FDCWD, FILE_OF_OBJECT, AT_FDCWD, OF_ANOTHER, RENAME_EXCHANGE));
}

static int owner_makes_object(const void *unused)
{
	int fd = shm_open("/u", O_CREAT | O_EXCL | O_RDWR, made.mode);

	if (fd < 0 || fchmod(fd, made.mode) < 0 || ftruncate(fd, SIZE) < 0 ||
	    pwrite(fd, CONTENT, strlen(CONTENT), 0) < 0)
		return errno;
	return errno_of(close(fd));
}

/* Beside it, of one who is in neither group. */
static int other_makes_one(const void *unused)
{
	return errno_of(close(open(OF_ANOTHER, O_CREAT | O_EXCL | O_WRONLY, 0666)));
}

static void object_gone(void)
{
	shm_unlink("/u");
	shm_unlink("/u.else");
	shm_unlink("/v");
}

static void object_make(mode_t mode, bool given)
{
	object_gone();
	as_owner(owner_makes_object);
	assert_int_equal(do_as(identity_of(OTHER), other_makes_one, NULL), 0);
	if (given)
		assert_return_code(chown(FILE_OF_OBJECT, NEW_OWNER, NEW_GROUP), errno);
}

static void describe_content(const char *path, char *text, size_t size)
{
	char content[64] = "";
	struct stat st = {0};
	size_t length;
	int fd;

	describe_file(path, text, size);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0 || read(fd, content, sizeof(content) - 1) < 0)
		*content = '\0';
	close(fd);
	length = strlen(text);
	snprintf(text + length, size - length, " %lld: %s; ", (long long)st.st_size, content);
}

static void object_describe(char *text, size_t size)
{
	static const char *const files[] = {FILE_OF_OBJECT, FILE_OF_OBJECT ".else", OF_ANOTHER};

	for (size_t i = 0; i < COUNT(files); i++) {
		size_t length = strlen(text);

		describe_content(files[i], text + length, size - length);
	}
}

static const struct test_case object_cases[] = {
	{"data", READ, .reads = true, .direct = file_read},
	{"data", WRITE, .write = "new", .direct = file_write},
	{"data", BOTH, .write = "new", .flags = O_RDWR, .direct = file_write},
	{"data", WRITE, .flags = O_WRONLY | O_TRUNC, .only_open = true, .direct = file_open},
	{"data", WRITE, .tree = tree_longer, .direct = file_longer},
	{"data", TRUNCATE, .tree = tree_truncate, .flags = 10, .direct = file_truncate},
	{"data", CHMOD, .tree = tree_chmod, .direct = file_chmod, .narrow = true},
	{"data", CHOWN, .tree = tree_chown, .direct = file_chown, .narrow = true},
	{"size", READ, .reads = true, .direct = say_file_size},
	{"size", WRITE, .write = "10", .direct = file_truncate},
	{"rss", READ, .why = AS_LS},
	{"status", READ, .why = AS_LS},
	{"status.json", READ, .why = AS_LS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, FIND, &shm_dir, "/shm/u", .tree = tree_stat, .why = AS_LS},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_LS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = file_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = file_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = file_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = object_unlink},
	{ITSELF, RENAME, .tree = tree_rename, .direct = file_rename},
	{ITSELF, RENAME, .tree = tree_rename_over, .direct = file_rename_over},
	{ITSELF, RENAME, .tree = tree_exchange, .direct = file_exchange},
	{NULL},
};

static const struct object object = {
	.name = "a POSIX memory object",
	.dir = &shm_posix_dir,
	.path = MOUNT "/shm/u",
	.file = FILE_OF_OBJECT,
	.cases = object_cases,
	.make = object_make,
	.remove = object_gone,
	.describe = object_describe,
};

/* ---- what nobody uses ---- */

static int unused_id(void)
{
	return shmget(UNUSED_KEY, 0, 0);
}

static int unused_remove(const void *unused)
{
	return errno_of(shmctl(unused_id(), IPC_RMID, NULL));
}

static int unused_unlink(const void *unused)
{
	return errno_of(shm_unlink("/w"));
}

/* Its creator has to be gone. */
static int creator(void *unused)
{
	become(identities);
	return shmget(UNUSED_KEY, SIZE, IPC_CREAT | IPC_EXCL | (int)made.mode) < 0;
}

static int owner_makes_unused(const void *unused)
{
	int fd = open(FILE_UNUSED, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, made.mode);

	return fd < 0 ? errno : errno_of(close(fd));
}

static void unused_gone(void)
{
	shmctl(unused_id(), IPC_RMID, NULL);
	unlink(FILE_UNUSED);
}

static void unused_make(mode_t mode, bool given)
{
	struct shmid_ds ds;

	unused_gone();
	assert_int_equal(reap(spawn(creator, NULL)), 0);
	as_owner(owner_makes_unused);
	if (!given)
		return;
	assert_return_code(shmctl(unused_id(), IPC_STAT, &ds), errno);
	ds.shm_perm.uid = NEW_OWNER;
	ds.shm_perm.gid = NEW_GROUP;
	assert_return_code(shmctl(unused_id(), IPC_SET, &ds), errno);
	assert_return_code(chown(FILE_UNUSED, NEW_OWNER, NEW_GROUP), errno);
}

static void unused_describe(char *text, size_t size)
{
	struct stat st;

	snprintf(text, size, "%d %d", unused_id() >= 0, stat(FILE_UNUSED, &st) == 0);
}

#define AS_NATTCH "ipcs -m -p tells who made it and how often it is attached"
#define AS_COUNT "that nobody has it open holders tells everyone, by counting"

static const struct test_case unused_cases[] = {
	{ITSELF, UNLINK, NULL, "0x00000053", .tree = tree_unlink, .direct = unused_remove},
	{ITSELF, UNLINK, NULL, "w", .tree = tree_unlink, .direct = unused_unlink},
	{ITSELF, FIND, NULL, "0x00000053", .tree = tree_stat, .narrow = true, .why = AS_NATTCH},
	{ITSELF, FIND, NULL, "w", .tree = tree_stat, .narrow = true, .why = AS_COUNT},
	{ITSELF, LIST, .tree = tree_list, .narrow = true, .why = AS_NATTCH},
	{NAMELESS, FOLLOW, NULL, "w", .tree = tree_readlink, .narrow = true, .why = AS_COUNT},
	{NULL},
};

static const struct object unused_memory = {
	.name = "memory that nobody uses",
	.dir = &shm_orphans_dir,
	.path = MOUNT "/shm/orphans",
	.cases = unused_cases,
	.make = unused_make,
	.remove = unused_gone,
	.describe = unused_describe,
};

/* ---- making them ---- */

static int make_segment(const void *unused)
{
	return errno_of(shmget(NEW_KEY, SIZE, IPC_CREAT | IPC_EXCL | (int)made.mode));
}

static int make_object(const void *unused)
{
	int fd = shm_open("/new", O_CREAT | O_EXCL | O_RDWR, made.mode);

	return fd < 0 ? errno : errno_of(ftruncate(fd, SIZE));
}

static void new_gone(void)
{
	shmctl(shmget(NEW_KEY, 0, 0), IPC_RMID, NULL);
	shm_unlink("/new");
}

static void new_none(mode_t mode, bool given)
{
	new_gone();
}

static void new_describe(char *text, size_t size)
{
	size_t length;

	describe_segment(shmget(NEW_KEY, 0, 0), text, size);
	length = strlen(text);
	describe_content("/dev/shm/new", text + length, size - length);
}

static const struct test_case new_cases[] = {
	{ITSELF, MAKE, NULL, "0x52,size=8K", .tree = tree_mkdir, .direct = make_segment},
	{ITSELF, MAKE, NULL, "new,size=8K", .tree = tree_mkdir, .direct = make_object},
	{ITSELF, LIST, .tree = tree_list, .narrow = true, .why = AS_IPCS " of segments, " AS_LS},
	{"status", READ, .narrow = true, .why = AS_IPCS " of segments, " AS_LS},
	{"status.json", READ, .narrow = true, .why = AS_IPCS " of segments, " AS_LS},
	{"status.pids", READ, .narrow = true, .why = AS_IPCS},
	{"status.times", READ, .narrow = true, .why = AS_IPCS},
	{"status.creators", READ, .narrow = true, .why = AS_IPCS},
	{"limits", READ, .narrow = true, .why = AS_IPCS},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{"unnamed", READ, .narrow = true, .why = AS_PROC},
	{"events", READ, NULL, "try/events", .narrow = true, .why = AS_IPCS ", " AS_LS},
	{NULL},
};

static const struct object made_memory = {
	.name = "shm/",
	.dir = &shm_dir,
	.path = MOUNT "/shm",
	.cases = new_cases,
	.make = new_none,
	.remove = new_gone,
	.describe = new_describe,
	.not_given = true,
};

const struct object *const shm_objects[] = {&segment, &object, &unused_memory, &made_memory, NULL};
