/*
 * heap.h - the daemon's memory goes back to the system after a load.
 */
#ifndef IPCFS_HEAP_H
#define IPCFS_HEAP_H

#include <stdint.h>

/* Before there are threads. */
void heap_setup(void);
/* Gives back what many have left, once they are gone; nanoseconds until it wants to be called
 * again, -1 for never. */
int64_t heap_tick(void);

#endif
