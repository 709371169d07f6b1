/*
 * pipes.c - pipes: FIFOs as files, and unnamed ones as /proc/PID/fd shows them.
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper.h"
#include "pipes/pipe.h"

/* How much is in them: a number that is nowhere else. */
enum { BYTES = 1217, CAPACITY = 8192 };
#define BYTES_TEXT "1217"
#define CAPACITY_TEXT "8192"

#define PIPES "/run/ipcfs/pipes"
#define FIFO PIPES "/u"
#define OF_ANOTHER PIPES "/v"

#define AS_LS "ls -l tells everyone of the directory of FIFOs"
#define AS_PROC "there for everyone; whom it names /proc says: shown.c"
#define AS_HOLDER \
	"who may read or write the FIFO can ask it, and who may look into a process that has it"

/* Who has a FIFO open: of one that was given away root has. */
static struct keeper keepers[2];

static const struct keeper *keeper(void)
{
	return &keepers[made.given];
}

static void fill(int fd)
{
	static const char zeros[BYTES];

	assert_int_equal(write(fd, zeros, BYTES), BYTES);
}

static void describe_pipe(const struct keeper *by, char *text, size_t size)
{
	int fd = keeper_copy(by, 0), bytes = -1;
	size_t length = strlen(text);

	ioctl(fd, FIONREAD, &bytes);
	snprintf(text + length, size - length, ": %d of %d", bytes, fcntl(fd, F_GETPIPE_SZ));
	close(fd);
}

/* ---- FIFOs ---- */

static int known_say(const char *text)
{
	if (access_as_effective(FIFO, R_OK) || access_as_effective(FIFO, W_OK) ||
	    keeper_is_visible(keeper()))
		say("%s\n", text);
	else
		return EACCES;
	return 0;
}

static int fifo_bytes(const void *unused)
{
	return known_say(BYTES_TEXT);
}

static int fifo_capacity(const void *unused)
{
	return known_say("65536");
}

static int fifo_ends(const void *unused)
{
	return known_say("1");
}

static int fifo_show_if_known(const void *unused)
{
	say_shown(access_as_effective(FIFO, R_OK) || access_as_effective(FIFO, W_OK) ||
		  keeper_is_visible(keeper()));
	return 0;
}

static int fifo_set_capacity(const void *unused)
{
	int fd = open(FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? errno : errno_of(fcntl(fd, F_SETPIPE_SZ, CAPACITY));
}

/* Back again, so that the next finds it as it was. */
static int tree_keep(const void *unused)
{
	int error = -put(MOUNT "/pipes/u/keep", "1");

	say("%ld", get_number(MOUNT "/pipes/u/keep"));
	put(MOUNT "/pipes/u/keep", "0");
	return error;
}

static int fifo_keep(const void *unused)
{
	int error = errno_of(open(FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC));

	say("%d", !error);
	return error;
}

static int tree_rename_over(const void *unused)
{
	return errno_of(rename(MOUNT "/pipes/u", MOUNT "/pipes/v"));
}

static int fifo_rename_over(const void *unused)
{
	return errno_of(rename(FIFO, OF_ANOTHER));
}

static int owner_makes_fifo(const void *unused)
{
	return errno_of(mkfifo(FIFO, made.mode));
}

static int other_makes_one(const void *unused)
{
	return errno_of(mkfifo(OF_ANOTHER, 0666));
}

static void drop(const struct keeper *by, int slot)
{
	keeper_take(by, slot, open("/dev/null", O_RDWR | O_CLOEXEC));
}

static void fifo_gone(void)
{
	for (size_t i = 0; i < COUNT(keepers); i++)
		drop(&keepers[i], 0);
	unlink(FIFO);
	unlink(FIFO ".else");
	unlink(OF_ANOTHER);
}

static void fifo_make(mode_t mode, bool given)
{
	int fd;

	fifo_gone();
	as_owner(owner_makes_fifo);
	assert_int_equal(do_as(identity_of(OTHER), other_makes_one, NULL), 0);
	if (given)
		assert_return_code(chown(FIFO, NEW_OWNER, NEW_GROUP), errno);
	fd = open(FIFO, O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	fill(fd);
	keeper_take(keeper(), 0, fd);
}

static void fifo_describe(char *text, size_t size)
{
	static const char *const files[] = {FIFO, FIFO ".else", OF_ANOTHER};

	for (size_t i = 0; i < COUNT(files); i++) {
		size_t length = strlen(text);

		describe_file(files[i], text + length, size - length);
	}
	describe_pipe(keeper(), text, size);
}

static const struct test_case fifo_cases[] = {
	{"data", FOLLOW, .tree = tree_readlink, .why = AS_LS},
	{"data", FOLLOW, .flags = O_RDONLY | O_NONBLOCK, .only_open = true, .direct = file_open},
	{"data", FOLLOW, .flags = O_WRONLY | O_NONBLOCK, .only_open = true, .direct = file_open},
	{"data", FOLLOW, .flags = O_RDWR, .only_open = true, .direct = file_open},
	{"data", FOLLOW, .tree = tree_chmod, .direct = file_chmod},
	{"bytes", READ, .reads = true, .direct = fifo_bytes, .why = AS_HOLDER},
	{"capacity", READ, .reads = true, .direct = fifo_capacity, .why = AS_HOLDER},
	{"capacity", WRITE, .write = CAPACITY_TEXT, .direct = fifo_set_capacity},
	{"readers", READ, .reads = true, .direct = fifo_ends, .why = AS_HOLDER},
	{"writers", READ, .reads = true, .direct = fifo_ends, .why = AS_HOLDER},
	{"keep", READ, .why = "a matter of the tree"},
	{"keep", WRITE, .tree = tree_keep, .direct = fifo_keep},
	{"status", READ, .word = " " BYTES_TEXT " ", .direct = fifo_show_if_known,
	 .why = AS_HOLDER},
	{"status.json", READ, .word = ": " BYTES_TEXT, .direct = fifo_show_if_known,
	 .why = AS_HOLDER},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{ITSELF, FIND, &pipe_dir, "/pipes/u", .tree = tree_stat, .why = AS_LS},
	{ITSELF, STAT, .tree = tree_stat, .why = AS_LS},
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = file_chmod},
	{ITSELF, CHOWN, .tree = tree_chown, .direct = file_chown},
	{ITSELF, CHOWN, .tree = tree_chgrp, .direct = file_chgrp},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = file_unlink},
	{ITSELF, RENAME, .tree = tree_rename, .direct = file_rename},
	{ITSELF, RENAME, .tree = tree_rename_over, .direct = fifo_rename_over},
	{"status", READ, &pipe_dir, "/pipes/status", .word = " " BYTES_TEXT " ",
	 .direct = fifo_show_if_known, .why = AS_HOLDER},
	{"status.json", READ, &pipe_dir, "/pipes/status.json", .word = ": " BYTES_TEXT,
	 .direct = fifo_show_if_known, .why = AS_HOLDER},
	{NULL},
};

