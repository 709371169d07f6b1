/*
 * pipe_scan.c - who has which end of which pipe.
 *
 * First the caller looks into every process that it may look into, then the daemon into the others,
 * so each process is looked into once.  What the daemon alone can see is counted for pipes that the
 * caller knows of already, and names nobody.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"

/* ---- where a pipe was seen last ---- */

/*
 * Only a hint: whoever follows one is judged by the kernel, and what is found compared with what is
 * looked for.  Without it each look at an unnamed pipe would go through all processes again.
 */
struct hint {
	struct pipe_key key;
	pid_t pid;
	int fd;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct timespec times[3];
};

enum { HINTS = 8192 };

static struct {
	pthread_mutex_t lock;
	struct hint slots[HINTS];
} hints = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The kernel gives pipes inode numbers one after the other. */
static struct hint *hint_slot(const struct pipe_key *key)
{
	return &hints.slots[key->ino % HINTS];
}

static void hint_put(const struct pipe_key *key, const struct proc_fd *fd)
{
	pthread_mutex_lock(&hints.lock);
	*hint_slot(key) = (struct hint){
		.key = *key,
		.pid = fd->pid,
		.fd = fd->fd,
		.uid = fd->st.st_uid,
		.gid = fd->st.st_gid,
		.mode = fd->st.st_mode,
		.times = {fd->st.st_atim, fd->st.st_mtim, fd->st.st_ctim},
	};
	pthread_mutex_unlock(&hints.lock);
}

static bool hint_get(const struct pipe_key *key, struct hint *hint)
{
	pthread_mutex_lock(&hints.lock);
	*hint = *hint_slot(key);
	pthread_mutex_unlock(&hints.lock);
	return hint->pid != 0 && pipe_key_equal(&hint->key, key);
}

bool pipe_remembered(const struct pipe_key *key, struct stat *st)
{
	struct hint hint;

	if (!hint_get(key, &hint))
		return false;
	st->st_uid = hint.uid;
	st->st_gid = hint.gid;
	st->st_mode = hint.mode & 0777;
	st->st_atim = hint.times[0];
	st->st_mtim = hint.times[1];
	st->st_ctim = hint.times[2];
	return true;
}

/* ---- gathering ---- */

static struct pipe_seen *pipe_get(struct pipe_scan *scan, const struct pipe_key *key)
{
	struct pipe_seen *pipe;

	HASH_FIND(hh, scan->pipes, key, sizeof(*key), pipe);
	return pipe;
}

static struct pipe_seen *pipe_add(struct pipe_scan *scan, const struct pipe_key *key,
				  enum pipe_family family, const struct stat *st, const char *name)
{
	struct pipe_seen *pipe = calloc(1, sizeof(*pipe));

	if (!pipe)
		return NULL;
	pipe->key = *key;
	pipe->family = family;
	pipe->st = *st;
	pipe->bytes = pipe->capacity = -1;
	if (name) {
		pipe->name = strdup(name);
		if (!pipe->name) {
			free(pipe);
			return NULL;
		}
	}
	HASH_ADD(hh, scan->pipes, key, sizeof(pipe->key), pipe);
	if (!HASH_HAS(hh, pipe)) {
		free(pipe->name);
		free(pipe);
		return NULL;
	}
	return pipe;
}

/* The process; NULL with *error. */
static struct pipe_process *process_get(struct pipe_scan *scan, pid_t pid, int *error)
{
	struct pipe_process *process;

	HASH_FIND_INT(scan->processes, &pid, process);
	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	*error = process ? 0 : -ENOMEM;
	if (!process)
		return NULL;
	process->pid = pid;
	process->hidden = scan->hidden_now;
	if (!process->hidden)
		*error = proc_command(pid, process->command);
	if (*error) {
		free(process);
		return NULL;
	}
	HASH_ADD_INT(scan->processes, pid, process);
	if (!HASH_HAS(hh, process)) {
		*error = -ENOMEM;
		free(process);
		return NULL;
	}
	scan->hidden += process->hidden;
	return process;
}

