/*
 * metrics.h - the file metrics.prom: counts, limits and figures as Prometheus reads them.
 */
#ifndef IPCFS_METRICS_H
#define IPCFS_METRICS_H

#include "backend.h"

/* A row's show. */
int metrics_show(struct call *call, const struct place *place, FILE *out);

#endif
