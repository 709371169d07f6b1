/*
 * mq_channel.c - the channels of a message queue, the same for both families.
 *
 * What was taken and not yet read is kept with the open handle, and so is what was written and not
 * yet sent: reads take turns, and so do the writes that gather.  A write that must wait or is
 * interrupted leaves the handle as it found it, save what *done says has gone.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mq.h"

enum {
	/* In front of a message: its number, where msgrcv puts it, which a header then overwrites.
	 */
	HEADROOM = FRAME_HEADER_SIZE,
	/* What is written at once comes whole only up to here: the kernel splits at 256 pages. */
	WRITE_WHOLE = 255 * 4096,
};

/* How a message is shown. */
enum shape { SHAPE_BYTES, SHAPE_LINE, SHAPE_FRAME };

struct mq_handle {
	const struct mq_port *port;
	struct mq_end end;

	/* The message being read: what is left of it is memory[start..stop). */
	char *memory; /* HEADROOM, room bytes, and one for a newline */
	size_t room;
	size_t start, stop;
	bool ended;             /* its one message was taken */
	atomic_bool has_answer; /* a read need not ask the queue; for who polls meanwhile */

	struct frame_lines lines;
	struct frame frame;
	struct quota_share kept; /* the bytes of memory */
};

static int mq_open_end(struct call *call, const struct place *place, int flags, void **state)
{
	struct mq_handle *handle = calloc(1, sizeof(*handle));
	int error;

	if (!handle)
		return -ENOMEM;
	handle->port = place->dir == &mq_posix_dir ? &mq_posix_port : &mq_sysv_port;
	error = handle->port->open(call, place, flags, &handle->end);
	if (error) {
		free(handle);
		return error;
	}
	handle->room = handle->end.room;
	handle->lines = frame_lines_of(call->uid);
	handle->kept = handle->frame.memory = quota_share(QUOTA_MEMORY, call->uid);
	handle->end.numbered = place->row->type == ROW_NUMBERED;
	if (handle->end.numbered) {
		handle->end.number = place->number;
		handle->end.inverted = place->inverted;
	}
	*state = handle;
	return 0;
}

static void mq_close_end(void *state)
{
	struct mq_handle *handle = state;

	handle->port->close(&handle->end);
	frame_lines_free(&handle->lines);
	frame_free(&handle->frame);
	quota_drop(&handle->kept);
	free(handle->memory);
	free(handle);
}

static short mq_ready(void *state)
{
	struct mq_handle *handle = state;
	short events = handle->port->ready(&handle->end);

	return handle->has_answer ? events | POLLIN : events;
}

static int mq_wait_fd(void *state, short *events)
{
	struct mq_handle *handle = state;

	if (!*events)
		*events = POLLOUT; /* a close sends what is left */
	return handle->end.fd;
}

static int mq_gone(void *state)
{
	struct mq_handle *handle = state;

	return handle->port->gone(&handle->end);
}

/* -EIDRM if a removed queue is to be used that the kernel itself would go on serving. */
static int check_there(const struct mq_handle *handle)
{
	return handle->port->lingers ? handle->port->gone(&handle->end) : 0;
}

static uint64_t mq_object(void *state)
{
	struct mq_handle *handle = state;

	return handle->port->object(&handle->end);
}

/* Gives what is left of the message taken last. */
static size_t give(struct mq_handle *handle, char *buffer, size_t size)
{
	size_t left = handle->stop - handle->start;

	if (size > left)
		size = left;
	if (size)
		memcpy(buffer, handle->memory + handle->start, size);
	handle->start += size;
	handle->has_answer = handle->ended || handle->start < handle->stop;
	return size;
}

static void shape(struct mq_handle *handle, enum shape shape, long number)
{
	size_t size = handle->stop - handle->start;
	char header[FRAME_HEADER_SIZE];
	size_t length;

	switch (shape) {
	case SHAPE_BYTES:
		break;
	case SHAPE_LINE:
		if (size == 0 || handle->memory[handle->stop - 1] != '\n')
			handle->memory[handle->stop++] = '\n';
		break;
	case SHAPE_FRAME:
		length = frame_header_print(&handle->port->header, number, size, header);
		handle->start -= length;
		memcpy(handle->memory + handle->start, header, length);
		break;
	}
}

