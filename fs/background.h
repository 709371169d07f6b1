/*
 * background.h - leaving the terminal, once it is known whether the tree is served.
 */
#ifndef IPCFS_BACKGROUND_H
#define IPCFS_BACKGROUND_H

/*
 * Goes on in a child.  Who has started the program waits until the child calls background_done, and
 * gets 0, or until it ends, and gets its exit status.  0, -errno; not in the child: no return.
 */
int background_begin(void);
/* The tree is served: standard error is not used any more.  Nothing to do in the foreground. */
void background_done(void);
/* The same for a process that the child has made, of which nobody hears. */
void background_leave(void);

#endif
