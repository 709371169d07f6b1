/*
 * poller.c - clients that sleep in poll(2), select(2) or epoll on a channel.
 *
 * Where the kernel object has a descriptor, the reactor watches that, one event for each sleeper.
 * System V objects and semaphores have none: they are looked at every 10 ms while anybody sleeps,
 * less often, but four times a second, where that would take more than a tenth of the reactor's
 * time; and so is everything when the daemon has no descriptors left.
 */
#include "poller.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>
#include <utlist.h>

#include "common/clock.h"
#include "common/descriptors.h"
#include "reactor.h"

enum { TICK = 10000000, TICK_MOST = 250000000 /* nanoseconds */, COST_FACTOR = 10 };

static struct {
	pthread_mutex_t lock;
	struct handle *ticking;
	struct handle *watched; /* those with a descriptor, by number */
	struct removal_table removals;
	int64_t due; /* the next look */
	bool ended;
	void (*wake)(void *sleeper);
	void (*drop)(void *sleeper);
} pollers = {.lock = PTHREAD_MUTEX_INITIALIZER};

void poller_setup(void (*wake)(void *sleeper), void (*drop)(void *sleeper))
{
	pollers.wake = wake;
	pollers.drop = drop;
}

/* With the lock held. */
static void forget(struct handle *handle)
{
	if (!handle->poller)
		return;
	pollers.drop(handle->poller);
	handle->poller = NULL;
	if (handle->poll_fd < 0)
		DL_DELETE(pollers.ticking, handle);
}

/* With the lock held. */
static void unwatch(struct handle *handle)
{
	HASH_DELETE(poll_hh, pollers.watched, handle);
	removal_leave(&pollers.removals, &handle->removal);
	reactor_unwatch(handle->poll_fd);
	close(handle->poll_fd);
	handle->poll_fd = -1;
}

/* With the lock held. */
static void wake(struct handle *handle)
{
	pollers.wake(handle->poller);
	forget(handle);
}

void poller_event(uint64_t number)
{
	struct handle *handle;

	pthread_mutex_lock(&pollers.lock);
	HASH_FIND(poll_hh, pollers.watched, &number, sizeof(number), handle);
	if (handle && handle->poller)
		wake(handle);
	pthread_mutex_unlock(&pollers.lock);
}

void poller_add(struct handle *handle, void *sleeper, short events)
{
	const struct channel *channel = handle->node.place.row->channel;
	short either = POLLIN | POLLOUT;
	int fd = channel->wait_fd ? channel->wait_fd(handle->state, &either) : -1;
	bool first;

	pthread_mutex_lock(&pollers.lock);
	if (pollers.ended) {
		pthread_mutex_unlock(&pollers.lock);
		pollers.drop(sleeper);
		return;
	}
	/* All that sleep on a handle are woken together, so all that they wait for counts. */
	if (handle->poller)
		events |= handle->poll_events;
	forget(handle);
	handle->poller = sleeper;
	handle->poll_events = events;
	/* A descriptor of its own: its place in epoll is then no one else's. */
	if (fd >= 0 && handle->poll_fd < 0) {
		handle->poll_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (handle->poll_fd >= 0 && descriptor_is_last(handle->poll_fd)) {
			close(handle->poll_fd);
			handle->poll_fd = -1;
		}
		if (handle->poll_fd >= 0)
			HASH_ADD(poll_hh, pollers.watched, number, sizeof(handle->number), handle);
		if (handle->poll_fd >= 0 && !HASH_HAS(poll_hh, handle)) {
			close(handle->poll_fd);
			handle->poll_fd = -1;
		}
	}
	if (handle->poll_fd >= 0 &&
	    (removal_join(&pollers.removals, &handle->removal, handle) < 0 ||
	     reactor_watch(handle->poll_fd, events, handle->number) < 0))
		unwatch(handle);
	first = handle->poll_fd < 0 && !pollers.ticking;
	if (first)
		pollers.due = 0;
	if (handle->poll_fd < 0)
		DL_APPEND(pollers.ticking, handle);
	pthread_mutex_unlock(&pollers.lock);
	if (first)
		reactor_wake();
}

void poller_remove(struct handle *handle)
{
	pthread_mutex_lock(&pollers.lock);
	forget(handle);
	if (handle->poll_fd >= 0)
		unwatch(handle);
	pthread_mutex_unlock(&pollers.lock);
}

int64_t poller_tick(void)
{
	struct handle *handle, *next;
	int64_t left, cost, now = clock_now();
	bool any;

	pthread_mutex_lock(&pollers.lock);
	if (pollers.ticking && now >= pollers.due) {
		cost = clock_of_thread();
		DL_FOREACH_SAFE(pollers.ticking, handle, next) {
			const struct channel *channel = handle->node.place.row->channel;

			if (channel->ready(handle->state) &
			    (handle->poll_events | POLLERR | POLLHUP))
				wake(handle);
		}
		cost = (clock_of_thread() - cost) * COST_FACTOR;
		if (cost > TICK_MOST)
			cost = TICK_MOST;
		pollers.due = now + (cost > TICK ? cost : TICK);
	}
	any = pollers.ticking;
	left = pollers.due - now;
	if (left < 0)
		left = 0;
	pthread_mutex_unlock(&pollers.lock);
	return any ? left : -1;
}

/* With the lock held. */
static void end_removed(struct removal_waiter *waiter)
{
	struct handle *handle =
		(struct handle *)((char *)waiter - offsetof(struct handle, removal));

	if (handle->poller)
		wake(handle);
	/* A copy of its descriptor would keep the object. */
	unwatch(handle);
}

void poller_removed(const struct dir *kind)
{
	pthread_mutex_lock(&pollers.lock);
	removal_tell(&pollers.removals, kind, end_removed);
	pthread_mutex_unlock(&pollers.lock);
}

void poller_end(void)
{
	struct handle *handle, *next;

	pthread_mutex_lock(&pollers.lock);
	pollers.ended = true;
	DL_FOREACH_SAFE(pollers.ticking, handle, next)
		forget(handle);
	HASH_ITER(poll_hh, pollers.watched, handle, next) {
		forget(handle);
		unwatch(handle);
	}
	pthread_mutex_unlock(&pollers.lock);
}
