/*
 * fixture.h - a mount of its own for each test: its own IPC and mount namespaces, daemon,
 * /dev/shm and /run.
 */
#ifndef IPCFS_TEST_FIXTURE_H
#define IPCFS_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "../return_code.h"

/*
 * Moves the whole test program into private namespaces; to be called first in main.  Exits with 77,
 * "skipped", and says why where that, or /dev/fuse, cannot be had.
 */
void fixture_isolate(void);
/* After it, for what looks at processes: into a PID namespace too, with a /proc of its own. */
void fixture_isolate_processes(void);
/* After it, for what uses sockets: into a network namespace too, whose loopback interface is up. */
void fixture_isolate_network(void);

/* cmocka's setup and teardown: mounts with the options of `fixture_options` ("" by default). */
int fixture_mount(void **state);
int fixture_unmount(void **state);
extern const char *fixture_options;

/* Where the tree is. */
#define MOUNT "/mnt"
/* The daemon's pid. */
pid_t fixture_daemon(void);
/* The daemon has been killed or waited for by the test itself. */
void fixture_daemon_gone(void);
/*
 * How many descriptors it has, or another daemon, beside eight at most of callers in /proc, whom it
 * keeps.
 */
size_t descriptors_of(pid_t daemon);

/* Writes @text by one write(2) of a fresh open; 0 or -errno of what failed. */
int put(const char *path, const char *text);
int put_bytes(const char *path, const void *data, size_t size);
/* Reads until end of file, at most @size - 1 bytes, adds a NUL; the count or -errno. */
ssize_t get(const char *path, char *text, size_t size);
/* The same as a number; fails the test if it is none. */
long get_number(const char *path);

/* A child that runs @function(@argument) and exits with its result. */
pid_t spawn(int (*function)(void *), void *argument);
/* Its exit status; -signal if a signal ended it. */
int reap(pid_t pid);
/* Returns when the kernel's stack of the thread @pid has @function in it, as part of its name. */
void wait_until_asleep_in(pid_t pid, const char *function);
/* Returns when the thread @pid sleeps in the kernel in a read or write of the mount. */
void wait_until_parked(pid_t pid);
/* The same for an open that the daemon does not answer. */
void wait_until_open_parked(pid_t pid);

#endif
