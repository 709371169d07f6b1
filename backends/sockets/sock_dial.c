/*
 * sock_dial.c - opening is connecting: tcp/connect/HOST:PORT, udp/connect/HOST:PORT.
 *
 * An open goes through up to three states, and says at each what it waits for: the addresses of a
 * name are being asked for, a connection is under way, it is there.  The addresses are tried in
 * their order until one answers; what the last one said is what the open says.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "sock_caller.h"
#include "sock_resolve.h"
#include "sock_stream.h"
#include "sock_talk.h"

enum { NAME_LONGEST = 1023 }; /* that a place can have */

struct dialing {
	struct sock_stream stream; /* first: see sock_stream.h */
	int type;                  /* SOCK_STREAM, SOCK_DGRAM */
	struct sock_addr from;     /* length 0: the kernel chooses */
	struct sock_lookup *lookup;
	struct sock_addr *addresses;
	size_t count, next; /* the one before next is being tried */
	int fd;             /* of the attempt; -1: none */
};

/* What follows the comma of connect/HOST:PORT,from=ADDR:PORT. */
static int from_read(struct call *call, const char *value, void *context)
{
	return sock_addr_read(call, value, context);
}

static const struct attribute attributes[] = {
	{"from", from_read},
	{NULL},
};

/* getaddrinfo(3) takes -1 and 65536 for numbers of ports, and cuts them. */
static int service_check(struct call *call, const char *service)
{
	int64_t port;
	char *end;

	(void)strtoul(service, &end, 10);
	return *end ? 0 : number_read(call, "port", service, 0, UINT16_MAX, &port);
}

static int target_read(struct call *call, const char *text, struct sock_name *name,
		       struct sock_addr *from)
{
	const char *comma = strchr(text, ',');
	char *plain = strndup(text, comma ? (size_t)(comma - text) : strlen(text));
	int error = plain ? sock_name_split(call, plain, name) : -ENOMEM;

	free(plain);
	memset(from, 0, sizeof(*from));
	if (!error)
		error = service_check(call, name->service);
	return error ? error : attributes_read(call, comma ? comma + 1 : NULL, attributes, from);
}

int sock_inet_named(struct call *call, const char *name, struct place *place)
{
	struct sock_name target;
	struct sock_addr from;
	int error;

	if (strlen(name) > NAME_LONGEST)
		return refuse(call, ENAMETOOLONG,
			      "an address and what follows it have at most %d bytes", NAME_LONGEST);
	error = target_read(call, name, &target, &from);
	if (error)
		return error;
	place->name = name;
	return 0;
}

/* What can be tried without asking anybody; 0: a name server has to be asked. */
static size_t addresses_known(const struct sock_name *name, struct sock_addr addresses[2])
{
	struct sock_name loopback = *name;

	if (sock_addr_known(name, &addresses[0]))
		return 1;
	if (strcmp(name->host, "localhost") != 0)
		return 0;
	/* By RFC 6761 localhost is this and nothing else. */
	strcpy(loopback.host, "::1");
	if (!sock_addr_known(&loopback, &addresses[0]))
		return 0;
	strcpy(loopback.host, "127.0.0.1");
	return sock_addr_known(&loopback, &addresses[1]) ? 2 : 0;
}

static int dial_begin(struct call *call, const char *text, struct dialing *dialing)
{
	struct sock_name name;
	int error = target_read(call, text, &name, &dialing->from);

	if (error)
		return error;
	dialing->addresses = calloc(2, sizeof(*dialing->addresses));
	if (!dialing->addresses)
		return -ENOMEM;
	dialing->count = addresses_known(&name, dialing->addresses);
	if (dialing->count)
		return 0;
	return sock_lookup_start(call, &name, dialing->type, &dialing->lookup);
}

static void dial_close(void *state)
{
	struct dialing *dialing = state;

	sock_lookup_drop(dialing->lookup);
	free(dialing->addresses);
	if (dialing->fd >= 0)
		close(dialing->fd);
	sock_stream_end(&dialing->stream);
	free(dialing);
}

static int open_end(struct call *call, const struct place *place, int flags, int type, void **state)
{
	struct dialing *dialing;
	int error;

	dialing = calloc(1, sizeof(*dialing));
	if (!dialing)
		return -ENOMEM;
	sock_stream_new(call, &dialing->stream, flags);
	dialing->fd = -1;
	dialing->type = type;
	error = sock_stream_count(call, &dialing->stream);
	if (!error)
		error = dial_begin(call, place->name, dialing);
	if (error)
		dial_close(dialing);
	else
		*state = dialing;
	return error;
}

static int dial_open_tcp(struct call *call, const struct place *place, int flags, void **state)
{
	return open_end(call, place, flags, SOCK_STREAM, state);
}

static int dial_open_udp(struct call *call, const struct place *place, int flags, void **state)
{
	return open_end(call, place, flags, SOCK_DGRAM, state);
}

/* Binds to where the user wants the connection to come from. */
static int bind_from(struct call *call, const struct dialing *dialing, int fd, int family)
{
	struct sock_addr from = dialing->from;
	char text[SOCK_ADDR_TEXT];
	int error;

	if (!from.length)
		return 0;
	if (from.both && family == AF_INET) {
		uint16_t port = sock_addr_port(&from);

		memset(&from, 0, sizeof(from));
		from.in.sin_family = AF_INET;
		from.in.sin_port = htons(port);
		from.length = sizeof(from.in);
	}
	sock_addr_print(&dialing->from, text);
	if (from.any.sa_family != family)
		return refuse(call, EAFNOSUPPORT,
			      "from=%s is of another family than the address to connect to", text);
	sock_set(fd, SOL_SOCKET, SO_REUSEADDR, dialing->type == SOCK_STREAM);
	if (bind(fd, &from.any, from.length) == 0)
		return 0;
	error = errno;
	return refuse(call, error, "from=%s: bind: %s", text, strerror(error));
}

