/*
 * intern.c - object names as numbers, so that a node id can carry one.
 *
 * A name keeps its number as long as anything refers to it: each node the kernel knows, each open
 * handle.  Numbers are used again afterwards.
 */
#include "intern.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

struct name {
	UT_hash_handle hh;
	uint64_t references;
	uint32_t number;
	bool retired;
	/* Together the key. */
	uint64_t identity;
	char text[];
};

static_assert(offsetof(struct name, text) == offsetof(struct name, identity) + sizeof(uint64_t),
	      "the key is one piece");

enum { TEXT_MAX = 1023 }; /* the longest name that FUSE hands out */

/* Index 0 is never used; a free slot holds the next free number, shifted left, with bit 0 set. */
static struct {
	pthread_mutex_t lock;
	struct name *by_key;
	struct name **slots;
	uint32_t size, used, held;
	uint32_t free_list;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void slot_give_back(uint32_t number)
{
	table.slots[number] = (struct name *)((uintptr_t)table.free_list << 1 | 1);
	table.free_list = number;
}

static uint32_t slot_take(void)
{
	uint32_t number = table.free_list;

	if (number) {
		table.free_list = (uint32_t)((uintptr_t)table.slots[number] >> 1);
		return number;
	}
	if (table.used + 1 >= table.size) {
		uint32_t size = table.size ? table.size * 2 : 64;
		struct name **slots =
			size <= INT32_MAX ? realloc(table.slots, size * sizeof(*slots)) : NULL;

		if (!slots)
			return 0;
		table.slots = slots;
		table.size = size;
	}
	return ++table.used;
}

uint32_t name_intern(const char *text, uint64_t identity)
{
	char key[sizeof(identity) + TEXT_MAX];
	size_t length = strlen(text);
	struct name *name;
	uint32_t number = 0;

	if (length > TEXT_MAX)
		return 0;
	memcpy(key, &identity, sizeof(identity));
	memcpy(key + sizeof(identity), text, length);
	pthread_mutex_lock(&table.lock);
	HASH_FIND(hh, table.by_key, key, sizeof(identity) + length, name);
	if (!name) {
		name = malloc(sizeof(*name) + length + 1);
		number = name ? slot_take() : 0;
		if (!number) {
			free(name);
			goto out;
		}
		memcpy(name->text, text, length + 1);
		name->number = number;
		name->references = 0;
		name->retired = false;
		name->identity = identity;
		HASH_ADD_KEYPTR(hh, table.by_key, &name->identity, sizeof(identity) + length, name);
		if (!HASH_HAS(hh, name)) {
			slot_give_back(number);
			free(name);
			number = 0;
			goto out;
		}
		table.slots[number] = name;
		table.held++;
	}
	name->references++;
	number = name->number;
out:
	pthread_mutex_unlock(&table.lock);
	return number;
}

static bool is_held(uint32_t number)
{
	return number > 0 && number <= table.used && !((uintptr_t)table.slots[number] & 1);
}

const char *name_text(uint32_t number)
{
	const char *text;

	pthread_mutex_lock(&table.lock);
	text = is_held(number) ? table.slots[number]->text : NULL;
	pthread_mutex_unlock(&table.lock);
	return text;
}

uint64_t name_identity(uint32_t number)
{
	uint64_t identity;

	pthread_mutex_lock(&table.lock);
	identity = table.slots[number]->identity;
	pthread_mutex_unlock(&table.lock);
	return identity;
}

void name_ref(uint32_t number)
{
	pthread_mutex_lock(&table.lock);
	table.slots[number]->references++;
	pthread_mutex_unlock(&table.lock);
}

void name_unref(uint32_t number, uint64_t references)
{
	struct name *name;

	pthread_mutex_lock(&table.lock);
	name = table.slots[number];
	name->references -= references;
	if (!name->references) {
		if (!name->retired)
			HASH_DEL(table.by_key, name);
		slot_give_back(number);
		table.held--;
		free(name);
	}
	pthread_mutex_unlock(&table.lock);
}

void name_retire(uint32_t number)
{
	struct name *name;

	pthread_mutex_lock(&table.lock);
	name = table.slots[number];
	if (!name->retired)
		HASH_DEL(table.by_key, name);
	name->retired = true;
	pthread_mutex_unlock(&table.lock);
}

uint32_t name_count(void)
{
	uint32_t held;

	pthread_mutex_lock(&table.lock);
	held = table.held;
	pthread_mutex_unlock(&table.lock);
	return held;
}
