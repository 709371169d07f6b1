/*
 * textbook - small programs as books on socket programming have them, in one.  They know nothing of
 * ipcfs and stand at the other end of what the scripts do.
 *
 *     textbook udp-sender HOST PORT TEXT...       a datagram each
 *     textbook udp-receiver HOST PORT COUNT       prints HOST PORT SIZE TEXT of each; of a group
 *                                                 HOST, which it joins by way of loopback
 *     textbook udp-server HOST PORT COUNT         answers so many, each letter plus one
 *     textbook udp-client HOST PORT TEXT...       sends each and prints the answer to it
 *     textbook server TYPE PATH COUNT             the same through a unix socket, for so many
 *                                                 clients (datagrams); prints who they are
 *     textbook client TYPE PATH TEXT...           and its client
 *
 * TYPE is stream, dgram or seqpacket, PATH may be @NAME.  HOST is numeric.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct address {
	struct sockaddr_storage room;
	socklen_t length;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr *any(struct address *address)
{
	return (struct sockaddr *)&address->room;
}

/* ---- UDP ---- */

static struct address inet_address(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
	struct address address = {.length = 0};
	struct addrinfo *found;
	int error = getaddrinfo(host, port, &hints, &found);

	if (error) {
		fprintf(stderr, "%s: %s\n", host, gai_strerror(error));
		exit(1);
	}
	memcpy(&address.room, found->ai_addr, found->ai_addrlen);
	address.length = found->ai_addrlen;
	freeaddrinfo(found);
	return address;
}

static int udp_socket(const struct address *address)
{
	int fd = socket(address->room.ss_family, SOCK_DGRAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void join_if_group(int fd, const struct address *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address->room;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->room;
	const int yes = 1;

	if (address->room.ss_family == AF_INET && IN_MULTICAST(ntohl(in->sin_addr.s_addr))) {
		const struct ip_mreq join = {in->sin_addr, {htonl(INADDR_LOOPBACK)}};

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)) < 0)
			die("IP_ADD_MEMBERSHIP");
	} else if (address->room.ss_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&in6->sin6_addr)) {
		const struct ipv6_mreq join = {in6->sin6_addr, if_nametoindex("lo")};

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join, sizeof(join)) < 0)
			die("IPV6_ADD_MEMBERSHIP");
	}
}

static int udp_bound(const char *host, const char *port)
{
	struct address address = inet_address(host, port);
	int fd = udp_socket(&address);

	join_if_group(fd, &address);
	if (bind(fd, any(&address), address.length) < 0)
		die("bind");
	return fd;
}

static int udp_sender(char **arguments)
{
	struct address to = inet_address(arguments[0], arguments[1]);
	int fd = udp_socket(&to);

	for (arguments += 2; *arguments; arguments++)
		if (sendto(fd, *arguments, strlen(*arguments), 0, any(&to), to.length) < 0)
			die("sendto");
	return 0;
}

static void plus_one(char *text, ssize_t size)
{
	while (size-- > 0)
		text[size] += isalnum((unsigned char)text[size]) != 0;
}

