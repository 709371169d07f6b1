/*
 * spin.c - looking for the next request for a moment before sleeping, where waking is dear.
 *
 * Whether it pays is tried out, again and again: how long requests take to come is measured in a
 * phase asleep, then in one awake.  As long as that was worth it the phases awake become longer,
 * else those asleep do.
 */
#include "spin.h"

#include <poll.h>
#include <sched.h>
#include <stdbool.h>

#include "common/clock.h"

/*
 * Nanoseconds.  Where requests come sooner than CHEAP nothing is to be gained; what has not come
 * within SOON has not been waited for, and LONGEST is as long as it is looked for.
 */
enum { CHEAP = 25000, SOON = 1000000, LONGEST = 300000 };
/* Requests of a phase. */
enum { ASLEEP = 8, ASLEEP_MAX = 8192, AWAKE = 32, AWAKE_MAX = 1024 };

static bool possible;

static _Thread_local struct {
	bool awake;
	unsigned asleep_for, awake_for; /* how many requests a phase has */
	unsigned count;                 /* requests of this phase, ... */
	int64_t sum;                    /* for which so long was waited in all */
	int64_t asleep;                 /* for each, in the last phase asleep */
} own = {.asleep_for = ASLEEP, .awake_for = AWAKE};

void spin_setup(int processors)
{
	possible = processors > 1;
}

void spin(int fd, int64_t since)
{
	struct pollfd request = {.fd = fd, .events = POLLIN};

	/* Who is to ask next may be waiting for this processor. */
	while (own.awake && poll(&request, 1, 0) == 0 && clock_now() - since < LONGEST)
		sched_yield();
}

static unsigned doubled(unsigned length, unsigned most)
{
	return length < most ? 2 * length : most;
}

/* A phase is over, in which requests took @average to come. */
static void decide(int64_t average)
{
	if (!own.awake) {
		own.asleep = average;
		own.awake = average > CHEAP;
		return;
	}
	own.awake = false;
	if (average < own.asleep * 2 / 3) {
		own.asleep_for = ASLEEP;
		own.awake_for = doubled(own.awake_for, AWAKE_MAX);
	} else {
		own.asleep_for = doubled(own.asleep_for, ASLEEP_MAX);
		own.awake_for = AWAKE;
	}
}

static void begin_phase(void)
{
	own.count = 0;
	own.sum = 0;
}

void spin_learn(int64_t waited)
{
	if (!possible)
		return;
	if (waited >= SOON) {
		own.awake = false;
		begin_phase();
		return;
	}
	own.sum += waited < LONGEST ? waited : LONGEST; /* one that was held up says nothing */
	if (++own.count < (own.awake ? own.awake_for : own.asleep_for))
		return;
	decide(own.sum / own.count);
	begin_phase();
}
