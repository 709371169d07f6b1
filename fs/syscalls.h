/*
 * syscalls.h - which system calls the daemon may make once it serves.
 *
 * Three tables: calls that are allowed, in groups; calls that are allowed with some arguments only;
 * and those that would be a sign of somebody else at the wheel, at which the process is killed.
 * Every other call is refused with ENOSYS, as a kernel would that does not have it: so the C
 * library does what it does on such a kernel.  The kernel logs it.  docs/confinement.md has the
 * same lists; a test compares.
 */
#ifndef IPCFS_SYSCALLS_H
#define IPCFS_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

/* Calls by name, as in section 2 of the manual, for one purpose.  A table ends with title NULL. */
struct syscall_group {
	const char *title;
	const char *const *names; /* ends with NULL; a machine need not have them all */
};

extern const struct syscall_group syscalls_allowed[];

/* Allowed if (argument & mask) == value for each of the conditions; @conditions are counted. */
struct syscall_argument {
	unsigned number;
	uint32_t mask, value;
	bool own_process; /* the value is the daemon's process id */
};

struct syscall_rule {
	const char *name;
	const char *words; /* the condition, as the documentation has it */
	unsigned conditions;
	struct syscall_argument arguments[2];
};

/* Several rules of one name: one of them has to hold.  Ends with name NULL. */
extern const struct syscall_rule syscalls_limited[];

extern const char *const syscalls_fatal[];

/* False if it was built without libseccomp: then nothing is refused. */
bool syscalls_available(void);

/*
 * From here on the process, all its threads, makes no other system calls.  no_new_privs must be
 * set. 0, or a negative errno.
 */
int syscalls_confine(void);

#endif
