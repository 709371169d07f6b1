/*
 * mq_sysv_port.c - sending to and receiving from a System V message queue.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "mq.h"

/* Messages of up to so many bytes, kernel.msgmax by default, need no memory to be sent. */
enum { SMALL = 8192 };

static int end_open(struct call *call, const struct place *place, int flags, struct mq_end *end)
{
	struct mq_sysv queue;

	*end = (struct mq_end){.id = place->object, .fd = -1, .room = SMALL};
	return mq_sysv_get(place->object, &queue);
}

/* EINVAL is what the kernel says of an identifier that it has not given, or has taken back. */
static int end_gone(const struct mq_end *end)
{
	struct mq_sysv queue;

	return mq_sysv_get(end->id, &queue) == -ENOENT ? -EIDRM : 0;
}

static uint64_t end_object(const struct mq_end *end)
{
	return end->id + UINT64_C(1); /* 0 is an identifier too */
}

static ssize_t end_receive(const struct mq_end *end, bool may_wait, struct mq_message *message,
			   size_t room)
{
	int flags = (may_wait ? 0 : IPC_NOWAIT) | (end->inverted ? MSG_EXCEPT : 0);
	/* Without MSG_NOERROR what is too large stays where it is. */
	ssize_t size = msgrcv((int)end->id, message, room, (long)end->number, flags);

	if (size >= 0)
		return size;
	switch (errno) {
	case ENOMSG:
		return -EAGAIN;
	case EINVAL:
		return -EIDRM;
	default:
		return -errno;
	}
}

static int end_fits(struct call *call, const struct mq_end *end, size_t size)
{
	struct msginfo limits = mq_sysv_limits();
	struct mq_sysv queue;

	if (size > (size_t)limits.msgmax)
		return refuse(call, EMSGSIZE,
			      "a message of %zu bytes: kernel.msgmax, the largest, is %d", size,
			      limits.msgmax);
	if (mq_sysv_get(end->id, &queue))
		return -EIDRM;
	if (size > queue.qbytes)
		return refuse(call, EMSGSIZE,
			      "a message of %zu bytes: the queue holds no more than its qbytes, "
			      "which are %llu",
			      size, (unsigned long long)queue.qbytes);
	return 0;
}

static int message_send(struct call *call, const struct mq_end *end,
			const struct mq_message *message, size_t size)
{
	int error;

	/* What can never fit must be refused, not waited for. */
	if (call->may_wait) {
		error = end_fits(call, end, size);
		if (error)
			return error;
	}
	if (msgsnd((int)end->id, message, size, call->may_wait ? 0 : IPC_NOWAIT) == 0)
		return 0;
	error = -errno;
	if (error == -EAGAIN || error == -EINVAL) {
		int refusal = end_fits(call, end, size);

		return refusal ? refusal : error;
	}
	return error;
}

static int end_send(struct call *call, const struct mq_end *end, int64_t number, const char *text,
		    size_t size)
{
	_Alignas(struct mq_message) char small[sizeof(struct mq_message) + SMALL];
	struct mq_message *message = (struct mq_message *)(void *)small;
	int error;

	if (size > SMALL) {
		error = end_fits(call, end, size);
		if (error)
			return error;
		message = malloc(sizeof(*message) + size);
		if (!message)
			return -ENOMEM;
	}
	message->number = (long)number;
	if (size)
		memcpy(message->text, text, size);
	error = message_send(call, end, message, size);
	if (size > SMALL)
		free(message);
	return error;
}

static bool matches(const struct mq_end *end, long type)
{
	if (end->inverted)
		return type != end->number;
	return end->number > 0 ? type == end->number : type <= -end->number;
}

/*
 * True if a message is there that a receive would take.  Where none can be told from the outside a
 * receive would not wait either, or must be tried: better woken for nothing than asleep for good.
 * So too of a long queue: the kernel walks it anew for each message that is looked at.
 */
enum { LOOKS = 64 };

static bool has_match(const struct mq_end *end)
{
	size_t room;
	struct mq_message *message = mq_sysv_copy_room(&room);
	bool match = true;

	for (int64_t index = 0; message && index < LOOKS; index++) {
		ssize_t size = mq_sysv_copy(end->id, index, message, room);

		match = size != -ENOMSG && (size < 0 || matches(end, message->number));
		if (match || size < 0)
			break;
	}
	free(message);
	return match;
}

static short end_ready(const struct mq_end *end)
{
	struct mq_sysv queue;
	short events = 0;

	if (mq_sysv_get(end->id, &queue))
		return POLLIN | POLLOUT; /* either says EIDRM at once */
	if (queue.bytes < queue.qbytes && queue.messages < queue.qbytes)
		events |= POLLOUT;
	if (queue.messages && (!end->number || has_match(end)))
		events |= POLLIN;
	return events;
}

static void end_close(struct mq_end *end)
{
}

const struct mq_port mq_sysv_port = {
	.header = {.example = "type=1 size=5",
		   .longest = 128,
		   .name = "type",
		   .lowest = 1,
		   .highest = LONG_MAX,
		   .otherwise = 1},
	.open = end_open,
	.receive = end_receive,
	.send = end_send,
	.fits = end_fits,
	.ready = end_ready,
	.gone = end_gone,
	.object = end_object,
	.close = end_close,
};
