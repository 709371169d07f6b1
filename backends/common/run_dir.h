/*
 * run_dir.h - the run directory: where what has to have a path of its own lives, outside the tree.
 *
 * It is /run/ipcfs, of a plain user $XDG_RUNTIME_DIR/ipcfs, or what the command line says, and has
 * a directory for each kind that needs one.
 */
#ifndef IPCFS_RUN_DIR_H
#define IPCFS_RUN_DIR_H

#include <limits.h>

#include "backend.h"

/* One directory in it, found once and kept open. */
struct run_dir {
	int fd;    /* -1: there is none */
	int error; /* then: the errno, and the reason in words */
	char reason[200];
	char path[PATH_MAX]; /* absolute */
};

/*
 * Opens directory @name of the run directory as the daemon, and makes what is missing unless the
 * tree only looks: /run/ipcfs 0755, @name in it 01777, of a plain user both 0700.
 *
 * Another user may have been there first.  A link, a directory that belongs to neither root nor the
 * daemon's user, and one to which others can write and which is not sticky, are not used.  The
 * directory that the run directory is in is judged, too.
 *
 * Returns 0 or -errno; @dir then says why, and run_dir_refuse says it to a caller.
 */
int run_dir_open(const struct settings *settings, const char *name, struct run_dir *dir);

/* The run directory itself, absolute; "" if none has been opened. */
const char *run_dir_path(void);
struct checklist;
/* Tells of the usual run directory; see struct kind, .check. */
void run_dir_check(struct checklist *list);

/* Refuses what needs @dir: its errno and its reason. */
int run_dir_refuse(struct call *call, const struct run_dir *dir);

#endif
