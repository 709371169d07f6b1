/*
 * hostile_help.h - a file whose server does not do what servers do, and memory that never comes:
 * what a user without any privilege can hand to a system call.
 */
#ifndef IPCFS_TEST_HOSTILE_HELP_H
#define IPCFS_TEST_HOSTILE_HELP_H

#include "fixture.h"

enum hostile_way {
	HOSTILE_SILENT,       /* nothing is answered */
	HOSTILE_PRIVATE,      /* the same, and it is for its owner alone: root may not look */
	HOSTILE_BROKEN,       /* everything is EIO */
	HOSTILE_SILENT_READS, /* there is a file, which can be opened; what is read never comes */
	HOSTILE_BROKEN_READS, /* the same; reading is EIO */
};

enum { HOSTILE_SIZE = 1 << 16 };

enum { HOSTILE_OWNER = 1001 };

/* A file system that is one regular file, mounted over the file @path, as fusermount3(1) does. */
struct hostile {
	const char *path;
	pid_t server;
};

struct hostile hostile_mount(const char *path, enum hostile_way way);
/* Who waits for an answer waits no more. */
void hostile_unmount(const struct hostile *hostile);

#endif