static int holder_add(struct pipe_seen *pipe, struct pipe_process *process, int fd, unsigned how)
{
	struct pipe_holder *last =
		pipe->holders_count ? &pipe->holders[pipe->holders_count - 1] : NULL;

	/* The descriptors of a process come one after the other. */
	if (last && last->process == process) {
		last->how |= how;
		return 0;
	}
	if (pipe->holders_count == pipe->holders_room) {
		size_t room = pipe->holders_room ? 2 * pipe->holders_room : 2;
		struct pipe_holder *holders = reallocarray(pipe->holders, room, sizeof(*holders));

		if (!holders)
			return -ENOMEM;
		pipe->holders = holders;
		pipe->holders_room = room;
	}
	pipe->holders[pipe->holders_count++] =
		(struct pipe_holder){.process = process, .fd = fd, .how = how};
	return 0;
}

/* A pipe that is met for the first time: NULL with *error 0 if the scan is not about it. */
static struct pipe_seen *pipe_meet(struct pipe_scan *scan, const struct pipe_key *key,
				   const struct proc_fd *fd, int *error)
{
	bool unnamed = key->dev == pipe_anon_device();
	char path[PATH_MAX];
	struct pipe_seen *pipe;

	*error = 0;
	if ((scan->unnamed && !unnamed) || (scan->only && !pipe_key_equal(scan->only, key)))
		return NULL;
	if (!unnamed)
		*error = proc_fd_path(fd, path, sizeof(path));
	/* The kernel tells no path that is longer than PATH_MAX. */
	if (*error == -ENAMETOOLONG)
		*error = snprintf(path, sizeof(path), "?");
	if (*error < 0)
		return NULL;
	pipe = pipe_add(scan, key, unnamed ? PIPE_UNNAMED : PIPE_ELSEWHERE, &fd->st,
			unnamed ? NULL : path);
	*error = pipe ? 0 : -ENOMEM;
	return pipe;
}

/*
 * Of its own process the daemon shows what it was started with.  What else it has open it has
 * fetched to look at it, or keeps, and that is known.
 */
static bool is_own_business(const struct pipe_scan *scan, const struct proc_fd *fd)
{
	return fd->pid == scan->walk.self && fd->fd > STDERR_FILENO;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	struct pipe_scan *scan = context;
	struct pipe_key key = pipe_key_of(&fd->st);
	struct pipe_process *process;
	struct pipe_seen *pipe;
	int how, error = 0;

	if (is_own_business(scan, fd))
		return 0;
	pipe = pipe_get(scan, &key);
	if (!pipe && scan->hidden_now && scan->only)
		return 0;
	if (!pipe && !scan->hidden_now) {
		pipe = pipe_meet(scan, &key, fd, &error);
		if (!pipe)
			return error == -ESRCH ? 0 : error;
	}
	how = proc_fd_access(fd);
	if (how <= 0)
		return how;
	process = process_get(scan, fd->pid, &error);
	if (!process || !pipe)
		return error;
	if (process->hidden != scan->hidden_now)
		return 0; /* has become someone else meanwhile */
	if (!scan->hidden_now)
		hint_put(&key, fd);
	error = holder_add(pipe, process, fd->fd, (unsigned)how);
	return error ? error : scan->first;
}

int pipe_scan_add(struct pipe_scan *scan, const char *name, const struct stat *st, bool may_use)
{
	struct pipe_key key = pipe_key_of(st);
	struct pipe_seen *pipe = pipe_get(scan, &key);

	if (pipe) /* a second link to it */
		return 0;
	pipe = pipe_add(scan, &key, PIPE_NAMED, st, name);
	if (!pipe)
		return -ENOMEM;
	pipe->may_use = may_use;
	pipe->kept = pipe_is_kept(&key);
	return 0;
}

