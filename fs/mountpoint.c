/*
 * mountpoint.c - the directory that the tree is mounted on.
 *
 * All that is asked of a mount is read from mountinfo: a path in a mount whose daemon is not
 * serving answers nobody.
 */
#include "mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int noted;
static dev_t noted_device;

/* mountinfo has blanks, tabs, newlines and backslashes as three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned byte;

		if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The id of the topmost mount at @path, 0: none; whether it is an ipcfs, and its device. */
static int mount_at(const char *path, bool *is_ipcfs, dev_t *device)
{
	/* Kept open: at the end, which may have come for want of descriptors, it is read again. */
	static FILE *file;
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	if (file)
		rewind(file);
	else
		file = fopen("/proc/self/mountinfo", "re");
	while (file && getline(&line, &size, file) > 0) {
		char at[PATH_MAX], type[64];
		const char *rest = strstr(line, " - ");
		unsigned major, minor;
		int id;

		if (sscanf(line, "%d %*d %u:%u %*s %4095s", &id, &major, &minor, at) != 4 ||
		    !rest || sscanf(rest, " - %63s", type) != 1)
			continue;
		unescape(at);
		/* Later lines are mounted over earlier ones. */
		if (!strcmp(at, path)) {
			found = id;
			*device = makedev(major, minor);
			*is_ipcfs = !strcmp(type, "fuse.ipcfs");
		}
	}
	free(line);
	return found;
}

/* The last part is not looked at: it may be a dead mount. */
static char *resolve_parent(const char *path)
{
	char *for_parent = strdup(path), *for_name = strdup(path), *whole = NULL;
	char parent[PATH_MAX];

	if (for_parent && for_name && realpath(dirname(for_parent), parent) &&
	    asprintf(&whole, "%s/%s", strcmp(parent, "/") ? parent : "", basename(for_name)) < 0)
		whole = NULL;
	free(for_parent);
	free(for_name);
	return whole;
}

/* umount(2) for root, the set-uid helper for everyone else. */
static void take_off(const char *path)
{
	char *command;

	if (umount2(path, MNT_DETACH) == 0 || geteuid() == 0)
		return;
	if (setenv("IPCFS_DEAD_MOUNT", path, 1) < 0 ||
	    asprintf(&command, "fusermount3 -u -z -- \"$IPCFS_DEAD_MOUNT\"") < 0)
		return;
	if (system(command) != 0)
		fprintf(stderr, "ipcfs: %s: the mount of a daemon that has ended stays\n", path);
	free(command);
	unsetenv("IPCFS_DEAD_MOUNT");
}

/* What was there can't be seen until the tree is taken off; who mounts there may not know. */
static void look_inside(const char *path)
{
	struct dirent *entry;
	DIR *inside;
	int count = 0;

	inside = opendir(path);
	while (inside && (entry = readdir(inside)))
		count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	if (inside)
		closedir(inside);
	if (count)
		fprintf(stderr,
			"ipcfs: %s: is not empty; what is in it is hidden until the tree is "
			"unmounted\n",
			path);
}

/* Why @path, which @error keeps from being looked at, is no mount point, and what to do. */
static void explain(const char *path, int error)
{
	const char *unmount = geteuid() == 0 ? "umount -l" : "fusermount3 -u";

	if (error == ENOENT)
		fprintf(stderr, "ipcfs: %s: is not there; make it: mkdir -p %s\n", path, path);
	else if (error == ENOTCONN)
		fprintf(stderr,
			"ipcfs: %s: a file system is mounted there whose daemon has ended; take it "
			"off: %s %s\n",
			path, unmount, path);
	else
		fprintf(stderr, "ipcfs: %s: %s\n", path, strerror(error));
}

char *mountpoint_resolve(const char *path)
{
	bool is_ipcfs = false;
	struct stat st;
	dev_t device;
	char *whole;
	int mount;

	if (stat(path, &st) < 0 && errno == ENOTCONN) {
		whole = resolve_parent(path);
		if (whole && mount_at(whole, &is_ipcfs, &device) && is_ipcfs)
			take_off(whole);
		free(whole);
	}
	whole = realpath(path, NULL);
	if (!whole || stat(whole, &st) < 0) {
		explain(path, errno);
		free(whole);
		return NULL;
	}
	is_ipcfs = false;
	mount = mount_at(whole, &is_ipcfs, &device);
	if (!S_ISDIR(st.st_mode)) {
		fprintf(stderr, "ipcfs: %s: a mount point is a directory\n", path);
	} else if (is_ipcfs) {
		fprintf(stderr, "ipcfs: %s: an ipcfs is mounted there already; %s %s ends it\n",
			path, geteuid() == 0 ? "umount" : "fusermount3 -u", path);
	} else {
		/* To look into an automount point would be to wait for this very mount. */
		if (!mount)
			look_inside(whole);
		return whole;
	}
	free(whole);
	return NULL;
}

int mountpoint_note(const char *path, int connection)
{
	const dev_t fuse = makedev(10, 229); /* /dev/fuse */
	bool is_ipcfs;
	struct stat st;

	/* libfuse 3.14 says so, with descriptor 0, where it has no memory to mount anything. */
	if (fstat(connection, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != fuse)
		return -ENODEV;
	noted = mount_at(path, &is_ipcfs, &noted_device);
	return noted ? 0 : -ENOMEM;
}

dev_t mountpoint_device(void)
{
	return noted_device;
}

bool mountpoint_is_ours(const char *path)
{
	bool is_ipcfs;
	dev_t device;

	return !noted || mount_at(path, &is_ipcfs, &device) == noted;
}

/* While its connection lasts the mount does, and no other can have its number. */
static bool lasts(int connection)
{
	struct pollfd poll_error = {.fd = connection};

	return poll(&poll_error, 1, 0) == 0;
}

bool mountpoint_leave(const char *path, int connection)
{
	if (geteuid() == 0 && lasts(connection) && mountpoint_is_ours(path) &&
	    umount2(path, MNT_DETACH) < 0)
		fprintf(stderr, "ipcfs: %s: umount: %s\n", path, strerror(errno));
	/* A plain user's may be there still where its start failed. */
	return !lasts(connection) || (geteuid() != 0 && mountpoint_is_ours(path));
}
