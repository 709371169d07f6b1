/*
 * proc_deep.h - what processes have mapped and where their threads are, read in a thread apart.
 *
 * For these files of /proc the kernel takes locks of the process that is looked at, and a user can
 * have a process hold them for as long as it pleases him (a file system of his own that does not
 * answer is enough).  So a process that does not let itself be read is given up after a while, and
 * not asked again until it does.
 */
#ifndef IPCFS_PROC_DEEP_H
#define IPCFS_PROC_DEEP_H

#include "proc_maps.h"

/* One process: maps and waits, or why there are none. */
struct proc_deep {
	pid_t pid;
	int maps_error, waits_error; /* -EACCES, -ESRCH, -ETIMEDOUT, -ENOMEM */
	struct proc_map *maps;
	size_t maps_count, maps_room;
	struct proc_wait *waits;
	size_t waits_count, waits_room;
};

struct proc_deep_list;

/*
 * Reads as many of @pids, one after the other, as is good to have in memory at once, at least one,
 * with the credentials that this thread has.  *done is how many; proc_deep_get gives each.
 */
int proc_deep_read(const pid_t *pids, size_t count, bool waits, struct proc_deep_list **list,
		   size_t *done);
const struct proc_deep *proc_deep_get(const struct proc_deep_list *list, size_t at);
void proc_deep_free(struct proc_deep_list *list);

/*
 * What is mapped, by proc_look: fills ->st and ->known of each that still is what it was.  Takes
 * privileges; some may remain unknown.
 */
struct proc_mapped {
	pid_t pid;
	uint64_t start, end;
	dev_t dev;
	ino_t ino;
	bool known;
	struct stat st;
};
int proc_mapped_look(struct proc_mapped *list, size_t count);

#endif
