/*
 * sem_fixture.h - an IPC namespace and a /dev/shm of its own, and the tables' functions by their
 * names.
 */
#ifndef IPCFS_SEM_FIXTURE_H
#define IPCFS_SEM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../return_code.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "kinds.h"

extern const struct dir sem_dir;
static const struct place sem_root = {.dir = &sem_dir};
static struct call call;

static void wake_nothing(int signal)
{
}

/* Leaves the machine's objects behind; where that is not allowed there is nothing to test (77). */
static void fixture_enter(void)
{
	struct sigaction action = {.sa_handler = wake_nothing}; /* no SA_RESTART */

	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") < 0) {
		fprintf(stderr, "needs namespaces of its own: %s\n", strerror(errno));
		exit(77);
	}
	sigaction(SIGUSR1, &action, NULL);
	if (sem_kind.setup(&(struct settings){0}) < 0)
		abort();
	call = (struct call){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
}

static struct place sem_at(const char *name)
{
	struct place found = {NULL};
	int result = sem_kind.dir->find(&call, &sem_root, name, &found);

	if (result < 0)
		fail_msg("%s: %s", name, strerror(-result));
	return found;
}

static int sem_mkdir(const char *name, mode_t mode)
{
	struct place made;

	call.reason[0] = '\0';
	return sem_kind.dir->make(&call, &sem_root, name, mode, &made);
}

static int sem_rmdir(const char *name)
{
	struct place place = sem_at(name);

	return place.dir->remove(&call, &place);
}

static const struct row *sem_row(const struct dir *dir, const char *name)
{
	const struct row *row = dir->rows;

	while (row->type != ROW_END && strcmp(row->name, name) != 0)
		row++;
	assert_int_not_equal(row->type, ROW_END);
	return row;
}

/* The content of a file, in memory of its own; NULL and *error if it cannot be shown. */
static inline char *place_show(struct place place, const char *file, int *error)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	place.row = sem_row(place.dir, file);
	*error = place.row->show(&call, &place, out);
	fclose(out);
	if (*error == 0)
		return text;
	free(text);
	return NULL;
}

static inline void assert_shows(const char *name, const char *file, const char *expected)
{
	int error;
	char *text = place_show(sem_at(name), file, &error);

	assert_int_equal(error, 0);
	assert_string_equal(text, expected);
	free(text);
}

static inline int place_store(struct place place, const char *file, const char *text)
{
	place.row = sem_row(place.dir, file);
	return place.row->store(&call, &place, text);
}

/* ---- channels ---- */

struct channel_handle {
	const struct channel *channel;
	void *state;
};

static inline int handle_open(const char *name, const char *file, bool may_wait,
			      struct channel_handle *handle)
{
	struct place place = sem_at(name);
	struct call waiting = call;
	int result;

	place.row = sem_row(place.dir, file);
	handle->channel = place.row->channel;
	waiting.may_wait = may_wait;
	result = handle->channel->open(&waiting, &place, O_WRONLY, &handle->state);
	if (result < 0 || !handle->channel->enter)
		return result;
	result = handle->channel->enter(&waiting, handle->state);
	if (result < 0)
		handle->channel->close(handle->state);
	return result;
}

static inline struct channel_handle handle_opened(const char *name, const char *file)
{
	struct channel_handle handle;

	assert_int_equal(handle_open(name, file, false, &handle), 0);
	return handle;
}

/* 0 if all of @text was written. */
static inline int handle_write(struct channel_handle *handle, const char *text, bool may_wait)
{
	struct call asking = call;
	size_t done = 0, size = strlen(text);
	ssize_t result;

	asking.may_wait = may_wait;
	result = handle->channel->write(&asking, handle->state, text, size, &done);
	if (result < 0) {
		assert_int_equal(done, 0);
		if (!may_wait) /* a thread that waits keeps its reason to itself */
			memcpy(call.reason, asking.reason, sizeof(call.reason));
		return (int)result;
	}
	assert_int_equal(result, size);
	assert_int_equal(done, size);
	return 0;
}

static inline void handle_close(struct channel_handle *handle)
{
	handle->channel->close(handle->state);
}

/* A thread that writes, or opens, and waits in it. */
struct waiter {
	pthread_t thread;
	const char *name, *file, *text; /* no text: opens */
	struct channel_handle handle;
	int result;
	int done; /* atomic */
};

static inline void *waiter_run(void *context)
{
	struct waiter *waiter = context;

	waiter->result = waiter->text
				 ? handle_write(&waiter->handle, waiter->text, true)
				 : handle_open(waiter->name, waiter->file, true, &waiter->handle);
	__atomic_store_n(&waiter->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static inline void waiter_start(struct waiter *waiter)
{
	waiter->done = 0;
	assert_int_equal(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
}

static inline int waiter_end(struct waiter *waiter)
{
	pthread_join(waiter->thread, NULL);
	return waiter->result;
}

/* Ends its wait by signals, as often as it takes: one before it waits is lost. */
static inline int waiter_cancel(struct waiter *waiter)
{
	while (!__atomic_load_n(&waiter->done, __ATOMIC_ACQUIRE)) {
		pthread_kill(waiter->thread, SIGUSR1);
		sched_yield();
	}
	return waiter_end(waiter);
}

/* Returns when @count threads wait for the semaphore to rise, as the kernel or its memory says. */
static inline void await_waiters(const char *name, int count)
{
	for (int waiting = -1; waiting != count;) {
		int error;
		char *text = place_show(sem_at(name), "ncount", &error);

		assert_non_null(text);
		waiting = atoi(text);
		free(text);
		sched_yield();
	}
}

#endif
