/*
 * sock_pktinfo.h - to which of the machine's addresses a datagram has come, for an answer from it.
 *
 * A socket that is bound to every address would answer from the one that the route says, and who
 * has asked another hears nothing if it is connected to that (RFC 1122, 4.1.3.5).
 */
#ifndef IPCFS_SOCK_PKTINFO_H
#define IPCFS_SOCK_PKTINFO_H

#include <netinet/in.h>

#include "sock_addr.h"

struct sock_pktinfo {
	int family; /* AF_INET, AF_INET6; 0: it is not known */
	union {
		struct in_pktinfo in;
		struct in6_pktinfo in6;
	};
};

/* Room that it takes as control data of a message. */
#define SOCK_PKTINFO_SPACE CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Has the kernel tell it of all that comes to @fd, if @address, to which it is to be bound, is
 * every. */
int sock_pktinfo_enable(int fd, const struct sock_addr *address);
/* Reads it from a message that was received, as an answer needs it. */
void sock_pktinfo_read(struct msghdr *message, struct sock_pktinfo *info);
/* Puts it into the control data of a message to send, which has room for it. */
void sock_pktinfo_write(struct msghdr *message, const struct sock_pktinfo *info);

#endif
