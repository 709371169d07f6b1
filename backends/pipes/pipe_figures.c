/*
 * pipe_figures.c - what is in a pipe and how much fits, asked of a descriptor that is fetched from
 * a process that has it open, or of the one that the daemon keeps.
 *
 * pidfd_getfd(2) goes by the real ids, and those are always the daemon's.  So a descriptor is
 * fetched only of whom the caller has just been seen to be allowed to look into, or of a FIFO that
 * it could open itself.  A process can open something else under that number meanwhile: what has
 * been fetched is compared with what was meant.
 *
 * All of this can be held up by a hostile user, see apart.h.  A pipe that does not answer is
 * remembered, and not asked again until it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/apart.h"
#include "common/descriptors.h"
#include "common/names.h"
#include "pipe.h"

enum {
	CANDIDATES = 4, /* holders that are tried, since one may end */
	CHUNK = 1024,   /* pipes that are asked in one step apart */
	SILENT_MAX = 2, /* those that do not answer, until no more are asked for one listing */
	STUCK_MAX = 32,
};

/* One pipe, and where its descriptor may be had. */
struct question {
	struct pipe_key key;
	bool kept;
	int count;
	struct {
		pid_t pid;
		int fd;
	} candidates[CANDIDATES];
	int error;
	int64_t bytes, capacity;
};

/* Is this descriptor the pipe?  What it may be instead must not be asked either. */
static bool is_pipe(int fd, const struct pipe_key *key)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &stx) ==
		       0 &&
	       S_ISFIFO(stx.stx_mode) && stx.stx_ino == key->ino &&
	       makedev(stx.stx_dev_major, stx.stx_dev_minor) == key->dev;
}

/* The process that was fetched from last: pipes that are met one after the other share it. */
struct source {
	pid_t pid; /* 0: none */
	int process;
};

static int source_open(struct source *source, pid_t pid)
{
	if (source->pid == pid)
		return 0;
	if (source->pid)
		close(source->process);
	source->pid = 0;
	source->process = pidfd_open(pid, 0);
	if (source->process < 0)
		return -errno;
	source->pid = pid;
	return 0;
}

static void source_close(struct source *source)
{
	if (source->pid)
		close(source->process);
}

static int fetch_from(struct source *source, pid_t pid, int number, const struct pipe_key *key)
{
	int fd = source_open(source, pid);

	if (fd == 0) {
		fd = pidfd_getfd(source->process, number, 0);
		if (fd < 0)
			return errno == EBADF ? -ESRCH : -errno;
	}
	if (fd < 0 || is_pipe(fd, key))
		return fd;
	close(fd);
	return -ESRCH;
}

/* A descriptor of the pipe.  -ESRCH: nobody has it open any more; -EPERM: not even the daemon. */
static int fetch(const struct question *question, struct source *source)
{
	int result = -ESRCH;

	if (question->kept) {
		result = pipe_keep_descriptor(&question->key);
		if (result >= 0)
			return result;
		result = -ESRCH;
	}
	for (int i = 0; i < question->count; i++) {
		int fd = fetch_from(source, question->candidates[i].pid, question->candidates[i].fd,
				    &question->key);

		if (fd >= 0)
			return fd;
		if (fd != -ESRCH)
			result = fd;
	}
	return result;
}

static void question_answer(struct question *question, struct source *source)
{
	int fd = fetch(question, source), bytes = 0, capacity;

	question->bytes = question->capacity = -1;
	question->error = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	capacity = fcntl(fd, F_GETPIPE_SZ);
	if (capacity < 0 || ioctl(fd, FIONREAD, &bytes) < 0) {
		question->error = -errno;
	} else {
		question->bytes = bytes;
		question->capacity = capacity;
	}
	close(fd);
}

/* Only of a pipe that the caller may know (pipe_is_known).  Holders it can look at come first. */
static void question_ask(struct question *question, const struct pipe_seen *pipe)
{
	memset(question, 0, sizeof(*question));
	question->key = pipe->key;
	question->kept = pipe->kept;
	for (int hidden = 0; hidden <= 1; hidden++) {
		for (size_t i = 0; i < pipe->holders_count && question->count < CANDIDATES; i++) {
			const struct pipe_holder *holder = &pipe->holders[i];

			if (holder->process->hidden != hidden || (holder->how & PIPE_KEEP))
				continue;
			question->candidates[question->count].pid = holder->process->pid;
			question->candidates[question->count].fd = holder->fd;
			question->count++;
		}
	}
}

/* ---- pipes that do not answer ---- */

