/*
 * sem_posix.c - POSIX named semaphores: the files sem.NAME of /dev/shm.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/devshm.h"
#include "sem.h"

static const struct devshm_family semaphores = {.what = "semaphore", .prefix = "sem."};

int sem_posix_look(const char *name, struct stat *st)
{
	return devshm_look(&semaphores, &(struct place){.name = name}, st);
}

int sem_posix_refuse_words(struct call *call, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_size >= (off_t)sizeof(sem_t))
		return refuse(call, ENOSPC,
			      "the file has no page yet, and /dev/shm is full: rmdir what nobody "
			      "needs, or mount it again with a larger size=");
	return refuse(call, EIO, "the file has been cut short by its owner");
}

int sem_posix_open(struct call *call, const char *name, int flags, int *fd,
		   struct sem_futex **semaphore)
{
	struct stat st;
	int result;

	*fd = devshm_open(&semaphores, call, &(struct place){.name = name}, flags);
	/* Who only looks closes it soon. */
	if (flags == O_RDWR)
		*fd = descriptor_keep(*fd);
	if (*fd == -EACCES)
		return refuse_permission(
			call, EACCES, &(struct place){.dir = &sem_posix_dir, .name = name},
			flags == O_RDONLY ? "looking at a POSIX semaphore needs read permission"
					  : "operating on a POSIX semaphore needs read and write "
					    "permission, as sem_open does");
	if (*fd < 0)
		return *fd;
	result = sem_futex_open(*fd, flags == O_RDWR, semaphore);
	if (result == -EINVAL && fstat(*fd, &st) == 0) {
		if (st.st_size < (off_t)sizeof(sem_t))
			refuse(call, EINVAL,
			       "the file has %lld bytes and is no semaphore: one has %zu",
			       (long long)st.st_size, sizeof(sem_t));
		else
			refuse(call, EINVAL,
			       "the file is no semaphore shared between processes, neither of "
			       "glibc nor of musl");
	}
	if (result == -EIO)
		result = sem_posix_refuse_words(call, *fd);
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
	if (result == -EIO)
		result = sem_posix_refuse_words(call, fd);
	sem_futex_close(semaphore);
	close(fd);
	return result;
}

int sem_posix_walk(devshm_each *each, void *context)
{
	return devshm_walk(&semaphores, each, context);
}

/* ---- the semaphore as a directory ---- */

int sem_posix_stat(const struct place *place, struct stat *st)
{
	return devshm_stat(&semaphores, place, st);
}

static int value_fill(int fd, const void *context)
{
	const unsigned *value = context;
	ssize_t written;
	sem_t initial;

	memset(&initial, 0, sizeof(initial));
	if (sem_init(&initial, 1, *value) < 0)
		return -errno;
	written = write(fd, &initial, sizeof(initial));
	sem_destroy(&initial);
	if (written == (ssize_t)sizeof(initial))
		return 0;
	return written < 0 ? -errno : -ENOSPC;
}

int sem_posix_make(struct call *call, const char *name, mode_t mode, unsigned value)
{
	uint64_t identity;

	return devshm_make(&semaphores, call, name, mode, value_fill, &value, &identity);
}

int sem_posix_remove(struct call *call, const struct place *place)
{
	return devshm_remove(&semaphores, call, place);
}

int sem_posix_change(struct call *call, const struct place *place, const struct change *change)
{
	return devshm_change(&semaphores, call, place, change);
}

int sem_posix_rename(struct call *call, const struct place *place, const char *to, unsigned flags)
{
	return devshm_rename(&semaphores, call, place, to, flags);
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
