/*
 * test_pipe.c - named pipes: what is found, made, renamed, changed and removed.  What is expected
 * comes from the file system itself.
 */
#include "pipe_fixture.h"

#include <sys/un.h>

static void assert_fifo(const char *path, mode_t mode, uid_t uid)
{
	struct stat st;

	assert_return_code(lstat(path, &st), errno);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, uid);
}

static void assert_missing(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void assert_not_found(const char *name)
{
	struct place found;

	assert_int_equal(tree_find(name, &found), -ENOENT);
}

/* ---- making and finding ---- */

static void test_make(void **state)
{
	struct place place;
	struct stat st = {0};

	umask(077);
	assert_int_equal(tree_make("jobs", 0664), 0);
	umask(022);
	assert_fifo(PIPES "/jobs", 0664, 0);
	assert_int_equal(tree_make("jobs", 0600), -EEXIST);
	place = at("jobs");
	assert_string_equal(place.name, "jobs");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0664);
	assert_int_equal(st.st_uid, 0);
	become(USER);
	assert_int_equal(tree_make("mine", 0640), 0);
	become(0);
	assert_fifo(PIPES "/mine", 0640, USER);
	place = at("mine");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_uid, USER);
	assert_int_equal(st.st_gid, USER);
}

static void test_found(void **state)
{
	struct names names;
	struct stat st;

	assert_return_code(mkfifo(PIPES "/theirs", 0600), errno);
	assert_return_code(stat(PIPES "/theirs", &st), errno);
	assert_int_equal(at("theirs").identity, st.st_ino);
	assert_int_equal(at("theirs,what=ever").identity, st.st_ino);
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "theirs\n");
	assert_return_code(unlink(PIPES "/theirs"), errno);
	assert_not_found("theirs");
}

/* Only FIFOs are pipes. */
static void test_others_ignored(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PIPES "/socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct names names;

	assert_int_equal(system("cd " PIPES " && mkfifo fifo && ln -s fifo link && touch file && "
				"mkdir dir && ln -s /nowhere nowhere"),
			 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	close(fd);
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "fifo\n");
	assert_not_found("link");
	assert_not_found("file");
	assert_not_found("dir");
	assert_not_found("socket");
	assert_not_found("nowhere");
	assert_int_equal(tree_make("file", 0600), -EEXIST);
	assert_contains(call.reason, "it is no FIFO");
	assert_int_equal(tree_make("nowhere", 0600), -EEXIST);
}

static void test_names(void **state)
{
	char longest[NAME_MAX + 2], name[300];
	struct names names;

	/* The names of files of pipes/ itself. */
	assert_int_equal(tree_make("status", 0600), -EEXIST);
	assert_contains(call.reason, "fifo:status");
	assert_int_equal(tree_make("anon,keep=1", 0600), -EEXIST);
	assert_missing(PIPES "/anon");
	assert_int_equal(tree_make("fifo:anon", 0600), 0);
	assert_fifo(PIPES "/anon", 0600, 0);
	assert_string_equal(at("fifo:anon").name, "anon");
	assert_not_found("anon");
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "fifo:anon\n");
	assert_int_equal(tree_remove("fifo:anon"), 0);

	/* With a comma, and such as look like listed ones. */
	assert_return_code(mkfifo(PIPES "/a,b", 0600), errno);
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "fifo:a,b\n");
	assert_string_equal(at("fifo:a,b").name, "a,b");
	assert_not_found("a,b");
	assert_return_code(mkfifo(PIPES "/a", 0600), errno);
	assert_string_equal(at("a,b").name, "a");
	assert_string_equal(at("fifo:a,b").name, "a,b");
	assert_string_equal(at("fifo:a,c").name, "a");
	assert_string_equal(at("fifo:a").name, "a");
	assert_int_equal(tree_remove("fifo:a,b"), 0);
	assert_int_equal(tree_remove("fifo:a"), 0);
	assert_return_code(mkfifo(PIPES "/fifo:x", 0600), errno);
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "fifo:fifo:x\n");
	assert_string_equal(at("fifo:fifo:x").name, "fifo:x");
	assert_not_found("fifo:x");
	assert_int_equal(tree_remove("fifo:fifo:x"), 0);

	/* Any other bytes. */
	assert_int_equal(tree_make(" \n\x80'$", 0600), 0);
	assert_fifo(PIPES "/ \n\x80'$", 0600, 0);
	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, " \n\x80'$\n");
	assert_int_equal(tree_remove(" \n\x80'$"), 0);
	assert_int_equal(tree_make("posix:4711", 0600), 0);
	assert_fifo(PIPES "/posix:4711", 0600, 0);
	assert_int_equal(tree_remove("posix:4711"), 0);

	/* None at all, and too long. */
	assert_int_equal(tree_make("", 0600), -EINVAL);
	assert_int_equal(tree_make("fifo:", 0600), -EINVAL);
	assert_int_equal(tree_make(",keep=1", 0600), -EINVAL);
	assert_int_equal(tree_make(".", 0600), -EINVAL);
	assert_int_equal(tree_make("fifo:..", 0600), -EINVAL);
	assert_int_equal(tree_make("fifo:a/b", 0600), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	assert_int_equal(tree_make(longest, 0600), -ENAMETOOLONG);
	assert_contains(call.reason, "256 bytes");
	longest[NAME_MAX] = '\0';
	snprintf(name, sizeof(name), "fifo:%s", longest);
	assert_int_equal(tree_make(name, 0600), 0);
	assert_string_equal(at(longest).name, longest);
	assert_int_equal(tree_remove(longest), 0);
}

