/*
 * shm_help.h - what the tests of shm/ share: objects made behind the tree's back, and the kernel's
 * own view of them to compare with.
 */
#ifndef IPCFS_TEST_SHM_HELP_H
#define IPCFS_TEST_SHM_HELP_H

#include "fixture.h"

#include <sys/shm.h>
#include <sys/stat.h>

/* Without this option the kernel maps through the mount where it can. */
#define NO_PASSTHROUGH "no_passthrough"

/*
 * This kernel offers FUSE_PASSTHROUGH, which is asked by a mount of our own that is given up at
 * once.  Only this decides whether a test expects mmap(MAP_SHARED) to work, never what ipcfs says.
 */
bool shm_kernel_can_map(void);
/* It can, and the present mount has not been told not to. */
bool shm_maps(void);
/* Ends the test as skipped where shm_maps() is false, but first sees that mmap says ENODEV. */
void shm_needs_mapping(void);

/* MOUNT/shm/OBJECT/FILE, in one of a few buffers used in turn. */
const char *shm_path(const char *object, const char *file);
/* Opens MOUNT/shm/OBJECT/data; fails the test if it can't be done. */
int shm_open_data(const char *object, int flags);
/* Maps it shared and writable from the beginning, and closes it. */
void *shm_map(const char *object, size_t size);
void shm_make(const char *name_and_attributes, mode_t mode);
void shm_remove(const char *object);

/* A new POSIX object of the C library's, of @size bytes, open for reading and writing. */
int shm_posix_create(const char *name, off_t size);
/* The pages of a System V segment as a file, had without the tree. */
int shm_sysv_file(int id);
/* SHM_STAT's idea of the segment with this key. */
struct shmid_ds shm_sysv_stat(key_t key);

/* The daemon lives and answers. */
void shm_daemon_answers(void);
/* Returns when @pid sleeps in the kernel, waiting for a lock. */
void shm_wait_until_lock_waited(pid_t pid);
/* Becomes an ordinary user; for children only. */
void shm_become(uid_t uid);
/* @act in a child, as @uid, which is ended if it waits for long; its result as of reap. */
int shm_try_as(uid_t uid, int (*act)(void *), void *argument);

/* In a child, which must not come back into cmocka: ends it, saying what was not so. */
#define need(condition)                                                   \
	do {                                                              \
		if (!(condition))                                         \
			shm_child_failed(__FILE__, __LINE__, #condition); \
	} while (0)
_Noreturn void shm_child_failed(const char *file, int line, const char *condition);

/* All tests twice: with mapping through the mount as far as the kernel has it, and without. */
#define shm_run_both_ways(name, tests) \
	shm_run_both_ways_(name, tests, sizeof(tests) / sizeof(*(tests)))
int shm_run_both_ways_(const char *name, const struct CMUnitTest *tests, size_t count);

#endif
