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

/* Guards handle->users.  Two threads may use one handle at the same moment. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held: @creds, whose reference it takes, are of the last user; the others follow. */
static void put_first(struct handle *handle, struct creds *creds)
{
	for (size_t i = 0; i < HANDLE_USERS && creds; i++) {
		struct creds *next = handle->users[i];

		handle->users[i] = creds;
		creds = next;
	}
	creds_release(creds);
}

/* The caller's, if it is among the last users of @handle, with a reference; else NULL. */
static struct creds *recall(struct handle *handle, const struct call *call)
{
	struct creds *creds = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < HANDLE_USERS && !creds; i++)
		if (creds_match(handle->users[i], call->uid, call->gid, call->pid))
			creds = creds_hold(handle->users[i]);
	pthread_mutex_unlock(&lock);
	return creds;
}

void gate_public(fuse_req_t req, struct call *call)
{
	const struct fuse_ctx *context = fuse_req_ctx(req);

	/* Not all of the room for a reason is cleared: this is done for each request. */
	call->uid = call->real_uid = context->uid;
	call->gid = call->real_gid = context->gid;
	call->pid = context->pid;
	call->foreign = 0;
	call->may_wait = false;
	call->as_daemon = creds_as_daemon;
	call->tree = &tree_users;
	call->reason[0] = '\0';
}

void gate_counted(fuse_req_t req, struct call *call)
{
	gate_public(req, call);
	call->uid = creds_counted(call->uid, call->pid);
}

void gate_daemon(struct call *call)
{
	memset(call, 0, sizeof(*call));
	creds_become(NULL);
}

/*
 * 0, or -EACCES with the reason: the caller is not where @node is.  What is open was judged when it
 * was opened, and may have been passed on; of System V objects each operation asks.
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

/* A daemon that can become nobody serves nobody else, however it is mounted. */
static int serve_own(struct call *call)
{
	if (creds_can_change() || call->uid == geteuid())
		return 0;
	return refuse(call, EACCES, "this mount serves uid %u alone", (unsigned)geteuid());
}

/* Who asks, as /proc says now. */
static int read_caller(struct call *call, const struct node *node, struct creds **creds)
{
	int error;

	/* Only the daemon itself can see every caller. */
	creds_become(NULL);
	error = creds_of(call->uid, call->gid, call->pid, namespaces_wanted(node), creds);
	switch (error) {
	case -EACCES:
		return refuse(call, EACCES, "process %d cannot be seen in /proc", (int)call->pid);
	case -ESRCH:
		return refuse(call, EACCES, "process %d has become another since it asked",
			      (int)call->pid);
	case -EXDEV:
		call->uid = UID_ELSEWHERE;
		return refuse(call, EACCES,
			      "process %d is in another user namespace than this tree",
			      (int)call->pid);
	default:
		return error;
	}
}

int gate_caller(fuse_req_t req, const struct node *node, struct call *call, struct creds **result)
{
	struct creds *creds;
	int error;

	gate_public(req, call);
	error = serve_own(call);
	if (!error)
		error = read_caller(call, node, &creds);
	if (error)
		return error;
	call->real_uid = creds_real_uid(creds);
	call->real_gid = creds_real_gid(creds);
	call->foreign = creds_foreign(creds);
	error = admit(call, node, false);
	/* From here on the thread holds them, as long as it is the caller. */
	if (!error)
		error = creds_become(creds);
	if (result)
		*result = creds;
	creds_release(creds);
	return error;
}

/* Another than who opened it: that it is where the object is. */
static int admit_user(struct handle *handle, struct call *call)
{
	struct creds *creds = recall(handle, call);
	int error = 0;

	if (!creds) {
		error = read_caller(call, &handle->node, &creds);
		if (error)
			return error;
		pthread_mutex_lock(&lock);
		put_first(handle, creds_hold(creds));
		pthread_mutex_unlock(&lock);
	}
	call->foreign = creds_foreign(creds);
	creds_release(creds);
	return admit(call, &handle->node, true);
}

int gate_user(fuse_req_t req, struct handle *handle, struct call *call)
{
	int error;

	gate_public(req, call);
	error = serve_own(call);
	if (error)
		return error;
	if (creds_match(handle->opener, call->uid, call->gid, call->pid)) {
		call->foreign = creds_foreign(handle->opener);
		error = admit(call, &handle->node, true);
	} else {
		error = admit_user(handle, call);
		call->uid = creds_uid(handle->opener);
		call->gid = creds_gid(handle->opener);
	}
	return error ? error : creds_become(handle->opener);
}
