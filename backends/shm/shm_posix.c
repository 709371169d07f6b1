/*
 * shm_posix.c - POSIX shared memory objects, the files of /dev/shm: finding and making.
 */
#include <errno.h>
#include <unistd.h>

#include "shm.h"

const struct devshm_family shm_posix_family = {.what = "shared memory object",
					       .prefix = "",
					       .except = "sem.",
					       .except_what = "semaphores"};

int shm_posix_get(const struct place *place, struct shm_posix *object)
{
	object->name = place->name;
	return devshm_look(&shm_posix_family, place, &object->st);
}

int shm_posix_walk(devshm_each *each, void *context)
{
	return devshm_walk(&shm_posix_family, each, context);
}

int shm_posix_open_alone(const struct place *place)
{
	return devshm_open_alone(&shm_posix_family, place);
}

int shm_posix_remove(struct call *call, const struct place *place)
{
	return devshm_remove(&shm_posix_family, call, place);
}

struct gathering {
	int (*each)(void *context, const struct shm_posix *object);
	void *context;
};

static int gather_name(void *context, const char *name, uint64_t identity)
{
	const struct gathering *gathering = context;
	const struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};
	struct shm_posix object;

	if (shm_posix_get(&place, &object) < 0)
		return 0; /* gone meanwhile */
	return gathering->each(gathering->context, &object);
}

int shm_posix_gather(int (*each)(void *context, const struct shm_posix *object), void *context)
{
	struct gathering gathering = {each, context};

	return shm_posix_walk(gather_name, &gathering);
}

int shm_posix_find(const char *text, const struct object_name *name, struct place *found)
{
	struct place place = {.dir = &shm_posix_dir, .name = name->posix};
	struct stat st;
	int error = devshm_look(&shm_posix_family, &place, &st);

	if (error)
		return error;
	place.name = object_name_within(text, name);
	place.identity = st.st_ino;
	*found = place;
	return 0;
}

/* ---- making ---- */

static int wanted_size(struct call *call, const char *text, void *context)
{
	return size_read(call, "size", text, 0, INT64_MAX, context);
}

static const struct attribute attributes[] = {
	{"size", wanted_size},
	{NULL},
};

struct wanted {
	struct call *call;
	int64_t size;
};

static int mark_step(void *context)
{
	devshm_mark_made(*(int *)context);
	return 0;
}

static int size_fill(int fd, const void *context)
{
	const struct wanted *wanted = context;

	as_daemon(wanted->call, mark_step, &fd);
	return ftruncate(fd, wanted->size) < 0 ? -errno : 0;
}

int shm_posix_make(struct call *call, const char *text, const struct object_name *name, mode_t mode,
		   struct place *made)
{
	struct wanted wanted = {.call = call};
	uint64_t identity;
	int error = attributes_read(call, name->attributes, attributes, &wanted.size);

	if (!error)
		error = devshm_make(&shm_posix_family, call, name->posix, mode, size_fill, &wanted,
				    &identity);
	if (!error)
		*made = (struct place){.dir = &shm_posix_dir,
				       .name = object_name_within(text, name),
				       .identity = identity};
	return error;
}
