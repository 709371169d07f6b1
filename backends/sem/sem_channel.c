/*
 * sem_channel.c - op and hold: the files through which semaphores are operated.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "sem.h"
#include "sem_hold.h"
#include "sem_ops.h"
#include "sem_undo.h"

#define HOLD_HAS_NO_OPERATIONS \
	"hold takes the semaphore by being open and gives it back when closed: write to op"

/* An operation list, or the take of a hold, on a System V set. */
struct sysv_handle {
	int id;
	unsigned short part;
	bool fixed; /* no other semaphore of the set may be named */
	struct sem_undo undo;
	struct sem_holder *holder; /* of a hold */
};

struct posix_handle {
	int fd; /* tells whether the file still has a name */
	struct sem_futex *semaphore;
	pthread_mutex_t lock;
	long taken; /* what u has to give back; negative: to take back */
	struct sem_holder *holder;
};

int sem_show_nothing(struct call *call, const struct place *place, FILE *out)
{
	return 0;
}

static ssize_t nothing_read(struct call *call, void *state, void *buffer, size_t size)
{
	return 0;
}

static ssize_t hold_write(struct call *call, void *state, const void *buffer, size_t size,
			  size_t *done)
{
	return refuse(call, EOPNOTSUPP, HOLD_HAS_NO_OPERATIONS);
}

static short hold_ready(void *state)
{
	return POLLIN | POLLOUT; /* end of file and a refusal, both at once */
}

/* ---- System V ---- */

static struct sem_held sysv_held(const struct place *place)
{
	return (struct sem_held){.object = place->object, .part = place->part};
}

int sem_sysv_show_hold(struct call *call, const struct place *place, FILE *out)
{
	struct sem_held held = sysv_held(place);

	return sem_holders_show(call, &held, out);
}

static int sysv_open(struct call *call, const struct place *place, struct sysv_handle **opened)
{
	struct semid_ds set;
	struct sysv_handle *handle;
	int result = sem_sysv_look((int)place->object, &set);

	if (result < 0)
		return result;
	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	handle->id = (int)place->object;
	handle->part = place->part;
	handle->fixed = place->dir == &sem_sysv_part_dir;
	handle->undo.memory = quota_share(QUOTA_MEMORY, call->uid);
	*opened = handle;
	return 0;
}

static void sysv_close(void *state)
{
	struct sysv_handle *handle = state;

	if (handle->holder)
		sem_holder_drop(handle->holder);
	sem_undo_close(&handle->undo);
	free(handle);
}

/* What would pass SEMVMX: a value, or what u has to undo, which the kernel does not say. */
static int refuse_range(struct call *call, const struct sysv_handle *handle,
			const struct sembuf *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int value = semctl(handle->id, list[i].sem_num, GETVAL);

		if (value >= 0 && value + list[i].sem_op > SEM_SYSV_MAX)
			return refuse(call, ERANGE,
				      "SEMVMX, the highest value, is %d, semaphore %u has %d, and "
				      "this adds %d",
				      SEM_SYSV_MAX, list[i].sem_num, value, list[i].sem_op);
	}
	return refuse(call, ERANGE,
		      "a value would pass SEMVMX, %d, or with u what is to be undone on one "
		      "semaphore for all open handles SEMAEM, %d",
		      SEM_SYSV_MAX, SEM_SYSV_MAX);
}

/* The kernel's errno, with the words that it has no room for. */
static int sysv_refuse(struct call *call, const struct sysv_handle *handle, int error,
		       const struct sembuf *list, size_t count)
{
	struct sem_limits limits;
	struct semid_ds set;

	switch (error) {
	case EINVAL: /* a list is never empty here, so it is the id */
	case EIDRM:
		return refuse(call, EIDRM, "the set has been removed");
	case EACCES:
		return refuse_permission(
			call, EACCES,
			&(struct place){.dir = &sem_sysv_dir, .object = (uint32_t)handle->id},
			"operating needs write permission on the set, waiting for zero read "
			"permission");
	case EFBIG:
		if (sem_sysv_look(handle->id, &set) < 0)
			return -EFBIG;
		return refuse(call, EFBIG,
			      "the set has %lu semaphores, and numbers go from 0 to %lu",
			      (unsigned long)set.sem_nsems, (unsigned long)set.sem_nsems - 1);
	case E2BIG:
		if (sem_sysv_limits(&limits) < 0)
			return -E2BIG;
		return refuse(call, E2BIG,
			      "SEMOPM is %d operations a list (kernel.sem, third number), "
			      "this one has %zu",
			      limits.per_call, count);
	case ERANGE:
		return refuse_range(call, handle, list, count);
	default:
		return -error;
	}
}

/*
 * One semop(2).  A try adds IPC_NOWAIT to all, so its EAGAIN means "cannot be done now", whichever
 * operation it is that cannot.  A call that may wait leaves the list as it was written: the kernel
 * sleeps, and its EAGAIN is final: an operation with n could not be done.
 */
