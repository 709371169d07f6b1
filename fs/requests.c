/*
 * requests.c - the table of requests, and what the session agrees on with the kernel.
 */
#include "requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "operation.h"

struct mount_mode mount_mode;

static _Thread_local char *scratch;

char *request_scratch(void)
{
	if (!scratch)
		scratch = malloc(REQUEST_READ_MAX);
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

static void agree(void *userdata, struct fuse_conn_info *conn)
{
	/*
	 * ATOMIC_O_TRUNC would make a channel's size 0 in the kernel's eyes, and its writes
	 * exclusive. ASYNC_DIO would send reads of aio_read that can't be interrupted.  The others
	 * gain nothing: content is small, attributes are asked for one by one.
	 */
	conn->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_DIO |
				  FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				  FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_WRITEBACK_CACHE);
	/* data -> wait/data never changes. */
	conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
}

const struct fuse_lowlevel_ops requests = {
	.init = agree,
	.lookup = request_lookup,
	.forget = request_forget,
	.forget_multi = request_forget_multi,
	.getattr = request_getattr,
	.setattr = request_setattr,
	.access = request_access,
	.readlink = request_readlink,
	.mkdir = request_mkdir,
	.mknod = request_mknod,
	.unlink = request_unlink,
	.rmdir = request_rmdir,
	.symlink = request_symlink,
	.link = request_link,
	.rename = request_rename,
	.statfs = request_statfs,
	.opendir = request_opendir,
	.readdir = request_readdir,
	.releasedir = request_releasedir,
	.open = request_open,
	.read = request_read,
	.write = request_write,
	.release = request_release,
	.fsync = request_fsync,
	.poll = request_poll,
	.lseek = request_lseek,
	.fallocate = request_fallocate,
	.flush = request_flush,
	.getlk = request_getlk,
	.setlk = request_setlk,
	.flock = request_flock,
};
