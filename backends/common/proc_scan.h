/*
 * proc_scan.h - one look at all processes, for several who want to know different things of them.
 *
 * First the caller looks into every process that it may look into, then the daemon into the others,
 * so each process is looked into once.  What is seen in the second half names nobody: it is there
 * to be counted.
 */
#ifndef IPCFS_PROC_SCAN_H
#define IPCFS_PROC_SCAN_H

#include "proc_fds.h"
#include "proc_maps.h"

/*
 * One who wants to know something.  Of each process first its descriptors are given, then its
 * mappings, then its threads; a function that is NULL wants none.  Each returns 0, or what the scan
 * is to end with.
 */
struct proc_viewer {
	mode_t type; /* of the files of descriptors; 0: any */
	proc_fd_each *descriptor;
	proc_map_each *mapping;
	proc_wait_each *waiting;
	/* The second half begins. */
	int (*hide)(void *context);
	void *context;
};

struct proc_scan {
	struct call *call;
	const struct proc_viewer *viewers;
	size_t count;

	/* What has come of it so far. */
	pid_t self;               /* this process */
	struct proc_pids refused; /* those that the caller may not look into */
	struct proc_pids deep;    /* those of whose threads it is told nothing */
	bool looking_deep;
	size_t unknown; /* processes that not even the daemon may look into */
};

/* The two halves; the first may be all that is needed.  Positive: a viewer has ended it. */
int proc_scan_visible(struct proc_scan *scan);
int proc_scan_hidden(struct proc_scan *scan);
/* True if the caller could look into the process, in the first half. */
bool proc_scan_saw(const struct proc_scan *scan, pid_t pid);
void proc_scan_free(struct proc_scan *scan);

#endif
