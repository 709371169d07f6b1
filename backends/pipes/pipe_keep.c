/*
 * pipe_keep.c - FIFOs that the daemon holds open at both ends: no writer waits for a reader, what
 * was written stays, and no reader comes to an end.
 *
 * A FIFO is opened as the caller, who must be allowed to read and to write it.  Its memory is
 * charged to the daemon's real user, like all that the daemon has, and bounded by what the kernel
 * lets unprivileged openers have together (fs.pipe-user-pages-soft).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/apart.h"
#include "common/descriptors.h"
#include "common/entry.h"
#include "common/quota.h"
#include "pipe.h"

struct kept {
	struct pipe_key key;
	struct quota_share share; /* of who wanted it */
	int fd;
	UT_hash_handle hh;
};

static struct {
	pthread_mutex_t lock;
	struct kept *all;
	int directory;
	int removals; /* inotify of the directory; -1 with the errno */
	int error;
	bool watched;
} keep = {.lock = PTHREAD_MUTEX_INITIALIZER, .directory = -1, .removals = -1};

int pipe_keep_setup(int directory)
{
	char path[32];

	keep.directory = directory;
	if (directory < 0)
		return 0;
	if (keep.removals < 0)
		keep.removals = inotify_init1(IN_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	/* A file renamed over another removes that one. */
	if (keep.removals >= 0 &&
	    inotify_add_watch(keep.removals, path, IN_DELETE | IN_MOVED_TO) >= 0)
		return 0;
	/* There are pipes all the same, but none that can be kept. */
	keep.error = errno;
	if (keep.removals >= 0)
		close(keep.removals);
	keep.removals = -1;
	return 0;
}

/* With the lock held. */
static struct kept *kept_find(const struct pipe_key *key)
{
	struct kept *kept;

	HASH_FIND(hh, keep.all, key, sizeof(*key), kept);
	return kept;
}

bool pipe_is_kept(const struct pipe_key *key)
{
	bool found;

	pthread_mutex_lock(&keep.lock);
	found = kept_find(key);
	pthread_mutex_unlock(&keep.lock);
	return found;
}

int pipe_keep_descriptor(const struct pipe_key *key)
{
	struct kept *kept;
	int fd = -1;

	pthread_mutex_lock(&keep.lock);
	kept = kept_find(key);
	if (kept)
		fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&keep.lock);
	return fd;
}

/* With the lock held: takes it out; what is returned has to be closed without the lock. */
static int kept_take(struct kept *kept)
{
	int fd = kept->fd;

	HASH_DEL(keep.all, kept);
	quota_drop(&kept->share);
	free(kept);
	return fd;
}

void pipe_keep_end(const struct pipe_key *key)
{
	struct kept *kept;
	int fd = -1;

	pthread_mutex_lock(&keep.lock);
	kept = kept_find(key);
	if (kept)
		fd = kept_take(kept);
	pthread_mutex_unlock(&keep.lock);
	if (fd >= 0)
		apart_close(fd);
}

/* One whose FIFO has no name any more; -1: all have. */
static int sweep_one(void)
{
	struct kept *kept, *next;
	int fd = -1;

	pthread_mutex_lock(&keep.lock);
	HASH_ITER(hh, keep.all, kept, next) {
		struct stat st;

		if (fstat(kept->fd, &st) == 0 && st.st_nlink == 0) {
			fd = kept_take(kept);
			break;
		}
	}
	pthread_mutex_unlock(&keep.lock);
	return fd;
}

void pipe_keep_sweep(void)
{
	int fd;

	while ((fd = sweep_one()) >= 0)
		apart_close(fd);
}

/* Whoever reads from a FIFO that someone removes comes to its end as without the daemon. */
static void *watch(void *unused)
{
	_Alignas(struct inotify_event) char events[4096];

	while (read(keep.removals, events, sizeof(events)) > 0 || errno == EINTR)
		pipe_keep_sweep();
	return unused;
}

