/*
 * descriptors.h - what the daemon lacks: descriptors, memory.
 */
#ifndef IPCFS_DESCRIPTORS_H
#define IPCFS_DESCRIPTORS_H

#include <stdbool.h>

/*
 * True if @fd, which is new, is one of the last that RLIMIT_NOFILE allows.  Those are for what is
 * soon closed again: who asks is looked up in /proc, a status is gathered, and `errors` can be
 * read.  What is to be kept must do without.
 */
bool descriptor_is_last(int fd);
/*
 * @fd, new and to be kept, or its error, negative.  -EMFILE, and @fd closed: it is one of the last.
 */
int descriptor_keep(int fd);

/* True of a negative errno that says that the daemon lacks something: it tells nothing of an
 * object. */
bool is_shortage(int error);

#endif
