/*
 * serve.c - the threads that take requests from the kernel.
 *
 * Two of them: hardly anything that they do waits for more than a moment, so more would only wake
 * each other.  There are more as long as users keep what a request needs, a lock of /dev/shm say.
 */
#include "serve.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "creds.h"
#include "heap.h"
#include "notify.h"
#include "operation.h"
#include "poller.h"
#include "put_off.h"
#include "reactor.h"
#include "requests.h"
#include "spin.h"
#include "turns.h"
#include "waiter.h"

struct server {
	bool used; /* there is one, or it is to be joined; guarded by the lock */
	pthread_t thread;
	pid_t number; /* gettid(2); 0: it has not begun, or has left; guarded by the lock */
};

static struct {
	struct fuse_session *session;
	atomic_int error;
	void (*served)(void);
	atomic_flag answered;
	pthread_mutex_t lock;
	pthread_cond_t left;
	/* Guarded by the lock: the threads, and how many of them have not left yet. */
	struct server servers[TURNS_THREADS];
	int there;
	bool ending; /* no more are started */
} serving = {.answered = ATOMIC_FLAG_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

/* Answered in a moment, or hands over where it is not. */
static bool is_brief(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_LOOKUP:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_GETATTR:
	case FUSE_SETATTR:
	case FUSE_ACCESS:
	case FUSE_READLINK:
	case FUSE_OPEN:
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_POLL:
	case FUSE_INTERRUPT:
		return true;
	default:
		return false;
	}
}

/*
 * Whether the request in @buffer, of @uid, is to be done now, or another of the same user that has
 * come to be there.
 */
static bool is_due(struct fuse_buf *buffer, uid_t uid)
{
	const struct fuse_in_header *header = buffer->mem;

	if (header->opcode == FUSE_INTERRUPT)
		return !put_off_interrupt(header);
	if (!turns_are_used_up(uid) || !put_off(header, uid))
		return true;
	/* Who would go on with it may have looked before it was there. */
	return !turns_are_used_up(uid) && put_off_next(uid, buffer);
}

/* And those of the same user that have been put off. */
static void process(struct fuse_buf *buffer, uid_t uid)
{
	do {
		const struct fuse_in_header *header = buffer->mem;

		turns_begin(uid);
		if (!is_brief(header->opcode))
			turns_hand_over();
		fuse_session_process_buf(serving.session, buffer);
		turns_end();
	} while (!turns_are_used_up(uid) && put_off_next(uid, buffer));
}

