/*
 * sem_futex.h - POSIX semaphores in memory that somebody else may take away at any moment.
 *
 * The C library's sem_post and sem_wait trust the memory they are given; the owner of a named
 * semaphore can cut its file short while they use it, which ends the process.  These operations say
 * -EIO then.  They work on the same words, with any program that uses the C library on the other
 * side: the layouts of glibc (64-bit) and of musl are known, and told apart when one is opened.
 *
 * A thread that calls anything here takes SIGBUS unblocked from then on.  A wait is ended by any
 * signal whose handler was installed without SA_RESTART.
 */
#ifndef IPCFS_SEM_FUTEX_H
#define IPCFS_SEM_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

struct sem_futex;

/* Installs the SIGBUS handler, for the whole process; a fault elsewhere is fatal as before. */
int sem_futex_setup(void);

/*
 * Maps the semaphore in the file @fd, which may be closed afterwards.  With @writable false, for
 * which @fd needs to be open for reading only, nothing but sem_futex_value works.
 * -EINVAL: not a regular file, too short, or of neither layout; -EOPNOTSUPP: this machine's layout
 * is not known.
 */
int sem_futex_open(int fd, bool writable, struct sem_futex **opened);
void sem_futex_close(struct sem_futex *semaphore);

/* Adds @count in one step.  -EOVERFLOW: it would pass SEM_VALUE_MAX, nothing added; -EIO. */
int sem_futex_post(struct sem_futex *semaphore, unsigned count);
/* Takes what is there, at most @most, in one step: how many.  -EAGAIN: there is none; -EIO. */
int sem_futex_take(struct sem_futex *semaphore, unsigned most);
/* Takes one.  -EAGAIN: there is none; -EIO. */
int sem_futex_try(struct sem_futex *semaphore);
/* Takes one, waiting for it.  -EINTR: a signal came, nothing taken; -EIO. */
int sem_futex_wait(struct sem_futex *semaphore);
/* The value, and how many wait.  -EIO. */
int sem_futex_value(const struct sem_futex *semaphore, unsigned *value, unsigned *waiters);

#endif
