/*
 * sock_answer.h - the kernel's answers about sockets, read into struct sock_info.
 */
#ifndef IPCFS_SOCK_ANSWER_H
#define IPCFS_SOCK_ANSWER_H

#include <libmnl/libmnl.h>

#include "sock_info.h"

/* Read an answer of sock_diag(7) about a socket of @sock->table; false: it is too short to be one.
 */
bool sock_answer_inet(const struct nlmsghdr *answer, struct sock_info *sock);
bool sock_answer_unix(const struct nlmsghdr *answer, struct sock_info *sock);
bool sock_answer_netlink(const struct nlmsghdr *answer, struct sock_info *sock);
bool sock_answer_packet(const struct nlmsghdr *answer, struct sock_info *sock);

#endif
