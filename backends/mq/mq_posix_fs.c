/*
 * mq_posix_fs.c - the file system in which the kernel keeps POSIX message queues.
 *
 * It is reached here without a mount point.  Where it may not be reached at all a queue is still
 * opened, changed and removed by its name, by who may open it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mqueue.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mq.h"

#define MQUEUE_MAGIC 0x19800202 /* statfs(2), f_type */

/* The root of the file system, -1: none is to be had. */
static int directory = -1;

/* A mount that hangs nowhere, of the daemon's own IPC namespace. */
static int mount_detached(void)
{
	int context = fsopen("mqueue", FSOPEN_CLOEXEC);
	int fd = -1;

	if (context < 0)
		return -1;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	close(context);
	return fd;
}

static int mount_usual(void)
{
	int fd = open("/dev/mqueue", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -1;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == MQUEUE_MAGIC)
		return fd;
	close(fd);
	return -1;
}

int mq_posix_setup(void)
{
	if (directory >= 0)
		close(directory);
	directory = mount_detached();
	if (directory < 0)
		directory = mount_usual();
	return 0;
}

bool mq_posix_can_list(void)
{
	return directory >= 0;
}

int mq_posix_removals(void)
{
	char path[48];
	int fd;

	if (directory < 0)
		return -1;
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	if (inotify_add_watch(fd, path, IN_DELETE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void mq_posix_slashed(const char *name, char path[NAME_MAX + 2])
{
	snprintf(path, NAME_MAX + 2, "/%s", name);
}

int mq_posix_open(const char *name, int access)
{
	int flags = (access & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC;
	char path[NAME_MAX + 2];
	int fd;

	if (directory >= 0) {
		fd = openat(directory, name, flags | O_NOFOLLOW);
	} else {
		mq_posix_slashed(name, path);
		fd = mq_open(path, flags);
	}
	return fd < 0 ? -errno : fd;
}

/* Opened for whatever the caller may do with it: enough to see what it is. */
static int open_any(const char *name)
{
	int fd = mq_posix_open(name, O_RDONLY);

	return fd == -EACCES ? mq_posix_open(name, O_WRONLY) : fd;
}

int mq_posix_stat(const char *name, struct stat *st)
{
	int fd, error;

	if (directory >= 0)
		return fstatat(directory, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	fd = open_any(name);
	if (fd < 0)
		return fd;
	error = fstat(fd, st) < 0 ? -errno : 0;
	close(fd);
	return error;
}

int64_t mq_posix_limit(const char *name)
{
	char path[64], text[32], *end;
	int64_t value;

	snprintf(path, sizeof(path), "fs/mqueue/%s", name);
	if (sysctl_read(path, text, sizeof(text)))
		return -1;
	value = strtoll(text, &end, 10);
	return end == text ? -1 : value;
}

int mq_posix_gather(int (*each)(void *context, const char *name), void *context)
{
	struct dirent *entry;
	int fd, error = 0;
	DIR *dir;

	if (directory < 0)
		return 0;
	/* A description of its own: several may list at a time. */
	fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!error && (errno = 0, entry = readdir(dir))) {
		if (entry->d_type == DT_DIR)
			continue; /* . and .. */
		error = each(context, entry->d_name);
		if (error == -ENOENT)
			error = 0;
	}
	if (!error)
		error = -errno;
	closedir(dir);
	return error;
}

int mq_posix_remove(const char *name)
{
	char path[NAME_MAX + 2];

	mq_posix_slashed(name, path);
	return mq_unlink(path) < 0 ? -errno : 0;
}

/* Without the file system a queue can be changed only by who may open it. */
static int change_opened(const char *name, const struct change *change, uid_t uid, gid_t gid)
{
	int fd = open_any(name), error = 0;

	if (fd < 0)
		return fd;
	if (change->has_mode && fchmod(fd, change->mode & 0777) < 0)
		error = -errno;
	else if ((change->has_uid || change->has_gid) && fchown(fd, uid, gid) < 0)
		error = -errno;
	close(fd);
	return error;
}

int mq_posix_change(const char *name, const struct change *change)
{
	uid_t uid = change->has_uid ? change->uid : (uid_t)-1;
	gid_t gid = change->has_gid ? change->gid : (gid_t)-1;

	if (directory < 0)
		return change_opened(name, change, uid, gid);
	if (change->has_mode && fchmodat(directory, name, change->mode & 0777, 0) < 0)
		return -errno;
	if ((change->has_uid || change->has_gid) &&
	    fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}
