/*
 * apart.c - a step in a thread of its own, which is not waited for beyond reason.
 */
#include "apart.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STACK_SIZE = 256 << 10 };

struct apart {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	void (*step)(void *context);
	void (*drop)(void *context);
	void *context;
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
	return -error;
}

static struct timespec patience_ends(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += APART_PATIENCE / 1000;
	until.tv_nsec += APART_PATIENCE % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

int apart_run(void (*step)(void *context), void (*drop)(void *context), void *context)
{
	struct timespec until = patience_ends();
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
	while (!apart->done && pthread_cond_clockwait(&apart->ended, &apart->lock, CLOCK_MONOTONIC,
						      &until) != ETIMEDOUT)
		;
	done = apart->done;
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
