/*
 * turns.c - which of the threads that serve take requests from the kernel.
 */
#include "turns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/clock.h"

/*
 * Nanoseconds: a read that takes no longer than the first has found a request that was there
 * already, and so many of these one after the other are a queue; one that takes longer than the
 * second has found that one thread would do.
 */
enum { AT_ONCE = 2000, LONG = 50000, QUEUE = 16 };

/*
 * Nanoseconds: who is found with the same request at two looks, so far apart, does not go on, in a
 * call on what some user keeps.  It is looked only as long as there is a request under way.
 */
enum { LOOK = 100000000 };

/*
 * For so many nanoseconds it is remembered whose that was, of so many users: at once, or after so
 * many looks of what had another go on, because it may take long.
 */
#define WARY INT64_C(60000000000)
enum { SUSPECTS = 8, LOOKS = 10 };

/* A thread that serves. */
struct turn {
	bool used;
	atomic_bool takes;  /* it is one of those that take requests; changed with the lock held */
	atomic_uint uid;    /* whose its request is */
	atomic_uint number; /* of its request, odd as long as that is under way */
	unsigned seen;      /* the number at the last look */
	int looks;          /* that have found the same one under way */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* How many take requests, and how many are to; changed with the lock held. */
	atomic_int taking, wanted;
	int most;
	int asleep;  /* how many wait for a turn */
	bool called; /* one more is on its way */
	struct turn all[TURNS_THREADS];
	bool (*call)(void);
	void (*look_at)(int64_t time);
	/* Whose requests did not go on, guarded by the lock; and until when any is remembered. */
	struct suspect {
		uid_t uid;
		int64_t until;
	} suspects[SUSPECTS];
	_Atomic int64_t wary;
	atomic_bool short_of_one; /* that is not to wait for the next look */
	/* Whether somebody looks, and when; else who takes a request asks for it. */
	atomic_bool watched;
	_Atomic int64_t next_look;
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
	struct turn *turn; /* NULL: it does not serve, or has not begun */
	uint32_t pid;      /* who asked last; 0 is the kernel itself, which is nobody */
	bool another;      /* and that was not who had asked before */
	int queued;        /* so many of several clients were there at once, one after the other */
} own;

void turns_setup(int most, bool (*call)(void), void (*look_at)(int64_t time))
{
	turns.most = most;
	turns.call = call;
	turns.look_at = look_at;
}

/* With the lock held: the place of a thread that begins; there are as many as threads. */
static struct turn *place(void)
{
	struct turn *turn = turns.all;

	while (turn->used)
		turn++;
	turn->used = true;
	turns.called = false;
	return turn;
}

enum turn_taken turns_take(struct fuse_session *session)
{
	enum turn_taken taken = TURN_TAKEN;

	if (own.turn && own.turn->takes)
		return TURN_TAKEN;
	pthread_mutex_lock(&turns.lock);
	if (!own.turn)
		own.turn = place();
	/* One that came when no other went on, and these do now. */
	if (turns.taking >= turns.wanted && turns.taking + turns.asleep >= TURNS_KEPT)
		taken = TURN_SPARE;
	turns.asleep++;
	while (!taken && turns.taking >= turns.wanted && !fuse_session_exited(session))
		pthread_cond_wait(&turns.changed, &turns.lock);
	turns.asleep--;
	if (fuse_session_exited(session))
		taken = TURN_OVER;
	own.turn->takes = taken == TURN_TAKEN;
	own.turn->used = taken == TURN_TAKEN;
	turns.taking += taken == TURN_TAKEN;
	pthread_mutex_unlock(&turns.lock);
	return taken;
}

/* With the lock held. */
static void give(struct turn *turn)
{
	if (!turn->takes)
		return;
	turn->takes = false;
	turns.taking--;
	pthread_cond_signal(&turns.changed);
}

void turns_hand_over(void)
{
	if (!own.turn || !own.turn->takes)
		return;
	pthread_mutex_lock(&turns.lock);
	give(own.turn);
	pthread_mutex_unlock(&turns.lock);
}

/* With the lock held: in the place of who was remembered first. */
static void remember(uid_t uid, int64_t now)
{
	struct suspect *place = turns.suspects;

	for (struct suspect *each = place; each < turns.suspects + SUSPECTS; each++) {
		if (each->until && each->uid == uid) {
			place = each;
			break;
		}
		if (each->until < place->until)
			place = each;
	}
	*place = (struct suspect){uid, now + WARY};
	turns.wary = now + WARY;
}

