/*
 * serve.h - the threads that take requests from the kernel.
 */
#ifndef IPCFS_SERVE_H
#define IPCFS_SERVE_H

#include <stdint.h>

#include "fuse.h"

/*
 * Serves @session, and calls @served once the kernel has been answered, until it is unmounted or
 * the process gets SIGTERM, SIGINT or SIGHUP.  What waits is then answered with EINTR, and no
 * thread is left that takes requests.  0, or a negative errno.
 */
int serve(struct fuse_session *session, void (*served)(void));

/*
 * Starts what operations wait in.  @longest: nanoseconds that any may wait, or NO_LIMIT.  To be
 * called in the process that serves, after serve_block_signals.
 */
int serve_setup(int64_t longest);

/* Blocks the signals that serve waits for; before any thread is made. */
void serve_block_signals(void);

#endif
