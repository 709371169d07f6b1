/*
 * hash.h - uthash, told to live on without memory.
 */
#ifndef IPCFS_HASH_H
#define IPCFS_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Did HASH_ADD put it in?  If not there was no memory, and the table is as it was. */
#define HASH_HAS(handle, element) ((element)->handle.tbl != NULL)

#endif
