/*
 * access.h - access(2) in the tree.
 */
#ifndef IPCFS_TEST_ACCESS_H
#define IPCFS_TEST_ACCESS_H

/* The same answers as for a file of that owner and mode, by the real ids. */
void access_check(void);

#endif
