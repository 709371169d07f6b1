/*
 * frame.c - finding messages in a stream of bytes: lines, and payloads with a header.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "names.h"

enum { CAPACITY_FIRST = 256 };

/* Makes room for @needed bytes, twice as many each time: many small pieces cost no more than few.
 */
static int grow(struct call *call, struct quota_share *memory, char **text, size_t *capacity,
		size_t needed)
{
	size_t larger = *capacity ? *capacity : CAPACITY_FIRST;
	char *moved;
	int error;

	if (needed <= *capacity)
		return 0;
	while (larger < needed)
		larger *= 2;
	error = quota_resize(call, memory, larger);
	if (error)
		return error;
	moved = realloc(*text, larger);
	if (!moved) {
		quota_resize(NULL, memory, *capacity);
		return -ENOMEM;
	}
	*text = moved;
	*capacity = larger;
	return 0;
}

struct frame_lines frame_lines_of(uid_t uid)
{
	return (struct frame_lines){
		.memory = quota_share(QUOTA_MEMORY, uid),
		.waiting = quota_share(QUOTA_WAITING, uid),
	};
}

ssize_t frame_lines_next(struct call *call, struct frame_lines *lines, const char *text,
			 size_t size, const char **line, size_t *length)
{
	const char *newline = memchr(text, '\n', size);
	size_t added;

	if (!newline)
		return 0;
	added = (size_t)(newline - text);
	*length = lines->length + added;
	*line = text;
	if (lines->length) {
		int error = grow(call, &lines->memory, &lines->text, &lines->capacity, *length);

		if (error)
			return error;
		memcpy(lines->text + lines->length, text, added);
		*line = lines->text;
	}
	return (ssize_t)added + 1;
}

int frame_lines_keep(struct call *call, struct frame_lines *lines, const char *text, size_t size)
{
	int error =
		grow(call, &lines->memory, &lines->text, &lines->capacity, lines->length + size);

	if (!error)
		error = quota_resize(call, &lines->waiting, 1);
	if (error)
		return error;
	memcpy(lines->text + lines->length, text, size);
	lines->length += size;
	return 0;
}

void frame_lines_drop(struct frame_lines *lines)
{
	lines->length = 0;
	quota_drop(&lines->waiting);
}

void frame_lines_free(struct frame_lines *lines)
{
	free(lines->text);
	quota_drop(&lines->memory);
	quota_drop(&lines->waiting);
	memset(lines, 0, sizeof(*lines));
}

size_t frame_header_print(const struct frame_header *header, int64_t number, size_t size,
			  char text[FRAME_HEADER_SIZE])
{
	return (size_t)snprintf(text, FRAME_HEADER_SIZE, "%s=%" PRId64 " size=%zu\n", header->name,
				number, size);
}

static int header_refuse(struct call *call, const struct frame_header *header, const char *item,
			 const char *what)
{
	return refuse(call, EINVAL, "'%.40s' in a header %s: \"%s\" is one", item, what,
		      header->example);
}

/* Reads a key that the header alone knows. */
static int other_read(struct call *call, struct frame *frame, const struct frame_header *header,
		      const char *key, const char *value)
{
	int error = header->read ? header->read(call, key, value, frame->context) : -ENOENT;

	return error == -ENOENT ? header_refuse(call, header, key, "is no key that is known")
				: error;
}

/* Reads "key=value" of @item; *seen has a bit for each number that has been read. */
static int key_read(struct call *call, struct frame *frame, const struct frame_header *header,
		    char *item, unsigned *seen, int64_t *number, int64_t *size)
{
	char *value = strchr(item, '=');
	bool is_size;

	if (!value)
		return header_refuse(call, header, item, "is no KEY=NUMBER");
	*value++ = '\0';
	is_size = strcmp(item, "size") == 0;
	if (!is_size && (!header->name || strcmp(item, header->name) != 0))
		return other_read(call, frame, header, item, value);
	if (*seen & (1U << is_size))
		return header_refuse(call, header, item, "is there twice");
	*seen |= 1U << is_size;
	if (is_size)
		return number_read(call, "size", value, 0, INT64_MAX, size);
	return number_read(call, header->name, value, header->lowest, header->highest, number);
}

static int header_read(struct call *call, struct frame *frame, const struct frame_header *header)
{
	/* A copy, since the header may have to be fed again. */
	char copy[sizeof(frame->header) + 1], *rest = copy, *item;
	size_t length = frame->progress.header_length;
	int64_t number = header->otherwise, size = -1;
	unsigned seen = 0;
	int error;

	if (header->read)
		header->read(call, NULL, NULL, frame->context);
	memcpy(copy, frame->header, length);
	copy[length] = '\0';
	if (strlen(copy) != length)
		return header_refuse(call, header, copy, "is followed by a zero byte");
	while ((item = strsep(&rest, " "))) {
		if (!*item)
			continue;
		error = key_read(call, frame, header, item, &seen, &number, &size);
		if (error)
			return error;
	}
	if (size < 0)
		return refuse(call, EINVAL, "a header without size=: \"%s\" is one",
			      header->example);
	frame->progress.number = number;
	frame->progress.size = (size_t)size;
	frame->progress.have = 0;
	frame->progress.header_read = true;
	return 0;
}

