/*
 * proc_fds.h - which process has what open: one walk through /proc/PID/fd.
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
	struct stat st;   /* st_dev, st_ino, st_mode, st_uid, st_gid and the times */
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

/*
 * Calls @each with every descriptor that is open on a file of @type (S_IFIFO ..., 0: any), a
 * process after the other in the order of their pids.  Who may not be looked into is added to
 * @refused.
 */
int proc_fds_walk(mode_t type, proc_fd_each *each, void *context, struct proc_pids *refused);
/* The same for one process.  -EACCES: it may not be looked into, -ESRCH: it has gone. */
int proc_fds_of(pid_t pid, mode_t type, proc_fd_each *each, void *context);
/* The same for one descriptor, if it is open. */
int proc_fds_one(pid_t pid, int number, mode_t type, proc_fd_each *each, void *context);

/* What the descriptor is open for: PROC_FD_READ | PROC_FD_WRITE, 0 of one opened with O_PATH. */
int proc_fd_access(const struct proc_fd *fd);
/* The path that the kernel gives for it, cut off at @size; the length, without a NUL counted. */
int proc_fd_path(const struct proc_fd *fd, char *path, size_t size);

/* Who a process is, which /proc tells everyone: its name, and its effective user.  -ESRCH. */
#define PROC_COMMAND_SIZE 64
int proc_command(pid_t pid, char command[PROC_COMMAND_SIZE]);
int proc_user(pid_t pid, uid_t *uid);

/* The pid of this process as /proc has it; 0 if it is not in there. */
pid_t proc_self(void);

#endif
