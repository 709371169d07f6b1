/*
 * sem_undo.h - SEM_UNDO for open handles, where the kernel has it for processes.
 *
 * The kernel keeps what is to be undone per process, for all its threads, and undoes it when the
 * process ends, however it ends.  A handle's operations are done with SEM_UNDO, so that much is the
 * kernel's; when the handle closes, its own share is reversed with SEM_UNDO, so the process's sum
 * goes down by it, and the value changes as the kernel would change it: not below 0, not over
 * SEMVMX.
 *
 * SETVAL and SETALL, by anybody, make the kernel forget what it was to undo on those semaphores. It
 * tells nobody; but its sum can be found out, and where it is not the sum of the handles here, the
 * older handles are taken to be those forgotten, as they would be if they were processes.  One case
 * cannot be told: a waiter whom that very SETVAL let through, not yet back from the kernel when the
 * older handle closes; then the older one gives back too.
 *
 * What remains different from a process: the process's sum on one semaphore, which SEMAEM (32767)
 * bounds, is one for all handles.
 */
#ifndef IPCFS_SEM_UNDO_H
#define IPCFS_SEM_UNDO_H

#include <stddef.h>
#include <sys/sem.h>

#include "common/quota.h"

struct adjustment;

/*
 * What one open handle has to undo; starts as zeros but for the share that its memory is charged
 * to.  May be used by several threads.
 */
struct sem_undo {
	struct adjustment *first;
	struct quota_share memory;
};

/*
 * semop(2), remembering what is done with SEM_UNDO.  0 or -errno; -EINVAL of an id that is gone;
 * -EDQUOT before anything is done: there is no more memory for the user to remember it in.
 */
int sem_undo_operate(struct call *call, struct sem_undo *undo, int id, struct sembuf *ops,
		     size_t count);
/* Undoes all, never waiting; as the daemon. */
void sem_undo_close(struct sem_undo *undo);

#endif