/* With the lock held. */
static bool is_suspect(uid_t uid, int64_t now)
{
	for (int i = 0; i < SUSPECTS; i++)
		if (turns.suspects[i].until > now && turns.suspects[i].uid == uid)
			return true;
	return false;
}

static bool is_wary(int64_t *now)
{
	if (!turns.wary)
		return false;
	*now = clock_now();
	return *now < turns.wary;
}

bool turns_are_wary(void)
{
	int64_t now;

	return is_wary(&now);
}

/* With the lock held. */
static int under_way(uid_t uid)
{
	int count = 0;

	for (int i = 0; i < TURNS_THREADS; i++)
		count += turns.all[i].used && turns.all[i].number % 2 && turns.all[i].uid == uid;
	return count;
}

bool turns_are_used_up(uid_t uid)
{
	int64_t now;
	bool result;
	int most;

	if (!is_wary(&now))
		return false;
	/* The real id is the daemon's, whoever the thread acts for. */
	most = uid == getuid() ? TURNS_THREADS / 2 : TURNS_THREADS / 8;
	pthread_mutex_lock(&turns.lock);
	result = is_suspect(uid, now) && under_way(uid) >= most;
	pthread_mutex_unlock(&turns.lock);
	return result;
}

static bool is_room(void)
{
	for (int i = 0; i < TURNS_THREADS; i++)
		if (!turns.all[i].used)
			return true;
	return false;
}

/* With the lock held: nobody has a turn, or is about to have one, so one more is to be called. */
static bool is_another_wanted(void)
{
	if (turns.taking || turns.asleep || turns.called || !is_room())
		return false;
	turns.called = true;
	return true;
}

/*
 * What comes next most likely does not go on.  A thread has the credentials of who starts it, so it
 * is not started here, as a caller.
 */
static void step_aside(uid_t uid, int64_t now)
{
	pthread_mutex_lock(&turns.lock);
	if (is_suspect(uid, now)) {
		give(own.turn);
		turns.short_of_one = !turns.taking && !turns.asleep;
	}
	pthread_mutex_unlock(&turns.lock);
	if (turns.short_of_one)
		turns.look_at(now);
}

void turns_begin(uid_t uid)
{
	int64_t now;

	own.turn->uid = uid;
	own.turn->number++;
	if (is_wary(&now))
		step_aside(uid, now);
	/* In this order, and the look the other way round: one of the two sees the other. */
	if (turns.watched)
		return;
	turns.next_look = clock_now() + LOOK;
	turns.watched = true;
	turns.look_at(turns.next_look);
}

void turns_end(void)
{
	own.turn->number++;
}

/* With the lock held: takes its turn from each that does not go on; whether any is at work. */
static bool look(int64_t now)
{
	bool busy = false;

	for (int i = 0; i < TURNS_THREADS; i++) {
		struct turn *turn = &turns.all[i];
		unsigned number = turn->number;
		bool at_work = turn->used && number % 2;

		turn->looks = at_work && number == turn->seen ? turn->looks + 1 : 0;
		turn->seen = number;
		busy |= at_work;
		if (turn->takes ? turn->looks : turn->looks >= LOOKS)
			remember(turn->uid, now);
		if (turn->looks)
			give(turn);
	}
	return busy;
}

int64_t turns_tick(void)
{
	int64_t now;
	bool call;

	if (!turns.watched && !turns.short_of_one)
		return -1;
	now = clock_now();
	if (now < turns.next_look && !turns.short_of_one)
		return turns.next_look - now;
	pthread_mutex_lock(&turns.lock);
	if (turns.watched && now >= turns.next_look) {
		turns.watched = false;
		if (look(now)) {
			turns.next_look = now + LOOK;
			turns.watched = true;
		}
	}
	turns.short_of_one = false;
	call = is_another_wanted();
	pthread_mutex_unlock(&turns.lock);
	if (call && !turns.call()) {
		pthread_mutex_lock(&turns.lock);
		turns.called = false; /* and tried again */
		pthread_mutex_unlock(&turns.lock);
	}
	return turns.watched ? turns.next_look - now : -1;
}

void turns_learn(uint32_t pid, int64_t waited)
{
	bool matters = own.another || turns.taking > 1;

	own.another = pid && pid != own.pid;
	if (pid)
		own.pid = pid;
	if (!matters)
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
		if (turns.taking > 1)
			give(own.turn);
		pthread_mutex_unlock(&turns.lock);
	}
}

void turns_wake(void)
{
	pthread_mutex_lock(&turns.lock);
	pthread_cond_broadcast(&turns.changed);
	pthread_mutex_unlock(&turns.lock);
}
