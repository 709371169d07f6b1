/*
 * pipe.h - what the files of the pipes share among themselves.
 *
 * pipe.c has the tables; pipe_named.c the FIFOs in the run directory, pipe_anon.c the pipes without
 * a name, pipe_keep.c those that the daemon holds open, pipe_scan.c who has which end of what,
 * pipe_figures.c what is in them, pipe_show.c the files of one pipe, pipe_print.c the tables of
 * status and holders.
 *
 * A pipe is known by device and inode number.  Who has its ends is found in /proc, without opening
 * it: one more end would wake whoever waits for one.
 */
#ifndef IPCFS_PIPE_H
#define IPCFS_PIPE_H

#include <limits.h>

#include "backend.h"
#include "common/hash.h"
#include "common/holders.h"
#include "common/proc_scan.h"
#include "common/proc_status.h"

extern const struct dir pipe_dir, pipe_named_dir, pipe_anon_dir, pipe_unnamed_dir;

struct pipe_key {
	dev_t dev;
	ino_t ino;
};

struct pipe_key pipe_key_of(const struct stat *st);
bool pipe_key_equal(const struct pipe_key *a, const struct pipe_key *b);
/* The device of the kernel's own file system of pipes, where the unnamed ones are; to be set up. */
int pipe_anon_setup(void);
dev_t pipe_anon_device(void);

/* ---- FIFOs in the run directory, pipe_named.c ---- */

/* A FIFO as it was found: open with O_PATH, so it is the same whatever its name means by now. */
struct pipe_file {
	int fd;
	struct stat st;
};

int pipe_named_setup(const struct settings *settings);
/* Why there is no directory for them; NULL: there is. */
const char *pipe_named_missing(void);

/* The FIFO of @place.  -ENOENT if it is gone, or another has its name by now. */
int pipe_named_open(const struct place *place, struct pipe_file *file);
/* What access(2) says of it for R_OK, W_OK or both, for the effective ids. */
bool pipe_named_may(const struct pipe_file *file, int mode);
/* Calls @each with every FIFO; what it returns ends the walk. */
int pipe_named_walk(int (*each)(void *context, const char *name, const struct stat *st),
		    void *context);

struct snapshot;
int pipe_snapshot(struct snapshot *snapshot);
extern const char *const pipe_families[];

/* The name under which a FIFO is listed: its own, or with "fifo:" before it. */
#define PIPE_LISTED_SIZE (NAME_MAX + 8)
void pipe_name_list(const char *name, char listed[PIPE_LISTED_SIZE]);

int pipe_named_find(struct call *call, const struct place *at, const char *name,
		    struct place *found);
int pipe_named_list(struct call *call, const struct place *at, listing *each, void *context);
int pipe_named_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		    struct place *made);
int pipe_named_stat(const struct place *place, struct stat *st);
int pipe_named_remove(struct call *call, const struct place *place);
int pipe_named_change(struct call *call, const struct place *place, const struct change *change);
int pipe_named_rename(struct call *call, const struct place *place, const char *to, unsigned flags);
int pipe_named_target(const struct place *place, char *path, size_t size);

/* ---- pipes held open, pipe_keep.c ---- */

int pipe_keep_setup(int directory);
/* Holds FIFO @name open for as long as it is there; @key is checked.  As the caller. */
int pipe_keep_begin(struct call *call, const char *name, const struct pipe_key *key);
/* Gives it up, if it is held. */
void pipe_keep_end(const struct pipe_key *key);
/* Gives up those whose FIFO has been removed. */
void pipe_keep_sweep(void);
/* A descriptor of a kept pipe, to be closed; -1: it is not kept. */
int pipe_keep_descriptor(const struct pipe_key *key);
bool pipe_is_kept(const struct pipe_key *key);

/* ---- who has which end, pipe_scan.c ---- */

enum { PIPE_READ = PROC_FD_READ, PIPE_WRITE = PROC_FD_WRITE, PIPE_KEEP = 4 };

/* A process that has a pipe open. */
struct pipe_process {
	pid_t pid;
	bool hidden; /* the caller may not look at it: it is only counted */
	bool has_uid;
	uid_t uid; /* see pipe_process_user */
	char command[PROC_COMMAND_SIZE];
	UT_hash_handle hh;
};

struct pipe_holder {
	struct pipe_process *process;
	int fd; /* one of its descriptors of the pipe */
	unsigned how;
};

enum pipe_family { PIPE_NAMED, PIPE_UNNAMED, PIPE_ELSEWHERE };

struct pipe_seen {
	struct pipe_key key;
	enum pipe_family family;
	struct stat st;
	char *name;   /* of a named one, of one elsewhere its path */
	bool may_use; /* the caller may read or write the FIFO, and so know what is in it */
	bool kept;
	struct pipe_holder *holders; /* one for each process */
	size_t holders_count, holders_room;
	int64_t bytes, capacity; /* -1: not known, or there is none */
	int error;               /* why not: -errno */
	UT_hash_handle hh;
};

