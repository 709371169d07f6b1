/*
 * reactor.h - one thread that waits for everything that can be polled, and keeps the time.
 */
#ifndef IPCFS_REACTOR_H
#define IPCFS_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "operation.h"

/*
 * Starts the thread.  Each of @ticks, ended by NULL, is called before the thread sleeps and says in
 * how many nanoseconds it wants to be called again; -1: it does not.
 */
typedef int64_t reactor_tick(void);
/*
 * What the thread tells of: a descriptor of reactor_watch, and that some object of the kind with
 * this directory has been removed.
 */
struct reactor_events {
	void (*watched)(uint64_t number);
	void (*removed)(const struct dir *kind);
};
int reactor_setup(reactor_tick *const *ticks, const struct reactor_events *events);

/* Makes the thread end what was asked to end, and call its ticks. */
void reactor_wake(void);
/* Makes it look for what is late, at @deadline (clock_now) or before. */
void reactor_wake_at(int64_t deadline);

/*
 * After the removal of an object whose directory is @dir: tells all that wait for what has gone, as
 * the inotify descriptor of its kind would, and returns when they keep no descriptor of it any
 * more.  A socket is closed only then, and its address free.
 */
void reactor_let_go(const struct dir *dir);

/* The queue place of operations: see struct operation_places.  @fd may close at any time. */
int reactor_queue_put(struct operation *op, int fd, short events);
void reactor_queue_take_out(struct operation *op);

/*
 * Watches @fd for the next of @events (poll's), once; watched(@number) then runs on the thread. The
 * number has at most 62 bits.
 */
int reactor_watch(int fd, short events, uint64_t number);
void reactor_unwatch(int fd);

#endif
