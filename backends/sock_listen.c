/*
 * sock_listen.c - the sockets that were made through the tree: bound, and kept until rmdir.
 *
 * A socket has no owner and mode that the kernel would judge by.  So each has a file without a name
 * beside it, whose owner and mode they are: who may open that may use the socket, who may change
 * that may change and remove it.  Of a unix socket that has a name in the run directory owner and
 * mode say who may connect; to accept is its owner's alone, as without ipcfs.
 */
#include "sock_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#define uthash_fatal(message) abort() /* the daemon cannot go on with half a table */
#include <uthash.h>

#include "sock_stream.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum { NAME_ROOM = 128 };

struct sock_key {
	uint64_t sort, identity;
};

struct sock_bound {
	UT_hash_handle by_key, by_name;
	struct sock_key key;
	char name[NAME_ROOM]; /* its sort in front */
	atomic_uint references;
	atomic_bool removed;
	int fd;    /* once removed, of a socket that can do nothing */
	int judge; /* the file whose owner and mode are the socket's */
	int type;
};

static struct {
	pthread_mutex_t lock;
	struct sock_bound *by_key, *by_name;
	int directory; /* where unix sockets have their files */
	int dead;      /* a socket that is neither bound nor connected */
	int removals, bell;
} table = {PTHREAD_MUTEX_INITIALIZER, .directory = -1, .dead = -1, .removals = -1, .bell = -1};

