/*
 * namespaces.h - whether a caller is where the tree is: in the namespaces in which the daemon was
 * started, and with the same /dev/shm and run directory.
 */
#ifndef IPCFS_NAMESPACES_H
#define IPCFS_NAMESPACES_H

#include <sys/types.h>

/* Once: notes those of the process itself. */
void namespaces_setup(void);
/* Notes the run directory, an absolute path. */
void namespaces_note_run_dir(const char *path);

/*
 * Which of the NAMESPACE_ ... of process @pid are others.  -EXDEV: it is in another user namespace,
 * where a uid means something else; -EACCES: it cannot be seen.
 */
int namespaces_compare(pid_t pid, unsigned *foreign);

#endif
