/*
 * entry.h - what a directory itself has under a name, where everyone can make files.
 *
 * With fusermount3(1) a user can mount a file system over a file of that user's, and serve it,
 * badly or not at all.  What is mounted is not what the directory has, and is asked for nothing.
 */
#ifndef IPCFS_ENTRY_H
#define IPCFS_ENTRY_H

#include <stdbool.h>
#include <sys/stat.h>

/* As lstat(2).  -ENOENT: nothing, or something mounted. */
int entry_look(int directory, const char *name, struct stat *st);
/* Something has the name: what entry_look finds, or what is mounted there. */
bool entry_is_taken(int directory, const char *name);
/* A descriptor, closed by exec; @flags as of openat(2), O_CREAT is not among them.  -ENOENT: the
 * same, or a link. */
int entry_open(int directory, const char *name, int flags);

#endif
