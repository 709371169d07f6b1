/*
 * request_content.c - requests about the content of files: open, read, write, close, poll.
 *
 * A text is written whole at open and read from there.  A channel's reads and writes are
 * operations, which may park; opening one may be an operation too, and closing one may leave
 * something to send.  An object's memory is in request_memory.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/print.h"
#include "events/events.h"
#include "gate.h"
#include "handle.h"
#include "operation.h"
#include "poller.h"
#include "reply.h"
#include "request_memory.h"
#include "requests.h"
#include "torn.h"
#include "tree.h"
#include "turns.h"

#define CHANNEL_WRITES "this channel only takes what is written: open it for writing"
#define CHANNEL_READS "this channel can only be read: open it for reading"

enum { FIGURE_MAX = 1 << 20 };

/* Gives back an open file that nobody will read or write any more. */
static void close_handle(struct handle *handle)
{
	struct call call;

	if (handle->type == HANDLE_CHANNEL) {
		gate_daemon(&call);
		handle->node.place.row->channel->close(handle->state);
	} else if (handle->type == HANDLE_MEMORY) {
		memory_close(handle);
	}
	handle_free(handle);
}

/* Notes what it is about, for who asks which process has that: not the daemon, but who opened it.
 */
static void note_behind(struct handle *handle)
{
	const struct channel *channel = handle->node.place.row->channel;
	short events = POLLIN;
	int fd = channel->wait_fd ? channel->wait_fd(handle->state, &events) : -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		handle_set_behind(handle, (struct behind){st.st_dev, st.st_ino});
}

/* The kernel's own answer: libfuse has no way to say FOPEN_STREAM. */
static void reply_open(fuse_req_t req, struct handle *handle, int flags)
{
	struct fuse_open_out out = {
		.fh = handle->number,
		.open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES,
	};

	/* One position for two directions would let a blocked read hold up a write. */
	if (handle->type == HANDLE_CHANNEL) {
		out.open_flags |= FOPEN_STREAM | FOPEN_NONSEEKABLE;
		note_behind(handle);
	} else if (handle->type == HANDLE_MEMORY)
		memory_open_flags(handle, flags, &out);
	/* It fails if the mount has gone: no release will come. */
	if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) < 0)
		close_handle(handle);
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

static bool reads(int flags)
{
	return (flags & O_ACCMODE) != O_WRONLY;
}

static int open_text(struct call *call, const struct node *node, int flags, struct creds *creds,
		     struct handle **result)
{
	const struct row *row = node->place.row;
	struct handle *handle;
	int error;

	if (writes(flags) && mount_mode.read_only)
		return -EROFS;
	if (writes(flags) && !row->store)
		return refuse(call, EACCES,
			      "this file can only be read: ls -l shows write permission on those "
			      "that can be set");
	error = handle_new(call, HANDLE_TEXT, node, &handle);
	if (error)
		return error;
	handle->opener = creds_hold(creds);
	if (reads(flags)) {
		FILE *out;

		turns_hand_over();
		out = open_memstream(&handle->content, &handle->size);
		error = out ? row->show(call, &node->place, out) : -ENOMEM;
		if (out && text_close(out, &handle->content) && !error)
			error = -ENOMEM;
		if (!error)
			error = quota_take(call, &handle->kept, handle->size);
	}
	if (error)
		handle_free(handle);
	else
		*result = handle;
	return error;
}

static int open_channel(struct call *call, const struct node *node, int flags, struct creds *creds,
			struct handle **result)
{
	const struct channel *channel = node->place.row->channel;
	struct handle *handle;
	int error;

	if (mount_mode.read_only && !channel->looks)
		return -EROFS;
	if ((flags & O_ACCMODE) == O_RDONLY && !channel->read)
		return refuse(call, EOPNOTSUPP, CHANNEL_WRITES);
	if ((flags & O_ACCMODE) == O_WRONLY && !channel->write)
		return refuse(call, EOPNOTSUPP, CHANNEL_READS);
	error = handle_new(call, HANDLE_CHANNEL, node, &handle);
	if (error)
		return error;
	handle->opener = creds_hold(creds);
	error = channel->open(call, &node->place, flags, &handle->state);
	if (error)
		handle_free(handle);
	else
		*result = handle;
	return error;
}

static const char *operation_name(const struct operation *op)
{
	static const char *const names[] = {"open", "read", "write", "close"};

	return names[op->kind];
}

static void answer(struct operation *op, ssize_t result)
{
	fuse_req_t req = op->request;

	if (result < 0) {
		reply_refusal(req, operation_name(op), &op->handle->node, NULL, &op->call,
			      (int)result);
		if (op->kind == OPERATION_ENTER)
			close_handle(op->handle);
	} else if (op->kind == OPERATION_ENTER) {
		reply_open(req, op->handle, 0);
	} else if (op->kind == OPERATION_READ) {
		fuse_reply_buf(req, op->buffer, (size_t)result);
	} else {
		fuse_reply_write(req, (size_t)result);
	}
}

