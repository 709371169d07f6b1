/*
 * target.h - the tree of another process: a container's, from outside.
 */
#ifndef IPCFS_TARGET_H
#define IPCFS_TARGET_H

#include <sys/types.h>

/* What is known of the process once its namespaces have been entered. */
struct target {
	char shm[32];     /* its /dev/shm, by a descriptor of ours */
	char run_dir[64]; /* where pipes and unix sockets made for it live */
};

/*
 * Moves this process, which must have one thread, into the IPC and network namespaces of process
 * @pid, and opens its /dev/shm.  What is wrong is said on stderr; a negative errno: the process may
 * be in some of them already, and must end.
 */
int target_enter(pid_t pid, struct target *target);

#endif
