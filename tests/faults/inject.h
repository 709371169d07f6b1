/*
 * inject.h - makes one of the process's requests for memory, or for a thread, fail.
 *
 * The program's own malloc and its relatives, and pthread_create, stand before those of the C
 * library (and of a sanitizer), so whatever asks is counted: the daemon's code, the C library
 * itself, libfuse, jansson and libmnl.
 */
#ifndef IPCFS_FAULTS_INJECT_H
#define IPCFS_FAULTS_INJECT_H

#include <stdbool.h>

/*
 * INJECT_CLOCK: each time that the daemon asks for the time of day it has been set, a day forth or
 * back.
 */
enum inject { INJECT_NOTHING, INJECT_MEMORY, INJECT_THREAD, INJECT_CLOCK };

/* Once, before any of the others, on the thread that is not the daemon's. */
void inject_setup(void);
/*
 * From now on the @nth request of that kind (1: the next), whoever makes it, fails: that one alone.
 * 0: the first that is made at a place in the code, as its callers tell, where fewer than that many
 * have failed since inject_forget, and as many in this run have not.
 */
void inject_begin(enum inject what, unsigned long nth);
/* Of all places what failed there; up to @occurrences, one after the other, are to fail at each. */
void inject_forget(unsigned occurrences);
void inject_end(void);
/* True from the failure to the next inject_begin. */
bool inject_has_failed(void);
/*
 * What the calling thread does from now on is its own business, and neither counted nor failed,
 * until inject_resume; they nest.  The thread of inject_setup begins so.
 */
void inject_pause(void);
void inject_resume(void);
/* Sets @told at the failure, too, for another process to see. */
void inject_tell(volatile char *told);
/* Writes to standard error where the failure was; may be called by a signal handler. */
void inject_show(void);

#endif
