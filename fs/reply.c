/*
 * reply.c - answers to requests, and the note of each refusal.
 */
#include "reply.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "errors.h"
#include "reason.h"
#include "tree.h"

void note_refusal(const char *operation, const struct node *node, const char *name,
		  struct call *call, int error)
{
	char path[PATH_MAX];
	size_t length;

	if (!error)
		return;
	/* That it would have to wait, that it no longer wants to, or that a name is free: no
	 * refusals. */
	if (error == -EAGAIN || error == -EINTR || error == -ETIMEDOUT || error == -ENOENT ||
	    error == -ESTALE)
		return;
	tree_path(node, path, sizeof(path));
	length = strlen(path);
	if (name)
		snprintf(path + length, sizeof(path) - length, "%s%s", length ? "/" : "", name);
	reason_complete(call, &node->place, -error);
	errors_record(call->uid, call->pid, operation, path, -error, call->reason);
}

void reply_refusal(fuse_req_t req, const char *operation, const struct node *node, const char *name,
		   struct call *call, int error)
{
	note_refusal(operation, node, name, call, error);
	fuse_reply_err(req, -error);
}