static struct {
	pthread_mutex_t lock;
	struct pipe_key keys[STUCK_MAX];
	size_t count;
} stuck = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With so many of them, no pipe is asked any more. */
static bool is_stuck(const struct pipe_key *key)
{
	bool found;

	pthread_mutex_lock(&stuck.lock);
	found = stuck.count == STUCK_MAX;
	for (size_t i = 0; i < stuck.count && !found; i++)
		found = pipe_key_equal(&stuck.keys[i], key);
	pthread_mutex_unlock(&stuck.lock);
	return found;
}

/*
 * What a step apart works on.  Two hold it: the step, if it is left alone, and who waits.  A step
 * that is left alone at a pipe takes that pipe from the list at its end.
 */
struct job {
	atomic_int references;
	bool ended, left; /* under stuck.lock */
	struct pipe_key left_at;
	void (*act)(struct job *job);
	atomic_size_t at;
	size_t count;
	int64_t capacity; /* of job_set */
	int fd;
	struct question questions[];
};

static struct job *job_new(void (*act)(struct job *job), size_t count)
{
	struct job *job = calloc(1, sizeof(*job) + count * sizeof(*job->questions));

	if (job) {
		job->references = 2;
		job->act = act;
		job->count = count;
		job->fd = -1;
	}
	return job;
}

