/*
 * operation.h - reading, writing and entering channels: at once where that is possible, parked
 * where it must wait.
 *
 * An operation tries on the thread that brings it.  If it must wait it is copied to the heap and
 * parked in one of three places: behind another that has its handle's turn, in a queue of the
 * reactor if the kernel object can be polled, or in a thread of its own that makes the blocking
 * call.  However it ends - done, interrupted, late, its object removed, the mount ended - it ends
 * once, through `finished`, and is freed.
 */
#ifndef IPCFS_OPERATION_H
#define IPCFS_OPERATION_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/quota.h"
#include "creds.h"
#include "handle.h"

enum operation_kind {
	OPERATION_ENTER,
	OPERATION_READ,
	OPERATION_WRITE,
	OPERATION_FLUSH,
	OPERATION_LOCK, /* of memory; the buffer is a struct lock_wish */
};

struct operation;

/* What the owner of an operation wants to be told; called without any lock held. */
struct operation_hooks {
	/* The operation moved to @parked, its last address; operation_interrupt may come from now
	 * on. */
	void (*parked)(struct operation *parked);
	/* No operation_interrupt may come after this returns. */
	void (*unparked)(struct operation *parked);
	/* The result of a parked operation: a count or a negative errno. */
	void (*finished)(struct operation *parked, ssize_t result);
};

struct operation {
	/* Set by who starts it. */
	enum operation_kind kind;
	const struct operation_hooks *hooks;
	struct handle *handle;
	struct call call;
	struct creds *creds; /* NULL: the daemon's */
	void *buffer; /* what is brought; of a read that does not park room for it: size bytes */
	size_t size;
	bool waits;     /* false: -EAGAIN instead of parking */
	int64_t within; /* nanoseconds until -ETIMEDOUT, or NO_LIMIT */
	void *request;  /* the owner's */

	/* Kept by operation.c and the places, under operations_lock. */
	size_t done;
	bool has_turn;
	atomic_int ending; /* errno to end with as soon as possible, 0: none */
	enum { NOWHERE, IN_TURN, IN_QUEUE, IN_THREAD } where;
	bool in_ending, in_signalled; /* in the list of that name */
	int64_t since, deadline;      /* clock_now */
	struct queue *queue;
	struct waiter *waiter;
	struct quota_share waiting, memory; /* once it is parked */
	struct operation *prev, *next;      /* all parked */
	struct removal_waiter removal;
	struct operation *place_prev, *place_next; /* in its turn or queue */
	struct operation *ending_prev, *ending_next;
	struct operation *signalled_prev, *signalled_next;
};

#define OPERATION_PARKED ((ssize_t)-4096) /* no errno */

/*
 * The places where operations wait for kernel objects, which use this file and not the other way
 * round.  put functions are called without, the others with operations_lock held.
 */
struct operation_places {
	/* Puts it behind those that wait for the same events of the object that @fd polls; an
	 * errno, negative. */
	int (*queue_put)(struct operation *op, int fd, short events);
	void (*queue_take_out)(struct operation *op);
	/* Puts it into a thread, which leaves it when told, a moment later. */
	int (*thread_put)(struct operation *op);
	void (*thread_leave)(struct operation *op);
	/* Makes somebody call operations_end_marked soon; by @deadline (clock_now). */
	void (*wake)(void);
	void (*wake_at)(int64_t deadline);
	/* The thread that brought an operation goes on trying for a while. */
	void (*hand_over)(void);
};

/*
 * Once, before the first operation.  @longest: nanoseconds after which any that waits ends with
 * -EINTR, or NO_LIMIT.
 */
void operations_setup(const struct operation_places *places, int64_t longest);
/* Ends what is parked with -EINTR, parks nothing more, and returns when all has been answered. */
void operations_end(void);

/*
 * Runs @op, which may be on the stack: its result, or OPERATION_PARKED.  The thread must be the
 * caller.  -EDQUOT: the user has too much parked.
 */
ssize_t operation_start(struct operation *op);
/* Asks a parked operation to end with -EINTR; answers nothing itself. */
void operation_interrupt(struct operation *parked);

/* One that waits: what for, its node held, and the thread that asked. */
struct operation_waiting {
	struct node node;
	pid_t thread;
	bool reads;
};

/* All that wait on behalf of somebody, in a list to be freed: how many; -ENOMEM. */
ssize_t operations_waiting(struct operation_waiting **list);

/* How many wait; @most: how many did at one time, since this was called last. */
unsigned operations_count(unsigned *most);

/* For the places where operations wait. */
extern pthread_mutex_t operations_lock;
ssize_t operation_attempt(struct operation *op);
/* What it polls, and for what; -1: nothing. */
int operation_wait_fd(const struct operation *op, short *events);
/* Answers a parked operation that is NOWHERE, and goes on with who waited for its turn. */
void operation_complete(struct operation *op, ssize_t result);
/* Answers all that were asked to end, and tells the threads that have one. */
void operations_end_marked(void);
/* Asks those to end whose time is over; the next deadline, INT64_MAX if there is none. */
int64_t operations_end_late(int64_t now);
/* Asks those to end whose object, of the kind with this directory, has been removed. */
void operations_end_removed(const struct dir *kind);

#endif
