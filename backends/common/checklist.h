/*
 * checklist.h - what this machine has and lacks of what ipcfs can make use of: a line each.
 */
#ifndef IPCFS_CHECKLIST_H
#define IPCFS_CHECKLIST_H

#include <stdbool.h>
#include <stdio.h>

struct checklist {
	FILE *out;
	bool only_prevented; /* no line but those of checklist_prevents */
	bool prevented;      /* there was one: there can be no tree */
};

/*
 * Writes a line about @what, at most 20 bytes: that it is there, that it is not, or that it is not
 * and nothing works without it.  The words say what it is, and of what is missing what therefore
 * cannot be done.
 */
void checklist_has(struct checklist *list, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void checklist_lacks(struct checklist *list, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void checklist_prevents(struct checklist *list, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the kernel has System V objects: @table is msg, sem or shm, @what its call. */
void checklist_sysv(struct checklist *list, const char *table, const char *what);

#endif
