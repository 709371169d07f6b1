/*
 * sem_hold.h - who holds which semaphore through this tree.
 */
#ifndef IPCFS_SEM_HOLD_H
#define IPCFS_SEM_HOLD_H

#include "backend.h"

/* The semaphore that is held: of a set by id and number, a POSIX one by the inode of its file. */
struct sem_held {
	bool posix;
	uint64_t object;
	unsigned short part;
};

struct sem_holder;

/*
 * Notes down who asks for what.  Nothing is listed before sem_holder_list.  -EDQUOT: the user
 * holds, or waits for, as many as one may.  -ENOMEM.
 */
int sem_holder_new(struct call *call, const struct sem_held *held, struct sem_holder **result);
void sem_holder_list(struct sem_holder *holder);
/* Takes it off the list, if it is there, and frees it. */
void sem_holder_drop(struct sem_holder *holder);
/*
 * "PID USER hold COMMAND" a line, in the order they came.  Whom the caller may not look into is
 * counted in a last line that begins with #.  -ENOMEM.
 */
int sem_holders_show(const struct call *call, const struct sem_held *held, FILE *out);

#endif
