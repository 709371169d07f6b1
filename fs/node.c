/*
 * node.c - what a node id means: packing, and the table of visits.
 */
#include "node.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"

enum {
	DIRECTORIES = 127,
	ROW_ITSELF = 63,
	SHIFT_DIR = 56,
	SHIFT_ROW = 50,
	SHIFT_VIEW = 48,
	SHIFT_NAMED = 47,
	SHIFT_OBJECT = 16,
};
#define VISIT (UINT64_C(1) << 63)

static struct directory {
	const struct dir *dir;
	const struct dir *parent;
	const struct dir *kind; /* the one below the root on the way here; of the root: NULL */
	const struct row *row;  /* its row in the parent; NULL: the parent finds it */
	unsigned rows;
	unsigned namespaces;
	/* Whether ids in it have been told without, and with, the name of an object. */
	atomic_bool told[2];
} directories[DIRECTORIES];
/* Number 0 is none, so that no id is 0; the root's is 1. */
static unsigned directories_count = 1;
enum { ROOT_DIRECTORY = 1 };

static unsigned directory_number(const struct dir *dir)
{
	for (unsigned i = ROOT_DIRECTORY; i < directories_count; i++)
		if (directories[i].dir == dir)
			return i;
	return DIRECTORIES;
}

static void number_directory(const struct dir *dir, const struct dir *parent,
			     const struct row *in_parent)
{
	struct directory *own;

	if (directory_number(dir) != DIRECTORIES)
		return;
	assert(directories_count < DIRECTORIES);
	own = &directories[directories_count++];
	own->dir = dir;
	own->parent = parent;
	own->row = in_parent;
	if (parent)
		own->kind = node_kind_directory(parent) ? node_kind_directory(parent) : dir;
	while (dir->rows[own->rows].type != ROW_END)
		own->rows++;
	assert(own->rows <= ROW_ITSELF);
	own->namespaces = dir->namespaces;
	if (!own->namespaces && parent)
		own->namespaces = directories[directory_number(parent)].namespaces;
	for (const struct row *row = dir->rows; row->type != ROW_END; row++) {
		if (row->type == ROW_DIR)
			number_directory(row->dir, dir, row);
	}
	for (const struct dir *const *child = dir->children; child && *child; child++)
		number_directory(*child, dir, NULL);
}

void node_number_directories(const struct dir *root)
{
	number_directory(root, NULL, NULL);
}

const struct dir *node_parent_directory(const struct dir *dir, const struct row **row)
{
	unsigned number = directory_number(dir);

	*row = directories[number].row;
	return directories[number].parent;
}

const struct dir *node_kind_directory(const struct dir *dir)
{
	return directories[directory_number(dir)].kind;
}

unsigned node_namespaces(const struct node *node)
{
	unsigned number = directory_number(node->place.dir);

	return directories[number].namespaces | (node->place.row ? node->place.row->namespaces : 0);
}

bool node_is_channel(const struct node *node)
{
	const struct row *row = node->place.row;

	if (!row || node->view == VIEW_ITSELF)
		return false;
	return row->type == ROW_CHANNEL || (node->chosen && !node->on_the_way);
}

bool node_is_memory(const struct node *node)
{
	return node->place.row && node->place.row->type == ROW_MEMORY;
}

/* True if each lookup must make a new id. */
static bool is_visit(const struct node *node)
{
	return node_is_channel(node) || node->chosen || node->place.number ||
	       (node->view == VIEW_WITHIN && node->within != NO_LIMIT);
}

/* Visits: slots that grow, a free list through them, a generation that tells reuse. */