static const struct object fifo = {
	.name = "a FIFO",
	.dir = &pipe_named_dir,
	.path = MOUNT "/pipes/u",
	.file = FIFO,
	.cases = fifo_cases,
	.make = fifo_make,
	.remove = fifo_gone,
	.describe = fifo_describe,
};

/* ---- one that the daemon keeps ---- */

/* Says what it then is. */
static int tree_end_keeping(const void *unused)
{
	int error = -put(MOUNT "/pipes/u/keep", "0");

	say("%ld", get_number(MOUNT "/pipes/u/keep"));
	return error;
}

static int may_end_keeping(const void *unused)
{
	int error = errno_of(open(FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC));

	say("%d", error != 0);
	return error;
}

static void kept_make(mode_t mode, bool given)
{
	fifo_make(mode, given);
	assert_int_equal(put(MOUNT "/pipes/u/keep", "1"), 0);
}

static const struct test_case kept_cases[] = {
	{"keep", WRITE, .tree = tree_end_keeping, .direct = may_end_keeping,
	 .why = "who may keep it may end that"},
	{"bytes", READ, .reads = true, .direct = fifo_bytes, .why = AS_HOLDER},
	{"capacity", WRITE, .write = CAPACITY_TEXT, .direct = fifo_set_capacity},
	{NULL},
};

static const struct object kept = {
	.name = "a kept FIFO",
	.dir = &pipe_named_dir,
	.path = MOUNT "/pipes/u",
	.file = FIFO,
	.cases = kept_cases,
	.make = kept_make,
	.remove = fifo_gone,
	.describe = fifo_describe,
	.always_new = true,
};

/* ---- unnamed pipes ---- */

/* It is the owner's process that has it; "given away": it was root who made it. */
static char unnamed_path[64];

static int owner_makes_unnamed(const void *ends)
{
	return errno_of(pipe2((int *)(uintptr_t)ends, O_CLOEXEC));
}

static void unnamed_make(mode_t mode, bool given)
{
	static int ends[2];
	struct stat st;

	if (given)
		assert_int_equal(owner_makes_unnamed(ends), 0);
	else
		assert_int_equal(do_as(identities, owner_makes_unnamed, ends), 0);
	fill(ends[1]);
	assert_return_code(fstat(ends[0], &st), errno);
	snprintf(unnamed_path, sizeof(unnamed_path), MOUNT "/pipes/anon/%lu",
		 (unsigned long)st.st_ino);
	keeper_take(&keepers[0], 0, ends[0]);
	keeper_take(&keepers[0], 1, ends[1]);
}

static void unnamed_gone(void)
{
	drop(&keepers[0], 0);
	drop(&keepers[0], 1);
}

