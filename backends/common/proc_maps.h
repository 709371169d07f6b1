/*
 * proc_maps.h - what each process has mapped from files (/proc/PID/maps), and where its threads are
 * in the kernel (/proc/PID/task/TID/syscall).
 *
 * As with proc_fds.h the kernel says, by the credentials of the thread that asks, whom it may look
 * into; of a thread's place in the kernel it is stricter (PTRACE_MODE_ATTACH_FSCREDS).
 */
#ifndef IPCFS_PROC_MAPS_H
#define IPCFS_PROC_MAPS_H

#include "backend.h"

/* A mapping of a file, or of memory that has one in the kernel. */
struct proc_map {
	pid_t pid;
	uint64_t start, end, offset;
	dev_t dev;
	ino_t ino;
	bool shared;
	bool writable;    /* now; mprotect(2) may change it */
	const char *path; /* as the kernel prints it, with " (deleted)" at its end */
};

typedef int proc_map_each(void *context, const struct proc_map *map);
/* Calls @each with every one; 0, or what @each ended it with.  -EACCES, -ESRCH. */
int proc_maps_of(pid_t pid, proc_map_each *each, void *context);

/* A thread that is in a system call, by its number and arguments (syscall(2)). */
struct proc_wait {
	pid_t pid, thread;
	long number;
	uint64_t arguments[6];
};

typedef int proc_wait_each(void *context, const struct proc_wait *wait);
/* Calls @each with every thread that sleeps in a system call of this machine's own set of numbers.
 */
int proc_waits_of(pid_t pid, proc_wait_each *each, void *context);

/* The IPC namespace of a process, as a number; 0: it has gone, or the kernel has none. */
uint64_t proc_ipc_space(pid_t pid);
/* True if the process is in the IPC namespace of this one, in which an id means the same. */
bool proc_shares_ipc(pid_t pid);

#endif
