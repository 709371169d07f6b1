/*
 * backing.h - the requests by which a file of another file system is made known to the kernel
 * (Linux 6.9), which older headers have not.
 */
#ifndef IPCFS_BACKING_H
#define IPCFS_BACKING_H

#include <linux/fuse.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(FUSE_DEV_IOC_MAGIC, 1, struct backing_map)
#define BACKING_CLOSE _IOW(FUSE_DEV_IOC_MAGIC, 2, uint32_t)

#endif
