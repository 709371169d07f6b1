/*
 * plain.c - sockets without the tree.
 */
#include "plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static struct sockaddr_in inet_address(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

static int connected(int family, int type, const void *address, socklen_t size)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd < 0 || connect(fd, address, size) < 0 ? errno : 0;
}

static int bound(int family, int type, const void *address, socklen_t size)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0), one = 1, error;

	if (fd < 0)
		return -errno;
	/* A datagram socket would share its port. */
	if (family == AF_INET && type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, size) == 0 && (type == SOCK_DGRAM || listen(fd, SOMAXCONN) == 0))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int plain_connect(int type, const char *path)
{
	struct sockaddr_un address = unix_address(path);

	return connected(AF_UNIX, type, &address, sizeof(address));
}

int plain_bound(int type, const char *path)
{
	struct sockaddr_un address = unix_address(path);

	return bound(AF_UNIX, type, &address, sizeof(address));
}

int plain_connect_inet(int type, uint16_t port)
{
	struct sockaddr_in address = inet_address(port);

	return connected(AF_INET, type, &address, sizeof(address));
}

int plain_bound_inet(int type, uint16_t port)
{
	struct sockaddr_in address = inet_address(port);

	return bound(AF_INET, type, &address, sizeof(address));
}
