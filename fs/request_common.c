/*
 * request_common.c - what requests have in common: how the tree was mounted, room for replies,
 * being interrupted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "operation.h"
#include "requests.h"

struct mount_mode mount_mode;

static _Thread_local char *scratch;

char *request_scratch(void)
{
	if (!scratch)
		scratch = aligned_alloc((size_t)sysconf(_SC_PAGESIZE), REQUEST_READ_MAX);
	return scratch;
}

void request_reply_copy(fuse_req_t req, const char *data, size_t size)
{
	char *copy = request_scratch();

	if (!copy) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (size > REQUEST_READ_MAX)
		size = REQUEST_READ_MAX;
	if (size)
		memcpy(copy, data, size);
	fuse_reply_buf(req, copy, size);
}

void requests_leave(void)
{
	free(scratch);
	scratch = NULL;
	creds_become(NULL);
}

static void interrupted(fuse_req_t req, void *op)
{
	operation_interrupt(op);
}

void request_parked(struct operation *op)
{
	fuse_req_interrupt_func(op->request, interrupted, op);
}

void request_unparked(struct operation *op)
{
	fuse_req_interrupt_func(op->request, NULL, NULL);
}