static void test_bad_attributes(void **state)
{
	static const char *const bad[] = {
		"p,",
		"p,keep",
		"p,keep=",
		"p,keep=2",
		"p,keep=1,keep=1",
		"p,size=1",
		"p,capacity=0",
		"p,capacity=65536",
		"p,keep=0,capacity=65536",
		"p,keep=1,capacity=64K",
		"p,keep=1,capacity=-1",
		"p,keep=1,capacity=4294967296",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(tree_make(bad[i], 0600), -EINVAL);
		assert_string_not_equal(call.reason, "");
		assert_missing(PIPES "/p");
	}
	assert_int_equal(tree_make("p,keep=0", 0600), 0);
	assert_figure("p", "keep", 0);
}

static void test_data(void **state)
{
	char path[PATH_MAX];
	struct place place;
	const struct row *row;

	assert_return_code(mkfifo(PIPES "/a,b", 0600), errno);
	place = at("fifo:a,b");
	row = row_of(place.dir, "data");
	assert_int_equal(row->type, ROW_LINK);
	assert_int_equal(row->target(&place, path, sizeof(path)), 0);
	assert_string_equal(path, PIPES "/a,b");
	assert_int_equal(row->target(&place, path, strlen(PIPES "/a,b")), -ENAMETOOLONG);
	assert_int_equal(row->target(&place, path, strlen(PIPES "/a,b") + 1), 0);
}

/* ---- removing ---- */

static void test_remove(void **state)
{
	struct place before;

	assert_int_equal(tree_make("p", 0600), 0);
	before = at("p");
	assert_int_equal(tree_remove("p"), 0);
	assert_missing(PIPES "/p");
	assert_int_equal(before.dir->remove(&call, &before), -ENOENT);
	become(USER);
	assert_int_equal(tree_make("p", 0666), 0);
	become(OTHER);
	assert_int_equal(tree_remove("p"), -EPERM);
	assert_contains(call.reason, "owner");
	become(USER);
	assert_int_equal(tree_remove("p"), 0);
	become(0);
	assert_missing(PIPES "/p");
}

/* A place speaks of one FIFO, not of another that has its name by now, nor of what is no FIFO. */
static void test_swapped(void **state)
{
	const struct change change = {.has_mode = true, .mode = 0666};
	struct place before;
	struct stat st;
	int error;

	assert_int_equal(tree_make("p", 0600), 0);
	before = at("p");
	assert_return_code(mkfifo(PIPES "/other", 0600), errno);
	assert_return_code(rename(PIPES "/other", PIPES "/p"), errno);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(before.dir->remove(&call, &before), -ENOENT);
		assert_int_equal(before.dir->change(&call, &before, &change), -ENOENT);
		assert_int_equal(before.dir->rename(&call, &before, "q", 0), -ENOENT);
		assert_int_equal(before.dir->stat(&before, &st), -ENOENT);
		assert_null(place_text(&before, "bytes", &error));
		assert_int_equal(error, -ENOENT);
		assert_null(place_text(&before, "keep", &error));
		assert_int_equal(error, -ENOENT);
		assert_int_equal(row_of(before.dir, "keep")->store(&call, &before, "1"), -ENOENT);
		assert_int_equal(row_of(before.dir, "capacity")->store(&call, &before, "65536"),
				 -ENOENT);
		assert_return_code(lstat(PIPES "/p", &st), errno);
		assert_int_equal(st.st_mode & 0777, i == 0 ? 0600 : i == 1 ? 0777 : 0640);
		/* Next a link to a file that must not be touched, then that file itself. */
		if (i == 0)
			assert_int_equal(system("touch /run/file && chmod 640 /run/file && "
						"ln -sf /run/file " PIPES "/p"),
					 0);
		else if (i == 1)
			assert_return_code(rename("/run/file", PIPES "/p"), errno);
	}
}

/* ---- renaming ---- */

static ino_t inode(const char *path)
{
	struct stat st;

	assert_return_code(lstat(path, &st), errno);
	return st.st_ino;
}

static int tree_rename(const char *from, const char *to, unsigned flags)
{
	struct place place = at(from);

	call.reason[0] = '\0';
	return place.dir->rename(&call, &place, to, flags);
}

