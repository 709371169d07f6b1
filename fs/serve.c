/*
 * serve.c - the threads that take requests from the kernel.
 *
 * Two of them: nothing that they do waits for more than a moment, so more would only wake each
 * other.
 */
#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "operation.h"
#include "poller.h"
#include "reactor.h"
#include "requests.h"
#include "waiter.h"

enum { THREADS = 2 };

struct server {
	pthread_t thread;
	atomic_int number; /* gettid(2); 0: it has not begun */
};

static struct {
	struct fuse_session *session;
	atomic_int error;
} serving;

/* A thread that finds the mount gone tells the main one by the signal it waits for. */
static void *take_requests(void *argument)
{
	struct server *server = argument;
	struct fuse_buf buffer = {.mem = NULL};
	int result = 0;

	server->number = (int)syscall(SYS_gettid);
	while (!fuse_session_exited(serving.session)) {
		result = fuse_session_receive_buf(serving.session, &buffer);
		/* Without memory for a request it stays with the kernel. */
		if (result == -EINTR || result == -ENOMEM)
			continue;
		if (result <= 0)
			break;
		fuse_session_process_buf(serving.session, &buffer);
	}
	free(buffer.mem);
	if (result < 0 && result != -ENODEV && result != -EINTR)
		serving.error = result;
	requests_leave();
	fuse_session_exit(serving.session);
	waiter_signal(getpid(), SIGTERM);
	return NULL;
}

static const int ends[] = {SIGTERM, SIGINT, SIGHUP};

static void end_signals(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(set, ends[i]);
}

void serve_block_signals(void)
{
	sigset_t set;

	end_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* A signal that comes just before the thread reads is lost, so it is sent until the thread ends. */
static void join(const struct server *server)
{
	for (;;) {
		struct timespec until;

		waiter_signal(server->number, WAITER_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 10000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		if (pthread_clockjoin_np(server->thread, NULL, CLOCK_MONOTONIC, &until) !=
		    ETIMEDOUT)
			return;
	}
}

int serve_setup(int64_t longest)
{
	static const struct operation_places places = {
		.queue_put = reactor_queue_put,
		.queue_take_out = reactor_queue_take_out,
		.thread_put = waiter_put,
		.thread_leave = waiter_leave,
		.wake = reactor_wake,
		.wake_at = reactor_wake_at,
	};
	static const struct reactor_events events = {poller_event, poller_removed};
	static reactor_tick *const ticks[] = {waiter_tick, poller_tick, NULL};
	int error = waiter_setup();

	operations_setup(&places, longest);
	poller_setup(request_poll_wake, request_poll_drop);
	return error ? error : reactor_setup(ticks, &events);
}

int serve(struct fuse_session *session)
{
	struct server servers[THREADS] = {};
	int started = 0, error = 0, got;
	sigset_t set;

	serving.session = session;
	while (started < THREADS && !error) {
		error = pthread_create(&servers[started].thread, NULL, take_requests,
				       &servers[started]);
		started += !error;
	}
	end_signals(&set);
	if (!error)
		sigwait(&set, &got);
	/* Answered while requests are still taken: a client must not find nobody. */
	operations_end();
	fuse_session_exit(session);
	for (int i = 0; i < started; i++)
		join(&servers[i]);
	/* No close will come for what is still open. */
	poller_end();
	requests_close_all();
	return error ? -error : serving.error;
}
