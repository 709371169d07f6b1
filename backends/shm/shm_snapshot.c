/*
 * shm_snapshot.c - all shared memory at one moment, and how much of the limits they use, as
 * everyone may know it.
 */
#include <errno.h>

#include "events/snapshot.h"
#include "shm.h"

static int add_sysv(void *context, const struct shm_sysv *segment)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;

	object_name_list_sysv(segment->object.key, segment->object.id, listed);
	object = snapshot_add(context, listed, "sysv", (uint64_t)segment->object.id);
	if (!object)
		return -ENOMEM;
	snapshot_figure(object, "id", segment->object.id);
	snapshot_owner(object, segment->object.uid, segment->object.gid, segment->object.mode);
	snapshot_figure(object, "size", (int64_t)segment->size);
	snapshot_figure(object, "nattch", (int64_t)segment->nattch);
	snapshot_figure(object, "dest", segment->dest);
	snapshot_figure(object, "locked", segment->locked);
	return 0;
}

static int add_posix(void *context, const char *name, uint64_t identity)
{
	const struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;
	struct shm_posix memory;
	int error = shm_posix_get(&place, &memory);

	/* It has gone since the directory was read. */
	if (error)
		return error == -ENOENT ? 0 : error;
	object_name_list_posix(&shm_dir, name, listed);
	object = snapshot_add(context, listed, "posix", identity);
	if (!object)
		return -ENOMEM;
	snapshot_owner(object, memory.st.st_uid, memory.st.st_gid, memory.st.st_mode);
	snapshot_figure(object, "size", memory.st.st_size);
	return 0;
}

const char *const shm_families[] = {"sysv", "posix", NULL};

int shm_snapshot(struct snapshot *snapshot)
{
	int error = shm_sysv_gather(add_sysv, snapshot);

	return error ? error : shm_posix_walk(add_posix, snapshot);
}

void shm_limits(limit_told *tell, void *context)
{
	struct shminfo limits = shm_sysv_limits();
	struct shm_info used = {0};
	bool known = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&used) >= 0;
	struct statvfs room;

	tell(context, "kernel.shmmni", "segments", limits.shmmni,
	     known ? used.used_ids : LIMIT_NO_USE);
	tell(context, "kernel.shmmax", "bytes", limits.shmmax, LIMIT_NO_USE);
	tell(context, "kernel.shmall", "pages", limits.shmall,
	     known ? (int64_t)used.shm_tot : LIMIT_NO_USE);
	/* A tmpfs without a limit says that it has no blocks. */
	if (devshm_room(&room) == 0)
		tell(context, "/dev/shm", "bytes",
		     room.f_blocks ? (uint64_t)room.f_blocks * room.f_frsize : LIMIT_NONE,
		     room.f_blocks ? (int64_t)((room.f_blocks - room.f_bfree) * room.f_frsize)
				   : LIMIT_NO_USE);
}
