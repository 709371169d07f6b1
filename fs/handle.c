/*
 * handle.c - open files and directories, by number.
 */
#include "handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "tree.h"

static struct {
	pthread_rwlock_t lock;
	struct handle **slots;
	uint32_t *generations;
	uint32_t size;
	uint32_t hint; /* no slot below is free */
} table = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static bool table_grow(void)
{
	uint32_t size = table.size ? table.size * 2 : 64;
	struct handle **slots = realloc(table.slots, size * sizeof(*slots));
	uint32_t *generations;

	if (!slots)
		return false;
	table.slots = slots;
	generations = realloc(table.generations, size * sizeof(*generations));
	if (!generations)
		return false;
	table.generations = generations;
	for (; table.size < size; table.size++) {
		slots[table.size] = NULL;
		generations[table.size] = 0;
	}
	return true;
}

int handle_new(struct call *call, enum handle_type type, const struct node *node,
	       struct handle **result)
{
	struct handle *handle = calloc(1, sizeof(*handle));
	uint32_t slot;
	int error;

	if (!handle)
		return -ENOMEM;
	handle->open = quota_share(QUOTA_HANDLES, call->uid);
	handle->kept = quota_share(QUOTA_MEMORY, call->uid);
	handle->flock = quota_share(QUOTA_LOCKS, call->uid);
	error = quota_take(call, &handle->open, 1);
	if (error) {
		free(handle);
		return error;
	}
	handle->type = type;
	handle->node = *node;
	handle->poll_fd = -1;
	handle->flock_fd = -1;
	pthread_rwlock_wrlock(&table.lock);
	for (slot = table.hint; slot < table.size && table.slots[slot]; slot++)
		;
	if (slot == table.size && !table_grow()) {
		pthread_rwlock_unlock(&table.lock);
		quota_drop(&handle->open);
		free(handle);
		return -ENOMEM;
	}
	table.hint = slot + 1;
	table.slots[slot] = handle;
	/* 62 bits: epoll's data has to carry two more. */
	table.generations[slot] = (table.generations[slot] + 1) & (UINT32_MAX >> 2);
	handle->number = (uint64_t)table.generations[slot] << 32 | slot;
	node_hold(node);
	pthread_rwlock_unlock(&table.lock);
	*result = handle;
	return 0;
}

struct handle *handle_get(uint64_t number)
{
	uint32_t slot = (uint32_t)number;
	struct handle *handle = NULL;

	pthread_rwlock_rdlock(&table.lock);
	if (slot < table.size && table.generations[slot] == number >> 32)
		handle = table.slots[slot];
	pthread_rwlock_unlock(&table.lock);
	return handle;
}

struct handle *handle_any(void)
{
	struct handle *handle = NULL;

	pthread_rwlock_rdlock(&table.lock);
	for (uint32_t slot = 0; slot < table.size && !handle; slot++)
		handle = table.slots[slot];
	pthread_rwlock_unlock(&table.lock);
	return handle;
}

void handle_set_behind(struct handle *handle, struct behind behind)
{
	pthread_rwlock_wrlock(&table.lock);
	handle->behind = behind;
	pthread_rwlock_unlock(&table.lock);
}

ssize_t handles_channels(struct open_channel **list)
{
	ssize_t count = 0;

	pthread_rwlock_rdlock(&table.lock);
	*list = calloc(table.size ? table.size : 1, sizeof(**list));
	for (uint32_t slot = 0; *list && slot < table.size; slot++) {
		const struct handle *handle = table.slots[slot];

		if (!handle || handle->type != HANDLE_CHANNEL)
			continue;
		node_hold(&handle->node);
		(*list)[count++] = (struct open_channel){handle->node, handle->behind};
	}
	pthread_rwlock_unlock(&table.lock);
	return *list ? count : -ENOMEM;
}

void handle_free(struct handle *handle)
{
	uint32_t slot = (uint32_t)handle->number;

	pthread_rwlock_wrlock(&table.lock);
	table.slots[slot] = NULL;
	if (slot < table.hint)
		table.hint = slot;
	pthread_rwlock_unlock(&table.lock);
	node_release(&handle->node);
	creds_release(handle->opener);
	for (size_t i = 0; i < HANDLE_USERS; i++)
		creds_release(handle->users[i]);
	quota_drop(&handle->open);
	quota_drop(&handle->kept);
	quota_drop(&handle->flock);
	free(handle->content);
	free(handle);
}
