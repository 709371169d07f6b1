/*
 * locks.c - flock(2) and the record locks of fcntl(2) on an object's memory.
 */
#include "locks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utlist.h>
#include "common/clock.h"
#include "common/descriptors.h"
#include "common/hash.h"
#include "common/quota.h"

/* How many owners are asked whether a lock is theirs, and how many nanoseconds after the first one
 * no other is. */
enum { ASKS = 8, ASKING = 1000000 };

struct lock_owner {
	UT_hash_handle hh;
	struct lock_owner *next; /* of those that have been taken out of the table */
	struct locks *locks;
	atomic_uint references;  /* of the table, and of who asks whether a lock is its */
	uint64_t number, handle; /* that was used last */
	pid_t pid;
	int fd;
	struct quota_share share;
	unsigned wishes, drops; /* under way; either keeps it in the table */
	unsigned begun;         /* wishes */
	/* What it has locked is in between; first > last: nothing. */
	off_t first, last;
};

/*
 * A call about locks takes as long as the file has many, of whomever, and those who call wait for
 * each other.  So none is made with the lock held, which anybody takes who closes the memory: what
 * is called on is kept by a count meanwhile.
 */
struct locks {
	pthread_mutex_t lock; /* taken with no other held; that of the quotas is taken with it */
	int file;             /* -1: none */
	int unnamed;          /* in its stead; -1: not needed yet */
	struct lock_owner *owners;
};

struct locks *locks_new(int file)
{
	struct locks *locks = malloc(sizeof(*locks));

	if (!locks)
		return NULL;
	*locks = (struct locks){.file = file, .unnamed = -1};
	pthread_mutex_init(&locks->lock, NULL);
	return locks;
}

static void owner_put(struct lock_owner *owner)
{
	if (atomic_fetch_sub(&owner->references, 1) > 1)
		return;
	close(owner->fd);
	quota_drop(&owner->share);
	free(owner);
}

/* With the lock held: for owners_end. */
static void owner_take_out(struct lock_owner *owner, struct lock_owner **out)
{
	HASH_DEL(owner->locks->owners, owner);
	LL_PREPEND(*out, owner);
}

static void unlock_all(const struct lock_owner *owner)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(owner->fd, F_OFD_SETLK, &all);
}

/* Without the lock: all that they have locked is free. */
static void owners_end(struct lock_owner *out)
{
	while (out) {
		struct lock_owner *owner = out;

		out = owner->next;
		/* Else closing it does that. */
		if (owner->references > 1)
			unlock_all(owner);
		owner_put(owner);
	}
}

void locks_free(struct locks *locks)
{
	struct lock_owner *owner, *next, *out = NULL;

	if (!locks)
		return;
	HASH_ITER(hh, locks->owners, owner, next)
		owner_take_out(owner, &out);
	owners_end(out);
	if (locks->unnamed >= 0)
		close(locks->unnamed);
	pthread_mutex_destroy(&locks->lock);
	free(locks);
}

