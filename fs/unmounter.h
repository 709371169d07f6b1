/*
 * unmounter.h - the end of a plain user's mount, which only fusermount3(1) can unmount.
 *
 * That is a program, and set-uid: the daemon, confined, can neither start it nor would it be root.
 * So a process is set aside before, which has nothing open and waits to be told.
 */
#ifndef IPCFS_UNMOUNTER_H
#define IPCFS_UNMOUNTER_H

/*
 * Before confine_calls, in the process that serves: makes the other one, for @path.  It ends with
 * this one, and then leaves the mount alone.  0, or a negative errno.
 */
int unmounter_start(const char *path);

/* Unmounts and returns when that is done; nothing if none was started. */
void unmounter_run(void);

#endif