static struct mq_message *message_of(struct mq_handle *handle)
{
	return (struct mq_message *)(void *)(handle->memory + HEADROOM -
					     offsetof(struct mq_message, text));
}

/* Makes room for messages twice as large as now, or for the first. */
static int room_grow(struct call *call, struct mq_handle *handle)
{
	size_t room = handle->memory ? handle->room * 2 : handle->room;
	int error = quota_resize(call, &handle->kept, HEADROOM + room + 1);
	char *memory;

	if (error)
		return error;
	memory = realloc(handle->memory, HEADROOM + room + 1);
	if (!memory)
		return -ENOMEM;
	handle->memory = memory;
	handle->room = room;
	return 0;
}

/* Takes one message, of at most @most bytes; -E2BIG if that is less than it has. */
static int take_at_most(struct mq_handle *handle, bool may_wait, size_t most, enum shape as)
{
	struct mq_message *message = message_of(handle);
	ssize_t size = handle->port->receive(&handle->end, may_wait, message, most);

	if (size < 0)
		return (int)size;
	handle->start = HEADROOM;
	handle->stop = HEADROOM + (size_t)size;
	shape(handle, as, message->number);
	return 0;
}

/* Takes one message, whatever its size: the first of a request. */
static int take(struct call *call, struct mq_handle *handle, enum shape as)
{
	int error = check_there(handle);

	if (!error && !handle->memory)
		error = room_grow(call, handle);
	while (!error) {
		error = take_at_most(handle, call->may_wait, handle->room, as);
		if (error != -E2BIG)
			return error;
		error = room_grow(call, handle);
	}
	return error;
}

/* One message after the other. */
static ssize_t read_shaped(struct call *call, struct mq_handle *handle, void *buffer, size_t size,
			   enum shape as)
{
	int error;

	if (handle->start == handle->stop && size) {
		error = take(call, handle, as);
		if (error)
			return error;
	}
	return (ssize_t)give(handle, buffer, size);
}

/* One message, then end of file. */
static ssize_t read_once(struct call *call, struct mq_handle *handle, void *buffer, size_t size,
			 enum shape as)
{
	int error;

	if (!handle->ended && size) {
		error = take(call, handle, as);
		if (error)
			return error;
		handle->ended = true;
	}
	return (ssize_t)give(handle, buffer, size);
}

static ssize_t mq_read_data(struct call *call, void *state, void *buffer, size_t size)
{
	return read_once(call, state, buffer, size, SHAPE_BYTES);
}

static ssize_t mq_read_framed(struct call *call, void *state, void *buffer, size_t size)
{
	return read_once(call, state, buffer, size, SHAPE_FRAME);
}

static ssize_t mq_read_each(struct call *call, void *state, void *buffer, size_t size)
{
	return read_shaped(call, state, buffer, size, SHAPE_BYTES);
}

static ssize_t mq_read_lines(struct call *call, void *state, void *buffer, size_t size)
{
	return read_shaped(call, state, buffer, size, SHAPE_LINE);
}

static ssize_t mq_read_bulk(struct call *call, void *state, void *buffer, size_t size)
{
	struct mq_handle *handle = state;
	ssize_t result = read_shaped(call, handle, buffer, size, SHAPE_LINE);
	size_t used, most;

	if (result <= 0)
		return result;
	used = (size_t)result;
	/* Whole messages only, newline included: what does not fit stays in the queue. */
	while (handle->start == handle->stop && size - used > 1) {
		most = size - used - 1;
		if (most > handle->room)
			most = handle->room;
		if (take_at_most(handle, false, most, SHAPE_LINE))
			break;
		used += give(handle, (char *)buffer + used, size - used);
	}
	return (ssize_t)used;
}

/* One write is one message. */
static ssize_t mq_write_message(struct call *call, void *state, const void *buffer, size_t size,
				size_t *done)
{
	struct mq_handle *handle = state;
	const struct frame_header *header = &handle->port->header;
	int64_t number = handle->end.numbered ? handle->end.number : header->otherwise;
	int error;

	if (size && *done == size)
		return (ssize_t)size;
	if (number < header->lowest || handle->end.inverted)
		return refuse(call, EINVAL,
			      "'%s%lld' chooses what to read: a message that is written has a %s "
			      "of %lld or more",
			      handle->end.inverted ? "not-" : "", (long long)number, header->name,
			      (long long)header->lowest);
	if (size > WRITE_WHOLE)
		return refuse(call, EMSGSIZE,
			      "a write of %zu bytes may come in pieces, and more than %d are not "
			      "taken as one message: framed has no such limit",
			      size, WRITE_WHOLE);
	error = check_there(handle);
	if (!error)
		error = handle->port->send(call, &handle->end, number, buffer, size);
	if (error)
		return error;
	*done = size;
	return (ssize_t)size;
}