/* Pipes of which nobody turned out to be a holder, but for those that are there by themselves. */
static void pipes_prune(struct pipe_scan *scan)
{
	struct pipe_seen *pipe, *next;

	HASH_ITER(hh, scan->pipes, pipe, next) {
		if (pipe->family == PIPE_NAMED || pipe->holders_count > 0)
			continue;
		HASH_DEL(scan->pipes, pipe);
		free(pipe->holders);
		free(pipe->name);
		free(pipe);
	}
}

/* Looks where the pipe was seen last; true if it still is there and one holder is enough. */
static bool hint_follow(struct pipe_scan *scan)
{
	struct hint hint;

	return scan->only && scan->first && hint_get(scan->only, &hint) &&
	       hint.pid != scan->walk.self &&
	       proc_fds_one(hint.pid, hint.fd, S_IFIFO, descriptor, scan) > 0;
}

/* Kept ones have the daemon as a holder, which everyone may know. */
static int kept_add(struct pipe_scan *scan)
{
	struct pipe_process *keeper = &scan->keeper;
	struct pipe_seen *pipe, *next;
	int error = 0;

	HASH_ITER(hh, scan->pipes, pipe, next) {
		if (!pipe->kept)
			continue;
		if (!keeper->pid)
			error = proc_command(scan->walk.self, keeper->command);
		keeper->pid = scan->walk.self;
		keeper->has_uid = true;
		keeper->uid = getuid(); /* the effective one is a caller's for the moment */
		if (!error)
			error = holder_add(pipe, keeper, -1, PIPE_KEEP);
		if (error)
			return error;
	}
	return 0;
}

/* What comes now only the daemon may see. */
static int hide(void *context)
{
	struct pipe_scan *scan = context;

	pipes_prune(scan);
	scan->hidden_now = true;
	return 0;
}

struct proc_viewer pipe_scan_viewer(struct pipe_scan *scan)
{
	return (struct proc_viewer){
		.type = S_IFIFO, .descriptor = descriptor, .hide = hide, .context = scan};
}

int pipe_scan_visible(struct pipe_scan *scan)
{
	int result = 0;

	scan->walk.call = scan->call;
	scan->viewer = pipe_scan_viewer(scan);
	scan->walk.viewers = &scan->viewer;
	scan->walk.count = 1;
	scan->walk.self = proc_self();
	if (!hint_follow(scan))
		result = proc_scan_visible(&scan->walk);
	pipes_prune(scan);
	return result < 0 ? result : 0;
}

int pipe_scan_hidden(struct pipe_scan *scan)
{
	int result = proc_scan_hidden(&scan->walk);

	return result < 0 ? result : pipe_scan_complete(scan);
}

int pipe_scan_complete(struct pipe_scan *scan)
{
	scan->hidden_now = false;
	return kept_add(scan);
}

void pipe_scan_free(struct pipe_scan *scan)
{
	struct pipe_seen *pipe, *next;
	struct pipe_process *process, *next_process;

	HASH_ITER(hh, scan->pipes, pipe, next) {
		HASH_DEL(scan->pipes, pipe);
		free(pipe->holders);
		free(pipe->name);
		free(pipe);
	}
	HASH_ITER(hh, scan->processes, process, next_process) {
		HASH_DEL(scan->processes, process);
		free(process);
	}
	proc_scan_free(&scan->walk);
}

bool pipe_process_user(struct pipe_process *process)
{
	if (!process->has_uid)
		process->has_uid = proc_user(process->pid, &process->uid) == 0;
	return process->has_uid;
}

size_t pipe_count(const struct pipe_seen *pipe, unsigned how, bool hidden_only)
{
	size_t count = 0;

	for (size_t i = 0; i < pipe->holders_count; i++)
		count += (pipe->holders[i].how & how) &&
			 (!hidden_only || pipe->holders[i].process->hidden);
	return count;
}

bool pipe_is_known(const struct pipe_seen *pipe)
{
	if (pipe->may_use)
		return true;
	for (size_t i = 0; i < pipe->holders_count; i++)
		if (!pipe->holders[i].process->hidden && !(pipe->holders[i].how & PIPE_KEEP))
			return true;
	return false;
}
