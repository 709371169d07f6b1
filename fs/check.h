/*
 * check.h - what this machine has and lacks of what ipcfs can make use of.
 */
#ifndef IPCFS_CHECK_H
#define IPCFS_CHECK_H

#include <stdbool.h>

/*
 * Prints it, a line for each thing and a last one that says what follows.  Whether ipcfs can mount
 * is tried, in a mount namespace of its own, in which the process then is: nothing else can be done
 * after it.  True if it can mount.
 */
bool check(void);

/* Says on standard error what keeps this process from mounting, if that is known. */
void check_explain_failure(void);

#endif
