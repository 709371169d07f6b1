/*
 * mq_frame.h - finding messages in a stream of bytes: lines, and payloads with a header.
 *
 * Both gatherers are fed whatever pieces the writes come in, and change nothing that cannot be put
 * back until the message they found has been sent.
 */
#ifndef IPCFS_MQ_FRAME_H
#define IPCFS_MQ_FRAME_H

#include "backend.h"

/* The line that has no newline yet. */
struct mq_lines {
	char *text;
	size_t length, capacity;
};

/*
 * Finds the first line that @text ends: *line is the kept beginning and what @text adds, without
 * the newline, good until the next call.  Returns the bytes of @text that belong to it, newline
 * included; 0: no newline in it.  -ENOMEM.  What is kept stays kept until mq_lines_drop.
 */
ssize_t mq_lines_next(struct mq_lines *lines, const char *text, size_t size, const char **line,
		      size_t *length);
/* Adds to what is kept.  -ENOMEM. */
int mq_lines_keep(struct mq_lines *lines, const char *text, size_t size);
void mq_lines_drop(struct mq_lines *lines);
void mq_lines_free(struct mq_lines *lines);

/* The header of a family: "NAME=N size=N\n", keys in any order, NAME may be left out. */
struct mq_header {
	const char *name;
	int64_t lowest, highest, otherwise;
};

/* Longer than any header that mq_header_print writes. */
#define MQ_HEADER_SIZE 64
/* Writes the header with its newline; returns its length, less than MQ_HEADER_SIZE. */
size_t mq_header_print(const struct mq_header *header, int64_t number, size_t size,
		       char text[MQ_HEADER_SIZE]);

/* How far a frame has come.  To put one of these back undoes what was fed since. */
struct mq_frame_progress {
	size_t header_length;
	bool header_read; /* then number and size are what it said */
	int64_t number;
	size_t size, have;
};

struct mq_frame {
	struct mq_frame_progress progress;
	char header[128];
	char *payload; /* the first progress.have bytes */
	size_t capacity;
};

/*
 * Feeds the header: the bytes of @text that belong to it, all of them until header_read is set.
 * -EINVAL with a reason.
 */
ssize_t mq_frame_feed_header(struct call *call, struct mq_frame *frame,
			     const struct mq_header *header, const char *text, size_t size);
/*
 * Feeds the payload, header_read set: the bytes of @text that belong to it.  *payload is the whole
 * of it, good until the next call, or NULL while bytes are missing.  -ENOMEM.
 */
ssize_t mq_frame_feed_payload(struct mq_frame *frame, const char *text, size_t size,
			      const char **payload);
void mq_frame_drop(struct mq_frame *frame);
void mq_frame_free(struct mq_frame *frame);

#endif
