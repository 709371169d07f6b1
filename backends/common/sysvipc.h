/*
 * sysvipc.h - the tables of /proc/sysvipc, which tell everyone of all System V objects, in the
 * order in which ipcs(1) shows them.
 */
#ifndef IPCFS_SYSVIPC_H
#define IPCFS_SYSVIPC_H

#include <stdbool.h>
#include <stdint.h>

#include "sysv.h"

/*
 * Reads a table, "msg", "sem" or "shm" (or a path).  @line gets each line but the header, and
 * returns 0 or a negative errno that ends the reading.
 */
int sysvipc_read(const char *file, int (*line)(const char *text, void *context), void *context);

/* A line that is read a number at a time; begins as {.at = LINE}. */
struct sysvipc_line {
	const char *at;
	bool failed; /* there was no number, here or before */
};

/* The next number, 0 where there is none. */
int64_t sysvipc_signed(struct sysvipc_line *line);
uint64_t sysvipc_unsigned(struct sysvipc_line *line);
uint32_t sysvipc_octal(struct sysvipc_line *line);
/* Key, id and mode, with which every line begins; the mode with the flags that the kernel has in
 * it. */
void sysvipc_object(struct sysvipc_line *line, struct sysv_object *object);
/* Owner, group, and those of the creator. */
void sysvipc_owners(struct sysvipc_line *line, struct sysv_object *object);

#endif