static const struct operation_hooks request_hooks = {request_parked, request_unparked, answer};

/* Runs an operation for a request, whose answer comes now or later. */
static void run(fuse_req_t req, struct operation *op, int flags)
{
	const struct node *node = &op->handle->node;
	ssize_t result;

	op->hooks = &request_hooks;
	op->request = req;
	op->waits = !(flags & O_NONBLOCK) && node->view != VIEW_TRY;
	op->within = node->within;
	result = operation_start(op);
	if (result != OPERATION_PARKED)
		answer(op, result);
}

/*
 * The kernel asks once more by name when it hears -ESTALE, but the caller is told that if it hears
 * it twice: so only where asking again can help.
 */
static bool another_has_its_name(const struct node *node)
{
	struct node now = *node;
	struct stat st;

	if (!now.place.identity)
		return false;
	now.place.identity = 0;
	return tree_stat(&now, &st) == 0;
}

void request_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct operation op = {.kind = OPERATION_ENTER};
	struct node node;
	int error;

	if (!node_read(ino, &node)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (tree_may_take_long(&node))
		turns_hand_over();
	node_enter(ino);
	error = gate_caller(req, &node, &op.call, &op.creds);
	if (!error) {
		bool shows = node.place.row->show && !writes(fi->flags);

		if (node_is_memory(&node))
			error = memory_open(req, ino, &node, fi->flags, &op.call, &op.handle);
		else if (node_is_channel(&node) && !shows)
			error = open_channel(&op.call, &node, fi->flags, op.creds, &op.handle);
		else
			error = open_text(&op.call, &node, fi->flags, op.creds, &op.handle);
	}
	/* Memory has been looked for by name already. */
	if (error == -ENOENT && !node_is_memory(&node) && another_has_its_name(&node))
		error = -ESTALE;
	if (error) {
		node_leave(ino);
		reply_refusal(req, "open", &node, NULL, &op.call, error);
	} else if (op.handle->type == HANDLE_CHANNEL && node.place.row->channel->enter) {
		run(req, &op, fi->flags);
	} else {
		reply_open(req, op.handle, fi->flags);
	}
}

/* Who has little to do does not wait for it. */
static void hand_over_batch(const struct handle *handle, size_t size)
{
	enum { FEW = 4096 };

	if (handle->node.place.row->channel->batches && size > FEW)
		turns_hand_over();
}

static void read_channel(fuse_req_t req, struct handle *handle, size_t size,
			 struct fuse_file_info *fi)
{
	struct operation op = {
		.kind = OPERATION_READ,
		.handle = handle,
		.creds = handle->opener,
		.size = size,
	};
	int error = gate_user(req, handle, &op.call);

	hand_over_batch(handle, size);
	if (size > REQUEST_READ_MAX)
		op.size = REQUEST_READ_MAX;
	op.buffer = request_scratch();
	if (!error && !op.buffer)
		error = -ENOMEM;
	/* What comes by way of the page cache (splice, readahead, a private mapping) has no owner.
	 */
	if (!error && !fi->lock_owner)
		error = refuse(&op.call, EINVAL, "only read(2) takes from a channel");
	if (!error && !handle->node.place.row->channel->read)
		error = refuse(&op.call, EOPNOTSUPP, CHANNEL_WRITES);
	if (error)
		reply_refusal(req, "read", &handle->node, NULL, &op.call, error);
	else
		run(req, &op, fi->flags);
}

static void reply_content(fuse_req_t req, const struct handle *handle, off_t off, size_t size)
{
	size_t left = (size_t)off < handle->size ? handle->size - (size_t)off : 0;

	request_reply_copy(req, left ? handle->content + off : NULL, size < left ? size : left);
}

void request_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);

	if (!handle)
		fuse_reply_err(req, EBADF);
	else if (handle->type == HANDLE_CHANNEL)
		read_channel(req, handle, size, fi);
	else if (handle->type == HANDLE_MEMORY)
		memory_read(req, handle, size, off, fi);
	else
		reply_content(req, handle, off, size);
}

/* One write is one value. */
static int store(struct call *call, struct handle *handle, const char *buffer, size_t size)
{
	const struct row *row = handle->node.place.row;
	char *text;
	int error;

	if (memchr(buffer, '\0', size) || size > FIGURE_MAX)
		return refuse(call, EINVAL, "a value is one line of text");
	if (size && buffer[size - 1] == '\n')
		size--;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	turns_hand_over();
	memcpy(text, buffer, size);
	text[size] = '\0';
	error = row->store ? row->store(call, &handle->node.place, text)
			   : refuse(call, EACCES, "it can be read only");
	free(text);
	if (!error)
		events_stir(node_kind_directory(handle->node.place.dir));
	return error;
}

