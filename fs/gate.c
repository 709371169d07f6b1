/*
 * gate.c - the one way from a request to a kind: who asks, and the thread made to be them.
 */
#include "gate.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tree_users.h"

/* Guards handle->creds and ->users.  Two threads may use one handle at the same moment. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held: @creds, whose reference it takes, are of the last user; the others follow. */
static void put_first(struct handle *handle, struct creds *creds)
{
	struct creds *before = handle->creds;

	handle->creds = creds;
	for (size_t i = 0; i < HANDLE_USERS && before; i++) {
		struct creds *next = handle->users[i];

		handle->users[i] = before;
		/* The place of @creds themselves is free now. */
		before = next == creds ? NULL : next;
	}
	creds_release(before);
}

/* The caller's, if it is among the last users of @handle, with a reference; else NULL. */
static struct creds *recall(struct handle *handle, const struct call *call)
{
	struct creds *creds = NULL;

	pthread_mutex_lock(&lock);
	if (creds_match(handle->creds, call->uid, call->gid, call->pid)) {
		creds = handle->creds;
	} else {
		for (size_t i = 0; i < HANDLE_USERS && !creds; i++)
			if (creds_match(handle->users[i], call->uid, call->gid, call->pid))
				creds = handle->users[i];
		if (creds)
			put_first(handle, creds);
	}
	creds_hold(creds);
	pthread_mutex_unlock(&lock);
	return creds;
}

void gate_public(fuse_req_t req, struct call *call)
{
	const struct fuse_ctx *context = fuse_req_ctx(req);

	/* Not all of the room for a reason is cleared: this is done for each request. */
	call->uid = context->uid;
	call->gid = context->gid;
	call->pid = context->pid;
	call->foreign = 0;
	call->may_wait = false;
	call->as_daemon = creds_as_daemon;
	call->tree = &tree_users;
	call->reason[0] = '\0';
}

void gate_daemon(struct call *call)
{
	memset(call, 0, sizeof(*call));
	creds_become(NULL);
}

/*
 * 0, or -EACCES with the reason: the caller is not where @node is.  What is open was judged when it
 * was opened, and may have been passed on; System V objects are judged at each operation, and
 * directories when they are listed.
 */
static int admit(struct call *call, const struct node *node, bool is_open)
{
	static const char *const elsewhere[] = {
		"is in another IPC namespace", "is in another network namespace",
		"has another /dev/shm",        "has another run directory",
		"is in another PID namespace",
	};
	unsigned foreign = call->foreign & (is_open ? NAMESPACE_IPC : UINT_MAX);

	if (foreign)
		foreign &= node_namespaces(node);
	if (!foreign)
		return 0;
	return refuse(call, EACCES, "process %d %s than this tree", (int)call->pid,
		      elsewhere[__builtin_ctz(foreign)]);
}

/* Where none decides of a node its functions look at call->foreign themselves, at any of them. */
static unsigned namespaces_wanted(const struct node *node)
{
	unsigned namespaces = node_namespaces(node);

	return namespaces & NAMESPACE_NONE ? UINT_MAX : namespaces;
}

int gate_caller(fuse_req_t req, const struct node *node, struct handle *handle, struct call *call,
		struct creds **result)
{
	struct creds *creds = NULL;
	int error = 0;

	gate_public(req, call);
	/* A daemon that can become nobody serves nobody else, however it is mounted. */
	if (!creds_can_change() && call->uid != geteuid())
		return refuse(call, EACCES, "this mount serves uid %u alone", (unsigned)geteuid());
	/* The thread is the caller already, by this very handle. */
	if (handle && creds_are_current(handle->creds, call->uid, call->gid, call->pid)) {
		creds = creds_current();
		call->foreign = creds_foreign(creds);
		if (result)
			*result = creds;
		return admit(call, node, handle->type != HANDLE_DIRECTORY);
	}
	if (handle)
		creds = recall(handle, call);
	if (!creds) {
		/* Only the daemon itself can see every caller. */
		creds_become(NULL);
		error = creds_of(call->uid, call->gid, call->pid, namespaces_wanted(node), &creds);
		if (error == -EACCES)
			return refuse(call, EACCES, "process %d cannot be seen in /proc",
				      (int)call->pid);
		if (error == -ESRCH)
			return refuse(call, EACCES, "process %d has become another since it asked",
				      (int)call->pid);
		if (error == -EXDEV)
			return refuse(call, EACCES,
				      "process %d is in another user namespace than this tree",
				      (int)call->pid);
		if (error)
			return error;
		if (handle) {
			pthread_mutex_lock(&lock);
			put_first(handle, creds_hold(creds));
			pthread_mutex_unlock(&lock);
		}
	}
	call->foreign = creds_foreign(creds);
	error = admit(call, node, handle && handle->type != HANDLE_DIRECTORY);
	/* From here on the thread holds them, as long as it is the caller. */
	if (!error)
		error = creds_become(creds);
	if (result)
		*result = creds;
	creds_release(creds);
	return error;
}
