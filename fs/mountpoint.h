/*
 * mountpoint.h - the directory that the tree is mounted on.
 */
#ifndef IPCFS_MOUNTPOINT_H
#define IPCFS_MOUNTPOINT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The absolute path of @path, which must be a directory; the caller frees it.  NULL with a message
 * on standard error: also where an ipcfs is mounted already.  The dead mount of a daemon that was
 * killed is taken off it first.
 */
char *mountpoint_resolve(const char *path);

/*
 * Notes which mount is on @path now, just made, of @connection.  -ENODEV: there is none; -ENOMEM:
 * it cannot be told which it is.
 */
int mountpoint_note(const char *path, int connection);
/* Its device, which /proc shows for what is open in it; 0: none is noted. */
dev_t mountpoint_device(void);
/*
 * Root's daemon: takes the noted mount off @path, if it is served by @connection still, because
 * libfuse 3.17 has umount(8) do it, which a confined process cannot start.  False, of any daemon:
 * somebody uses it still, and nothing is left to be taken off.
 */
bool mountpoint_leave(const char *path, int connection);
/* True if that mount is seen at @path now; an unmount by path would else hit what comes there. */
bool mountpoint_is_ours(const char *path);

#endif
