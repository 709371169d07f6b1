/*
 * sock_caller.c - paths in the caller's root directory.
 *
 * A path is walked a name at a time.  Whether a name is a mount point is known before the walk goes
 * into it, and what is mounted there is looked up in the tables of mounts: no request
 * goes to a file system that another process serves.
 */
#include "sock_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as the kernel */

struct walk {
	struct call *call;
	pid_t pid;
	int root, at;            /* -1: the root */
	char path[PATH_MAX];     /* where the walk is; no link is in it */
	char left[2 * PATH_MAX]; /* what it has to go */
	unsigned links;
};

static int root_open(void *context)
{
	struct walk *walk = context;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)walk->pid);
	walk->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return walk->root < 0 ? -errno : 0;
}

struct mount_wish {
	pid_t pid; /* whose table; 0: the daemon's */
	uint64_t mount;
	char *type; /* 32 bytes */
};

/* Looks in one table of mounts, by proc_pid_mountinfo(5).  -ENOENT. */
static int mount_find(void *context)
{
	const struct mount_wish *wish = context;
	char path[48] = "/proc/self/mountinfo", *line = NULL;
	size_t room = 0;
	int error = -ENOENT;
	FILE *mounts;

	if (wish->pid)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)wish->pid);
	mounts = fopen(path, "re");
	if (!mounts)
		return -errno;
	while (error && getline(&line, &room, mounts) > 0) {
		const char *dash = strstr(line, " - ");
		uint64_t number;

		if (dash && sscanf(line, "%" SCNu64, &number) == 1 && number == wish->mount &&
		    sscanf(dash, " - %31s", wish->type) == 1)
			error = 0;
	}
	free(line);
	fclose(mounts);
	return error;
}

/* The type of what is mounted as number @mount; no two namespaces use a number at a time. */
static int mount_type(struct walk *walk, uint64_t mount, char type[32])
{
	struct mount_wish wish = {.mount = mount, .type = type};
	int error = as_daemon(walk->call, mount_find, &wish);

	if (error != -ENOENT)
		return error;
	/* Of a caller in a mount namespace of its own. */
	wish.pid = walk->pid;
	return as_daemon(walk->call, mount_find, &wish);
}

/* -EXDEV if a request to the file system in which @fd is could be left unanswered. */
static int mount_judge(struct walk *walk, int fd)
{
	struct statx st;
	char type[32];
	int error;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return -errno;
	error = mount_type(walk, st.stx_mnt_id, type);
	/* A root that is in no table of mounts that reaches so far. */
	if (error == -ENOENT)
		return refuse(walk->call, EXDEV, "in which file system '%.100s' is cannot be told",
			      walk->path);
	if (error)
		return error;
	if (strncmp(type, "fuse", 4) != 0 && strcmp(type, "autofs") != 0)
		return 0;
	return refuse(walk->call, EXDEV,
		      "'%.100s' is in a file system of type %s: whoever serves it could keep the "
		      "daemon waiting, so no path leads there from here",
		      walk->path, type);
}

static int open_beneath(int at, const char *name, uint64_t resolve)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, at, name, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Opens @name where the walk is. */
static int step(struct walk *walk, const char *name)
{
	int at = walk->at < 0 ? walk->root : walk->at;
	int fd = open_beneath(at, name, RESOLVE_NO_XDEV), error;

	if (fd != -EXDEV)
		return fd;
	fd = open_beneath(at, name, 0);
	if (fd < 0)
		return fd;
	error = mount_judge(walk, fd);
	if (!error)
		return fd;
	close(fd);
	return error;
}

static void go_to(struct walk *walk, int fd)
{
	if (walk->at >= 0)
		close(walk->at);
	walk->at = fd;
}

/* Judges the caller's root, unless it is the daemon's own. */
static int root_judge(struct walk *walk)
{
	struct statx own, callers;

	if (statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_MNT_ID | STATX_INO, &own) < 0 ||
	    statx(walk->root, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID | STATX_INO,
		  &callers) < 0)
		return -errno;
	return own.stx_mnt_id == callers.stx_mnt_id ? 0 : mount_judge(walk, walk->root);
}

/* Goes up by going down again: the path so far has no link in it. */
static int go_up(struct walk *walk)
{
	char above[2 * PATH_MAX];
	char *slash = strrchr(walk->path, '/');
	size_t length;

	if (slash)
		*slash = '\0';
	length = (size_t)snprintf(above, sizeof(above), "%s/%s", walk->path, walk->left);
	if (length >= sizeof(above))
		return -ENAMETOOLONG;
	strcpy(walk->left, above);
	walk->path[0] = '\0';
	go_to(walk, -1);
	return 0;
}

static int follow(struct walk *walk, int link)
{
	char target[PATH_MAX], all[2 * PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[length] = '\0';
	if ((size_t)snprintf(all, sizeof(all), "%s/%s", target, walk->left) >= sizeof(all))
		return -ENAMETOOLONG;
	strcpy(walk->left, all);
	if (target[0] == '/') {
		walk->path[0] = '\0';
		go_to(walk, -1);
	}
	return 0;
}

/* Takes the next name of what is left; false: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1], int *error)
{
	const char *begin = walk->left + strspn(walk->left, "/");
	size_t length = strcspn(begin, "/");

	*error = length > NAME_MAX ? -ENAMETOOLONG : 0;
	if (!length || *error)
		return false;
	memcpy(name, begin, length);
	name[length] = '\0';
	memmove(walk->left, begin + length, strlen(begin + length) + 1);
	return true;
}

static int enter(struct walk *walk, const char *name)
{
	size_t length = strlen(walk->path);
	struct stat st;
	int fd, error = 0;

	if (!strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return go_up(walk);
	if (length + 1 + strlen(name) >= sizeof(walk->path))
		return -ENAMETOOLONG;
	sprintf(walk->path + length, "/%s", name);
	fd = step(walk, name);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISLNK(st.st_mode))
		error = follow(walk, fd);
	else {
		go_to(walk, fd);
		return 0;
	}
	close(fd);
	/* A link is no part of where the walk is. */
	if (!error)
		walk->path[length] = '\0';
	return error;
}

int sock_caller_open(struct call *call, const char *path)
{
	struct walk walk = {.call = call, .pid = call->pid, .root = -1, .at = -1};
	char name[NAME_MAX + 1];
	int error = strlen(path) < PATH_MAX ? 0 : -ENAMETOOLONG;

	if (!error && call->pid <= 0)
		error = refuse(call, EACCES,
			       "the process cannot be seen in /proc, nor where its paths begin");
	if (!error)
		error = as_daemon(call, root_open, &walk);
	if (error)
		return error;
	strcpy(walk.left, path);
	error = root_judge(&walk);
	while (!error && next_name(&walk, name, &error))
		error = enter(&walk, name);
	if (!error && walk.at < 0)
		error = (walk.at = fcntl(walk.root, F_DUPFD_CLOEXEC, 0)) < 0 ? -errno : 0;
	close(walk.root);
	if (!error)
		return walk.at;
	if (walk.at >= 0)
		close(walk.at);
	return error;
}
