/*
 * device.h - the descriptors of /dev/fuse by which requests come and answers go.
 */
#ifndef IPCFS_DEVICE_H
#define IPCFS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "fuse.h"

/* Opens them, before the mount, which may cover /dev; device_end closes them. */
void device_open(void);
/*
 * Takes over how @session, which is mounted, reads and answers; with @passthrough the kernel is
 * asked for that (see passthrough.h).  0, or a negative errno; that there are fewer descriptors
 * than there could be is no error.
 */
int device_setup(struct fuse_session *session, bool passthrough);
/* Answers the request of this number, which libfuse has not been given, with a negative errno. */
void device_refuse(uint64_t request, int error);
/* Closes all but the session's own, which keeps the connection. */
void device_end(void);

#endif
