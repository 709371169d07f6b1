/*
 * test_pipes_names.c - named pipes as objects: made, renamed, changed and removed, by whatever
 * name, here and in the run directory, where anyone may put anything.
 */
#include "pipe_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

/* ---- making ---- */

static void test_mkfifo_is_mkdir(void **state)
{
	struct stat st;

	umask(027);
	assert_return_code(mkfifo(PIPES "/made", 0666), errno);
	umask(0);
	assert_return_code(stat(PIPES "/made", &st), errno);
	assert_true(S_ISDIR(st.st_mode));
	assert_return_code(stat(PIPES "/made/data", &st), errno);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_return_code(chmod(PIPES "/made", 0602), errno);
	assert_return_code(stat(RUN_PIPES "/made", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0602);
	assert_int_equal(errno_of(mkfifo(PIPES "/made", 0600)), EEXIST);
	assert_int_equal(errno_of(mkdir(PIPES "/made", 0600)), EEXIST);
	assert_int_equal(errno_of(mkdir(PIPES "/made,keep=1", 0600)), EEXIST);
	assert_int_equal(figure("made", "keep"), 0);
	assert_return_code(rmdir(PIPES "/made"), errno);
	/* No execute bit is left over from a directory's mode. */
	assert_return_code(mkdir(PIPES "/made", 0777), errno);
	assert_return_code(stat(RUN_PIPES "/made", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_return_code(rmdir(PIPES "/made"), errno);
}

static void test_no_other_files_are_made(void **state)
{
	assert_int_equal(errno_of(mknod(PIPES "/node", S_IFCHR | 0600, makedev(1, 3))), EPERM);
	assert_int_equal(errno_of(mknod(PIPES "/node", S_IFBLK | 0600, makedev(7, 0))), EPERM);
	assert_int_equal(errno_of(mknod(PIPES "/node", S_IFSOCK | 0600, 0)), EPERM);
	assert_int_equal(errno_of(mknod(PIPES "/node", S_IFREG | 0600, 0)), EPERM);
	assert_int_equal(errno_of(symlink("/dev/null", PIPES "/node")), EPERM);
	assert_int_equal(errno_of(mkdir(PIPES "/anon/1", 0600)), EPERM);
	assert_int_equal(errno_of(mkfifo(PIPES "/anon/1", 0600)), EPERM);
	assert_false(is_listed(RUN_PIPES, "node"));
}

/* Nothing is left of a pipe whose attributes are refused. */
static void test_attributes(void **state)
{
	static const char *const refused[] = {
		"x,",       "x,keep",     "x,keep=2",        "x,keep=1,keep=1",
		"x,size=1", "x,keep=yes", "x,capacity=8192", "x,keep=1,capacity=0",
		",keep=1",  "x,keep=1,",  "x,keep=-1",       "x,keep=1,capacity=2147483648",
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		assert_int_equal(errno_of(mkdir(in_pipe(refused[i], ""), 0600)), EINVAL);
		assert_false(is_listed(RUN_PIPES, "x"));
	}
	make("x,keep=1,capacity=8192", 0600);
	assert_int_equal(figure("x", "keep"), 1);
	assert_int_equal(figure("x", "capacity"), 8192);
	assert_return_code(rmdir(PIPES "/x"), errno);
	make("x,keep=0", 0600);
	assert_int_equal(figure("x", "keep"), 0);
	assert_return_code(rmdir(PIPES "/x"), errno);
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const char *const names[] = {
		"plain",      "with space",  "new\nline", "\xff\xfe",    "-",
		".dot",       "...",         "\033[31mx", "0x12",        "17",
		"-rf",        "a\\b",        "q\"'*?",    "fifo:status", "fifo:anon",
		"fifo:fifo:", "fifo:fifo:x", "\x7f",      "\u202e"};
	const size_t count = sizeof(names) / sizeof(*names);
	char longest[256], too_long[257], prefixed[300], status[65536];
	json_t *rows;

	for (size_t i = 0; i < count; i++) {
		struct stat st;

		make(names[i], 0600);
		assert_true(is_listed(PIPES, names[i]));
		assert_return_code(stat(in_pipe(names[i], "data"), &st), errno);
		assert_true(S_ISFIFO(st.st_mode));
	}
	/* Whatever the names, a row is a line and the JSON is JSON. */
	rows = status_of(PIPES "/status.json");
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], "\xff\xfe") != 0)
			assert_non_null(row_of(rows, names[i]));
	json_decref(rows);
	assert_true(get(PIPES "/status", status, sizeof(status)) > 0);
	assert_null(strchr(status, '\033'));
	assert_null(strchr(status, '\x7f'));
	assert_non_null(strstr(status, "\nnew\\012line "));
	assert_non_null(strstr(status, "\nwith\\040space "));
	assert_non_null(strstr(status, "\na\\134b "));
	for (size_t i = 0; i < count; i++)
		assert_return_code(rmdir(in_pipe(names[i], "")), errno);

	memset(longest, 'n', sizeof(longest) - 1);
	longest[255] = '\0';
	memset(too_long, 'n', sizeof(too_long) - 1);
	too_long[256] = '\0';
	make(longest, 0600);
	assert_true(is_listed(PIPES, longest));
	snprintf(prefixed, sizeof(prefixed), "fifo:%s", longest);
	assert_return_code(access(in_pipe(prefixed, "bytes"), R_OK), errno);
	assert_return_code(rmdir(in_pipe(longest, "")), errno);
	assert_int_equal(errno_of(mkdir(in_pipe(too_long, ""), 0600)), ENAMETOOLONG);
	snprintf(prefixed, sizeof(prefixed), "fifo:%s", too_long);
	assert_int_equal(errno_of(mkdir(in_pipe(prefixed, ""), 0600)), ENAMETOOLONG);
	assert_int_equal(errno_of(mkdir(PIPES "/status", 0600)), EEXIST);
	assert_int_equal(errno_of(mkdir(PIPES "/fifo:", 0600)), EINVAL);
	assert_int_equal(errno_of(mkdir(PIPES "/fifo:..", 0600)), EINVAL);
	assert_int_equal(errno_of(mkdir(PIPES "/fifo:.", 0600)), EINVAL);
}

