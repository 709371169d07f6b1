/*
 * shm_sysv.c - System V segments: finding, making and changing them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm.h"
#include "common/sysv.h"
#include "common/sysvipc.h"

#define SIZE_DEFAULT (64 << 10)

/* IPC_SET sets all that can be set: no two changes of ours may read, and then write, at once. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

static int get(uint32_t id, struct shmid_ds *ds)
{
	/* Asks for no permission, but takes an index, which is part of the identifier; the kernel
	   cuts that out of whatever it is given.  Another segment may be there by now. */
	int found;

	memset(ds, 0, sizeof(*ds));
	found = shmctl((int)id, SHM_STAT_ANY, ds);
	if (found < 0)
		return sysv_error(errno);
	return (uint32_t)found == id ? 0 : -ENOENT;
}

/* Permissions and flags are one field to the kernel. */
static void set_mode(struct shm_sysv *segment, mode_t mode)
{
	segment->object.mode = mode & 0777;
	segment->dest = mode & SHM_DEST;
	segment->locked = mode & SHM_LOCKED;
}

int shm_sysv_get(uint32_t id, struct shm_sysv *segment)
{
	struct shmid_ds ds;
	int error = get(id, &ds);

	if (error)
		return error;
	*segment = (struct shm_sysv){
		.object = sysv_object_of((int32_t)id, &ds.shm_perm),
		.size = ds.shm_segsz,
		.nattch = ds.shm_nattch,
		.cpid = ds.shm_cpid,
		.lpid = ds.shm_lpid,
		.atime = ds.shm_atime,
		.dtime = ds.shm_dtime,
		.ctime = ds.shm_ctime,
	};
	set_mode(segment, ds.shm_perm.mode);
	return 0;
}

/* A line of /proc/sysvipc/shm. */
static int line_read(const char *line, struct shm_sysv *segment)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), most;
	struct sysvipc_line from = {.at = line};

	*segment = (struct shm_sysv){.size = 0};
	sysvipc_object(&from, &segment->object);
	set_mode(segment, segment->object.mode);
	segment->size = sysvipc_unsigned(&from);
	segment->cpid = (pid_t)sysvipc_signed(&from);
	segment->lpid = (pid_t)sysvipc_signed(&from);
	segment->nattch = sysvipc_unsigned(&from);
	sysvipc_owners(&from, &segment->object);
	segment->atime = sysvipc_signed(&from);
	segment->dtime = sysvipc_signed(&from);
	segment->ctime = sysvipc_signed(&from);
	segment->rss = sysvipc_unsigned(&from);
	segment->swap = sysvipc_unsigned(&from);
	if (from.failed)
		return -EIO;
	/* Since Linux 6.7 the bytes of huge pages are multiplied by what is in one. */
	most = (segment->size + page - 1) / page * page;
	if (segment->rss > most)
		segment->rss = most;
	return 0;
}

struct gathering {
	int (*each)(void *context, const struct shm_sysv *segment);
	void *context;
};

static int gather_line(const char *line, void *context)
{
	const struct gathering *gathering = context;
	struct shm_sysv segment;
	int error = line_read(line, &segment);

	return error ? error : gathering->each(gathering->context, &segment);
}

int shm_sysv_gather(int (*each)(void *context, const struct shm_sysv *segment), void *context)
{
	struct gathering gathering = {each, context};
	int error = sysvipc_read("shm", gather_line, &gathering);

	return error == -ENOENT ? 0 : error; /* a kernel without System V IPC has no segments */
}

/* Ends the reading of a table at the line that was looked for. */
#define FOUND (-ECANCELED)

/* segment->object.id says which. */
static int measure_line(const char *line, void *context)
{
	struct shm_sysv *segment = context;
	char *rest;
	int error;

	strtol(line, &rest, 10); /* the key */
	if (strtol(rest, NULL, 10) != segment->object.id)
		return 0;
	error = line_read(line, segment);
	return error ? error : FOUND;
}

