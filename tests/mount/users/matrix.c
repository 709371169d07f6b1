/*
 * matrix.c - each operation done twice, through the tree and by the system call itself.
 */
#include "matrix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTION = 4096, SHOWN_DIFFERENCES = 25 };

struct made made;
unsigned matrix_cases, matrix_refused;

/* What has nothing to do with the mode is tried in the first, which lets nobody in. */
static const mode_t modes[] = {0, 0600, 0660, 0604, 0246};
enum { ONE_MODE = 0600 };

/* ---- operations ---- */

int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

/* Until the thread's next four. */
static const char *path_of(const struct test_case *test)
{
	static char paths[4][512];
	static unsigned next;
	char *path = paths[next++ % COUNT(paths)];
	const char *at = test->at ? test->at : test->row;

	if (*at == '/')
		snprintf(path, sizeof(*paths), MOUNT "%s", at);
	else
		snprintf(path, sizeof(*paths), "%s%s%s", made.object->path, *at ? "/" : "", at);
	return path;
}

int tree_chmod(const void *test)
{
	return errno_of(chmod(path_of(test), MODE_AFTER));
}

int tree_chown(const void *test)
{
	return errno_of(chown(path_of(test), OTHER, (gid_t)-1));
}

int tree_chgrp(const void *test)
{
	return errno_of(chown(path_of(test), (uid_t)-1, OTHER));
}

int tree_rmdir(const void *test)
{
	return errno_of(rmdir(path_of(test)));
}

int tree_unlink(const void *test)
{
	return errno_of(unlink(path_of(test)));
}

static int list(const char *path)
{
	DIR *dir = opendir(path);
	int error;

	if (!dir)
		return errno;
	errno = 0;
	while (readdir(dir))
		;
	error = errno;
	closedir(dir);
	return error;
}

int tree_list(const void *test)
{
	return list(path_of(test));
}

int tree_stat(const void *test)
{
	struct stat st;

	return errno_of(lstat(path_of(test), &st));
}

int tree_readlink(const void *test)
{
	char target[4096];

	return errno_of(readlink(path_of(test), target, sizeof(target)));
}

int tree_truncate(const void *argument)
{
	const struct test_case *test = argument;

	/* The flags of the case: to what size. */
	return errno_of(truncate(path_of(test), test->flags));
}

int tree_rename(const void *test)
{
	char to[512];

	snprintf(to, sizeof(to), "%s.else", path_of(test));
	return errno_of(rename(path_of(test), to));
}

int tree_mkdir(const void *test)
{
	return errno_of(mkdir(path_of(test), made.mode));
}

int tree_mkfifo(const void *test)
{
	return errno_of(mkfifo(path_of(test), made.mode));
}

int everyone(const void *unused)
{
	return 0;
}

int nobody_eperm(const void *unused)
{
	return EPERM;
}

int nobody_eacces(const void *unused)
{
	return EACCES;
}

int nobody_not_supported(const void *unused)
{
	return EOPNOTSUPP;
}

int nobody_says(const void *unused)
{
	say_shown(false);
	return 0;
}

int file_chmod(const void *unused)
{
	return errno_of(chmod(made.object->file, MODE_AFTER));
}

int file_chown(const void *unused)
{
	return errno_of(chown(made.object->file, OTHER, (gid_t)-1));
}

int file_chgrp(const void *unused)
{
	return errno_of(chown(made.object->file, (uid_t)-1, OTHER));
}

int file_unlink(const void *unused)
{
	return errno_of(unlink(made.object->file));
}

int file_open(const void *argument)
{
	const struct test_case *test = argument;

	return errno_of(open(made.object->file, test->flags | O_NONBLOCK | O_CLOEXEC));
}

int file_rename(const void *unused)
{
	char to[512];

	snprintf(to, sizeof(to), "%s.else", made.object->file);
	return errno_of(rename(made.object->file, to));
}

bool access_as_effective(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

bool directory_lists(const char *path, const char *name)
{
	const struct dirent *entry;
	DIR *dir = opendir(path);
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strcmp(entry->d_name, name) == 0;
	if (dir)
		closedir(dir);
	return found;
}

void say_shown(bool shown)
{
	say("%s", shown ? "shown" : "hidden");
}

void as_owner(deed *act)
{
	int error = do_as(identities, act, NULL);

	if (error)
		fail_msg("the owner cannot make %s: %s", made.object->name, strerrorname_np(error));
}

/* One read of a channel, all of another file. */
static int read_and_say(const struct test_case *test, const char *path)
{
	static char text[1 << 20];
	int fd = open(path, test->flags | O_CLOEXEC);
	bool once = strstr(path, "try/");
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return errno;
	while ((got = read(fd, text + used, sizeof(text) - 1 - used)) > 0) {
		used += (size_t)got;
		if (once)
			break;
	}
	text[used] = '\0';
	/* It stays open: what opening has taken is looked at before it is given back. */
	if (got < 0)
		return errno;
	if (test->reads)
		say("%s", text);
	if (test->word)
		say_shown(strstr(text, test->word));
	return 0;
}

static int by_tree(const void *argument)
{
	const struct test_case *test = argument;
	const char *path = path_of(test);
	int fd;

	if (test->only_open)
		return errno_of(open(path, test->flags | O_CLOEXEC));
	if (!test->write)
		return read_and_say(test, path);
	fd = open(path, (test->flags ? test->flags : O_WRONLY) | O_CLOEXEC);
	return fd < 0 ? errno : errno_of(write(fd, test->write, strlen(test->write)));
}

void describe_file(const char *path, char *text, size_t size)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		snprintf(text, size, "%s", strerrorname_np(errno));
	else
		snprintf(text, size, "%u %u %04o", st.st_uid, st.st_gid, st.st_mode & 0666);
}

