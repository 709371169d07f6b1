/*
 * holders.h - who holds what, of all kinds together: holders and holders.dot at the top of the
 * tree.
 */
#ifndef IPCFS_REPORT_HOLDERS_H
#define IPCFS_REPORT_HOLDERS_H

#include "common/holders.h"

/* "KIND/OBJECT PID USER HOW COMMAND" a line. */
int report_holders(struct call *call, const struct place *place, FILE *out);
/* Processes and what they hold as a graph of dot(1). */
int report_holders_dot(struct call *call, const struct place *place, FILE *out);

/*
 * Calls @each with every holder of every object, called KIND/OBJECT; one look at all processes.
 * *hidden: how many are not shown.
 */
int report_each_holder(struct call *call, holder_each *each, void *context, size_t *hidden);

#endif
