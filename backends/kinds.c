/*
 * kinds.c - the registry: every kind of IPC object that the tree shows.
 */
#include "backend.h"
#include "kinds.h"

const struct kind *const kinds[] = {
	&pipe_kind, &shm_kind, &sem_kind, &mq_kind, &sock_kind, NULL,
};