struct visit {
	struct node node;
	uint32_t generation;
	uint32_t next_free;
	uint64_t lookups; /* how often the kernel has been told of it; 0: free */
	/* Who looked it up, and whether that one may be about to open it. */
	uid_t visitor;
	bool expected;
	unsigned opens;
	/* What it was last seen with. */
	bool seen;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

enum { BLOCK = 256, IDLE = 256 };

static struct {
	pthread_mutex_t lock;
	struct visit **blocks;
	uint32_t blocks_count, used, free_list, held;
	uint64_t idle[IDLE]; /* ids, which may be of visits that are not idle any more, or gone */
} visits = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct visit *visit_at(uint32_t slot)
{
	return &visits.blocks[slot / BLOCK][slot % BLOCK];
}

/* With the lock held; 0: no memory. */
static uint64_t visit_add(const struct node *node, uid_t visitor)
{
	struct visit *visit;
	uint32_t slot;

	if (visits.free_list) {
		slot = visits.free_list;
		visits.free_list = visit_at(slot)->next_free;
	} else {
		slot = visits.used + 1;
		if (slot / BLOCK >= visits.blocks_count) {
			struct visit **blocks = realloc(
				visits.blocks, (visits.blocks_count + 1) * sizeof(struct visit *));
			struct visit *block = blocks ? calloc(BLOCK, sizeof(*block)) : NULL;

			if (blocks)
				visits.blocks = blocks;
			if (!block)
				return 0;
			blocks[visits.blocks_count++] = block;
		}
		visits.used = slot;
	}
	visit = visit_at(slot);
	visit->node = *node;
	visit->generation = (visit->generation + 1) & INT32_MAX;
	visit->lookups = 1;
	visit->visitor = visitor;
	visit->expected = true;
	visit->opens = 0;
	visit->seen = false;
	visits.held++;
	return VISIT | (uint64_t)visit->generation << 32 | slot;
}

/* The visit of an id, or NULL; call with the lock held. */
static struct visit *visit_find(uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct visit *visit;

	if (!slot || slot > visits.used)
		return NULL;
	visit = visit_at(slot);
	return visit->lookups && visit->generation == (id >> 32 & INT32_MAX) ? visit : NULL;
}

/* Where the idle visits of @node are noted: one, of which another may take the place. */
static uint64_t *idle_place(const struct node *node, uid_t visitor)
{
	const struct place *place = &node->place;
	uint64_t hash = (uintptr_t)place->row ^ (uint64_t)place->object << 16 ^ place->part ^
			(uint64_t)place->number << 24 ^ (uint64_t)node->within ^
			(uint64_t)node->view << 60 ^ (uint64_t)visitor << 32;

	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return &visits.idle[(hash >> 32) % IDLE];
}

static bool is_same(const struct node *a, const struct node *b)
{
	const struct place *one = &a->place, *other = &b->place;

	return one->dir == other->dir && one->row == other->row && one->object == other->object &&
	       one->name == other->name && one->identity == other->identity &&
	       one->part == other->part && one->number == other->number &&
	       one->inverted == other->inverted && a->view == b->view && a->chosen == b->chosen &&
	       a->on_the_way == b->on_the_way && a->serial == b->serial && a->within == b->within;
}

/* With the lock held. */
static bool is_idle(const struct visit *visit)
{
	return !visit->opens && !visit->expected;
}

/* With the lock held: 0, or the id of a visit to @node that @visitor has ended. */
static uint64_t visit_again(const struct node *node, uid_t visitor)
{
	uint64_t *place = idle_place(node, visitor), id = *place;
	struct visit *visit = id ? visit_find(id) : NULL;

	if (!visit || !is_idle(visit) || visit->visitor != visitor || !is_same(&visit->node, node))
		return 0;
	*place = 0;
	visit->lookups++;
	visit->expected = true;
	return id;
}

void node_enter(uint64_t id)
{
	struct visit *visit;

	if (!(id & VISIT))
		return;
	pthread_mutex_lock(&visits.lock);
	visit = visit_find(id);
	if (visit) {
		visit->opens++;
		visit->expected = false;
	}
	pthread_mutex_unlock(&visits.lock);
}

void node_leave(uint64_t id)
{
	struct visit *visit;

	if (!(id & VISIT))
		return;
	pthread_mutex_lock(&visits.lock);
	visit = visit_find(id);
	if (visit && visit->opens)
		visit->opens--;
	if (visit && is_idle(visit) && node_is_channel(&visit->node))
		*idle_place(&visit->node, visit->visitor) = id;
	pthread_mutex_unlock(&visits.lock);
}

void node_remember(uint64_t id, const struct stat *st)
{
	struct visit *visit;

	if (!(id & VISIT))
		return;
	pthread_mutex_lock(&visits.lock);
	visit = visit_find(id);
	if (visit) {
		visit->seen = true;
		visit->uid = st->st_uid;
		visit->gid = st->st_gid;
		visit->mode = st->st_mode;
	}
	pthread_mutex_unlock(&visits.lock);
}

bool node_recall(uint64_t id, struct stat *st)
{
	const struct visit *visit;
	bool seen;

	if (!(id & VISIT))
		return false;
	pthread_mutex_lock(&visits.lock);
	visit = visit_find(id);
	seen = visit && visit->seen;
	if (seen) {
		st->st_uid = visit->uid;
		st->st_gid = visit->gid;
		st->st_mode = visit->mode;
	}
	pthread_mutex_unlock(&visits.lock);
	return seen;
}

uint32_t node_visits(void)
{
	uint32_t held;

	pthread_mutex_lock(&visits.lock);
	held = visits.held;
	pthread_mutex_unlock(&visits.lock);
	return held;
}

void node_hold(const struct node *node)
{
	if (node->place.name)
		name_ref(node->place.object);
}

void node_release(const struct node *node)
{
	if (node->place.name)
		name_unref(node->place.object, 1);
}

static uint64_t visit_publish(const struct node *node, uid_t visitor)
{
	uint64_t id;

	pthread_mutex_lock(&visits.lock);
	id = visit_again(node, visitor);
	if (!id)
		id = visit_add(node, visitor);
	pthread_mutex_unlock(&visits.lock);
	return id;
}

uint64_t node_publish(const struct node *node, uid_t visitor)
{
	const struct place *place = &node->place;
	uint64_t row = place->row ? (uint64_t)(place->row - place->dir->rows) : ROW_ITSELF;
	uint64_t dir = directory_number(place->dir);
	uint64_t id;

	assert(dir < DIRECTORIES);
	if (is_visit(node))
		id = visit_publish(node, visitor);
	else if (dir == ROOT_DIRECTORY && !place->row && node->view == VIEW_ITSELF)
		return NODE_ROOT;
	else {
		atomic_store_explicit(&directories[dir].told[place->name != NULL], true,
				      memory_order_relaxed);
		id = dir << SHIFT_DIR | row << SHIFT_ROW | (uint64_t)node->view << SHIFT_VIEW |
		     (uint64_t)(place->name != NULL) << SHIFT_NAMED |
		     (uint64_t)(place->object & INT32_MAX) << SHIFT_OBJECT | place->part;
	}
	if (id && place->name)
		name_ref(place->object);
	return id;
}

bool node_read(uint64_t id, struct node *node)
{
	unsigned dir = id >> SHIFT_DIR, row = id >> SHIFT_ROW & 63;
	bool named = id >> SHIFT_NAMED & 1;

	memset(node, 0, sizeof(*node));
	node->within = NO_LIMIT;
	if (id & VISIT) {
		struct visit *visit;

		pthread_mutex_lock(&visits.lock);
		visit = visit_find(id);
		if (visit)
			*node = visit->node;
		pthread_mutex_unlock(&visits.lock);
		return visit;
	}
	if (id == NODE_ROOT) {
		node->place.dir = directories[ROOT_DIRECTORY].dir;
		return true;
	}
	if (dir < ROOT_DIRECTORY || dir >= directories_count ||
	    (row != ROW_ITSELF && row >= directories[dir].rows) ||
	    !atomic_load_explicit(&directories[dir].told[named], memory_order_relaxed))
		return false;
	node->place.dir = directories[dir].dir;
	node->place.row = row == ROW_ITSELF ? NULL : &node->place.dir->rows[row];
	node->view = id >> SHIFT_VIEW & 3;
	node->place.object = id >> SHIFT_OBJECT & INT32_MAX;
	node->place.part = id & UINT16_MAX;
	if (!named)
		return true;
	node->place.name = name_text(node->place.object);
	if (node->place.name)
		node->place.identity = name_identity(node->place.object);
	return node->place.name;
}

void node_forget(uint64_t id, uint64_t lookups)
{
	uint32_t name = 0;

	if (id & VISIT) {
		struct visit *visit;

		pthread_mutex_lock(&visits.lock);
		visit = visit_find(id);
		if (visit) {
			name = visit->node.place.name ? visit->node.place.object : 0;
			if (lookups > visit->lookups)
				lookups = visit->lookups;
			visit->lookups -= lookups;
			if (!visit->lookups) {
				visit->next_free = visits.free_list;
				visits.free_list = (uint32_t)id;
				visits.held--;
			}
		}
		pthread_mutex_unlock(&visits.lock);
	} else if (id != NODE_ROOT && id >> SHIFT_NAMED & 1) {
		name = id >> SHIFT_OBJECT & INT32_MAX;
	}
	if (name)
		name_unref(name, lookups);
}

static uint64_t hash(uint64_t state, const void *data, size_t size)
{
	/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
	for (const unsigned char *byte = data; size--; byte++)
		state = (state ^ *byte) * UINT64_C(0x100000001b3);
	return state;
}

void node_distinguish(struct node *node)
{
	static atomic_uint_least64_t last;

	if (node_is_channel(node) && node->place.row->channel->exclusive)
		node->serial = ++last;
}

uint64_t node_inode_number(const struct node *node)
{
	const struct place *place = &node->place;
	uint64_t fields[] = {
		directory_number(place->dir),
		place->row ? (uint64_t)(place->row - place->dir->rows) : ROW_ITSELF,
		node->view,
		(uint64_t)node->within,
		place->part,
		(uint64_t)place->number,
		place->inverted,
		node->chosen,
		place->name ? 0 : place->object,
		node->serial,
	};
	uint64_t number = hash(UINT64_C(0xcbf29ce484222325), fields, sizeof(fields));

	if (fields[0] == ROOT_DIRECTORY && !place->row && node->view == VIEW_ITSELF)
		return NODE_ROOT;
	if (place->name) {
		number = hash(number, place->name, strlen(place->name));
		number = hash(number, &place->identity, sizeof(place->identity));
	}
	return number | 2; /* 0 is no inode, 1 is the root's */
}
