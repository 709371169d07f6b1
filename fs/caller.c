/*
 * caller.c - a process as /proc shows it to the daemon, kept open while it goes on asking.
 */
#include "caller.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/descriptors.h"

/* Those who talk with each other, a shell's loop and another's; two descriptors each. */
enum { KEPT = 4 };

/* The last ones first; whoever uses one has taken it out. */
static struct {
	pthread_mutex_t lock;
	struct caller callers[KEPT];
	size_t count;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void caller_close(struct caller *caller)
{
	if (caller->status >= 0)
		close(caller->status);
	if (caller->directory >= 0)
		close(caller->directory);
	caller->status = caller->directory = -1;
}

static int caller_open(pid_t pid, struct caller *caller)
{
	char path[32];
	int error = 0;

	*caller = (struct caller){.pid = pid, .status = -1};
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	caller->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (caller->directory >= 0)
		caller->status = openat(caller->directory, "status", O_RDONLY | O_CLOEXEC);
	if (caller->status < 0) {
		error = errno == ENOENT || errno == EPERM || errno == ESRCH ? -EACCES : -errno;
		caller_close(caller);
	}
	return error;
}

/* With the lock held. */
static struct caller take_out(size_t index)
{
	struct caller caller = kept.callers[index];

	kept.count--;
	for (size_t i = index; i < kept.count; i++)
		kept.callers[i] = kept.callers[i + 1];
	return caller;
}

int caller_take(pid_t pid, struct caller *caller)
{
	bool found = false;

	pthread_mutex_lock(&kept.lock);
	for (size_t i = 0; i < kept.count && !found; i++) {
		found = kept.callers[i].pid == pid;
		if (found)
			*caller = take_out(i);
	}
	pthread_mutex_unlock(&kept.lock);
	return found ? 0 : caller_open(pid, caller);
}

/* How much; -ESRCH: nothing can be read of a process that has ended. */
static ssize_t status_pread(const struct caller *caller, char *text, size_t size)
{
	ssize_t got = pread(caller->status, text, size, 0);

	if (got < 0)
		return -errno;
	return got ? got : -ESRCH;
}

/* The same, of who now has the number of one that has ended since it was kept. */
static ssize_t status_read(struct caller *caller, char *text, size_t size)
{
	ssize_t got = status_pread(caller, text, size);

	if (got == -ESRCH && caller->kept) {
		caller_close(caller);
		got = caller_open(caller->pid, caller);
		if (!got)
			got = status_pread(caller, text, size);
	}
	if (got < 0)
		caller_close(caller);
	return got == -ESRCH ? -EACCES : got;
}

int caller_read(struct caller *caller, char *room, size_t size, char **status)
{
	char *text = room, *more;
	ssize_t got;

	for (;;) {
		got = status_read(caller, text, size - 1);
		if (got < 0)
			break;
		text[got] = '\0';
		if ((size_t)got < size - 1) {
			*status = text;
			return 0;
		}
		/* Written anew for each beginning, so it is read in one piece. */
		caller->large = true;
		size *= 4;
		more = realloc(text == room ? NULL : text, size);
		if (!more) {
			got = -ENOMEM;
			break;
		}
		text = more;
	}
	if (text != room)
		free(text);
	return (int)got;
}

static bool is_worth_keeping(const struct caller *caller)
{
	if (caller->status < 0 || caller->large)
		return false;
	return caller->kept ||
	       !(descriptor_is_last(caller->status) || descriptor_is_last(caller->directory));
}

void caller_give_back(struct caller *caller)
{
	struct caller last = {.directory = -1, .status = -1};

	if (!is_worth_keeping(caller)) {
		caller_close(caller);
		return;
	}
	caller->kept = true;
	pthread_mutex_lock(&kept.lock);
	if (kept.count == KEPT)
		last = take_out(KEPT - 1);
	memmove(&kept.callers[1], &kept.callers[0], kept.count * sizeof(kept.callers[0]));
	kept.callers[0] = *caller;
	kept.count++;
	pthread_mutex_unlock(&kept.lock);
	caller_close(&last);
}

void caller_forget_all(void)
{
	pthread_mutex_lock(&kept.lock);
	while (kept.count) {
		struct caller caller = take_out(0);

		caller_close(&caller);
	}
	pthread_mutex_unlock(&kept.lock);
}