static void unnamed_describe(char *text, size_t size)
{
	describe_pipe(&keepers[0], text, size);
}

static int visible(const void *unused)
{
	return keeper_is_visible(&keepers[0]) ? 0 : ENOENT;
}

static int visible_say(const char *text)
{
	if (!keeper_is_visible(&keepers[0]))
		return ENOENT;
	say("%s\n", text);
	return 0;
}

static int unnamed_bytes(const void *unused)
{
	return visible_say(BYTES_TEXT);
}

static int unnamed_capacity(const void *unused)
{
	return visible_say("65536");
}

static int unnamed_ends(const void *unused)
{
	return visible_say("1");
}

static int unnamed_set_capacity(const void *unused)
{
	int fd = keeper_open(&keepers[0], 0, O_WRONLY | O_NONBLOCK);

	if (!keeper_is_visible(&keepers[0]))
		return ENOENT;
	return fd < 0 ? -fd : errno_of(fcntl(fd, F_SETPIPE_SZ, CAPACITY));
}

static int unnamed_remove(const void *unused)
{
	return keeper_is_visible(&keepers[0]) ? EPERM : ENOENT;
}

/* Whether it is among those that are listed. */
static int tree_lists_it(const void *unused)
{
	say_shown(directory_lists(MOUNT "/pipes/anon", strrchr(unnamed_path, '/') + 1));
	return 0;
}

static int proc_lists_it(const void *unused)
{
	say_shown(keeper_is_visible(&keepers[0]));
	return 0;
}

#define IN_PROC "what /proc/PID/fd of who has it shows the reader"

static const struct test_case unnamed_cases[] = {
	{"bytes", READ, .reads = true, .direct = unnamed_bytes, .why = IN_PROC},
	{"capacity", READ, .reads = true, .direct = unnamed_capacity, .why = IN_PROC},
	{"capacity", WRITE, .write = CAPACITY_TEXT, .direct = unnamed_set_capacity},
	{"readers", READ, .reads = true, .direct = unnamed_ends, .why = IN_PROC},
	{"writers", READ, .reads = true, .direct = unnamed_ends, .why = IN_PROC},
	{"status", READ, .direct = visible, .why = IN_PROC},
	{"status.json", READ, .direct = visible, .why = IN_PROC},
	{"holders", READ, .direct = visible, .why = IN_PROC},
	{ITSELF, STAT, .tree = tree_stat, .direct = visible, .why = IN_PROC},
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = unnamed_remove,
	 .why = "it goes when it is closed"},
	{ITSELF, FIND, &pipe_anon_dir, ITSELF, .tree = tree_stat, .direct = visible,
	 .why = IN_PROC},
	{ITSELF, LIST, &pipe_anon_dir, .tree = tree_lists_it, .direct = proc_lists_it,
	 .why = IN_PROC},
	{NULL},
};

static const struct object unnamed = {
	.name = "an unnamed pipe",
	.dir = &pipe_unnamed_dir,
	.path = unnamed_path,
	.cases = unnamed_cases,
	.make = unnamed_make,
	.remove = unnamed_gone,
	.describe = unnamed_describe,
	.one_mode = true,
};

/* ---- making them ---- */

static int make_fifo(const void *unused)
{
	return errno_of(mkfifo(PIPES "/new", made.mode));
}

static void new_gone(void)
{
	unlink(PIPES "/new");
}

static void new_none(mode_t mode, bool given)
{
	new_gone();
}

static void new_describe(char *text, size_t size)
{
	describe_file(PIPES "/new", text, size);
}

static const struct test_case new_cases[] = {
	{ITSELF, MAKE, NULL, "new", .tree = tree_mkdir, .direct = make_fifo},
	{ITSELF, MKFIFO, NULL, "new", .tree = tree_mkfifo, .direct = make_fifo},
	{ITSELF, LIST, .tree = tree_list, .narrow = true, .why = AS_LS},
	{"status", READ, .narrow = true, .why = AS_PROC},
	{"status.json", READ, .narrow = true, .why = AS_PROC},
	{"holders", READ, .narrow = true, .why = AS_PROC},
	{"limits", READ, .narrow = true, .why = "/proc/sys tells everyone"},
	{"events", READ, NULL, "try/events", .narrow = true, .why = AS_LS},
	{NULL},
};

static const struct object made_pipes = {
	.name = "pipes/",
	.dir = &pipe_dir,
	.path = MOUNT "/pipes",
	.cases = new_cases,
	.make = new_none,
	.remove = new_gone,
	.describe = new_describe,
	.not_given = true,
};

void pipes_begin(void)
{
	keeper_start(&keepers[0], identities, "pipe-keeper");
	keeper_start(&keepers[1], identity_of(0), "pipe-keeper");
}

const struct object *const pipe_objects[] = {&fifo, &kept, &unnamed, &made_pipes, NULL};
