/*
 * ids.c - the names of users and groups, as the C library finds them.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "ids.h"

/* Room for one entry of the user or group database at first; a large group needs more. */
#define ENTRY_SIZE 1024
#define ENTRY_SIZE_MAX (1 << 20)

/* Looks an id up with room of this size: 0 and the name, -ENOENT, or -ERANGE to be given more. */
typedef int id_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE]);

static int user_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE])
{
	struct passwd entry, *found = NULL;
	int error = getpwuid_r(id, &entry, room, size, &found);

	if (!found)
		return error == ERANGE ? -ERANGE : -ENOENT;
	snprintf(name, ID_NAME_SIZE, "%s", entry.pw_name);
	return 0;
}

static int group_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE])
{
	struct group entry, *found = NULL;
	int error = getgrgid_r(id, &entry, room, size, &found);

	if (!found)
		return error == ERANGE ? -ERANGE : -ENOENT;
	snprintf(name, ID_NAME_SIZE, "%s", entry.gr_name);
	return 0;
}

static bool id_name(id_lookup *lookup, uint32_t id, char name[ID_NAME_SIZE])
{
	char first[ENTRY_SIZE], *more = NULL;
	int result = lookup(id, first, sizeof(first), name);

	for (size_t size = (size_t)4 * ENTRY_SIZE; result == -ERANGE && size <= ENTRY_SIZE_MAX; size *= 4) {
		free(more);
		more = malloc(size);
		if (!more)
			break;
		result = lookup(id, more, size, name);
	}
	free(more);
	if (result < 0)
		snprintf(name, ID_NAME_SIZE, "%" PRIu32, id);
	return result == 0;
}

bool user_name(uid_t uid, char name[ID_NAME_SIZE])
{
	return id_name(user_lookup, uid, name);
}

bool group_name(gid_t gid, char name[ID_NAME_SIZE])
{
	return id_name(group_lookup, gid, name);
}

/* The slot of @id, filled. */
static const struct id_slot *slot_get(struct id_slot slots[ID_NAMES], id_lookup *lookup,
				      uint32_t id)
{
	struct id_slot *slot = &slots[id % ID_NAMES];

	if (slot->state == ID_EMPTY || slot->id != id) {
		slot->state = id_name(lookup, id, slot->name) ? ID_NAMED : ID_NAMELESS;
		slot->id = id;
	}
	return slot;
}

const char *user_names_get(struct user_names *names, uid_t uid)
{
	return slot_get(names->slots, user_lookup, uid)->name;
}

const char *group_names_get(struct group_names *names, gid_t gid)
{
	return slot_get(names->slots, group_lookup, gid)->name;
}

const char *user_names_find(struct user_names *names, uid_t uid)
{
	const struct id_slot *slot = slot_get(names->slots, user_lookup, uid);

	return slot->state == ID_NAMED ? slot->name : NULL;
}

const char *group_names_find(struct group_names *names, gid_t gid)
{
	const struct id_slot *slot = slot_get(names->slots, group_lookup, gid);

	return slot->state == ID_NAMED ? slot->name : NULL;
}
