/*
 * report.h - texts that several kinds put together, as files of a kind's directory and of the root.
 *
 * Of a kind's own directory a file has that kind's part, of any other directory the parts of all.
 * First comes what ipcs(1) prints, to its last byte, then the tables that it does not have, then a
 * line for each sort of thing that the caller may not see.
 */
#ifndef IPCFS_REPORT_H
#define IPCFS_REPORT_H

#include "backend.h"

/* For row.show. */
int report_show_status(struct call *call, const struct place *place, FILE *out);
int report_show_pids(struct call *call, const struct place *place, FILE *out);
int report_show_times(struct call *call, const struct place *place, FILE *out);
int report_show_creators(struct call *call, const struct place *place, FILE *out);
int report_show_limits(struct call *call, const struct place *place, FILE *out);
int report_show_summary(struct call *call, const struct place *place, FILE *out);
/* Every object; in the root's each says its kind. */
int report_show_json(struct call *call, const struct place *place, FILE *out);

#endif
