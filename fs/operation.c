/*
 * operation.c - reading, writing and entering channels: at once where that is possible, parked
 * where it must wait.
 */
#include "operation.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "common/clock.h"
#include "locks.h"

/* Nanoseconds: how long one that parks nothing waits, and up to which a wait was a brief one. */
enum { PATIENCE = 100000, BRIEF = 500000 };

pthread_mutex_t operations_lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	struct operation *all;
	struct operation *ending;
	struct removal_table removals;
	const struct operation_places *places;
	int64_t longest;
	unsigned unanswered; /* parked, or being answered */
	unsigned most;       /* that there were at one time, since somebody asked */
	bool closed;
	pthread_cond_t empty;
} parked = {.empty = PTHREAD_COND_INITIALIZER};

/* NULL: the handle is of memory. */
static const struct channel *channel_of(const struct operation *op)
{
	return op->handle->node.place.row->channel;
}

static enum direction direction_of(const struct operation *op)
{
	return op->kind == OPERATION_READ ? DIRECTION_READ : DIRECTION_WRITE;
}

static bool is_serial(const struct operation *op)
{
	int serial = op->kind == OPERATION_LOCK ? 0 : channel_of(op)->serial;

	return (op->kind == OPERATION_READ && (serial & SERIAL_READ)) ||
	       (op->kind == OPERATION_WRITE && (serial & SERIAL_WRITE));
}

/* Who tries again must not overtake those who wait for the same. */
static bool may_wait_briefly(const struct operation *op)
{
	return is_serial(op) && channel_of(op)->exclusive;
}

ssize_t operation_attempt(struct operation *op)
{
	const struct channel *channel = channel_of(op);
	void *state = op->handle->state;

	switch (op->kind) {
	case OPERATION_LOCK:
		return locks_attempt(op->buffer, op->call.may_wait);
	case OPERATION_ENTER:
		return channel->enter(&op->call, state);
	case OPERATION_READ:
		return channel->read(&op->call, state, op->buffer, op->size);
	case OPERATION_WRITE:
		return channel->write(&op->call, state, op->buffer, op->size, &op->done);
	case OPERATION_FLUSH:
		return channel->flush(&op->call, state);
	}
	return -EINVAL;
}

/*
 * Parking costs two wake-ups, more than the wait itself where bytes stream.  So where the last wait
 * of this handle was brief the thread gives way to whoever makes the next one end, and tries again,
 * for a moment; other requests have the other thread.
 */
static ssize_t attempt_again(struct operation *op, ssize_t result)
{
	atomic_bool *brief = &op->handle->waits_briefly[direction_of(op)];
	int64_t until;

	if (result != -EAGAIN || !op->waits || !may_wait_briefly(op) || !*brief)
		return result;
	parked.places->hand_over();
	until = clock_now() + PATIENCE;
	do {
		sched_yield();
		result = operation_attempt(op);
	} while (result == -EAGAIN && clock_now() < until);
	if (result == -EAGAIN)
		*brief = false;
	return result;
}

/* What has gone can't be taken back, so it is what the caller must hear of. */
static ssize_t final_result(const struct operation *op, ssize_t result)
{
	return result < 0 && op->done ? (ssize_t)op->done : result;
}

/*
 * Counts @op, a copy that is to be parked.  Of the bytes only those of a write are there: what a
 * read has room for is not touched before the bytes come.
 */
static int count_in(struct operation *op)
{
	uint64_t bytes = op->kind == OPERATION_WRITE ? op->size : 0;
	int error;

	op->waiting = quota_share(QUOTA_WAITING, op->call.uid);
	op->memory = quota_share(QUOTA_MEMORY, op->call.uid);
	/* A close cannot be refused: what it leaves has been charged by the channel. */
	if (op->kind == OPERATION_FLUSH)
		return 0;
	error = quota_take(&op->call, &op->waiting, 1);
	if (!error)
		error = quota_take(&op->call, &op->memory, bytes);
	if (error)
		quota_drop(&op->waiting);
	return error;
}

static void count_out(struct operation *op)
{
	quota_drop(&op->waiting);
	quota_drop(&op->memory);
}

/* Its own limit comes first if it is the shorter one. */
static bool has_own_limit(const struct operation *op)
{
	return op->within != NO_LIMIT &&
	       (parked.longest == NO_LIMIT || op->within <= parked.longest);
}

static int64_t deadline_of(const struct operation *op)
{
	int64_t limit = has_own_limit(op) ? op->within : parked.longest;

	/* A close has been answered: the kernel waits for nothing. */
	if (op->kind == OPERATION_FLUSH)
		limit = op->within;
	return limit == NO_LIMIT ? NO_LIMIT : clock_now() + limit;
}

