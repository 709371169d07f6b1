/*
 * coverage.c - is there a case for everything that the tables of the tree can do?
 */
#include "coverage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ROW_FOREACH(row, dir) for (const struct row *row = (dir)->rows; row->type != ROW_END; row++)

/* ---- what there is ---- */

static unsigned owner_abilities(const struct dir *dir)
{
	return dir->change && dir->change != refuse_change ? CHMOD | CHOWN : 0;
}

static unsigned dir_abilities(const struct dir *dir)
{
	unsigned can = owner_abilities(dir);

	can |= dir->find ? FIND : 0;
	can |= dir->list ? LIST : 0;
	can |= dir->stat ? STAT : 0;
	can |= dir->make && dir->make != refuse_make ? MAKE : 0;
	can |= dir->makes_fifos ? MKFIFO : 0;
	can |= dir->remove && dir->remove != refuse_remove ? REMOVE : 0;
	can |= dir->unlink ? UNLINK : 0;
	can |= dir->rename && dir->rename != refuse_rename ? RENAME : 0;
	return can;
}

static unsigned channel_abilities(const struct dir *dir, const struct row *row)
{
	const struct channel *channel = row->channel;
	unsigned can = owner_abilities(dir);

	can |= row->show ? SHOW : 0;
	can |= channel->read ? READ : 0;
	can |= channel->write ? WRITE : 0;
	can |= channel->read && channel->write ? BOTH : 0;
	return can;
}

static unsigned row_abilities(const struct dir *dir, const struct row *row)
{
	switch (row->type) {
	case ROW_TEXT:
		return READ | (row->store ? WRITE : 0);
	case ROW_CHANNEL:
	case ROW_NUMBERED:
	case ROW_NAMED:
		return channel_abilities(dir, row);
	case ROW_MEMORY:
		return READ | WRITE | BOTH | TRUNCATE | owner_abilities(dir);
	case ROW_LINK:
		return FOLLOW;
	case ROW_DIR: /* accounted for itself */
		return 0;
	default:
		return ~0U; /* a type that this does not know */
	}
}

/* ---- what is tried ---- */

static unsigned covered(const struct object *const *objects, const struct dir *dir, const char *row)
{
	unsigned covers = 0;

	for (; *objects; objects++)
		for (const struct test_case *test = (*objects)->cases; test->row; test++)
			if ((test->dir ? test->dir : (*objects)->dir) == dir &&
			    strcmp(test->row, row) == 0)
				covers |= test->covers;
	return covers;
}

struct walk {
	const struct object *const *objects;
	const struct dir *seen[128];
	size_t count;
	unsigned missing, abilities;
	char path[256];
};

static void judge(struct walk *walk, const struct dir *dir, const char *row, unsigned can)
{
	unsigned tried = covered(walk->objects, dir, row);

	for (unsigned bit = 1; bit <= RENAME || (can & bit); bit <<= 1) {

		walk->abilities += (can & bit) != 0;
		if ((can & bit) == (tried & bit))
			continue;
		print_error("%s/%s: %s %s\n", walk->path, row, ability_name(bit),
			    can & bit ? "has no case" : "has a case, and the table has it not");
		walk->missing++;
	}
}

/* A case about a file that the directory has not. */
static void judge_names(struct walk *walk, const struct dir *dir)
{
	for (const struct object *const *object = walk->objects; *object; object++)
		for (const struct test_case *test = (*object)->cases; test->row; test++) {
			bool known = strcmp(test->row, ITSELF) == 0;

			if ((test->dir ? test->dir : (*object)->dir) != dir)
				continue;
			ROW_FOREACH(row, dir)
				known = known ||
					strcmp(test->row, row->name ? row->name : NAMELESS) == 0;
			if (known)
				continue;
			print_error("%s has a case for '%s', which there is not\n", walk->path,
				    test->row);
			walk->missing++;
		}
}

static const char *name_tried(const struct walk *walk, const struct dir *dir, const char *otherwise)
{
	for (const struct object *const *object = walk->objects; *object; object++)
		if ((*object)->dir == dir)
			return (*object)->name;
	return otherwise;
}

static void walk_dir(struct walk *walk, const struct dir *dir, const char *name)
{
	size_t length = strlen(walk->path);

	for (size_t i = 0; i < walk->count; i++)
		if (walk->seen[i] == dir)
			return;
	assert_true(walk->count < COUNT(walk->seen));
	walk->seen[walk->count++] = dir;
	snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s", length ? "/" : "", name);
	judge(walk, dir, ITSELF, dir_abilities(dir));
	ROW_FOREACH(row, dir)
		judge(walk, dir, row->name ? row->name : NAMELESS, row_abilities(dir, row));
	judge_names(walk, dir);
	ROW_FOREACH(row, dir)
		if (row->type == ROW_DIR)
			walk_dir(walk, row->dir, row->name);
	/* They have no names of their own. */
	for (int i = 0; dir->children && dir->children[i]; i++) {
		char number[16];

		snprintf(number, sizeof(number), "<%d>", i);
		walk_dir(walk, dir->children[i], name_tried(walk, dir->children[i], number));
	}
	walk->path[length] = '\0';
}

