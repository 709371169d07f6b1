/*
 * root.h - the directory at the top of the tree.
 */
#ifndef IPCFS_ROOT_H
#define IPCFS_ROOT_H

#include "backend.h"

/* Sets all kinds up, each as @settings say, and makes the root of them; NULL with a message on
 * standard error. */
const struct dir *root_setup(const struct settings *settings);

#endif
