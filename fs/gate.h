/*
 * gate.h - the one way from a request to a kind: who asks, and the thread made to be them.
 */
#ifndef IPCFS_GATE_H
#define IPCFS_GATE_H

#include "fuse.h"
#include "handle.h"

/* Fills @call for what everyone may know; the thread stays whoever it is. */
void gate_public(fuse_req_t req, struct call *call);

/*
 * Fills @call and makes the thread the caller, who is to do something with @node.  @handle, if any,
 * remembers who used it last, and the same thread under the same ids is not read again.  The thread
 * holds the credentials that come back in @creds (may be NULL) as long as it is the caller.
 */
int gate_caller(fuse_req_t req, const struct node *node, struct handle *handle, struct call *call,
		struct creds **creds);

/* Makes the thread the daemon itself. */
void gate_daemon(struct call *call);

#endif
