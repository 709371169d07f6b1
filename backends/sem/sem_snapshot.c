/*
 * sem_snapshot.c - all semaphores at one moment, and how much of the limits they use, as everyone
 * may know them.
 */
#include <errno.h>

#include "common/names.h"
#include "events/snapshot.h"
#include "sem.h"
#include "sem_gather.h"

static int add_sysv(void *context, const struct sem_set *set)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;

	object_name_list_sysv(set->common.key, set->common.id, listed);
	object = snapshot_add(context, listed, "sysv", (uint64_t)set->common.id);
	if (!object)
		return -ENOMEM;
	snapshot_figure(object, "id", set->common.id);
	snapshot_owner(object, set->common.uid, set->common.gid, set->common.mode);
	snapshot_figure(object, "nsems", (int64_t)set->nsems);
	return 0;
}

static int add_posix(void *context, const char *name, uint64_t identity)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;
	struct stat st;
	int error = sem_posix_look(name, &st);

	/* It has gone since the directory was read. */
	if (error)
		return error == -ENOENT ? 0 : error;
	object_name_list_posix(&sem_dir, name, listed);
	object = snapshot_add(context, listed, "posix", st.st_ino);
	if (!object)
		return -ENOMEM;
	snapshot_owner(object, st.st_uid, st.st_gid, st.st_mode);
	return 0;
}

const char *const sem_families[] = {"sysv", "posix", NULL};

int sem_snapshot(struct snapshot *snapshot)
{
	int error = sem_sets_gather(add_sysv, snapshot);

	return error ? error : sem_posix_walk(add_posix, snapshot);
}

void sem_limits(limit_told *tell, void *context)
{
	struct sem_limits limits;
	int sets, all;

	if (sem_sysv_limits(&limits) < 0)
		return;
	sem_sysv_used(&sets, &all);
	tell(context, "SEMMNI", "sets", (uint64_t)limits.sets, sets);
	tell(context, "SEMMNS", "semaphores", (uint64_t)limits.all, all);
	tell(context, "SEMMSL", "semaphores", (uint64_t)limits.per_set, LIMIT_NO_USE);
	tell(context, "SEMOPM", "operations", (uint64_t)limits.per_call, LIMIT_NO_USE);
	tell(context, "SEMVMX", "value", (uint64_t)limits.value, LIMIT_NO_USE);
}
