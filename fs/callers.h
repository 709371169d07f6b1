/*
 * callers.h - the directories in /proc of those who asked last, kept open.
 *
 * Of most callers one request follows another.  To read an open file again is half the work of
 * finding it, and says what is so now: the kernel writes it anew each time.  It stays that of one
 * process, whoever has its number later, and cannot be read once that one has gone.
 *
 * Each thread keeps a few for itself, so there is no lock.
 */
#ifndef IPCFS_CALLERS_H
#define IPCFS_CALLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct caller {
	pid_t pid;
	int directory, status; /* -1: not open */
	bool was_kept;         /* from an earlier time: it may be of one that has gone */
	uint64_t used;
};

/*
 * That of thread @pid, for the calling thread until its next call of callers_ functions.  A
 * negative errno: -ENOENT, there is no such thread.
 */
int callers_find(pid_t pid, struct caller **caller);
/* Done with it; it is kept if there are descriptors enough. */
void callers_keep(struct caller *caller);
/* It is of no use any more. */
void callers_drop(struct caller *caller);
/* For a thread that asks no more: closes all that it has kept. */
void callers_leave(void);

#endif
