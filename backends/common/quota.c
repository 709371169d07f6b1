/*
 * quota.c - how much of the daemon one user may take up.
 */
#include "quota.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hash.h"
#include "names.h"

/*
 * Of each: the option, what one has so many of, and the limit: so many, but of what keeps
 * descriptors no more than a part of those that the daemon may have.  One that is open is up to
 * three descriptors, a socket three too, all others one, and connections, holds and events are open
 * as well: at all limits together a user has less than half.
 */
static struct {
	const char *option, *counts, *unit;
	uint64_t most;
	unsigned part; /* of RLIMIT_NOFILE; 0: none */
} limits[QUOTAS] = {
	[QUOTA_HANDLES] = {"handles_max", "files and directories of the tree open", "handles",
			   65536, 12},
	[QUOTA_WAITING] = {"waiting_max", "operations that wait and lines without an end",
			   "operations", 16384, 0},
	[QUOTA_MEMORY] = {"memory_max", "bytes kept for what is open and what waits", "bytes",
			  256 << 20, 0},
	[QUOTA_CONNECTIONS] = {"connections_max", "connections open or being opened", "connections",
			       16384, 16},
	[QUOTA_CLOSING] = {"closing_max", "connections that wait for their peer's end",
			   "connections", 1024, 32},
	[QUOTA_SOCKETS] = {"sockets_max", "sockets made by mkdir", "sockets", 1024, 32},
	[QUOTA_LOOKUPS] = {"lookups_max", "names being looked up", "names", 32, 32},
	[QUOTA_HOLDS] = {"holds_max", "semaphores held, or being taken, by hold", "semaphores",
			 4096, 16},
	[QUOTA_PIPES] = {"pipes_max", "pipes kept", "pipes", 256, 32},
	[QUOTA_EVENTS] = {"events_max", "files of events open", "files", 64, 32},
	[QUOTA_LOCKS] = {"locks_max", "descriptors that lock memory", "descriptors", 16384, 32},
	[QUOTA_PROCESSES] = {"processes_max", "processes that make queues, or lock", "processes",
			     16, 0},
};

struct user {
	UT_hash_handle hh;
	uid_t uid;
	uint64_t used[QUOTAS];
};

static struct {
	pthread_mutex_t lock;
	struct user *users; /* that have anything */
	uid_t own;          /* the daemon's, which has no limits */
} quota = {.lock = PTHREAD_MUTEX_INITIALIZER};

void quota_setup(void)
{
	struct rlimit files;

	quota.own = geteuid();
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return;
	for (size_t i = 0; i < QUOTAS; i++)
		if (limits[i].part && limits[i].most > files.rlim_cur / limits[i].part)
			limits[i].most = files.rlim_cur / limits[i].part;
}

int quota_set(const char *option, const char *value)
{
	int64_t most;

	for (size_t i = 0; i < QUOTAS; i++) {
		if (strcmp(limits[i].option, option) != 0)
			continue;
		if (size_read(NULL, option, value, 1, INT64_MAX, &most))
			return -EINVAL;
		limits[i].most = (uint64_t)most;
		return 0;
	}
	return -ENOENT;
}

struct quota_share quota_share(enum quota what, uid_t uid)
{
	return (struct quota_share){.what = what, .uid = uid};
}

/* With the lock held: NULL for no memory. */
static struct user *user_get(uid_t uid)
{
	struct user *user;

	HASH_FIND(hh, quota.users, &uid, sizeof(uid), user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	HASH_ADD(hh, quota.users, uid, sizeof(uid), user);
	if (HASH_HAS(hh, user))
		return user;
	free(user);
	return NULL;
}

/* With the lock held. */
static void user_put(struct user *user)
{
	for (size_t i = 0; i < QUOTAS; i++)
		if (user->used[i])
			return;
	HASH_DEL(quota.users, user);
	free(user);
}

static int refuse_more(struct call *call, const struct quota_share *share, uint64_t used,
		       uint64_t amount)
{
	return refuse(call, EDQUOT,
		      "%s is %" PRIu64 " for each user: uid %u has %" PRIu64 " %s, this takes "
		      "%" PRIu64 " more",
		      limits[share->what].option, limits[share->what].most, (unsigned)share->uid,
		      used, limits[share->what].counts, amount);
}

int quota_take(struct call *call, struct quota_share *share, uint64_t amount)
{
	uint64_t most = limits[share->what].most, used = 0;
	struct user *user;
	int error = 0;

	if (!amount)
		return 0;
	pthread_mutex_lock(&quota.lock);
	user = user_get(share->uid);
	if (user) {
		used = user->used[share->what];
		if (share->uid != quota.own && amount > most - used) {
			error = -EDQUOT;
		} else {
			user->used[share->what] += amount;
			share->amount += amount;
		}
		user_put(user);
	} else {
		error = -ENOMEM;
	}
	pthread_mutex_unlock(&quota.lock);
	return error == -EDQUOT ? refuse_more(call, share, used, amount) : error;
}

int quota_resize(struct call *call, struct quota_share *share, uint64_t amount)
{
	if (amount > share->amount)
		return quota_take(call, share, amount - share->amount);
	quota_give(share, share->amount - amount);
	return 0;
}

void quota_give(struct quota_share *share, uint64_t amount)
{
	struct user *user;

	if (!amount)
		return;
	pthread_mutex_lock(&quota.lock);
	HASH_FIND(hh, quota.users, &share->uid, sizeof(share->uid), user);
	/* What was never taken would make room that nobody has. */
	if (!user || amount > share->amount || amount > user->used[share->what])
		abort();
	user->used[share->what] -= amount;
	share->amount -= amount;
	user_put(user);
	pthread_mutex_unlock(&quota.lock);
}

void quota_drop(struct quota_share *share)
{
	quota_give(share, share->amount);
}

struct quota_limit quota_limit(enum quota what)
{
	return (struct quota_limit){limits[what].option, limits[what].counts, limits[what].unit,
				    limits[what].most};
}

static int by_uid(const void *one, const void *other)
{
	const struct quota_use *a = one, *b = other;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

ssize_t quota_uses(struct quota_use **list)
{
	struct user *user, *next;
	size_t count = 0;

	pthread_mutex_lock(&quota.lock);
	*list = calloc(HASH_COUNT(quota.users) + 1, sizeof(**list));
	HASH_ITER(hh, quota.users, user, next) {
		struct quota_use *use = *list ? &(*list)[count++] : NULL;

		if (!use)
			break;
		use->uid = user->uid;
		use->limited = user->uid != quota.own;
		memcpy(use->used, user->used, sizeof(use->used));
	}
	pthread_mutex_unlock(&quota.lock);
	if (!*list)
		return -ENOMEM;
	qsort(*list, count, sizeof(**list), by_uid);
	return (ssize_t)count;
}

void quota_limits(limit_told *tell, void *context)
{
	uint64_t highest[QUOTAS] = {0};
	struct user *user, *next;

	pthread_mutex_lock(&quota.lock);
	HASH_ITER(hh, quota.users, user, next)
		for (size_t i = 0; i < QUOTAS && user->uid != quota.own; i++)
			if (user->used[i] > highest[i])
				highest[i] = user->used[i];
	pthread_mutex_unlock(&quota.lock);
	for (size_t i = 0; i < QUOTAS; i++)
		tell(context, limits[i].option, limits[i].unit, limits[i].most,
		     (int64_t)highest[i]);
}
