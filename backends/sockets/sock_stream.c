/*
 * sock_stream.c - a connected socket as an open file: reading, writing, closing.
 *
 * Writes never raise SIGPIPE: the kernel gives whoever writes to a file of this tree EPIPE alone.
 */
#include "sock_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/frame.h"

/* Newer than some headers; of all machines but two it is the same. */
#if !defined(SO_PASSRIGHTS) && !defined(__sparc__) && !defined(__hppa__)
#define SO_PASSRIGHTS 83
#endif

enum {
	/* More than any datagram or packet that the usual limits let pass. */
	PACKET_MAX = 1 << 20,
	/* Any header, or the newline that ends a line. */
	ADDED_MAX = FRAME_HEADER_MAX,
	/* What 16 bits of length leave; IPv6 does not count its own header. */
	UDP_MAX = 65507,
	UDP6_MAX = 65527,
	/* The most that comes to a write at once. */
	WRITE_MAX = 1 << 20,
	/* What a close reads and drops at a time, and in all once everything has arrived. */
	DRAIN_PIECE = 64 << 10,
	DRAIN_PIECES = 16,
	DRAIN_MAX = 64 << 20,
};

void sock_stream_new(const struct call *call, struct sock_stream *stream, int flags)
{
	stream->fd = -1;
	stream->flags = flags;
	stream->sender = call->real_uid;
	stream->sender_group = call->real_gid;
	stream->connection = quota_share(QUOTA_CONNECTIONS, call->uid);
	stream->closing = quota_share(QUOTA_CLOSING, call->uid);
	stream->memory = quota_share(QUOTA_MEMORY, call->uid);
}

int sock_stream_count(struct call *call, struct sock_stream *stream)
{
	return quota_take(call, &stream->connection, 1);
}

void sock_stream_begin(struct sock_stream *stream, int fd, int type)
{
	static const int buffer = WRITE_MAX;

	stream->fd = fd;
	stream->type = type;
	/*
	 * The more a write leaves behind at once the less often it has to wait.  Of a unix socket
	 * it is as much as anyone may ask for (net.core.wmem_max); TCP finds its own measure.
	 */
	if (stream->is_unix)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	/* Who can never write tells the peer so. */
	if (type != SOCK_DGRAM && (stream->flags & O_ACCMODE) == O_RDONLY)
		shutdown(fd, SHUT_WR);
}

static int rest_reserve(struct sock_stream *stream, size_t room)
{
	char *rest;

	if (stream->rest_room >= room)
		return 0;
	rest = realloc(stream->rest, room);
	if (!rest)
		return -ENOMEM;
	stream->rest = rest;
	stream->rest_room = room;
	return 0;
}

int sock_stream_reserve(struct call *call, struct sock_stream *stream, size_t size)
{
	int error = quota_resize(call, &stream->memory, size);

	return error ? error : rest_reserve(stream, size);
}

void sock_stream_fit(struct sock_stream *stream)
{
	char *rest = NULL;

	if (stream->rest_start == stream->rest_stop) {
		free(stream->rest);
		stream->rest_room = stream->rest_start = stream->rest_stop = 0;
		stream->rest = NULL;
	} else if (stream->rest_stop < stream->rest_room) {
		rest = realloc(stream->rest, stream->rest_stop);
	}
	if (rest) {
		stream->rest = rest;
		stream->rest_room = stream->rest_stop;
	}
	if (stream->memory.amount > stream->rest_room)
		quota_give(&stream->memory, stream->memory.amount - stream->rest_room);
}

void sock_stream_prepend(struct sock_stream *stream, const char *text)
{
	size_t length = strlen(text), left = stream->rest_stop - stream->rest_start;

	memmove(stream->rest + length, stream->rest + stream->rest_start, left);
	memcpy(stream->rest, text, length);
	stream->rest_start = 0;
	stream->rest_stop = length + left;
	stream->has_rest = stream->rest_stop > 0;
}

void sock_stream_append(struct sock_stream *stream, char byte)
{
	stream->rest[stream->rest_stop++] = byte;
	stream->has_rest = true;
}

void sock_stream_end(struct sock_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->rest);
	quota_drop(&stream->connection);
	quota_drop(&stream->closing);
	quota_drop(&stream->memory);
}

