/*
 * turns.h - which of the threads that serve take requests from the kernel.
 *
 * One takes requests and the others sleep: the kernel wakes those that read in turn, and each finds
 * its memory gone from the caches.  A request that may take long has another go on meanwhile, and
 * where requests queue up all take them.
 */
#ifndef IPCFS_TURNS_H
#define IPCFS_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "fuse.h"

/* Before there are threads.  @most: how many may take requests at once. */
void turns_setup(int most);

/* Returns when the calling thread is to take a request; false: @session is over. */
bool turns_take(struct fuse_session *session);
/* Around reading one; @pid is who asks, 0 the kernel itself. */
void turns_before_read(void);
void turns_after_read(uint32_t pid);

/*
 * What the calling thread does for a request may take long: another takes requests meanwhile.  Once
 * for a request is enough, and on a thread that takes none it does nothing.
 */
void turns_hand_over(void);

/* Threads that sleep look again whether the session is over. */
void turns_wake(void);

#endif