/* ---- two of each ---- */

struct outcome {
	int error;
	char *said;
	char left[DESCRIPTION];
};

/* What was made last is as new: nobody has changed it. */
static bool is_new;
/* How that is described, by both: the same each time that it is made. */
static char new_description[2][DESCRIPTION];
static bool is_described[2];

static void describe(const struct object *object, bool direct, char *text)
{
	*text = '\0';
	if (direct && object->describe_direct)
		object->describe_direct(text, DESCRIPTION);
	else if (object->describe)
		object->describe(text, DESCRIPTION);
}

static void renew(const struct object *object, bool direct)
{
	if (!is_new || object->always_new)
		object->make(made.mode, made.given);
	is_new = true;
	if (!is_described[direct])
		describe(object, direct, new_description[direct]);
	is_described[direct] = true;
}

static void try_one(const struct identity *who, const struct test_case *test, bool direct,
		    struct outcome *outcome)
{
	const struct object *object = made.object;
	deed *act = direct ? test->direct : test->tree ? test->tree : by_tree;

	renew(object, direct);
	if (!act) { /* everyone may, and it changes nothing */
		*outcome = (struct outcome){.said = strdup("")};
		strcpy(outcome->left, new_description[direct]);
		return;
	}
	outcome->error = do_as(who, act, test);
	outcome->said = strdup(said());
	describe(object, direct, outcome->left);
	let_go();
	is_new = is_new && strcmp(new_description[direct], outcome->left) == 0;
}

static const char *result_name(int error)
{
	return error ? strerrorname_np(error) : "done";
}

const char *ability_name(unsigned abilities)
{
	static const char *const names[] = {
		"READ", "WRITE", "BOTH",  "SHOW", "TRUNCATE", "FOLLOW", "FIND",   "LIST",
		"STAT", "CHMOD", "CHOWN", "MAKE", "MKFIFO",   "REMOVE", "UNLINK", "RENAME",
	};
	unsigned lowest = (unsigned)__builtin_ctz(abilities);

	return lowest < COUNT(names) ? names[lowest] : "an unknown ability";
}

static unsigned differences;

static void compare(const struct identity *who, const struct test_case *test)
{
	struct outcome tree, direct;

	try_one(who, test, false, &tree);
	try_one(who, test, true, &direct);
	matrix_cases++;
	matrix_refused += direct.error != 0;
	if ((tree.error != direct.error || strcmp(tree.said, direct.said) != 0 ||
	     strcmp(tree.left, direct.left) != 0) &&
	    ++differences <= SHOWN_DIFFERENCES)
		print_error("%s: %s %s%s%s by %s, mode %04o%s:\n"
			    "  tree:   %s, said '%.200s', left '%.200s'\n"
			    "  direct: %s, said '%.200s', left '%.200s'\n",
			    made.object->name, ability_name(test->covers),
			    test->at ? test->at : test->row, test->write ? " < " : "",
			    test->write ? test->write : "", who->name, made.mode,
			    made.given ? " given away" : "", result_name(tree.error), tree.said,
			    tree.left, result_name(direct.error), direct.said, direct.left);
	free(tree.said);
	free(direct.said);
}

static void run_in_state(const struct object *object, bool narrow)
{
	is_new = is_described[0] = is_described[1] = false;
	for (const struct identity *who = identities; who->name; who++)
		for (const struct test_case *test = object->cases; test->row; test++)
			if (narrow || (test->direct && !test->narrow))
				compare(who, test);
}

void matrix_run(const struct object *object)
{
	unsigned before = matrix_cases, refused = matrix_refused;

	made.object = object;
	differences = 0;
	for (size_t m = 0; m < (object->one_mode ? 1 : COUNT(modes)); m++)
		for (int given = 0; given < (object->not_given ? 1 : 2); given++) {
			made.mode = object->one_mode ? ONE_MODE : modes[m];
			made.given = given;
			run_in_state(object, m == 0);
		}
	if (object->remove)
		object->remove();
	print_message("%s: %u cases, %u of them refusals, %u differ\n", object->name,
		      matrix_cases - before, matrix_refused - refused, differences);
	assert_int_equal(differences, 0);
}
