/*
 * mq_fixture.h - an IPC namespace of its own, and the tables of mq/ by the names of their files.
 */
#ifndef IPCFS_MQ_FIXTURE_H
#define IPCFS_MQ_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../return_code.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "kinds.h"

#define NOBODY 64997 /* whose queues nobody else on the machine is charged for */
/* Of System V and of POSIX. */
#define SYSV "0x00000051"
#define POSIX "jobs"

static struct call call;

static void wake_nothing(int signal)
{
}

/* Leaves the machine's objects behind; where that is not allowed there is nothing to test (77). */
static inline void fixture_enter(void)
{
	struct sigaction action = {.sa_handler = wake_nothing}; /* no SA_RESTART */

	/* /dev/mqueue is for who cannot mount: a plain user, and valgrind, which knows no fsopen.
	 */
	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev", "tmpfs", 0, "mode=755") < 0 || mkdir("/dev/mqueue", 0755) < 0 ||
	    mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL) < 0) {
		fprintf(stderr, "needs namespaces of its own: %s\n", strerror(errno));
		exit(77);
	}
	umask(0);
	sigaction(SIGUSR1, &action, NULL);
	if (mq_kind.setup(&(struct settings){0}) < 0)
		abort();
	call = (struct call){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
}

/* The kernel judges by these from now on.  Groups stay. */
static inline void become(uid_t uid)
{
	assert_int_equal(setresuid((uid_t)-1, 0, (uid_t)-1), 0);
	/* The real one too: that is whom the kernel charges for POSIX queues. */
	assert_int_equal(setresuid(uid, uid, 0), 0);
	/* Another user's process can't be looked into, not even by its own leak checker. */
	prctl(PR_SET_DUMPABLE, 1);
}

extern const struct dir mq_dir;
static const struct place mq_root = {.dir = &mq_dir};

static inline int mq_lookup(const char *name, struct place *found)
{
	memset(&call.reason, 0, sizeof(call.reason));
	return mq_kind.dir->find(&call, &mq_root, name, found);
}

/* What find says of a name may be in memory that the next find uses. */
static inline struct place mq_at(const char *name)
{
	static char names[16][256];
	static unsigned next;
	struct place found = {NULL};
	int result = mq_lookup(name, &found);

	if (result < 0)
		fail_msg("%s: %s", name, strerror(-result));
	if (found.name) {
		char *copy = names[next++ % 16];

		found.name = strcpy(copy, found.name);
	}
	return found;
}

static inline int mq_mkdir(const char *name, mode_t mode)
{
	struct place made;

	memset(&call.reason, 0, sizeof(call.reason));
	return mq_kind.dir->make(&call, &mq_root, name, mode, &made);
}

static inline int mq_rmdir(const char *name)
{
	struct place place = mq_at(name);

	return place.dir->remove(&call, &place);
}

static inline int remove_listed(void *context, const char *name, const struct place *place)
{
	return place->dir->remove(&call, place);
}

static inline int remove_all(void **state)
{
	struct place at = {.dir = mq_kind.dir};

	become(0);
	return mq_kind.dir->list(&call, &at, remove_listed, NULL);
}

static inline const struct row *dir_row(const struct dir *dir, const char *name)
{
	const struct row *row = dir->rows;

	while (row->type != ROW_END && (!row->name || strcmp(row->name, name) != 0))
		row++;
	if (row->type == ROW_END)
		fail_msg("no file '%s'", name);
	return row;
}

/* The content of a place that is a text, in memory of its own; NULL and *error if it has none. */
static inline char *text_of(struct place place, size_t *size, int *error)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	assert_non_null(out);
	memset(&call.reason, 0, sizeof(call.reason));
	*error = place.row->show(&call, &place, out);
	fclose(out);
	if (*error == 0)
		return text;
	free(text);
	return NULL;
}

/* File of an object, or, with name NULL, of mq/ itself. */
static inline char *show(const char *name, const char *file, int *error)
{
	struct place place = {.dir = mq_kind.dir};
	size_t size;

	if (name)
		place = mq_at(name);
	place.row = dir_row(place.dir, file);
	return text_of(place, &size, error);
}

