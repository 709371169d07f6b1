/*
 * sysv.c - what System V queues, sets and segments have in common.
 */
#include <errno.h>

#include "sysv.h"

int sysv_error(int error)
{
	/* EINVAL: there never was one; EIDRM: there was a moment ago. */
	return error == EINVAL || error == EIDRM ? -ENOENT : -error;
}

void sysv_edit(struct ipc_perm *perm, const struct change *change)
{
	if (change->has_mode)
		perm->mode = change->mode & 0666;
	if (change->has_uid)
		perm->uid = change->uid;
	if (change->has_gid)
		perm->gid = change->gid;
}

int change_check(struct call *call, const struct change *change)
{
	if ((change->has_uid && change->uid == (uid_t)-1) ||
	    (change->has_gid && change->gid == (gid_t)-1))
		return refuse(call, EINVAL, "4294967295 is no user's and no group's id");
	return 0;
}
