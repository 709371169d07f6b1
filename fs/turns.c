/*
 * turns.c - which of the threads that serve take requests from the kernel.
 */
#include "turns.h"

#include <pthread.h>
#include <stdatomic.h>

#include "clock.h"

/*
 * Nanoseconds: a read that takes no longer than the first has found a request that was there
 * already, and so many of these one after the other are a queue; one that takes longer than the
 * second has found that one thread would do.
 */
enum { AT_ONCE = 2000, LONG = 50000, QUEUE = 16 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* How many take requests, and how many are to; changed with the lock held. */
	atomic_int taking, wanted;
	int most;
} turns = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.wanted = 1,
};

/*
 * What a thread notices of its requests.  One client alone never has a queue: on one processor its
 * next request is there when the thread comes to ask, because it ran in between.
 */
static _Thread_local struct {
	bool takes;    /* it is one of those that take requests */
	uint32_t pid;  /* who asked last; 0 is the kernel itself, which is nobody */
	bool another;  /* and that was not who had asked before */
	int64_t since; /* when the next was asked for, if that is to be known; else 0 */
	int queued;    /* so many of several clients were there at once, one after the other */
} own;

void turns_setup(int most)
{
	turns.most = most;
}

bool turns_take(struct fuse_session *session)
{
	if (own.takes)
		return true;
	pthread_mutex_lock(&turns.lock);
	while (turns.taking >= turns.wanted && !fuse_session_exited(session))
		pthread_cond_wait(&turns.changed, &turns.lock);
	own.takes = !fuse_session_exited(session);
	turns.taking += own.takes;
	pthread_mutex_unlock(&turns.lock);
	return own.takes;
}

/* With the lock held. */
static void give(void)
{
	own.takes = false;
	turns.taking--;
	pthread_cond_signal(&turns.changed);
}

void turns_hand_over(void)
{
	if (!own.takes)
		return;
	pthread_mutex_lock(&turns.lock);
	give();
	pthread_mutex_unlock(&turns.lock);
}

void turns_before_read(void)
{
	own.since = own.another || turns.taking > 1 ? clock_now() : 0;
}

void turns_after_read(uint32_t pid)
{
	int64_t waited = own.since ? clock_now() - own.since : 0;

	own.another = pid && pid != own.pid;
	if (pid)
		own.pid = pid;
	if (!own.since)
		return;
	own.queued = own.another && waited < AT_ONCE ? own.queued + 1 : 0;
	if (own.queued >= QUEUE && turns.wanted < turns.most) {
		pthread_mutex_lock(&turns.lock);
		turns.wanted = turns.most;
		pthread_cond_signal(&turns.changed);
		pthread_mutex_unlock(&turns.lock);
	} else if (waited >= LONG && turns.taking > 1) {
		pthread_mutex_lock(&turns.lock);
		turns.wanted = 1;
		if (own.takes && turns.taking > 1)
			give();
		pthread_mutex_unlock(&turns.lock);
	}
}

void turns_wake(void)
{
	pthread_mutex_lock(&turns.lock);
	pthread_cond_broadcast(&turns.changed);
	pthread_mutex_unlock(&turns.lock);
}
