/*
 * sock_listen.h - the sockets that were made through the tree: bound, and kept until rmdir.
 */
#ifndef IPCFS_SOCK_LISTEN_H
#define IPCFS_SOCK_LISTEN_H

#include "sock_addr.h"

enum sock_sort { SOCK_TCP = 't', SOCK_UDP = 'u', SOCK_UNIX = 'x' };

struct sock_bound;

/* Once, as the daemon.  @directory is where unix sockets have their files, -1: nowhere. */
int sock_bound_setup(int directory);
int sock_bound_removals(void);

/* What is to be kept. */
struct sock_keeping {
	enum sock_sort sort;
	const char *name;
	uint64_t identity; /* tells it from others of that name: a cookie, a file's inode number */
	int fd;
	int member; /* a socket that is in the group which the name is; -1: none */
	mode_t mode;
};

/*
 * Keeps a socket as the caller's, who owns it from now on; its descriptors are the table's, and
 * closed on an error.
 */
int sock_bound_keep(struct call *call, const struct sock_keeping *keeping);
/* What tells a socket from all others there ever were, as sock_diag(7) has it; 0: it has none. */
uint64_t sock_cookie(int fd);

/* Holds it; NULL: there is none, or it has been removed. */
struct sock_bound *sock_bound_find(enum sock_sort sort, const char *name);
struct sock_bound *sock_bound_hold(enum sock_sort sort, uint64_t identity);
void sock_bound_release(struct sock_bound *bound);
int sock_bound_fd(const struct sock_bound *bound);
uint64_t sock_bound_identity(const struct sock_bound *bound);
/* SOCK_STREAM ... */
int sock_bound_type(const struct sock_bound *bound);
/* -EIDRM once it has been removed, or its file has. */
int sock_bound_gone(struct sock_bound *bound);
/* Removes all whose files have been. */
void sock_bound_sweep(void);
/* As the caller: 0 if owner and mode allow what open(2) with @flags would want. */
int sock_bound_admit(struct call *call, struct sock_bound *bound, int flags);
int sock_bound_stat(const struct sock_bound *bound, struct stat *st);
int sock_bound_change(struct sock_bound *bound, const struct change *change);
/* As the caller: 0 if it is the caller's to remove. */
int sock_bound_admit_removal(struct sock_bound *bound);
/* Closes it; connections that it has accepted live on. */
void sock_bound_remove(struct sock_bound *bound);

#endif