/* As the daemon: the thread has the ids of who makes it. */
static int watch_start(void *unused)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, watch, NULL);

	if (!error)
		pthread_detach(thread);
	/* EAGAIN would mean "not now". */
	return error == EAGAIN ? -ENOMEM : -error;
}

static int watch_begin(struct call *call)
{
	int error = 0;

	if (keep.removals < 0)
		return refuse(
			call, keep.error,
			"the directory of pipes cannot be watched for removals (inotify: %s), "
			"so no pipe can be kept",
			strerror(keep.error));
	pthread_mutex_lock(&keep.lock);
	if (!keep.watched)
		error = as_daemon(call, watch_start, NULL);
	keep.watched = keep.watched || !error;
	pthread_mutex_unlock(&keep.lock);
	return error;
}

/* What opens the FIFO: the open takes the pipe's lock, so it happens apart. */
struct opening {
	char name[NAME_MAX + 1];
	struct pipe_key key;
	int fd, error;
};

static void open_step(void *context)
{
	struct opening *opening = context;
	struct pipe_key key;
	struct stat st;

	/* Neither waits for anyone nor follows a link that has come in the FIFO's place. */
	opening->fd = entry_open(keep.directory, opening->name, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (opening->fd >= 0 && descriptor_is_last(opening->fd)) {
		opening->error = -EMFILE;
		return;
	}
	if (opening->fd < 0) {
		opening->error = opening->fd;
		return;
	}
	opening->error = -ENOENT;
	if (fstat(opening->fd, &st) < 0)
		return;
	key = pipe_key_of(&st);
	if (S_ISFIFO(st.st_mode) && pipe_key_equal(&key, &opening->key))
		opening->error = 0;
}

static void open_drop(void *context)
{
	struct opening *opening = context;

	if (opening->fd >= 0)
		close(opening->fd);
	free(opening);
}

static int open_both(struct call *call, const char *name, const struct pipe_key *key)
{
	struct opening *opening = calloc(1, sizeof(*opening));
	int error, fd;

	if (!opening)
		return -ENOMEM;
	snprintf(opening->name, sizeof(opening->name), "%s", name);
	opening->key = *key;
	opening->fd = -1;
	error = apart_run(open_step, open_drop, opening);
	if (error == -ETIMEDOUT)
		return refuse(call, ETIMEDOUT,
			      "the pipe does not answer: a process that writes to it holds it up");
	if (!error)
		error = opening->error;
	fd = opening->fd;
	if (error)
		open_drop(opening);
	else
		free(opening);
	if (error == -EACCES)
		return refuse(call, EACCES,
			      "keeping a pipe open takes permission to read and to write it");
	if (error == -EMFILE)
		return refuse(call, EMFILE,
			      "RLIMIT_NOFILE: the daemon has as many files open as it may");
	return error ? error : fd;
}

int pipe_keep_begin(struct call *call, const char *name, const struct pipe_key *key)
{
	struct quota_share share = quota_share(QUOTA_PIPES, call->uid);
	struct kept *kept, *other;
	int fd = -1, error = watch_begin(call);
	bool added;

	/* To keep what is kept already takes permission, and nothing else. */
	if (!error && !pipe_is_kept(key))
		error = quota_take(call, &share, 1);
	if (!error)
		fd = open_both(call, name, key);
	if (error || fd < 0) {
		quota_drop(&share);
		return error ? error : fd;
	}
	kept = calloc(1, sizeof(*kept));
	if (!kept) {
		quota_drop(&share);
		apart_close(fd);
		return -ENOMEM;
	}
	kept->key = *key;
	kept->share = share;
	kept->fd = fd;
	pthread_mutex_lock(&keep.lock);
	other = kept_find(key);
	if (!other)
		HASH_ADD(hh, keep.all, key, sizeof(kept->key), kept);
	added = !other && HASH_HAS(hh, kept);
	pthread_mutex_unlock(&keep.lock);
	if (!added) {
		quota_drop(&kept->share);
		free(kept);
		apart_close(fd);
	}
	if (!added && !other)
		return -ENOMEM;
	/* Removed before it was in the table: the watch has not seen it there. */
	pipe_keep_sweep();
	return 0;
}
