/*
 * put_off.c - requests that wait, as they were read, until others of their user have come to an
 * end.
 */
#include "put_off.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/hash.h"
#include "common/quota.h"
#include "device.h"
#include "node.h"
#include "reply.h"

enum { NAMELESS = -1 };

/* Those that may wait, by the words of /errors; @name: how far behind the header it is. */
static const struct sort {
	uint32_t opcode;
	int name;
	const char *word;
} sorts[] = {
	{FUSE_LOOKUP, 0, "lookup"},
	{FUSE_GETATTR, NAMELESS, "stat"},
	{FUSE_SETATTR, NAMELESS, "change"},
	{FUSE_ACCESS, NAMELESS, "access"},
	{FUSE_MKNOD, sizeof(struct fuse_mknod_in), "mknod"},
	{FUSE_MKDIR, sizeof(struct fuse_mkdir_in), "mkdir"},
	{FUSE_UNLINK, 0, "unlink"},
	{FUSE_RMDIR, 0, "rmdir"},
	{FUSE_RENAME, sizeof(struct fuse_rename_in), "rename"},
	{FUSE_RENAME2, sizeof(struct fuse_rename2_in), "rename"},
	{FUSE_OPENDIR, NAMELESS, "open"},
	{FUSE_READDIR, NAMELESS, "read"},
	{FUSE_OPEN, NAMELESS, "open"},
	{FUSE_READ, NAMELESS, "read"},
	{FUSE_WRITE, NAMELESS, "write"},
	{FUSE_FALLOCATE, NAMELESS, "fallocate"},
};

struct waiting {
	UT_hash_handle hh;
	struct user *user;
	struct waiting *prev, *next; /* of the same user */
	uint64_t number;             /* the kernel's */
	struct quota_share operation, memory;
	size_t size;
	char request[];
};

struct user {
	UT_hash_handle hh;
	uid_t uid;
	struct waiting *oldest;
};

static struct {
	pthread_mutex_t lock;
	/* Guarded by the lock. */
	struct user *users; /* that have any */
	struct waiting *all;
	bool ended;
	atomic_int count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct sort *sort_of(uint32_t opcode)
{
	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++)
		if (sorts[i].opcode == opcode)
			return &sorts[i];
	return NULL;
}

/* Has the share of its user, but no place yet. */
static int copy(struct call *call, const struct fuse_in_header *header, uid_t uid,
		struct waiting **result)
{
	struct waiting *waiting = malloc(sizeof(*waiting) + header->len);
	int error;

	if (!waiting)
		return -ENOMEM;
	waiting->number = header->unique;
	waiting->size = header->len;
	waiting->operation = quota_share(QUOTA_WAITING, uid);
	waiting->memory = quota_share(QUOTA_MEMORY, uid);
	memcpy(waiting->request, header, header->len);
	error = quota_take(call, &waiting->operation, 1);
	if (!error)
		error = quota_take(call, &waiting->memory, sizeof(*waiting) + waiting->size);
	if (error) {
		quota_give(&waiting->operation, waiting->operation.amount);
		free(waiting);
		return error;
	}
	*result = waiting;
	return 0;
}

static void drop(struct waiting *waiting)
{
	quota_give(&waiting->operation, waiting->operation.amount);
	quota_give(&waiting->memory, waiting->memory.amount);
	free(waiting);
}

/* With the lock held: NULL for no memory. */
static struct user *user_get(uid_t uid)
{
	struct user *user;

	HASH_FIND(hh, kept.users, &uid, sizeof(uid), user);
	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	HASH_ADD(hh, kept.users, uid, sizeof(uid), user);
	if (HASH_HAS(hh, user))
		return user;
	free(user);
	return NULL;
}

static void user_drop_idle(struct user *user)
{
	if (user->oldest)
		return;
	HASH_DELETE(hh, kept.users, user);
	free(user);
}

/* With the lock held. */
static int put(struct waiting *waiting)
{
	struct user *user;

	if (kept.ended)
		return -ECANCELED;
	user = user_get(waiting->operation.uid);
	if (!user)
		return -ENOMEM;
	HASH_ADD(hh, kept.all, number, sizeof(waiting->number), waiting);
	if (!HASH_HAS(hh, waiting)) {
		user_drop_idle(user);
		return -ENOMEM;
	}
	waiting->user = user;
	DL_APPEND(user->oldest, waiting);
	kept.count++;
	return 0;
}

/* With the lock held. */
static void take_out(struct waiting *waiting)
{
	struct user *user = waiting->user;

	HASH_DELETE(hh, kept.all, waiting);
	DL_DELETE(user->oldest, waiting);
	kept.count--;
	user_drop_idle(user);
}

static void refuse_request(const struct fuse_in_header *header, const struct sort *sort,
			   struct call *call, int error)
{
	const char *name = (const char *)(header + 1) + sort->name;
	struct node node;

	if (node_read(header->nodeid, &node))
		note_refusal(sort->word, &node, sort->name == NAMELESS ? NULL : name, call, error);
	device_refuse(header->unique, error);
}

bool put_off(const struct fuse_in_header *header, uid_t uid)
{
	const struct sort *sort = sort_of(header->opcode);
	struct call call = {.uid = uid, .gid = header->gid, .pid = (pid_t)header->pid};
	struct waiting *waiting;
	int error;

	if (!sort)
		return false;
	error = copy(&call, header, uid, &waiting);
	if (!error) {
		pthread_mutex_lock(&kept.lock);
		error = put(waiting);
		pthread_mutex_unlock(&kept.lock);
		if (error)
			drop(waiting);
	}
	if (error == -ECANCELED)
		return false;
	if (error)
		refuse_request(header, sort, &call, error);
	return true;
}

bool put_off_next(uid_t uid, struct fuse_buf *buffer)
{
	struct waiting *waiting = NULL;
	struct user *user;

	/* That it is not there yet is seen by whoever puts it there, who looks again. */
	if (!kept.count)
		return false;
	pthread_mutex_lock(&kept.lock);
	HASH_FIND(hh, kept.users, &uid, sizeof(uid), user);
	if (user) {
		waiting = user->oldest;
		take_out(waiting);
	}
	pthread_mutex_unlock(&kept.lock);
	if (!waiting)
		return false;
	memcpy(buffer->mem, waiting->request, waiting->size);
	buffer->size = waiting->size;
	drop(waiting);
	return true;
}

bool put_off_interrupt(const struct fuse_in_header *header)
{
	const struct fuse_interrupt_in *of = (const struct fuse_interrupt_in *)(header + 1);
	struct waiting *waiting;

	if (!kept.count)
		return false;
	pthread_mutex_lock(&kept.lock);
	HASH_FIND(hh, kept.all, &of->unique, sizeof(of->unique), waiting);
	if (waiting)
		take_out(waiting);
	pthread_mutex_unlock(&kept.lock);
	if (!waiting)
		return false;
	device_refuse(waiting->number, -EINTR);
	drop(waiting);
	return true;
}

void put_off_end(void)
{
	struct waiting *waiting;

	do {
		pthread_mutex_lock(&kept.lock);
		kept.ended = true;
		waiting = kept.all;
		if (waiting)
			take_out(waiting);
		pthread_mutex_unlock(&kept.lock);
		if (waiting) {
			device_refuse(waiting->number, -EINTR);
			drop(waiting);
		}
	} while (waiting);
}
