/*
 * callers.c - the directories in /proc of those who asked last, kept open.
 */
#include "callers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/descriptors.h"

enum { KEPT = 4 };

static _Thread_local struct {
	struct caller callers[KEPT]; /* pid 0: free */
	uint64_t uses;
} kept;

void callers_drop(struct caller *caller)
{
	if (caller->status >= 0)
		close(caller->status);
	if (caller->directory >= 0)
		close(caller->directory);
	caller->pid = 0;
}

void callers_leave(void)
{
	for (int i = 0; i < KEPT; i++)
		if (kept.callers[i].pid)
			callers_drop(&kept.callers[i]);
}

void callers_keep(struct caller *caller)
{
	if (caller->was_kept)
		return;
	if (descriptor_is_last(caller->directory) || descriptor_is_last(caller->status))
		callers_drop(caller);
}

static int open_both(struct caller *caller, pid_t pid)
{
	char path[32];
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	caller->pid = pid;
	caller->status = -1;
	caller->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (caller->directory >= 0)
		caller->status = openat(caller->directory, "status", O_RDONLY | O_CLOEXEC);
	if (caller->status < 0) {
		error = -errno;
		callers_drop(caller);
	}
	return error;
}

int callers_find(pid_t pid, struct caller **result)
{
	struct caller *caller = kept.callers;
	int error;

	for (int i = 0; i < KEPT; i++) {
		struct caller *other = &kept.callers[i];

		if (other->pid == pid) {
			other->was_kept = true;
			other->used = ++kept.uses;
			*result = other;
			return 0;
		}
		/* A free one, or that which has not been used for longest. */
		if (caller->pid && (!other->pid || other->used < caller->used))
			caller = other;
	}
	if (caller->pid)
		callers_drop(caller);
	error = open_both(caller, pid);
	if (error == -EMFILE || error == -ENFILE) {
		callers_leave();
		error = open_both(caller, pid);
	}
	if (error)
		return error;
	caller->was_kept = false;
	caller->used = ++kept.uses;
	*result = caller;
	return 0;
}
