/*
 * bench.h - what everything that is measured shares: pairs of runs, rows, mounts, clocks.
 *
 * A row is one line of JSON on standard output; docs/performance.md says what its figures mean.
 * What cannot be done ends the group that it belongs to, with a message.
 */
#ifndef IPCFS_BENCH_H
#define IPCFS_BENCH_H

#include <stdbool.h>
#include <sys/types.h>

#define TREE "/mnt/ipcfs"
#define NULL_TREE "/mnt/null"
/* A file of the null file system at the depth of KIND/OBJECT/FILE; its directories have any names.
 */
#define NULL_FILE NULL_TREE "/kind/object/file"

/* ---- rows ---- */

enum sense {
	AT_MOST,  /* the ratio is ours / base */
	AT_LEAST, /* how many times faster: base / ours */
	ABOUT,    /* ours / base, within ABOUT_SLACK of the goal */
};
#define ABOUT_SLACK 0.05

struct row {
	const char *id;          /* GROUP/NAME */
	const char *what;        /* the operation, in words */
	const char *ours, *base; /* what is compared */
	enum sense sense;
	double goal; /* 0: none */
};

/* One half of a pair: does it all once, and returns the microseconds of one operation. */
struct side {
	double (*once)(const void *context);
	const void *context;
};

/* Is the row asked for, or any of the group? */
bool bench_wants(const char *id);
/*
 * Runs the two sides in turn, as often as asked for and once before that does not count, the first
 * of the two changing from pair to pair; prints the row with the medians of both, and the ratios of
 * the pairs.
 */
void bench_pair(const struct row *row, struct side ours, struct side base);
/* A row that is counted and not timed; a goal is the most it may be, and below 0 there is none. */
void bench_count(const char *id, const char *what, double value, const char *unit, double goal,
		 const char *detail);
/* A row that cannot be had on this machine. */
void bench_skip(const char *id, const char *why);

/* How many times: @full in a whole run, less in a short one, and never less than @least. */
int bench_times(int full, int least);

/* ---- the machine ---- */

_Noreturn void bench_die(const char *what);
void bench_must(bool done, const char *what);

/* This process, and those that it starts, on the first processor that it may use; on all. */
void bench_use_one_processor(void);
void bench_use_all_processors(void);

/* Mounts at TREE and NULL_TREE, and returns the daemon when it is mounted. */
pid_t bench_mount_tree(void);
pid_t bench_mount_null(void);
/* The same as bench_mount_tree, elsewhere. */
pid_t bench_mount_tree_at(const char *path);
void bench_unmount(pid_t pid, const char *path);

/* Writes a value into a file: a limit of this namespace, say. */
void bench_set(const char *path, const char *value);
/* The first line of a file without its newline, "" if it cannot be read. */
void bench_get(const char *path, char *line, size_t size);
bool bench_has(const char *program);
/*
 * Makes a POSIX queue and returns how many messages it takes: @depth, or as many as limits allow.
 * It is charged to a user who has no other, because the kernel counts a user's queues over all
 * namespaces.
 */
int bench_make_queue(const char *name, int depth, int message_size);

/* Microseconds. */
double bench_now(void);
/* Microseconds that a program takes, its output thrown away. */
double bench_time_of(const char *const argv[]);
/* What a program prints. */
void bench_output_of(const char *const argv[], char *text, size_t size);

/* ---- what is measured, a file each ---- */

void bench_requests(void);
void bench_shell(void);
void bench_handover(void);
void bench_streams(void);
void bench_memory(void);
void bench_pipe(void);
void bench_sockets(void);
void bench_tables(void);
void bench_processes(void);
void bench_parked(void);
void bench_rest(void);
void bench_calls(void);

#endif
