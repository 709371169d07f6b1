/*
 * sample.h - the tree at one moment: all objects, read from the status.json and the holders of each
 * kind.
 */
#ifndef IPCTOP_SAMPLE_H
#define IPCTOP_SAMPLE_H

#include <stddef.h>
#include "object.h"

struct total {
	int error; /* 0, or why the kind could not be read: the rest is 0 then */
	int64_t objects;
	int64_t figures[FIGURES]; /* sums of what is known */
	double change;            /* of the levels, in a second; NAN: not known */
	int64_t listening, connected, with_content;
	int64_t hidden; /* processes that the reader may not look at, of any object */
};

struct sample {
	struct object **objects;
	size_t count, room;
	struct object *by_key;
	struct total totals[KINDS];
	double when;  /* CLOCK_MONOTONIC, seconds */
	double took;  /* seconds that reading took */
	int error;    /* 0; -ENOTCONN and others: there is no tree to be read */
	char *reason; /* of an error, in words, may be NULL */
};

/* The clock of struct sample. */
double now(void);
/*
 * Reads the tree at @root.  Holds nothing open in it afterwards, so that it can be unmounted.
 * Returns NULL for want of memory alone.
 */
struct sample *sample_read(const char *root);
/* Works out what has changed since @before, which may be NULL. */
void sample_compare(struct sample *sample, const struct sample *before);
/* NULL: there is no such object. */
const struct object *sample_find(const struct sample *sample, const char *key);
void sample_free(struct sample *sample);

/*
 * Adds what a status.json says, @text of @length bytes, to the sample.  -EBADMSG: it is none.
 */
int sample_add_json(struct sample *sample, enum kind kind, const char *text, size_t length);
/* Gives the lines of a holders file, which it changes, to the objects of the kind. */
int sample_add_holders(struct sample *sample, enum kind kind, char *text);
/* To be called when all has been added: figures that follow from others, totals. */
void sample_complete(struct sample *sample);

#endif