/* Names that only others can give: with a comma, and those of files of pipes/ itself. */
static void test_names_of_others(void **state)
{
	char longest[256] = "", path[300], prefixed[300];
	static const struct {
		const char *fifo, *listed;
	} names[] = {
		{"a,b", "fifo:a,b"},       {"status", "fifo:status"}, {"anon", "fifo:anon"},
		{"fifo:y", "fifo:fifo:y"}, {",", "fifo:,"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct stat st;

		snprintf(path, sizeof(path), RUN_PIPES "/%s", names[i].fifo);
		assert_return_code(mkfifo(path, 0600), errno);
		assert_true(is_listed(PIPES, names[i].listed));
		assert_return_code(stat(in_pipe(names[i].listed, "data"), &st), errno);
		assert_true(S_ISFIFO(st.st_mode));
		assert_return_code(rmdir(in_pipe(names[i].listed, "")), errno);
		assert_int_equal(errno_of(lstat(path, &st)), ENOENT);
	}
	/* The longest that needs the prefix is listed with more bytes than a FIFO's name can have.
	 */
	memset(longest, ',', sizeof(longest) - 1);
	snprintf(path, sizeof(path), RUN_PIPES "/%s", longest);
	snprintf(prefixed, sizeof(prefixed), "fifo:%s", longest);
	assert_return_code(mkfifo(path, 0600), errno);
	assert_true(is_listed(PIPES, prefixed));
	assert_true(pathconf(PIPES, _PC_NAME_MAX) >= (long)strlen(prefixed));
	assert_return_code(rmdir(in_pipe(prefixed, "")), errno);
	/* With attributes it would be another pipe, so lookups drop what follows the comma. */
	make("a", 0600);
	assert_return_code(mkfifo(RUN_PIPES "/a,b", 0600), errno);
	assert_return_code(rmdir(PIPES "/fifo:a,b"), errno);
	assert_true(is_listed(RUN_PIPES, "a"));
	assert_return_code(rmdir(PIPES "/a"), errno);
}

/* ---- what other programs do in the run directory ---- */

static void test_made_outside(void **state)
{
	struct stat st;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(errno_of(stat(PIPES "/out", &st)), ENOENT);
		assert_return_code(mkfifo(RUN_PIPES "/out", 0640), errno);
		assert_return_code(stat(PIPES "/out", &st), errno);
		assert_true(is_listed(PIPES, "out"));
		assert_return_code(unlink(RUN_PIPES "/out"), errno);
		assert_false(is_listed(PIPES, "out"));
	}
}

