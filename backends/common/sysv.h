/*
 * sysv.h - what System V queues, sets and segments have in common: keys, modes and owners, errors.
 */
#ifndef IPCFS_SYSV_H
#define IPCFS_SYSV_H

#include <sys/ipc.h>

#include "backend.h"

/* What every System V object has in common, as /proc/sysvipc tells everyone. */
struct sysv_object {
	int32_t key, id;
	mode_t mode;
	uid_t uid, cuid;
	gid_t gid, cgid;
};

struct sysv_object sysv_object_of(int32_t id, const struct ipc_perm *perm);
/* As those of struct dir.  Times are 0 for never; @used is the last time of all but changing. */
void sysv_object_stat(const struct sysv_object *object, time_t accessed, time_t used,
		      time_t changed, struct stat *st);
void sysv_object_label(const struct sysv_object *object, char *name, size_t size);

/* The negative errno for what a call says of an id: -ENOENT if it is none, or none any more. */
int sysv_error(int error);

/* Puts what is asked for into @perm, for IPC_SET, which sets all of it; the rest stays. */
void sysv_edit(struct ipc_perm *perm, const struct change *change);

/* -EINVAL with a reason for ids that the kernel reads as "leave it"; for POSIX objects too. */
int change_check(struct call *call, const struct change *change);

#endif
