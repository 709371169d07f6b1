/*
 * sem_posix.c - POSIX named semaphores: the files sem.NAME of /dev/shm.
 *
 * Whoever may write to /dev/shm can put anything there under such a name, and swap it at any
 * moment: only regular files count, links are never followed, and what has been opened is what is
 * judged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "names.h"
#include "sem.h"

#define PREFIX "sem."
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)

/* Opened once: all names are of the /dev/shm of that moment, whatever is mounted there later. */
static int shm = -1;
static int removals = -1;

int sem_posix_setup(void)
{
	char path[32];

	shm = open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shm < 0)
		return -errno;
	removals = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (removals < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", shm);
	/* A file renamed over another removes that one. */
	if (inotify_add_watch(removals, path, IN_DELETE | IN_MOVED_TO) < 0)
		return -errno;
	return 0;
}

int sem_posix_removals(void)
{
	return removals;
}

/* The file's name in /dev/shm. */
static int file_name(struct call *call, const char *name, char file[NAME_MAX + 1])
{
	size_t length = strlen(name);

	if (length == 0 || strchr(name, '/'))
		return -ENOENT;
	if (length > NAME_MAX - PREFIX_LENGTH)
		return refuse(call, ENAMETOOLONG,
			      "the name of a semaphore has at most %zu bytes, this one has %zu",
			      NAME_MAX - PREFIX_LENGTH, length);
	memcpy(file, PREFIX, PREFIX_LENGTH);
	memcpy(file + PREFIX_LENGTH, name, length + 1);
	return 0;
}

