/*
 * request_memory.h - what request_content.c hands over when a file is an object's memory.
 */
#ifndef IPCFS_REQUEST_MEMORY_H
#define IPCFS_REQUEST_MEMORY_H

#include "fuse.h"
#include "handle.h"

struct fuse_open_out;

/* As the caller.  0 and a handle, or a negative errno. */
int memory_open(fuse_req_t req, fuse_ino_t ino, const struct node *node, int flags,
		struct call *call, struct handle **handle);
/* How the kernel is to reach it, which depends on the @flags of open(2). */
void memory_open_flags(const struct handle *handle, int flags, struct fuse_open_out *out);
/* Gives back all but the handle itself. */
void memory_close(struct handle *handle);

void memory_read(fuse_req_t req, struct handle *handle, size_t size, off_t off,
		 struct fuse_file_info *fi);
void memory_write(fuse_req_t req, struct handle *handle, const char *buffer, size_t size, off_t off,
		  struct fuse_file_info *fi);
/* truncate(2), or with @fi ftruncate(2). */
int memory_set_size(fuse_req_t req, const struct node *node, struct fuse_file_info *fi, off_t size,
		    struct call *call);

#endif
