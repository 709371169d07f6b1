/*
 * keeper.h - processes that have something open, and do nothing else: whom /proc shows them for,
 * the tree may name.
 */
#ifndef IPCFS_TEST_KEEPER_H
#define IPCFS_TEST_KEEPER_H

#include "identity.h"

enum { KEEPER_FILES = 8 };

struct keeper {
	pid_t pid;
	int orders;
	const char *name; /* of its command */
};

/* Ends with the test. */
void keeper_start(struct keeper *keeper, const struct identity *who, const char *name);
/* It has this file open from now on as number @slot, instead of what it had; closes @fd here. */
void keeper_take(const struct keeper *keeper, int slot, int fd);
/* The number that it has there. */
int keeper_number(int slot);

/*
 * As the one who runs it: may it see what the keeper has open?  Others than main itself, that is:
 * everybody may look into himself.
 */
bool keeper_is_visible(const struct keeper *keeper);
/* Opens what is there by /proc, as the one who runs it; -errno. */
int keeper_open(const struct keeper *keeper, int slot, int flags);
/* A copy of the descriptor, as root. */
int keeper_copy(const struct keeper *keeper, int slot);

#endif
