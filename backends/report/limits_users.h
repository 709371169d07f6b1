/*
 * limits_users.h - the file limits.users: who has how much of what the daemon gives one user.
 */
#ifndef IPCFS_LIMITS_USERS_H
#define IPCFS_LIMITS_USERS_H

#include "backend.h"

/* For row.show: the caller's own rows, of root those of all who have anything. */
int limits_users_show(struct call *call, const struct place *place, FILE *out);

#endif
