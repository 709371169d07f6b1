/*
 * mountpoint.h - the directory that the tree is mounted on.
 */
#ifndef IPCFS_MOUNTPOINT_H
#define IPCFS_MOUNTPOINT_H

#include <stdbool.h>

/*
 * The absolute path of @path, which must be a directory; the caller frees it.  NULL with a message
 * on standard error.  The dead mount of a daemon that was killed is taken off it first.
 */
char *mountpoint_resolve(const char *path);

/* Notes which mount is on @path now; false: none of ours. */
bool mountpoint_note(const char *path);
/* True if that mount is still the one that is seen at @path: only then may it be unmounted by path.
 */
bool mountpoint_is_ours(const char *path);

#endif
