/*
 * sock_addr.h - addresses of sockets as text, and back.
 *
 * An internet address is HOST:PORT; the last colon begins the port.  IPv6 hosts are written without
 * brackets, which are globs to a shell, and read with them too: ::1:80 and [::1]:80 are one.
 */
#ifndef IPCFS_SOCK_ADDR_H
#define IPCFS_SOCK_ADDR_H

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "backend.h"

struct sock_addr {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage room;
	};
	socklen_t length;
	bool both; /* "any": the wildcard of both families, an IPv6 one that takes IPv4 too */
};

/* Room for any internet address as text: host, scope, port. */
#define SOCK_ADDR_TEXT 96

/* The name of an interface, "if" and its number where it has gone; "*" for 0. */
void sock_interface_name(uint32_t interface, char name[IF_NAMESIZE]);

/*
 * A numeric address, of @family, and after a percent sign the interface that it belongs to or that
 * the socket is bound to; 0: none.  Read in two ways to put brackets, fe80::1%lo and [fe80::1]%lo.
 */
#define SOCK_HOST_TEXT (INET6_ADDRSTRLEN + IF_NAMESIZE + 1)
void sock_host_print(sa_family_t family, const void *address, uint32_t interface,
		     char text[SOCK_HOST_TEXT]);
bool sock_host_read(const char *text, sa_family_t *family, unsigned char address[16],
		    uint32_t *interface);

/* HOST:PORT in its two parts. */
struct sock_name {
	char host[NI_MAXHOST]; /* without brackets */
	char service[NI_MAXSERV];
};

/* Splits at the last colon.  -EINVAL with a reason that shows how it is written. */
int sock_name_split(struct call *call, const char *text, struct sock_name *name);

/*
 * Reads HOST:PORT where nobody has to be asked: HOST numeric, "any", or "localhost" (127.0.0.1),
 * PORT decimal.  -EINVAL with a reason.
 */
int sock_addr_read(struct call *call, const char *text, struct sock_addr *address);

/*
 * As sock_addr_read for a host and service to connect to, where "any" is a name like others; false
 * if a name server has to be asked.
 */
bool sock_addr_known(const struct sock_name *name, struct sock_addr *address);

/* "127.0.0.1:80", "::1:80", "any:80"; an IPv4 address in IPv6's clothes as what it is. */
void sock_addr_print(const struct sock_addr *address, char text[SOCK_ADDR_TEXT]);

/* True for a group, and for the address of all on a network. */
bool sock_addr_is_multicast(const struct sock_addr *address);
bool sock_addr_same(const struct sock_addr *a, const struct sock_addr *b);
uint16_t sock_addr_port(const struct sock_addr *address);

/* Sets an option whose value is a number; 0 or -errno. */
int sock_set(int fd, int level, int option, int value);

/* Where a socket is bound, and whom it is connected to; 0 or -errno. */
int sock_addr_of(int fd, struct sock_addr *address);
int sock_addr_of_peer(int fd, struct sock_addr *address);

/*
 * A socket's path, or "@" and its abstract name; odd bytes, spaces and an @ that begins a path as
 * \ooo.  "" for none.
 */
#define SOCK_PATH_TEXT (4 * sizeof(((struct sockaddr_un *)0)->sun_path) + 1)
void sock_path_print(const struct sock_addr *address, char text[SOCK_PATH_TEXT]);
/* Reads that.  -EINVAL, -ENAMETOOLONG with a reason. */
int sock_path_read(struct call *call, const char *text, struct sock_addr *address);

#endif
