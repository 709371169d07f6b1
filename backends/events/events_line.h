/*
 * events_line.h - one event as a line of JSON.
 */
#ifndef IPCFS_EVENTS_LINE_H
#define IPCFS_EVENTS_LINE_H

#include <stdint.h>
#include <time.h>

#include "common/proc_status.h"
#include "snapshot.h"

/* Who did something through the tree. */
struct events_actor {
	pid_t pid;
	uid_t uid;
	char command[PROC_COMMAND_SIZE]; /* empty: it could not be read */
};

/*
 * The line but for its number, which is each reader's own: what follows {"seq":N, up to the
 * newline.
 * @before and @after as difference_told has them; @by may be NULL.  To be freed; NULL: no memory.
 */
char *events_line(const struct timespec *when, const char *what, const char *kind,
		  const struct snapshot_object *before, const struct snapshot_object *after,
		  const struct events_actor *by);
/* One without an object: ready (@kind may be NULL: all) and lost, with how many. */
char *events_line_bare(const struct timespec *when, const char *what, const char *kind,
		       uint64_t count);

#endif
