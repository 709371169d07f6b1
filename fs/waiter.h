/*
 * waiter.h - threads that make blocking calls for what nobody can poll.
 */
#ifndef IPCFS_WAITER_H
#define IPCFS_WAITER_H

#include <stdbool.h>

#include "operation.h"

/* The signal that ends a blocking call; its handler does nothing. */
#define WAITER_SIGNAL SIGUSR1

/*
 * Sends @signal to a thread of this process, by its number; 0: to none.  pthread_kill(3) may be
 * tkill(2), which the daemon may not use.
 */
void waiter_signal(pid_t thread, int signal);

int waiter_setup(void);
/* The thread place of operations: see struct operation_places.  -EDQUOT: there can be no more
 * threads. */
int waiter_put(struct operation *op);
/*
 * A signal that comes before the blocking call is lost, so it is sent again, by waiter_tick, until
 * the thread has left.
 */
void waiter_leave(struct operation *op);
/* Sends what has to be sent again; nanoseconds until it wants to be called again, -1 for never. */
int64_t waiter_tick(void);

#endif
