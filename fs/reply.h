/*
 * reply.h - answers to requests, and the note of each refusal.
 */
#ifndef IPCFS_REPLY_H
#define IPCFS_REPLY_H

#include "fuse.h"
#include "node.h"

/*
 * Answers with a negative errno (or 0) and notes it in /errors, unless it only says "not now".
 * @node is what was asked about, or the directory of @name (may be NULL).
 */
void reply_refusal(fuse_req_t req, const char *operation, const struct node *node, const char *name,
		   struct call *call, int error);
/* The same, noted only. */
void note_refusal(const char *operation, const struct node *node, const char *name,
		  struct call *call, int error);

#endif
