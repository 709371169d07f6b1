/*
 * shm_snapshot.c - all shared memory at one moment, as everyone may know it.
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

int shm_snapshot(struct snapshot *snapshot)
{
	int error = shm_sysv_gather(add_sysv, snapshot);

	return error ? error : shm_posix_gather(add_posix, snapshot);
}
