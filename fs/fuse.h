/*
 * fuse.h - libfuse's low-level interface, in the one version that is written for.
 */
#ifndef IPCFS_FUSE_H
#define IPCFS_FUSE_H

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)
#include <fuse_lowlevel.h>

#endif
