/*
 * node.h - what a node id means.
 *
 * A node is a place in the tables seen in one of four views, and its 64-bit id says all of that:
 *
 *   63    0: packed, as below.  1: a visit; bits 62..32 its generation, 31..0 its slot.
 *   62..56  directory, as numbered by node_number_directories
 *   55..50  row in it, 63 for the directory itself
 *   49..48  view
 *   47      the object is a name (POSIX), else a System V identifier
 *   46..16  object
 *   15..0   part
 *
 * A visit is what cannot be packed: a channel file, a directory that carries a time limit, a file
 * with a number.  Every lookup of one makes a new visit, so no two openers of a channel share an
 * inode, whose lock a blocked write holds.  Only a visit to a channel that is over, opened and
 * closed again, is taken up by the next lookup of the same user: then the kernel need not look the
 * name up a second time, and forget the first.  All else has the same id at every lookup.
 */
#ifndef IPCFS_NODE_H
#define IPCFS_NODE_H

#include "backend.h"

enum view {
	VIEW_ITSELF, /* a directory, a text; of a channel row: the link to its file in wait/ */
	VIEW_WAIT,
	VIEW_TRY,
	VIEW_WITHIN,
};

#define NO_LIMIT (-1)

struct node {
	struct place place;
	enum view view;
	bool chosen; /* by number or name from the channels of a row; else that row's directory */
	bool on_the_way; /* chosen by name, and a directory of further names */
	uint64_t serial; /* of a file that is another one each time that it is looked up; else 0 */
	int64_t within; /* nanoseconds, of VIEW_WITHIN; NO_LIMIT in the directory `within` itself */
};

#define NODE_ROOT 1

/* Once: gives every directory that can be reached from @root its number. */
void node_number_directories(const struct dir *root);

/* The directory above, NULL for the root, and the row that leads down from it, NULL where find
 * does. */
const struct dir *node_parent_directory(const struct dir *dir, const struct row **row);
/* That of its kind, directly below the root; of the root: NULL. */
const struct dir *node_kind_directory(const struct dir *dir);

/* True if the node is a file that reads, writes or waits. */
bool node_is_channel(const struct node *node);
/* True if the node is an object's memory. */
bool node_is_memory(const struct node *node);

/* The NAMESPACE_ ... that decide of it. */
unsigned node_namespaces(const struct node *node);

/* References to the name of the node's object, if it has one: it lives as long as any. */
void node_hold(const struct node *node);
void node_release(const struct node *node);

/*
 * The id under which the kernel is told of @node when @visitor looks it up, 0 for no memory.  The
 * id takes a reference of its own to the object's name for each time it is handed out; node_forget
 * gives them back.
 */
uint64_t node_publish(const struct node *node, uid_t visitor);
/* Reads an id that the kernel has not forgotten; false if it is none. */
bool node_read(uint64_t id, struct node *node);
void node_forget(uint64_t id, uint64_t lookups);

/* A file has been opened under @id, or tried to; and that is over. */
void node_enter(uint64_t id);
void node_leave(uint64_t id);

/* If each open of @node is another object, makes it another file than at any other lookup. */
void node_distinguish(struct node *node);

/*
 * Owner, group and mode that a visit was last seen with, for when its object has gone and it is
 * still open.  False: @id is no visit, or has not been seen.
 */
void node_remember(uint64_t id, const struct stat *st);
bool node_recall(uint64_t id, struct stat *st);

/* Stable across lookups and mounts, but for what has a serial number: what st_ino shows. */
uint64_t node_inode_number(const struct node *node);

/* Visits now held; for tests. */
uint32_t node_visits(void);

#endif
