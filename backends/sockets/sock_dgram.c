/*
 * sock_dgram.c - datagrams: what comes to a bound socket, and answers to it.
 *
 * All handles of a socket share it, and each datagram goes to one of them; but of a multicast group
 * each has a socket of its own, and so its own copy.  A write answers whoever sent what was read
 * last on the same handle.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/names.h"
#include "sock_caller.h"
#include "sock_stream.h"
#include "sock_talk.h"

struct dgram {
	struct sock_stream stream; /* first: see sock_stream.h; its fd may be the bound socket's */
	struct sock_bound *bound;
	atomic_bool ended; /* its one datagram was taken */

	/* Reads and writes run at the same time. */
	pthread_mutex_t lock;
	struct sock_addr
		sender; /* of the last one; length 0: there is none, or it has no address */
	struct sock_pktinfo own; /* to which address it came */

	struct frame_lines lines;
	struct frame frame;
	struct sock_addr to; /* of the frame; length 0: the sender */
};

static int dgram_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct sock_bound *bound;
	struct sock_addr address;
	struct dgram *dgram;
	bool is_unix = place->dir != &sock_udp_own_dir;
	int error;

	bound = sock_own(place);
	if (!bound)
		return -ENOENT;
	error = sock_bound_admit(call, bound, flags);
	if (!error)
		error = sock_addr_of(sock_bound_fd(bound), &address);
	dgram = error ? NULL : calloc(1, sizeof(*dgram));
	if (!error && !dgram)
		error = -ENOMEM;
	if (error) {
		if (sock_bound_gone(bound))
			error = -ENOENT;
		sock_bound_release(bound);
		return error;
	}
	sock_stream_new(call, &dgram->stream, flags);
	dgram->stream.type = SOCK_DGRAM;
	dgram->stream.fd = sock_bound_fd(bound);
	dgram->bound = bound;
	dgram->stream.is_unix = is_unix;
	dgram->frame.context = dgram;
	dgram->lines = frame_lines_of(call->uid);
	dgram->frame.memory = quota_share(QUOTA_MEMORY, call->uid);
	pthread_mutex_init(&dgram->lock, NULL);
	*state = dgram;
	if (is_unix || !sock_addr_is_multicast(&address))
		return 0;
	dgram->stream.fd = sock_group_open(call, bound);
	if (dgram->stream.fd >= 0)
		return 0;
	error = dgram->stream.fd;
	pthread_mutex_destroy(&dgram->lock);
	free(dgram);
	sock_bound_release(bound);
	return error;
}

static void dgram_close(void *state)
{
	struct dgram *dgram = state;

	if (dgram->stream.fd == sock_bound_fd(dgram->bound))
		dgram->stream.fd = -1;
	sock_stream_end(&dgram->stream);
	sock_bound_release(dgram->bound);
	frame_lines_free(&dgram->lines);
	frame_free(&dgram->frame);
	pthread_mutex_destroy(&dgram->lock);
	free(dgram);
}

static int dgram_gone(void *state)
{
	struct dgram *dgram = state;

	return sock_bound_gone(dgram->bound);
}

static uint64_t dgram_object(void *state)
{
	struct dgram *dgram = state;

	return sock_bound_identity(dgram->bound);
}

static short dgram_ready(void *state)
{
	struct dgram *dgram = state;

	/* Either says EIDRM, or end of file, at once. */
	if (dgram_gone(dgram))
		return POLLIN | POLLOUT;
	return sock_stream_ready(&dgram->stream) | (dgram->ended ? POLLIN : 0);
}

/*
 * Whether one's own unix socket can be written to does not say whether the receiver has room, and
 * only a connected one could be polled for that.  So who sends such a datagram waits in a thread.
 */
static int dgram_wait_fd(void *state, short *events)
{
	struct dgram *dgram = state;

	if (!*events)
		*events = POLLOUT; /* a close sends what is left */
	return dgram->stream.is_unix && *events == POLLOUT ? -1 : dgram->stream.fd;
}

/* ---- reading ---- */

