/*
 * quota.h - how much of the daemon one user may take up.
 *
 * All users share one daemon, whose descriptors, threads and memory are bounded.  What a user can
 * pile up in it is counted for that user and limited, so that nobody uses up what others need.  Who
 * has an object of the daemon's keeps a share beside it, which says whose it is and how much: it is
 * charged to who opened it, whoever uses it or closes it later, and given back whole.
 */
#ifndef IPCFS_QUOTA_H
#define IPCFS_QUOTA_H

#include "backend.h"

enum quota {
	QUOTA_HANDLES,     /* open files and directories of the tree */
	QUOTA_WAITING,     /* operations that wait, and what becomes one when it is closed */
	QUOTA_MEMORY,      /* bytes kept for them */
	QUOTA_CONNECTIONS, /* of those that are open, connections and who waits for one */
	QUOTA_CLOSING,     /* connections that are closed and wait for the peer to have read all */
	QUOTA_SOCKETS,     /* sockets that mkdir made */
	QUOTA_LOOKUPS,     /* names being looked up */
	QUOTA_HOLDS,       /* files called hold that are open for writing */
	QUOTA_PIPES,       /* kept pipes */
	QUOTA_EVENTS,      /* files called events that are open */
	QUOTA_LOCKS,       /* descriptions that lock memory */
	QUOTA_PROCESSES,   /* by which what the user makes is charged to the user (charge.h) */
	QUOTAS,
};

/* A zeroed one has nothing. */
struct quota_share {
	enum quota what;
	uid_t uid;
	uint64_t amount;
};

/*
 * Once, before the first share: the limits by what the daemon may have open (RLIMIT_NOFILE).
 * Without it they are those of a daemon that may have very much open.
 */
void quota_setup(void);
/*
 * Sets a limit by the name of its option and a number, of bytes with K, M or G.  -ENOENT: there is
 * no such option; -EINVAL: not a number from 1 on.
 */
int quota_set(const char *option, const char *value);

/* The share of @uid, which has nothing yet. */
struct quota_share quota_share(enum quota what, uid_t uid);
/*
 * Adds @amount to @share.  -EDQUOT with the limit and its use in words, and nothing taken: it would
 * be more than one user may have.  The user that the daemon runs as, root, is counted and has no
 * limit.  -ENOMEM.  @call may be NULL.
 */
int quota_take(struct call *call, struct quota_share *share, uint64_t amount);
/* Makes the share @amount, more or less than it is. */
int quota_resize(struct call *call, struct quota_share *share, uint64_t amount);
void quota_give(struct quota_share *share, uint64_t amount);
/* Gives all of it back. */
void quota_drop(struct quota_share *share);

/* A limit: the name of its option, what it counts, of one user at most how many. */
struct quota_limit {
	const char *option, *counts, *unit;
	uint64_t most;
};
struct quota_limit quota_limit(enum quota what);

/* What a user has. */
struct quota_use {
	uid_t uid;
	bool limited;
	uint64_t used[QUOTAS];
};
/*
 * All who have anything, in the order of their ids, in a list to be freed: how many; -ENOMEM.
 */
ssize_t quota_uses(struct quota_use **list);
/* Tells of each limit, with the use of who has the most of it among those that are limited. */
void quota_limits(limit_told *tell, void *context);

#endif
