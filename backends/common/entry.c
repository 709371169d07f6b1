/*
 * entry.c - what a directory itself has under a name, where everyone can make files.
 */
#include "entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Never waits for who serves a file system: what the kernel knows is enough. */
static int look(int directory, const char *name, unsigned wanted, struct statx *found)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;

	return statx(directory, name, flags, wanted, found) < 0 ? -errno : 0;
}

static bool is_mounted(const struct statx *found)
{
	return found->stx_attributes_mask & found->stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

int entry_look(int directory, const char *name, struct stat *st)
{
	struct statx found;
	int error = look(directory, name, STATX_BASIC_STATS, &found);

	/* A file system that is for its owner alone says nothing but that it is one. */
	if (error == -EACCES && look(directory, name, 0, &found) == 0 && is_mounted(&found))
		return -ENOENT;
	if (error)
		return error;
	if (is_mounted(&found))
		return -ENOENT;
	*st = (struct stat){
		.st_dev = makedev(found.stx_dev_major, found.stx_dev_minor),
		.st_ino = found.stx_ino,
		.st_mode = found.stx_mode,
		.st_nlink = found.stx_nlink,
		.st_uid = found.stx_uid,
		.st_gid = found.stx_gid,
		.st_rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor),
		.st_size = (off_t)found.stx_size,
		.st_blksize = (blksize_t)found.stx_blksize,
		.st_blocks = (blkcnt_t)found.stx_blocks,
		.st_atim = {found.stx_atime.tv_sec, found.stx_atime.tv_nsec},
		.st_mtim = {found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec},
		.st_ctim = {found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec},
	};
	return 0;
}

bool entry_is_taken(int directory, const char *name)
{
	struct statx found;

	return look(directory, name, 0, &found) == 0;
}

int entry_open(int directory, const char *name, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)flags | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, directory, name, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	/* A link; a FIFO or a device that nobody serves; a mount. */
	return errno == ELOOP || errno == ENXIO || errno == EXDEV ? -ENOENT : -errno;
}
