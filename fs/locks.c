/*
 * locks.c - flock(2) and the record locks of fcntl(2) on an object's memory.
 */
#include "locks.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common/descriptors.h"
#include "common/hash.h"
#include "common/quota.h"

struct lock_owner {
	UT_hash_handle hh;
	uint64_t number, handle; /* that was used last */
	pid_t pid;
	int fd;
	struct quota_share share;
	unsigned users; /* wishes under way */
};

struct locks {
	int file;    /* -1: none */
	int unnamed; /* in its stead; -1: not needed yet */
	struct lock_owner *owners;
};

/* Guards all owners, and ->unnamed.  Never held across a wait. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct locks *locks_new(int file)
{
	struct locks *locks = malloc(sizeof(*locks));

	if (locks)
		*locks = (struct locks){.file = file, .unnamed = -1};
	return locks;
}

static void owner_free(struct locks *locks, struct lock_owner *owner)
{
	HASH_DEL(locks->owners, owner);
	close(owner->fd);
	quota_drop(&owner->share);
	free(owner);
}

void locks_free(struct locks *locks)
{
	struct lock_owner *owner, *next;

	if (!locks)
		return;
	HASH_ITER(hh, locks->owners, owner, next)
		owner_free(locks, owner);
	if (locks->unnamed >= 0)
		close(locks->unnamed);
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

int locks_open(struct locks *locks)
{
	int fd;

	pthread_mutex_lock(&lock);
	fd = description_new(locks);
	pthread_mutex_unlock(&lock);
	return fd;
}

/* With the lock held. */
static int owner_new(struct call *call, struct locks *locks, uint64_t number, pid_t pid,
		     struct lock_owner **result)
{
	struct lock_owner *owner = calloc(1, sizeof(*owner));
	int error;

	if (!owner)
		return -ENOMEM;
	owner->number = number;
	owner->pid = pid;
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
		quota_drop(&owner->share);
		close(owner->fd);
		free(owner);
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

	pthread_mutex_lock(&lock);
	HASH_FIND(hh, locks->owners, &number, sizeof(number), owner);
	if (!owner)
		error = owner_new(call, locks, number, pid, &owner);
	if (!error) {
		owner->users++;
		owner->handle = handle;
		wish->owner = owner;
		wish->fd = owner->fd;
	}
	pthread_mutex_unlock(&lock);
	return error;
}

void locks_done(struct lock_wish *wish)
{
	if (!wish->owner)
		return;
	pthread_mutex_lock(&lock);
	wish->owner->users--;
	pthread_mutex_unlock(&lock);
}

int locks_attempt(const struct lock_wish *wish, bool may_wait)
{
	struct flock record = wish->record;
	int result = wish->whole ? flock(wish->fd, wish->operation | (may_wait ? 0 : LOCK_NB))
				 : fcntl(wish->fd, may_wait ? F_OFD_SETLKW : F_OFD_SETLK, &record);

	if (result == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* Whose lock @found is.  An owner's own lock is the one that is not in that owner's way. */
static pid_t pid_of(struct locks *locks, const struct flock *found)
{
	struct lock_owner *owner, *next;

	HASH_ITER(hh, locks->owners, owner, next) {
		struct flock again = {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = found->l_start,
			.l_len = found->l_len,
		};

		if (fcntl(owner->fd, F_OFD_GETLK, &again) == 0 &&
		    (again.l_type == F_UNLCK || again.l_start != found->l_start ||
		     again.l_len != found->l_len))
			return owner->pid;
	}
	return found->l_pid; /* -1: it was taken by way of another description */
}

int locks_test(struct locks *locks, struct lock_wish *wish)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	if (fcntl(wish->fd, F_OFD_GETLK, &wish->record) < 0)
		error = -errno;
	else if (wish->record.l_type != F_UNLCK && wish->record.l_pid < 0)
		wish->record.l_pid = pid_of(locks, &wish->record);
	pthread_mutex_unlock(&lock);
	return error;
}

void locks_drop(struct locks *locks, uint64_t number)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	struct lock_owner *owner;

	pthread_mutex_lock(&lock);
	HASH_FIND(hh, locks->owners, &number, sizeof(number), owner);
	if (owner && owner->users)
		fcntl(owner->fd, F_OFD_SETLK, &all);
	else if (owner)
		owner_free(locks, owner);
	pthread_mutex_unlock(&lock);
}

void locks_leave(struct locks *locks, uint64_t handle)
{
	struct lock_owner *owner, *next;

	pthread_mutex_lock(&lock);
	HASH_ITER(hh, locks->owners, owner, next)
		if (owner->handle == handle && !owner->users)
			owner_free(locks, owner);
	pthread_mutex_unlock(&lock);
}
