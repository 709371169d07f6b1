/*
 * clients.h - workers of a mixed load that are programs: some use the tree, some the kernel's own
 * calls on the same objects.
 */
#ifndef IPCFS_TEST_CLIENTS_H
#define IPCFS_TEST_CLIENTS_H

#include <stdatomic.h>
#include <stdbool.h>

/* What a client and who looks after it share. */
struct client_state {
	atomic_bool pause; /* it is to do nothing, once it is sent SIGINT */
	atomic_bool idle;  /* it does nothing */
	atomic_bool receiving;
	atomic_uint done; /* operations */
	unsigned place;   /* no two that live have the same */
};

enum client_role {
	CLIENT_SENDER,
	CLIENT_RECEIVER,
	CLIENT_NATIVE_SENDER,
	CLIENT_NATIVE_RECEIVER,
	/* At queues of their own, where nobody is ever killed. */
	CLIENT_EXACT_SENDER,
	CLIENT_EXACT_RECEIVER,
	CLIENT_LOCKER,
	CLIENT_NATIVE_LOCKER,
	CLIENT_SERVER,
	CLIENT_MEMORY,
	CLIENT_ROLES
};

/* Of whole runs. */
struct clients_setting {
	const char *directory; /* where the sections note who is in them */
	bool mount_dies;       /* the mount may end and come again */
};

/* Makes what they use, in a tree of which nothing is known yet; and what ends with each mount. */
void clients_make_objects(void);
void clients_make_sockets(void);
/* Works until it is killed.  SIGINT is to be blocked before it is forked. */
_Noreturn void client_run(enum client_role role, unsigned seed, struct client_state *state,
			  const struct clients_setting *setting);
/* Reads the pipe until it is killed; nobody kills it in between. */
_Noreturn void client_read_pipe(struct client_state *state);
/* Takes what is left in the queues. */
void clients_drain(void);
/* Each semaphore has the value that it began with, or gets it in a moment; @killed: see waits.h. */
void clients_check_semaphores(bool killed);

#endif
