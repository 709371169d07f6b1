/*
 * clock.h - the one clock of waiting, and the one of working.
 */
#ifndef IPCFS_CLOCK_H
#define IPCFS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC in nanoseconds: no step of the wall clock ends a wait early or late. */
static inline int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What this thread has run, in nanoseconds: what others did meanwhile does not count. */
static inline int64_t clock_of_thread(void)
{
	struct timespec run;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &run);
	return run.tv_sec * INT64_C(1000000000) + run.tv_nsec;
}

#endif
