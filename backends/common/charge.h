/*
 * charge.h - having the kernel charge the caller, and not the daemon, for what is made.
 *
 * Some limits of the kernel are of a user as a whole and go by the real user id: bytes of POSIX
 * queues (RLIMIT_MSGQUEUE), locked memory (RLIMIT_MEMLOCK).  A thread that is the caller has the
 * caller's effective id alone, because whom a thread's real id names may kill it, and the daemon
 * with it.  Charged to the daemon's user, what one makes would be taken from all.
 *
 * So such a step is made by a process of its own, that lives for no longer and has no descriptor of
 * the daemon's.  The caller can kill or stop that one, and hurts nobody else.
 */
#ifndef IPCFS_CHARGE_H
#define IPCFS_CHARGE_H

#include <sys/resource.h>

#include "backend.h"

/*
 * Runs @step so that the caller is charged, under the caller's own limit of @resource, RLIMIT_...,
 * as far as the daemon's hard one lets.  0 or the negative errno that @step says.  @step makes
 * system calls only, and what it changes in memory is lost.  -EINTR: the caller ended the process,
 * or stopped it, and then it may still do it.  -EDQUOT: the caller has stopped enough of them.
 */
int charge_caller(struct call *call, int resource, int (*step)(const void *context),
		  const void *context);

/* The limit under which that happens: the lower one, RLIM_INFINITY for none. */
rlim_t charge_limit(struct call *call, int resource);

/* True if @pid is such a process.  For who walks through all processes: it is the daemon's. */
bool charge_is_process(pid_t pid);

#endif
