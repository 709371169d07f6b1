/*
 * kinds.c - the registry: every kind of IPC object that the tree shows, those that ipcs(1) shows
 * too in its order.
 */
#include "backend.h"
#include "kinds.h"

const struct kind *const kinds[] = {
	&mq_kind, &shm_kind, &sem_kind, &pipe_kind, &sock_kind, NULL,
};
