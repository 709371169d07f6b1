/*
 * matrix.h - each operation done twice on objects that are alike, through the tree and by the
 * system call itself, by everyone and in several modes of the object: the same errno, the same
 * said, and the same left behind.
 *
 * What can be done with an object is a list of cases, each of which says which file of which
 * directory of the tree it is about, and which of its abilities.  coverage.c compares that with the
 * tables of the tree.
 */
#ifndef IPCFS_TEST_MATRIX_H
#define IPCFS_TEST_MATRIX_H

#include "backend.h"
#include "identity.h"

/* What a file or directory of the tree can do. */
enum ability {
	READ = 1 << 0,  /* opened to read */
	WRITE = 1 << 1, /* opened to write */
	BOTH = 1 << 2,  /* opened to read and write */
	SHOW = 1 << 3,  /* of a channel: opened to read it takes nothing */
	TRUNCATE = 1 << 4,
	FOLLOW = 1 << 5, /* of a link */
	FIND = 1 << 6,   /* of a directory: names in it */
	LIST = 1 << 7,
	STAT = 1 << 8, /* of an object */
	CHMOD = 1 << 9,
	CHOWN = 1 << 10,
	MAKE = 1 << 11,
	MKFIFO = 1 << 12,
	REMOVE = 1 << 13,
	UNLINK = 1 << 14,
	RENAME = 1 << 15,
};

/* Of the lowest bit. */
const char *ability_name(unsigned abilities);

/* The object's directory itself, and in it the files whose names it makes. */
#define ITSELF ""
#define NAMELESS "*"

struct test_case {
	const char *row;       /* its file, ITSELF or NAMELESS */
	unsigned covers;       /* abilities */
	const struct dir *dir; /* NULL: the object's */

	/*
	 * By the tree: opens .at below the object's path (NULL: the row's name; from a slash on
	 * below the mount point) with .flags, or, if .write is given, to write, and writes that.  A
	 * channel is read once.  Or what .tree does.
	 */
	const char *at;
	const char *write;
	int flags;
	bool only_open;
	bool reads;       /* what is read is said */
	const char *word; /* whether it is in what is read is said: shown, or hidden */
	deed *tree;

	deed *direct; /* gets the case; NULL: everyone may */
	/* Why it is no system call of the same thing; NULL: it is. */
	const char *why;
	/* The object's mode has nothing to do with it, nor with what everyone may. */
	bool narrow;
};

struct object {
	const char *name;
	const struct dir *dir;
	const char *path;              /* in the tree */
	const char *file;              /* the object, if it is a file without ipcfs too */
	const struct test_case *cases; /* ended by one without a row */
	/* New ones, of OWNER and GROUP, with this mode, or given away to NEW_OWNER and NEW_GROUP.
	   As root. */
	void (*make)(mode_t mode, bool given);
	void (*remove)(void);
	/* All that operations can change about it.  As root.  NULL: nothing. */
	void (*describe)(char *text, size_t size);
	/* The same of what stands for it where there is no system call; NULL: .describe. */
	void (*describe_direct)(char *text, size_t size);
	bool always_new; /* .describe does not tell all */
	bool not_given;  /* cannot be given away */
	bool one_mode;   /* has none */
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The mode that chmod gives it; whom chown and chgrp give it to is OTHER. */
enum { MODE_AFTER = 0624 };

/* What the object has been made with, for operations. */
struct made {
	mode_t mode;
	bool given;
	const struct object *object;
};
extern struct made made;

/* Fails the test if anybody gets two answers. */
void matrix_run(const struct object *object);
/* How many cases there have been, and in how many of them the system call refused. */
extern unsigned matrix_cases, matrix_refused;

/* ---- what is often done by the tree ---- */

deed tree_chmod, tree_chown, tree_chgrp, tree_rmdir, tree_unlink, tree_list, tree_stat,
	tree_readlink, tree_truncate;
/* To a name that there is not. */
deed tree_rename;
/* Of what is below the mount point, with the mode that the object would have. */
deed tree_mkdir, tree_mkfifo;
int errno_of(long result);

/* ---- and directly ---- */

deed everyone, nobody_eperm, nobody_eacces, nobody_not_supported, nobody_says;
/* With the object's .file; file_open with the flags of the case. */
deed file_chmod, file_chown, file_chgrp, file_unlink, file_open, file_rename;

/* As the one who runs it: access(2) by the effective ids. */
bool access_as_effective(const char *path, int mode);
bool directory_lists(const char *path, const char *name);
/* Says shown, or hidden. */
void say_shown(bool shown);
/* "uid gid mode" of a file, or the errno of lstat. */
void describe_file(const char *path, char *text, size_t size);
/* Has the owner do it; fails the test if that fails. */
void as_owner(deed *act);

#endif
