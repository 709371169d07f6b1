/*
 * sock_caller.h - where the caller is: its network namespace, and its root directory.
 */
#ifndef IPCFS_SOCK_CALLER_H
#define IPCFS_SOCK_CALLER_H

#include "backend.h"

/* Once, before any other call. */
void sock_caller_setup(const struct settings *settings);

/* -EACCES with a reason if the caller is in another network namespace than the tree. */
int sock_caller_network(struct call *call);

/*
 * Opens (O_PATH) what @path names in the caller's root, as the caller, every link in it followed.
 * Paths into FUSE and autofs file systems are refused (-EXDEV): whoever serves one, ipcfs itself
 * among them, could keep the daemon waiting for ever.  A descriptor, or -errno.
 */
int sock_caller_open(struct call *call, const char *path);

#endif