static bool was_seen(const struct walk *walk, const struct dir *dir)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->seen[i] == dir)
			return true;
	return false;
}

void coverage_check(const struct dir *root, const struct object *const *objects)
{
	static struct walk walk;

	walk = (struct walk){.objects = objects};
	walk_dir(&walk, root, "");
	for (; *objects; objects++)
		if (!was_seen(&walk, (*objects)->dir)) {
			print_error("%s is in no table that the root leads to\n", (*objects)->name);
			walk.missing++;
		}
	print_message("%zu directories, %u abilities of them and their files\n", walk.count,
		      walk.abilities);
	assert_int_equal(walk.missing, 0);
	assert_true(walk.abilities > 0);
}

/* ---- what is refused to all ---- */

static const char *of(const struct object *object, const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *text = path[next++ % COUNT(path)];

	snprintf(text, sizeof(*path), "%s%s%s", object->path, *name ? "/" : "", name);
	return text;
}

/* Says what has been done all the same. */
static void judge_refusal(const char *what, const char *name, long result, int expected)
{
	int error = errno_of(result);

	if (error != expected)
		say("%s %s: %s, not %s\n", what, name, error ? strerrorname_np(error) : "done",
		    strerrorname_np(expected));
}

static void try_row(const struct object *object, const struct row *row)
{
	const char *path = of(object, row->name);
	char value[8];

	if (row->type == ROW_TEXT && !row->store)
		judge_refusal("writing", row->name, open(path, O_WRONLY | O_CLOEXEC), EACCES);
	if (row->type == ROW_TEXT) {
		judge_refusal("chmod", row->name, chmod(path, 0666), EPERM);
		judge_refusal("chown", row->name, chown(path, OTHER, (gid_t)-1), EPERM);
		judge_refusal("touch", row->name, utimensat(AT_FDCWD, path, NULL, 0), EPERM);
	}
	/* A directory in the tree cannot be unlinked, a file is its object's. */
	judge_refusal("unlink", row->name, unlink(path), row->type == ROW_DIR ? EISDIR : EPERM);
	judge_refusal("rename", row->name, rename(path, of(object, "else")), EPERM);
	judge_refusal("link", row->name, linkat(AT_FDCWD, path, AT_FDCWD, of(object, "else"), 0),
		      EPERM);
	if (row->type == ROW_DIR)
		judge_refusal("rmdir", row->name, rmdir(path), EPERM);
	/* Links have none in any file system. */
	if (row->type != ROW_TEXT && row->type != ROW_DIR && row->type != ROW_MEMORY)
		return;
	judge_refusal("getxattr", row->name, getxattr(path, "user.x", value, sizeof(value)),
		      EOPNOTSUPP);
	judge_refusal("setxattr", row->name, setxattr(path, "user.x", "1", 1, 0), EOPNOTSUPP);
}

static int try_all(const void *argument)
{
	const struct object *object = argument;
	const struct dir *dir = object->dir;
	unsigned can = dir_abilities(dir);
	struct stat st;

	/* Of some not even the name is there for everyone. */
	if (lstat(object->path, &st) < 0 && errno == ENOENT)
		return 0;
	ROW_FOREACH(row, dir)
		if (row->name)
			try_row(object, row);
	if (!(can & MAKE))
		judge_refusal("mkdir", "in it", mkdir(of(object, "else"), 0777), EPERM);
	judge_refusal("symlink", "in it", symlink("x", of(object, "else")), EPERM);
	judge_refusal("mknod", "in it", mknod(of(object, "else"), S_IFREG | 0666, 0), EPERM);
	judge_refusal("mknod", "of a socket", mknod(of(object, "else"), S_IFSOCK | 0666, 0), EPERM);
	/* The top is busy as a mount point, which the kernel says before. */
	if (!(can & REMOVE) && strcmp(object->path, MOUNT) != 0)
		judge_refusal("rmdir", "of it", rmdir(object->path), EPERM);
	if (!(can & CHMOD)) {
		judge_refusal("chmod", "of it", chmod(object->path, 0777), EPERM);
		judge_refusal("chown", "of it", chown(object->path, OTHER, OTHER), EPERM);
	}
	judge_refusal("touch", "of it", utimensat(AT_FDCWD, object->path, NULL, 0), EPERM);
	return 0;
}

void coverage_try_refusals(const struct object *object)
{
	made = (struct made){0666, false, object};
	object->make(made.mode, made.given);
	for (const struct identity *who = identities; who->name; who++) {
		do_as(who, try_all, object);
		if (*said())
			fail_msg("%s by %s:\n%s", object->name, who->name, said());
		let_go();
		matrix_cases++;
	}
	if (object->remove)
		object->remove();
}
