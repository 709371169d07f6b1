/*
 * reader.h - reads the tree in a thread, so that keys are heard however long the tree takes.
 */
#ifndef IPCTOP_READER_H
#define IPCTOP_READER_H

#include "page.h"
#include "sample.h"

struct reader;

/* Reads the tree at @root every @delay seconds, or more seldom if that takes long.  NULL: errno. */
struct reader *reader_start(const char *root, double delay);
/* Becomes readable when there is something to take. */
int reader_fd(const struct reader *reader);
/* The newest sample, and the newest page with the key it was asked for by; NULL: none since. */
struct sample *reader_take(struct reader *reader);
struct page *reader_take_page(struct reader *reader, char **key);
void reader_set_delay(struct reader *reader, double delay);
void reader_set_paused(struct reader *reader, bool paused);
void reader_look_now(struct reader *reader);
/* Reads the files of this object too, from now on; NULL: of none.  -ENOMEM. */
int reader_watch(struct reader *reader, const struct object *object);
/* For how many seconds the tree has not answered; 0: it is not being read. */
double reader_waits(struct reader *reader);
/* Ends the thread.  If the tree does not answer the thread stays, and ends with the process. */
void reader_stop(struct reader *reader);

#endif
