/*
 * reply.c - answers to requests, and the note of each refusal.
 */
#include "reply.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "errors.h"
#include "tree.h"

/* Whose it is and who asked, where the kernel only said no; "" for all else. */
static const char *reason_of(const struct node *node, const struct call *call, int error,
			     char reason[sizeof(call->reason)])
{
	struct stat st = {0};

	*reason = '\0';
	if ((error == -EACCES || error == -EPERM) && node->place.dir->stat &&
	    node->place.dir->stat(&node->place, &st) == 0)
		snprintf(reason, sizeof(call->reason),
			 "it belongs to uid %u, gid %u, with mode %03o; asked by uid %u, gid %u",
			 (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)st.st_mode & 0777,
			 (unsigned)call->uid, (unsigned)call->gid);
	return reason;
}

void note_refusal(const char *operation, const struct node *node, const char *name,
		  const struct call *call, int error)
{
	char path[PATH_MAX], reason[sizeof(call->reason)];
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
	errors_record(call->uid, call->pid, operation, path, -error,
		      *call->reason ? call->reason : reason_of(node, call, error, reason));
}

void reply_refusal(fuse_req_t req, const char *operation, const struct node *node, const char *name,
		   const struct call *call, int error)
{
	note_refusal(operation, node, name, call, error);
	fuse_reply_err(req, -error);
}
