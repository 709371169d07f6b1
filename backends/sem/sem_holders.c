/*
 * sem_holders.c - who has a semaphore mapped, waits on it, or has taken it by its file hold.
 *
 * A System V set is never open, and the kernel does not say who has taken what: who uses a set is
 * seen while it waits.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/held.h"
#include "common/names.h"
#include "sem.h"
#include "sem_gather.h"

static int key_of(const struct place *place, struct held_key *key)
{
	struct sem_set set;
	struct stat st;
	int error;

	if (place->dir == &sem_sysv_dir || place->dir == &sem_sysv_part_dir) {
		*key = held_key_id(HELD_SET, place->object);
		return sem_set_gather((int)place->object, &set);
	}
	if (place->dir != &sem_posix_dir)
		return -ENOENT;
	error = sem_posix_look(place->name, &st);
	if (!error)
		*key = held_key_file(st.st_dev, st.st_ino);
	return error;
}

static int add_sysv(void *context, const struct sem_set *set)
{
	struct place place = {.dir = &sem_sysv_dir, .object = (uint32_t)set->common.id};
	struct held_key held = held_key_id(HELD_SET, place.object);
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(set->common.key, set->common.id, listed);
	return held_add(context, &held, listed, &place);
}

static int add_posix(void *context, const char *name, uint64_t identity)
{
	struct place place = {.dir = &sem_posix_dir, .name = name};
	char listed[LISTED_NAME_SIZE];
	struct held_key key;

	if (key_of(&place, &key) < 0)
		return 0; /* removed meanwhile */
	object_name_list_posix(&sem_dir, name, listed);
	return held_add(context, &key, listed, &place);
}

static int gather(struct held_scan *scan)
{
	int error = sem_sets_gather(add_sysv, scan);

	return error ? error : sem_posix_walk(add_posix, scan);
}

static unsigned opened(const struct place *place, unsigned open)
{
	const struct channel *channel = place->row->channel;

	/* To read only it shows the holders, and takes nothing. */
	if ((channel == &sem_sysv_hold || channel == &sem_posix_hold) && (open & HELD_WRITE))
		return HELD_HOLD;
	return open;
}

static unsigned waits(const struct place *place, bool reads)
{
	return HELD_WAIT;
}

static const struct held_kind kind = {
	.gather = gather,
	.key = key_of,
	.opened = opened,
	.waits = waits,
	.in_calls = true,
};

int sem_show_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_one(call, &kind, place, out);
}

int sem_show_all_holders(struct call *call, const struct place *place, FILE *out)
{
	return held_show_all(call, &kind, out);
}

static int begin(struct call *call, struct proc_viewer *viewer, void **state)
{
	return held_kind_begin(call, &kind, viewer, state);
}

HELD_KIND_HOLDERS(sem_holders, begin);
