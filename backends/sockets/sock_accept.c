/*
 * sock_accept.c - opening is accepting: each open file is the connection to another client.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sock_caller.h"
#include "sock_stream.h"
#include "sock_talk.h"

/* The longest line that says who a client is. */
enum { INTRODUCTION_MAX = SOCK_ADDR_TEXT + 16 };

struct accepting {
	struct sock_stream stream; /* first: see sock_stream.h */
	struct sock_bound *bound;
	bool framed;
};

static void accept_close(void *state)
{
	struct accepting *accepting = state;

	sock_stream_end(&accepting->stream);
	sock_bound_release(accepting->bound);
	free(accepting);
}

static int open_end(struct call *call, const struct place *place, int flags, bool framed,
		    void **state)
{
	struct accepting *accepting;
	struct sock_bound *bound;
	int error;

	bound = sock_own(place);
	if (!bound)
		return -ENOENT;
	error = sock_bound_admit(call, bound, flags);
	accepting = error ? NULL : calloc(1, sizeof(*accepting));
	if (!accepting) {
		sock_bound_release(bound);
		return error ? error : -ENOMEM;
	}
	sock_stream_new(call, &accepting->stream, flags);
	accepting->bound = bound;
	accepting->framed = framed;
	error = sock_stream_count(call, &accepting->stream);
	if (error)
		accept_close(accepting);
	else
		*state = accepting;
	return error;
}

static int accept_open(struct call *call, const struct place *place, int flags, void **state)
{
	return open_end(call, place, flags, false, state);
}

static int accept_open_framed(struct call *call, const struct place *place, int flags, void **state)
{
	return open_end(call, place, flags, true, state);
}

/* The line that says who the client is. */
static int introduce(struct accepting *accepting, int fd, const struct sock_addr *peer)
{
	char line[INTRODUCTION_MAX], address[SOCK_ADDR_TEXT];
	struct ucred creds;
	socklen_t length = sizeof(creds);

	if (peer->any.sa_family != AF_UNIX) {
		sock_addr_print(peer, address);
		snprintf(line, sizeof(line), "from=%s\n", address);
	} else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creds, &length) == 0) {
		snprintf(line, sizeof(line), "pid=%d uid=%u gid=%u\n", (int)creds.pid,
			 (unsigned)creds.uid, (unsigned)creds.gid);
	} else {
		return -errno;
	}
	sock_stream_prepend(&accepting->stream, line);
	return 0;
}

/* True for what is wrong with one client alone, by accept(2). */
static bool is_of_client(int error)
{
	switch (error) {
	case ECONNABORTED:
	case EPROTO:
	case ENOPROTOOPT:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EPERM: /* a firewall */
		return true;
	default:
		return false;
	}
}

static int accept_enter(struct call *call, void *state)
{
	struct accepting *accepting = state;
	struct sock_bound *bound = accepting->bound;
	struct sock_addr peer = {0};
	int fd, error = 0;

	/* Once accepted, the client could not be put back. */
	error = sock_check_room(call, sock_bound_fd(bound));
	if (!error && accepting->framed)
		error = sock_stream_reserve(call, &accepting->stream, INTRODUCTION_MAX);
	if (error)
		return sock_bound_gone(bound) ? -EIDRM : error;
	do {
		if (sock_bound_gone(bound))
			return -EIDRM;
		peer.length = sizeof(peer.room);
		fd = accept4(sock_bound_fd(bound), &peer.any, &peer.length,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (fd < 0 && is_of_client(errno));
	if (fd < 0) {
		error = -errno;
		return sock_bound_gone(bound) ? -EIDRM : sock_refuse_open(call, error);
	}
	/* A line at a time is how shells talk, and each waits for its answer. */
	if (peer.any.sa_family != AF_UNIX)
		sock_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (accepting->framed)
		error = introduce(accepting, fd, &peer);
	if (error) {
		close(fd);
		return error;
	}
	accepting->stream.is_unix = peer.any.sa_family == AF_UNIX;
	sock_stream_begin(&accepting->stream, fd, sock_bound_type(bound));
	return 0;
}

static int accept_wait_fd(void *state, short *events)
{
	struct accepting *accepting = state;

	/* An open waits for a client, a close for the client's end. */
	if (!*events)
		*events = POLLIN;
	return accepting->stream.fd < 0 ? sock_bound_fd(accepting->bound) : accepting->stream.fd;
}

static int accept_gone(void *state)
{
	struct accepting *accepting = state;

	/* A connection outlives the socket that accepted it. */
	return accepting->stream.fd < 0 ? sock_bound_gone(accepting->bound) : 0;
}

static uint64_t accept_object(void *state)
{
	struct accepting *accepting = state;

	return accepting->stream.fd < 0 ? sock_bound_identity(accepting->bound) : 0;
}

#define CHANNEL(name, opens, turns)                   \
	const struct channel name = {                 \
		.serial = turns,                      \
		.exclusive = true,                    \
		.flush_seconds = SOCK_LINGER_SECONDS, \
		.open = opens,                        \
		.enter = accept_enter,                \
		.read = sock_stream_read,             \
		.write = sock_stream_write,           \
		.ready = sock_stream_ready,           \
		.wait_fd = accept_wait_fd,            \
		.gone = accept_gone,                  \
		.object = accept_object,              \
		.flush = sock_stream_flush,           \
		.close = accept_close,                \
	}

CHANNEL(sock_channel_accept, accept_open, SERIAL_READ | SERIAL_WRITE);
CHANNEL(sock_channel_accept_framed, accept_open_framed, SERIAL_READ | SERIAL_WRITE);
/* A write is a packet: one that may have come in parts is not sent. */
CHANNEL(sock_channel_accept_packets, accept_open, SERIAL_READ);
CHANNEL(sock_channel_accept_packets_framed, accept_open_framed, SERIAL_READ);
