/*
 * sock_talk.h - making sockets and talking through them: what those files share.
 *
 * sock_bind.c makes internet sockets, sock_unix.c unix ones; sock_listen.c keeps them, sock_own.c
 * finds them and sock_own_dir.c is their directories.  sock_accept.c and sock_dial.c are opening a
 * connection, sock_stream.c is talking through one; sock_dgram.c is talking in datagrams,
 * sock_pktinfo.c answering from the address that was asked.  sock_resolve.c asks for addresses,
 * sock_addr.c reads and writes them, sock_caller.c knows where the caller is.
 */
#ifndef IPCFS_SOCK_TALK_H
#define IPCFS_SOCK_TALK_H

#include "backend.h"
#include "sock_listen.h"

/* One socket that was made through the tree. */
extern const struct dir sock_tcp_own_dir, sock_udp_own_dir;
extern const struct dir sock_unix_own_dir, sock_unix_own_packet_dir, sock_unix_own_dgram_dir;
/* A socket file of the run directory that another program made. */
extern const struct dir sock_unix_file_dir;

/* Which of those for unix sockets one of @type (SOCK_STREAM ...) has. */
const struct dir *sock_unix_own(int type);

/* The socket of @place, held; NULL: it is not there any more. */
struct sock_bound *sock_own(const struct place *place);

/* Finding and listing in tcp/ and udp/, and in unix/: these first, then what else there is. */
int sock_own_find_inet(struct call *call, const struct place *at, const char *name,
		       struct place *found);
int sock_own_find_unix(struct call *call, const struct place *at, const char *name,
		       struct place *found);
int sock_own_list(struct call *call, const struct place *at, listing *each, void *context);

/* mkdir: binds (and listens) as the caller, and keeps the socket. */
int sock_tcp_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		  struct place *made);
int sock_udp_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		  struct place *made);
int sock_unix_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		   struct place *made);

/*
 * One more socket bound to the address of @bound, a multicast group that it joins, as the caller: a
 * descriptor.
 */
int sock_group_open(struct call *call, const struct sock_bound *bound);

/* Opening is accepting a client. */
extern const struct channel sock_channel_accept, sock_channel_accept_framed;
/* The same of packets: a write is one, and must not come in parts. */
extern const struct channel sock_channel_accept_packets, sock_channel_accept_packets_framed;
/* Datagrams that come to a bound socket, and answers to them. */
extern const struct channel sock_channel_data, sock_channel_data_framed, sock_channel_data_lines;

/* Opening is connecting; the name says where. */
extern const struct channel sock_channel_tcp, sock_channel_udp, sock_channel_unix;
int sock_inet_named(struct call *call, const char *name, struct place *place);
int sock_unix_named(struct call *call, const char *name, struct place *place);

#endif