static inline void assert_shows(const char *name, const char *file, const char *expected)
{
	int error;
	char *text = show(name, file, &error);

	assert_int_equal(error, 0);
	assert_string_equal(text, expected);
	free(text);
}

static inline int store(const char *name, const char *file, const char *text)
{
	struct place place = mq_at(name);

	memset(&call.reason, 0, sizeof(call.reason));
	place.row = dir_row(place.dir, file);
	return place.row->store(&call, &place, text);
}

static inline void set_sysctl(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(value, file);
	assert_int_equal(fclose(file), 0);
}

/* ---- channels ---- */

struct handle {
	const struct channel *channel;
	void *state;
};

/* @file is one of the object, or one such as type/3. */
static inline int handle_try(const char *name, const char *file, int flags, struct handle *handle)
{
	struct place place = mq_at(name);
	const char *slash = strchr(file, '/');
	char row[16];

	snprintf(row, sizeof(row), "%.*s", (int)(slash ? slash - file : 15), file);
	place.row = dir_row(place.dir, row);
	if (slash) {
		int error = place.row->number(slash + 1, &place);

		if (error)
			return error;
	}
	handle->channel = place.row->channel;
	return handle->channel->open(&call, &place, flags, &handle->state);
}

static inline struct handle handle_open(const char *name, const char *file)
{
	struct handle handle;

	assert_int_equal(handle_try(name, file, O_RDWR, &handle), 0);
	return handle;
}

static inline void handle_close(struct handle *handle)
{
	handle->channel->close(handle->state);
}

static inline ssize_t handle_read(struct handle *handle, char *buffer, size_t size)
{
	call.reason[0] = '\0';
	return handle->channel->read(&call, handle->state, buffer, size);
}

static inline ssize_t handle_write(struct handle *handle, const char *text, size_t size,
				   size_t *done)
{
	call.reason[0] = '\0';
	return handle->channel->write(&call, handle->state, text, size, done);
}

/* Writes from the start: the result, *done must agree with. */
static inline ssize_t handle_puts(struct handle *handle, const char *text)
{
	size_t done = 0;
	ssize_t result = handle_write(handle, text, strlen(text), &done);

	assert_int_equal(result >= 0 ? (size_t)result : 0, done);
	return result;
}

static inline void assert_reads(struct handle *handle, const char *expected)
{
	char buffer[70000] = "";
	ssize_t size = handle_read(handle, buffer, sizeof(buffer) - 1);

	if (size < 0)
		fail_msg("read: %s", strerror((int)-size));
	buffer[size] = '\0';
	assert_string_equal(buffer, expected);
}

static inline short handle_ready(struct handle *handle)
{
	return handle->channel->ready(handle->state) & (POLLIN | POLLOUT);
}

/* A thread that reads or writes, and waits in it. */
struct waiter {
	pthread_t thread;
	struct handle *handle;
	const char *text; /* NULL: reads */
	size_t size, done;
	char buffer[64];
	ssize_t result;
	atomic_bool ended;
};

static inline void *waiter_run(void *context)
{
	struct waiter *waiter = context;
	struct call waiting = call;

	waiting.may_wait = true;
	if (waiter->text)
		waiter->result = waiter->handle->channel->write(&waiting, waiter->handle->state,
								waiter->text, strlen(waiter->text),
								&waiter->done);
	else
		waiter->result = waiter->handle->channel->read(&waiting, waiter->handle->state,
							       waiter->buffer, waiter->size);
	waiter->ended = true;
	return NULL;
}

static inline void waiter_start(struct waiter *waiter)
{
	waiter->ended = false;
	assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
}

static inline ssize_t waiter_end(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->result;
}

/* Ends its wait by signals, as often as it takes: one before it waits is lost. */
static inline ssize_t waiter_cancel(struct waiter *waiter)
{
	while (!waiter->ended) {
		pthread_kill(waiter->thread, SIGUSR1);
		sched_yield();
	}
	return waiter_end(waiter);
}

#endif
