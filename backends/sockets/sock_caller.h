/*
 * sock_caller.h - paths in the caller's root directory.
 */
#ifndef IPCFS_SOCK_CALLER_H
#define IPCFS_SOCK_CALLER_H

#include "backend.h"

/*
 * Opens (O_PATH) what @path names in the caller's root, as the caller, every link in it followed.
 * Paths into FUSE and autofs file systems are refused (-EXDEV): whoever serves one, ipcfs itself
 * among them, could keep the daemon waiting for ever.  A descriptor, or -errno.
 */
int sock_caller_open(struct call *call, const char *path);

#endif
