/*
 * agreement.c - what is agreed on with the kernel when it is mounted, and libfuse 3.14 has no words
 * for.
 *
 * The structs are the kernel's own, of include/uapi/linux/fuse.h.
 */
#include "agreement.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* Of the protocol's version 7.40, which older headers have not.  Flags from bit 32 on are flags2.
 */
#define INIT_PASSTHROUGH (UINT32_C(1) << (37 - 32))

/* How many file systems may lie on top of each other: ours, and the one that files are passed to.
 */
enum { STACK_DEPTH = 1 };

static struct {
	bool passthrough;
	/* The request by which the kernel offers what it has; 0: not seen.  Set after `offered`. */
	atomic_uint_least64_t init;
	uint32_t offered, offered2;
	bool amended;
	atomic_bool has_passthrough;
} agreement;

void agreement_setup(bool passthrough)
{
	agreement.passthrough = passthrough;
}

void agreement_look(const void *request, size_t size)
{
	const char *buffer = request;
	struct fuse_in_header header;
	struct fuse_init_in init;

	if (agreement.init || size < sizeof(header) + sizeof(init))
		return;
	memcpy(&header, buffer, sizeof(header));
	if (header.opcode != FUSE_INIT)
		return;
	memcpy(&init, buffer + sizeof(header), sizeof(init));
	agreement.offered = init.flags;
	agreement.offered2 = init.flags & FUSE_INIT_EXT ? init.flags2 : 0;
	agreement.init = header.unique;
}

static void ask_for_passthrough(struct fuse_init_out *answer)
{
	const uint32_t depth = STACK_DEPTH;

	/*
	 * Or Linux looks at each write for a capability that is to be taken from the file.  The
	 * file below loses that, and its set-id bits, whenever it is written, cut or given away:
	 * whoever a thread of ours is then, it has no CAP_FSETID (confine.c).
	 */
	answer->flags |= agreement.offered & FUSE_HANDLE_KILLPRIV_V2;
	answer->flags |= FUSE_INIT_EXT;
	answer->flags2 |= INIT_PASSTHROUGH;
	/* max_stack_depth, which follows flags2. */
	memcpy((char *)answer + offsetof(struct fuse_init_out, flags2) + sizeof(answer->flags2),
	       &depth, sizeof(depth));
}

static void amend(struct fuse_init_out *answer)
{
	/*
	 * A name that is looked up for long, because some user keeps what that needs, is to keep
	 * nobody from others in its directory.  libfuse before 3.17 does not pass this on.
	 */
	answer->flags |= agreement.offered & FUSE_PARALLEL_DIROPS;
	if (agreement.passthrough && (agreement.offered2 & INIT_PASSTHROUGH)) {
		ask_for_passthrough(answer);
		agreement.has_passthrough = true;
	}
}

const struct iovec *agreement_wish(const struct iovec *answer, int count)
{
	static struct fuse_out_header header;
	static struct fuse_init_out init;
	static const struct iovec amended[] = {{&header, sizeof(header)}, {&init, sizeof(init)}};

	const struct fuse_out_header *given = answer[0].iov_base;

	if (given->unique != agreement.init || agreement.amended)
		return answer;
	/* An older answer is shorter and has no room for it. */
	if (given->error || count != 2 || answer[1].iov_len != sizeof(init))
		return answer;
	header = *given;
	memcpy(&init, answer[1].iov_base, sizeof(init));
	amend(&init);
	agreement.amended = true;
	return amended;
}

bool agreement_has_passthrough(void)
{
	return agreement.has_passthrough;
}
