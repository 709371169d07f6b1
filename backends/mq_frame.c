/*
 * mq_frame.c - finding messages in a stream of bytes: lines, and payloads with a header.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mq_frame.h"
#include "names.h"

enum { CAPACITY_FIRST = 256 };

/* Makes room for @needed bytes, twice as many each time: many small pieces cost no more than few.
 */
static int grow(char **text, size_t *capacity, size_t needed)
{
	size_t larger = *capacity ? *capacity : CAPACITY_FIRST;
	char *moved;

	if (needed <= *capacity)
		return 0;
	while (larger < needed)
		larger *= 2;
	moved = realloc(*text, larger);
	if (!moved)
		return -ENOMEM;
	*text = moved;
	*capacity = larger;
	return 0;
}

ssize_t mq_lines_next(struct mq_lines *lines, const char *text, size_t size, const char **line,
		      size_t *length)
{
	const char *newline = memchr(text, '\n', size);
	size_t added;

	if (!newline)
		return 0;
	added = (size_t)(newline - text);
	*length = lines->length + added;
	*line = text;
	if (lines->length) {
		int error = grow(&lines->text, &lines->capacity, *length);

		if (error)
			return error;
		memcpy(lines->text + lines->length, text, added);
		*line = lines->text;
	}
	return (ssize_t)added + 1;
}

int mq_lines_keep(struct mq_lines *lines, const char *text, size_t size)
{
	int error = grow(&lines->text, &lines->capacity, lines->length + size);

	if (error)
		return error;
	memcpy(lines->text + lines->length, text, size);
	lines->length += size;
	return 0;
}

void mq_lines_drop(struct mq_lines *lines)
{
	lines->length = 0;
}

void mq_lines_free(struct mq_lines *lines)
{
	free(lines->text);
	memset(lines, 0, sizeof(*lines));
}

size_t mq_header_print(const struct mq_header *header, int64_t number, size_t size,
		       char text[MQ_HEADER_SIZE])
{
	return (size_t)snprintf(text, MQ_HEADER_SIZE, "%s=%" PRId64 " size=%zu\n", header->name,
				number, size);
}

static int header_refuse(struct call *call, const struct mq_header *header, const char *item,
			 const char *what)
{
	return refuse(call, EINVAL, "'%.40s' in a header %s: \"%s=%" PRId64 " size=5\" is one",
		      item, what, header->name, header->otherwise);
}

/* Reads "name=number" of @item; *seen has a bit for each key that has been read. */
static int key_read(struct call *call, const struct mq_header *header, char *item, unsigned *seen,
		    int64_t *number, int64_t *size)
{
	char *value = strchr(item, '=');
	bool is_size;

	if (!value)
		return header_refuse(call, header, item, "is no KEY=NUMBER");
	*value++ = '\0';
	is_size = strcmp(item, "size") == 0;
	if (!is_size && strcmp(item, header->name) != 0)
		return header_refuse(call, header, item, "is no key that is known");
	if (*seen & (1U << is_size))
		return header_refuse(call, header, item, "is there twice");
	*seen |= 1U << is_size;
	if (is_size)
		return number_read(call, "size", value, 0, INT64_MAX, size);
	return number_read(call, header->name, value, header->lowest, header->highest, number);
}

static int header_read(struct call *call, struct mq_frame *frame, const struct mq_header *header)
{
	/* A copy, since the header may have to be fed again. */
	char copy[sizeof(frame->header) + 1], *rest = copy, *item;
	size_t length = frame->progress.header_length;
	int64_t number = header->otherwise, size = -1;
	unsigned seen = 0;
	int error;

	memcpy(copy, frame->header, length);
	copy[length] = '\0';
	if (strlen(copy) != length)
		return header_refuse(call, header, copy, "is followed by a zero byte");
	while ((item = strsep(&rest, " "))) {
		if (!*item)
			continue;
		error = key_read(call, header, item, &seen, &number, &size);
		if (error)
			return error;
	}
	if (size < 0)
		return refuse(call, EINVAL,
			      "a header without size=: \"%s=%" PRId64 " size=5\" is one",
			      header->name, header->otherwise);
	frame->progress.number = number;
	frame->progress.size = (size_t)size;
	frame->progress.have = 0;
	frame->progress.header_read = true;
	return 0;
}

ssize_t mq_frame_feed_header(struct call *call, struct mq_frame *frame,
			     const struct mq_header *header, const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);
	size_t added = newline ? (size_t)(newline - text) : size;
	size_t length = frame->progress.header_length;
	int error;

	if (added > sizeof(frame->header) - length)
		return refuse(call, EINVAL,
			      "more than %zu bytes without a newline are no header: "
			      "\"%s=%" PRId64 " size=5\" is one",
			      sizeof(frame->header), header->name, header->otherwise);
	memcpy(frame->header + length, text, added);
	frame->progress.header_length += added;
	if (!newline)
		return (ssize_t)added;
	error = header_read(call, frame, header);
	return error ? error : (ssize_t)added + 1;
}

ssize_t mq_frame_feed_payload(struct mq_frame *frame, const char *text, size_t size,
			      const char **payload)
{
	struct mq_frame_progress *progress = &frame->progress;
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
	error = grow(&frame->payload, &frame->capacity, progress->have + size);
	if (error)
		return error;
	memcpy(frame->payload + progress->have, text, size);
	progress->have += size;
	if (progress->have == progress->size)
		*payload = frame->payload;
	return (ssize_t)size;
}

void mq_frame_drop(struct mq_frame *frame)
{
	memset(&frame->progress, 0, sizeof(frame->progress));
}

void mq_frame_free(struct mq_frame *frame)
{
	free(frame->payload);
	memset(frame, 0, sizeof(*frame));
}
