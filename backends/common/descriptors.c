/*
 * descriptors.c - what the daemon lacks: descriptors, memory.
 */
#include "descriptors.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPARE = 64, SPARE_PART = 8 };

/* The kernel gives the lowest number that is free, so a high one says that all below are taken. */
bool descriptor_is_last(int fd)
{
	struct rlimit limit;
	rlim_t spare = SPARE;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return false;
	if (spare > limit.rlim_cur / SPARE_PART)
		spare = limit.rlim_cur / SPARE_PART;
	return (rlim_t)fd >= limit.rlim_cur - spare;
}

int descriptor_keep(int fd)
{
	if (fd < 0 || !descriptor_is_last(fd))
		return fd;
	close(fd);
	return -EMFILE;
}

bool is_shortage(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}
