/*
 * batch.h - the table as plain text, for scripts.
 */
#ifndef IPCTOP_BATCH_H
#define IPCTOP_BATCH_H

#include <stdio.h>
#include "options.h"

/* Looks and prints until it has done so often enough; returns the exit status. */
int batch_run(const char *root, struct options *options);

#endif
