/*
 * sem_snapshot.c - all semaphores at one moment, and how much of the limits they use, as everyone
 * may know them.
 */
#include <errno.h>
#include <inttypes.h>

#include "common/names.h"
#include "common/print.h"
#include "events/snapshot.h"
#include "sem.h"

/* A line of /proc/sysvipc/sem. */
static int add_sysv(const char *line, void *context)
{
	char listed[LISTED_NAME_SIZE];
	struct snapshot_object *object;
	unsigned mode, uid, gid;
	int32_t key, id;
	int64_t nsems;

	if (sscanf(line, "%" SCNd32 " %" SCNd32 " %o %" SCNd64 " %u %u", &key, &id, &mode, &nsems,
		   &uid, &gid) != 6)
		return -EIO;
	object_name_list_sysv(key, id, listed);
	object = snapshot_add(context, listed, "sysv", (uint64_t)id);
	if (!object)
		return -ENOMEM;
	snapshot_figure(object, "id", id);
	snapshot_owner(object, uid, gid, mode);
	snapshot_figure(object, "nsems", nsems);
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
	int error = sysvipc_read("sem", add_sysv, snapshot);

	/* A kernel without System V IPC has no sets. */
	if (error && error != -ENOENT)
		return error;
	return sem_posix_walk(add_posix, snapshot);
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
