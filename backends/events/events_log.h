/*
 * events_log.h - the log of each kind, which all its readers share, and the thread that fills it.
 */
#ifndef IPCFS_EVENTS_LOG_H
#define IPCFS_EVENTS_LOG_H

#include <pthread.h>

#include "backend.h"
#include "common/quota.h"
#include "snapshot.h"

enum {
	EVENTS_LOG_LINES = 4096, /* of a kind */
	EVENTS_KINDS_MAX = 8,
};

/* The log of a kind: lines first..end, of which number i is lines[i % EVENTS_LOG_LINES]. */
struct feed {
	const struct kind *kind;
	pthread_mutex_t taking; /* held over a snapshot and its comparison; before `lock` */
	pthread_cond_t wake;    /* of the thread, by the monotonic clock */
	bool running;           /* it is there, as long as there are readers */
	bool idle;              /* it sleeps until one of them has read all that there is */
	unsigned readers;
	struct snapshot *current;      /* how it was at the end of the log; NULL: nobody reads */
	char *lines[EVENTS_LOG_LINES]; /* NULL: there was no memory */
	uint64_t first, end;
	int64_t taken, due; /* when the last snapshot was and the next one is; nanoseconds */
	int64_t interval;
	int64_t least; /* the interval that the cost of it allows */
	bool stirred;  /* since the last one began */
};

/* What a reader has read of a feed. */
struct view {
	struct feed *feed;
	struct snapshot *listing; /* what exists, still to be told */
	size_t next;              /* in it */
	bool again;               /* it is told once more, after a loss */
	uint64_t position;
};

struct reader {
	struct reader *prev, *next;
	struct quota_share open; /* it may hold a snapshot of its own */
	/* A pipe with a byte in it while there is something to read.  Not an eventfd: they all have
	   one inode, and who waits for the same inode waits in one queue. */
	int wake[2];
	bool awake;
	uint64_t seq;
	bool begun; /* the first "ready" has been told */
	struct view views[EVENTS_KINDS_MAX];
	size_t count;
	char *rest; /* of a line that did not fit */
	size_t rest_at;
};

extern struct event_logs {
	pthread_mutex_t lock; /* of all that is in here, and of the readers' views */
	struct reader *readers;
	struct feed feeds[EVENTS_KINDS_MAX]; /* until the one without a kind */
} event_logs;

/* Once, before the first reader. */
void events_logs_setup(void);
/* Adds a reader with its feeds, which begins with what there is now.  It has to leave, also if this
   fails. */
int events_logs_join(struct call *call, struct reader *reader);
void events_logs_leave(struct reader *reader);

/* Under the lock: there is something to read. */
bool reader_has_line(const struct reader *reader);
/* Under the lock, or before it has joined: its pipe says so. */
void reader_wake(struct reader *reader);
/* Under the lock: it has read all that there is, so more is looked for. */
void events_logs_want(const struct reader *reader);

#endif