/* Who sent a datagram, as the kernel tells. */
struct sender {
	struct sock_addr address;
	struct ucred creds;
};

static void control_read(struct msghdr *message, struct sender *sender)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_CREDENTIALS)
		memcpy(&sender->creds, CMSG_DATA(control), sizeof(sender->creds));
}

/* Takes one datagram; @size bytes of it into @buffer. */
static ssize_t take(struct call *call, struct dgram *dgram, void *buffer, size_t size,
		    struct sender *sender)
{
	/* Room for no descriptors that somebody may send along. */
	union {
		struct cmsghdr align;
		char creds[CMSG_SPACE(sizeof(struct ucred))];
		char own[SOCK_PKTINFO_SPACE];
	} control;
	struct msghdr message = {.msg_control = &control};
	struct sock_pktinfo own = {.family = 0};
	ssize_t length;

	memset(sender, 0, sizeof(*sender));
	message.msg_controllen =
		dgram->stream.is_unix ? sizeof(control.creds) : sizeof(control.own);
	if (dgram_gone(dgram))
		return -EIDRM;
	length = sock_packet_take(call, &dgram->stream, buffer, size, &sender->address, &message,
				  call->may_wait);
	if (length < 0)
		return dgram_gone(dgram) ? -EIDRM : length;
	if (dgram->stream.is_unix)
		control_read(&message, sender);
	else
		sock_pktinfo_read(&message, &own);
	/* A unix socket that is bound to nothing has an address of its family alone. */
	if (dgram->stream.is_unix && sender->address.length <= sizeof(sa_family_t))
		sender->address.length = 0;
	pthread_mutex_lock(&dgram->lock);
	dgram->sender = sender->address;
	dgram->own = own;
	pthread_mutex_unlock(&dgram->lock);
	return length;
}

static ssize_t dgram_read_data(struct call *call, void *state, void *buffer, size_t size)
{
	struct dgram *dgram = state;
	struct sender sender;
	ssize_t length;

	if (dgram->ended || !size)
		return (ssize_t)sock_rest_give(&dgram->stream, buffer, size);
	length = take(call, dgram, buffer, size, &sender);
	dgram->ended = length >= 0;
	sock_stream_fit(&dgram->stream);
	return length;
}

static ssize_t dgram_read_lines(struct call *call, void *state, void *buffer, size_t size)
{
	struct dgram *dgram = state;
	struct sock_stream *stream = &dgram->stream;
	struct sender sender;
	ssize_t error;

	if (stream->rest_start == stream->rest_stop && size) {
		error = take(call, dgram, NULL, 0, &sender);
		if (error < 0)
			return error;
		if (stream->rest_stop == 0 || stream->rest[stream->rest_stop - 1] != '\n')
			sock_stream_append(stream, '\n');
	}
	return (ssize_t)sock_rest_give(stream, buffer, size);
}

/* "from=HOST:PORT size=N", and of a unix socket who that is. */
static void header_print(const struct dgram *dgram, const struct sender *sender, size_t size,
			 char text[FRAME_HEADER_MAX])
{
	char address[SOCK_ADDR_TEXT > SOCK_PATH_TEXT ? SOCK_ADDR_TEXT : SOCK_PATH_TEXT] = "";

	if (!dgram->stream.is_unix)
		sock_addr_print(&sender->address, address);
	else if (sender->address.length)
		sock_path_print(&sender->address, address);
	snprintf(text, FRAME_HEADER_MAX, "%s%s%s", *address ? "from=" : "", address,
		 *address ? " " : "");
	if (dgram->stream.is_unix)
		snprintf(text + strlen(text), FRAME_HEADER_MAX - strlen(text),
			 "pid=%d uid=%u gid=%u ", (int)sender->creds.pid,
			 (unsigned)sender->creds.uid, (unsigned)sender->creds.gid);
	snprintf(text + strlen(text), FRAME_HEADER_MAX - strlen(text), "size=%zu\n", size);
}

