/*
 * sem_ops.h - the operation lists that are written to a semaphore's op file.
 */
#ifndef IPCFS_SEM_OPS_H
#define IPCFS_SEM_OPS_H

#include <stddef.h>
#include <sys/sem.h>

#include "backend.h"

#define SEM_OPS_FEW 8

/* A list that has been read; a short one, which is nearly every one, needs no memory of its own. */
struct sem_ops {
	struct sembuf *list;
	size_t count; /* at least 1 */
	struct sembuf few[SEM_OPS_FEW];
};

/*
 * Reads "[NUM:]DELTA[n][u]" separated by commas or spaces, one newline allowed at the end; DELTA is
 * +k, -k, 0, P (-1) or V (+1).  n becomes IPC_NOWAIT and u SEM_UNDO in sem_flg.
 *
 * @part is the semaphore meant where NUM: is not given.  With @fixed no other may be named.
 * -EINVAL: not such a list; -ERANGE: a DELTA beyond a short; -EFBIG: a NUM beyond an unsigned
 * short, which is in no set.  On success sem_ops_free is due; on failure there is nothing to free.
 */
int sem_ops_read(struct call *call, const char *text, size_t size, unsigned short part, bool fixed,
		 struct sem_ops *ops);
void sem_ops_free(struct sem_ops *ops);

#endif
