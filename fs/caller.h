/*
 * caller.h - a process as /proc shows it to the daemon, kept open while it goes on asking.
 *
 * What is open stays that process's, whoever has its number later; when it has ended there is
 * nothing to be read.  So of a process no more is kept than that it was found by its number and
 * could be seen, and nothing that is judged by.
 */
#ifndef IPCFS_CALLER_H
#define IPCFS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Its directory, O_PATH, and the status in it; -1: not open. */
struct caller {
	pid_t pid;
	int directory, status;
	bool kept;  /* it was given back before */
	bool large; /* its status found no room, and the kernel has memory for it */
};

/*
 * One that was given back, or opened as who the thread is.  -EACCES: it can't be seen; else -errno.
 * Any thread, and nobody else has it until caller_give_back.
 */
int caller_take(pid_t pid, struct caller *caller);
/*
 * proc_pid_status(5) as it is now, with '\0' at its end: in @room of @size bytes or, of who has
 * very many groups, in memory to be freed.  A process that has ended since it was kept is looked
 * for anew.  Fails as caller_take does; -ENOMEM.
 */
int caller_read(struct caller *caller, char *room, size_t size, char **status);
/*
 * Keeps it in the place of the one that was not asked for longest; closes one that has ended, is
 * large, or has one of the last descriptors (descriptor_is_last).
 */
void caller_give_back(struct caller *caller);
/* Closes all that are kept. */
void caller_forget_all(void);

#endif
