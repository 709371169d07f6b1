/*
 * client.h - the kernel's part in a conversation with the daemon's FUSE session: sends requests as
 * the kernel would, and judges each answer.
 *
 * Nothing is mounted.  A request is handed to libfuse where the daemon's threads would do it, and
 * what it writes comes back here.
 */
#ifndef IPCFS_FUZZ_CLIENT_H
#define IPCFS_FUZZ_CLIENT_H

#include <linux/fuse.h>

#include "fuzz.h"

/* Who asks. */
enum { CALLER_ROOT, CALLER_USER, CALLER_OTHER, CALLER_UNSEEN, CALLERS };

/* Sets up what main.c does, but for the mount, and what the kernel says first. */
void client_setup(void);
void client_ask_as(unsigned caller);

/* A part of a request's body. */
struct part {
	const void *bytes;
	size_t size;
};
#define PART(variable) ((struct part){&(variable), sizeof(variable)})
#define PART_NAME(name) ((struct part){(name), strlen(name) + 1})

struct answer {
	bool here;
	int error; /* 0 or negative */
	size_t size;
	char *bytes;
};

/*
 * A request that has to be answered when this returns.  To be freed by answer_free.
 */
struct answer client_ask(uint32_t opcode, uint64_t node, const struct part *parts, size_t count);
/*
 * One that may wait: its number.  With @at_once it must not.  It is over when client_answer has
 * given its answer.
 */
uint64_t client_begin(uint32_t opcode, uint64_t node, const struct part *parts, size_t count,
		      bool at_once);
/* The answer, if it is here; else, with @wait, waits for it, and gives up all if it does not come.
 */
struct answer client_answer(uint64_t unique, bool wait);
void client_interrupt(uint64_t unique);
/* The number that the next request will have; the one after it has two more. */
uint64_t client_next(void);
/* Requests without an answer. */
void client_tell(uint32_t opcode, uint64_t node, const struct part *parts, size_t count);
void answer_free(struct answer *answer);

/* For who wants to see every request and answer; NULL: nobody. */
struct client_watch {
	/* Before and after the daemon has a request, on the thread that asks. */
	void (*asked)(uint64_t unique, uint32_t opcode);
	void (*back)(uint64_t unique);
	/* An answer, on whatever thread, and with a lock held. */
	void (*answered)(uint64_t unique, const struct answer *answer);
	/* Around what the client itself does on a thread of the daemon's. */
	void (*daemon_leaves)(void);
	void (*daemon_enters)(void);
};
extern const struct client_watch *client_watch;

/*
 * All that was made and known is given back; what the daemon still has then is too much.
 * @kinds_used: a text with the names of all kinds of which objects were made; NULL: any.
 */
void client_require_nothing_left(const char *kinds_used);

#endif