/* A thread that finds the mount gone tells the main one by the signal it waits for. */
static void *take_requests(void *argument)
{
	struct server *server = argument;
	struct fuse_buf buffer = {.mem = NULL};
	enum turn_taken taken;
	int64_t asked, waited;
	uid_t uid;
	int result = 0;

	/* It began with what whoever started it had at that moment. */
	creds_reset();
	pthread_mutex_lock(&serving.lock);
	server->number = (pid_t)syscall(SYS_gettid);
	pthread_mutex_unlock(&serving.lock);
	while ((taken = turns_take(serving.session)) == TURN_TAKEN &&
	       !fuse_session_exited(serving.session)) {
		const struct fuse_in_header *header;

		asked = clock_now();
		spin(fuse_session_fd(serving.session), asked);
		result = fuse_session_receive_buf(serving.session, &buffer);
		/* Without memory for a request it stays with the kernel. */
		if (result == -EINTR || result == -ENOMEM)
			continue;
		if (result <= 0)
			break;
		header = buffer.mem;
		waited = clock_now() - asked;
		turns_learn(header->pid, waited);
		spin_learn(waited);
		uid = turns_are_wary() ? creds_counted(header->uid, (pid_t)header->pid)
				       : header->uid;
		if (is_due(&buffer, uid))
			process(&buffer, uid);
		/* The first request is the kernel's own, by which all is agreed on. */
		if (atomic_flag_test_and_set(&serving.answered))
			continue;
		if (!requests_are_agreed()) {
			serving.error = -ENOMEM;
			break;
		}
		notify("READY=1");
		serving.served();
	}
	free(buffer.mem);
	if (result < 0 && result != -ENODEV && result != -EINTR)
		serving.error = result;
	requests_leave();
	if (taken != TURN_SPARE) {
		fuse_session_exit(serving.session);
		waiter_signal(getpid(), SIGTERM);
	}
	pthread_mutex_lock(&serving.lock);
	/* The others are joined at the end. */
	if (taken == TURN_SPARE && !serving.ending) {
		pthread_detach(server->thread);
		server->used = false;
	}
	server->number = 0;
	serving.there--;
	pthread_cond_signal(&serving.left);
	pthread_mutex_unlock(&serving.lock);
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

static int leaving_setup(void)
{
	pthread_condattr_t clock;
	int error = pthread_condattr_init(&clock);

	if (!error)
		error = pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	if (!error)
		error = pthread_cond_init(&serving.left, &clock);
	return -error;
}

/* A signal that comes just before a thread reads is lost, so it is sent until all have left. */
static void join(void)
{
	pthread_mutex_lock(&serving.lock);
	serving.ending = true;
	while (serving.there) {
		struct timespec until;

		turns_wake();
		for (int i = 0; i < TURNS_THREADS; i++)
			waiter_signal(serving.servers[i].number, WAITER_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 10000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&serving.left, &serving.lock, &until);
	}
	pthread_mutex_unlock(&serving.lock);
	for (int i = 0; i < TURNS_THREADS; i++)
		if (serving.servers[i].used)
			pthread_join(serving.servers[i].thread, NULL);
}

/* With the lock held, for which the thread waits first; an errno. */
static int start_one(void)
{
	struct server *server = serving.servers;
	int error;

	while (server < serving.servers + TURNS_THREADS && server->used)
		server++;
	if (server == serving.servers + TURNS_THREADS)
		return EAGAIN; /* one that is spare has not left yet */
	error = pthread_create(&server->thread, NULL, take_requests, server);
	server->used = !error;
	serving.there += !error;
	return error;
}

/* All that serve wait for something. */
static bool start_another(void)
{
	int error = ECANCELED;

	pthread_mutex_lock(&serving.lock);
	if (!serving.ending)
		error = start_one();
	pthread_mutex_unlock(&serving.lock);
	return !error;
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
		.hand_over = turns_hand_over,
	};
	static const struct reactor_events events = {poller_event, poller_removed};
	static reactor_tick *const ticks[] = {waiter_tick, poller_tick, turns_tick, heap_tick,
					      NULL};
	int error = waiter_setup();

	if (!error)
		error = leaving_setup();
	operations_setup(&places, longest);
	poller_setup(request_poll_wake, request_poll_drop);
	return error ? error : reactor_setup(ticks, &events);
}

/* That the daemon may use. */
static int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? TURNS_KEPT : CPU_COUNT(&set);
}

int serve(struct fuse_session *session, void (*served)(void))
{
	int error = 0, got;
	sigset_t set;

	serving.session = session;
	serving.served = served;
	turns_setup(processors() > 1 ? TURNS_KEPT : 1, start_another, reactor_wake_at);
	spin_setup(processors());
	pthread_mutex_lock(&serving.lock);
	while (serving.there < TURNS_KEPT && !error)
		error = start_one();
	/* None has begun: each needs the lock first. */
	if (error)
		fuse_session_exit(session);
	pthread_mutex_unlock(&serving.lock);
	end_signals(&set);
	if (!error)
		sigwait(&set, &got);
	notify("STOPPING=1\nSTATUS=Ending what waits");
	/* Answered while requests are still taken: a client must not find nobody. */
	operations_end();
	put_off_end();
	fuse_session_exit(session);
	join();
	/* No close will come for what is still open. */
	poller_end();
	requests_close_all();
	return error ? -error : serving.error;
}
