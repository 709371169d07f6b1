/*
 * locks.h - flock(2) and the record locks of fcntl(2) on an object's memory.
 *
 * The kernel keeps them: each handle that flocks, and each process that locks records, has an open
 * file description of its own of the very file.  So they hold against who locks the file by another
 * path, too.  Where the memory is no file, one without a name is locked in its stead.
 */
#ifndef IPCFS_LOCKS_H
#define IPCFS_LOCKS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "common/quota.h"

/* The locks of one memory. */
struct locks;
struct lock_owner;

/* What is asked; a value, good as long as its handle is open. */
struct lock_wish {
	int fd;
	bool whole;               /* flock: .operation, else .record */
	int operation;            /* LOCK_SH, LOCK_EX, LOCK_UN */
	struct flock record;      /* positions from the beginning of the file */
	struct lock_owner *owner; /* of .record; held until locks_done */
};

/* @file stays the caller's and must outlive the locks; -1: none.  NULL: no memory. */
struct locks *locks_new(int file);
/* When nobody has the memory open any more. */
void locks_free(struct locks *locks);

/*
 * The description for the flocks of one handle, made if *fd is negative, and charged to @share; a
 * negative errno.  The handle closes it.  As the daemon.  -EDQUOT.
 */
int locks_open(struct call *call, struct locks *locks, struct quota_share *share, int *fd);
/*
 * Fills wish->fd and ->owner for a process of the user who asks, or an open file description (OFD),
 * @owner as the kernel numbers it, by @handle.  As the daemon.  -EDQUOT: so many of the user's have
 * locks.
 */
int locks_own(struct call *call, struct locks *locks, uint64_t owner, uint64_t handle, pid_t pid,
	      struct lock_wish *wish);
void locks_done(struct lock_wish *wish);

/* 0, -EAGAIN (only where it may not wait), -EINTR, -ENOLCK. */
int locks_attempt(const struct lock_wish *wish, bool may_wait);
/*
 * F_GETLK: changes wish->record to what stands in its way.  l_pid is -1 where that was not locked
 * by way of these, or where so many have locked such a part that asking a few did not tell whose it
 * is.  It takes longer the more locks the file has.
 */
int locks_test(struct locks *locks, struct lock_wish *wish);
/* A process has closed a descriptor of the file: by fcntl(2) all its record locks are gone. */
void locks_drop(struct locks *locks, uint64_t owner);
/*
 * The last descriptor of @handle has been closed.  Processes that locked by it have closed it, so
 * what is left is a description's, of whose end the kernel says nothing else.
 */
void locks_leave(struct locks *locks, uint64_t handle);

#endif
