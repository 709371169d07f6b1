/*
 * sock.h - what the files of the sockets share.
 */
#ifndef IPCFS_SOCK_H
#define IPCFS_SOCK_H

#include "backend.h"
#include "sock_listen.h"

/* sockets/, and in it tcp/, udp/, unix/. */
extern const struct dir sock_dir, sock_tcp_dir, sock_udp_dir, sock_unix_dir;
/* One socket that was made through the tree. */
extern const struct dir sock_tcp_own_dir, sock_udp_own_dir;
extern const struct dir sock_unix_own_dir;       /* a stream or sequenced packets */
extern const struct dir sock_unix_own_dgram_dir; /* datagrams */
/* A unix socket in the run directory that another program made. */
extern const struct dir sock_unix_other_dir;

/* The sort of socket that a directory of an own one shows. */
enum sock_sort sock_sort_of(const struct dir *dir);
/* The socket of @place, held; NULL: it is not there any more. */
struct sock_bound *sock_own(const struct place *place);

/*
 * mkdir tcp/NAME and udp/NAME: binds (and listens) as the caller, and keeps the socket.  Fills
 * *made as find does; its name is this thread's until its next.
 */
int sock_tcp_make(struct call *call, const char *name, mode_t mode, struct place *made);
int sock_udp_make(struct call *call, const char *name, mode_t mode, struct place *made);
/* Joins the group that a socket's address is, for as long as @fd is open. */
int sock_group_join(struct call *call, int fd, const struct sock_addr *address);

/* Opening is accepting a client. */
extern const struct channel sock_channel_accept, sock_channel_accept_framed;

/* Opening is connecting; the name says where. */
extern const struct channel sock_channel_tcp, sock_channel_udp, sock_channel_unix;
int sock_tcp_named(struct call *call, const char *name, struct place *place);
int sock_udp_named(struct call *call, const char *name, struct place *place);
int sock_unix_named(struct call *call, const char *name, struct place *place);

#endif
