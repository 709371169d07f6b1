/*
 * shown.h - what the files that are there for everyone show of others.
 */
#ifndef IPCFS_TEST_SHOWN_H
#define IPCFS_TEST_SHOWN_H

#include "backend.h"

/*
 * Processes of several users use objects of every kind, in every way.  Whoever reads a text of the
 * tree, any that the tables below @root have, is told of those whom /proc shows him with what they
 * have open, and of no others.
 */
void shown_check_holders(const struct dir *root);

/* Everybody sees his own refusals and his own use of the daemon, and root those of all. */
void shown_check_own(void);

/* /status begins with what ipcs(1) prints for the same user. */
void shown_check_ipcs(void);

#endif
