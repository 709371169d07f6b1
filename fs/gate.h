/*
 * gate.h - the one way from a request to a kind: who asks, and the thread made to be them.
 */
#ifndef IPCFS_GATE_H
#define IPCFS_GATE_H

#include "fuse.h"
#include "handle.h"

/* Fills @call for what everyone may know; the thread stays whoever it is. */
void gate_public(fuse_req_t req, struct call *call);

/* The same for what is kept of the answer: who asks is who that is counted for. */
void gate_counted(fuse_req_t req, struct call *call);

/*
 * Fills @call and makes the thread the caller, who is to do something with @node.  The thread holds
 * the credentials that come back in @creds (may be NULL) as long as it is the caller.
 */
int gate_caller(fuse_req_t req, const struct node *node, struct call *call, struct creds **creds);

/*
 * The same for what is done by @handle, of a channel or a text: as who opened it, whoever uses it
 * now.  Else what a user hands to a program that may do more, as its standard output say, would be
 * used with the rights of that.  @call says whose pid asks.
 */
int gate_user(fuse_req_t req, struct handle *handle, struct call *call);

/* Makes the thread the daemon itself. */
void gate_daemon(struct call *call);

#endif
