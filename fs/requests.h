/*
 * requests.h - the requests of the kernel, as libfuse hands them out.
 */
#ifndef IPCFS_REQUESTS_H
#define IPCFS_REQUESTS_H

#include <stdbool.h>

#include "fuse.h"

/* The whole table. */
extern const struct fuse_lowlevel_ops requests;

/* Names and attributes. */
void request_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void request_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups);
void request_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void request_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void request_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		     struct fuse_file_info *fi);
void request_access(fuse_req_t req, fuse_ino_t ino, int mask);
void request_readlink(fuse_req_t req, fuse_ino_t ino);
void request_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void request_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void request_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void request_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void request_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void request_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void request_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		    const char *new_name, unsigned flags);
void request_statfs(fuse_req_t req, fuse_ino_t ino);

/* Listings. */
void request_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void request_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     struct fuse_file_info *fi);
void request_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* Content. */
void request_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void request_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		  struct fuse_file_info *fi);
void request_write(fuse_req_t req, fuse_ino_t ino, const char *buffer, size_t size, off_t off,
		   struct fuse_file_info *fi);
void request_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void request_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void request_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		   struct fuse_file_info *fi);
void request_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
		       struct fuse_file_info *fi);
void request_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void request_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		  struct fuse_pollhandle *sleeper);
void request_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *record);
void request_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *record,
		   int sleep);
void request_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int operation);
/* Wakes and drops sleepers of poll; for poller_setup. */
void request_poll_wake(void *sleeper);
void request_poll_drop(void *sleeper);

/* Closes every channel that is open: what is held is given back.  No requests may be taken. */
void requests_close_all(void);

/* ---- what they have in common, request_common.c ---- */

/* What the mount was asked to be; set before the first request. */
struct mount_mode {
	bool read_only; /* look, touch nothing */
};
extern struct mount_mode mount_mode;

/*
 * Room for the largest read, REQUEST_READ_MAX bytes, one for each thread, so that none is allocated
 * each time; NULL: no memory.  It begins a page, as most clients' do: the kernel copies a page at a
 * time, and would have to look up two of ours for each, and copy between unlike addresses.
 */
#define REQUEST_READ_MAX ((size_t)1 << 20)
char *request_scratch(void);
/*
 * Replies with at most REQUEST_READ_MAX bytes of @data by way of the scratch room: when a reply has
 * reached the client it may close the handle that @data belongs to, while the reply's own call has
 * not returned yet.
 */
void request_reply_copy(fuse_req_t req, const char *data, size_t size);
/* operation_hooks of what has a request: it can be interrupted from here to there. */
struct operation;
void request_parked(struct operation *op);
void request_unparked(struct operation *op);
/* Whether the kernel and this side have agreed on how they talk, by the first request. */
bool requests_are_agreed(void);
/* For a thread that takes no more requests: gives back what it kept between them. */
void requests_leave(void);

#endif
