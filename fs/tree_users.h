/*
 * tree_users.h - who uses the files of the tree, for kinds that say who holds an object.
 */
#ifndef IPCFS_TREE_USERS_H
#define IPCFS_TREE_USERS_H

#include "backend.h"

extern const struct tree tree_users;

#endif
