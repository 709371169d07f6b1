/*
 * sock_users.h - which processes have which sockets, as far as the caller may look.
 */
#ifndef IPCFS_SOCK_USERS_H
#define IPCFS_SOCK_USERS_H

#include <stdint.h>

#include "backend.h"
#include "common/proc_scan.h"
#include "common/proc_status.h"

struct sock_process {
	pid_t pid;
	bool hidden; /* the caller may not look at it: it is only counted */
	uid_t uid;
	char command[PROC_COMMAND_SIZE];
};

/* A descriptor of a socket, or of the file of this tree behind which it is. */
struct sock_use {
	uint32_t inode;
	int fd;
	bool by_tree;
	size_t process; /* index into processes; they are in the order of their pids */
};

struct sock_users {
	struct sock_use *uses;
	size_t uses_count, uses_room;
	struct sock_process *processes;
	size_t processes_count, processes_room;
	size_t hidden;  /* processes that have one of the sockets and are not shown */
	size_t unknown; /* processes that not even the daemon may look into */
};

/*
 * Finds who has the sockets of these inode numbers, which are in ascending order: as the caller,
 * then as the daemon in the processes that the caller may not look into, to count them.  With
 * @count 0 it looks at nothing.
 */
int sock_users_gather(struct call *call, const uint32_t *inodes, size_t count,
		      struct sock_users *users);
/* The same in a walk that others share: the viewer of what is to be looked for, and what is due
 * when the walk has ended. */
struct sock_looking {
	const uint32_t *inodes;
	size_t count;
	struct sock_users *users;
	struct call *call;
	bool hidden; /* looking as the daemon */
	/* The sockets behind open files of this tree, by inode number of the file. */
	struct sock_behind *behind;
	size_t behind_count, behind_room;
};
int sock_users_begin(struct sock_looking *looking, struct proc_viewer *viewer);
void sock_users_complete(struct sock_looking *looking, const struct proc_scan *walk);
/* The uses of a socket, of a process one after the other, hidden ones last. */
const struct sock_use *sock_users_of(const struct sock_users *users, uint32_t inode, size_t *count);
void sock_users_free(struct sock_users *users);

/* The device of the kernel's own file system of sockets. */
dev_t sock_device(void);

#endif
