/*
 * kinds_tried.h - the objects that the matrix goes through, a file for each kind; each list is
 * ended by NULL.
 */
#ifndef IPCFS_TEST_KINDS_TRIED_H
#define IPCFS_TEST_KINDS_TRIED_H

#include "matrix.h"

/* What some need before anything is tried: mounts, processes, listeners. */
void mq_begin(void);
void pipes_begin(void);
void sockets_own_begin(void);
void sockets_begin(void);

extern const struct object *const sem_objects[],
	*const mq_objects[], *const shm_objects[], *const pipe_objects[],
							   *const socket_objects[],
								   *const own_socket_objects[];

/* The table of the top of the tree is made when the daemon starts. */
const struct object *top_object(const struct dir *root);

#endif
