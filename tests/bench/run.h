/*
 * run.h - how much is measured, of which rows, with which programs.
 */
#ifndef IPCFS_BENCH_RUN_H
#define IPCFS_BENCH_RUN_H

enum { RUNS_MOST = 99 };

struct run {
	int runs;        /* pairs, at the least */
	double seconds;  /* more of them for so long */
	int divisor;     /* of how many operations are in each */
	unsigned rest;   /* microseconds before each, free */
	char **patterns; /* of rows; up to a NULL, none: all rows */
	/* The programs: descriptors.  The last is -1 where no static program can be linked. */
	int null, ipcfs, semop;
};

extern struct run bench_run;

/* The row about the machine; before any other. */
void bench_introduce(void);

#endif
