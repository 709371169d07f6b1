/*
 * devshm.c - the files of /dev/shm as objects: finding, opening, making, changing, removing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "checklist.h"
#include "devshm.h"
#include "entry.h"
#include "names.h"
#include "sysv.h"

static int shm = -1;
static int removals = -1;

/* Where a descriptor of ours can be reached by a path. */
#define FD_PATH_SIZE 32

static void fd_path(int fd, char path[FD_PATH_SIZE])
{
	snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

int devshm_setup(const struct settings *settings)
{
	char path[FD_PATH_SIZE];

	if (shm >= 0)
		return 0;
	shm = open(settings->shm ? settings->shm : "/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shm < 0)
		return -errno;
	removals = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (removals < 0)
		return -errno;
	fd_path(shm, path);
	/* A file renamed over another removes that one. */
	if (inotify_add_watch(removals, path, IN_DELETE | IN_MOVED_TO) < 0)
		return -errno;
	return 0;
}

void devshm_check(struct checklist *list)
{
	struct statfs fs;

	if (statfs("/dev/shm", &fs) < 0)
		checklist_prevents(list, "/dev/shm",
				   "%s: POSIX memory and semaphores are there; "
				   "mount -t tmpfs tmpfs /dev/shm",
				   strerror(errno));
	else if (fs.f_type != TMPFS_MAGIC)
		checklist_lacks(list, "/dev/shm", "is no tmpfs: slow, and it stays at a reboot");
	else if (access("/dev/shm", R_OK | W_OK | X_OK) < 0)
		checklist_lacks(list, "/dev/shm", "%s: no POSIX memory, no POSIX semaphores",
				strerror(errno));
	else
		checklist_has(list, "/dev/shm", "POSIX memory and semaphores, %llu MiB in all",
			      (unsigned long long)fs.f_blocks * (unsigned long long)fs.f_bsize >>
				      20);
}

int devshm_removals(void)
{
	return removals;
}

dev_t devshm_device(void)
{
	struct stat st;

	return fstat(shm, &st) == 0 ? st.st_dev : 0;
}

int devshm_room(struct statvfs *room)
{
	return fstatvfs(shm, room) < 0 ? -errno : 0;
}

/* ---- names ---- */

static bool is_excepted(const struct devshm_family *family, const char *name)
{
	return family->except && strncmp(name, family->except, strlen(family->except)) == 0;
}

/* The file's name in /dev/shm. */
static int file_name(const struct devshm_family *family, struct call *call, const char *name,
		     char file[NAME_MAX + 1])
{
	size_t length = strlen(name), prefix = strlen(family->prefix);

	if (length == 0 || strchr(name, '/') || is_excepted(family, name))
		return -ENOENT;
	if (length > NAME_MAX - prefix)
		return refuse(call, ENAMETOOLONG,
			      "the name of a %s has at most %zu bytes, this one has %zu",
			      family->what, NAME_MAX - prefix, length);
	memcpy(file, family->prefix, prefix);
	memcpy(file + prefix, name, length + 1);
	return 0;
}

/* The same for a name that is to be. */
static int new_name(const struct devshm_family *family, struct call *call, const char *name,
		    char file[NAME_MAX + 1])
{
	if (is_excepted(family, name))
		return refuse(call, EINVAL,
			      "'%.100s': files of /dev/shm whose names begin with '%s' are %s, no "
			      "%ss",
			      name, family->except, family->except_what, family->what);
	return file_name(family, call, name, file);
}

/* The object's name; NULL for a file that is none of this sort. */
static const char *object_name(const struct devshm_family *family, const char *file)
{
	size_t prefix = strlen(family->prefix);
	const char *name = file + prefix;

	if (strncmp(file, family->prefix, prefix) != 0 || is_excepted(family, name))
		return NULL;
	/* What no directory can have as a name; others can make files for more. */
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : NULL;
}

/* ---- looking ---- */

static bool is_object(const struct place *place, const struct stat *st)
{
	return S_ISREG(st->st_mode) && (!place->identity || place->identity == st->st_ino);
}

static int look_at(const char *file, const struct place *place, struct stat *st)
{
	int error = entry_look(shm, file, st);

	if (error)
		return error;
	return is_object(place, st) ? 0 : -ENOENT;
}

int devshm_look(const struct devshm_family *family, const struct place *place, struct stat *st)
{
	char file[NAME_MAX + 1];

	if (file_name(family, NULL, place->name, file) < 0)
		return -ENOENT;
	return look_at(file, place, st);
}

int devshm_stat(const struct devshm_family *family, const struct place *place, struct stat *st)
{
	struct stat file;
	int result = devshm_look(family, place, &file);

	if (result < 0)
		return result;
	st->st_uid = file.st_uid;
	st->st_gid = file.st_gid;
	st->st_mode = file.st_mode & 0777;
	st->st_atim = file.st_atim;
	st->st_mtim = file.st_mtim;
	st->st_ctim = file.st_ctim;
	return 0;
}

int devshm_open(const struct devshm_family *family, struct call *call, const struct place *place,
		int flags)
{
	char file[NAME_MAX + 1];
	struct stat st;
	int fd, result = file_name(family, call, place->name, file);

	/* Opening is an event for the other end of a FIFO: look before. */
	if (result == 0)
		result = look_at(file, place, &st);
	if (result < 0)
		return result;
	fd = entry_open(shm, file, flags | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		result = -errno;
	else if (!is_object(place, &st))
		result = -ENOENT;
	if (result < 0) {
		close(fd);
		return result;
	}
	return fd;
}

/*
 * A lease to write is given only to who is alone with the file: the kernel counts every open file
 * of it in every namespace, and a mapping keeps its file open.
 */
int devshm_open_alone(const struct devshm_family *family, const struct place *place)
{
	int fd = devshm_open(family, NULL, place, O_RDONLY);
	bool others;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
		return fd;
	others = errno == EAGAIN || errno == EBUSY;
	close(fd);
	return others ? -EBUSY : -EACCES;
}

/* Where only the administrator can set it, and where its owner can. */
static const char *const marks[] = {"trusted.ipcfs.made", "user.ipcfs.made"};

void devshm_mark_made(int fd)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (fsetxattr(fd, marks[i], "1", 1, 0) == 0)
			return;
}

bool devshm_is_made(int fd)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (fgetxattr(fd, marks[i], NULL, 0) >= 0)
			return true;
	return false;
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int may_be_object(const struct dirent *entry)
{
	return entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
}

int devshm_walk(const struct devshm_family *family, devshm_each *each, void *context)
{
	struct dirent **entries;
	int result = 0;
	int count = scandirat(shm, ".", &entries, may_be_object, by_bytes);

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		const char *name = object_name(family, entries[i]->d_name);
		uint64_t inode = entries[i]->d_ino;
		struct stat st;

		if (result == 0 && name && entries[i]->d_type == DT_UNKNOWN) {
			if (look_at(entries[i]->d_name, &(struct place){NULL}, &st) == 0)
				inode = st.st_ino;
			else
				name = NULL;
		}
		if (result == 0 && name)
			result = each(context, name, inode);
		free(entries[i]);
	}
	free(entries);
	return result;
}

/* ---- making and changing ---- */

static int refuse_full(struct call *call)
{
	struct statvfs st;

	if (fstatvfs(shm, &st) < 0)
		return -ENOSPC;
	return refuse(call, ENOSPC,
		      "/dev/shm has %llu of %llu bytes and %llu of %llu inodes free, which is too "
		      "little: rmdir what nobody needs, or mount it again with a larger size=",
		      (unsigned long long)st.f_bavail * st.f_frsize,
		      (unsigned long long)st.f_blocks * st.f_frsize,
		      (unsigned long long)st.f_favail, (unsigned long long)st.f_files);
}

/*
 * What the C libraries do with a temporary name is done without one: until the file has its name no
 * one can see it, then it is whole.
 */
int devshm_make(const struct devshm_family *family, struct call *call, const char *name,
		mode_t mode, int (*fill)(int fd, const void *context), const void *context,
		uint64_t *identity)
{
	char file[NAME_MAX + 1], path[FD_PATH_SIZE];
	struct stat st;
	int fd, result = new_name(family, call, name, file);

	if (result < 0)
		return result;
	fd = openat(shm, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOSPC ? refuse_full(call) : -errno;
	fd_path(fd, path);
	result = fill(fd, context);
	if (result == 0 && (fchmod(fd, mode & 0666) < 0 || fstat(fd, &st) < 0 ||
			    linkat(AT_FDCWD, path, shm, file, AT_SYMLINK_FOLLOW) < 0))
		result = -errno;
	close(fd);
	if (result == -EEXIST)
		return refuse(call, EEXIST, "there is a file /dev/shm/%.200s", file);
	if (result == -ENOSPC)
		return refuse_full(call);
	if (result == 0)
		*identity = st.st_ino;
	return result;
}

int devshm_remove(const struct devshm_family *family, struct call *call, const struct place *place)
{
	char file[NAME_MAX + 1];
	struct stat st;
	int result = file_name(family, call, place->name, file);

	if (result == 0)
		result = look_at(file, place, &st);
	if (result < 0)
		return result;
	if (unlinkat(shm, file, 0) == 0)
		return 0;
	/* The sticky directory says EPERM; sem_unlink(3) and shm_unlink(3) have EACCES for it. */
	if (errno == EPERM || errno == EACCES)
		return refuse_permission(call, EACCES, place,
					 "only the owner of a %s may remove it", family->what);
	return -errno;
}

/* Of the file that @fd is, opened with O_PATH. */
static int change_opened(int fd, const struct place *place, const struct change *change)
{
	char path[FD_PATH_SIZE];
	struct stat before;
	int result;

	fd_path(fd, path);
	if (fstat(fd, &before) < 0)
		return -errno;
	if (!is_object(place, &before))
		return -ENOENT;
	if (change->has_mode && chmod(path, change->mode & 0666) < 0)
		return -errno;
	if ((!change->has_uid && !change->has_gid) ||
	    fchownat(fd, "", change->has_uid ? change->uid : (uid_t)-1,
		     change->has_gid ? change->gid : (gid_t)-1, AT_EMPTY_PATH) == 0)
		return 0;
	result = -errno;
	if (change->has_mode)
		chmod(path, before.st_mode & 0777); /* all or nothing */
	return result;
}

int devshm_change(const struct devshm_family *family, struct call *call, const struct place *place,
		  const struct change *change)
{
	char file[NAME_MAX + 1];
	int fd, result = file_name(family, call, place->name, file);

	if (result == 0)
		result = change_check(call, change);
	if (result < 0)
		return result;
	/* The very file that is found regular, not one that a link puts in its place meanwhile. */
	fd = entry_open(shm, file, O_PATH);
	if (fd < 0)
		return fd;
	result = change_opened(fd, place, change);
	close(fd);
	if (result == -EPERM)
		return refuse_permission(call, EPERM, place, "only the owner of a %s may change it",
					 family->what);
	return result;
}

int devshm_rename(const struct devshm_family *family, struct call *call, const struct place *place,
		  const char *to, unsigned flags)
{
	char from_file[NAME_MAX + 1], to_file[NAME_MAX + 1];
	struct object_name name;
	struct stat st;
	int result = object_name_read(call, to, true, &name);

	if (result < 0)
		return result;
	if (name.family != FAMILY_POSIX)
		return refuse(call, EPERM,
			      "'%s' is a key or an id of System V, which the kernel gives: a POSIX "
			      "%s of that name is posix:%s",
			      to, family->what, to);
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	result = file_name(family, call, place->name, from_file);
	if (result == 0)
		result = new_name(family, call, name.posix, to_file);
	if (result == 0)
		result = look_at(from_file, place, &st);
	if (result < 0)
		return result;
	return renameat2(shm, from_file, shm, to_file, flags) == 0 ? 0 : -errno;
}
