/*
 * tree.h - walking the tables: lookup, stat, list and path, once for all kinds.
 */
#ifndef IPCFS_TREE_H
#define IPCFS_TREE_H

#include "node.h"

/*
 * The child of @parent called @name, as the kernel's LOOKUP asks.  On success @child holds a
 * reference to its object's name, which node_release gives back.  -ENOENT, -ENOTDIR, -EINVAL.
 */
int tree_lookup(struct call *call, const struct node *parent, const char *name, struct node *child);
/* Completes a place that find or make has filled: its name is interned and held. */
int tree_adopt(struct place *place);

/* S_IFDIR, S_IFLNK or S_IFREG. */
mode_t tree_type(const struct node *node);

/* Type, mode, owner, times, size as the kernel should believe them. */
int tree_stat(const struct node *node, struct stat *st);
/* The same of a channel whose object need not be there: owner, group and mode come with @st. */
void tree_stat_channel(const struct node *node, struct stat *st);

/* True if to find, stat or open something there may take long: processes, sockets are looked at. */
bool tree_may_take_long(const struct node *node);

/* Seconds for which the kernel may keep a name without asking again. */
double tree_name_timeout(const struct node *node);

typedef int tree_listing(void *context, const char *name, const struct node *child);
int tree_list(struct call *call, const struct node *node, tree_listing *each, void *context);

/* From now on no link leads out of the tree. */
void tree_hide_links(void);
/* True if the node is a symbolic link. */
bool tree_is_link(const struct node *node);
/* "wait/data" of a channel's, or where it leads out of the tree. */
int tree_link_target(const struct node *node, char *target, size_t size);

/* True if a listing of the node runs as the caller, not as anyone. */
bool tree_needs_caller(const struct node *node);

/* The path below the mount point, for people; cut to @size. */
void tree_path(const struct node *node, char *path, size_t size);

#endif
