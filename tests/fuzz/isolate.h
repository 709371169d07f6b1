/*
 * isolate.h - a machine of its own for a fuzzer that makes IPC objects.
 */
#ifndef IPCFS_FUZZ_ISOLATE_H
#define IPCFS_FUZZ_ISOLATE_H

#include "backend.h"

/*
 * Goes on in a child that has IPC, mount, network and PID namespaces of its own, loopback up, and
 * little memory for objects.  Where that cannot be had, ends the program with 77.  Once, while
 * there is one thread.
 */
void isolate(void);

/* Removes every object of @kind that can be removed, as the daemon. */
void remove_objects(const struct kind *kind);

#endif