int shm_sysv_measure(uint32_t id, struct shm_sysv *segment)
{
	int result;

	segment->object.id = (int32_t)id;
	result = sysvipc_read("shm", measure_line, segment);
	if (result == FOUND)
		return 0;
	return result ? result : -ENOENT;
}

int shm_sysv_find(const struct object_name *name, struct place *found)
{
	struct shmid_ds ds;
	int id = name->id;

	if (name->family == FAMILY_KEY) {
		id = shmget(name->key, 0, 0); /* asks for no permission */
		if (id < 0)
			return -errno;
	} else {
		int error = get((uint32_t)id, &ds);

		if (error)
			return error;
	}
	*found = (struct place){.dir = &shm_sysv_dir, .object = (uint32_t)id};
	return 0;
}

/* ---- making ---- */

static int wanted_size(struct call *call, const char *text, void *context)
{
	uint64_t most = shm_sysv_limits().shmmax;

	return size_read(call, "size of a segment (kernel.shmmax)", text, 1,
			 most < INT64_MAX ? (int64_t)most : INT64_MAX, context);
}

static const struct attribute attributes[] = {
	{"size", wanted_size},
	{NULL},
};

static int refuse_enospc(struct call *call, uint64_t size)
{
	struct shminfo limits = shm_sysv_limits();
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t pages = size / page + (size % page != 0);
	struct shm_info used = {0};

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&used) < 0)
		return -ENOSPC;
	if (used.shm_tot + pages < used.shm_tot || used.shm_tot + pages > limits.shmall)
		return refuse(call, ENOSPC,
			      "kernel.shmall is %lu pages, %lu in use, this segment needs %" PRIu64,
			      limits.shmall, used.shm_tot, pages);
	return refuse(call, ENOSPC,
		      "kernel.shmmni is %lu segments, %d in use: one more has no place",
		      limits.shmmni, used.used_ids);
}

int shm_sysv_make(struct call *call, const struct object_name *name, mode_t mode,
		  struct place *made)
{
	int64_t size = SIZE_DEFAULT;
	int error = attributes_read(call, name->attributes, attributes, &size);
	int id;

	if (error)
		return error;
	shm_daemon_note(call);
	id = shmget(name->key, (size_t)size, IPC_CREAT | IPC_EXCL | (int)(mode & 0666));
	if (id >= 0) {
		*made = (struct place){.dir = &shm_sysv_dir, .object = (uint32_t)id};
		return 0;
	}
	switch (errno) {
	case EEXIST:
		return refuse(call, EEXIST, "there is a segment with key 0x%08x",
			      (unsigned)name->key);
	case EINVAL:
		return refuse(call, EINVAL,
			      "the kernel makes no segment of %" PRId64
			      " bytes: kernel.shmmax is %lu",
			      size, shm_sysv_limits().shmmax);
	case ENOSPC:
		return refuse_enospc(call, (uint64_t)size);
	case ENOMEM:
		return refuse(call, ENOMEM,
			      "the kernel does not promise %" PRId64
			      " bytes of memory: CommitLimit and Committed_AS in /proc/meminfo, "
			      "vm.overcommit_memory",
			      size);
	default:
		return -errno;
	}
}

/* ---- removing and changing ---- */

int shm_sysv_remove(struct call *call, const struct place *place)
{
	if (shmctl((int)place->object, IPC_RMID, NULL) == 0)
		return 0;
	if (errno == EPERM)
		return refuse_permission(
			call, EPERM, place,
			"only the owner and the creator of a segment may remove it");
	return sysv_error(errno);
}

int shm_sysv_change(struct call *call, const struct place *place, const struct change *wanted)
{
	struct shmid_ds ds;
	int error = change_check(call, wanted);

	if (error)
		return error;
	pthread_mutex_lock(&changing);
	error = get(place->object, &ds);
	if (!error) {
		sysv_edit(&ds.shm_perm, wanted);
		if (shmctl((int)place->object, IPC_SET, &ds) < 0)
			error = sysv_error(errno);
	}
	pthread_mutex_unlock(&changing);
	if (error == -EPERM)
		return refuse_permission(
			call, EPERM, place,
			"only the owner and the creator of a segment may change it");
	return error;
}