/* With the lock held. */
static int description_new(struct locks *locks)
{
	int file = locks->file >= 0 ? locks->file : locks->unnamed;
	char path[32];
	int fd;

	if (file < 0) {
		file = locks->unnamed = memfd_create("ipcfs locks", MFD_CLOEXEC);
		if (file < 0)
			return -errno;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : descriptor_keep(fd);
}

int locks_open(struct call *call, struct locks *locks, struct quota_share *share, int *fd)
{
	int result;

	pthread_mutex_lock(&locks->lock);
	result = *fd;
	if (result < 0) {
		result = quota_take(call, share, 1);
		if (!result)
			result = description_new(locks);
		if (result >= 0)
			*fd = result;
		else
			quota_drop(share);
	}
	pthread_mutex_unlock(&locks->lock);
	return result;
}

/* With the lock held. */
static int owner_new(struct call *call, struct locks *locks, uint64_t number, pid_t pid,
		     struct lock_owner **result)
{
	struct lock_owner *owner = calloc(1, sizeof(*owner));
	int error;

	if (!owner)
		return -ENOMEM;
	owner->locks = locks;
	owner->references = 1;
	owner->number = number;
	owner->pid = pid;
	owner->last = -1;
	owner->share = quota_share(QUOTA_LOCKS, call->uid);
	error = quota_take(call, &owner->share, 1);
	if (!error)
		owner->fd = description_new(locks);
	if (!error && owner->fd < 0)
		error = owner->fd;
	if (error) {
		quota_drop(&owner->share);
		free(owner);
		return error;
	}
	HASH_ADD(hh, locks->owners, number, sizeof(number), owner);
	if (!HASH_HAS(hh, owner)) {
		owner_put(owner);
		return -ENOMEM;
	}
	*result = owner;
	return 0;
}

int locks_own(struct call *call, struct locks *locks, uint64_t number, uint64_t handle, pid_t pid,
	      struct lock_wish *wish)
{
	struct lock_owner *owner;
	int error = 0;

	pthread_mutex_lock(&locks->lock);
	HASH_FIND(hh, locks->owners, &number, sizeof(number), owner);
	if (!owner)
		error = owner_new(call, locks, number, pid, &owner);
	if (!error) {
		owner->wishes++;
		owner->begun++;
		owner->handle = handle;
		wish->owner = owner;
		wish->fd = owner->fd;
	}
	pthread_mutex_unlock(&locks->lock);
	return error;
}

void locks_done(struct lock_wish *wish)
{
	struct locks *locks;

	if (!wish->owner)
		return;
	locks = wish->owner->locks;
	pthread_mutex_lock(&locks->lock);
	wish->owner->wishes--;
	pthread_mutex_unlock(&locks->lock);
}

static off_t last_of(const struct flock *record)
{
	return record->l_len ? record->l_start + record->l_len - 1 : INT64_MAX;
}

/* What it has locked is noted before anybody is told, and forgotten only where nothing else of it
 * is under way. */
static void note(struct lock_owner *owner, const struct flock *record)
{
	off_t first = record->l_start, last = last_of(record);

	pthread_mutex_lock(&owner->locks->lock);
	if (record->l_type != F_UNLCK) {
		bool nothing = owner->first > owner->last;

		if (nothing || first < owner->first)
			owner->first = first;
		if (nothing || last > owner->last)
			owner->last = last;
	} else if (first <= owner->first && last >= owner->last && owner->wishes == 1) {
		owner->first = 0;
		owner->last = -1;
	}
	pthread_mutex_unlock(&owner->locks->lock);
}

int locks_attempt(const struct lock_wish *wish, bool may_wait)
{
	struct flock record = wish->record;
	int result = wish->whole ? flock(wish->fd, wish->operation | (may_wait ? 0 : LOCK_NB))
				 : fcntl(wish->fd, may_wait ? F_OFD_SETLKW : F_OFD_SETLK, &record);

	if (result < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	if (!wish->whole)
		note(wish->owner, &wish->record);
	return 0;
}

/* An owner's own lock is the one that is not in that owner's way. */
static bool is_of(const struct lock_owner *owner, const struct flock *found)
{
	struct flock again = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = found->l_start,
		.l_len = found->l_len,
	};

	return fcntl(owner->fd, F_OFD_GETLK, &again) == 0 &&
	       (again.l_type == F_UNLCK || again.l_start != found->l_start ||
		again.l_len != found->l_len);
}

/* With the lock held: those whose it can be, with a reference of each. */
static size_t candidates(struct locks *locks, const struct flock *found,
			 struct lock_owner *list[ASKS])
{
	struct lock_owner *owner, *next;
	size_t count = 0;

	HASH_ITER(hh, locks->owners, owner, next) {
		if (owner->first > found->l_start || owner->last < last_of(found))
			continue;
		owner->references++;
		list[count++] = owner;
		if (count == ASKS)
			break;
	}
	return count;
}

/* Whose lock @found is. */
static pid_t pid_of(struct locks *locks, const struct flock *found)
{
	/* -1: it was taken by way of another description. */
	pid_t pid = found->l_pid;
	struct lock_owner *list[ASKS];
	bool over = false;
	size_t count;
	int64_t until;

	pthread_mutex_lock(&locks->lock);
	count = candidates(locks, found, list);
	pthread_mutex_unlock(&locks->lock);
	until = clock_now() + ASKING;
	for (size_t i = 0; i < count; i++) {
		if (!over && is_of(list[i], found)) {
			over = true;
			pid = list[i]->pid;
		}
		over = over || clock_now() >= until;
		owner_put(list[i]);
	}
	return pid;
}

int locks_test(struct locks *locks, struct lock_wish *wish)
{
	if (fcntl(wish->fd, F_OFD_GETLK, &wish->record) < 0)
		return -errno;
	if (wish->record.l_type != F_UNLCK && wish->record.l_pid < 0)
		wish->record.l_pid = pid_of(locks, &wish->record);
	return 0;
}

/*
 * It is found by its number until all is unlocked, or the process would find its own locks in its
 * way; and it stays if one of its wishes may have locked something since.
 */
void locks_drop(struct locks *locks, uint64_t number)
{
	struct lock_owner *owner, *out = NULL;
	unsigned begun = 0;
	bool busy = false;

	pthread_mutex_lock(&locks->lock);
	HASH_FIND(hh, locks->owners, &number, sizeof(number), owner);
	if (owner) {
		owner->drops++;
		busy = owner->wishes;
		begun = owner->begun;
	}
	pthread_mutex_unlock(&locks->lock);
	if (!owner)
		return;
	unlock_all(owner);
	pthread_mutex_lock(&locks->lock);
	owner->drops--;
	if (!owner->drops && !busy && owner->begun == begun)
		owner_take_out(owner, &out);
	pthread_mutex_unlock(&locks->lock);
	owners_end(out);
}

void locks_leave(struct locks *locks, uint64_t handle)
{
	struct lock_owner *owner, *next, *out = NULL;

	pthread_mutex_lock(&locks->lock);
	HASH_ITER(hh, locks->owners, owner, next)
		if (owner->handle == handle && !owner->wishes && !owner->drops)
			owner_take_out(owner, &out);
	pthread_mutex_unlock(&locks->lock);
	owners_end(out);
}
