/*
 * waiter.h - threads that make blocking calls for what nobody can poll.
 */
#ifndef IPCFS_WAITER_H
#define IPCFS_WAITER_H

#include <stdbool.h>

#include "operation.h"

/* The signal that ends a blocking call; its handler does nothing. */
#define WAITER_SIGNAL SIGUSR1

int waiter_setup(void);
/* Hands a parked operation to a thread.  -EDQUOT: there can be no more threads. */
int waiter_run(struct operation *op);
/*
 * With operations_lock held: makes the thread that has @op leave it.  A signal that comes before
 * the blocking call is lost, so it is sent again until the thread has left.
 */
void waiter_signal(struct operation *op);
/* Sends what has to be sent again; true if there is any. */
bool waiter_signal_again(void);

#endif
