/*
 * events.h - what comes, goes and changes, as a stream: the channel of KIND/events and /events.
 */
#ifndef IPCFS_EVENTS_H
#define IPCFS_EVENTS_H

#include "backend.h"

/* A row of a kind's directory reads the events of that kind, any other row those of all kinds. */
extern const struct channel events_channel;

/*
 * Something was done through the tree to a kind, of which this is the directory: who reads its
 * events hears of it soon.  NULL: to any.
 */
void events_stir(const struct dir *kind);

/*
 * Notes, before it happens, that the caller removes the object at @path ("mq/jobs"), so that the
 * event can say who; and whether it was done, a negative errno if not.
 */
void events_removing(const struct call *call, const char *path);
void events_removed(const char *path, int error);

#endif