static void test_only_fifos_count(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = RUN_PIPES "/socket"};
	static const char *const names[] = {"file", "directory", "link", "dangling", "socket"};
	int fd = open(RUN_PIPES "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0666), other;
	struct stat before, after;

	assert_return_code(fd, errno);
	close(fd);
	assert_return_code(mkdir(RUN_PIPES "/directory", 0777), errno);
	assert_return_code(mkfifo("/run/elsewhere", 0600), errno);
	assert_return_code(symlink("/run/elsewhere", RUN_PIPES "/link"), errno);
	assert_return_code(symlink("/run/nothing", RUN_PIPES "/dangling"), errno);
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_return_code(bind(other, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(lstat("/run/elsewhere", &before), errno);
	make("real", 0600);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *path = in_pipe(names[i], "");
		struct stat st;

		assert_false(is_listed(PIPES, names[i]));
		assert_int_equal(errno_of(stat(path, &st)), ENOENT);
		assert_int_equal(errno_of(mkdir(path, 0600)), EEXIST);
		assert_int_equal(errno_of(rmdir(path)), ENOENT);
		assert_int_equal(errno_of(chmod(path, 0777)), ENOENT);
		assert_int_equal(set(names[i], "keep", "1"), -ENOENT);
		assert_int_equal(errno_of(rename(PIPES "/real", path)), EEXIST);
		assert_true(is_listed(RUN_PIPES, names[i]));
		assert_true(is_listed(PIPES, "real"));
	}
	assert_return_code(lstat("/run/elsewhere", &after), errno);
	assert_memory_equal(&before, &after, sizeof(before));
	close(other);
	unlink(RUN_PIPES "/file");
	rmdir(RUN_PIPES "/directory");
	unlink(RUN_PIPES "/link");
	unlink(RUN_PIPES "/dangling");
	unlink(RUN_PIPES "/socket");
	unlink("/run/elsewhere");
	assert_return_code(rmdir(PIPES "/real"), errno);
}

/* Puts a link to another FIFO in the place of one, and takes it away, until it is told to end. */
static void *swap(void *argument)
{
	const atomic_bool *end = argument;

	while (!atomic_load(end))
		renameat2(AT_FDCWD, RUN_PIPES "/swapped", AT_FDCWD, RUN_PIPES "/link",
			  RENAME_EXCHANGE);
	return NULL;
}

static void test_links_are_never_followed(void **state)
{
	int done[5] = {0};
	atomic_bool end = false;
	struct stat before, after;
	pthread_t thread;

	assert_return_code(mkfifo("/run/victim", 0600), errno);
	make("swapped", 0600);
	assert_return_code(symlink("/run/victim", RUN_PIPES "/link"), errno);
	assert_return_code(lstat("/run/victim", &before), errno);
	assert_int_equal(pthread_create(&thread, NULL, swap, &end), 0);
	/* Until each has been done often enough. */
	for (int least = 0; least < 20;) {
		done[0] += chmod(PIPES "/swapped", 0606) == 0;
		done[1] += chown(PIPES "/swapped", OTHER, OTHER) == 0;
		done[2] += set("swapped", "keep", "1") == 0;
		/* The victim has no reader, so nobody has opened it. */
		assert_int_equal(errno_of(open("/run/victim", O_WRONLY | O_NONBLOCK)), ENXIO);
		done[3] += set("swapped", "capacity", "8192") == 0;
		done[4] += set("swapped", "keep", "0") == 0;
		least = done[0];
		for (size_t i = 1; i < sizeof(done) / sizeof(*done); i++)
			least = done[i] < least ? done[i] : least;
	}
	atomic_store(&end, true);
	pthread_join(thread, NULL);
	assert_return_code(lstat("/run/victim", &after), errno);
	assert_memory_equal(&before, &after, sizeof(before));
	unlink(RUN_PIPES "/swapped");
	unlink(RUN_PIPES "/link");
	unlink("/run/victim");
}

/* ---- renaming, changing, removing ---- */

static int rename_with(const char *from, const char *to, unsigned flags)
{
	return errno_of(renameat2(AT_FDCWD, in_pipe(from, ""), AT_FDCWD, in_pipe(to, ""), flags));
}

static void test_rename(void **state)
{
	struct stat st;
	int one, two;
	char byte;

	make("one", 0600);
	make("two", 0600);
	one = open_data("one", O_RDWR | O_NONBLOCK);
	two = open_data("two", O_RDWR | O_NONBLOCK);
	assert_int_equal(write(one, "1", 1), 1);
	assert_int_equal(write(two, "2", 1), 1);
	assert_int_equal(rename_with("one", "two", RENAME_NOREPLACE), EEXIST);
	assert_int_equal(rename_with("one", "two", RENAME_EXCHANGE), 0);
	assert_int_equal(figure("two", "bytes"), 1);
	assert_return_code(stat(PIPES "/two/data", &st), errno);
	assert_int_equal(inode_of(one), st.st_ino);
	assert_int_equal(rename_with("one", "three", RENAME_NOREPLACE), 0);
	assert_int_equal(rename_with("two", "three", 0), 0);
	assert_false(is_listed(PIPES, "one") || is_listed(PIPES, "two"));
	/* What is open goes on, with and without a name. */
	assert_int_equal(figure("three", "writers"), 1);
	assert_int_equal(read(one, &byte, 1), 1);
	assert_int_equal(byte, '1');
	assert_int_equal(read(two, &byte, 1), 1);
	assert_int_equal(byte, '2');
	assert_int_equal(rename_with("nothing", "three", 0), ENOENT);
	assert_int_equal(rename_with("three", "status", 0), ENOTDIR);
	assert_int_equal(rename_with("three", "anon", 0), EEXIST);
	assert_int_equal(rename_with("three", "a,b", 0), EINVAL);
	assert_int_equal(rename_with("three", "fifo:a,b", 0), 0);
	assert_true(is_listed(RUN_PIPES, "a,b"));
	assert_return_code(rmdir(PIPES "/fifo:a,b"), errno);
	close(one);
	close(two);
}

/* A kept one keeps what is in it under its new name; one that is replaced is given up. */
static void test_rename_of_kept(void **state)
{
	char byte;
	int fd, replaced;

	make("kept,keep=1", 0600);
	make("over,keep=1", 0600);
	assert_int_equal(put(in_pipe("kept", "data"), "k"), 0);
	replaced = open_data("over", O_RDONLY);
	assert_true(replaced >= 0);
	assert_int_equal(rename_with("kept", "over", 0), 0);
	assert_int_equal(figure("over", "keep"), 1);
	assert_int_equal(figure("over", "bytes"), 1);
	assert_int_equal(read(replaced, &byte, 1), 0);
	fd = open_data("over", O_RDONLY);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'k');
	close(fd);
	close(replaced);
	assert_return_code(rmdir(PIPES "/over"), errno);
}

