/*
 * sock_resolve.h - asking for the addresses of a name, which may take long, in a thread.
 */
#ifndef IPCFS_SOCK_RESOLVE_H
#define IPCFS_SOCK_RESOLVE_H

#include "sock_addr.h"

struct sock_lookup;

/*
 * Begins to ask for @name as the caller.  -EDQUOT with a reason: too many are under way.  @type is
 * SOCK_STREAM or SOCK_DGRAM.
 */
int sock_lookup_start(struct call *call, const struct sock_name *name, int type,
		      struct sock_lookup **lookup);
/* What polls as readable (POLLIN) once the answer has come; belongs to the lookup. */
int sock_lookup_fd(const struct sock_lookup *lookup);
/*
 * The answer: the number of addresses in *addresses, which is then the caller's to free; -EAGAIN
 * until it is there; -ENXIO, -EHOSTUNREACH with a reason if there are none.
 */
ssize_t sock_lookup_answer(struct call *call, struct sock_lookup *lookup,
			   struct sock_addr **addresses);
/* Nobody wants the answer any more; the thread goes on alone.  NULL is allowed. */
void sock_lookup_drop(struct sock_lookup *lookup);

#endif
