/*
 * sock_info.h - what is known of a socket, and what can be asked for.
 */
#ifndef IPCFS_SOCK_INFO_H
#define IPCFS_SOCK_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/types.h>
#include <sys/un.h>

/* The tables that the kernel keeps sockets in, in the order in which they are gathered. */
enum sock_table {
	TABLE_NETLINK,
	TABLE_PACKET,
	TABLE_UNIX,
	TABLE_RAW,
	TABLE_UDP,
	TABLE_TCP,
	TABLE_MPTCP,
	TABLE_SCTP,
	TABLES,
};
#define TABLE_BIT(table) (1u << (table))
#define TABLES_ALL (TABLE_BIT(TABLES) - 1)

/*
 * States are those of TCP (TCP_LISTEN ... of netinet/tcp.h) for all kinds of sockets; what is bound
 * or not even that is TCP_CLOSE.  A TCP socket that is bound and no more is told of only if asked
 * for by this state (Linux 6.8), and then as TCP_CLOSE.
 */
#define STATE_BIT(state) (1u << (state))
enum { STATE_BOUND_INACTIVE = 13 };
#define STATES_ALL UINT32_MAX

/* One end of an IP socket. */
struct sock_end {
	unsigned char address[16]; /* IPv4: the first four */
	uint32_t interface;        /* the socket is bound to it; 0: to none */
	uint16_t port;             /* of a raw socket its protocol */
};

bool sock_end_equal(const struct sock_end *one, const struct sock_end *other);

struct sock_info {
	enum sock_table table;
	uint8_t family; /* AF_INET ... */
	uint8_t type;   /* SOCK_STREAM ... */
	uint8_t state;
	bool v6only;
	bool has_uid;
	uid_t uid;
	/* Of a listener: connections that wait to be accepted, and how many may. */
	uint32_t recvq, sendq;
	uint32_t inode;  /* 0: no process has it (it waits to be accepted, or winds up) */
	uint64_t cookie; /* never used again for another socket; 0: not told */
	union {
		struct {
			struct sock_end local, remote;
		} inet;
		struct {
			/* As bind(2) took it; an abstract one begins with a NUL.  0: no name. */
			size_t name_size;
			char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
			uint32_t peer; /* inode of the other end, 0: none */
			bool has_file; /* the socket file: inode number, cut to 32 bits, and device
					*/
			uint32_t file_inode;
			dev_t file_device;
			/* Inodes of those that wait to be accepted; gone when the callback returns.
			 */
			const uint32_t *pending;
			size_t pending_count;
		} un;
		struct {
			uint8_t protocol;
			bool connected;
			int32_t port, remote_port; /* -1: not told */
			uint32_t remote_group;
		} netlink;
		struct {
			uint16_t protocol;  /* ETH_P_ALL ... */
			uint32_t interface; /* 0: all */
		} packet;
	};
};

/* What to gather.  Fields that are 0 ask for all. */
struct sock_query {
	uint32_t tables; /* TABLE_BIT() | ... */
	uint32_t states; /* STATE_BIT() | ...; not of netlink and packet sockets, which have none */
	sa_family_t family;
	uint16_t port; /* local, of UDP, TCP and SCTP */
};

/* Takes one.  Returns 0, or what the gathering is to end with and to return. */
typedef int sock_each(void *context, const struct sock_info *sock);

/* True if @query asks for its family and port, which the kernel need not have looked at. */
bool sock_is_asked(const struct sock_query *query, const struct sock_info *sock);

#endif
