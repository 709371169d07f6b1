/*
 * kind_holders.h - who holds the objects of a kind, as its part in one look at all kinds.
 *
 * Each kind begins by gathering its objects and saying what it wants to see of processes; then all
 * processes are looked at once, for all of them; then each says what has come of it.
 */
#ifndef IPCFS_KIND_HOLDERS_H
#define IPCFS_KIND_HOLDERS_H

#include "holders.h"
#include "proc_scan.h"

struct kind_holders {
	/* As the caller.  @viewer and *state last until end. */
	int (*begin)(struct call *call, struct proc_viewer *viewer, void **state);
	/* Both halves of @walk are done. */
	int (*complete)(void *state, const struct proc_scan *walk);
	/* Each holder that is shown. */
	int (*each)(void *state, holder_each *each, void *context);
	/* Adds the processes that are not; one may be added twice. */
	int (*hidden)(void *state, struct proc_pids *pids);
	void (*end)(void *state);
};

#endif
