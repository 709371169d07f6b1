/*
 * backend.h - what a kind of IPC object is to the rest of ipcfs.
 *
 * A kind is a set of tables: directories, and the rows (files) in them, with the functions behind
 * each.  Walking, listing, opening and waiting are written once, over these tables, on the other
 * side of this header; nothing here knows how the tree reaches its users.
 *
 * The one error convention: a function that can fail returns 0 (or a count) or a negative errno.
 * Where the errno alone does not say what happened, the function says it in words with refuse().
 *
 * Unless a comment says otherwise a function runs on a thread that has the caller's own
 * credentials, so the kernel judges what the caller may do, and it must not block.
 */
#ifndef IPCFS_BACKEND_H
#define IPCFS_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "metrics/limits.h"

struct dir;
struct row;
struct place;

/*
 * What decides which objects a process has to do with: its namespaces, and of the file systems of
 * its mount namespace those in /dev/shm and in the run directory.  PID: who names processes.
 */
enum {
	NAMESPACE_IPC = 1 << 0,
	NAMESPACE_NETWORK = 1 << 1,
	NAMESPACE_MEMORY_FS = 1 << 2,
	NAMESPACE_RUN_DIR = 1 << 3,
	NAMESPACE_PID = 1 << 4,
	NAMESPACE_NONE = 1 << 5,
};

/*
 * What the tree can tell of those who use its files.  These are in /proc like any other files;
 * which of them are whose objects only the tree knows.
 */
struct tree_user {
	const struct place *place; /* the channel */
	ino_t inode;               /* under which /proc has what is open; 0: of one that waits */
	/* What the daemon has open for it, if it has something that can be polled; else 0. */
	dev_t behind_device;
	ino_t behind;
	pid_t thread; /* of one that waits, else 0 */
	bool reads;   /* waits to read, else to write or to open */
};

struct tree {
	/* The device of the mount, and the inode number that /proc shows for a file in it. */
	dev_t (*device)(void);
	ino_t (*inode)(const struct place *place);
	/* Calls @each with every open channel and every operation that waits, until it says an
	 * errno. */
	int (*users)(int (*each)(void *context, const struct tree_user *user), void *context);
};

/* One request as a backend sees it: who asks, how, and room for the reason of a refusal. */
struct call {
	uid_t uid;
	gid_t gid;
	uid_t real_uid; /* what a message says of its sender (SCM_CREDENTIALS) */
	gid_t real_gid;
	pid_t pid;        /* the thread that asks, 0 where it cannot be seen */
	unsigned foreign; /* NAMESPACE_ ... that are not those of this tree's callers */
	bool may_wait; /* the call may block; a signal then ends it with -EINTR, nothing changed */
	/* Runs a step as the daemon; NULL: the thread is the daemon.  See as_daemon. */
	int (*as_daemon)(int (*step)(void *context), void *context);
	const struct tree *tree; /* NULL: nobody comes by a tree */
	char reason[256];
};

