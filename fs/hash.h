/*
 * hash.h - uthash, told what to do without memory: the daemon can't go on with half a table.
 */
#ifndef IPCFS_HASH_H
#define IPCFS_HASH_H

#include <stdlib.h>
#define uthash_fatal(msg) abort()
#include <uthash.h>

#endif
