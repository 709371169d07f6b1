/*
 * known.h - what the kernel knows of the tree: nodes that it was told of, files that it has open.
 *
 * It keeps the rules that the kernel keeps: it asks nothing of a file that only a directory can
 * answer, forgets no more often than it was told, and closes a file after everything else.
 */
#ifndef IPCFS_FUZZ_KNOWN_H
#define IPCFS_FUZZ_KNOWN_H

#include <sys/stat.h>

#include "client.h"

/* id 0: none.  mode 0: nobody knows what it is; every request about it must be refused. */
struct known_node {
	uint64_t id;
	mode_t mode;
	/* By the first of wait, within and try in its path. */
	enum { WAITS_UNKNOWN, WAITS, WAITS_NEVER } waits;
};

/*
 * The node at the end of a path, each name of which is looked up.  It may begin with @N, the node
 * that the Nth answer told of, or with #HEX, whatever that means.  Changes @path.
 */
struct known_node known_walk(char *path);
/* The directory of a path, and its last name; id 0 also if that is no name. */
struct known_node known_walk_to_parent(char *path, const char **name);
/* A request about @node, none if it has another type than @type (0: any) or there is none. */
void known_ask(uint32_t opcode, struct known_node node, mode_t type, const struct part *parts,
	       size_t count);
/* The same for one whose answer tells of a node. */
void known_ask_entry(uint32_t opcode, struct known_node directory, const struct part *parts,
		     size_t count);
/* Of the Nth, unless it is open. */
void known_forget(uint64_t n);

struct known_file {
	struct known_node node;
	uint64_t opening; /* the request; 0: it is answered */
	uint64_t number;
	uint32_t flags;
	bool is_directory, is_open;
	uint64_t waiting[4]; /* requests about it */
};

void known_open(struct known_node node, uint32_t flags, bool is_directory);
/* By N, the Nth that was opened, or #HEX, which was given to nobody; NULL: not open. */
struct known_file *known_file(const char *text, bool is_directory);
/* A request about an open file, which may wait unless @at_once. */
void known_begin(struct known_file *file, uint32_t opcode, const struct part *parts, size_t count,
		 bool at_once);
void known_release(struct known_file *file);
/* True if some request about the Nth that was opened, its opening too, has no answer. */
bool known_waits(const char *text);
/* Interrupts all that waits. */
void known_interrupt(void);
/* Interrupts, closes and forgets all. */
void known_give_back(void);

#endif
