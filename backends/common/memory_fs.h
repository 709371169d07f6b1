/*
 * memory_fs.h - the kernel's own file systems of memory, which are mounted nowhere: System V
 * segments, memfds and shared anonymous mappings are files there.
 */
#ifndef IPCFS_MEMORY_FS_H
#define IPCFS_MEMORY_FS_H

#include "backend.h"

/* True for a device of theirs. */
bool memory_fs_is(dev_t device);

/* True if @path is what /proc calls the file of a segment, whose inode number is its id. */
bool memory_fs_is_segment(dev_t device, const char *path);

#endif