static int refuse_dial(struct call *call, const struct sock_addr *address, int error)
{
	char text[SOCK_ADDR_TEXT];

	sock_addr_print(address, text);
	if (error == ECONNREFUSED)
		return refuse(call, error, "nobody listens at %s", text);
	/* What means "not now" to the rest of the tree would be waited for. */
	if (error == EAGAIN)
		return refuse(call, EADDRNOTAVAIL,
			      "%s: no port is free to connect from "
			      "(net.ipv4.ip_local_port_range)",
			      text);
	return refuse(call, error, "%s: %s", text, strerror(error));
}

/*
 * A connection to a port of this machine on which nobody listens, and that the kernel happens to
 * have chosen to connect from, is one to itself.
 */
static bool is_to_itself(int fd)
{
	struct sock_addr own, peer;

	return sock_addr_of(fd, &own) == 0 && sock_addr_of_peer(fd, &peer) == 0 &&
	       sock_addr_same(&own, &peer);
}

/* True once the connection under way has come to an end, with its errno in *error. */
static bool attempt_ended(int fd, int *error)
{
	struct pollfd polled = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(*error);

	if (poll(&polled, 1, 0) <= 0)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &length) < 0)
		*error = errno;
	if (!*error && is_to_itself(fd))
		*error = ECONNREFUSED;
	return true;
}

/* 0, -EAGAIN while it is under way, or why not. */
static int connect_tcp(const struct sock_addr *address, int fd)
{
	sock_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (connect(fd, &address->any, address->length) < 0 && errno != EINPROGRESS)
		return errno;
	return 0;
}

/*
 * A connected socket hears only whom it is connected to, and the answers to what goes to many come
 * from others.  That an address is a broadcast one the kernel says by EACCES.
 */
static int connect_udp(struct dialing *dialing, const struct sock_addr *address, int fd)
{
	bool many = sock_addr_is_multicast(address);

	if (!many && connect(fd, &address->any, address->length) == 0)
		return 0;
	if (!many && errno != EACCES)
		return errno;
	sock_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	dialing->stream.to = *address;
	return 0;
}

/* Begins to connect to @address: dialing->fd, or -errno with a reason. */
static int attempt(struct call *call, struct dialing *dialing, const struct sock_addr *address)
{
	int fd = sock_new(call, address->any.sa_family, dialing->type | SOCK_NONBLOCK);
	int error;

	if (fd < 0)
		return fd;
	error = bind_from(call, dialing, fd, address->any.sa_family);
	if (!error) {
		int refused = dialing->type == SOCK_STREAM ? connect_tcp(address, fd)
							   : connect_udp(dialing, address, fd);

		if (refused)
			error = refuse_dial(call, address, refused);
	}
	if (error)
		close(fd);
	else
		dialing->fd = fd;
	return error;
}

/* Takes the answer of the name server. */
static int dial_look_up(struct call *call, struct dialing *dialing)
{
	struct sock_addr *addresses = NULL;
	ssize_t count = sock_lookup_answer(call, dialing->lookup, &addresses);

	if (count < 0)
		return (int)count;
	free(dialing->addresses);
	dialing->addresses = addresses;
	dialing->count = (size_t)count;
	sock_lookup_drop(dialing->lookup);
	dialing->lookup = NULL;
	return 0;
}

static int dial_enter(struct call *call, void *state)
{
	struct dialing *dialing = state;
	int error = dialing->lookup ? dial_look_up(call, dialing) : 0;

	if (error)
		return error;
	for (;;) {
		if (dialing->fd >= 0) {
			if (!attempt_ended(dialing->fd, &error))
				return -EAGAIN;
			if (!error)
				break;
			error = refuse_dial(call, &dialing->addresses[dialing->next - 1], error);
			close(dialing->fd);
			dialing->fd = -1;
		}
		if (dialing->next == dialing->count)
			return error ? error : -EAFNOSUPPORT;
		error = attempt(call, dialing, &dialing->addresses[dialing->next++]);
	}
	sock_stream_begin(&dialing->stream, dialing->fd, dialing->type);
	dialing->fd = -1;
	return 0;
}

static int dial_wait_fd(void *state, short *events)
{
	struct dialing *dialing = state;

	if (dialing->lookup) {
		*events = POLLIN;
		return sock_lookup_fd(dialing->lookup);
	}
	if (dialing->fd >= 0) {
		*events = POLLOUT;
		return dialing->fd;
	}
	if (!*events)
		*events = POLLIN;
	return dialing->stream.fd;
}

const struct channel sock_channel_tcp = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.exclusive = true,
	.flush_seconds = SOCK_LINGER_SECONDS,
	.open = dial_open_tcp,
	.enter = dial_enter,
	.read = sock_stream_read,
	.write = sock_stream_write,
	.ready = sock_stream_ready,
	.wait_fd = dial_wait_fd,
	.flush = sock_stream_flush,
	.close = dial_close,
};

/* A write is a datagram: one that may have come in parts is not sent. */
const struct channel sock_channel_udp = {
	.serial = SERIAL_READ,
	.open = dial_open_udp,
	.enter = dial_enter,
	.read = sock_stream_read,
	.write = sock_stream_write,
	.ready = sock_stream_ready,
	.wait_fd = dial_wait_fd,
	.close = dial_close,
};
