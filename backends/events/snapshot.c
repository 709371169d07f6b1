/*
 * snapshot.c - the objects of a kind at one moment, and what differs between two moments.
 */
#include "snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct snapshot *snapshot_new(void)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot)
		snapshot->references = 1;
	return snapshot;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
	snapshot->references++;
	return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
	if (!snapshot || --snapshot->references)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		free(snapshot->objects[i].name);
	free(snapshot->objects);
	free(snapshot);
}

struct snapshot_object *snapshot_add(struct snapshot *snapshot, const char *name,
				     const char *family, uint64_t identity)
{
	struct snapshot_object *object;
	char *copy = strdup(name);

	if (!copy)
		return NULL;
	if (snapshot->count == snapshot->room) {
		size_t room = snapshot->room ? 2 * snapshot->room : 16;
		struct snapshot_object *objects =
			reallocarray(snapshot->objects, room, sizeof(*objects));

		if (!objects) {
			free(copy);
			return NULL;
		}
		snapshot->objects = objects;
		snapshot->room = room;
	}
	object = &snapshot->objects[snapshot->count++];
	*object = (struct snapshot_object){.name = copy, .family = family, .identity = identity};
	return object;
}

void snapshot_figure(struct snapshot_object *object, const char *key, int64_t value)
{
	assert(object->count < FIGURES_MAX);
	object->figures[object->count++] = (struct figure){key, value};
}

void snapshot_owner(struct snapshot_object *object, uid_t uid, gid_t gid, mode_t mode)
{
	snapshot_figure(object, "uid", uid);
	snapshot_figure(object, "gid", gid);
	snapshot_figure(object, "perms", mode & 0777);
}

static int by_name(const void *one, const void *other)
{
	const struct snapshot_object *a = one, *b = other;
	int names = strcmp(a->name, b->name);

	return names ? names : (a->identity > b->identity) - (a->identity < b->identity);
}

void snapshot_sort(struct snapshot *snapshot)
{
	size_t kept = 0;

	if (snapshot->count)
		qsort(snapshot->objects, snapshot->count, sizeof(*snapshot->objects), by_name);
	for (size_t i = 0; i < snapshot->count; i++) {
		struct snapshot_object *object = &snapshot->objects[i];

		if (kept && !strcmp(snapshot->objects[kept - 1].name, object->name))
			free(object->name);
		else
			snapshot->objects[kept++] = *object;
	}
	snapshot->count = kept;
}

static int same_figures(const struct snapshot_object *a, const struct snapshot_object *b)
{
	if (a->count != b->count)
		return 0;
	for (size_t i = 0; i < a->count; i++)
		if (a->figures[i].key != b->figures[i].key ||
		    a->figures[i].value != b->figures[i].value)
			return 0;
	return 1;
}

void snapshot_compare(const struct snapshot *before, const struct snapshot *after,
		      difference_told *tell, void *context)
{
	size_t i = 0, j = 0;

	while (i < before->count || j < after->count) {
		const struct snapshot_object *old = i < before->count ? &before->objects[i] : NULL;
		const struct snapshot_object *new = j < after->count ? &after->objects[j] : NULL;
		int order = !old ? 1 : !new ? -1 : strcmp(old->name, new->name);

		if (order < 0) {
			tell(context, OBJECT_REMOVED, old, NULL);
		} else if (order > 0) {
			tell(context, OBJECT_CREATED, NULL, new);
		} else if (old->identity != new->identity || old->family != new->family) {
			tell(context, OBJECT_REMOVED, old, NULL);
			tell(context, OBJECT_CREATED, NULL, new);
		} else if (!same_figures(old, new)) {
			tell(context, OBJECT_CHANGED, old, new);
		}
		i += order <= 0;
		j += order >= 0;
	}
}