/* Puts the reason in words into @call (NULL is allowed) and returns -@error. */
int refuse(struct call *call, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same for what the object @place is not the caller's to do: the reason ends with its owner and
 * mode, and who asked.
 */
int refuse_permission(struct call *call, int error, const struct place *place, const char *format,
		      ...) __attribute__((format(printf, 4, 5)));

/*
 * Runs @step with the daemon's own privileges and returns its result.  Only for what the kernel has
 * just let the caller do, or look at, in another way.  @call may be NULL: as whoever the thread is.
 */
int as_daemon(struct call *call, int (*step)(void *context), void *context);

/*
 * A place in the tree: a directory (row NULL) or a file in it, and the object they belong to.
 * It is a value; @name points to memory that lives as long as the place is in use.
 */
struct place {
	const struct dir *dir;
	const struct row *row;
	uint32_t
		object; /* System V identifier; for a POSIX object the tree's own number of @name */
	const char *name;  /* POSIX object: its name as the C library takes it, less the slash */
	uint64_t identity; /* tells an object from a later one of that name; 0: the kind does not */
	uint16_t part;     /* semaphore of a set, message of a queue */
	int64_t number;    /* the N of type/N and prio/N, and the TYPE of a peeked message */
	bool inverted;     /* type/not-N */
	/* Of what mkdir made under another name: so long the name that was asked for leads to it
	 * too. */
	unsigned alias_seconds;
};

/* What chmod and chown ask for; a field is meant only if its bit is set. */
struct change {
	bool has_mode, has_uid, has_gid;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* Takes one name of a listing; returns 0, or a negative errno that ends the listing. */
typedef int listing(void *context, const char *name, const struct place *place);

/*
 * A channel: a file whose reading or writing takes, sends or waits.
 *
 * With call->may_wait false a function tries and says -EAGAIN where it would have to wait.  Who
 * waits then depends on wait_fd: a pollable descriptor is waited for and the function called
 * again with may_wait false; without one, a thread that may block calls it with may_wait true.
 * Calls on one open handle may run at the same time, except those that `serial` names.
 */
struct channel {
	bool looks; /* nothing is taken or changed by it: also in a tree that is mounted ro */
	enum { SERIAL_READ = 1, SERIAL_WRITE = 2 } serial;
	/* The object is the handle's alone: who tries again overtakes nobody, and each open is of
	 * another file (st_ino). */
	bool exclusive;
	bool batches; /* one read or write may be many operations, and take as long */
	/* @flags are those of open(2).  Never waits. */
	int (*open)(struct call *call, const struct place *place, int flags, void **state);
	/* Completes an open that takes something: 0, or -EAGAIN while it must wait.  NULL: nothing.
	 */
	int (*enter)(struct call *call, void *state);
	/* Bytes read, 0 for end of file.  NULL: not readable, EBADF. */
	ssize_t (*read)(struct call *call, void *state, void *buffer, size_t size);
	/*
	 * Returns @size when all is written.  Starts at buffer + *done and moves *done on as parts
	 * of the write can no longer be taken back; on -EAGAIN it is called again with the same
	 * *done.
	 */
	ssize_t (*write)(struct call *call, void *state, const void *buffer, size_t size,
			 size_t *done);
	/* POLLIN | POLLOUT as far as true now.  Runs as the daemon. */
	short (*ready)(void *state);
	/*
	 * A descriptor that polls as the channel does, owned by the channel; -1 (or NULL): none.
	 * Those that have one inode wait for one another, so it is no eventfd: these share one.
	 * @events is POLLIN for a read and POLLOUT for a write; 0 for an open or a close that must
	 * wait, which the channel then says, and may say otherwise each time that it has to go on
	 * waiting.
	 */
	int (*wait_fd)(void *state, short *events);
	/* -EIDRM if the object has been removed, else 0.  NULL where the kernel ends waits itself.
	 */
	int (*gone)(void *state);
	/*
	 * A number of what .gone asks about, the same for all handles of it in one directory and
	 * for nothing else there: however many wait, one of them is asked.  0: this one does not
	 * wait for anything that can go.  Comes with .gone.
	 */
	uint64_t (*object)(void *state);
	/*
	 * Sends what an unfinished write has left, as the opener.  -EAGAIN: to be called again.
	 * What may have to wait so has been charged to its user before, until .close: a close is
	 * not refused.
	 */
	int (*flush)(struct call *call, void *state);
	/* After so long a flush that still waits is given up without a word; 0: never. */
	unsigned flush_seconds;
	/* Gives all back, whatever is left; runs as the daemon and cannot fail. */
	void (*close)(void *state);
};

/*
 * Memory: a file that is the object's own pages.  The caller is judged when it is opened; what is
 * done with an open handle asks nobody's permission, runs with any credentials, and may come from
 * several threads at once.
 */
struct memory {
	/* As the caller.  @flags are those of open(2); O_TRUNC is not among them. */
	int (*open)(struct call *call, const struct place *place, int flags, void **state);
	/*
	 * The same for an object that has lost its name, by the .file of another handle of it.
	 * NULL: objects of the kind have no identity.
	 */
	int (*reopen)(struct call *call, int file, int flags, void **state);
	/*
	 * The pages as a file open for reading and writing, whatever the handle may do, and of the
	 * same inode for every handle of the object; -1: they can't be had so.  Owned by the
	 * handle.
	 */
	int (*file)(void *state);
	/* Bytes read, 0 at the end. */
	ssize_t (*read)(void *state, void *buffer, size_t size, off_t offset);
	/* Bytes written, which can be less where there is no room for more. @append: at the end. */
	ssize_t (*write)(struct call *call, void *state, const void *buffer, size_t size,
			 off_t offset, bool append);
	/* SEEK_DATA and SEEK_HOLE as lseek(2) has them. */
	off_t (*seek)(void *state, off_t offset, int whence);
	/* ftruncate(2), fallocate(2). */
	int (*resize)(struct call *call, void *state, off_t size);
	int (*allocate)(struct call *call, void *state, int mode, off_t offset, off_t length);
	/* truncate(2), and with @size 0 the > of a shell; as the caller. */
	int (*truncate)(struct call *call, const struct place *place, off_t size);
	/* Fills st_size and st_blocks; with @state what can be known when the object has gone. */
	int (*stat)(const struct place *place, void *state, struct stat *st);
	void (*close)(void *state);
	/* A write past the end would make it grow where it must not: each has to come to .write. */
	bool fixed_size;
};

enum row_type {
	ROW_END,      /* ends a table */
	ROW_DIR,      /* a directory: .dir */
	ROW_TEXT,     /* text, or a figure: .show, and .store if it can be set */
	ROW_CHANNEL,  /* a channel: .channel; if .show is given, opening to read only shows that */
	ROW_NUMBERED, /* a directory of channels, one for each number that .number accepts */
	ROW_NAMED,    /* a directory of channels, one for each name that .named accepts */
	ROW_MEMORY,   /* the object's memory: .memory; has the mode of its object */
	ROW_LINK, /* a symbolic link: .target.  One with a name leads out of the tree, and is not
		     there in a tree mounted ro */
};

struct row {
	const char *name; /* NULL: the names come from the directory's find and list */
	enum row_type type;
	mode_t mode; /* of text: 0444 or 0644.  Channels have the mode of their object, if any */
	const struct dir *dir;
	/* Writes the whole content.  What the caller may not see is a negative errno. */
	int (*show)(struct call *call, const struct place *place, FILE *out);
	/* Sets it; @text has no newline at its end.  Not a valid value: -EINVAL, nothing changed.
	 */
	int (*store)(struct call *call, const struct place *place, const char *text);
	const struct channel *channel;
	/* Reads a name of a ROW_NUMBERED directory into place->number and ->inverted; -ENOENT. */
	int (*number)(const char *name, struct place *place);
	/*
	 * Reads a name of a ROW_NAMED directory into place->name, which says so far where in it
	 * this is (NULL: at its top).  0: a channel; 1: a directory, of names below; -ENOENT.  As
	 * the caller if as_caller is set, else with any credentials.
	 */
	int (*named)(struct call *call, const char *name, struct place *place);
	bool as_caller;
	const struct memory *memory;
	unsigned namespaces; /* those that decide of this file, besides the directory's */
	/* Where the link leads, with its NUL.  -ENAMETOOLONG. */
	int (*target)(const struct place *place, char *path, size_t size);
};

/*
 * A directory.  stat, find and list tell what everyone may know and may run with any credentials,
 * unless `as_caller` is set.
 */
struct dir {
	const struct row *rows;
	const struct dir *const *children; /* what find may lead to; ends with NULL; may be NULL */
	bool as_caller;
	bool searches; /* .find looks at all processes */
	/*
	 * NAMESPACE_ ... that decide of what is here: who is in another one may look at names, and
	 * is refused all else (EACCES).  0: those of the directory above.
	 */
	unsigned namespaces;
	/* The name under which an object is listed, for messages; NULL: its POSIX name. */
	int (*label)(const struct place *place, char *name, size_t size);
	/* Fills st_uid, st_gid, st_mode (permission bits only) and the three times; NULL: root's.
	 */
	int (*stat)(const struct place *place, struct stat *st);
	/* Fills @found, all of it but ->object of a POSIX object.  found->name may point into
	 * @name. */
	int (*find)(struct call *call, const struct place *at, const char *name,
		    struct place *found);
	int (*list)(struct call *call, const struct place *at, listing *each, void *context);
	/* mkdir in this directory, of @name with its attributes; fills @made as find does. */
	int (*make)(struct call *call, const struct place *at, const char *name, mode_t mode,
		    struct place *made);
	bool makes_fifos; /* mkfifo does what mkdir does */
	/* rmdir, chmod/chown of this directory (an object's), rename within its parent. */
	int (*remove)(struct call *call, const struct place *place);
	/* unlink of a file that .find has found; NULL: files cannot be removed. */
	int (*unlink)(struct call *call, const struct place *file);
	int (*change)(struct call *call, const struct place *place, const struct change *change);
	int (*rename)(struct call *call, const struct place *place, const char *to, unsigned flags);
};

/*
 * True if @name is that of a row of @dir, or, where some row is a channel, of the directories that
 * then come with it (wait, try, within): an object of that name is listed otherwise.
 */
bool dir_has_name(const struct dir *dir, const char *name);

/* The named refusals, for tables whose directories do not make, remove, change or rename. */
int refuse_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		struct place *made);
int refuse_remove(struct call *call, const struct place *place);
int refuse_change(struct call *call, const struct place *place, const struct change *change);
int refuse_rename(struct call *call, const struct place *place, const char *to, unsigned flags);

/* What the command line says that a kind may want to know. */
struct settings {
	/* Where named pipes and listening sockets live; NULL: /run/ipcfs, of a plain user
	 * $XDG_RUNTIME_DIR/ipcfs. */
	const char *run_dir;
	/* Where the files of POSIX memory and semaphores are; NULL: /dev/shm. */
	const char *shm;
	bool read_only;
	/* Seconds after which memory that nobody uses is an orphan. */
	unsigned orphan_age;
};

/*
 * What the kinds say together: each for itself in a file of its directory, all of them in one at
 * the top of the tree.  The files and the way they are put together are in report/.
 */
enum report {
	REPORT_STATUS,   /* the objects: ipcs(1) */
	REPORT_PIDS,     /* ipcs -p */
	REPORT_TIMES,    /* ipcs -t */
	REPORT_CREATORS, /* ipcs -c */
	REPORT_LIMITS,   /* ipcs -l */
	REPORT_SUMMARY,  /* ipcs -u */
};

/* Where the tables of a report go: each after an empty line, and with none behind it. */
struct page {
	FILE *out;
	/* Lines about what is not shown, which begin with "# "; they are put at the end of all. */
	FILE *notes;
};

struct checklist;
struct json_list;
struct kind_holders;
struct snapshot;

struct kind {
	const char *name;
	const struct dir *dir;
	/* The tables that ipcs(1) prints of this kind, byte for byte; NULL: none. */
	int (*print_ipcs)(struct call *call, enum report report, const struct page *page);
	/* Those that it does not have; NULL: none. */
	int (*print_more)(struct call *call, enum report report, const struct page *page);
	/* Every object, for status.json. */
	int (*list_json)(struct call *call, struct json_list *list);
	/*
	 * Adds every object that can be made and removed, with what everyone may know of it; an
	 * object of one family always with the same figures.  As the daemon.  NULL: none.
	 */
	int (*snapshot)(struct snapshot *snapshot);
	/* The families that it tells of, ended by NULL. */
	const char *const *families;
	/* Tells of the limits, as the daemon; NULL: none. */
	void (*limits)(limit_told *tell, void *context);
	/* Once, as the daemon, before any other call.  What it says is lost, an error ends ipcfs.
	 */
	int (*setup)(const struct settings *settings);
	/* Tells what this machine has and lacks of what the kind needs, without any change; NULL:
	 * nothing.  Nothing else of the kind has been called before, .setup neither. */
	void (*check)(struct checklist *list);
	/* inotify descriptor, readable after an object was removed whose waiters the kernel does
	   not wake (see channel.gone); -1: none.  The reader empties it. */
	int (*removals)(void);
	const struct kind_holders *holders; /* see common/kind_holders.h */
};

/* All kinds, ended by NULL: a new one is a file and a line in kinds.c.  Reports have this order. */
extern const struct kind *const kinds[];

/* The files at the top of the tree that are of all kinds together, ended by ROW_END. */
extern const struct row top_rows[];

#endif
