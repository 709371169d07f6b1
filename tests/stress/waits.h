/*
 * waits.h - every way in which a client can wait in the tree.
 */
#ifndef IPCFS_TEST_WAITS_H
#define IPCFS_TEST_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct wait_way {
	const char *what;
	/* Waits, until SIGINT; returns the errno, 0 if it did not wait.  @path: of this way. */
	int (*wait)(const char *path);
	const char *path;   /* below MOUNT */
	const char *asleep; /* a function of the kernel in which it then sleeps */
	unsigned most;      /* how many clients it is for; 0: any number */
	bool goes_on; /* it may be busy when the signal comes, and wait again: to be sent again */
};

extern const struct wait_way wait_ways[];
extern const size_t wait_ways_count;

/* Makes the objects that are waited for, and the far ends. */
void waits_setup(void);
/*
 * The values, messages and figures of all of them are what they were at first, and each channel
 * still gives just what is sent to it.
 */
void waits_check(void);

#endif