/* A file without a name, of whoever the thread is. */
static int file_new(mode_t mode)
{
	int fd = memfd_create("ipcfs-socket", MFD_CLOEXEC | MFD_NOEXEC_SEAL), error;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("ipcfs-socket", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode & 0666) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void path_of(int fd, char path[32])
{
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

int sock_bound_setup(int directory)
{
	char path[32];

	table.directory = directory;
	table.dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	table.bell = file_new(0666);
	table.removals = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (table.dead < 0 || table.bell < 0 || table.removals < 0)
		return -errno;
	/* Whoever removes a socket touches this file, and so wakes who watches. */
	path_of(table.bell, path);
	if (inotify_add_watch(table.removals, path, IN_ATTRIB) < 0)
		return -errno;
	if (directory < 0)
		return 0;
	path_of(directory, path);
	return inotify_add_watch(table.removals, path, IN_DELETE | IN_MOVED_FROM) < 0 ? -errno : 0;
}

int sock_bound_removals(void)
{
	return table.removals;
}

uint64_t sock_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static void name_make(enum sock_sort sort, const char *name, char text[NAME_ROOM])
{
	snprintf(text, NAME_ROOM, "%c%s", (char)sort, name);
}

void sock_bound_release(struct sock_bound *bound)
{
	if (atomic_fetch_sub(&bound->references, 1) != 1)
		return;
	close(bound->fd);
	close(bound->judge);
	free(bound);
}

/* With the lock held. */
static void table_remove(struct sock_bound *bound)
{
	HASH_DELETE(by_key, table.by_key, bound);
	HASH_DELETE(by_name, table.by_name, bound);
	bound->removed = true;
}

/* It is in the table no more; closes the socket although it may be in use. */
static void dismiss(struct sock_bound *bound)
{
	/* Whoever polls it, or a copy of its descriptor, hears of it by this; the rest do by the
	   bell. */
	shutdown(bound->fd, SHUT_RDWR);
	dup3(table.dead, bound->fd, O_CLOEXEC);
	futimens(table.bell, NULL);
	sock_bound_release(bound);
}

/* A unix socket can lose its file to anybody's rm or mv, and is then no more. */
static bool has_lost_its_file(const struct sock_bound *bound)
{
	struct stat st;

	return bound->key.sort == SOCK_UNIX &&
	       (fstatat(table.directory, bound->name + 1, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		st.st_ino != bound->key.identity);
}

int sock_bound_gone(struct sock_bound *bound)
{
	return bound->removed || has_lost_its_file(bound) ? -EIDRM : 0;
}

/* Holds what was looked up, with the lock held; what has lost its file is taken out and is none. */
static struct sock_bound *hold_or_remove(struct sock_bound *bound, struct sock_bound **lost)
{
	*lost = NULL;
	if (!bound)
		return NULL;
	if (has_lost_its_file(bound)) {
		table_remove(bound);
		*lost = bound;
		return NULL;
	}
	atomic_fetch_add(&bound->references, 1);
	return bound;
}

struct sock_bound *sock_bound_find(enum sock_sort sort, const char *name)
{
	struct sock_bound *bound, *lost;
	char text[NAME_ROOM];

	name_make(sort, name, text);
	pthread_mutex_lock(&table.lock);
	HASH_FIND(by_name, table.by_name, text, strlen(text), bound);
	bound = hold_or_remove(bound, &lost);
	pthread_mutex_unlock(&table.lock);
	if (lost)
		dismiss(lost);
	return bound;
}

struct sock_bound *sock_bound_hold(enum sock_sort sort, uint64_t identity)
{
	struct sock_key key = {(uint64_t)sort, identity};
	struct sock_bound *bound, *lost;

	pthread_mutex_lock(&table.lock);
	HASH_FIND(by_key, table.by_key, &key, sizeof(key), bound);
	bound = hold_or_remove(bound, &lost);
	pthread_mutex_unlock(&table.lock);
	if (lost)
		dismiss(lost);
	return bound;
}

int sock_bound_keep(struct call *call, enum sock_sort sort, const char *name, uint64_t identity,
		    int fd, mode_t mode)
{
	struct sock_bound *bound = calloc(1, sizeof(*bound)), *other;
	socklen_t length = sizeof(bound->type);
	int error = 0;

	/* Drops one of the name that has lost its file. */
	other = sock_bound_find(sort, name);
	if (other)
		sock_bound_release(other);
	if (!bound) {
		close(fd);
		return -ENOMEM;
	}
	bound->fd = fd;
	bound->key = (struct sock_key){(uint64_t)sort, identity};
	name_make(sort, name, bound->name);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &bound->type, &length);
	atomic_init(&bound->references, 1);
	bound->judge = file_new(sort == SOCK_UNIX ? 0600 : mode);
	if (bound->judge < 0) {
		error = sock_refuse_open(call, bound->judge);
		close(fd);
		free(bound);
		return error;
	}
	pthread_mutex_lock(&table.lock);
	HASH_FIND(by_name, table.by_name, bound->name, strlen(bound->name), other);
	if (!other) {
		HASH_ADD(by_key, table.by_key, key, sizeof(bound->key), bound);
		HASH_ADD_KEYPTR(by_name, table.by_name, bound->name, strlen(bound->name), bound);
	}
	pthread_mutex_unlock(&table.lock);
	if (!other)
		return 0;
	sock_bound_release(bound);
	return -EEXIST;
}

int sock_bound_list(enum sock_sort sort,
		    int (*each)(void *context, const char *name, uint64_t identity), void *context)
{
	struct entry {
		char name[NAME_ROOM];
		uint64_t identity;
	} * entries;
	struct sock_bound *bound, *next;
	size_t count = 0;
	int error = 0;

	pthread_mutex_lock(&table.lock);
	entries = malloc((HASH_CNT(by_key, table.by_key) + 1) * sizeof(*entries));
	HASH_ITER(by_key, table.by_key, bound, next) {
		if (!entries || bound->key.sort != (uint64_t)sort || has_lost_its_file(bound))
			continue;
		strcpy(entries[count].name, bound->name + 1);
		entries[count++].identity = bound->key.identity;
	}
	pthread_mutex_unlock(&table.lock);
	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < count && !error; i++)
		error = each(context, entries[i].name, entries[i].identity);
	free(entries);
	return error;
}

int sock_bound_fd(const struct sock_bound *bound)
{
	return bound->fd;
}

uint64_t sock_bound_identity(const struct sock_bound *bound)
{
	return bound->key.identity;
}

int sock_bound_type(const struct sock_bound *bound)
{
	return bound->type;
}

int sock_bound_admit(struct sock_bound *bound, int flags)
{
	char path[32];
	int fd;

	path_of(bound->judge, path);
	fd = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int sock_bound_stat(const struct sock_bound *bound, struct stat *st)
{
	return fstat(bound->judge, st) < 0 ? -errno : 0;
}

int sock_bound_change(struct sock_bound *bound, const struct change *change)
{
	uid_t uid = change->has_uid ? change->uid : (uid_t)-1;
	gid_t gid = change->has_gid ? change->gid : (gid_t)-1;

	if (change->has_mode && fchmod(bound->judge, change->mode & 0666) < 0)
		return -errno;
	if ((change->has_uid || change->has_gid) && fchown(bound->judge, uid, gid) < 0)
		return -errno;
	return 0;
}

int sock_bound_admit_removal(struct sock_bound *bound)
{
	/* A time of one's own choice is for the owner to set, as a file in a sticky directory is
	   for its owner to remove. */
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 0}};

	clock_gettime(CLOCK_REALTIME, &times[1]);
	return futimens(bound->judge, times) < 0 ? -errno : 0;
}

void sock_bound_remove(struct sock_bound *bound)
{
	bool first;

	pthread_mutex_lock(&table.lock);
	first = !bound->removed;
	if (first)
		table_remove(bound);
	pthread_mutex_unlock(&table.lock);
	if (first)
		dismiss(bound);
}