static void job_release(struct job *job)
{
	if (atomic_fetch_sub(&job->references, 1) > 1)
		return;
	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

static void job_step(void *context)
{
	struct job *job = context;

	job->act(job);
}

static void job_drop(void *context)
{
	struct job *job = context;

	pthread_mutex_lock(&stuck.lock);
	job->ended = true;
	for (size_t i = 0; job->left && i < stuck.count; i++) {
		if (pipe_key_equal(&stuck.keys[i], &job->left_at)) {
			stuck.keys[i] = stuck.keys[--stuck.count];
			break;
		}
	}
	pthread_mutex_unlock(&stuck.lock);
	job_release(job);
}

static void job_leave(struct job *job)
{
	size_t at = atomic_load(&job->at);

	pthread_mutex_lock(&stuck.lock);
	if (!job->ended && at < job->count && stuck.count < STUCK_MAX) {
		job->left = true;
		job->left_at = job->questions[at].key;
		stuck.keys[stuck.count++] = job->left_at;
	}
	pthread_mutex_unlock(&stuck.lock);
}

/* 0, or -ETIMEDOUT: then what comes before job->at has been done.  One reference is left. */
static int job_run(struct job *job)
{
	int error = apart_run(job_step, job_drop, job);

	if (error == -ETIMEDOUT)
		job_leave(job);
	else
		job_release(job);
	return error;
}

/* ---- asking many ---- */

static void act_answer(struct job *job)
{
	struct source source = {.pid = 0};

	for (size_t i = 0; i < job->count; i++) {
		atomic_store(&job->at, i);
		question_answer(&job->questions[i], &source);
	}
	atomic_store(&job->at, job->count);
	source_close(&source);
}

struct asking {
	struct pipe_seen **pipes;
	size_t count;
};

/* Asks up to CHUNK of them, and returns how many of them are settled; the last may be silent. */
static size_t ask_chunk(struct pipe_seen **pipes, size_t count, int *silent)
{
	struct job *job = job_new(act_answer, count);
	size_t done = 0;
	int error = -ENOMEM;

	if (job) {
		for (size_t i = 0; i < count; i++)
			question_ask(&job->questions[i], pipes[i]);
		error = job_run(job);
		done = error == -ETIMEDOUT ? atomic_load(&job->at) : error ? 0 : count;
	}
	for (size_t i = 0; i < done; i++) {
		pipes[i]->error = job->questions[i].error;
		pipes[i]->bytes = job->questions[i].bytes;
		pipes[i]->capacity = job->questions[i].capacity;
	}
	if (job)
		job_release(job);
	if (done < count) {
		pipes[done++]->error = error ? error : -ETIMEDOUT;
		++*silent;
	}
	return done;
}

static int ask(void *context)
{
	struct asking *asking = context;
	int silent = 0;

	for (size_t at = 0; at < asking->count;) {
		size_t left = asking->count - at;

		if (silent < SILENT_MAX)
			at += ask_chunk(asking->pipes + at, left < CHUNK ? left : CHUNK, &silent);
		else
			asking->pipes[at++]->error = -ETIMEDOUT;
	}
	return 0;
}

int pipe_figures_get(struct pipe_scan *scan)
{
	struct asking asking = {.pipes = calloc(HASH_COUNT(scan->pipes) + 1, sizeof(void *))};
	struct pipe_seen *pipe, *next;

	if (!asking.pipes)
		return -ENOMEM;
	HASH_ITER(hh, scan->pipes, pipe, next) {
		pipe->bytes = pipe->capacity = -1;
		pipe->error = pipe_is_known(pipe) ? 0 : -EACCES;
		if (pipe->error)
			continue;
		if (pipe->holders_count == 0 && !pipe->kept)
			pipe->bytes = 0; /* there is none to have anything in it */
		else if (is_stuck(&pipe->key))
			pipe->error = -ETIMEDOUT;
		else
			asking.pipes[asking.count++] = pipe;
	}
	if (asking.count > 0)
		as_daemon(scan->call, ask, &asking);
	free(asking.pipes);
	HASH_ITER(hh, scan->pipes, pipe, next) {
		if (is_shortage(pipe->error))
			return pipe->error;
		scan->silent += pipe->error && pipe->error != -EACCES;
	}
	return 0;
}

/* ---- setting the capacity ---- */

static void act_fetch(struct job *job)
{
	struct source source = {.pid = 0};
	int fd = fetch(&job->questions[0], &source);

	source_close(&source);
	job->fd = fd;
	job->questions[0].error = fd < 0 ? fd : 0;
}

/* As the caller: the kernel's limits are those of who asks. */
static void act_set(struct job *job)
{
	int bytes;

	if (fcntl(job->fd, F_SETPIPE_SZ, (unsigned)job->capacity) >= 0)
		return;
	job->questions[0].error = -errno;
	job->questions[0].bytes = ioctl(job->fd, FIONREAD, &bytes) < 0 ? -1 : bytes;
}

static int run_as_daemon(void *context)
{
	return job_run(context);
}

/* A number of /proc/sys/fs, pipe-max-size and so on; -1: not known. */
static int64_t limit_read(const char *name)
{
	char path[64];
	long long value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/fs/%s", name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%lld", &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

static int refuse_capacity(struct call *call, int error, int64_t asked, int64_t bytes)
{
	int64_t most = limit_read("pipe-max-size");

	switch (-error) {
	case EPERM:
		if (asked > most)
			return refuse(call, EPERM,
				      "fs.pipe-max-size is %lld, %lld is more, and more takes "
				      "CAP_SYS_RESOURCE",
				      (long long)most, (long long)asked);
		return refuse(call, EPERM,
			      "the pipes of the user who made this one would have more pages than "
			      "fs.pipe-user-pages-soft (%lld) or fs.pipe-user-pages-hard (%lld)",
			      (long long)limit_read("pipe-user-pages-soft"),
			      (long long)limit_read("pipe-user-pages-hard"));
	case EBUSY:
		return refuse(call, EBUSY,
			      "%lld bytes are in the pipe and take more room than %lld",
			      (long long)bytes, (long long)asked);
	case ETIMEDOUT:
		return refuse(call, ETIMEDOUT,
			      "the pipe does not answer: a process that writes to it holds it up");
	case ESRCH:
		return refuse(call, ENXIO,
			      "nobody has the pipe open, and it has a capacity only as long as "
			      "someone has: keep=1 makes it last");
	default:
		return error;
	}
}

int pipe_capacity_read(struct call *call, const char *text, int64_t *capacity)
{
	return number_read(call, "capacity in bytes", text, 1, INT32_MAX, capacity);
}

int pipe_capacity_set(struct call *call, const struct pipe_seen *pipe, int64_t capacity)
{
	struct job *fetching, *setting;
	int error, fd;
	int64_t bytes;

	if (is_stuck(&pipe->key))
		return refuse_capacity(call, -ETIMEDOUT, capacity, 0);
	fetching = job_new(act_fetch, 1);
	if (!fetching)
		return -ENOMEM;
	question_ask(&fetching->questions[0], pipe);
	error = as_daemon(call, run_as_daemon, fetching);
	if (!error)
		error = fetching->questions[0].error;
	if (error) {
		job_release(fetching);
		return refuse_capacity(call, error, capacity, 0);
	}
	fd = fetching->fd;
	fetching->fd = -1;
	job_release(fetching);
	setting = job_new(act_set, 1);
	if (!setting) {
		apart_close(fd);
		return -ENOMEM;
	}
	setting->questions[0].key = pipe->key;
	setting->fd = fd;
	setting->capacity = capacity;
	error = job_run(setting);
	if (!error)
		error = setting->questions[0].error;
	bytes = error == -ETIMEDOUT ? 0 : setting->questions[0].bytes;
	job_release(setting);
	return error ? refuse_capacity(call, error, capacity, bytes) : 0;
}
