/*
 * run_dir.c - the run directory: found or made once, never through a link, and judged before use.
 */
#include "run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checklist.h"

#define USUAL "/run/ipcfs"

static char found[PATH_MAX];

static int fail(struct run_dir *dir, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct run_dir *dir, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(dir->reason, sizeof(dir->reason), format, arguments);
	va_end(arguments);
	dir->error = error;
	return -error;
}

int run_dir_refuse(struct call *call, const struct run_dir *dir)
{
	return refuse(call, dir->error, "%s", dir->reason);
}

/* The path that was asked for or is usual, without a slash at its end. */
static int path_choose(const struct settings *settings, struct run_dir *dir, char path[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	size_t length;
	int printed;

	if (settings->run_dir)
		printed = snprintf(path, PATH_MAX, "%s", settings->run_dir);
	else if (geteuid() == 0)
		printed = snprintf(path, PATH_MAX, USUAL);
	else if (runtime && runtime[0] == '/')
		printed = snprintf(path, PATH_MAX, "%s/ipcfs", runtime);
	else
		return fail(dir, ENOENT,
			    "no run directory: XDG_RUNTIME_DIR is not set, and -o run_dir= says "
			    "no other");
	if (printed >= PATH_MAX)
		return fail(dir, ENAMETOOLONG, "the path of the run directory is too long");
	length = (size_t)printed;
	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	return 0;
}

/* Judges what is open: a directory that only its owner, or each only his own part, can change. */
static int judge(struct run_dir *dir, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(dir, errno, "%.100s: %s", path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail(dir, EPERM,
			    "%.100s belongs to uid %u, and must belong to root or to uid %u", path,
			    (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
		return fail(dir, EPERM,
			    "others can write to %.100s (mode %o), and it is not sticky: anyone "
			    "could swap what is in it",
			    path, st.st_mode & 07777);
	return 0;
}

/*
 * The directory above @path, open, and its own path.  Links lead there as the administrator wants
 * (/var/run); from there on none is followed.
 */
static int parent_open(struct run_dir *dir, const char *path, char parent[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	char above[PATH_MAX];
	int fd, error;

	if (!slash)
		strcpy(above, ".");
	else
		snprintf(above, sizeof(above), "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
	if (!realpath(above, parent))
		return fail(dir, errno, "run directory %.100s: %s", path, strerror(errno));
	fd = open(parent, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(dir, errno, "run directory %.100s: %s", path, strerror(errno));
	/* Who can rename what is in it could put his own in its place later. */
	error = judge(dir, fd, parent);
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* Opens @name in @parent, made with @mode if it is missing and @make allows it. */
static int step_down(struct run_dir *dir, int parent, const char *name, const char *path,
		     mode_t mode, bool make)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags), error;
	bool made = false;

	if (fd < 0 && errno == ENOENT && make) {
		made = mkdirat(parent, name, mode) == 0;
		if (!made && errno != EEXIST)
			return fail(dir, errno, "%.100s cannot be made: %s", path, strerror(errno));
		fd = openat(parent, name, flags);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(dir, ENOTDIR,
			    "%.100s is a link or no directory, and it must be a directory", path);
	if (fd < 0)
		return fail(dir, errno, "%.100s: %s", path, strerror(errno));
	error = judge(dir, fd, path);
	/* The process may have a umask. */
	if (!error && made && fchmod(fd, mode) < 0)
		error = fail(dir, errno, "%.100s: %s", path, strerror(errno));
	if (!error)
		return fd;
	close(fd);
	return error;
}

static int run_dir_find(const struct settings *settings, const char *name, struct run_dir *dir)
{
	bool everyone = geteuid() == 0, make = !settings->read_only;
	char asked[PATH_MAX], above[PATH_MAX], path[PATH_MAX];
	const char *last;
	int error = path_choose(settings, dir, asked), parent, fd;

	if (error)
		return error;
	parent = parent_open(dir, asked, above);
	if (parent < 0)
		return parent;
	last = strrchr(asked, '/') ? strrchr(asked, '/') + 1 : asked;
	if (*last == '\0' || !strcmp(last, ".") || !strcmp(last, "..")) {
		close(parent);
		return fail(dir, EINVAL,
			    "'%.100s' cannot be the run directory: its path has to "
			    "end in a name of its own",
			    asked);
	}
	/* What does not fit is only shown cut short in a reason; it is refused below. */
	snprintf(path, sizeof(path), "%.*s/%.255s", PATH_MAX - 258, strcmp(above, "/") ? above : "",
		 last);
	fd = step_down(dir, parent, last, path, everyone ? 0755 : 0700, make);
	close(parent);
	if (fd < 0)
		return fd;
	if ((size_t)snprintf(dir->path, sizeof(dir->path), "%s/%s", path, name) >=
	    sizeof(dir->path)) {
		close(fd);
		return fail(dir, ENAMETOOLONG, "the path of the run directory is too long");
	}
	strcpy(found, path);
	dir->fd = step_down(dir, fd, name, dir->path, everyone ? 01777 : 0700, make);
	close(fd);
	return dir->fd < 0 ? dir->fd : 0;
}

const char *run_dir_path(void)
{
	return found;
}

int run_dir_open(const struct settings *settings, const char *name, struct run_dir *dir)
{
	int error;

	memset(dir, 0, sizeof(*dir));
	dir->fd = -1;
	error = run_dir_find(settings, name, dir);
	if (error)
		dir->fd = -1;
	return error;
}

void run_dir_check(struct checklist *list)
{
	const struct settings usual = {.read_only = true};
	char path[PATH_MAX], above[PATH_MAX];
	struct run_dir dir = {.fd = -1};
	int error = path_choose(&usual, &dir, path), parent;

	parent = error ? error : parent_open(&dir, path, above);
	if (parent >= 0) {
		close(parent);
		error = run_dir_open(&usual, "pipes", &dir);
		if (error == -ENOENT || error == 0)
			checklist_has(list, "run directory", "%s%s", path,
				      error ? ", made by a mount" : "");
		if (!error)
			close(dir.fd);
		if (error == -ENOENT || error == 0)
			return;
	}
	checklist_lacks(list, "run directory", "no named pipes, no unix sockets of the tree: %s",
			dir.reason);
}