int sem_posix_look(const char *name, struct stat *st)
{
	char file[NAME_MAX + 1];
	int result = file_name(NULL, name, file);

	if (result < 0)
		return -ENOENT;
	if (fstatat(shm, file, st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return S_ISREG(st->st_mode) ? 0 : -ENOENT;
}

int sem_posix_open(struct call *call, const char *name, int flags, int *fd,
		   struct sem_futex **semaphore)
{
	char file[NAME_MAX + 1];
	struct stat st;
	int result = file_name(call, name, file);

	if (result < 0)
		return result;
	*fd = openat(shm, file, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0 && errno == EACCES)
		return refuse(call, EACCES, "%s",
			      flags == O_RDONLY
				      ? "looking at a POSIX semaphore needs read permission"
				      : "operating on a POSIX semaphore needs read and write "
					"permission, as sem_open does");
	if (*fd < 0)
		return errno == ELOOP || errno == ENXIO ? -ENOENT : -errno;
	result = sem_futex_open(*fd, flags == O_RDWR, semaphore);
	if (result == -EINVAL && fstat(*fd, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			result = -ENOENT;
		else if (st.st_size < (off_t)sizeof(sem_t))
			refuse(call, EINVAL,
			       "the file has %lld bytes and is no semaphore: one has %zu",
			       (long long)st.st_size, sizeof(sem_t));
		else
			refuse(call, EINVAL,
			       "the file is no semaphore shared between processes, neither of "
			       "glibc "
			       "nor of musl");
	}
	if (result < 0)
		close(*fd);
	return result;
}

int sem_posix_figures(struct call *call, const char *name, unsigned *value, unsigned *waiters)
{
	struct sem_futex *semaphore;
	int fd, result = sem_posix_open(call, name, O_RDONLY, &fd, &semaphore);

	if (result < 0)
		return result;
	result = sem_futex_value(semaphore, value, waiters);
	sem_futex_close(semaphore);
	close(fd);
	if (result == -EIO)
		return refuse(call, EIO, "the file has been cut short by its owner");
	return result;
}

/* Names that a directory can have; others can make files for more. */
static bool is_name(const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int sem_posix_walk(int (*each)(void *context, const char *name), void *context)
{
	/* Its own open directory: a shared one has one position for all. */
	int fd = openat(shm, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		result = -errno;
		if (fd >= 0)
			close(fd);
		return result;
	}
	while (result == 0 && (errno = 0, entry = readdir(dir))) {
		const char *name = entry->d_name + PREFIX_LENGTH;
		struct stat st;

		if (strncmp(entry->d_name, PREFIX, PREFIX_LENGTH) != 0 || !is_name(name))
			continue;
		if (entry->d_type == DT_REG ||
		    (entry->d_type == DT_UNKNOWN && sem_posix_look(name, &st) == 0))
			result = each(context, name);
	}
	if (result == 0 && errno != 0)
		result = -errno;
	closedir(dir);
	return result;
}

/* ---- the semaphore as a directory ---- */

int sem_posix_stat(const struct place *place, struct stat *st)
{
	struct stat file;
	int result = sem_posix_look(place->name, &file);

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

/*
 * What glibc and musl do with a temporary name is done without one: until the file has its name no
 * one can see it, then it is whole.
 */
int sem_posix_make(struct call *call, const char *name, mode_t mode, unsigned value)
{
	char file[NAME_MAX + 1], path[32];
	sem_t initial;
	ssize_t written;
	int fd, result = file_name(call, name, file);

	if (result < 0)
		return result;
	memset(&initial, 0, sizeof(initial));
	if (sem_init(&initial, 1, value) < 0)
		return -errno;
	fd = openat(shm, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	written = write(fd, &initial, sizeof(initial));
	if (written != (ssize_t)sizeof(initial))
		result = written < 0 ? -errno : -ENOSPC;
	else if (fchmod(fd, mode & 0666) < 0)
		result = -errno;
	else if (linkat(AT_FDCWD, path, shm, file, AT_SYMLINK_FOLLOW) < 0)
		result = -errno;
	sem_destroy(&initial);
	close(fd);
	if (result == -EEXIST)
		return refuse(call, EEXIST, "there is a file /dev/shm/%.200s", file);
	return result;
}

int sem_posix_remove(struct call *call, const struct place *place)
{
	char file[NAME_MAX + 1];
	int result = file_name(call, place->name, file);

	if (result < 0)
		return result;
	if (unlinkat(shm, file, 0) == 0)
		return 0;
	/* The sticky directory says EPERM; sem_unlink(3) has EACCES for it. */
	if (errno == EPERM || errno == EACCES)
		return refuse(call, EACCES, "only the owner of a semaphore may remove it");
	return -errno;
}

int sem_posix_change(struct call *call, const struct place *place, const struct change *change)
{
	char file[NAME_MAX + 1], path[32];
	struct stat before;
	int fd, result = file_name(call, place->name, file);

	if (result < 0)
		return result;
	if ((change->has_uid && change->uid == (uid_t)-1) ||
	    (change->has_gid && change->gid == (gid_t)-1))
		return refuse(call, EINVAL, "4294967295 is no user's and no group's id");
	/* The very file that was found regular, not one that a link puts in its place meanwhile. */
	fd = openat(shm, file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &before) < 0)
		result = -errno;
	else if (!S_ISREG(before.st_mode))
		result = -ENOENT;
	else if (change->has_mode && chmod(path, change->mode & 0666) < 0)
		result = -errno;
	else if ((change->has_uid || change->has_gid) &&
		 fchownat(fd, "", change->has_uid ? change->uid : (uid_t)-1,
			  change->has_gid ? change->gid : (gid_t)-1, AT_EMPTY_PATH) < 0) {
		result = -errno;
		if (change->has_mode)
			chmod(path, before.st_mode & 0777); /* all or nothing */
	}
	close(fd);
	if (result == -EPERM)
		return refuse(call, EPERM, "only the owner of a semaphore may change it");
	return result;
}

int sem_posix_rename(struct call *call, const struct place *place, const char *to, unsigned flags)
{
	char from_file[NAME_MAX + 1], to_file[NAME_MAX + 1];
	struct object_name name;
	int result = object_name_read(call, to, true, &name);

	if (result < 0)
		return result;
	if (name.family != FAMILY_POSIX)
		return refuse(call, EPERM,
			      "'%s' is a key or an id of System V, which the kernel gives: a POSIX "
			      "semaphore of that name is posix:%s",
			      to, to);
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	result = file_name(call, place->name, from_file);
	if (result == 0)
		result = file_name(call, name.posix, to_file);
	if (result < 0)
		return result;
	return renameat2(shm, from_file, shm, to_file, flags) == 0 ? 0 : -errno;
}

/* ---- figures ---- */

int sem_posix_show_value(struct call *call, const struct place *place, FILE *out)
{
	unsigned value, waiters;
	int result = sem_posix_figures(call, place->name, &value, &waiters);

	if (result == 0)
		fprintf(out, "%u\n", value);
	return result;
}

int sem_posix_store_value(struct call *call, const struct place *place, const char *text)
{
	return refuse(call, EOPNOTSUPP,
		      "POSIX has no call that sets a semaphore's value: op takes +k, -1, P and V");
}

int sem_posix_show_ncount(struct call *call, const struct place *place, FILE *out)
{
	unsigned value, waiters;
	int result = sem_posix_figures(call, place->name, &value, &waiters);

	if (result == 0)
		fprintf(out, "%u\n", waiters);
	return result;
}
