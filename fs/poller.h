/*
 * poller.h - clients that sleep in poll(2), select(2) or epoll on a channel.
 */
#ifndef IPCFS_POLLER_H
#define IPCFS_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "handle.h"

/* How the owner of the handles wakes a sleeper, and drops one that has been woken or is gone. */
void poller_setup(void (*wake)(void *sleeper), void (*drop)(void *sleeper));

/*
 * Remembers @sleeper, who waits for @events on @handle, in place of any before.  To be called
 * before the readiness is computed that the sleeper is told at once, so no change falls between.
 */
void poller_add(struct handle *handle, void *sleeper, short events);
/* Forgets the sleeper of a handle that closes. */
void poller_remove(struct handle *handle);

/* A tick of the reactor: looks at what no descriptor tells of. */
int64_t poller_tick(void);

/* For the reactor: a watched descriptor speaks; some object of a kind was removed. */
void poller_event(uint64_t handle);
void poller_removed(const struct dir *kind);
/* Forgets all sleepers, and takes no more: there will be nobody to wake. */
void poller_end(void);

#endif
