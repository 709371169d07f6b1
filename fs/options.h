/*
 * options.h - the command line.
 */
#ifndef IPCFS_OPTIONS_H
#define IPCFS_OPTIONS_H

#include "fuse.h"

struct options {
	int read_only, no_passthrough, private, foreign, debug, foreground, help, version, check;
	unsigned orphan_age;
	char *source, *mountpoint, *run_dir, *target; /* NULL: not given */
};

/*
 * Reads @args, in which options of FUSE and of mounting are left, and sets the limits of users.
 * What can be read is in @options, which is to be freed; -1 with a message if there is more.
 */
int options_parse(struct fuse_args *args, struct options *options);
void options_free(struct options *options);
/* On standard output; it fits a screen. */
void options_print_help(void);

#endif