static int sink_fits(struct call *call, void *context, size_t size)
{
	struct mq_handle *handle = context;

	return handle->port->fits(call, &handle->end, size);
}

static int line_send(struct call *call, void *context, const char *line, size_t length)
{
	struct mq_handle *handle = context;

	return handle->port->send(call, &handle->end, handle->port->header.otherwise, line, length);
}

static int frame_send(struct call *call, void *context, const char *payload, size_t size)
{
	struct mq_handle *handle = context;

	return handle->port->send(call, &handle->end, handle->frame.progress.number, payload, size);
}

static const struct frame_sink line_sink = {sink_fits, line_send};
static const struct frame_sink frame_sink = {sink_fits, frame_send};

static ssize_t mq_write_lines(struct call *call, void *state, const void *buffer, size_t size,
			      size_t *done)
{
	struct mq_handle *handle = state;
	int error = check_there(handle);

	if (error)
		return error;
	return frame_lines_write(call, &handle->lines, &line_sink, handle, buffer, size, done);
}

static int mq_flush_lines(struct call *call, void *state)
{
	struct mq_handle *handle = state;
	int error = handle->lines.length ? check_there(handle) : 0;

	if (error)
		return error;
	return frame_lines_flush(call, &handle->lines, &line_sink, handle);
}

static ssize_t mq_write_framed(struct call *call, void *state, const void *buffer, size_t size,
			       size_t *done)
{
	struct mq_handle *handle = state;
	int error = check_there(handle);

	if (error)
		return error;
	return frame_write(call, &handle->frame, &handle->port->header, &frame_sink, handle, buffer,
			   size, done);
}

int mq_prio_number(const char *name, struct place *place)
{
	const struct frame_header *header = &mq_posix_port.header;

	return number_read(NULL, "", name, header->lowest, header->highest, &place->number)
		       ? -ENOENT
		       : 0;
}

int mq_type_number(const char *name, struct place *place)
{
	bool inverted = strncmp(name, "not-", 4) == 0, negative = name[0] == '-';
	const char *digits = name + (inverted ? 4 : negative);
	int64_t number;

	/* There is no type 0, so neither "the lowest up to 0" nor "another than 0" chooses
	 * anything. */
	if (number_read(NULL, "", digits, inverted || negative, LONG_MAX, &number))
		return -ENOENT;
	place->number = negative ? -number : number;
	place->inverted = inverted;
	return 0;
}

const struct channel mq_channel_data = {
	.serial = SERIAL_READ,
	.open = mq_open_end,
	.read = mq_read_data,
	.write = mq_write_message,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.close = mq_close_end,
};

const struct channel mq_channel_each = {
	.serial = SERIAL_READ,
	.open = mq_open_end,
	.read = mq_read_each,
	.write = mq_write_message,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.close = mq_close_end,
};

const struct channel mq_channel_lines = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.batches = true,
	.open = mq_open_end,
	.read = mq_read_lines,
	.write = mq_write_lines,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.flush = mq_flush_lines,
	.close = mq_close_end,
};

const struct channel mq_channel_bulk = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.batches = true,
	.open = mq_open_end,
	.read = mq_read_bulk,
	.write = mq_write_lines,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.flush = mq_flush_lines,
	.close = mq_close_end,
};

const struct channel mq_channel_framed = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.open = mq_open_end,
	.read = mq_read_framed,
	.write = mq_write_framed,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.close = mq_close_end,
};

const struct channel mq_channel_prio = {
	.open = mq_open_end,
	.write = mq_write_message,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.close = mq_close_end,
};

const struct channel mq_channel_type = {
	.serial = SERIAL_READ,
	.open = mq_open_end,
	.read = mq_read_data,
	.write = mq_write_message,
	.ready = mq_ready,
	.wait_fd = mq_wait_fd,
	.gone = mq_gone,
	.object = mq_object,
	.close = mq_close_end,
};
