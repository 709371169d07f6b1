/*
 * tree.h - finding a mounted tree, and reading files of it without ever taking, sending or waiting.
 */
#ifndef IPCTOP_TREE_H
#define IPCTOP_TREE_H

#include <stddef.h>

/*
 * Where a tree is mounted, by the table of mounts: the last one mounted that answers.  Freed by the
 * caller; NULL: there is none.
 */
char *tree_find(void);
/*
 * A descriptor of the root of the tree at @path.  -ENOTCONN: its daemon has died; -ENODEV: no tree
 * is mounted there; what open(2) says.
 */
int tree_open(const char *path, int *root);
/*
 * The text of a regular file below @directory, with a NUL behind it, at most @most bytes: freed by
 * the caller.  -EINVAL: it is something else, a channel, or memory.
 */
int tree_read(int directory, const char *path, size_t most, char **text, size_t *length);
/* Finds out which bytes a @*name of JSON that has \xNN in it stands for.  1: others; -ENOMEM. */
int tree_name_settle(int root, const char *kind, char **name);

#endif
