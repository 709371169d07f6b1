/*
 * clock.h - the one clock of waiting.
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

#endif
