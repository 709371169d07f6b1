/*
 * passthrough.c - files of other file systems that the kernel reads, writes and maps by itself.
 */
#include "passthrough.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backing.h"

/* Of the protocol's version 7.40, which older headers have not.  Flags from bit 32 on are flags2.
 */
#define INIT_PASSTHROUGH (UINT32_C(1) << (37 - 32))
#define OPEN_PASSTHROUGH (UINT32_C(1) << 7)

/* How many file systems may lie on top of each other: ours, and the one that files are passed to.
 */
enum { STACK_DEPTH = 1 };

static struct {
	int device;
	/* The request by which the kernel offers what it has; 0: not seen.  Set after `offered`. */
	atomic_uint_least64_t init;
	uint32_t offered, offered2;
	atomic_bool agreed;
} passing = {.device = -1};

void passthrough_setup(int device)
{
	passing.device = device;
}

void passthrough_look(const void *request, size_t size)
{
	const char *buffer = request;
	struct fuse_in_header header;
	struct fuse_init_in init;

	if (passing.device < 0 || passing.init || size < sizeof(header) + sizeof(init))
		return;
	memcpy(&header, buffer, sizeof(header));
	if (header.opcode != FUSE_INIT)
		return;
	memcpy(&init, buffer + sizeof(header), sizeof(init));
	passing.offered = init.flags;
	passing.offered2 = init.flags & FUSE_INIT_EXT ? init.flags2 : 0;
	passing.init = header.unique;
}

static void amend(struct fuse_init_out *answer)
{
	const uint32_t depth = STACK_DEPTH;

	/*
	 * Or Linux looks at each write for a capability that is to be taken from the file.  The
	 * file below loses that, and its set-id bits, whenever it is written, cut or given away:
	 * whoever a thread of ours is then, it has no CAP_FSETID (confine.c).
	 */
	answer->flags |= passing.offered & FUSE_HANDLE_KILLPRIV_V2;
	answer->flags |= FUSE_INIT_EXT;
	answer->flags2 |= INIT_PASSTHROUGH;
	/* max_stack_depth, which follows flags2. */
	memcpy((char *)answer + offsetof(struct fuse_init_out, flags2) + sizeof(answer->flags2),
	       &depth, sizeof(depth));
}

const struct iovec *passthrough_wish(const struct iovec *answer, int count)
{
	static struct fuse_out_header header;
	static struct fuse_init_out init;
	static const struct iovec amended[] = {{&header, sizeof(header)}, {&init, sizeof(init)}};

	const struct fuse_out_header *given = answer[0].iov_base;

	if (passing.agreed || given->unique != passing.init ||
	    !(passing.offered2 & INIT_PASSTHROUGH))
		return answer;
	/* An older answer is shorter and has no room for it. */
	if (given->error || count != 2 || answer[1].iov_len != sizeof(init))
		return answer;
	header = *given;
	memcpy(&init, answer[1].iov_base, sizeof(init));
	amend(&init);
	passing.agreed = true;
	return amended;
}

int passthrough_open(int fd)
{
	struct backing_map map = {.fd = fd};
	int id;

	if (!passing.agreed)
		return -EOPNOTSUPP;
	id = ioctl(passing.device, BACKING_OPEN, &map);
	return id < 0 ? -errno : id;
}

void passthrough_close(int id)
{
	uint32_t closed = (uint32_t)id;

	ioctl(passing.device, BACKING_CLOSE, &closed);
}

void passthrough_answer(int id, struct fuse_open_out *out)
{
	const int32_t backing = id;

	out->open_flags |= OPEN_PASSTHROUGH;
	/* backing_id, which older headers call padding. */
	memcpy((char *)out + offsetof(struct fuse_open_out, open_flags) + sizeof(out->open_flags),
	       &backing, sizeof(backing));
}
