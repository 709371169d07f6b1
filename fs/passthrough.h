/*
 * passthrough.h - files of other file systems that the kernel reads, writes and maps by itself when
 * one of ours is opened (Linux 6.9, CONFIG_FUSE_PASSTHROUGH).
 *
 * libfuse before 3.17 knows nothing of it, so it is agreed upon (agreement.h), and answered, in the
 * kernel's own structs: Documentation/filesystems/fuse/fuse-passthrough.rst and
 * include/uapi/linux/fuse.h of Linux.
 */
#ifndef IPCFS_PASSTHROUGH_H
#define IPCFS_PASSTHROUGH_H

/* Makes files known by @device later. */
void passthrough_setup(int device);

/*
 * Makes @fd, open for reading and writing, known to the kernel: the id that an open is answered
 * with, above 0.  It keeps the file open until it is closed.  -EOPNOTSUPP, also for a file that the
 * kernel can't use so; -EPERM: the daemon lacks CAP_SYS_ADMIN.
 */
int passthrough_open(int fd);
void passthrough_close(int id);
/* Into the answer to an open: that the file of @id is the one to use. */
struct fuse_open_out;
void passthrough_answer(int id, struct fuse_open_out *out);

#endif
