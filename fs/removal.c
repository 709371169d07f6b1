/*
 * removal.c - those who are to be told when the object goes that they wait for, by object.
 */
#include "removal.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "common/hash.h"
#include "handle.h"

struct removal_object {
	UT_hash_handle hh;
	struct {
		const struct dir *dir;
		uint64_t number; /* channel.object */
	} key;
	const struct dir *kind; /* its directory */
	struct removal_waiter *waiters;
};

static const struct channel *channel_of(const struct handle *handle)
{
	return handle->node.place.row->channel;
}

int removal_of(const struct handle *handle)
{
	const struct channel *channel = channel_of(handle);

	return channel && channel->gone ? channel->gone(handle->state) : 0;
}

static struct removal_object *object_add(struct removal_table *table, const struct dir *dir,
					 uint64_t number)
{
	struct removal_object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->key.dir = dir;
	object->key.number = number;
	object->kind = node_kind_directory(dir);
	HASH_ADD(hh, table->objects, key, sizeof(object->key), object);
	if (HASH_HAS(hh, object))
		return object;
	free(object);
	return NULL;
}

int removal_join(struct removal_table *table, struct removal_waiter *waiter,
		 const struct handle *handle)
{
	const struct channel *channel = channel_of(handle);
	const struct dir *dir = handle->node.place.dir;
	uint64_t number = channel && channel->object ? channel->object(handle->state) : 0;
	struct removal_object *object, key = {.key = {dir, number}};

	if (!number || waiter->object)
		return 0;
	HASH_FIND(hh, table->objects, &key.key, sizeof(key.key), object);
	if (!object)
		object = object_add(table, dir, number);
	if (!object)
		return -ENOMEM;
	waiter->handle = handle;
	waiter->object = object;
	DL_APPEND(object->waiters, waiter);
	return 0;
}

void removal_leave(struct removal_table *table, struct removal_waiter *waiter)
{
	struct removal_object *object = waiter->object;

	if (!object)
		return;
	waiter->object = NULL;
	DL_DELETE(object->waiters, waiter);
	if (object->waiters)
		return;
	HASH_DEL(table->objects, object);
	free(object);
}

void removal_tell(struct removal_table *table, const struct dir *kind,
		  void (*tell)(struct removal_waiter *waiter))
{
	struct removal_object *object, *next_object;
	struct removal_waiter *waiter, *next;

	HASH_ITER(hh, table->objects, object, next_object) {
		if (object->kind != kind || !removal_of(object->waiters->handle))
			continue;
		/* The object goes with its last waiter. */
		DL_FOREACH_SAFE(object->waiters, waiter, next)
			tell(waiter);
	}
}
