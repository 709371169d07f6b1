/*
 * namespaces.h - whether a caller is where the tree is: in the namespaces in which the daemon was
 * started, and with the same /dev/shm and run directory.
 */
#ifndef IPCFS_NAMESPACES_H
#define IPCFS_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

/* Once: notes those of the process itself. */
void namespaces_setup(void);
/* Notes the run directory, an absolute path. */
void namespaces_note_run_dir(const char *path);

/*
 * Which of the @wanted NAMESPACE_ ... of a process are others; @directory is its own in /proc.
 * -EXDEV: it is in another user namespace, where a uid means something else, whatever is wanted;
 * -EACCES: it cannot be seen.
 */
int namespaces_compare(int directory, unsigned wanted, unsigned *foreign);
/* True if the process is seen to be in another user namespace. */
bool namespaces_are_of_others(pid_t pid);
/* True if namespaces_compare fails of a process that has ended: the kernel has user namespaces. */
bool namespaces_tell_ended(void);

/* Of include/linux/proc_ns.h: the numbers of the namespaces that a machine begins with. */
enum { FIRST_USER_NAMESPACE = 0xEFFFFFFD, FIRST_PID_NAMESPACE = 0xEFFFFFFC };
/* True if the user namespace is that one: every uid and gid is known in it. */
bool namespaces_know_all_ids(void);

#endif
