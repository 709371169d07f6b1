/*
 * reactor.c - one thread that waits for everything that can be polled, and keeps the time.
 *
 * Parked operations that wait for the same of one kernel object form a queue, first come first
 * served, with one descriptor in epoll however many wait.  Only this thread attempts and removes
 * what is in a queue.  It takes one event at a time, so no event can speak of a queue already gone.
 *
 * When the daemon has no descriptors left, or its user none to watch (fs.epoll.max_user_watches), a
 * queue is blind: it is tried every 10 ms.
 */
#include "reactor.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "common/clock.h"
#include "common/descriptors.h"
#include "common/hash.h"

enum { KINDS_MAX = 8 };

struct queue {
	UT_hash_handle hh;
	struct {
		dev_t device;
		ino_t inode;
		uint64_t events;
	} object;
	int fd; /* in epoll; -1: blind */
	struct operation *operations;
	struct queue *prev, *next; /* of the blind ones */
};

/* What epoll's data says, in its two lowest bits. */
enum tag { TAG_QUEUE, TAG_WAKE, TAG_REMOVAL, TAG_WATCHED };

static struct {
	int epoll;
	int wake;
	_Atomic int64_t earliest; /* the next deadline */
	reactor_tick *const *ticks;
	const struct reactor_events *events;
	struct queue *queues, *blind; /* under operations_lock */
	int64_t blind_tried;
	int removals[KINDS_MAX]; /* of each kind; -1: none */
	/* How often it was asked to let go of what has been removed, and has done so; of which
	   kinds, a bit for each. */
	pthread_mutex_t lock;
	pthread_cond_t has_let_go;
	unsigned asked, done, of;
} reactor = {
	.epoll = -1,
	.wake = -1,
	.earliest = INT64_MAX,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.has_let_go = PTHREAD_COND_INITIALIZER,
};

enum { NANOSECONDS = 1000000000, TICK = 10000000 };

static unsigned kind_number(const struct dir *dir)
{
	unsigned number = 0;

	while (kinds[number]->dir != node_kind_directory(dir))
		number++;
	return number;
}

void reactor_wake(void)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, and then the thread wakes anyway. */
	(void)!write(reactor.wake, &one, sizeof(one));
}

void reactor_wake_at(int64_t deadline)
{
	int64_t earliest = reactor.earliest;

	while (deadline < earliest)
		if (atomic_compare_exchange_weak(&reactor.earliest, &earliest, deadline)) {
			reactor_wake();
			return;
		}
}

