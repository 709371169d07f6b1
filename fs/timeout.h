/*
 * timeout.h - how long the administrator lets a request to a FUSE file system take.
 */
#ifndef IPCFS_TIMEOUT_H
#define IPCFS_TIMEOUT_H

/*
 * Seconds, after which the kernel ends the whole mount (fs.fuse.*_request_timeout); 0: for ever.
 */
unsigned timeout_of_requests(void);

#endif
