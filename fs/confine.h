/*
 * confine.h - what the daemon gives up, so that a fault in it can be used for as little as
 * possible.
 *
 * It serves everyone with the privileges of root, so it keeps those that some path of the tree
 * needs and no others.  docs/confinement.md has the same lists, with reasons; a test compares.
 */
#ifndef IPCFS_CONFINE_H
#define IPCFS_CONFINE_H

#include <stdbool.h>
#include <sys/capability.h>

/*
 * Those that are kept.  A caller's are taken over as far as they are here: what a caller may do by
 * them through the tree is a reason to keep one.
 */
extern const cap_value_t confine_capabilities[];
extern const int confine_capabilities_count;

/*
 * First of all, before anybody asks which capabilities there are: no others are left in any set of
 * the process.  0, or a negative errno.
 */
int confine_privileges(void);

/*
 * In the process that serves, before it has threads: from here on no program is started, and no
 * system call made but those of syscalls.h.  0, or a negative errno.
 */
int confine_calls(void);

#endif