void reactor_let_go(const struct dir *dir)
{
	struct timespec until;
	unsigned number;
	int error = 0;

	/* It has no long work; but a removal must not wait for ever whatever it does. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&reactor.lock);
	number = ++reactor.asked;
	reactor.of |= 1U << kind_number(dir);
	reactor_wake();
	while ((int)(reactor.done - number) < 0 && !error)
		error = pthread_cond_clockwait(&reactor.has_let_go, &reactor.lock, CLOCK_MONOTONIC,
					       &until);
	pthread_mutex_unlock(&reactor.lock);
}

/* How often it was asked, and of which kinds since it was last done. */
static unsigned asked_to_let_go(unsigned *of)
{
	unsigned asked;

	pthread_mutex_lock(&reactor.lock);
	asked = reactor.asked;
	*of = reactor.of;
	reactor.of = 0;
	pthread_mutex_unlock(&reactor.lock);
	return asked;
}

static void note_let_go(unsigned asked)
{
	pthread_mutex_lock(&reactor.lock);
	reactor.done = asked;
	pthread_cond_broadcast(&reactor.has_let_go);
	pthread_mutex_unlock(&reactor.lock);
}

static int epoll_add(int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Puts a copy of @fd, which polls what the queue waits for, into epoll; -EMFILE. */
static int queue_watch(struct queue *queue, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), error;

	if (copy < 0)
		return -errno;
	error = descriptor_is_last(copy) ? -EMFILE
					 : epoll_add(copy, (uint32_t)queue->object.events,
						     (uintptr_t)queue | TAG_QUEUE);
	if (error)
		close(copy);
	else
		queue->fd = copy;
	return error;
}

/* With the lock held: the queue for what @fd polls, made if need be. */
static int queue_find(int fd, short events, struct queue **result)
{
	struct queue *queue;
	struct stat st;
	int error;

	if (fstat(fd, &st) < 0)
		return -errno;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->object.device = st.st_dev;
	queue->object.inode = st.st_ino;
	queue->object.events = (unsigned short)events;
	HASH_FIND(hh, reactor.queues, &queue->object, sizeof(queue->object), *result);
	if (*result) {
		free(queue);
		return 0;
	}
	HASH_ADD(hh, reactor.queues, object, sizeof(queue->object), queue);
	if (!HASH_HAS(hh, queue)) {
		free(queue);
		return -ENOMEM;
	}
	queue->fd = -1;
	error = queue_watch(queue, fd);
	if (error == -EMFILE || error == -ENFILE || error == -ENOSPC) {
		DL_APPEND(reactor.blind, queue);
		reactor_wake();
	} else if (error) {
		HASH_DEL(reactor.queues, queue);
		free(queue);
		return error;
	}
	*result = queue;
	return 0;
}

int reactor_queue_put(struct operation *op, int fd, short events)
{
	struct queue *queue = NULL;
	int error;

	pthread_mutex_lock(&operations_lock);
	/* Removed between the attempt and now: nobody else would look again. */
	error = op->ending ? -op->ending : removal_of(op->handle);
	if (!error)
		error = queue_find(fd, events, &queue);
	if (!error) {
		DL_APPEND2(queue->operations, op, place_prev, place_next);
		op->queue = queue;
		op->where = IN_QUEUE;
	}
	pthread_mutex_unlock(&operations_lock);
	return error;
}

/* With operations_lock held: true if the queue went with its last. */
static bool take_out(struct operation *op)
{
	struct queue *queue = op->queue;

	DL_DELETE2(queue->operations, op, place_prev, place_next);
	op->queue = NULL;
	op->where = NOWHERE;
	if (queue->operations)
		return false;
	HASH_DEL(reactor.queues, queue);
	if (queue->fd >= 0) {
		epoll_ctl(reactor.epoll, EPOLL_CTL_DEL, queue->fd, NULL);
		close(queue->fd);
	} else {
		DL_DELETE(reactor.blind, queue);
	}
	free(queue);
	return true;
}

void reactor_queue_take_out(struct operation *op)
{
	take_out(op);
}

/* True if @op, which must go on waiting, waits for something else now. */
static bool waits_elsewhere(const struct operation *op, const struct queue *queue, int *fd,
			    short *events)
{
	struct stat st;

	/* Reads and writes never do. */
	if (op->kind != OPERATION_ENTER && op->kind != OPERATION_FLUSH)
		return false;
	*fd = operation_wait_fd(op, events);
	return *fd >= 0 && fstat(*fd, &st) == 0 &&
	       (queue->object.device != st.st_dev || queue->object.inode != st.st_ino ||
		queue->object.events != (unsigned short)*events);
}

/* The object is ready: the operations of its queue in their order, until one has to wait again. */
static void queue_serve(struct queue *queue)
{
	bool gone = false;

	while (!gone) {
		struct operation *op;
		ssize_t result;
		short events;
		int fd;

		/* Others only append, so the first stays the first. */
		pthread_mutex_lock(&operations_lock);
		op = queue->operations;
		pthread_mutex_unlock(&operations_lock);
		/* An interrupt is looked at last, so that nothing is taken for who has given up. */
		result = creds_become(op->creds);
		if (!result)
			result = op->ending ? -op->ending : operation_attempt(op);
		if (result == -EAGAIN && !waits_elsewhere(op, queue, &fd, &events))
			break;
		pthread_mutex_lock(&operations_lock);
		gone = take_out(op);
		pthread_mutex_unlock(&operations_lock);
		if (result == -EAGAIN) {
			result = reactor_queue_put(op, fd, events);
			if (!result)
				continue;
		}
		operation_complete(op, result);
	}
	creds_become(NULL);
}

/* With the lock held: true if the queue is blind no more. */
static bool queue_gets_sight(struct queue *queue)
{
	short events;
	int fd = operation_wait_fd(queue->operations, &events);

	if (fd < 0 || queue_watch(queue, fd) < 0)
		return false;
	DL_DELETE(reactor.blind, queue);
	return true;
}

/* Tries those that nothing will tell of; nanoseconds until the next time, INT64_MAX for never. */
static int64_t try_blind(int64_t now)
{
	struct queue *queue;
	int count;

	pthread_mutex_lock(&operations_lock);
	DL_COUNT(reactor.blind, queue, count);
	if (count && now - reactor.blind_tried < TICK) {
		pthread_mutex_unlock(&operations_lock);
		return reactor.blind_tried + TICK - now;
	}
	/* Each is put behind the others when it has been its turn; new ones come there too. */
	for (int i = 0; i < count && reactor.blind; i++) {
		queue = reactor.blind;
		DL_DELETE(reactor.blind, queue);
		DL_APPEND(reactor.blind, queue);
		if (queue_gets_sight(queue))
			continue;
		pthread_mutex_unlock(&operations_lock);
		queue_serve(queue);
		pthread_mutex_lock(&operations_lock);
	}
	reactor.blind_tried = now;
	queue = reactor.blind;
	pthread_mutex_unlock(&operations_lock);
	return queue ? TICK : INT64_MAX;
}

/* An object has gone that the kernel wakes nobody for. */
static void take_removals(unsigned kind)
{
	char events[4096] __attribute__((aligned(8)));

	/* First: of what goes from now on it will speak again. */
	while (reactor.removals[kind] >= 0 &&
	       read(reactor.removals[kind], events, sizeof(events)) > 0)
		;
	operations_end_removed(kinds[kind]->dir);
	reactor.events->removed(kinds[kind]->dir);
}

/* Does what is due without an event; nanoseconds until there is more of it, INT64_MAX for never. */
static int64_t do_what_is_due(void)
{
	int64_t now = clock_now(), sleep = INT64_MAX, blind;
	unsigned of, asked = asked_to_let_go(&of);

	for (unsigned kind = 0; of >> kind; kind++)
		if (of >> kind & 1)
			take_removals(kind);
	/* First the mark, then the scan: a deadline that comes between is not forgotten. */
	if (reactor.earliest <= now) {
		reactor.earliest = INT64_MAX;
		reactor_wake_at(operations_end_late(now));
	}
	operations_end_marked();
	if (asked != reactor.done)
		note_let_go(asked);
	/* What ended may have gone on as somebody else. */
	creds_become(NULL);
	for (reactor_tick *const *tick = reactor.ticks; *tick; tick++) {
		int64_t again = (*tick)();

		if (again >= 0 && again < sleep)
			sleep = again;
	}
	blind = try_blind(now);
	if (blind < sleep)
		sleep = blind;
	if (reactor.earliest != INT64_MAX && reactor.earliest - now < sleep)
		sleep = reactor.earliest - now;
	return sleep < 0 ? 0 : sleep;
}

static void *reactor_main(void *unused)
{
	struct epoll_event event;
	uint64_t count;

	for (;;) {
		int64_t sleep = do_what_is_due();
		struct timespec timeout = {sleep / NANOSECONDS, sleep % NANOSECONDS};

		int events = epoll_pwait2(reactor.epoll, &event, 1,
					  sleep == INT64_MAX ? NULL : &timeout, NULL);

		/* A kernel without the call: nobody who waits would ever be answered. */
		if (events < 0 && errno != EINTR)
			abort();
		if (events < 1)
			continue;
		switch (event.data.u64 & 3) {
		case TAG_QUEUE:
			queue_serve((struct queue *)(uintptr_t)event.data.u64);
			break;
		case TAG_WAKE:
			/* Never empty here, and the count says nothing. */
			(void)!read(reactor.wake, &count, sizeof(count));
			break;
		case TAG_REMOVAL:
			take_removals((unsigned)(event.data.u64 >> 2));
			break;
		case TAG_WATCHED:
			reactor.events->watched(event.data.u64 >> 2);
			break;
		}
	}
	return unused;
}

int reactor_watch(int fd, short events, uint64_t number)
{
	/* poll's and epoll's bits are the same. */
	struct epoll_event event = {
		.events = (uint32_t)events | EPOLLONESHOT,
		.data.u64 = number << 2 | TAG_WATCHED,
	};

	if (epoll_ctl(reactor.epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
	    epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return -errno;
}

void reactor_unwatch(int fd)
{
	epoll_ctl(reactor.epoll, EPOLL_CTL_DEL, fd, NULL);
}

int reactor_setup(reactor_tick *const *ticks, const struct reactor_events *events)
{
	pthread_t thread;
	int error;

	reactor.ticks = ticks;
	reactor.events = events;
	reactor.epoll = epoll_create1(EPOLL_CLOEXEC);
	reactor.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reactor.epoll < 0 || reactor.wake < 0)
		return -errno;
	error = epoll_add(reactor.wake, EPOLLIN, TAG_WAKE);
	for (unsigned i = 0; kinds[i] && !error; i++) {
		int fd = kinds[i]->removals ? kinds[i]->removals() : -1;

		assert(i < KINDS_MAX);
		reactor.removals[i] = fd;
		if (fd >= 0)
			error = epoll_add(fd, EPOLLIN, i << 2 | TAG_REMOVAL);
	}
	if (error)
		return error;
	error = pthread_create(&thread, NULL, reactor_main, NULL);
	if (error)
		return -error;
	pthread_detach(thread);
	return 0;
}
