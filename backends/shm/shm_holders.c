/*
 * shm_holders.c - who has shared memory open, mapped or attached.
 */
#include <errno.h>

#include "shm.h"

static int key_of(const struct place *place, struct held_key *key)
{
	struct shm_sysv segment;
	struct shm_posix object;
	int error;

	if (place->dir == &shm_sysv_dir) {
		*key = held_key_id(HELD_SEGMENT, place->object);
		return shm_sysv_get(place->object, &segment);
	}
	if (place->dir != &shm_posix_dir)
		return -ENOENT;
	error = shm_posix_get(place, &object);
	if (!error)
		*key = held_key_file(object.st.st_dev, object.st.st_ino);
	return error;
}

int shm_held_add_sysv(struct held_scan *scan, const struct shm_sysv *segment)
{
	struct held_key key = held_key_id(HELD_SEGMENT, (uint32_t)segment->object.id);
	struct place place = {.dir = &shm_sysv_dir, .object = (uint32_t)segment->object.id};
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(segment->object.key, segment->object.id, listed);
	return held_add(scan, &key, listed, &place);
}

static int add_sysv(void *context, const struct shm_sysv *segment)
{
	return shm_held_add_sysv(context, segment);
}

static int add_posix(void *context, const char *name, uint64_t identity)
{
	struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};
	char listed[LISTED_NAME_SIZE];
	struct held_key key;

	if (key_of(&place, &key) < 0)
		return 0; /* removed meanwhile */
	object_name_list_posix(&shm_dir, name, listed);
	return held_add(context, &key, listed, &place);
}

static int gather(struct held_scan *scan)
{
	int error = shm_sysv_gather(add_sysv, scan);

	return error ? error : shm_posix_walk(add_posix, scan);
}

const struct held_kind shm_held = {.gather = gather, .key = key_of};

int shm_show_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_one(call, &shm_held, place, out);
}

int shm_show_all_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_all(call, &shm_held, out);
}

static int begin(struct call *call, struct proc_viewer *viewer, void **state)
{
	return held_kind_begin(call, &shm_held, viewer, state);
}

HELD_KIND_HOLDERS(shm_holders, begin);
