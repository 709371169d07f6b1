/*
 * pipe_key.c - what tells one pipe from another: the device and the number of its inode.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"

static dev_t device; /* of the kernel's own file system of pipes */

struct pipe_key pipe_key_of(const struct stat *st)
{
	struct pipe_key key;

	/* Keys are compared as bytes. */
	memset(&key, 0, sizeof(key));
	key.dev = st->st_dev;
	key.ino = st->st_ino;
	return key;
}

bool pipe_key_equal(const struct pipe_key *a, const struct pipe_key *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

int pipe_anon_setup(void)
{
	struct stat st;
	int ends[2], error = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (fstat(ends[0], &st) < 0)
		error = -errno;
	device = st.st_dev;
	close(ends[0]);
	close(ends[1]);
	return error;
}

dev_t pipe_anon_device(void)
{
	return device;
}
