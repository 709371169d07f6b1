/*
 * memory.h - what the open handles of one object's memory share.
 *
 * The kernel passes the reads, writes and mappings of an inode through to one file, under one id
 * (passthrough.h), as long as any handle of it is open.
 */
#ifndef IPCFS_MEMORY_H
#define IPCFS_MEMORY_H

#include <stdint.h>
#include <sys/stat.h>

#include "handle.h"
#include "locks.h"

/*
 * Takes in @handle, of the memory that the kernel knows as @ino.  -ESTALE: that
 * number still is that of an older object, which somebody has open.  -ENOMEM.
 */
int memory_enter(struct call *call, struct handle *handle, uint64_t ino);
void memory_leave(struct handle *handle);

/* The file of the memory, if somebody has it open, to be closed; -1: nobody has. */
int memory_file(uint64_t ino);

/* The id by which the kernel reaches the memory itself; 0: it does not. */
int memory_passthrough(const struct handle *handle);

/*
 * What stat(2) says of an object that has gone, but that somebody has open; false: nobody has.
 */
bool memory_stat_removed(uint64_t ino, struct stat *st);

/* The record locks of the memory. */
struct locks *memory_locks(const struct handle *handle);
/*
 * What flock(2) locks for this handle, which keeps it open.  As the daemon.  -EDQUOT: as many of
 * the user's handles have locks as may.
 */
int memory_flock_fd(struct call *call, struct handle *handle);

#endif
