/*
 * mq_posix_port.c - sending to and receiving from a POSIX message queue.
 *
 * The descriptor is the opener's and never blocks.  The kernel goes on serving a queue that has
 * been unlinked, to those who have it open; here it is as gone as any object that was removed.
 */
#include <errno.h>
#include <mqueue.h>
#include <poll.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "mq.h"

static int end_open(struct call *call, const struct place *place, int flags, struct mq_end *end)
{
	struct mq_attr attr;
	int fd = descriptor_keep(mq_posix_open(place->name, flags));

	if (fd < 0)
		return fd;
	if (mq_getattr(fd, &attr) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	*end = (struct mq_end){.fd = fd, .room = (size_t)attr.mq_msgsize};
	return 0;
}

static int end_gone(const struct mq_end *end)
{
	struct stat st;

	return fstat(end->fd, &st) == 0 && st.st_nlink == 0 ? -EIDRM : 0;
}

static uint64_t end_object(const struct mq_end *end)
{
	struct stat st;

	return fstat(end->fd, &st) == 0 ? st.st_ino : 0;
}

static ssize_t end_receive(const struct mq_end *end, bool may_wait, struct mq_message *message,
			   size_t room)
{
	unsigned priority;
	ssize_t size;

	/* The kernel wants room for the largest, whatever comes. */
	if (room < end->room)
		return -E2BIG;
	size = mq_receive(end->fd, message->text, room, &priority);
	if (size < 0)
		return -errno;
	message->number = (long)priority;
	return size;
}

static int end_fits(struct call *call, const struct mq_end *end, size_t size)
{
	if (size > end->room)
		return refuse(call, EMSGSIZE,
			      "a message of %zu bytes: the queue was made for messages of up to "
			      "msgsize, which is %zu",
			      size, end->room);
	return 0;
}

static int end_send(struct call *call, const struct mq_end *end, int64_t number, const char *text,
		    size_t size)
{
	int error = end_fits(call, end, size);

	if (error)
		return error;
	return mq_send(end->fd, text, size, (unsigned)number) < 0 ? -errno : 0;
}

static short end_ready(const struct mq_end *end)
{
	struct pollfd polled = {.fd = end->fd, .events = POLLIN | POLLOUT};

	if (end_gone(end))
		return POLLIN | POLLOUT; /* either says EIDRM at once */
	return poll(&polled, 1, 0) > 0 ? polled.revents & (POLLIN | POLLOUT) : 0;
}

static void end_close(struct mq_end *end)
{
	close(end->fd);
}

const struct mq_port mq_posix_port = {
	.header = {.example = "prio=0 size=5",
		   .longest = 128,
		   .name = "prio",
		   .lowest = 0,
		   .highest = 32767,
		   .otherwise = 0},
	.lingers = true,
	.open = end_open,
	.receive = end_receive,
	.send = end_send,
	.fits = end_fits,
	.ready = end_ready,
	.gone = end_gone,
	.object = end_object,
	.close = end_close,
};