int sock_refuse_size(struct call *call, int fd, size_t size)
{
	int domain = 0, room = 0;
	socklen_t length = sizeof(int);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	if (domain != AF_UNIX)
		return refuse(
			call, EMSGSIZE,
			"a datagram of %zu bytes: UDP carries at most %d over IPv4 and %d over "
			"IPv6, and less where the network cannot take it in pieces",
			size, UDP_MAX, UDP6_MAX);
	length = sizeof(room);
	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &length);
	return refuse(call, EMSGSIZE,
		      "a packet of %zu bytes: this socket takes at most %d (net.core.wmem_default)",
		      size, room - 32);
}

int sock_refuse_open(struct call *call, int error)
{
	struct rlimit limit;

	if (error == -EMFILE) {
		getrlimit(RLIMIT_NOFILE, &limit);
		return refuse(call, EMFILE,
			      "RLIMIT_NOFILE of the daemon is %llu, and what it has open for all "
			      "its users leaves no more to keep",
			      (unsigned long long)limit.rlim_cur);
	}
	if (error == -ENFILE)
		return refuse(call, ENFILE, "fs.file-max: the machine has as many files open");
	return error;
}

/*
 * Descriptors that somebody sends with bytes (SCM_RIGHTS) would be closed by the thread that reads
 * or drops them, and a last close can wait for as long as the sender likes: for the peer of a
 * socket that lingers (SO_LINGER), or for the lock of a pipe.  Whoever tries is told EPERM; what is
 * accepted has that of its listener.
 */
static void refuse_descriptors(int fd)
{
#ifdef SO_PASSRIGHTS
	sock_set(fd, SOL_SOCKET, SO_PASSRIGHTS, 0); /* Linux 6.16 */
#endif
}

int sock_new(struct call *call, int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return sock_refuse_open(call, -errno);
	if (family == AF_UNIX)
		refuse_descriptors(fd);
	if (!descriptor_is_last(fd))
		return fd;
	close(fd);
	return sock_refuse_open(call, -EMFILE);
}

int sock_check_room(struct call *call, int fd)
{
	int probe = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int error = probe < 0 ? -errno : descriptor_is_last(probe) ? -EMFILE : 0;

	if (probe >= 0)
		close(probe);
	return error ? sock_refuse_open(call, error) : 0;
}

size_t sock_rest_give(struct sock_stream *stream, void *buffer, size_t size)
{
	size_t left = stream->rest_stop - stream->rest_start;

	if (size > left)
		size = left;
	if (size)
		memcpy(buffer, stream->rest + stream->rest_start, size);
	stream->rest_start += size;
	stream->has_rest = stream->rest_start < stream->rest_stop;
	sock_stream_fit(stream);
	return size;
}

ssize_t sock_packet_take(struct call *call, struct sock_stream *stream, void *buffer, size_t size,
			 struct sock_addr *from, struct msghdr *message, bool may_wait)
{
	struct iovec pieces[2] = {{.iov_base = buffer, .iov_len = size}};
	struct msghdr plain = {0};
	ssize_t length;
	int error = 0;

	if (!message)
		message = &plain;
	/* What does not fit is dropped by the kernel unless it has somewhere to go. */
	if (size < PACKET_MAX)
		error = sock_stream_reserve(call, stream, PACKET_MAX + ADDED_MAX);
	if (error)
		return error;
	pieces[1].iov_base = stream->rest;
	pieces[1].iov_len = size < PACKET_MAX ? PACKET_MAX : 0;
	message->msg_iov = pieces;
	message->msg_iovlen = 2;
	if (from) {
		message->msg_name = &from->room;
		message->msg_namelen = sizeof(from->room);
	}
	stream->rest_start = stream->rest_stop = 0;
	length = recvmsg(stream->fd, message, (may_wait ? 0 : MSG_DONTWAIT) | MSG_CMSG_CLOEXEC);
	if (length < 0) {
		error = -errno;
		sock_stream_fit(stream);
		return error;
	}
	if (from)
		from->length = message->msg_namelen;
	stream->rest_stop = (size_t)length > size ? (size_t)length - size : 0;
	stream->has_rest = stream->rest_stop > 0;
	return (size_t)length > size ? (ssize_t)size : length;
}

ssize_t sock_stream_read(struct call *call, void *state, void *buffer, size_t size)
{
	struct sock_stream *stream = state;
	ssize_t length;

	if (stream->rest_start < stream->rest_stop || !size)
		return (ssize_t)sock_rest_give(stream, buffer, size);
	if (stream->type != SOCK_STREAM) {
		length = sock_packet_take(call, stream, buffer, size, NULL, NULL, false);
		sock_stream_fit(stream);
		return length;
	}
	length = recv(stream->fd, buffer, size, MSG_DONTWAIT);
	return length < 0 ? -errno : length;
}

