/*
 * torn.c - writes that the kernel has cut in two before the daemon sees them.
 *
 * A request carries at most 256 pages of the writer's memory.  A longer write, or a writev(2) of
 * more pieces, arrives as several requests, and nothing in the first says that more will follow.
 * Three signs tell:
 *
 * - a size that can fill 256 pages, which one buffer reaches at 255 pages and a byte;
 * - an offset: the first request of a write to a stream has none, those that follow have;
 * - the system call that the writer is in, if it is a writev(2) with more than 256 pieces.
 */
#include "torn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGES = 256 };

/* The pieces of the writev(2) that thread @pid is in; 1 for all else, or where it can't be seen. */
static unsigned long pieces_of_call(pid_t pid, struct creds *creds)
{
	char path[40], text[256];
	unsigned long arguments[3];
	ssize_t length;
	long number;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	/* Only the daemon may look into every process, one that has changed its uid, say. */
	creds_become(NULL);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	/* As anyone else than the caller nothing may be written. */
	if (creds_become(creds) < 0)
		return ULONG_MAX;
	if (length <= 0)
		return 1;
	text[length] = '\0';
	if (sscanf(text, "%ld %lx %lx %lx", &number, &arguments[0], &arguments[1], &arguments[2]) !=
	    4)
		return 1;
	if (number != SYS_writev && number != SYS_pwritev && number != SYS_pwritev2)
		return 1;
	return arguments[2];
}

int torn_check(struct call *call, struct creds *creds, size_t size, off_t offset, int flags)
{
	long page = sysconf(_SC_PAGESIZE);

	if (size > (size_t)(PAGES - 1) * (size_t)page)
		return refuse(call, EMSGSIZE,
			      "a write of %zu bytes may reach the queue in parts; the longest that "
			      "can't is %zu, and framed takes any",
			      size, (size_t)(PAGES - 1) * (size_t)page);
	/* What is appended has an offset in any case. */
	if (offset && !(flags & O_APPEND))
		return refuse(call, EMSGSIZE, "the rest of a write that came in parts");
	/* Each piece has a byte at least, so a shorter first part there is not. */
	if (size >= PAGES && pieces_of_call(call->pid, creds) > PAGES)
		return refuse(call, EMSGSIZE,
			      "a writev(2) of more than %d pieces may reach the queue in parts",
			      PAGES);
	return 0;
}
