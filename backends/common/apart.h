/*
 * apart.h - a step in a thread of its own, which is not waited for beyond reason.
 *
 * Some calls that look harmless take a lock that any user can hold for as long as it pleases him.
 * For instance a write(2) to a pipe holds the pipe's lock while it reads the writer's memory, and
 * that can be a page that a file system of the user's own never delivers.  FIONREAD then waits, and
 * no signal ends that.  Made in a thread apart, such a call can cost no one more than patience.
 */
#ifndef IPCFS_APART_H
#define IPCFS_APART_H

/*
 * Runs @step with the credentials that this thread has now; it must not ask for others.  Returns
 * 0 when it has run to its end.  -ETIMEDOUT: after APART_PATIENCE it waits in some call; then
 * @context is the step's own, and @drop gets it when it comes to its end.  Any other error: it was
 * not run.
 */
#define APART_PATIENCE 400 /* milliseconds */
int apart_run(void (*step)(void *context), void (*drop)(void *context), void *context);

/* close(2), which of a pipe's last descriptor takes the pipe's lock too. */
void apart_close(int fd);

#endif