/* Copies @op to the heap and tells its owner.  The buffer of a write is copied, a read's is new. */
static int park(struct operation *op, struct operation **result)
{
	struct operation *copy = malloc(sizeof(*copy));
	int error;

	if (!copy)
		return -ENOMEM;
	*copy = *op;
	if (op->buffer) {
		copy->buffer = malloc(op->size ? op->size : 1);
		if (!copy->buffer) {
			free(copy);
			return -ENOMEM;
		}
		if (op->kind == OPERATION_WRITE || op->kind == OPERATION_LOCK)
			memcpy((char *)copy->buffer + op->done, (const char *)op->buffer + op->done,
			       op->size - op->done);
	}
	copy->since = clock_now();
	copy->deadline = deadline_of(op);
	creds_hold(copy->creds);
	error = count_in(copy);
	pthread_mutex_lock(&operations_lock);
	if (!error && parked.closed)
		error = -EINTR;
	if (!error)
		error = removal_join(&parked.removals, &copy->removal, copy->handle);
	if (!error) {
		DL_APPEND(parked.all, copy);
		parked.unanswered++;
		if (parked.most < parked.unanswered)
			parked.most = parked.unanswered;
	}
	pthread_mutex_unlock(&operations_lock);
	if (error) {
		count_out(copy);
		op->call = copy->call; /* the reason */
		creds_release(copy->creds);
		free(copy->buffer);
		free(copy);
		return error;
	}
	copy->hooks->parked(copy);
	if (copy->deadline != NO_LIMIT)
		parked.places->wake_at(copy->deadline);
	*result = copy;
	return 0;
}

int operation_wait_fd(const struct operation *op, short *events)
{
	const struct channel *channel = channel_of(op);

	*events = 0;
	if (op->kind == OPERATION_READ)
		*events = POLLIN;
	else if (op->kind == OPERATION_WRITE)
		*events = POLLOUT;
	return channel && channel->wait_fd ? channel->wait_fd(op->handle->state, events) : -1;
}

/* Puts it where it waits for its kernel object; an error ends it. */
static int settle(struct operation *op)
{
	short events;
	int fd = operation_wait_fd(op, &events);

	if (fd >= 0)
		return parked.places->queue_put(op, fd, events);
	op->call.may_wait = true;
	return parked.places->thread_put(op);
}

/* Gives the turn to the next; returns it, to be attempted.  NULL: nobody waits. */
static struct operation *pass_turn(struct handle *handle, enum direction direction)
{
	struct operation *next;

	pthread_mutex_lock(&operations_lock);
	next = handle->turn[direction];
	if (next) {
		DL_DELETE2(handle->turn[direction], next, place_prev, place_next);
		next->where = NOWHERE;
		next->has_turn = true;
	} else {
		handle->busy[direction] = false;
	}
	pthread_mutex_unlock(&operations_lock);
	return next;
}

/* Answers and frees @op; returns who has its turn now. */
static struct operation *end(struct operation *op, ssize_t result)
{
	struct operation *next = NULL;

	op->hooks->unparked(op);
	if (may_wait_briefly(op))
		op->handle->waits_briefly[direction_of(op)] = clock_now() - op->since < BRIEF;
	pthread_mutex_lock(&operations_lock);
	DL_DELETE(parked.all, op);
	removal_leave(&parked.removals, &op->removal);
	if (op->in_ending)
		DL_DELETE2(parked.ending, op, ending_prev, ending_next);
	pthread_mutex_unlock(&operations_lock);
	count_out(op);
	if (op->has_turn)
		next = pass_turn(op->handle, direction_of(op));
	op->hooks->finished(op, final_result(op, result));
	creds_release(op->creds);
	free(op->buffer);
	free(op);
	pthread_mutex_lock(&operations_lock);
	if (!--parked.unanswered)
		pthread_cond_broadcast(&parked.empty);
	pthread_mutex_unlock(&operations_lock);
	return next;
}

/* Attempts @next and whoever gets the turn after it, until one has to wait. */
static void go_on(struct operation *next)
{
	while (next) {
		int error = creds_become(next->creds);
		ssize_t result = error;

		next->call.may_wait = false;
		if (!error)
			result = next->ending ? -next->ending : operation_attempt(next);
		if (result == -EAGAIN) {
			result = settle(next);
			if (!result)
				return;
		}
		next = end(next, result);
	}
}

void operation_complete(struct operation *op, ssize_t result)
{
	go_on(end(op, result));
}

/* True: @op may go ahead.  Else it has joined those who wait for their turn, parked. */
static ssize_t take_turn(struct operation *op)
{
	struct handle *handle = op->handle;
	enum direction direction = direction_of(op);
	struct operation *copy;
	int error;

	pthread_mutex_lock(&operations_lock);
	if (!handle->busy[direction]) {
		handle->busy[direction] = op->has_turn = true;
		pthread_mutex_unlock(&operations_lock);
		return 0;
	}
	pthread_mutex_unlock(&operations_lock);
	if (!op->waits)
		return -EAGAIN;
	error = park(op, &copy);
	if (error)
		return error;
	pthread_mutex_lock(&operations_lock);
	if (copy->ending) {
		pthread_mutex_unlock(&operations_lock);
		operation_complete(copy, -copy->ending);
	} else if (!handle->busy[direction]) {
		handle->busy[direction] = copy->has_turn = true;
		pthread_mutex_unlock(&operations_lock);
		go_on(copy);
	} else {
		DL_APPEND2(handle->turn[direction], copy, place_prev, place_next);
		copy->where = IN_TURN;
		pthread_mutex_unlock(&operations_lock);
	}
	return OPERATION_PARKED;
}

