/*
 * proc_deep.c - what processes have mapped and where their threads are, read in a thread apart.
 *
 * What the thread fills belongs to it and to who waits for it, whoever of them needs it longer.
 */
#include "proc_deep.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "apart.h"
#include "proc_fds.h"
#include "proc_status.h"

enum {
	CHUNK = 64,       /* processes that are read in one step */
	ENOUGH = 1 << 20, /* bytes after which the step ends */
	PATH_KEPT = 512,  /* bytes of a path */
	STUCK_MAX = 32,
};

/* ---- processes that do not answer ---- */

static struct {
	pthread_mutex_t lock;
	struct {
		pid_t pid;
		uid_t uid;
	} list[STUCK_MAX];
	size_t count;
} stuck = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* When there are many, none of the users who have some is waited for any more. */
static bool is_stuck(pid_t pid)
{
	bool found = false;
	uid_t uid;

	pthread_mutex_lock(&stuck.lock);
	for (size_t i = 0; i < stuck.count && !found; i++)
		found = stuck.list[i].pid == pid;
	if (stuck.count == STUCK_MAX && !found && proc_user(pid, &uid) == 0)
		for (size_t i = 0; i < stuck.count && !found; i++)
			found = stuck.list[i].uid == uid;
	pthread_mutex_unlock(&stuck.lock);
	return found;
}

/* ---- reading ---- */

struct proc_deep_list {
	atomic_int owners;
	atomic_size_t at; /* those before it are whole */
	atomic_bool cancelled;
	bool waits;
	size_t count, bytes;
	bool ended;  /* the thread; this and the next are guarded by the lock of `stuck` */
	pid_t stuck; /* the process that it has been given up at; 0: none */
	struct proc_deep items[];
};

const struct proc_deep *proc_deep_get(const struct proc_deep_list *list, size_t at)
{
	return &list->items[at];
}

void proc_deep_free(struct proc_deep_list *list)
{
	if (!list || atomic_fetch_sub(&list->owners, 1) > 1)
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct proc_deep *item = &list->items[i];

		for (size_t j = 0; j < item->maps_count; j++)
			free((char *)item->maps[j].path);
		free(item->maps);
		free(item->waits);
	}
	free(list);
}

struct filling {
	struct proc_deep_list *list;
	struct proc_deep *item;
};

static int map_keep(void *context, const struct proc_map *map)
{
	struct filling *filling = context;
	struct proc_deep *item = filling->item;

	if (item->maps_count == item->maps_room) {
		size_t room = item->maps_room ? 2 * item->maps_room : 32;
		struct proc_map *maps = reallocarray(item->maps, room, sizeof(*maps));

		if (!maps)
			return -ENOMEM;
		item->maps = maps;
		item->maps_room = room;
	}
	item->maps[item->maps_count] = *map;
	item->maps[item->maps_count].path = strndup(map->path, PATH_KEPT);
	if (!item->maps[item->maps_count].path)
		return -ENOMEM;
	item->maps_count++;
	filling->list->bytes += sizeof(*map) + strlen(map->path);
	return 0;
}

static int wait_keep(void *context, const struct proc_wait *wait)
{
	struct filling *filling = context;
	struct proc_deep *item = filling->item;

	if (item->waits_count == item->waits_room) {
		size_t room = item->waits_room ? 2 * item->waits_room : 4;
		struct proc_wait *waits = reallocarray(item->waits, room, sizeof(*waits));

		if (!waits)
			return -ENOMEM;
		item->waits = waits;
		item->waits_room = room;
	}
	item->waits[item->waits_count++] = *wait;
	filling->list->bytes += sizeof(*wait);
	return 0;
}

