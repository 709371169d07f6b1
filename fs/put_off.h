/*
 * put_off.h - requests that wait, as they were read, until others of their user have come to an
 * end.
 */
#ifndef IPCFS_PUT_OFF_H
#define IPCFS_PUT_OFF_H

#include <linux/fuse.h>
#include <stdbool.h>

#include "fuse.h"

/*
 * Keeps a copy of the request at @header, counted for @uid, for put_off_next, or answers it with
 * EDQUOT or ENOMEM and notes that in /errors.  false: it is to be done now, being one that ends or
 * interrupts something, or because put_off_end has been called.
 */
bool put_off(const struct fuse_in_header *header, uid_t uid);
/* Takes the oldest that is counted for @uid into @buffer, as long as the longest request; false:
 * there is none. */
bool put_off_next(uid_t uid, struct fuse_buf *buffer);
/* @header is an INTERRUPT; true: of one that waited here, and has been answered with EINTR. */
bool put_off_interrupt(const struct fuse_in_header *header);
/* Answers all with EINTR; no more are put off. */
void put_off_end(void);

#endif