/* Exits with the number of the first attempt that is not refused as it must be. */
static int change_as_other(void *unused)
{
	become(OTHER);
	if (chmod(PIPES "/owned", 0666) == 0 || errno != EPERM)
		return 1;
	if (chown(PIPES "/owned", OTHER, OTHER) == 0 || errno != EPERM)
		return 2;
	if (rmdir(PIPES "/owned") == 0 || errno != EPERM)
		return 3;
	if (rename(PIPES "/owned", PIPES "/mine") == 0 || errno != EPERM)
		return 4;
	if (mkdir(PIPES "/mine", 0600) < 0 || rename(PIPES "/mine", PIPES "/owned") == 0)
		return 5;
	if (chown(PIPES "/mine", OWNER, (gid_t)-1) == 0 || errno != EPERM)
		return 6;
	if (chmod(PIPES "/mine/bytes", 0666) == 0 || errno != EPERM)
		return 7;
	return rmdir(PIPES "/mine") < 0 ? 8 : 0;
}

static int change_as_owner(void *unused)
{
	become(OWNER);
	if (chmod(PIPES "/owned", 0644) < 0)
		return 1;
	/* A group that is its own, and one that is not. */
	if (chown(PIPES "/owned", (uid_t)-1, OWNER) < 0)
		return 2;
	if (chown(PIPES "/owned", (uid_t)-1, OTHER) == 0 || errno != EPERM)
		return 3;
	return 0;
}

