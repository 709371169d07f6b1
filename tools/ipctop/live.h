/*
 * live.h - the screen as it lives: keys, signals, news of the tree.
 */
#ifndef IPCTOP_LIVE_H
#define IPCTOP_LIVE_H

#include "options.h"

/* Returns the exit status; -ENOTSUP: the terminal cannot show it. */
int live_run(const char *root, const struct options *options);

#endif
