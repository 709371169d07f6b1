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
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utlist.h>

#include "common/entry.h"
#include "common/hash.h"
#include "common/quota.h"
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
	struct sock_bound *next_lost;
	struct sock_key key;
	char name[NAME_ROOM]; /* its sort in front */
	atomic_uint references;
	atomic_bool removed;
	struct quota_share kept; /* of who made it: no process has to stay for it */
	int fd;                  /* once removed, of a socket that can do nothing */
	int member;              /* a socket that only is in the group, -1: none */
	int judge;               /* the file whose owner and mode are the socket's */
	int file;                /* of a unix socket that has a name: O_PATH of that, -1: none */
	int type;
};

static struct {
	pthread_mutex_t lock;
	struct sock_bound *by_key, *by_name;
	int directory; /* where unix sockets have their files */
	int dead;      /* takes the place of a removed one: polls as ready, is no socket */
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

/* The path by which a descriptor was opened, as it is now; false: there is none of that length. */
static bool path_now(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t length;

	path_of(fd, link);
	length = readlink(link, path, PATH_MAX);
	if (length < 0 || length == PATH_MAX)
		return false;
	path[length] = '\0';
	return true;
}

/*
 * A unix socket can lose its file to anybody's rm or mv, and is then no more.  This is asked by the
 * reactor and with locks held, so it asks the file, not the directory, whose lock a user can keep:
 * a file without a link is nobody's, and one that is known by another path has been moved.
 */
static bool has_lost_its_file(const struct sock_bound *bound)
{
	char path[PATH_MAX], directory[PATH_MAX];
	struct stat st;
	size_t length;

	if (bound->key.sort != SOCK_UNIX)
		return false;
	if (bound->file < 0 || fstat(bound->file, &st) < 0 || !st.st_nlink)
		return true;
	if (!path_now(bound->file, path) || !path_now(table.directory, directory))
		return true;
	length = strlen(directory);
	return strncmp(path, directory, length) != 0 || path[length] != '/' ||
	       strcmp(path + length + 1, bound->name + 1) != 0;
}

/* The file of a unix socket that has just been bound.  -ENOENT: it has been lost already. */
static int file_of(const struct sock_bound *bound)
{
	int fd = entry_open(table.directory, bound->name + 1, O_PATH);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && st.st_ino == bound->key.identity))
		return fd;
	close(fd);
	return -ENOENT;
}

/* At the end of the daemon: a file that leads to no socket would keep its name from the next. */
static void unlink_files(void)
{
	struct sock_bound *bound, *next;

	pthread_mutex_lock(&table.lock);
	HASH_ITER(by_key, table.by_key, bound, next)
		if (bound->key.sort == SOCK_UNIX && !has_lost_its_file(bound))
			unlinkat(table.directory, bound->name + 1, 0);
	pthread_mutex_unlock(&table.lock);
}

int sock_bound_setup(int directory)
{
	char path[32];

	table.directory = directory;
	table.dead = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
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
	if (atexit(unlink_files))
		return -ENOMEM;
	path_of(directory, path);
	return inotify_add_watch(table.removals, path, IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) < 0
		       ? -errno
		       : 0;
}

int sock_bound_removals(void)
{
	return table.removals;
}

uint64_t sock_cookie(int fd)
{
	socklen_t length = sizeof(uint64_t);
	uint64_t cookie = 0;

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length);
	return cookie;
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
	if (bound->judge >= 0)
		close(bound->judge);
	if (bound->file >= 0)
		close(bound->file);
	if (bound->member >= 0)
		close(bound->member);
	quota_drop(&bound->kept);
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

int sock_bound_gone(struct sock_bound *bound)
{
	if (!bound->removed && has_lost_its_file(bound))
		sock_bound_remove(bound);
	return bound->removed ? -EIDRM : 0;
}

void sock_bound_sweep(void)
{
	struct sock_bound *bound, *next, *lost = NULL;

	pthread_mutex_lock(&table.lock);
	HASH_ITER(by_key, table.by_key, bound, next) {
		if (!has_lost_its_file(bound))
			continue;
		table_remove(bound);
		LL_PREPEND2(lost, bound, next_lost);
	}
	pthread_mutex_unlock(&table.lock);
	LL_FOREACH_SAFE2(lost, bound, next, next_lost)
	dismiss(bound);
}

