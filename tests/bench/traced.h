/*
 * traced.h - how many requests a FUSE daemon gets, and system calls it makes, counted by strace.
 */
#ifndef IPCFS_BENCH_TRACED_H
#define IPCFS_BENCH_TRACED_H

#include <sys/types.h>

enum { TRACED_OPCODES = 64, TRACED_CALLS = 100, TRACED_NAME = 24 };

struct traced_daemon {
	const char *mount;
	pid_t pid;
	int servers; /* threads that take requests */
};

struct traced {
	/* By the kernel's number.  Without FORGET and its reading: those come together, when the
	 * kernel likes. */
	int requests[TRACED_OPCODES];
	int calls; /* all of them; and each, up to a name that is empty */
	struct {
		char name[TRACED_NAME];
		int count;
	} by_name[TRACED_CALLS];
};

/* Looks at a daemon, of which there is one at a time, from when it is at rest until it is again. */
pid_t traced_begin(const struct traced_daemon *daemon);
void traced_end(const struct traced_daemon *daemon, pid_t strace, struct traced *traced);

#endif