static int sysv_operate(struct call *call, struct sysv_handle *handle, struct sembuf *list,
			size_t count)
{
	int result;

	for (size_t i = 0; i < count && !call->may_wait; i++)
		list[i].sem_flg |= IPC_NOWAIT;
	result = sem_undo_operate(call, &handle->undo, handle->id, list, count);
	if (result == 0 || result == -EAGAIN || result == -EINTR)
		return result;
	return sysv_refuse(call, handle, -result, list, count);
}

static int sysv_op_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct sysv_handle *handle;
	int result = sysv_open(call, place, &handle);

	if (result == 0)
		*state = handle;
	return result;
}

static ssize_t sysv_op_write(struct call *call, void *state, const void *buffer, size_t size,
			     size_t *done)
{
	struct sysv_handle *handle = state;
	struct sem_ops ops;
	int result;

	if (size == 0)
		return 0;
	result = sem_ops_read(call, buffer, size, handle->part, handle->fixed, &ops);
	if (result < 0)
		return result;
	result = sysv_operate(call, handle, ops.list, ops.count);
	sem_ops_free(&ops);
	if (result < 0)
		return result;
	*done = size;
	return (ssize_t)size;
}

/*
 * Whether a P would go through.  Where that cannot be known, the set gone or not readable for the
 * daemon, a poll that never ends would be worse than a write that says what is the matter.
 */
static short sysv_op_ready(void *state)
{
	const struct sysv_handle *handle = state;
	int value = semctl(handle->id, handle->part, GETVAL);

	return value == 0 ? POLLIN : POLLIN | POLLOUT;
}

static int sysv_hold_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct sem_held held = sysv_held(place);
	struct sysv_handle *handle;
	int result = sysv_open(call, place, &handle);

	if (result < 0)
		return result;
	result = sem_holder_new(call, &held, &handle->holder);
	if (result < 0)
		sysv_close(handle);
	else
		*state = handle;
	return result;
}

static int sysv_hold_enter(struct call *call, void *state)
{
	struct sysv_handle *handle = state;
	struct sembuf take = {handle->part, -1, SEM_UNDO};
	int result = sysv_operate(call, handle, &take, 1);

	if (result == 0)
		sem_holder_list(handle->holder);
	return result;
}

/* ---- POSIX ---- */

/* -EIDRM if the file has no name any more: removed, or another renamed over it. */
static int posix_gone(void *state)
{
	const struct posix_handle *handle = state;
	struct stat st;

	return fstat(handle->fd, &st) == 0 && st.st_nlink == 0 ? -EIDRM : 0;
}

static uint64_t posix_object(void *state)
{
	const struct posix_handle *handle = state;
	struct stat st;

	return fstat(handle->fd, &st) == 0 ? st.st_ino : 0;
}

static int posix_held(const struct place *place, struct sem_held *held)
{
	struct stat st;
	int result = sem_posix_look(place->name, &st);

	if (result == 0)
		*held = (struct sem_held){.posix = true, .object = st.st_ino};
	return result;
}

int sem_posix_show_hold(struct call *call, const struct place *place, FILE *out)
{
	struct sem_held held;
	int result = posix_held(place, &held);

	return result < 0 ? result : sem_holders_show(call, &held, out);
}

static int posix_open(struct call *call, const struct place *place, struct posix_handle **opened)
{
	struct posix_handle *handle = calloc(1, sizeof(*handle));
	int result;

	if (!handle)
		return -ENOMEM;
	result = sem_posix_open(call, place->name, O_RDWR, &handle->fd, &handle->semaphore);
	if (result < 0) {
		free(handle);
		return result;
	}
	pthread_mutex_init(&handle->lock, NULL);
	*opened = handle;
	return 0;
}

/* Undoes what u did, as far as the value's range lets it, as the kernel does for System V. */
static void posix_undo(struct posix_handle *handle)
{
	unsigned value, waiters;

	while (handle->taken < 0) {
		int taken = sem_futex_take(
			handle->semaphore,
			(unsigned)(handle->taken < -INT_MAX ? INT_MAX : -handle->taken));

		if (taken < 0)
			break;
		handle->taken += taken;
	}
	while (handle->taken > 0 && sem_futex_value(handle->semaphore, &value, &waiters) == 0) {
		long room = value < SEM_VALUE_MAX ? (long)(SEM_VALUE_MAX - value) : 0;
		unsigned count = (unsigned)(handle->taken < room ? handle->taken : room);
		int result = count ? sem_futex_post(handle->semaphore, count) : -ERANGE;

		if (result == 0)
			handle->taken -= count;
		else if (result != -EOVERFLOW) /* others filled it meanwhile: look again */
			break;
	}
}

static void posix_close(void *state)
{
	struct posix_handle *handle = state;

	if (handle->holder)
		sem_holder_drop(handle->holder);
	posix_undo(handle);
	sem_futex_close(handle->semaphore);
	close(handle->fd);
	pthread_mutex_destroy(&handle->lock);
	free(handle);
}

static int posix_refuse(struct call *call, const struct posix_handle *handle, int error)
{
	switch (error) {
	case EIO:
		return sem_posix_refuse_words(call, handle->fd);
	case EIDRM:
		return refuse(call, EIDRM, "the semaphore has been removed");
	case EOVERFLOW:
		return refuse(call, EOVERFLOW, "the value would pass SEM_VALUE_MAX, %d",
			      SEM_VALUE_MAX);
	default:
		return -error;
	}
}