struct pipe_scan {
	struct call *call;
	const struct pipe_key *only; /* one pipe; NULL: all */
	bool first;                  /* one holder is enough */
	bool unnamed;                /* only pipes without a name */
	bool hidden_now;             /* looking as the daemon */
	struct pipe_seen *pipes;
	struct pipe_process *processes;
	struct pipe_process keeper; /* the daemon as who keeps pipes open */
	struct proc_scan walk;
	struct proc_viewer viewer; /* the one of that walk */
	size_t hidden;             /* processes that have a pipe open and are not shown */
	size_t silent;             /* pipes of which the kernel does not tell how full they are */
};

/* Adds a FIFO of the run directory, whether anyone has it open or not. */
int pipe_scan_add(struct pipe_scan *scan, const char *name, const struct stat *st, bool may_use);
/* All that the caller may see, as the caller. */
int pipe_scan_visible(struct pipe_scan *scan);
/* Then what it may not see, of these pipes, which is only counted; and the daemon's keep. */
int pipe_scan_hidden(struct pipe_scan *scan);
/*
 * The same in a walk that others share: the viewer, which stays its user's, and what is due when
 * the walk has ended.  scan->walk.self is to be set.
 */
struct proc_viewer pipe_scan_viewer(struct pipe_scan *scan);
int pipe_scan_complete(struct pipe_scan *scan);
void pipe_scan_free(struct pipe_scan *scan);
/* Fills ->uid, which only some tables need; false: the process has ended. */
bool pipe_process_user(struct pipe_process *process);
/* Processes that have the pipe open in one of the ways of @how, which are PIPE_READ and so on. */
size_t pipe_count(const struct pipe_seen *pipe, unsigned how, bool hidden_only);
/* True if the caller may know what is in it: it sees an end, or could open it. */
bool pipe_is_known(const struct pipe_seen *pipe);

/* Who owns the unnamed pipe of @key and with what mode and times, as it was last seen; false: it
   has not been. */
bool pipe_remembered(const struct pipe_key *key, struct stat *st);

/* ---- what is in them, pipe_figures.c ---- */

/* Fills bytes and capacity of those that the caller may know. */
int pipe_figures_get(struct pipe_scan *scan);
/* F_SETPIPE_SZ as the caller, by way of the kept descriptor or that of @pipe's first holder. */
int pipe_capacity_set(struct call *call, const struct pipe_seen *pipe, int64_t capacity);
int pipe_capacity_read(struct call *call, const char *text, int64_t *capacity);

/* ---- pipes without a name, pipe_anon.c ---- */

/* The number of an unnamed pipe; false: that is none. */
bool pipe_number_read(const char *text, ino_t *number);
int pipe_anon_find(struct call *call, const struct place *at, const char *name,
		   struct place *found);
int pipe_anon_list(struct call *call, const struct place *at, listing *each, void *context);
int pipe_anon_stat(const struct place *place, struct stat *st);
int pipe_anon_remove(struct call *call, const struct place *place);

/* ---- files of one pipe, pipe_show.c ---- */

int pipe_show_bytes(struct call *call, const struct place *place, FILE *out);
int pipe_show_capacity(struct call *call, const struct place *place, FILE *out);
int pipe_store_capacity(struct call *call, const struct place *place, const char *text);
int pipe_show_readers(struct call *call, const struct place *place, FILE *out);
int pipe_show_writers(struct call *call, const struct place *place, FILE *out);
int pipe_show_keep(struct call *call, const struct place *place, FILE *out);
int pipe_store_keep(struct call *call, const struct place *place, const char *text);
int pipe_show_status(struct call *call, const struct place *place, FILE *out);
int pipe_show_json(struct call *call, const struct place *place, FILE *out);
int pipe_show_holders(struct call *call, const struct place *place, FILE *out);

/* ---- tables, pipe_print.c ---- */

/* Tables of the pipes in @scan: title, header, rows; with @all those that are empty, too. */
void pipe_print_tables(FILE *out, struct pipe_scan *scan, bool all);
/* A line for each holder; with @objects the pipe's name comes first. */
void pipe_print_holders(FILE *out, struct pipe_scan *scan, bool objects);
/* Each holder that is shown, by pipe. */
int pipe_each_holder(struct pipe_scan *scan, holder_each *each, void *context);
/* The last lines, about what is not shown. */
void pipe_print_hidden(FILE *out, const struct pipe_scan *scan);
struct json_list;
int pipe_json_list(struct json_list *list, struct pipe_scan *scan);
int pipe_print_limits(FILE *out);

#endif
