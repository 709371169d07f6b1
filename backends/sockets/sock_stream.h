/*
 * sock_stream.h - a connected socket as an open file: reading, writing, closing.
 *
 * What connects (sock_dial.c) and what accepts (sock_accept.c) have a struct sock_stream as the
 * first member of their state, so the channel functions below serve both.
 */
#ifndef IPCFS_SOCK_STREAM_H
#define IPCFS_SOCK_STREAM_H

#include <stdatomic.h>

#include "common/quota.h"
#include "sock_addr.h"
#include "sock_pktinfo.h"

struct sock_stream {
	int fd;    /* -1: not connected yet */
	int flags; /* of the open */
	int type;  /* SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM */
	bool is_unix;
	bool wrote, shut;
	int failed; /* the errno that ended a write of which a part had gone: for the next to say */
	size_t drained;
	struct sock_addr to; /* where each datagram goes; length 0: the socket is connected */
	uid_t sender;        /* who opened it, for who receives */
	gid_t sender_group;
	/* Of who opened it: the connection, its close that waits for the peer, what is in rest. */
	struct quota_share connection, closing, memory;
	/* What a read has to give before it asks the socket: rest[rest_start..rest_stop). */
	char *rest;
	size_t rest_room, rest_start, rest_stop;
	atomic_bool has_rest;
};

/* A close waits so long for the peer to have read what was written; see sock_stream_flush. */
enum { SOCK_LINGER_SECONDS = 60 };

/* As much as a write is certain to come in one piece: the kernel splits at 256 pages. */
enum { SOCK_WRITE_WHOLE = 255 * 4096 };

/* Begins one without a socket, for who opens it with @flags. */
void sock_stream_new(const struct call *call, struct sock_stream *stream, int flags);
/* That it will be a connection, counted from now on.  -EDQUOT: the user has enough of them. */
int sock_stream_count(struct call *call, struct sock_stream *stream);
/* Takes @fd over, connected. */
void sock_stream_begin(struct sock_stream *stream, int fd, int type);
/*
 * Room for @size bytes, before what they are about is taken: afterwards nothing may fail.
 * -ENOMEM, -EDQUOT.
 */
int sock_stream_reserve(struct call *call, struct sock_stream *stream, size_t size);
/*
 * Puts @text in front of what a read has to give.  The room has been reserved, or comes with
 * sock_packet_take.
 */
void sock_stream_prepend(struct sock_stream *stream, const char *text);
/* Puts @byte behind it, likewise. */
void sock_stream_append(struct sock_stream *stream, char byte);
/* Gives back the room in which nothing is. */
void sock_stream_fit(struct sock_stream *stream);
/* Gives all back but the struct. */
void sock_stream_end(struct sock_stream *stream);

/*
 * Takes one datagram or packet: as much as fits into @buffer, the rest into stream->rest.  @from
 * may be NULL, and so may @message, whose msg_control is filled.  Bytes for @buffer, -EAGAIN ... as
 * recvmsg(2); -EDQUOT, -ENOMEM before anything is taken.  Of a @size of 0 there is room for a
 * header of FRAME_HEADER_MAX bytes as well, until sock_stream_fit or sock_rest_give.
 */
ssize_t sock_packet_take(struct call *call, struct sock_stream *stream, void *buffer, size_t size,
			 struct sock_addr *from, struct msghdr *message, bool may_wait);
/*
 * Sends as sendto(2) does, to @to unless that is NULL, and from @own unless that is NULL: bytes or
 * -errno.  Through a unix socket it
 * says that the caller sent it: the kernel would name the thread's real ids, which are the
 * daemon's.
 */
ssize_t sock_send(const struct sock_stream *stream, const void *buffer, size_t size,
		  const struct sock_addr *to, const struct sock_pktinfo *own, bool may_wait);

/* Gives what is left of stream->rest, and the room back that this leaves. */
size_t sock_rest_give(struct sock_stream *stream, void *buffer, size_t size);

/* -EMSGSIZE with its reason, for a datagram or packet of @size that the socket did not take. */
int sock_refuse_size(struct call *call, int fd, size_t size);
/* -EMFILE and its like with the limit in words; other errors as they are. */
int sock_refuse_open(struct call *call, int error);
/* socket(2), close-on-exec, of what is to be kept: not with the last descriptors that there are. */
int sock_new(struct call *call, int family, int type);
/* 0, or -EMFILE with its reason if one more descriptor could not be kept; @fd is any that is open.
 */
int sock_check_room(struct call *call, int fd);

/* Of struct channel. */
ssize_t sock_stream_read(struct call *call, void *state, void *buffer, size_t size);
ssize_t sock_stream_write(struct call *call, void *state, const void *buffer, size_t size,
			  size_t *done);
short sock_stream_ready(void *state);
int sock_stream_flush(struct call *call, void *state);

#endif
