/*
 * batch.h - the table as plain text, for scripts.
 */
#ifndef IPCTOP_BATCH_H
#define IPCTOP_BATCH_H

#include <stdio.h>
#include "options.h"

/* Prints a sample: totals, an empty line, and the whole table, columns as wide as they must be. */
int batch_print(FILE *out, const char *root, struct view *view, const struct sample *sample,
		int64_t time);
/* Looks and prints until it has done so often enough; returns the exit status. */
int batch_run(const char *root, struct options *options);

#endif