static void test_rename(void **state)
{
	ino_t a, b;

	assert_int_equal(tree_make("a", 0600), 0);
	assert_int_equal(tree_make("b", 0600), 0);
	a = inode(PIPES "/a");
	b = inode(PIPES "/b");
	assert_int_equal(tree_rename("a", "c", 0), 0);
	assert_missing(PIPES "/a");
	assert_int_equal(inode(PIPES "/c"), a);
	assert_int_equal(tree_rename("c", "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(tree_rename("c", "b", RENAME_EXCHANGE), 0);
	assert_int_equal(inode(PIPES "/b"), a);
	assert_int_equal(inode(PIPES "/c"), b);
	assert_int_equal(tree_rename("c", "b", 0), 0);
	assert_int_equal(inode(PIPES "/b"), b);
	assert_missing(PIPES "/c");
	assert_int_equal(tree_rename("b", "none", RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(tree_rename("b", "x", RENAME_WHITEOUT), -EINVAL);
	assert_int_equal(inode(PIPES "/b"), b);
}

static void test_rename_names(void **state)
{
	ino_t a;

	assert_int_equal(tree_make("a", 0600), 0);
	a = inode(PIPES "/a");
	assert_int_equal(tree_rename("a", "b,keep=1", 0), -EINVAL);
	assert_int_equal(tree_rename("a", "status", 0), -EEXIST);
	assert_int_equal(tree_rename("a", "", 0), -EINVAL);
	assert_int_equal(tree_rename("a", "fifo:..", 0), -EINVAL);
	assert_int_equal(inode(PIPES "/a"), a);
	assert_int_equal(tree_rename("a", "fifo:status", 0), 0);
	assert_int_equal(inode(PIPES "/status"), a);
	assert_int_equal(tree_rename("fifo:status", "fifo:b,c", 0), 0);
	assert_int_equal(inode(PIPES "/b,c"), a);
}

/* What the tree does not show is not overwritten by it. */
static void test_rename_over_files(void **state)
{
	ino_t file;

	assert_int_equal(tree_make("a", 0600), 0);
	assert_int_equal(system("touch " PIPES "/file"), 0);
	file = inode(PIPES "/file");
	assert_int_equal(tree_rename("a", "file", 0), -EEXIST);
	assert_contains(call.reason, "no FIFO");
	assert_int_equal(tree_rename("a", "file", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(tree_rename("a", "file", RENAME_EXCHANGE), -EEXIST);
	assert_int_equal(inode(PIPES "/file"), file);
	become(USER);
	assert_int_equal(tree_rename("a", "b", 0), -EPERM);
	become(0);
	assert_missing(PIPES "/b");
}

/* ---- changing ---- */

static int tree_change(const char *name, const struct change *change)
{
	struct place place = at(name);

	call.reason[0] = '\0';
	return place.dir->change(&call, &place, change);
}

static void test_change(void **state)
{
	const struct change mode = {.has_mode = true, .mode = 0777};
	const struct change owner = {.has_uid = true, .uid = USER};
	const struct change both = {.has_mode = true, .mode = 0600, .has_uid = true, .uid = OTHER};
	const struct change nobody = {.has_uid = true, .uid = (uid_t)-1};

	assert_int_equal(tree_make("p", 0600), 0);
	assert_int_equal(tree_change("p", &mode), 0);
	assert_fifo(PIPES "/p", 0666, 0); /* a pipe is not executed */
	assert_int_equal(tree_change("p", &nobody), -EINVAL);
	assert_int_equal(tree_change("p", &owner), 0);
	assert_fifo(PIPES "/p", 0666, USER);
	become(USER);
	assert_int_equal(tree_change("p", &both), -EPERM);
	become(0);
	assert_fifo(PIPES "/p", 0666, USER); /* all or nothing */
	become(OTHER);
	assert_int_equal(tree_change("p", &mode), -EPERM);
	assert_contains(call.reason, "owner");
	become(0);
}

static void test_directory_gone(void **state)
{
	assert_return_code(rmdir(PIPES), errno);
	assert_int_equal(tree_make("p", 0600), -ENOENT);
	assert_contains(call.reason, PIPES " has been removed");
	kind_setup();
	assert_int_equal(tree_make("p", 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_make, test_end),
		cmocka_unit_test_teardown(test_found, test_end),
		cmocka_unit_test_teardown(test_others_ignored, test_end),
		cmocka_unit_test_teardown(test_names, test_end),
		cmocka_unit_test_teardown(test_bad_attributes, test_end),
		cmocka_unit_test_teardown(test_data, test_end),
		cmocka_unit_test_teardown(test_remove, test_end),
		cmocka_unit_test_teardown(test_swapped, test_end),
		cmocka_unit_test_teardown(test_rename, test_end),
		cmocka_unit_test_teardown(test_rename_names, test_end),
		cmocka_unit_test_teardown(test_rename_over_files, test_end),
		cmocka_unit_test_teardown(test_change, test_end),
		cmocka_unit_test_teardown(test_directory_gone, test_end),
	};

	machine_enter();
	kind_setup();
	return cmocka_run_group_tests_name("pipe", tests, NULL, NULL);
}
