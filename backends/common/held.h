/*
 * held.h - who holds the objects of shm/, sem/ and mq/: has them open, mapped, attached, or waits
 * on them.
 *
 * A kind adds the objects that it wants to know about; one walk through /proc finds the holders of
 * all of them.  Those who come by way of the tree are found too, and named as themselves: what they
 * have open is a file of the tree, and the daemon's own descriptors and attachments are theirs.
 */
#ifndef IPCFS_HELD_H
#define IPCFS_HELD_H

#include "hash.h"
#include "holders.h"
#include "kind_holders.h"
#include "proc_scan.h"
#include "proc_status.h"

/* What an object is known by in /proc. */
enum held_sort {
	HELD_FILE,    /* device and inode number */
	HELD_SEGMENT, /* the id; so of the next two */
	HELD_SET,
	HELD_QUEUE,
};

struct held_key {
	uint32_t sort, unused;
	uint64_t device, number;
};

/* How a process holds an object; any of them together. */
enum {
	HELD_MAP_READ = 1 << 0,
	HELD_MAP_WRITE = 1 << 1,
	HELD_READ = 1 << 2,
	HELD_WRITE = 1 << 3,
	HELD_PATH = 1 << 4, /* open with O_PATH */
	HELD_HOLD = 1 << 5, /* has taken the semaphore by its file hold */
	HELD_WAIT = 1 << 6,
	HELD_WAIT_RECEIVE = 1 << 7,
	HELD_WAIT_SEND = 1 << 8,
};

/* What a kind knows. */
struct held_scan;
struct held_kind {
	/* Adds all objects of the kind. */
	int (*gather)(struct held_scan *scan);
	/* The object of a place, which may be in any kind; -ENOENT. */
	int (*key)(const struct place *place, struct held_key *key);
	/* How who has a channel of the tree open, for HELD_READ and HELD_WRITE as @open says, holds
	 * its object; NULL: so. */
	unsigned (*opened)(const struct place *place, unsigned open);
	/* How who waits in one does. */
	unsigned (*waits)(const struct place *place, bool reads);
	bool in_calls; /* threads wait on the objects in system calls */
};

struct held_process {
	struct {
		pid_t pid;
		uint32_t hidden; /* the caller may not look at it: it is only counted */
	} key;
	uid_t uid;
	char command[PROC_COMMAND_SIZE];
	UT_hash_handle hh;
};

struct held_by {
	struct held_process *process;
	unsigned how;
};

struct held_object {
	struct held_key key;
	char *label;
	struct held_by *by; /* one for each process */
	size_t by_count, by_room;
	UT_hash_handle hh;
};

struct held_scan {
	/* Set by who scans. */
	struct call *call;
	const struct held_kind *kind;
	bool itself; /* any use counts: the daemon's own, and of memory by other mounts of ipcfs */

	struct held_object *objects; /* in the order in which they were added */
	struct held_process *processes;
	struct held_file *files;   /* of the tree */
	struct held_local *locals; /* what the process that is looked at has, by its own numbers */
	size_t locals_count, locals_room;
	pid_t self, locals_of;
	int shares_ipc; /* that process; -1: not asked yet */
	bool hidden_now;
	size_t hidden; /* processes that hold one of the objects and are not shown */
	struct proc_scan walk;
	struct proc_viewer viewer;
};

struct held_key held_key_file(dev_t device, ino_t inode);
struct held_key held_key_id(enum held_sort sort, uint32_t id);

/* Adds an object under the name by which it is listed; @place is in it. */
int held_add(struct held_scan *scan, const struct held_key *key, const char *label,
	     const struct place *place);
/* Finds the holders of all that have been added; as the caller. */
int held_scan(struct held_scan *scan);
/* The same in a walk that others share: begin, walk with the viewer, complete. */
int held_begin(struct held_scan *scan, struct proc_viewer *viewer);
int held_complete(struct held_scan *scan, const struct proc_scan *walk);
void held_free(struct held_scan *scan);

/* The file holders of an object and of a kind. */
int held_show_one(struct call *call, const struct held_kind *kind, const struct place *place,
		  FILE *out);
int held_show_all(struct call *call, const struct held_kind *kind, FILE *out);

/* A kind's part in a look at all of them, see kind_holders.h; @state is a struct held_scan. */
int held_kind_begin(struct call *call, const struct held_kind *kind, struct proc_viewer *viewer,
		    void **state);
int held_kind_complete(void *state, const struct proc_scan *walk);
int held_kind_each(void *state, holder_each *each, void *context);
int held_kind_hidden(void *state, struct proc_pids *pids);
void held_kind_end(void *state);

#define HELD_KIND_HOLDERS(name, begin_function) \
	const struct kind_holders name = {      \
		.begin = begin_function,        \
		.complete = held_kind_complete, \
		.each = held_kind_each,         \
		.hidden = held_kind_hidden,     \
		.end = held_kind_end,           \
	}

#endif
