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

/* Notes which mount is on @path now. */
void mountpoint_note(const char *path);
/* True if another mount than that is seen at @path now, which an unmount by path would hit. */
bool mountpoint_is_others(const char *path);

#endif
