/*
 * shm_posix_memory.c - the content of POSIX shared memory objects.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "shm.h"

struct posix_memory {
	int fd;   /* as the caller opened it */
	int file; /* for reading and writing, -1: not to be had */
};

/* As the daemon. */
static int file_open(void *context)
{
	struct posix_memory *memory = context;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory->fd);
	memory->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return memory->file < 0 ? -errno : 0;
}

static int open_as_caller(struct call *call, const struct place *place, int access)
{
	int fd = devshm_open(&shm_posix_family, call, place, access);

	if (fd == -EACCES)
		return refuse_permission(call, EACCES, place,
					 "opening the object so needs %s permission",
					 access == O_RDONLY   ? "read"
					 : access == O_WRONLY ? "write"
							      : "read and write");
	return fd;
}

/* Takes @fd over. */
static int memory_of(struct call *call, int fd, int access, void **state)
{
	struct posix_memory *memory;

	if (fd < 0)
		return fd;
	memory = malloc(sizeof(*memory));
	if (!memory) {
		close(fd);
		return -ENOMEM;
	}
	*memory = (struct posix_memory){.fd = fd, .file = fd};
	if (access != O_RDWR)
		as_daemon(call, file_open, memory);
	*state = memory;
	return 0;
}

static int posix_open(struct call *call, const struct place *place, int flags, void **state)
{
	int access = flags & O_ACCMODE;

	return memory_of(call, descriptor_keep(open_as_caller(call, place, access)), access, state);
}

static int posix_reopen(struct call *call, int file, int flags, void **state)
{
	int fd, access = flags & O_ACCMODE;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, access | O_NONBLOCK | O_CLOEXEC);
	return memory_of(call, fd < 0 ? -errno : descriptor_keep(fd), access, state);
}

static void posix_close(void *state)
{
	struct posix_memory *memory = state;

	if (memory->file >= 0 && memory->file != memory->fd)
		close(memory->file);
	close(memory->fd);
	free(memory);
}

static int posix_file(void *state)
{
	const struct posix_memory *memory = state;

	return memory->file;
}

static ssize_t posix_read(void *state, void *buffer, size_t size, off_t offset)
{
	const struct posix_memory *memory = state;
	ssize_t result = pread(memory->fd, buffer, size, offset);

	return result < 0 ? -errno : result;
}

static ssize_t posix_write(struct call *call, void *state, const void *buffer, size_t size,
			   off_t offset, bool append)
{
	const struct posix_memory *memory = state;
	/* It is read from: an iovec has no const. */
	struct iovec from = {(void *)(uintptr_t)buffer, size};
	ssize_t result = append ? pwritev2(memory->fd, &from, 1, 0, RWF_APPEND)
				: pwrite(memory->fd, buffer, size, offset);

	return result < 0 ? -errno : result;
}

static off_t posix_seek(void *state, off_t offset, int whence)
{
	const struct posix_memory *memory = state;
	off_t found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	found = lseek(memory->fd, offset, whence);
	return found < 0 ? -errno : found;
}

static int posix_resize(struct call *call, void *state, off_t size)
{
	const struct posix_memory *memory = state;

	return ftruncate(memory->fd, size) < 0 ? -errno : 0;
}

static int posix_allocate(struct call *call, void *state, int mode, off_t offset, off_t length)
{
	const struct posix_memory *memory = state;

	return fallocate(memory->fd, mode, offset, length) < 0 ? -errno : 0;
}

static int posix_truncate(struct call *call, const struct place *place, off_t size)
{
	int result, fd = open_as_caller(call, place, O_WRONLY);

	if (fd < 0)
		return fd;
	result = ftruncate(fd, size) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static int posix_memory_stat(const struct place *place, void *state, struct stat *st)
{
	const struct posix_memory *memory = state;
	struct stat file;
	int error = 0;

	if (!memory)
		error = devshm_look(&shm_posix_family, place, &file);
	else if (fstat(memory->fd, &file) < 0)
		error = -errno;
	if (error)
		return error;
	st->st_size = file.st_size;
	st->st_blocks = file.st_blocks;
	return 0;
}

const struct memory shm_posix_memory = {
	.open = posix_open,
	.reopen = posix_reopen,
	.file = posix_file,
	.read = posix_read,
	.write = posix_write,
	.seek = posix_seek,
	.resize = posix_resize,
	.allocate = posix_allocate,
	.truncate = posix_truncate,
	.stat = posix_memory_stat,
	.close = posix_close,
};
