/*
 * hostile_help.c - a file whose server does not do what servers do.
 */
#include "hostile_help.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct served {
	int fuse;
	enum hostile_way way;
};

static void answer(int fuse, const struct fuse_in_header *to, int error, const void *data,
		   size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size), .error = error, .unique = to->unique};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)data, size}};

	/* Who asked may have gone. */
	if (writev(fuse, parts, size ? 2 : 1) < 0 && errno != ENOENT)
		_exit(1);
}

static void answer_as_file(const struct served *served, const struct fuse_in_header *request)
{
	const struct fuse_attr_out attributes = {.attr = {.ino = 1,
							  .size = HOSTILE_SIZE,
							  .mode = S_IFREG | 0666,
							  .nlink = 1,
							  .blksize = 4096}};
	/* Else who opens it waits for the pages that somebody waits for. */
	const struct fuse_open_out opened = {.fh = 1, .open_flags = FOPEN_KEEP_CACHE};

	if (request->opcode == FUSE_GETATTR)
		answer(served->fuse, request, 0, &attributes, sizeof(attributes));
	else if (request->opcode == FUSE_OPEN)
		answer(served->fuse, request, 0, &opened, sizeof(opened));
	else if (request->opcode != FUSE_READ)
		answer(served->fuse, request, -ENOSYS, NULL, 0);
	else if (served->way == HOSTILE_BROKEN_READS)
		answer(served->fuse, request, -EIO, NULL, 0);
}

static int serve(void *argument)
{
	static _Alignas(struct fuse_in_header) char buffer[1 << 17];
	const struct fuse_in_header *request = (const void *)buffer;
	const struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	const struct served *served = argument;

	/* Of the tree too: who would wait for the daemon cannot be who holds it up. */
	close_range(3, (unsigned)served->fuse - 1, 0);
	close_range((unsigned)served->fuse + 1, ~0u, 0);
	while (read(served->fuse, buffer, sizeof(buffer)) > 0) {
		if (request->opcode == FUSE_INIT)
			answer(served->fuse, request, 0, &init, sizeof(init));
		else if (request->opcode == FUSE_FORGET || request->opcode == FUSE_BATCH_FORGET ||
			 request->opcode == FUSE_INTERRUPT || served->way == HOSTILE_SILENT ||
			 served->way == HOSTILE_PRIVATE)
			continue;
		else if (served->way == HOSTILE_BROKEN)
			answer(served->fuse, request, -EIO, NULL, 0);
		else
			answer_as_file(served, request);
	}
	return 1;
}

struct hostile hostile_mount(const char *path, enum hostile_way way)
{
	struct hostile hostile = {.path = path};
	struct served served = {.way = way};
	char options[80];

	served.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	assert_return_code(served.fuse, errno);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=%d,group_id=%d%s",
		 served.fuse, HOSTILE_OWNER, HOSTILE_OWNER,
		 way == HOSTILE_PRIVATE ? "" : ",allow_other");
	assert_return_code(mount("hostile", path, "fuse", 0, options), errno);
	/* Only the server has the connection. */
	hostile.server = spawn(serve, &served);
	close(served.fuse);
	return hostile;
}

void hostile_unmount(const struct hostile *hostile)
{
	kill(hostile->server, SIGKILL);
	assert_int_equal(reap(hostile->server), -SIGKILL);
	assert_return_code(umount2(hostile->path, MNT_DETACH), errno);
}