static ssize_t dgram_read_framed(struct call *call, void *state, void *buffer, size_t size)
{
	struct dgram *dgram = state;
	char header[FRAME_HEADER_MAX];
	struct sender sender;
	ssize_t error;

	if (!dgram->ended && size) {
		error = take(call, dgram, NULL, 0, &sender);
		if (error < 0)
			return error;
		dgram->ended = true;
		header_print(dgram, &sender, dgram->stream.rest_stop, header);
		sock_stream_prepend(&dgram->stream, header);
	}
	return (ssize_t)sock_rest_give(&dgram->stream, buffer, size);
}

/* ---- writing ---- */

/* Where to send to by @address: itself, or of a path the file that it leads to, held by *fd. */
static int address_resolve(struct call *call, const struct sock_addr *address, struct sock_addr *to,
			   int *fd)
{
	char path[sizeof(address->un.sun_path) + 1];

	*to = *address;
	*fd = -1;
	if (address->any.sa_family != AF_UNIX || !address->un.sun_path[0])
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)sizeof(address->un.sun_path),
		 address->un.sun_path);
	if (path[0] != '/')
		return refuse(
			call, EDESTADDRREQ,
			"the sender is bound to '%.100s', and from which directory that leads "
			"to it is not known",
			path);
	*fd = sock_caller_open(call, path);
	if (*fd < 0)
		return *fd;
	memset(to, 0, sizeof(*to));
	to->un.sun_family = AF_UNIX;
	snprintf(to->un.sun_path, sizeof(to->un.sun_path), "/proc/self/fd/%d", *fd);
	to->length = sizeof(to->un);
	return 0;
}

static int refuse_send(struct call *call, const struct dgram *dgram,
		       const struct sock_addr *address, size_t size, int error)
{
	char text[SOCK_ADDR_TEXT > SOCK_PATH_TEXT ? SOCK_ADDR_TEXT : SOCK_PATH_TEXT];

	if (error == EMSGSIZE)
		return sock_refuse_size(call, dgram->stream.fd, size);
	if (error == EAGAIN || error == EINTR)
		return -error;
	if (dgram->stream.is_unix)
		sock_path_print(address, text);
	else
		sock_addr_print(address, text);
	return refuse(call, error, "to %.150s: %s", text, strerror(error));
}

/* From where to send to @address: whoever has asked is answered from the address that was asked. */
static void own_address(struct dgram *dgram, const struct sock_addr *address,
			struct sock_pktinfo *own)
{
	char asker[SOCK_ADDR_TEXT], to[SOCK_ADDR_TEXT];
	struct sock_addr sender;

	pthread_mutex_lock(&dgram->lock);
	*own = dgram->own;
	sender = dgram->sender;
	pthread_mutex_unlock(&dgram->lock);
	if (!own->family)
		return;
	/* As text: an IPv4 address may be in IPv6's clothes, or not. */
	sock_addr_print(&sender, asker);
	sock_addr_print(address, to);
	if (strcmp(asker, to) != 0)
		own->family = 0;
}

static int send_to(struct call *call, struct dgram *dgram, const struct sock_addr *address,
		   const char *text, size_t size)
{
	struct sock_pktinfo own;
	struct sock_addr to;
	ssize_t length;
	int error, fd;

	if (dgram_gone(dgram))
		return -EIDRM;
	error = address_resolve(call, address, &to, &fd);
	if (error)
		return error;
	own_address(dgram, address, &own);
	length = sock_send(&dgram->stream, text, size, &to, &own, call->may_wait);
	if (length < 0)
		error = refuse_send(call, dgram, address, size, (int)-length);
	if (fd >= 0)
		close(fd);
	return error && dgram_gone(dgram) ? -EIDRM : error;
}

static int answer(struct call *call, void *context, const char *text, size_t size)
{
	struct dgram *dgram = context;
	struct sock_addr sender;

	pthread_mutex_lock(&dgram->lock);
	sender = dgram->sender;
	pthread_mutex_unlock(&dgram->lock);
	if (dgram_gone(dgram))
		return -EIDRM;
	if (!sender.length)
		return refuse(
			call, EDESTADDRREQ,
			"a write answers the sender of what was read last on this handle, and "
			"there is none that has an address: framed takes to=, connect/ sends "
			"to anybody");
	return send_to(call, dgram, &sender, text, size);
}

