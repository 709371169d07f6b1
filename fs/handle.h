/*
 * handle.h - open files and directories, by number.
 */
#ifndef IPCFS_HANDLE_H
#define IPCFS_HANDLE_H

#include <stdatomic.h>

#include "common/hash.h"
#include "common/quota.h"

#include "creds.h"
#include "node.h"
#include "removal.h"

struct operation;
struct open_memory;

enum handle_type { HANDLE_TEXT, HANDLE_DIRECTORY, HANDLE_CHANNEL, HANDLE_MEMORY };

/* The two directions in which a channel's operations may have to take turns. */
enum direction { DIRECTION_READ, DIRECTION_WRITE, DIRECTIONS };

/* How many of those that use a handle and have not opened it are remembered. */
enum { HANDLE_USERS = 4 };

/* What the daemon has open for a channel. */
struct behind {
	dev_t device;
	ino_t inode; /* 0: nothing */
};

struct handle {
	struct quota_share open; /* itself, of who opened it */
	enum handle_type type;
	uint64_t number;  /* as the kernel knows it */
	struct node node; /* holds its name */

	/* HANDLE_TEXT, HANDLE_DIRECTORY: the content as it was at open. */
	char *content;
	size_t size;
	struct quota_share kept; /* the content's bytes */
	size_t sent;             /* HANDLE_DIRECTORY: where the entries that were sent last end */

	void *state; /* HANDLE_CHANNEL, HANDLE_MEMORY: the kind's */

	/* HANDLE_MEMORY; guarded by the lock of memory.c. */
	struct open_memory *memory;
	struct handle *memory_prev, *memory_next;
	/* The description that is locked by flock(2), guarded by the lock of its memory's locks;
	 * -1: none yet. */
	int flock_fd;
	struct quota_share flock;

	/* HANDLE_TEXT, HANDLE_CHANNEL: who opened it, as whom all is done. */
	struct creds *opener;
	/* Others that used it, the last first; guarded by the lock of gate.c. */
	struct creds *users[HANDLE_USERS];

	/* HANDLE_CHANNEL */
	/* Of a serial channel: whether an operation is under way, and those that wait for their
	   turn. Guarded by the lock of operation.c. */
	bool busy[DIRECTIONS];
	struct operation *turn[DIRECTIONS];
	atomic_bool waits_briefly[DIRECTIONS]; /* the last wait was soon over */

	struct behind behind; /* guarded by the table's lock */

	/* Of who sleeps in poll(2) on it; guarded by the lock of poller.c. */
	void *poller;
	short poll_events;
	int poll_fd;
	UT_hash_handle poll_hh;
	struct removal_waiter removal; /* of who sleeps, if there is poll_fd */
	struct handle *prev, *next;
};

/* A new handle on @node for who asks.  -EDQUOT, -ENOMEM. */
int handle_new(struct call *call, enum handle_type type, const struct node *node,
	       struct handle **result);
struct handle *handle_get(uint64_t number);
/* Some handle that is open, NULL: none is. */
struct handle *handle_any(void);
/* What a channel that has been opened is about. */
void handle_set_behind(struct handle *handle, struct behind behind);

/* A channel that is open: a copy, whose node is held. */
struct open_channel {
	struct node node;
	struct behind behind;
};
/* All of them, in a list to be freed: how many; -ENOMEM. */
ssize_t handles_channels(struct open_channel **list);
/* Drops the number and all but the channel's state, which must be closed. */
void handle_free(struct handle *handle);

#endif
