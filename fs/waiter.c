/*
 * waiter.c - threads that make blocking calls for what nobody can poll.
 *
 * Made on demand and kept for a few seconds: the kernel's own queue of a semaphore or message
 * queue, with its order and its counts, is then what the clients stand in.
 */
#include "waiter.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <utlist.h>

#include "common/clock.h"

enum { STACK_SIZE = 128 << 10, IDLE_SECONDS = 5 };

/*
 * Nanoseconds between two rounds of signals, at least, and the share of the time that they take:
 * thousands that leave at once need the lock and the processor for that.
 */
enum { SIGNAL_SPACING = 1000000, SIGNAL_SHARE = 16 };

struct waiter {
	pid_t tid;
	sem_t work; /* posted once for each operation that an idle one is given */
	struct operation *op;
	struct waiter *prev, *next; /* idle */
};

static struct {
	struct waiter *idle;
	struct operation *signalled;
	int64_t signal_next; /* when those signalled are signalled again */
	pthread_attr_t attributes;
} waiters;

static void leave(int signal)
{
}

int waiter_setup(void)
{
	struct sigaction action = {.sa_handler = leave}; /* no SA_RESTART: the call must end */
	int error = pthread_attr_init(&waiters.attributes);
	sigset_t set;

	/* Who started the daemon may have blocked it. */
	sigemptyset(&set);
	sigaddset(&set, WAITER_SIGNAL);
	if (!error)
		error = pthread_sigmask(SIG_UNBLOCK, &set, NULL);

	if (!error)
		error = pthread_attr_setdetachstate(&waiters.attributes, PTHREAD_CREATE_DETACHED);
	if (!error)
		error = pthread_attr_setstacksize(&waiters.attributes, STACK_SIZE);
	if (!error && sigaction(WAITER_SIGNAL, &action, NULL) < 0)
		error = errno;
	return -error;
}

static void run(struct waiter *waiter)
{
	struct operation *op = waiter->op;
	ssize_t result = creds_become(op->creds);

	if (!result) {
		do {
			result = op->ending ? -EINTR : operation_attempt(op);
		} while (result == -EINTR && !op->ending);
		if (result == -EINTR)
			result = -op->ending;
	}
	pthread_mutex_lock(&operations_lock);
	if (op->in_signalled)
		DL_DELETE2(waiters.signalled, op, signalled_prev, signalled_next);
	op->in_signalled = false;
	op->where = NOWHERE;
	op->waiter = NULL;
	waiter->op = NULL;
	pthread_mutex_unlock(&operations_lock);
	operation_complete(op, result);
}

/* False: it took longer than an idle thread is kept. */
static bool wait_for_work(struct waiter *waiter)
{
	struct timespec until;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	/* A signal that was meant for what it did before may come late. */
	do
		result = sem_clockwait(&waiter->work, CLOCK_MONOTONIC, &until);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

/* Waits for more to do, with the lock held; false: nothing came for long. */
static bool more_work(struct waiter *waiter)
{
	bool called;

	DL_PREPEND(waiters.idle, waiter);
	pthread_mutex_unlock(&operations_lock);
	called = wait_for_work(waiter);
	pthread_mutex_lock(&operations_lock);
	/* Who gave it work has taken it off the list, and is about to say so if it has not yet. */
	if (!waiter->op) {
		DL_DELETE(waiters.idle, waiter);
		return false;
	}
	if (!called) {
		pthread_mutex_unlock(&operations_lock);
		while (sem_wait(&waiter->work) < 0)
			;
		pthread_mutex_lock(&operations_lock);
	}
	return true;
}

static void *waiter_main(void *argument)
{
	struct waiter *waiter = argument;

	creds_reset();
	pthread_mutex_lock(&operations_lock);
	waiter->tid = (pid_t)syscall(SYS_gettid);
	do {
		pthread_mutex_unlock(&operations_lock);
		run(waiter);
		/* Idle, it is nobody's; and what it was is not kept from being freed. */
		creds_become(NULL);
		pthread_mutex_lock(&operations_lock);
	} while (more_work(waiter));
	pthread_mutex_unlock(&operations_lock);
	sem_destroy(&waiter->work);
	free(waiter);
	return NULL;
}

int waiter_put(struct operation *op)
{
	struct waiter *waiter, *idle = NULL;
	pthread_t thread;
	int error = 0;

	pthread_mutex_lock(&operations_lock);
	if (op->ending) {
		error = op->ending;
		goto out;
	}
	waiter = waiters.idle;
	if (waiter) {
		DL_DELETE(waiters.idle, waiter);
		idle = waiter;
	} else {
		waiter = calloc(1, sizeof(*waiter));
		if (!waiter) {
			error = ENOMEM;
			goto out;
		}
		sem_init(&waiter->work, 0, 0);
		/* It starts by waiting for the lock, so what follows is in place when it looks. */
		if (pthread_create(&thread, &waiters.attributes, waiter_main, waiter)) {
			sem_destroy(&waiter->work);
			free(waiter);
			error = -refuse(&op->call, EDQUOT,
					"there can be no more threads to wait in");
			goto out;
		}
	}
	waiter->op = op;
	op->waiter = waiter;
	op->where = IN_THREAD;
out:
	pthread_mutex_unlock(&operations_lock);
	/* Not before: it would only wake to wait for the lock. */
	if (idle)
		sem_post(&idle->work);
	return -error;
}

void waiter_signal(pid_t thread, int signal)
{
	if (thread)
		syscall(SYS_tgkill, getpid(), thread, signal);
}

static void send_signal(const struct operation *op)
{
	/* A thread that has not noted its number yet has not made the call either. */
	waiter_signal(op->waiter->tid, WAITER_SIGNAL);
}

void waiter_leave(struct operation *op)
{
	send_signal(op);
	if (op->in_signalled)
		return;
	op->in_signalled = true;
	DL_APPEND2(waiters.signalled, op, signalled_prev, signalled_next);
	if (!waiters.signalled->signalled_next)
		waiters.signal_next = clock_now() + SIGNAL_SPACING;
}

int64_t waiter_tick(void)
{
	int64_t start = clock_now(), left = -1;
	struct operation *op;

	pthread_mutex_lock(&operations_lock);
	if (waiters.signalled && start >= waiters.signal_next) {
		int64_t end;

		for (op = waiters.signalled; op; op = op->signalled_next)
			send_signal(op);
		end = clock_now();
		waiters.signal_next = end + SIGNAL_SPACING + (end - start) * SIGNAL_SHARE;
		start = end;
	}
	if (waiters.signalled)
		left = waiters.signal_next > start ? waiters.signal_next - start : 0;
	pthread_mutex_unlock(&operations_lock);
	return left;
}
