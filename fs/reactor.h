/*
 * reactor.h - one thread that waits for everything that can be polled, and keeps the time.
 */
#ifndef IPCFS_REACTOR_H
#define IPCFS_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "operation.h"

/* Starts the thread. */
int reactor_setup(void);
/* Makes it look at the operations that were asked to end. */
void reactor_wake(void);
/* Makes it wake no later than @deadline (clock_now). */
void reactor_expect(int64_t deadline);

/*
 * Queues a parked operation behind those of the same direction on the same kernel object, which @fd
 * polls; @fd may close at any time, the queue has its own.
 */
int reactor_queue(struct operation *op, int fd, bool reading);
/* With operations_lock held: takes it out of its queue; true if the queue went with it. */
bool reactor_unqueue(struct operation *op);

/* Watches @fd for the next of @events (poll's), once; poller_event(@handle) then runs on the
 * thread. */
int reactor_watch(int fd, short events, uint64_t handle);
void reactor_unwatch(int fd);

#endif