static void read_step(void *context)
{
	struct proc_deep_list *list = context;

	for (size_t i = 0; i < list->count && !list->cancelled; i++) {
		struct filling filling = {list, &list->items[i]};
		struct proc_deep *item = filling.item;

		if (list->bytes > ENOUGH)
			break;
		if (is_stuck(item->pid)) {
			item->maps_error = item->waits_error = -ETIMEDOUT;
		} else {
			item->maps_error = proc_maps_of(item->pid, map_keep, &filling);
			if (!item->maps_error && list->waits)
				item->waits_error = proc_waits_of(item->pid, wait_keep, &filling);
		}
		atomic_store(&list->at, i + 1);
	}
}

/* Notes that process @at does not answer, as long as the thread is at it. */
static void stuck_add(struct proc_deep_list *list, size_t at)
{
	pid_t pid = at < list->count ? list->items[at].pid : 0;
	uid_t uid = 0;

	if (pid)
		proc_user(pid, &uid);
	pthread_mutex_lock(&stuck.lock);
	if (pid && !list->ended && stuck.count < STUCK_MAX) {
		list->stuck = pid;
		stuck.list[stuck.count].pid = pid;
		stuck.list[stuck.count++].uid = uid;
	}
	pthread_mutex_unlock(&stuck.lock);
}

/* It answers again. */
static void read_drop(void *context)
{
	struct proc_deep_list *list = context;

	pthread_mutex_lock(&stuck.lock);
	list->ended = true;
	for (size_t i = 0; i < stuck.count; i++)
		if (list->stuck && stuck.list[i].pid == list->stuck) {
			stuck.list[i] = stuck.list[--stuck.count];
			break;
		}
	pthread_mutex_unlock(&stuck.lock);
	proc_deep_free(list);
}

int proc_deep_read(const pid_t *pids, size_t count, bool waits, struct proc_deep_list **result,
		   size_t *done)
{
	size_t some = count < CHUNK ? count : CHUNK;
	struct proc_deep_list *list = calloc(1, sizeof(*list) + some * sizeof(*list->items));
	int error;

	if (!list)
		return -ENOMEM;
	atomic_init(&list->owners, 2);
	list->waits = waits;
	list->count = some;
	for (size_t i = 0; i < some; i++)
		list->items[i].pid = pids[i];
	error = apart_run(read_step, read_drop, list);
	if (error != -ETIMEDOUT)
		proc_deep_free(list); /* the thread's part */
	if (error && error != -ETIMEDOUT) {
		proc_deep_free(list);
		return error;
	}
	*done = list->at;
	*result = list;
	if (error) {
		list->cancelled = true;
		stuck_add(list, *done);
	}
	return 0;
}

/* ---- what is mapped ---- */

struct looking {
	atomic_int owners;
	size_t count;
	struct proc_mapped items[];
};

/* Gives back the parts of so many owners. */
static void looking_release(struct looking *looking, int parts)
{
	if (atomic_fetch_sub(&looking->owners, parts) == parts)
		free(looking);
}

static void look_drop(void *context)
{
	looking_release(context, 1);
}

static void look_step(void *context)
{
	struct looking *looking = context;

	for (size_t i = 0; i < looking->count; i++) {
		struct proc_mapped *item = &looking->items[i];
		char path[96];

		if (is_stuck(item->pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
			 (int)item->pid, item->start, item->end);
		/* By now something else may be there. */
		item->known = proc_look(AT_FDCWD, path, &item->st) == 0 &&
			      item->st.st_dev == item->dev && item->st.st_ino == item->ino;
	}
}

int proc_mapped_look(struct proc_mapped *list, size_t count)
{
	struct looking *looking = malloc(sizeof(*looking) + count * sizeof(*list));
	int error;

	if (!looking)
		return -ENOMEM;
	atomic_init(&looking->owners, 2);
	looking->count = count;
	memcpy(looking->items, list, count * sizeof(*list));
	error = apart_run(look_step, look_drop, looking);
	if (!error)
		memcpy(list, looking->items, count * sizeof(*list));
	looking_release(looking, error == -ETIMEDOUT ? 1 : 2);
	return error == -ETIMEDOUT ? 0 : error;
}
