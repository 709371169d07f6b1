/*
 * sock_info.c - comparing what is known of sockets, whatever the kernel told it by.
 */
#include "sock_info.h"

#include <string.h>
#include <sys/socket.h>

bool sock_end_equal(const struct sock_end *one, const struct sock_end *other)
{
	return memcmp(one->address, other->address, sizeof(one->address)) == 0 &&
	       one->port == other->port && one->interface == other->interface;
}

bool sock_is_asked(const struct sock_query *query, const struct sock_info *sock)
{
	bool inet = sock->family == AF_INET || sock->family == AF_INET6;

	if (query->family && query->family != sock->family)
		return false;
	return !inet || !query->port || query->port == sock->inet.local.port;
}
