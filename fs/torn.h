/*
 * torn.h - writes that the kernel has cut in two before the daemon sees them.
 */
#ifndef IPCFS_TORN_H
#define IPCFS_TORN_H

#include "backend.h"
#include "creds.h"

/*
 * A write to a channel in which one write is one thing.  -EMSGSIZE if it is, or may be, a part of a
 * longer one: nothing of a message is sent unless all of it is there.
 */
int torn_check(struct call *call, struct creds *creds, size_t size, off_t offset, int flags);

#endif
