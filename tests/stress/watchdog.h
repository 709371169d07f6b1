/*
 * watchdog.h - a bound for every wait of a test: who is stuck is shown, not only that somebody is.
 */
#ifndef IPCFS_TEST_WATCHDOG_H
#define IPCFS_TEST_WATCHDOG_H

/*
 * Starts it; the caller must be in a PID namespace of its own, with its /proc.  A process of its
 * own watches, so it sees what the caller is stuck in.
 */
void watchdog_start(void);
/*
 * What comes now, @what, must be done in @seconds (times WATCHDOG_SLACK, if that is in the
 * environment), until the next call.  Else each task of the namespace is shown with its kernel
 * stack, system call and wchan, and the caller is killed.  0: no bound.  How long it took is
 * printed when the next comes.
 */
void watchdog_expect(unsigned seconds, const char *what);

#endif