/* Takes one or adds @delta; @waits if it may sleep.  No operation on what has been removed. */
static int posix_operate(struct call *call, struct posix_handle *handle, int delta, bool waits)
{
	int result = posix_gone(handle);

	if (result == 0 && delta > 0)
		result = sem_futex_post(handle->semaphore, (unsigned)delta);
	else if (result == 0 && waits)
		result = sem_futex_wait(handle->semaphore);
	else if (result == 0)
		result = sem_futex_try(handle->semaphore);
	/* Nobody wakes who waits on a removed semaphore but a signal of who sees the removal. */
	if (result == -EINTR && posix_gone(handle) < 0)
		result = -EIDRM;
	return result < 0 ? posix_refuse(call, handle, -result) : 0;
}

static int posix_op_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct posix_handle *handle;
	int result = posix_open(call, place, &handle);

	if (result == 0)
		*state = handle;
	return result;
}

/* POSIX has sem_wait and sem_post: one semaphore, one at a time down, no waiting for zero. */
static int posix_op_check(struct call *call, const struct sem_ops *ops)
{
	if (ops->count > 1)
		return refuse(call, EOPNOTSUPP,
			      "a POSIX semaphore takes one operation a write, this list has %zu: "
			      "atomic lists are for System V sets",
			      ops->count);
	if (ops->list[0].sem_op == 0)
		return refuse(
			call, EOPNOTSUPP,
			"a POSIX semaphore cannot be waited for to be zero, a System V one can");
	if (ops->list[0].sem_op < -1)
		return refuse(call, EOPNOTSUPP,
			      "%d: from a POSIX semaphore only 1 can be taken at a time",
			      ops->list[0].sem_op);
	return 0;
}

/*
 * With u the take or post is undone when the handle closes.  There is no kernel behind that: what a
 * daemon that is killed has taken stays taken.
 */
static ssize_t posix_op_write(struct call *call, void *state, const void *buffer, size_t size,
			      size_t *done)
{
	struct posix_handle *handle = state;
	struct sem_ops ops;
	int result;

	if (size == 0)
		return 0;
	result = sem_ops_read(call, buffer, size, 0, true, &ops);
	if (result < 0)
		return result;
	result = posix_op_check(call, &ops);
	if (result == 0)
		result = posix_operate(call, handle, ops.list[0].sem_op,
				       call->may_wait && !(ops.list[0].sem_flg & IPC_NOWAIT));
	if (result == 0 && (ops.list[0].sem_flg & SEM_UNDO)) {
		pthread_mutex_lock(&handle->lock);
		handle->taken -= ops.list[0].sem_op;
		pthread_mutex_unlock(&handle->lock);
	}
	sem_ops_free(&ops);
	if (result < 0)
		return result;
	*done = size;
	return (ssize_t)size;
}

static short posix_op_ready(void *state)
{
	const struct posix_handle *handle = state;
	unsigned value, waiters;

	/* Gone or cut short: a write does not wait either, it says so. */
	if (posix_gone(state) == 0 && sem_futex_value(handle->semaphore, &value, &waiters) == 0 &&
	    value == 0)
		return POLLIN;
	return POLLIN | POLLOUT;
}

static int posix_hold_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct posix_handle *handle;
	struct stat st;
	int result = posix_open(call, place, &handle);

	if (result < 0)
		return result;
	if (fstat(handle->fd, &st) < 0) {
		result = -errno;
	} else {
		struct sem_held held = {.posix = true, .object = st.st_ino};

		result = sem_holder_new(call, &held, &handle->holder);
	}
	if (result < 0)
		posix_close(handle);
	else
		*state = handle;
	return result;
}

static int posix_hold_enter(struct call *call, void *state)
{
	struct posix_handle *handle = state;
	int result = posix_operate(call, handle, -1, call->may_wait);

	if (result == 0) {
		handle->taken = 1;
		sem_holder_list(handle->holder);
	}
	return result;
}

const struct channel sem_sysv_op = {
	.open = sysv_op_open,
	.read = nothing_read,
	.write = sysv_op_write,
	.ready = sysv_op_ready,
	.close = sysv_close,
};

const struct channel sem_sysv_hold = {
	.open = sysv_hold_open,
	.enter = sysv_hold_enter,
	.read = nothing_read,
	.write = hold_write,
	.ready = hold_ready,
	.close = sysv_close,
};

const struct channel sem_posix_op = {
	.open = posix_op_open,
	.read = nothing_read,
	.write = posix_op_write,
	.ready = posix_op_ready,
	.gone = posix_gone,
	.object = posix_object,
	.close = posix_close,
};

const struct channel sem_posix_hold = {
	.open = posix_hold_open,
	.enter = posix_hold_enter,
	.read = nothing_read,
	.write = hold_write,
	.ready = hold_ready,
	.gone = posix_gone,
	.object = posix_object,
	.close = posix_close,
};
