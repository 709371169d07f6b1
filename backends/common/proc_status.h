/*
 * proc_status.h - who a process is, as /proc tells everyone.
 */
#ifndef IPCFS_PROC_STATUS_H
#define IPCFS_PROC_STATUS_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Its name, and its effective user.  -ESRCH. */
#define PROC_COMMAND_SIZE 64
int proc_command(pid_t pid, char command[PROC_COMMAND_SIZE]);
int proc_user(pid_t pid, uid_t *uid);
/* When it began, in clock ticks since boot: tells it from a later one of its pid.  -ESRCH. */
int proc_start_ticks(pid_t pid, uint64_t *ticks);
/* The same in seconds since 1970. */
int proc_started(pid_t pid, time_t *started);
/* The process that made it; 0: it has gone, or came from outside. */
pid_t proc_parent(pid_t pid);
/* The process that a thread belongs to; 0: it has gone. */
pid_t proc_process_of(pid_t thread);
/* The pid of this process as /proc has it; 0 if it is not in there. */
pid_t proc_self(void);

/* A negative errno for what /proc says: -ESRCH of a process that has gone, -EACCES of one that may
 * not be looked into. */
int proc_error(int error);

#endif