/* Takes so many datagrams; with @answers sends each back. */
static int udp_receive(char **arguments, int answers)
{
	int fd = udp_bound(arguments[0], arguments[1]);
	static char text[65536];

	for (int left = atoi(arguments[2]); left; left--) {
		struct address from = {.length = sizeof(from.room)};
		ssize_t size = recvfrom(fd, text, sizeof(text), 0, any(&from), &from.length);
		char host[NI_MAXHOST], port[NI_MAXSERV];

		if (size < 0)
			die("recvfrom");
		getnameinfo(any(&from), from.length, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
		if (answers) {
			plus_one(text, size);
			if (sendto(fd, text, (size_t)size, 0, any(&from), from.length) != size)
				die("sendto");
		} else {
			printf("%s %s %zd %.*s\n", host, port, size, (int)size, text);
		}
	}
	return 0;
}

static int udp_client(char **arguments)
{
	struct address to = inet_address(arguments[0], arguments[1]);
	int fd = udp_socket(&to);
	static char text[65536];

	if (connect(fd, any(&to), to.length) < 0)
		die("connect");
	for (arguments += 2; *arguments; arguments++) {
		ssize_t size;

		if (send(fd, *arguments, strlen(*arguments), 0) < 0)
			die("send");
		size = recv(fd, text, sizeof(text), 0);
		if (size < 0)
			die("recv");
		printf("%.*s\n", (int)size, text);
		fflush(stdout);
	}
	return 0;
}

/* ---- unix ---- */

static int type_of(const char *name)
{
	if (!strcmp(name, "dgram"))
		return SOCK_DGRAM;
	return strcmp(name, "seqpacket") ? SOCK_STREAM : SOCK_SEQPACKET;
}

static struct address unix_address(const char *path)
{
	struct address address = {.length = 0};
	struct sockaddr_un *un = (struct sockaddr_un *)&address.room;
	size_t length = strlen(path);

	if (length > sizeof(un->sun_path)) {
		fprintf(stderr, "%s: too long\n", path);
		exit(1);
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length);
	address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (path[0] == '@')
		un->sun_path[0] = '\0';
	return address;
}

static int unix_socket(int type)
{
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void say_who(int fd)
{
	struct ucred creds;
	socklen_t length = sizeof(creds);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &length) < 0)
		die("SO_PEERCRED");
	printf("uid=%u gid=%u\n", (unsigned)creds.uid, (unsigned)creds.gid);
	fflush(stdout);
}

/* Answers all that one client sends, or one datagram. */
static void serve(int fd, int type)
{
	static char text[65536];
	struct address from = {.length = sizeof(from.room)};
	ssize_t size;

	if (type == SOCK_DGRAM) {
		size = recvfrom(fd, text, sizeof(text), 0, any(&from), &from.length);
		plus_one(text, size);
		if (size < 0 || sendto(fd, text, (size_t)size, 0, any(&from), from.length) != size)
			die("answer");
		return;
	}
	while ((size = read(fd, text, sizeof(text))) > 0) {
		plus_one(text, size);
		if (write(fd, text, (size_t)size) != size)
			die("answer");
	}
}

static int unix_server(char **arguments)
{
	int type = type_of(arguments[0]), fd = unix_socket(type);
	struct address own = unix_address(arguments[1]);

	if (bind(fd, any(&own), own.length) < 0)
		die("bind");
	if (type != SOCK_DGRAM && listen(fd, 5) < 0)
		die("listen");
	for (int left = atoi(arguments[2]); left; left--) {
		int client = type == SOCK_DGRAM ? fd : accept(fd, NULL, NULL);

		if (client < 0)
			die("accept");
		if (type != SOCK_DGRAM)
			say_who(client);
		serve(client, type);
		if (type != SOCK_DGRAM)
			close(client);
	}
	return 0;
}

static int unix_client(char **arguments)
{
	int type = type_of(arguments[0]), fd = unix_socket(type);
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	struct address to = unix_address(arguments[1]);
	static char text[65536];

	/* Who has no name gets no answer to a datagram; Linux makes one up. */
	if (type == SOCK_DGRAM &&
	    bind(fd, (const struct sockaddr *)&unnamed, sizeof(unnamed.sun_family)) < 0)
		die("bind");
	if (connect(fd, any(&to), to.length) < 0)
		die("connect");
	for (arguments += 2; *arguments; arguments++) {
		ssize_t size;

		if (write(fd, *arguments, strlen(*arguments)) < 0)
			die("write");
		size = read(fd, text, sizeof(text));
		if (size < 0)
			die("read");
		printf("%.*s\n", (int)size, text);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	const char *program = argc > 3 ? argv[1] : "";

	if (!strcmp(program, "udp-sender"))
		return udp_sender(argv + 2);
	if (!strcmp(program, "udp-receiver") && argc == 5)
		return udp_receive(argv + 2, 0);
	if (!strcmp(program, "udp-server") && argc == 5)
		return udp_receive(argv + 2, 1);
	if (!strcmp(program, "udp-client"))
		return udp_client(argv + 2);
	if (!strcmp(program, "server") && argc == 5)
		return unix_server(argv + 2);
	if (!strcmp(program, "client"))
		return unix_client(argv + 2);
	fprintf(stderr, "usage: see the first lines of textbook.c\n");
	return 2;
}
