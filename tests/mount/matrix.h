/*
 * matrix.h - the tree judges nobody otherwise than the kernel does: each operation done twice on
 * objects that are alike, through the tree and by the system call itself, for modes, owners and
 * identities.
 */
#ifndef IPCFS_TEST_MATRIX_H
#define IPCFS_TEST_MATRIX_H

#include "fixture.h"

enum { OWNER = 1001, OTHER = 1002, MEMBER = 1003, NEW_OWNER = 1004, GROUP = 2000 };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct identity {
	const char *name;
	uid_t uid;
	gid_t gid, supplementary;
	bool no_capabilities;
};

/* For children: they do not come back to what they were. */
void become(const struct identity *who);

/* Each returns 0 or an errno. */
struct operation {
	const char *name;
	int (*tree)(void);
	int (*direct)(void);
};

/* The errno of a result of put() and get(), and of a system call's. */
int tree(long result);
int errno_of(long result);
int tree_read(const char *path);

/*
 * @prepare makes new objects with this mode, owned by OWNER and GROUP, or given away by chown to
 * NEW_OWNER.  Fails the test if anybody gets two answers, or if nobody or everybody was refused.
 */
void matrix_compare(const struct operation *operations, size_t count,
		    void (*prepare)(mode_t mode, bool given_away));

#endif
