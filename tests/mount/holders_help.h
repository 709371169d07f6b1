/*
 * holders_help.h - what the tests of holders, orphans and unnamed share: the lines of a holders
 * file.
 */
#ifndef IPCFS_TEST_HOLDERS_HELP_H
#define IPCFS_TEST_HOLDERS_HELP_H

#include "fixture.h"

enum { HOLDERS_MAX = 256 };

struct holder_line {
	char object[300]; /* empty in the file of one object */
	pid_t pid;
	char user[64], how[80], command[300];
};

struct holder_list {
	struct holder_line lines[HOLDERS_MAX];
	size_t count;
	long hidden; /* from the last line; 0: there is none */
};

/* Reads MOUNT/@path, in which every line has to be whole; @objects: OBJECT comes first. */
void holders_read(const char *path, bool objects, struct holder_list *list);
/* The line of @pid, of @object if it is not NULL; NULL: none. */
const struct holder_line *holder_find(const struct holder_list *list, const char *object,
				      pid_t pid);
/* Reads it again and again until @pid holds the object as @how; fails after a while. */
void wait_until_held(const char *path, pid_t pid, const char *how);

/* Looks again, after a short while, until @is(@context); fails the test if it never is. */
void wait_until(bool (*is)(void *context), void *context, const char *what);

/* True if the directory has an entry @name. */
bool has_entry(const char *directory, const char *name);

/* Becomes @uid for good; in a child. */
void become(uid_t uid);

#endif
