/*
 * frame.h - finding messages in a stream of bytes: lines, and payloads with a header.
 *
 * Both gatherers are fed whatever pieces the writes come in, and change nothing that cannot be put
 * back until the message they found has been sent.
 */
#ifndef IPCFS_FRAME_H
#define IPCFS_FRAME_H

#include "backend.h"
#include "quota.h"

/*
 * The line that has no newline yet.  As long as there is one its user is charged with an operation
 * that waits, since it becomes one when the file is closed, which cannot be refused.
 */
struct frame_lines {
	char *text;
	size_t length, capacity;
	struct quota_share memory;  /* charged with the capacity */
	struct quota_share waiting; /* charged with 1 while there is a length */
};

/* Empty, and charged to @uid. */
struct frame_lines frame_lines_of(uid_t uid);

/*
 * Finds the first line that @text ends: *line is the kept beginning and what @text adds, without
 * the newline, good until the next call.  Returns the bytes of @text that belong to it, newline
 * included; 0: no newline in it.  -EDQUOT, -ENOMEM.  What is kept stays kept until
 * frame_lines_drop.
 */
ssize_t frame_lines_next(struct call *call, struct frame_lines *lines, const char *text,
			 size_t size, const char **line, size_t *length);
/* Adds to what is kept.  -EDQUOT, -ENOMEM, and nothing is added. */
int frame_lines_keep(struct call *call, struct frame_lines *lines, const char *text, size_t size);
void frame_lines_drop(struct frame_lines *lines);
void frame_lines_free(struct frame_lines *lines);

/* What a header may have beside size=N; keys come in any order, each can be left out. */
struct frame_header {
	const char *example; /* of a right one, for reasons */
	size_t longest;      /* at most FRAME_HEADER_MAX, without its newline */
	/* A key whose value is a number; NULL: there is none. */
	const char *name;
	int64_t lowest, highest, otherwise;
	/*
	 * Reads another key into @context, the frame's.  -ENOENT: it is none; -EINVAL with a
	 * reason.  @key is NULL when a header begins.  NULL: there are no others.
	 */
	int (*read)(struct call *call, const char *key, const char *value, void *context);
};

#define FRAME_HEADER_MAX 768

/* Longer than any header that frame_header_print writes. */
#define FRAME_HEADER_SIZE 64
/* Writes a header with its number and newline; returns its length, less than FRAME_HEADER_SIZE. */
size_t frame_header_print(const struct frame_header *header, int64_t number, size_t size,
			  char text[FRAME_HEADER_SIZE]);

/* How far a frame has come.  To put one of these back undoes what was fed since. */
struct frame_progress {
	size_t header_length;
	bool header_read; /* then number and size are what it said */
	int64_t number;
	size_t size, have;
};

struct frame {
	struct frame_progress progress;
	void *context; /* for the header's read */
	char header[FRAME_HEADER_MAX];
	char *payload; /* the first progress.have bytes */
	size_t capacity;
	struct quota_share memory; /* as above */
};

/*
 * Feeds the header: the bytes of @text that belong to it, all of them until header_read is set.
 * -EINVAL with a reason.
 */
ssize_t frame_feed_header(struct call *call, struct frame *frame, const struct frame_header *header,
			  const char *text, size_t size);
/*
 * Feeds the payload, header_read set: the bytes of @text that belong to it.  *payload is the whole
 * of it, good until the next call, or NULL while bytes are missing.  -EDQUOT, -ENOMEM.
 */
ssize_t frame_feed_payload(struct call *call, struct frame *frame, const char *text, size_t size,
			   const char **payload);
void frame_drop(struct frame *frame);
void frame_free(struct frame *frame);

/* Where messages go that have been found; @context is the caller's. */
struct frame_sink {
	/* -EMSGSIZE with a reason if no message of @size can be sent. */
	int (*fits)(struct call *call, void *context, size_t size);
	/* Sends one message or nothing. */
	int (*send)(struct call *call, void *context, const char *text, size_t size);
};

/*
 * The write of a channel that sends a message for each line, or for each frame: keeps what has no
 * end yet, and says by *done what has been sent or kept.  What is refused as too long or as no
 * header is dropped; after any other error the next write goes on where this one began.
 */
ssize_t frame_lines_write(struct call *call, struct frame_lines *lines,
			  const struct frame_sink *sink, void *context, const char *text,
			  size_t size, size_t *done);
/*
 * Sends the line that has no newline, when nothing more will come.  The operation that waits stays
 * charged until frame_lines_free: so whoever waits in a thread to send it has left that one.
 */
int frame_lines_flush(struct call *call, struct frame_lines *lines, const struct frame_sink *sink,
		      void *context);
ssize_t frame_write(struct call *call, struct frame *frame, const struct frame_header *header,
		    const struct frame_sink *sink, void *context, const char *text, size_t size,
		    size_t *done);

#endif
