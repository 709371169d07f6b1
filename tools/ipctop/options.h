/*
 * options.h - the command line.
 */
#ifndef IPCTOP_OPTIONS_H
#define IPCTOP_OPTIONS_H

#include <stdbool.h>
#include "view.h"

struct options {
	const char *root; /* NULL: not given */
	double delay;
	unsigned long count; /* looks after which it ends; 0: none */
	bool batch;
	struct view view; /* what is shown, without rows */
};

enum { EXIT_USAGE = 2 };

/* Ends the program after --help and --version, and where an option is wrong. */
void options_read(struct options *options, int argc, char **argv);
/* Seconds, from 0.1 to 86400; false: it is no such number. */
bool option_seconds(const char *text, double *seconds);

#endif
