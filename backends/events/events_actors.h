/*
 * events_actors.h - who is removing what through the tree, until an event says so.
 */
#ifndef IPCFS_EVENTS_ACTORS_H
#define IPCFS_EVENTS_ACTORS_H

#include <stdbool.h>

#include "backend.h"
#include "events_line.h"

/* Notes that the caller removes the object at @path; the oldest notes make room for new ones. */
void events_actor_note(const struct call *call, const char *path);
/* It is done, at @when; or it was refused. */
void events_actor_done(const char *path, int64_t when);
void events_actor_drop(const char *path);
/*
 * Drops what was done in @kind before @when, the beginning of a snapshot that has been compared: an
 * object that no snapshot had seen was removed, and the next of its name is another's to remove.
 */
void events_actors_expire(const char *kind, int64_t when);
/* Fills *by if somebody was noted to remove the object listed as @name in @kind; takes the note. */
bool events_actor_take(const char *kind, const char *name, struct events_actor *by);
void events_actors_forget(void);

#endif