/* Holds it, with the lock held; NULL for none. */
static struct sock_bound *hold(struct sock_bound *bound)
{
	if (bound)
		atomic_fetch_add(&bound->references, 1);
	return bound;
}

/* What was looked up and is held; what has lost its file is none. */
static struct sock_bound *unless_lost(struct sock_bound *bound)
{
	if (!bound || !sock_bound_gone(bound))
		return bound;
	sock_bound_release(bound);
	return NULL;
}

struct sock_bound *sock_bound_find(enum sock_sort sort, const char *name)
{
	struct sock_bound *bound;
	char text[NAME_ROOM];

	name_make(sort, name, text);
	pthread_mutex_lock(&table.lock);
	HASH_FIND(by_name, table.by_name, text, strlen(text), bound);
	bound = hold(bound);
	pthread_mutex_unlock(&table.lock);
	return unless_lost(bound);
}

struct sock_bound *sock_bound_hold(enum sock_sort sort, uint64_t identity)
{
	struct sock_key key = {(uint64_t)sort, identity};
	struct sock_bound *bound;

	pthread_mutex_lock(&table.lock);
	HASH_FIND(by_key, table.by_key, &key, sizeof(key), bound);
	bound = hold(bound);
	pthread_mutex_unlock(&table.lock);
	return unless_lost(bound);
}

/* With the lock held: puts it into the table.  -EEXIST, -ENOMEM. */
static int table_add(struct sock_bound *bound)
{
	struct sock_bound *other;

	HASH_FIND(by_name, table.by_name, bound->name, strlen(bound->name), other);
	if (other)
		return -EEXIST;
	HASH_ADD(by_key, table.by_key, key, sizeof(bound->key), bound);
	if (!HASH_HAS(by_key, bound))
		return -ENOMEM;
	HASH_ADD_KEYPTR(by_name, table.by_name, bound->name, strlen(bound->name), bound);
	if (!HASH_HAS(by_name, bound)) {
		HASH_DELETE(by_key, table.by_key, bound);
		return -ENOMEM;
	}
	return 0;
}

static int files_open(struct call *call, struct sock_bound *bound, mode_t mode)
{
	bound->judge = file_new(bound->key.sort == SOCK_UNIX ? 0600 : mode);
	if (bound->judge < 0)
		return sock_refuse_open(call, bound->judge);
	if (bound->key.sort != SOCK_UNIX)
		return 0;
	bound->file = file_of(bound);
	return bound->file >= 0 || bound->file == -ENOENT ? 0 : sock_refuse_open(call, bound->file);
}

int sock_bound_keep(struct call *call, const struct sock_keeping *keeping)
{
	struct sock_bound *bound = calloc(1, sizeof(*bound)), *other;
	socklen_t length = sizeof(bound->type);
	int error;

	if (!bound) {
		close(keeping->fd);
		if (keeping->member >= 0)
			close(keeping->member);
		return -ENOMEM;
	}
	bound->kept = quota_share(QUOTA_SOCKETS, call->uid);
	bound->fd = keeping->fd;
	bound->member = keeping->member;
	bound->key = (struct sock_key){(uint64_t)keeping->sort, keeping->identity};
	name_make(keeping->sort, keeping->name, bound->name);
	getsockopt(bound->fd, SOL_SOCKET, SO_TYPE, &bound->type, &length);
	atomic_init(&bound->references, 1);
	bound->judge = bound->file = -1;
	error = quota_take(call, &bound->kept, 1);
	if (!error)
		error = files_open(call, bound, keeping->mode);
	if (error) {
		sock_bound_release(bound);
		return error;
	}
	/* Drops one of the name that has lost its file. */
	other = sock_bound_find(keeping->sort, keeping->name);
	if (other)
		sock_bound_release(other);
	pthread_mutex_lock(&table.lock);
	error = table_add(bound);
	pthread_mutex_unlock(&table.lock);
	if (error)
		sock_bound_release(bound);
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

int sock_bound_admit(struct call *call, struct sock_bound *bound, int flags)
{
	char path[32];
	int fd;

	path_of(bound->judge, path);
	fd = open(path, (flags & O_ACCMODE) | O_CLOEXEC);
	if (fd < 0)
		return sock_refuse_open(call, -errno);
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
