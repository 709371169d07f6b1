/*
 * kinds.h - the kinds by name, for the registry alone.
 */
#ifndef IPCFS_KINDS_H
#define IPCFS_KINDS_H

#include "backend.h"

extern const struct kind pipe_kind;
extern const struct kind shm_kind;
extern const struct kind sem_kind;
extern const struct kind mq_kind;
extern const struct kind sock_kind;

#endif
