/*
 * proc_fds.h - which processes there are, and what each has open (/proc/PID/fd).
 *
 * Everything is looked at with the credentials of the thread that asks, so the kernel says whom it
 * may look into (PTRACE_MODE_READ_FSCREDS, which goes by the effective ids).  One exception is the
 * kernel's own: a process may always look into itself, so what is seen of the daemon's process says
 * nothing about the caller.
 *
 * Nothing that is found is opened, and no file system is asked anything: not even a mount of ipcfs
 * itself, or one that never answers.  Threads share the descriptors of their process; the few that
 * do not (clone(2) without CLONE_FILES) are not looked into.
 */
#ifndef IPCFS_PROC_FDS_H
#define IPCFS_PROC_FDS_H

#include <fcntl.h>

#include "backend.h"

enum { PROC_FD_READ = 1, PROC_FD_WRITE = 2 };

/* A descriptor of a process and what it is open on. */
struct proc_fd {
	pid_t pid;
	int fd;
	struct stat st;   /* as proc_look fills it */
	int dir;          /* /proc/PID/fd, open */
	const char *text; /* the number as it is called there */
};

/* Takes one.  Returns 0, or what the walk is to end with and to return. */
typedef int proc_fd_each(void *context, const struct proc_fd *fd);

/* Processes that may not be looked into; free(list) is due. */
struct proc_pids {
	pid_t *list;
	size_t count, room;
};

int proc_pids_add(struct proc_pids *pids, pid_t pid);

/*
 * Calls @each with every process, in the order of their pids; what is not 0 ends the walk.  Those
 * by which the daemon has a caller charged (charge.h) are left out.
 */
typedef int proc_each(void *context, pid_t pid);
int proc_walk(proc_each *each, void *context);

/*
 * Calls @each with every descriptor of a process that is open on a file of @type (S_IFIFO ..., 0:
 * any).  -EACCES: it may not be looked into, -ESRCH: it has gone.
 */
int proc_fds_of(pid_t pid, mode_t type, proc_fd_each *each, void *context);
/* The same for one descriptor, if it is open. */
int proc_fds_one(pid_t pid, int number, mode_t type, proc_fd_each *each, void *context);

/* What the descriptor is open for: PROC_FD_READ | PROC_FD_WRITE, 0 of one opened with O_PATH. */
int proc_fd_access(const struct proc_fd *fd);
/* The path that the kernel gives for it, cut off at @size; the length, without a NUL counted. */
int proc_fd_path(const struct proc_fd *fd, char *path, size_t size);

/*
 * What a link in /proc leads to: device and inode number, type and mode, owner and group, links,
 * size, blocks and times, as far as the kernel has them without asking the file system.
 */
int proc_look(int dir, const char *path, struct stat *st);
#endif
