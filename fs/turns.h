/*
 * turns.h - which of the threads that serve take requests from the kernel.
 *
 * One takes requests and the others sleep: the kernel wakes those that read in turn, and each finds
 * its memory gone from the caches.  A request that may take long has another go on meanwhile, and
 * where requests queue up all take them.  One that does not come to its end, because somebody keeps
 * what a system call waits for, loses its turn after a moment; if all are like that there is one
 * more thread.  Of whose request that was it is remembered for a while: what they ask has another
 * go on meanwhile whatever it is, and no more than a part of the threads is for it.
 */
#ifndef IPCFS_TURNS_H
#define IPCFS_TURNS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse.h"

/* How many threads there are, and how many at the most, all but two waiting in system calls. */
enum { TURNS_KEPT = 2, TURNS_THREADS = 64 };

/*
 * Before there are threads.  @most: how many may take requests at once.  @call starts one more
 * thread; false: that was not possible.  @look_at makes somebody call turns_tick at @time
 * (clock_now) or before.
 */
void turns_setup(int most, bool (*call)(void), void (*look_at)(int64_t time));

/* Returns when the calling thread is to take a request, or is to end: @session is over, or there
 * are enough. */
enum turn_taken { TURN_TAKEN, TURN_OVER, TURN_SPARE };
enum turn_taken turns_take(struct fuse_session *session);
/* One has been read; @pid is who asks, 0 the kernel itself, and it took @waited nanoseconds. */
void turns_learn(uint32_t pid, int64_t waited);

/* Whose requests they are matters: somebody's had to be taken its turn lately. */
bool turns_are_wary(void);
/*
 * A request of @uid had to be taken its turn lately, and as many are under way as may be: an eighth
 * of all threads, half of them for the user that the daemon runs as.  One more is to wait until one
 * of them has come to its end.
 */
bool turns_are_used_up(uid_t uid);
/* Around what is done for a request of @uid. */
void turns_begin(uid_t uid);
void turns_end(void);
/* Looks whether those at work go on; nanoseconds until it is to look again, -1: no need. */
int64_t turns_tick(void);

/*
 * What the calling thread does for a request may take long: another takes requests meanwhile.  Once
 * for a request is enough, and on a thread that takes none it does nothing.
 */
void turns_hand_over(void);

/* Threads that sleep look again whether the session is over. */
void turns_wake(void);

#endif
