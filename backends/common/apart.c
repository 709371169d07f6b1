/*
 * apart.c - a step in a thread of its own, which is not waited for beyond reason.
 */
#include "apart.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STACK_SIZE = 256 << 10 };

/* So many times the thread is found at work and waited for again. */
enum { ROUNDS = 60 };

struct apart {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	void (*step)(void *context);
	void (*drop)(void *context);
	void *context;
	atomic_int thread; /* its id in /proc; 0: it has not begun */
	bool done, abandoned;
};

static void apart_free(struct apart *apart)
{
	pthread_cond_destroy(&apart->ended);
	pthread_mutex_destroy(&apart->lock);
	free(apart);
}

/* Whoever of the two comes last gives all back. */
static void *run(void *argument)
{
	struct apart *apart = argument;
	bool abandoned;

	apart->thread = gettid();
	apart->step(apart->context);
	pthread_mutex_lock(&apart->lock);
	apart->done = true;
	abandoned = apart->abandoned;
	pthread_cond_signal(&apart->ended);
	pthread_mutex_unlock(&apart->lock);
	if (abandoned) {
		apart->drop(apart->context);
		apart_free(apart);
	}
	return NULL;
}

static int start(struct apart *apart)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);

	if (error)
		return -error;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	error = pthread_create(&thread, &attributes, run, apart);
	pthread_attr_destroy(&attributes);
	/* EAGAIN would mean "not now". */
	return error == EAGAIN ? -ENOMEM : -error;
}

/*
 * Is the thread in a call that waits?  On a machine that is very busy it may only not have had its
 * turn.
 */
static bool is_waiting(int thread)
{
	char path[48], text[256];
	const char *name_end;
	ssize_t length;
	int fd;

	if (thread == 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	name_end = strrchr(text, ')');
	return !name_end || name_end[1] != ' ' || name_end[2] != 'R';
}

/* With the lock held.  True once the step has come to its end. */
static bool wait_for(struct apart *apart, long milliseconds)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += milliseconds * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!apart->done && error != ETIMEDOUT)
		error = pthread_cond_clockwait(&apart->ended, &apart->lock, CLOCK_MONOTONIC,
					       &until);
	return apart->done;
}

/* The same, until the thread has been found to wait, and a moment later again. */
static bool wait_patiently(struct apart *apart)
{
	int found = 0;

	for (int i = 0; i < ROUNDS && found < 2; i++) {
		bool waiting;

		if (wait_for(apart, found ? APART_PATIENCE / 5 : APART_PATIENCE))
			return true;
		/* Not with the lock held, for which the thread may wait itself. */
		pthread_mutex_unlock(&apart->lock);
		waiting = is_waiting(apart->thread);
		pthread_mutex_lock(&apart->lock);
		found = waiting ? found + 1 : 0;
	}
	return apart->done;
}

int apart_run(void (*step)(void *context), void (*drop)(void *context), void *context)
{
	struct apart *apart = calloc(1, sizeof(*apart));
	bool done;
	int error;

	if (!apart)
		return -ENOMEM;
	apart->step = step;
	apart->drop = drop;
	apart->context = context;
	pthread_mutex_init(&apart->lock, NULL);
	pthread_cond_init(&apart->ended, NULL);
	error = start(apart);
	if (error) {
		apart_free(apart);
		return error;
	}
	pthread_mutex_lock(&apart->lock);
	done = wait_patiently(apart);
	apart->abandoned = !done;
	pthread_mutex_unlock(&apart->lock);
	if (!done)
		return -ETIMEDOUT;
	apart_free(apart);
	return 0;
}

static void close_step(void *context)
{
	close((int)(intptr_t)context);
}

static void close_drop(void *context)
{
}

void apart_close(int fd)
{
	void *context = (void *)(intptr_t)fd;
	int error = apart_run(close_step, close_drop, context);

	if (error && error != -ETIMEDOUT)
		close(fd);
}
