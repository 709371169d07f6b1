/*
 * namespaces.h - whether a caller's namespaces are those in which the daemon was started.
 */
#ifndef IPCFS_NAMESPACES_H
#define IPCFS_NAMESPACES_H

#include <sys/types.h>

/* Once: notes those of the process itself. */
void namespaces_setup(void);

/*
 * Which of the NAMESPACE_ ... of process @pid are others.  -EXDEV: it is in another user namespace,
 * where a uid means something else; -EACCES: it cannot be seen.
 */
int namespaces_compare(pid_t pid, unsigned *foreign);

#endif