static void write_channel(fuse_req_t req, struct handle *handle, const char *buffer, size_t size,
			  off_t off, struct fuse_file_info *fi)
{
	const struct channel *channel = handle->node.place.row->channel;
	struct operation op = {
		.kind = OPERATION_WRITE,
		.handle = handle,
		.creds = handle->opener,
		.buffer = (char *)buffer,
		.size = size,
	};
	int error = gate_user(req, handle, &op.call);

	hand_over_batch(handle, size);
	if (!error && fi->writepage)
		error = refuse(&op.call, EINVAL, "only write(2) sends to a channel");
	if (!error && !channel->write)
		error = refuse(&op.call, EOPNOTSUPP, CHANNEL_READS);
	if (!error && !(channel->serial & SERIAL_WRITE))
		error = torn_check(&op.call, op.creds, size, off, fi->flags);
	if (error)
		reply_refusal(req, "write", &handle->node, NULL, &op.call, error);
	else
		run(req, &op, fi->flags);
}

void request_write(fuse_req_t req, fuse_ino_t ino, const char *buffer, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);
	struct call call;
	int error;

	if (!handle || handle->type == HANDLE_DIRECTORY) {
		fuse_reply_err(req, EBADF);
	} else if (handle->type == HANDLE_CHANNEL) {
		write_channel(req, handle, buffer, size, off, fi);
	} else if (handle->type == HANDLE_MEMORY) {
		memory_write(req, handle, buffer, size, off, fi);
	} else {
		error = gate_user(req, handle, &call);
		if (!error)
			error = store(&call, handle, buffer, size);
		if (error)
			reply_refusal(req, "write", &handle->node, NULL, &call, error);
		else
			fuse_reply_write(req, size);
	}
}

/* Closing: what an unfinished write has left is sent first, however long that takes. */

static void nothing(struct operation *op)
{
}

/* Nobody is left to hear that a line can't be sent, but the log is. */
static void flushed(struct operation *op, ssize_t result)
{
	const struct channel *channel = op->handle->node.place.row->channel;
	char path[PATH_MAX];

	if (result < 0 && result != -EIDRM && !channel->flush_seconds) {
		tree_path(&op->handle->node, path, sizeof(path));
		syslog(LOG_WARNING, "%s: the unfinished last line of uid %u is lost: %s", path,
		       (unsigned)op->call.uid, strerror((int)-result));
	}
	note_refusal(operation_name(op), &op->handle->node, NULL, &op->call, (int)result);
	close_handle(op->handle);
}

static const struct operation_hooks flush_hooks = {nothing, nothing, flushed};

/* Closes a channel; what an unfinished write has left may go on waiting for room by itself. */
static void close_channel(struct handle *handle, bool waits)
{
	const struct channel *channel = handle->node.place.row->channel;
	struct operation op = {
		.kind = OPERATION_FLUSH,
		.hooks = &flush_hooks,
		.handle = handle,
		.call = {.uid = creds_uid(handle->opener), .pid = creds_pid(handle->opener)},
		.creds = handle->opener,
		.waits = waits,
		.within = NO_LIMIT,
	};
	ssize_t result = 0;

	if (channel->flush_seconds)
		op.within = channel->flush_seconds * INT64_C(1000000000);
	if (channel->flush) {
		result = creds_become(handle->opener);
		if (!result)
			result = operation_start(&op);
	}
	if (result != OPERATION_PARKED)
		flushed(&op, result);
}

void request_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);

	node_leave(ino);
	/* All of it, if the object has been removed: that takes as long as there is much. */
	if (handle && handle->type == HANDLE_MEMORY)
		turns_hand_over();
	if (!handle || handle->type != HANDLE_CHANNEL) {
		if (handle)
			close_handle(handle);
		fuse_reply_err(req, 0);
		return;
	}
	poller_remove(handle);
	close_channel(handle, true);
	fuse_reply_err(req, 0);
}

void requests_close_all(void)
{
	struct handle *handle;

	while ((handle = handle_any())) {
		if (handle->type == HANDLE_CHANNEL)
			close_channel(handle, false);
		else
			close_handle(handle);
	}
}

void request_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	/* A write has been carried out when it returns. */
	fuse_reply_err(req, 0);
}

void request_poll_wake(void *sleeper)
{
	fuse_lowlevel_notify_poll(sleeper);
}

void request_poll_drop(void *sleeper)
{
	fuse_pollhandle_destroy(sleeper);
}

void request_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		  struct fuse_pollhandle *sleeper)
{
	struct handle *handle = handle_get(fi->fh);
	unsigned events = POLLIN | POLLOUT;
	struct call call;

	if (handle && handle->type == HANDLE_CHANNEL && handle->node.place.row->channel->ready) {
		gate_daemon(&call);
		if (sleeper)
			poller_add(handle, sleeper, (short)fi->poll_events);
		events = (unsigned)handle->node.place.row->channel->ready(handle->state);
	} else if (sleeper) {
		fuse_pollhandle_destroy(sleeper);
	}
	if (events & POLLIN)
		events |= POLLRDNORM;
	if (events & POLLOUT)
		events |= POLLWRNORM;
	fuse_reply_poll(req, events);
}