ssize_t frame_feed_header(struct call *call, struct frame *frame, const struct frame_header *header,
			  const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);
	size_t added = newline ? (size_t)(newline - text) : size;
	size_t length = frame->progress.header_length;
	int error;

	if (added > header->longest - length)
		return refuse(call, EINVAL,
			      "more than %zu bytes without a newline are no header: \"%s\" is one",
			      header->longest, header->example);
	memcpy(frame->header + length, text, added);
	frame->progress.header_length += added;
	if (!newline)
		return (ssize_t)added;
	error = header_read(call, frame, header);
	return error ? error : (ssize_t)added + 1;
}

ssize_t frame_feed_payload(struct call *call, struct frame *frame, const char *text, size_t size,
			   const char **payload)
{
	struct frame_progress *progress = &frame->progress;
	size_t missing = progress->size - progress->have;
	int error;

	*payload = NULL;
	if (progress->have == 0 && size >= missing) {
		*payload = text; /* all of it is there and need not be gathered */
		return (ssize_t)missing;
	}
	if (size > missing)
		size = missing;
	if (!size)
		return 0;
	/* Grows with what comes: the size in a header is only a claim. */
	error = grow(call, &frame->memory, &frame->payload, &frame->capacity,
		     progress->have + size);
	if (error)
		return error;
	memcpy(frame->payload + progress->have, text, size);
	progress->have += size;
	if (progress->have == progress->size)
		*payload = frame->payload;
	return (ssize_t)size;
}

void frame_drop(struct frame *frame)
{
	memset(&frame->progress, 0, sizeof(frame->progress));
}

void frame_free(struct frame *frame)
{
	free(frame->payload);
	quota_drop(&frame->memory);
	memset(frame, 0, sizeof(*frame));
}

/*
 * What a gathering write returns after @error.  Where something has gone the count of that says so,
 * and the next write begins with what was refused; else the refusal is for what was gathered too.
 */
static ssize_t write_refused(int error, size_t done, bool *drop)
{
	*drop = false;
	if (error == -EAGAIN || error == -EINTR)
		return error;
	if (done)
		return (ssize_t)done;
	*drop = error == -EMSGSIZE || error == -EINVAL;
	return error;
}

ssize_t frame_lines_write(struct call *call, struct frame_lines *lines,
			  const struct frame_sink *sink, void *context, const char *buffer,
			  size_t size, size_t *done)
{
	while (*done < size) {
		const char *text = buffer + *done, *line;
		size_t length;
		ssize_t used = frame_lines_next(call, lines, text, size - *done, &line, &length);
		int error = used < 0 ? (int)used : 0;

		if (used > 0) {
			error = sink->send(call, context, line, length);
			if (!error)
				frame_lines_drop(lines);
		} else if (used == 0) {
			/* The beginning of a line is kept if it can become a message. */
			used = (ssize_t)(size - *done);
			error = sink->fits(call, context, lines->length + (size_t)used);
			if (!error)
				error = frame_lines_keep(call, lines, text, (size_t)used);
		}
		if (error) {
			bool drop;
			ssize_t result = write_refused(error, *done, &drop);

			if (drop)
				frame_lines_drop(lines);
			return result;
		}
		*done += (size_t)used;
	}
	return (ssize_t)size;
}

int frame_lines_flush(struct call *call, struct frame_lines *lines, const struct frame_sink *sink,
		      void *context)
{
	int error;

	if (!lines->length)
		return 0;
	error = sink->send(call, context, lines->text, lines->length);
	if (error != -EAGAIN && error != -EINTR)
		lines->length = 0;
	return error;
}

/* Gathers the frame that goes on in @text, and sends it if that ends it: the bytes used. */
static ssize_t feed(struct call *call, struct frame *frame, const struct frame_header *header,
		    const struct frame_sink *sink, void *context, const char *text, size_t size)
{
	const char *payload;
	ssize_t used = 0, more;
	int error;

	if (!frame->progress.header_read) {
		used = frame_feed_header(call, frame, header, text, size);
		if (used < 0 || !frame->progress.header_read)
			return used;
		error = sink->fits(call, context, frame->progress.size);
		if (error)
			return error;
	}
	more = frame_feed_payload(call, frame, text + used, size - (size_t)used, &payload);
	if (more < 0 || !payload)
		return more < 0 ? more : used + more;
	error = sink->send(call, context, payload, frame->progress.size);
	if (error)
		return error;
	frame_drop(frame);
	return used + more;
}

ssize_t frame_write(struct call *call, struct frame *frame, const struct frame_header *header,
		    const struct frame_sink *sink, void *context, const char *buffer, size_t size,
		    size_t *done)
{
	while (*done < size) {
		struct frame_progress before = frame->progress;
		ssize_t used =
			feed(call, frame, header, sink, context, buffer + *done, size - *done);
		bool drop;

		if (used < 0) {
			frame->progress = before;
			used = write_refused((int)used, *done, &drop);
			if (drop)
				frame_drop(frame);
			return used;
		}
		*done += (size_t)used;
	}
	return (ssize_t)size;
}
