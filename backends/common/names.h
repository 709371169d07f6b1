/*
 * names.h - how an object of sem/, mq/ and shm/ is named, and the attributes of a name given to
 * mkdir.
 */
#ifndef IPCFS_NAMES_H
#define IPCFS_NAMES_H

#include "backend.h"

enum family { FAMILY_KEY, FAMILY_ID, FAMILY_POSIX };

/* A name, read. */
struct object_name {
	enum family family;
	int32_t key;            /* FAMILY_KEY: never IPC_PRIVATE */
	int32_t id;             /* FAMILY_ID */
	char posix[256];        /* FAMILY_POSIX: without "posix:" */
	const char *attributes; /* what follows the comma, in the text that was read; NULL: none */
};

/*
 * Reads the name of an object.  What follows the first comma is attributes; with @whole the name
 * has none and a comma is part of it, which only "posix:NAME" allows. -EINVAL: 0x0, more than 8
 * digits, a number over 2^31-1, an empty name.  -ENAMETOOLONG.
 */
int object_name_read(struct call *call, const char *text, bool whole, struct object_name *name);

/*
 * The name of a POSIX object as its place has it: within @text, from which @name was read, if it
 * ends there, else a copy, which is this thread's until its next.
 */
const char *object_name_within(const char *text, const struct object_name *name);

/* True if a POSIX object of this name must be listed as "posix:NAME" in directory @kind. */
bool object_name_is_ambiguous(const struct dir *kind, const char *posix);

/* The name under which an object is listed: "0x%08x", "%d" (key IPC_PRIVATE), NAME or posix:NAME.
 */
#define LISTED_NAME_SIZE 272
void object_name_list_sysv(int32_t key, int32_t id, char listed[LISTED_NAME_SIZE]);
void object_name_list_posix(const struct dir *kind, const char *posix,
			    char listed[LISTED_NAME_SIZE]);

/* One attribute a kind knows: its value is given to .set as text. */
struct attribute {
	const char *name;
	int (*set)(struct call *call, const char *value, void *context);
};

/* Reads "a=1,b=2" (NULL: none) through @table, ended by a NULL name.  Unknown or repeated: -EINVAL.
 */
int attributes_read(struct call *call, const char *text, const struct attribute *table,
		    void *context);

/*
 * Reads a whole decimal number, optional sign allowed only if @lowest is negative.
 * -EINVAL with a reason that names the allowed range; @what names the value in it.
 */
int number_read(struct call *call, const char *what, const char *text, int64_t lowest,
		int64_t highest, int64_t *value);

/*
 * Reads a size in bytes, with K, M or G for powers of 1024; -EINVAL as number_read.
 */
int size_read(struct call *call, const char *what, const char *text, int64_t lowest,
	      int64_t highest, int64_t *value);

#endif
