/*
 * sysv.c - what System V queues, sets and segments have in common.
 */
#include <errno.h>

#include "names.h"
#include "sysv.h"

struct sysv_object sysv_object_of(int32_t id, const struct ipc_perm *perm)
{
	return (struct sysv_object){
		.key = perm->__key,
		.id = id,
		.mode = perm->mode & 0777,
		.uid = perm->uid,
		.cuid = perm->cuid,
		.gid = perm->gid,
		.cgid = perm->cgid,
	};
}

void sysv_object_stat(const struct sysv_object *object, time_t accessed, time_t used,
		      time_t changed, struct stat *st)
{
	st->st_uid = object->uid;
	st->st_gid = object->gid;
	st->st_mode = object->mode;
	/* Whole seconds are all that the kernel keeps. */
	st->st_mtim = (struct timespec){.tv_sec = used ? used : changed};
	st->st_atim = (struct timespec){.tv_sec = accessed ? accessed : changed};
	st->st_ctim = (struct timespec){.tv_sec = changed};
}

void sysv_object_label(const struct sysv_object *object, char *name, size_t size)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(object->key, object->id, listed);
	snprintf(name, size, "%s", listed);
}

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
