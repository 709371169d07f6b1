/*
 * request_memory.c - requests about an object's memory, where the kernel does not pass them through
 * to the memory itself.
 *
 * Opening is judged as the caller; what comes by an open handle asks nobody's permission.
 */
#include "request_memory.h"

#include <errno.h>
#include <linux/fuse.h>
#include <unistd.h>

#include "gate.h"
#include "memory.h"
#include "passthrough.h"
#include "reply.h"
#include "requests.h"
#include "turns.h"

static const struct memory *memory_of(const struct handle *handle)
{
	return handle->node.place.row->memory;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* Bytes that are copied in a moment. */
enum { BRIEF = 64 << 10 };

enum { OPEN_TRIES = 16 };

/*
 * The object that the kernel has found by its name has it no more.  An inode has one memory: if
 * somebody has the old one open by it, it is that one, as it was a moment ago; else what has the
 * name now.
 */
static int open_replaced(struct call *call, uint64_t ino, struct place *place, int flags,
			 void **state)
{
	const struct memory *memory = place->row->memory;
	int error, file = memory_file(ino);

	if (file >= 0) {
		error = memory->reopen(call, file, flags, state);
		close(file);
		return error;
	}
	place->identity = 0;
	return memory->open(call, place, flags, state);
}

/* Once: -ESTALE if what was opened is not what others have open by this inode. */
static int open_once(struct call *call, uint64_t ino, int flags, struct handle *handle)
{
	const struct memory *memory = memory_of(handle);
	struct place now = handle->node.place;
	int error = memory->open(call, &now, flags, &handle->state);

	if (error == -ENOENT && now.identity)
		error = open_replaced(call, ino, &now, flags, &handle->state);
	if (error)
		return error;
	error = memory_enter(call, handle, ino);
	if (error)
		memory->close(handle->state);
	return error;
}

int memory_open(fuse_req_t req, fuse_ino_t ino, const struct node *node, int flags,
		struct call *call, struct handle **result)
{
	struct handle *handle;
	int error;

	if (writes(flags) && mount_mode.read_only)
		return -EROFS;
	error = handle_new(call, HANDLE_MEMORY, node, &handle);
	if (error)
		return error;
	error = -ESTALE;
	/* Others can open and close the old object, and give the name away, at each of our steps.
	 */
	for (int i = 0; i < OPEN_TRIES && error == -ESTALE; i++)
		error = open_once(call, ino, flags & ~O_TRUNC, handle);
	if (error)
		handle_free(handle);
	else
		*result = handle;
	return error;
}

void memory_open_flags(const struct handle *handle, int flags, struct fuse_open_out *out)
{
	int passed = memory_passthrough(handle);

	/* Closing a descriptor gives back locks, so the kernel has to say so: no NOFLUSH. */
	if (!passed) {
		out->open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
		return;
	}
	out->open_flags = 0;
	passthrough_answer(passed, out);
	/* Mapped by the kernel all the same; reads and writes come here. */
	if (writes(flags) && memory_of(handle)->fixed_size)
		out->open_flags |= FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
}

void memory_close(struct handle *handle)
{
	struct call call;

	gate_daemon(&call);
	memory_leave(handle);
	if (handle->flock_fd >= 0)
		close(handle->flock_fd);
	memory_of(handle)->close(handle->state);
}

void memory_read(fuse_req_t req, struct handle *handle, size_t size, off_t off,
		 struct fuse_file_info *fi)
{
	char *buffer = request_scratch();
	struct call call;
	ssize_t result;

	gate_public(req, &call);
	if (size > REQUEST_READ_MAX)
		size = REQUEST_READ_MAX;
	if (size > BRIEF)
		turns_hand_over();
	/*
	 * What comes by way of the page cache (splice) has no owner, and would stay there.  Where
	 * the kernel maps the memory itself everyone else can do without; where not, a private
	 * mapping is made of it.
	 */
	if (!fi->lock_owner && memory_passthrough(handle))
		result = refuse(&call, EINVAL, "only read(2) and mmap(2) reach this memory");
	else
		result = buffer ? memory_of(handle)->read(handle->state, buffer, size, off)
				: -ENOMEM;
	if (result < 0)
		reply_refusal(req, "read", &handle->node, NULL, &call, (int)result);
	else
		fuse_reply_buf(req, buffer, (size_t)result);
}

void memory_write(fuse_req_t req, struct handle *handle, const char *buffer, size_t size, off_t off,
		  struct fuse_file_info *fi)
{
	struct call call;
	ssize_t result;

	gate_public(req, &call);
	/* Of a file that others can write to as well, the lock may be another's for long. */
	if (size > BRIEF || !memory_of(handle)->fixed_size)
		turns_hand_over();
	result = memory_of(handle)->write(&call, handle->state, buffer, size, off,
					  fi->flags & O_APPEND);
	if (result < 0)
		reply_refusal(req, "write", &handle->node, NULL, &call, (int)result);
	else
		fuse_reply_write(req, (size_t)result);
}

int memory_set_size(fuse_req_t req, const struct node *node, struct fuse_file_info *fi, off_t size,
		    struct call *call)
{
	struct handle *handle = fi ? handle_get(fi->fh) : NULL;
	struct place now = node->place;
	int error;

	if (mount_mode.read_only)
		return -EROFS;
	/* By a descriptor, which the kernel has found open for writing. */
	if (handle && handle->type == HANDLE_MEMORY) {
		gate_public(req, call);
		return memory_of(handle)->resize(call, handle->state, size);
	}
	error = gate_caller(req, node, call, NULL);
	now.identity = 0; /* by name, whatever has it by now */
	return error ? error : now.row->memory->truncate(call, &now, size);
}

/* A text has no holes but the one that every file ends in. */
static off_t text_seek(const struct handle *handle, off_t off, int whence)
{
	if (off < 0 || (size_t)off >= handle->size)
		return -ENXIO;
	return whence == SEEK_DATA ? off : (off_t)handle->size;
}

/* SEEK_DATA and SEEK_HOLE; channels can't be sought in. */
void request_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);
	off_t result;

	if (!handle)
		result = -EBADF;
	else if (handle->type == HANDLE_MEMORY)
		result = memory_of(handle)->seek(handle->state, off, whence);
	else
		result = text_seek(handle, off, whence);
	if (result < 0)
		fuse_reply_err(req, (int)-result);
	else
		fuse_reply_lseek(req, result);
}

void request_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		       struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);
	struct call call;
	int error;

	if (!handle || handle->type != HANDLE_MEMORY) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	gate_public(req, &call);
	error = memory_of(handle)->allocate(&call, handle->state, mode, offset, length);
	reply_refusal(req, "fallocate", &handle->node, NULL, &call, error);
}

void request_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);

	if (handle && handle->type == HANDLE_MEMORY)
		locks_drop(memory_locks(handle), fi->lock_owner);
	fuse_reply_err(req, 0);
}
