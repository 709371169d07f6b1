/*
 * sysv.h - what System V queues, sets and segments have in common: errors, modes and owners.
 */
#ifndef IPCFS_SYSV_H
#define IPCFS_SYSV_H

#include <sys/ipc.h>

#include "backend.h"

/* The negative errno for what a call says of an id: -ENOENT if it is none, or none any more. */
int sysv_error(int error);

/* Puts what is asked for into @perm, for IPC_SET, which sets all of it; the rest stays. */
void sysv_edit(struct ipc_perm *perm, const struct change *change);

/* -EINVAL with a reason for ids that the kernel reads as "leave it"; for POSIX objects too. */
int change_check(struct call *call, const struct change *change);

#endif