ssize_t operation_start(struct operation *op)
{
	struct operation *copy;
	ssize_t result;
	int error;

	if (is_serial(op)) {
		result = take_turn(op);
		if (result)
			return result;
	}
	op->call.may_wait = false;
	result = attempt_again(op, operation_attempt(op));
	if (result == -EAGAIN && op->waits) {
		error = park(op, &copy);
		if (!error) {
			error = settle(copy);
			if (error)
				operation_complete(copy, error);
			return OPERATION_PARKED;
		}
		result = error;
	}
	if (op->has_turn)
		go_on(pass_turn(op->handle, direction_of(op)));
	return final_result(op, result);
}

/* With the lock held: asks it to end with @error, unless it was asked before. */
static void mark(struct operation *op, int error)
{
	int none = 0;

	if (!atomic_compare_exchange_strong(&op->ending, &none, error) || op->in_ending)
		return;
	op->in_ending = true;
	DL_APPEND2(parked.ending, op, ending_prev, ending_next);
}

void operation_interrupt(struct operation *op)
{
	pthread_mutex_lock(&operations_lock);
	mark(op, EINTR);
	pthread_mutex_unlock(&operations_lock);
	parked.places->wake();
}

/* With the lock held: takes it out of its turn or queue.  False if a thread has it. */
static bool take_out(struct operation *op)
{
	switch (op->where) {
	case IN_TURN:
		DL_DELETE2(op->handle->turn[direction_of(op)], op, place_prev, place_next);
		op->where = NOWHERE;
		return true;
	case IN_QUEUE:
		parked.places->queue_take_out(op);
		return true;
	case IN_THREAD:
		parked.places->thread_leave(op);
		return false;
	case NOWHERE: /* on its way to a place, where the mark is looked at */
		break;
	}
	return false;
}

void operations_end_marked(void)
{
	struct operation *op;

	pthread_mutex_lock(&operations_lock);
	while ((op = parked.ending)) {
		op->in_ending = false;
		DL_DELETE2(parked.ending, op, ending_prev, ending_next);
		if (!take_out(op))
			continue;
		pthread_mutex_unlock(&operations_lock);
		operation_complete(op, -op->ending);
		pthread_mutex_lock(&operations_lock);
	}
	pthread_mutex_unlock(&operations_lock);
}

int64_t operations_end_late(int64_t now)
{
	int64_t earliest = INT64_MAX;
	struct operation *op;

	pthread_mutex_lock(&operations_lock);
	DL_FOREACH(parked.all, op) {
		if (op->deadline == NO_LIMIT || op->ending)
			continue;
		if (op->deadline <= now)
			mark(op, has_own_limit(op) ? ETIMEDOUT : EINTR);
		else if (op->deadline < earliest)
			earliest = op->deadline;
	}
	pthread_mutex_unlock(&operations_lock);
	return earliest;
}

/* With the lock held. */
static void end_removed(struct removal_waiter *waiter)
{
	mark((struct operation *)((char *)waiter - offsetof(struct operation, removal)), EIDRM);
}

void operations_end_removed(const struct dir *kind)
{
	pthread_mutex_lock(&operations_lock);
	removal_tell(&parked.removals, kind, end_removed);
	pthread_mutex_unlock(&operations_lock);
}

/* A close has been answered, and nobody waits for it. */
static bool has_somebody(const struct operation *op)
{
	return op->kind != OPERATION_FLUSH && op->kind != OPERATION_LOCK;
}

ssize_t operations_waiting(struct operation_waiting **list)
{
	struct operation *op;
	ssize_t count = 0;

	pthread_mutex_lock(&operations_lock);
	*list = calloc(parked.unanswered + 1, sizeof(**list));
	if (*list)
		DL_FOREACH(parked.all, op) {
			if (!has_somebody(op))
				continue;
			node_hold(&op->handle->node);
			(*list)[count++] = (struct operation_waiting){
				op->handle->node, op->call.pid, op->kind == OPERATION_READ};
		}
	pthread_mutex_unlock(&operations_lock);
	return *list ? count : -ENOMEM;
}

unsigned operations_count(unsigned *most)
{
	unsigned count;

	pthread_mutex_lock(&operations_lock);
	count = parked.unanswered;
	*most = parked.most;
	parked.most = count;
	pthread_mutex_unlock(&operations_lock);
	return count;
}

void operations_setup(const struct operation_places *places, int64_t longest)
{
	parked.longest = longest;
	parked.places = places;
}

void operations_end(void)
{
	struct operation *op;

	pthread_mutex_lock(&operations_lock);
	parked.closed = true;
	DL_FOREACH(parked.all, op)
		mark(op, EINTR);
	parked.places->wake();
	while (parked.unanswered)
		pthread_cond_wait(&parked.empty, &operations_lock);
	pthread_mutex_unlock(&operations_lock);
}
