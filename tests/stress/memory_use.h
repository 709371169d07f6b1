/*
 * memory_use.h - how much memory a daemon takes, with all that the kernel keeps for it.
 */
#ifndef IPCFS_TEST_MEMORY_USE_H
#define IPCFS_TEST_MEMORY_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A memory cgroup below that of this process, which this process enters until memory_group_leave;
 * what it starts meanwhile stays in it.  False where there can be none: then what is told is
 * summed up from /proc.  It goes with memory_group_remove, when nobody is in it any more.
 */
bool memory_group_enter(void);
void memory_group_leave(void);
void memory_group_remove(void);

struct memory_use {
	size_t bytes; /* now: user pages, page tables, kernel stacks, and with a cgroup the rest */
	size_t peak;  /* the most so far; 0: not known */
	size_t pss;   /* user pages, shared ones divided among those who share them */
	size_t threads;
	size_t descriptors;
	const char *how; /* in words, how `bytes` was measured */
};

/* Of process @pid, which is the only one in the group if there is one. */
struct memory_use memory_use(pid_t pid);
/* An AddressSanitizer is in it: what it takes says little about what it needs. */
bool memory_has_sanitizer(pid_t pid);

#endif