ssize_t sock_send(const struct sock_stream *stream, const void *buffer, size_t size,
		  const struct sock_addr *to, const struct sock_pktinfo *own, bool may_wait)
{
	struct ucred self;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(self))];
		char own[SOCK_PKTINFO_SPACE];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(self)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_CREDENTIALS}};
	struct sock_addr address = to ? *to : (struct sock_addr){.length = 0};
	struct iovec piece = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	ssize_t length;

	if (to) {
		message.msg_name = &address.room;
		message.msg_namelen = address.length;
	}
	if (stream->is_unix) {
		/* As the kernel does for a process of its own: the real ids. */
		self = (struct ucred){
			.pid = getpid(), .uid = stream->sender, .gid = stream->sender_group};
		memcpy(CMSG_DATA(&control.header), &self, sizeof(self));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	} else if (own && own->family) {
		message.msg_control = &control;
		sock_pktinfo_write(&message, own);
	}
	length = sendmsg(stream->fd, &message, MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT));
	return length < 0 ? -errno : length;
}

ssize_t sock_stream_write(struct call *call, void *state, const void *buffer, size_t size,
			  size_t *done)
{
	struct sock_stream *stream = state;
	const struct sock_addr *to = stream->to.length ? &stream->to : NULL;

	if (stream->type != SOCK_STREAM && size > SOCK_WRITE_WHOLE)
		return sock_refuse_size(call, stream->fd, size);
	if (stream->failed && !*done) {
		int failed = stream->failed;

		stream->failed = 0;
		return failed;
	}
	while (*done < size) {
		ssize_t length = sock_send(stream, (const char *)buffer + *done, size - *done, to,
					   NULL, false);

		if (length == -EMSGSIZE)
			return sock_refuse_size(call, stream->fd, size);
		if (length == -EPERM && stream->is_unix)
			return refuse(call, EPERM,
				      "the message would have to say that it is of uid %u, gid %u, "
				      "who runs a program of other ids that is not root's",
				      (unsigned)stream->sender, (unsigned)stream->sender_group);
		if (length < 0) {
			/* The kernel says once why a connection has ended. */
			if (*done && length != -EAGAIN)
				stream->failed = (int)length;
			return length;
		}
		*done += (size_t)length;
		stream->wrote = true;
	}
	return (ssize_t)size;
}

short sock_stream_ready(void *state)
{
	struct sock_stream *stream = state;
	struct pollfd polled = {.fd = stream->fd, .events = POLLIN | POLLOUT};
	short events = 0;

	if (poll(&polled, 1, 0) > 0)
		events = polled.revents;
	/* Either says what has happened at once. */
	if (events & (POLLERR | POLLHUP))
		events |= POLLIN | POLLOUT;
	if (stream->has_rest)
		events |= POLLIN;
	return events & (POLLIN | POLLOUT);
}

/* True when the peer's end of file, or the end of the connection, has been read. */
static bool drain(struct sock_stream *stream)
{
	char trash[DRAIN_PIECE];

	for (int piece = 0; piece < DRAIN_PIECES; piece++) {
		ssize_t length = recv(stream->fd, trash, sizeof(trash), MSG_DONTWAIT);

		if (length < 0 && errno == EAGAIN)
			return false;
		if (length <= 0)
			return true;
		stream->drained += (size_t)length;
	}
	return false;
}

/* True if the close may wait for the peer: those that never end must not use up descriptors. */
static bool linger(struct sock_stream *stream)
{
	return stream->closing.amount || !quota_take(NULL, &stream->closing, 1);
}

/*
 * A socket that is closed with unread data, or to which data comes afterwards, resets the
 * connection, and what the peer has not read by then may be lost to it.  So the peer is told of the
 * end, and what it still sends is dropped, until it has come to its own end.  That it does not is
 * no reason to keep the socket for ever: by the channel's flush_seconds all is closed, and the
 * kernel goes on sending what is left.  Nor is one that sends without end: once everything has
 * arrived, DRAIN_MAX is enough.
 */
int sock_stream_flush(struct call *call, void *state)
{
	struct sock_stream *stream = state;
	int unsent = 0;

	if (stream->fd < 0 || stream->type == SOCK_DGRAM || !stream->wrote)
		return 0;
	if (!stream->shut)
		shutdown(stream->fd, SHUT_WR);
	stream->shut = true;
	if (drain(stream))
		return 0;
	if (!linger(stream))
		return 0;
	if (stream->drained > DRAIN_MAX && ioctl(stream->fd, SIOCOUTQ, &unsent) == 0 && !unsent)
		return 0;
	return -EAGAIN;
}
