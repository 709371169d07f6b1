/*
 * bench.h - what the programs that measure share: namespaces of their own, mounts, clocks, medians.
 *
 * What cannot be done ends the program.
 */
#ifndef IPCFS_BENCH_H
#define IPCFS_BENCH_H

#include <sys/types.h>

#define RUNS 15 /* and one before them that does not count */

_Noreturn void bench_die(const char *what);

/* Own mount and IPC namespaces, a fresh tmpfs on /mnt, on /dev/shm and on /run. */
void bench_isolate(void);
/* The machine, and what a run is. */
void bench_introduce(int operations);
/* This process, and those that it starts, on the first processor that it may use; on all. */
void bench_use_one_processor(void);
void bench_use_all_processors(void);

/* Runs a file system in the foreground, tied to this process, and returns when it is mounted. */
pid_t bench_start(int program, const char *const argv[], const char *path);
void bench_stop(pid_t pid, const char *path);

/* Microseconds. */
double bench_now(void);
/* Sorts @values and returns the one in the middle. */
double bench_median(double values[RUNS]);

#endif
