/*
 * request_lock.c - requests to lock files.
 *
 * Only an object's memory can be locked: each opener of a channel has an inode of its own, so locks
 * there would exclude nobody.
 */
#include <errno.h>
#include <sys/file.h>

#include "gate.h"
#include "handle.h"
#include "memory.h"
#include "operation.h"
#include "reply.h"
#include "requests.h"
#include "turns.h"

static struct handle *lockable(fuse_req_t req, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);

	if (handle && handle->type == HANDLE_MEMORY)
		return handle;
	fuse_reply_err(req, ENOLCK);
	return NULL;
}

static void answer(struct operation *op, ssize_t result)
{
	/* Once it is answered the client may close the handle, and all locks go with it. */
	locks_done(op->buffer);
	reply_refusal(op->request, "lock", &op->handle->node, NULL, &op->call, (int)result);
}

static const struct operation_hooks hooks = {
	request_parked,
	request_unparked,
	answer,
};

static void run(fuse_req_t req, struct handle *handle, struct lock_wish *wish, bool waits)
{
	struct operation op = {
		.kind = OPERATION_LOCK,
		.hooks = &hooks,
		.handle = handle,
		.buffer = wish,
		.size = sizeof(*wish),
		.waits = waits,
		.within = NO_LIMIT,
		.request = req,
	};
	ssize_t result;

	gate_public(req, &op.call);
	result = operation_start(&op);
	if (result != OPERATION_PARKED)
		answer(&op, result);
}

/* Who asks; the thread is the daemon then. */
static void ask(fuse_req_t req, struct call *call)
{
	gate_daemon(call);
	gate_public(req, call);
}

static int own(struct call *call, struct handle *handle, struct fuse_file_info *fi,
	       const struct flock *record, struct lock_wish *wish)
{
	*wish = (struct lock_wish){.record = *record};
	wish->record.l_pid = 0; /* what descriptions lock is no process's */
	return locks_own(call, memory_locks(handle), fi->lock_owner, handle->number, record->l_pid,
			 wish);
}

void request_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *record,
		   int sleep)
{
	struct handle *handle = lockable(req, fi);
	struct lock_wish wish;
	struct call call;
	int error;

	if (!handle)
		return;
	ask(req, &call);
	error = own(&call, handle, fi, record, &wish);
	if (error)
		reply_refusal(req, "lock", &handle->node, NULL, &call, error);
	else
		run(req, handle, &wish, sleep);
}

void request_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *record)
{
	struct handle *handle = lockable(req, fi);
	struct lock_wish wish;
	struct call call;
	int error;

	if (!handle)
		return;
	turns_hand_over();
	ask(req, &call);
	error = own(&call, handle, fi, record, &wish);
	if (!error) {
		error = locks_test(memory_locks(handle), &wish);
		locks_done(&wish);
	}
	if (error)
		reply_refusal(req, "lock", &handle->node, NULL, &call, error);
	else
		fuse_reply_lock(req, &wish.record);
}

void request_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int operation)
{
	struct handle *handle = lockable(req, fi);
	struct lock_wish wish = {.whole = true, .operation = operation & ~LOCK_NB};
	struct call call;

	if (!handle)
		return;
	ask(req, &call);
	wish.fd = memory_flock_fd(&call, handle);
	if (wish.fd < 0)
		reply_refusal(req, "lock", &handle->node, NULL, &call, wish.fd);
	else
		run(req, handle, &wish, !(operation & LOCK_NB));
}
