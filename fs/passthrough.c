/*
 * passthrough.c - files of other file systems that the kernel reads, writes and maps by itself.
 */
#include "passthrough.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agreement.h"
#include "backing.h"

/* Of the protocol's version 7.40, which older headers have not. */
#define OPEN_PASSTHROUGH (UINT32_C(1) << 7)

static int kernel = -1;

void passthrough_setup(int device)
{
	kernel = device;
}

int passthrough_open(int fd)
{
	struct backing_map map = {.fd = fd};
	int id;

	if (!agreement_has_passthrough())
		return -EOPNOTSUPP;
	id = ioctl(kernel, BACKING_OPEN, &map);
	return id < 0 ? -errno : id;
}

void passthrough_close(int id)
{
	uint32_t closed = (uint32_t)id;

	ioctl(kernel, BACKING_CLOSE, &closed);
}

void passthrough_answer(int id, struct fuse_open_out *out)
{
	const int32_t backing = id;

	out->open_flags |= OPEN_PASSTHROUGH;
	/* backing_id, which older headers call padding. */
	memcpy((char *)out + offsetof(struct fuse_open_out, open_flags) + sizeof(out->open_flags),
	       &backing, sizeof(backing));
}
