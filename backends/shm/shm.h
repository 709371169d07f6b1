/*
 * shm.h - what the files of the shared memory share.
 *
 * shm.c has the directory shm/; shm_sysv.c and shm_posix.c the objects of the two families,
 * shm_sysv_memory.c the segments' content, shm_print.c the tables.
 */
#ifndef IPCFS_SHM_H
#define IPCFS_SHM_H

#include <sys/shm.h>

#include "backend.h"
#include "common/devshm.h"
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
/* The limits of segments; all zero where the kernel has none. */
struct shminfo shm_sysv_limits(void);

extern const struct memory shm_sysv_memory;

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
/* All objects, in the order of their names. */
int shm_posix_gather(devshm_each *each, void *context);

struct snapshot;
int shm_snapshot(struct snapshot *snapshot);
extern const char *const shm_families[];
void shm_limits(limit_told *tell, void *context);

/* ---- tables as ipcs has them, and JSON with the keys of lsipc; NULL for no memory ---- */

void shm_print_sysv_header(FILE *out);
void shm_print_sysv(FILE *out, const struct shm_sysv *segment);
void shm_print_posix_header(FILE *out);
void shm_print_posix(FILE *out, const struct shm_posix *object);
json_t *shm_json_sysv(const struct shm_sysv *segment);
json_t *shm_json_posix(const struct shm_posix *object);
int shm_print_limits(FILE *out);

#endif
