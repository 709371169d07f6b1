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

/* Makes the objects that are waited for: queues, semaphores, memory. */
void waits_make_objects(void);
/* The sockets and their far ends, and locks the memory; in a tree that lasts. */
void waits_make_rest(void);
/*
 * The values and messages of the objects are what they were at first, or soon will be.  How many
 * wait for a POSIX semaphore is in its memory, and who is killed while he waits stays counted: with
 * @killed daemons that is not looked at.
 */
void waits_check_figures(bool killed);
/* The same of all there is, and each channel still gives just what is sent to it. */
void waits_check(void);

#endif
