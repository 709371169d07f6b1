/*
 * serve.c - the threads that take requests from the kernel.
 *
 * Two of them, of which one takes requests and the other sleeps: the kernel wakes those that read
 * in turn, and each finds its memory gone from the caches.  A request that may take long has the
 * sleeping one go on meanwhile, and where requests queue up both take them.
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

#include "clock.h"
#include "notify.h"
#include "operation.h"
#include "poller.h"
#include "reactor.h"
#include "requests.h"
#include "waiter.h"

enum { THREADS = 2 };

/*
 * Nanoseconds: a read that takes no longer than the first has found a request that was there
 * already, and so many of these one after the other are a queue; one that takes longer than the
 * second has found that one thread would do.
 */
enum { AT_ONCE = 2000, LONG = 50000, QUEUE = 16 };

struct server {
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
	int there; /* threads that have not left yet; guarded by the lock, as are: */
	/* How many take requests, how many are to, and where the others wait for it. */
	atomic_int taking, wanted;
	pthread_cond_t changed;
	int most; /* that there are processors for */
} serving = {
	.answered = ATOMIC_FLAG_INIT,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.wanted = 1,
	.changed = PTHREAD_COND_INITIALIZER,
};

/* Whether this thread is one of those that take requests. */
static _Thread_local bool takes;

/* Returns when the thread is to take requests; false: the session is over. */
static bool wait_for_turn(void)
{
	pthread_mutex_lock(&serving.lock);
	while (serving.taking >= serving.wanted && !fuse_session_exited(serving.session))
		pthread_cond_wait(&serving.changed, &serving.lock);
	takes = !fuse_session_exited(serving.session);
	serving.taking += takes;
	pthread_mutex_unlock(&serving.lock);
	return takes;
}

static void give_turn(void)
{
	takes = false;
	serving.taking--;
	pthread_cond_signal(&serving.changed);
}

void serve_hand_over(void)
{
	if (!takes)
		return;
	pthread_mutex_lock(&serving.lock);
	give_turn();
	pthread_mutex_unlock(&serving.lock);
}

/*
 * What a thread notices of its requests.  One client alone never has a queue: on one processor its
 * next request is there when the thread comes to ask, because it ran in between.
 */
struct load {
	uint32_t pid;  /* of the last one; 0 is the kernel itself, which is nobody */
	int64_t since; /* when the next was asked for, if that is to be known; else 0 */
	int queued;    /* so many of several clients were there at once, one after the other */
};

static void load_before(struct load *load, bool another)
{
	load->since = another || serving.taking > 1 ? clock_now() : 0;
}

/* True if the request is another client's than the one before. */
static bool load_after(struct load *load, uint32_t pid)
{
	bool another = pid && pid != load->pid;
	int64_t waited = load->since ? clock_now() - load->since : 0;

	if (pid)
		load->pid = pid;
	if (!load->since)
		return another;
	load->queued = another && waited < AT_ONCE ? load->queued + 1 : 0;
	if (load->queued >= QUEUE && serving.wanted < serving.most) {
		pthread_mutex_lock(&serving.lock);
		serving.wanted = serving.most;
		pthread_cond_signal(&serving.changed);
		pthread_mutex_unlock(&serving.lock);
	} else if (waited >= LONG && serving.taking > 1) {
		pthread_mutex_lock(&serving.lock);
		serving.wanted = 1;
		if (takes && serving.taking > 1)
			give_turn();
		pthread_mutex_unlock(&serving.lock);
	}
	return another;
}

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

/* A thread that finds the mount gone tells the main one by the signal it waits for. */
static void *take_requests(void *argument)
{
	struct server *server = argument;
	struct fuse_buf buffer = {.mem = NULL};
	struct load load = {.pid = 0};
	bool another = false;
	int result = 0;

	pthread_mutex_lock(&serving.lock);
	server->number = (pid_t)syscall(SYS_gettid);
	pthread_mutex_unlock(&serving.lock);
	while (!fuse_session_exited(serving.session) && (takes || wait_for_turn())) {
		const struct fuse_in_header *header;

		load_before(&load, another);
		result = fuse_session_receive_buf(serving.session, &buffer);
		/* Without memory for a request it stays with the kernel. */
		if (result == -EINTR || result == -ENOMEM)
			continue;
		if (result <= 0)
			break;
		header = buffer.mem;
		another = load_after(&load, header->pid);
		if (!is_brief(header->opcode))
			serve_hand_over();
		fuse_session_process_buf(serving.session, &buffer);
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
	fuse_session_exit(serving.session);
	waiter_signal(getpid(), SIGTERM);
	pthread_mutex_lock(&serving.lock);
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
static void join(const struct server *servers, int count)
{
	pthread_mutex_lock(&serving.lock);
	while (serving.there) {
		struct timespec until;

		pthread_cond_broadcast(&serving.changed);
		for (int i = 0; i < count; i++)
			waiter_signal(servers[i].number, WAITER_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += 10000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		pthread_cond_timedwait(&serving.left, &serving.lock, &until);
	}
	pthread_mutex_unlock(&serving.lock);
	for (int i = 0; i < count; i++)
		pthread_join(servers[i].thread, NULL);
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
		.hand_over = serve_hand_over,
	};
	static const struct reactor_events events = {poller_event, poller_removed};
	static reactor_tick *const ticks[] = {waiter_tick, poller_tick, NULL};
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

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? THREADS : CPU_COUNT(&set);
}

int serve(struct fuse_session *session, void (*served)(void))
{
	struct server servers[THREADS] = {};
	int started = 0, error = 0, got;
	sigset_t set;

	serving.session = session;
	serving.served = served;
	serving.most = processors() > 1 ? THREADS : 1;
	pthread_mutex_lock(&serving.lock);
	while (started < THREADS && !error) {
		error = pthread_create(&servers[started].thread, NULL, take_requests,
				       &servers[started]);
		started += !error;
	}
	serving.there = started;
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
	fuse_session_exit(session);
	join(servers, started);
	/* No close will come for what is still open. */
	poller_end();
	requests_close_all();
	return error ? -error : serving.error;
}
