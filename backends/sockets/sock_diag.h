/*
 * sock_diag.h - the sockets of the network namespace, as the kernel tells everyone.
 *
 * The kernel tells of them by sock_diag(7), whoever asks; what it keeps to itself is only which
 * process has a socket.  Where it was built without the part for raw sockets, its tables in
 * /proc/net are read instead.
 */
#ifndef IPCFS_SOCK_DIAG_H
#define IPCFS_SOCK_DIAG_H

#include "sock_info.h"

/*
 * Calls @each with every socket that @query asks for.  Sockets that come and go meanwhile may be
 * missing, or there twice.  Tables of which the kernel can't tell are added to *untold, if that is
 * given.
 */
int sock_gather(const struct sock_query *query, sock_each *each, void *context, uint32_t *untold);

/* The TCP socket with these two ends, which are of AF_INET or AF_INET6.  -ENOENT. */
int sock_get_connection(sa_family_t family, const struct sock_end *local,
			const struct sock_end *remote, struct sock_info *sock);
/*
 * The TCP listener of this address and cookie, much faster than by sock_gather.  -ENOENT: it is not
 * there, or the kernel would give another of that address the next connection.
 */
int sock_get_listener(sa_family_t family, const struct sock_end *local, uint64_t cookie,
		      struct sock_info *sock);
/* The unix socket of an inode number.  -ENOENT. */
int sock_get_unix(uint32_t inode, struct sock_info *sock);
/*
 * Calls @each with the unix listener of an inode number, and un.pending: the inode numbers of those
 * that wait for it to accept them.  -EMSGSIZE: they are more than the kernel tells, about a
 * thousand.
 */
int sock_get_pending(uint32_t inode, sock_each *each, void *context);

#endif