static void test_change(void **state)
{
	struct stat st;

	make("owned", 0600);
	assert_return_code(chown(PIPES "/owned", OWNER, OTHER), errno);
	assert_int_equal(reap(spawn(change_as_other, NULL)), 0);
	assert_int_equal(reap(spawn(change_as_owner, NULL)), 0);
	assert_return_code(stat(RUN_PIPES "/owned", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_gid, OWNER);
	assert_return_code(rmdir(PIPES "/owned"), errno);
}

static void test_removed_while_open(void **state)
{
	char byte, status[65536], row[64];
	json_t *rows;
	int both;

	make("gone", 0600);
	both = open_data("gone", O_RDWR);
	assert_return_code(rmdir(PIPES "/gone"), errno);
	assert_false(is_listed(PIPES, "gone"));
	assert_int_equal(write(both, "x", 1), 1);
	/* It is no pipe of the tree's any more, but one that somebody has open. */
	rows = status_of(PIPES "/status.json");
	assert_null(row_of(rows, "gone"));
	assert_string_equal(holder_how(row_of(rows, RUN_PIPES "/gone (deleted)"), getpid()),
			    "read-write");
	json_decref(rows);
	snprintf(row, sizeof(row), "\n%s/gone\\040(deleted) ", RUN_PIPES);
	assert_true(get(PIPES "/status", status, sizeof(status)) > 0);
	assert_non_null(strstr(status, row));
	/* A new one of that name is another. */
	make("gone", 0600);
	assert_int_equal(figure("gone", "bytes"), 0);
	assert_int_equal(figure("gone", "readers"), 0);
	assert_int_equal(read(both, &byte, 1), 1);
	close(both);
	assert_return_code(rmdir(PIPES "/gone"), errno);
}

/* ---- a FIFO whose path is longer than the kernel tells ---- */

static void test_path_beyond_limits(void **state)
{
	char name[251], status[65536];
	json_t *rows;
	int fd;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_return_code(mkdir("/run/deep", 0700), errno);
	assert_return_code(chdir("/run/deep"), errno);
	for (int i = 0; i < 20; i++) {
		assert_return_code(mkdir(name, 0700), errno);
		assert_return_code(chdir(name), errno);
	}
	assert_return_code(mkfifo("fifo", 0600), errno);
	fd = open("fifo", O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_true(get(PIPES "/status", status, sizeof(status)) > 0);
	assert_non_null(strstr(status, "read-write:"));
	rows = status_of(PIPES "/status.json");
	assert_true(json_array_size(rows) > 0);
	json_decref(rows);
	close(fd);
	assert_return_code(unlink("fifo"), errno);
	assert_return_code(chdir("/"), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mkfifo_is_mkdir),
		cmocka_unit_test(test_no_other_files_are_made),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_of_others),
		cmocka_unit_test(test_made_outside),
		cmocka_unit_test(test_only_fifos_count),
		cmocka_unit_test(test_links_are_never_followed),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_rename_of_kept),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_removed_while_open),
		cmocka_unit_test(test_path_beyond_limits),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
