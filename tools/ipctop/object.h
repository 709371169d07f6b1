/*
 * object.h - an IPC object as the tree tells of it, and the kinds of objects.
 */
#ifndef IPCTOP_OBJECT_H
#define IPCTOP_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

/* In the order of ipcs(1). */
enum kind {
	KIND_MQ,
	KIND_SHM,
	KIND_SEM,
	KIND_PIPES,
	KIND_SOCKETS,
	KINDS,
	KIND_ALL = KINDS, /* what a view may show instead */
};

/* The name of its directory in the tree; of KIND_ALL "all". */
extern const char *const kind_names[KINDS + 1];
/* -1: no kind is called so. */
int kind_of_name(const char *name);

enum figure {
	FIGURE_ID,    /* System V */
	FIGURE_INODE, /* pipes, sockets */
	FIGURE_MESSAGES,
	FIGURE_BYTES, /* in a queue or a pipe */
	FIGURE_MAXMSG,
	FIGURE_MSGSIZE,
	FIGURE_CAPACITY, /* bytes that fit */
	FIGURE_LSPID,
	FIGURE_LRPID,
	FIGURE_SIZE,
	FIGURE_RSS,
	FIGURE_SWAP,
	FIGURE_NATTCH,
	FIGURE_CPID,
	FIGURE_LPID,
	FIGURE_NSEMS,
	FIGURE_VALUE, /* of one semaphore, the sum of a set's */
	FIGURE_NCOUNT,
	FIGURE_ZCOUNT,
	FIGURE_READERS,
	FIGURE_WRITERS,
	FIGURE_KEEP,
	FIGURE_RECVQ,
	FIGURE_SENDQ,
	FIGURE_BACKLOG,
	FIGURE_HIDDEN, /* holders that the reader may not look into */
	FIGURE_TIME,   /* when it was last used, seconds since 1970 */
	/* Worked out of the others, by object_complete(). */
	FIGURE_LEVEL,   /* what is in it: messages, bytes, the value of a semaphore */
	FIGURE_FULL,    /* how much of what fits, in thousandths */
	FIGURE_WAITERS, /* processes */
	FIGURE_HOLDERS, /* processes, hidden ones too */
	FIGURES,
};

#define UNKNOWN INT64_MIN

/* What of it has its change between two refreshes shown. */
enum rate { RATE_LEVEL, RATE_BYTES, RATE_RECVQ, RATE_SENDQ, RATES };

struct holder {
	int64_t pid;
	char *user, *how, *command; /* escaped */
};

/* Text is escaped for the screen, but for the name; NULL: the tree has none. */
struct object {
	enum kind kind;
	char *name;  /* its directory below that of the kind, as it is; NULL: it has none */
	char *label; /* what it is called */
	char *key;   /* kind, name and what tells it from another that had the name */
	char *family, *user, *perms, *state, *local, *remote, *values;
	int64_t figures[FIGURES];
	double rates[RATES]; /* in a second; NAN: not known */
	struct holder *holders;
	size_t holder_count;
	UT_hash_handle hh; /* by the key */
};

struct object *object_new(enum kind kind);
/* Takes the strings.  -ENOMEM, also if one of them is NULL. */
int object_add_holder(struct object *object, int64_t pid, char *user, char *how, char *command);
bool holder_waits(const struct holder *holder);
/* Works out the last figures, when the others and the holders are there. */
void object_complete(struct object *object);
/* How fast it changed since @before, @seconds ago; NULL: it is new. */
void object_compare(struct object *object, const struct object *before, double seconds);
/* True of bytes: what is in it are no messages, connections or units of a semaphore. */
bool object_level_is_bytes(const struct object *object);
/* True if something waits, is in it or changes. */
bool object_is_active(const struct object *object);
void object_free(struct object *object);

#endif
