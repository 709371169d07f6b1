/*
 * shm.h - what the files of the shared memory share.
 *
 * shm.c has the directory shm/; shm_sysv.c and shm_posix.c the objects of the two families,
 * shm_sysv_dir.c and shm_posix_dir.c the directory of one, shm_sysv_memory.c and shm_posix_memory.c
 * its content, shm_print.c the tables, shm_limits.c limits and totals,
 * shm_report.c what is said of all objects together, shm_holders.c who uses what.
 */
#ifndef IPCFS_SHM_H
#define IPCFS_SHM_H

#include <sys/shm.h>

#include "backend.h"
#include "common/devshm.h"
#include "common/held.h"
#include "common/names.h"
#include "common/print.h"

extern const struct dir shm_dir;       /* shm/ */
extern const struct dir shm_sysv_dir;  /* of one System V segment */
extern const struct dir shm_posix_dir; /* of one POSIX object */

/* Bytes in a block of struct stat. */
#define SHM_BLOCK 512

/* ---- System V ---- */

/* A segment, as the kernel tells everyone. */
struct shm_sysv {
	struct sysv_object object;
	bool dest, locked;
	uint64_t size, nattch;
	pid_t cpid, lpid;
	time_t atime, dtime, ctime; /* of attaching, detaching, changing */
	uint64_t rss, swap;         /* bytes; not of shm_sysv_get */
};

/* -ENOENT. */
int shm_sysv_get(uint32_t id, struct shm_sysv *segment);
/* The same with rss and swap, which takes as long as there are segments. */
int shm_sysv_measure(uint32_t id, struct shm_sysv *segment);
/* All segments, in the order of ipcs; @each returns 0 or a negative errno that ends it. */
int shm_sysv_gather(int (*each)(void *context, const struct shm_sysv *segment), void *context);
int shm_sysv_find(const struct object_name *name, struct place *found);
int shm_sysv_make(struct call *call, const struct object_name *name, mode_t mode,
		  struct place *made);

extern const struct memory shm_sysv_memory;
int shm_sysv_remove(struct call *call, const struct place *place);
int shm_sysv_change(struct call *call, const struct place *place, const struct change *wanted);

/* ---- POSIX ---- */

struct shm_posix {
	const char *name;
	struct stat st;
};

/* -ENOENT, also for another object of the name than place->identity says. */
int shm_posix_get(const struct place *place, struct shm_posix *object);
/* @text is what @name was read from. */
int shm_posix_find(const char *text, const struct object_name *name, struct place *found);
int shm_posix_make(struct call *call, const char *text, const struct object_name *name, mode_t mode,
		   struct place *made);
extern const struct devshm_family shm_posix_family;
extern const struct memory shm_posix_memory;
/* See devshm_open_alone. */
int shm_posix_open_alone(const struct place *place);
int shm_posix_remove(struct call *call, const struct place *place);
/* All objects, in the order of their names; @each returns 0 or a negative errno that ends it. */
int shm_posix_gather(int (*each)(void *context, const struct shm_posix *object), void *context);
/* Their names alone. */
int shm_posix_walk(devshm_each *each, void *context);

struct snapshot;
int shm_snapshot(struct snapshot *snapshot);
extern const char *const shm_families[];
void shm_limits(limit_told *tell, void *context);

/* ---- who uses what, shm_holders.c ---- */

extern const struct held_kind shm_held;
extern const struct kind_holders shm_holders;
int shm_held_add_sysv(struct held_scan *scan, const struct shm_sysv *segment);
int shm_show_holders(struct call *call, const struct place *place, FILE *out);
int shm_show_all_holders(struct call *call, const struct place *place, FILE *out);

/* ---- memory that nobody uses, shm_orphans.c ---- */

extern const struct dir shm_orphans_dir;
void shm_orphans_setup(const struct settings *settings);

/* Which processes were daemons of ipcfs, shm_daemons.c: the kernel's records name them for others.
 */
void shm_daemons_setup(const struct settings *settings);
/* Notes this one down, before it makes or attaches a segment. */
void shm_daemon_note(struct call *call);
/* True if @pid was one, as root or @creator noted, or if there is no knowing. */
bool shm_daemon_was(struct call *call, pid_t pid, uid_t creator);

/* ---- memory without a name, shm_unnamed.c ---- */

int shm_show_unnamed(struct call *call, const struct place *place, FILE *out);

/* ---- limits and totals, shm_limits.c ---- */

/* The limits of segments; all zero where the kernel has none. */
struct shminfo shm_sysv_limits(void);
/* Blocks of lines as ipcs -l and -u have them. */
void shm_print_sysv_limits(FILE *out);
int shm_print_posix_limits(FILE *out);
void shm_print_sysv_summary(FILE *out);
int shm_print_posix_summary(FILE *out);

/* ---- tables as ipcs has them, and JSON with the keys of lsipc, shm_print.c ---- */

void shm_print_sysv_header(FILE *out, enum report report);
void shm_print_sysv(FILE *out, enum report report, const struct shm_sysv *segment,
		    struct id_names *names);
void shm_print_posix_header(FILE *out);
void shm_print_posix(FILE *out, const struct shm_posix *object, struct user_names *users);
/* NULL: no memory. */
json_t *shm_json_sysv(const struct shm_sysv *segment, struct id_names *names);
json_t *shm_json_posix(const struct shm_posix *object, struct id_names *names);

/* ---- all objects together, as struct kind has them, shm_report.c ---- */

int shm_print_ipcs(struct call *call, enum report report, const struct page *page);
int shm_print_more(struct call *call, enum report report, const struct page *page);
int shm_list_json(struct call *call, struct json_list *list);

#endif