static ssize_t dgram_write_data(struct call *call, void *state, const void *buffer, size_t size,
				size_t *done)
{
	struct dgram *dgram = state;
	int error;

	if (size > SOCK_WRITE_WHOLE)
		return sock_refuse_size(call, dgram->stream.fd, size);
	error = answer(call, dgram, buffer, size);
	if (error)
		return error;
	*done = size;
	return (ssize_t)size;
}

static int fits(struct call *call, void *context, size_t size)
{
	struct dgram *dgram = context;

	return size > SOCK_WRITE_WHOLE ? sock_refuse_size(call, dgram->stream.fd, size) : 0;
}

static const struct frame_sink line_sink = {fits, answer};

static ssize_t dgram_write_lines(struct call *call, void *state, const void *buffer, size_t size,
				 size_t *done)
{
	struct dgram *dgram = state;

	return frame_lines_write(call, &dgram->lines, &line_sink, dgram, buffer, size, done);
}

static int dgram_flush_lines(struct call *call, void *state)
{
	struct dgram *dgram = state;

	return frame_lines_flush(call, &dgram->lines, &line_sink, dgram);
}

/* Reads to= and from=, which is what a header that was read says; who that was is not read. */
static int header_key(struct call *call, const char *key, const char *value, void *context)
{
	struct dgram *dgram = context;

	if (!key) {
		dgram->to.length = 0;
		return 0;
	}
	if (dgram->stream.is_unix &&
	    (!strcmp(key, "pid") || !strcmp(key, "uid") || !strcmp(key, "gid")))
		return 0;
	if (strcmp(key, "to") != 0 && strcmp(key, "from") != 0)
		return -ENOENT;
	if (dgram->to.length)
		return refuse(call, EINVAL, "a header has one address, to= or from=");
	if (dgram->stream.is_unix)
		return sock_path_read(call, value, &dgram->to);
	return sock_addr_read(call, value, &dgram->to);
}

static const struct frame_header inet_header = {
	.example = "to=127.0.0.1:5242 size=5",
	.longest = FRAME_HEADER_MAX,
	.read = header_key,
};

static const struct frame_header unix_header = {
	.example = "to=/run/ipcfs/unix/log size=5",
	.longest = FRAME_HEADER_MAX,
	.read = header_key,
};

static int frame_send(struct call *call, void *context, const char *text, size_t size)
{
	struct dgram *dgram = context;

	return dgram->to.length ? send_to(call, dgram, &dgram->to, text, size)
				: answer(call, dgram, text, size);
}

static const struct frame_sink frame_sink = {fits, frame_send};

static ssize_t dgram_write_framed(struct call *call, void *state, const void *buffer, size_t size,
				  size_t *done)
{
	struct dgram *dgram = state;

	return frame_write(call, &dgram->frame, dgram->stream.is_unix ? &unix_header : &inet_header,
			   &frame_sink, dgram, buffer, size, done);
}

/* A write is a datagram: one that may have come in parts is not sent. */
const struct channel sock_channel_data = {
	.serial = SERIAL_READ,
	.open = dgram_open,
	.read = dgram_read_data,
	.write = dgram_write_data,
	.ready = dgram_ready,
	.wait_fd = dgram_wait_fd,
	.gone = dgram_gone,
	.object = dgram_object,
	.close = dgram_close,
};

const struct channel sock_channel_data_framed = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.open = dgram_open,
	.read = dgram_read_framed,
	.write = dgram_write_framed,
	.ready = dgram_ready,
	.wait_fd = dgram_wait_fd,
	.gone = dgram_gone,
	.object = dgram_object,
	.close = dgram_close,
};

const struct channel sock_channel_data_lines = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.open = dgram_open,
	.read = dgram_read_lines,
	.write = dgram_write_lines,
	.ready = dgram_ready,
	.wait_fd = dgram_wait_fd,
	.gone = dgram_gone,
	.object = dgram_object,
	.flush = dgram_flush_lines,
	.close = dgram_close,
};
