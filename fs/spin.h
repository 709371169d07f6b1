/*
 * spin.h - looking for the next request for a moment before sleeping, where waking is dear.
 *
 * To wake a processor that sleeps may take longer than all else that a small request takes: of a
 * virtual machine, whose host has to be asked for it, many times as long.  Where requests come at
 * short intervals, and come the sooner when they are awaited awake, whoever takes them stays awake
 * from one to the next.
 */
#ifndef IPCFS_SPIN_H
#define IPCFS_SPIN_H

#include <stdint.h>

/* Before there are threads.  On one of @processors alone it never pays. */
void spin_setup(int processors);
/*
 * Returns when @fd can be read, or when it is better to sleep; the caller came here at @since
 * (clock_now).  Then spin_learn: how many nanoseconds after that the request came, looked for or
 * not.
 */
void spin(int fd, int64_t since);
void spin_learn(int64_t waited);

#endif
