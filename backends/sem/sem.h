/*
 * sem.h - what the files of the semaphores share among themselves.
 *
 * sem.c has the tables; sem_sysv.c and sem_posix.c the objects of the two families, sem_channel.c
 * their op and hold files, sem_status.c the tables of status, from what sem_gather.c gathers.
 */
#ifndef IPCFS_SEM_H
#define IPCFS_SEM_H

#include <limits.h>
#include <sys/sem.h>

#include "backend.h"
#include "common/devshm.h"
#include "common/print.h"
#include "sem_futex.h"

/* The kernel's SEMVMX and SEMAEM: no set has a higher value, no process a higher adjustment. */
#define SEM_SYSV_MAX 32767

extern const struct dir sem_dir, sem_sysv_dir, sem_sysv_part_dir, sem_posix_dir;
extern const struct channel sem_sysv_op, sem_sysv_hold, sem_posix_op, sem_posix_hold;

/* ---- System V, sem_sysv.c ---- */

struct sem_limits {
	int sets;     /* SEMMNI */
	int per_set;  /* SEMMSL */
	int all;      /* SEMMNS */
	int per_call; /* SEMOPM */
	int value;    /* SEMVMX */
};

int sem_sysv_limits(struct sem_limits *limits);
/* How many sets there are, and semaphores in them; both -1 if it cannot be known. */
int sem_sysv_used(int *sets, int *semaphores);
/* What everyone may know of a set.  -ENOENT. */
int sem_sysv_look(int id, struct semid_ds *set);
/* The values of all semaphores, as the caller; free() is due.  -EACCES, -ENOENT. */
int sem_sysv_values(int id, size_t count, unsigned short **values);
/* One figure of one semaphore (GETVAL, GETNCNT, GETZCNT, GETPID), as the caller. */
int sem_sysv_figure(int id, unsigned part, int command);
/* Makes the set of @key; @values are @count.  Nothing is left of one that failed. */
int sem_sysv_make(struct call *call, int32_t key, mode_t mode, const unsigned short *values,
		  size_t count, int *id);

int sem_sysv_label(const struct place *place, char *name, size_t size);
int sem_sysv_stat(const struct place *place, struct stat *st);
int sem_sysv_find(struct call *call, const struct place *at, const char *name, struct place *found);
int sem_sysv_list(struct call *call, const struct place *at, listing *each, void *context);
int sem_sysv_remove(struct call *call, const struct place *place);
int sem_sysv_change(struct call *call, const struct place *place, const struct change *change);
int sem_sysv_rename(struct call *call, const struct place *place, const char *to, unsigned flags);
int sem_sysv_show_value(struct call *call, const struct place *place, FILE *out);
int sem_sysv_store_value(struct call *call, const struct place *place, const char *text);
int sem_sysv_show_ncount(struct call *call, const struct place *place, FILE *out);
int sem_sysv_show_zcount(struct call *call, const struct place *place, FILE *out);
int sem_sysv_show_pid(struct call *call, const struct place *place, FILE *out);
int sem_sysv_show_nsems(struct call *call, const struct place *place, FILE *out);

/* ---- POSIX, sem_posix.c ---- */

/* What everyone may know of semaphore @name; its inode tells it from another.  -ENOENT. */
int sem_posix_look(const char *name, struct stat *st);
/* Opens it as the caller, O_RDWR to operate (which both C libraries want), O_RDONLY to look. */
int sem_posix_open(struct call *call, const char *name, int flags, int *fd,
		   struct sem_futex **semaphore);
int sem_posix_figures(struct call *call, const char *name, unsigned *value, unsigned *waiters);
/* Why the words of the open file cannot be touched (-EIO of sem_futex.h): -EIO, -ENOSPC. */
int sem_posix_refuse_words(struct call *call, int fd);
int sem_posix_make(struct call *call, const char *name, mode_t mode, unsigned value);
/* All semaphores, in the order of their names. */
int sem_posix_walk(devshm_each *each, void *context);

int sem_posix_stat(const struct place *place, struct stat *st);
int sem_posix_remove(struct call *call, const struct place *place);
int sem_posix_change(struct call *call, const struct place *place, const struct change *change);
int sem_posix_rename(struct call *call, const struct place *place, const char *to, unsigned flags);
int sem_posix_show_value(struct call *call, const struct place *place, FILE *out);
int sem_posix_store_value(struct call *call, const struct place *place, const char *text);
int sem_posix_show_ncount(struct call *call, const struct place *place, FILE *out);

/* ---- channels, sem_channel.c ---- */

int sem_show_nothing(struct call *call, const struct place *place, FILE *out);
int sem_sysv_show_hold(struct call *call, const struct place *place, FILE *out);
int sem_posix_show_hold(struct call *call, const struct place *place, FILE *out);

struct snapshot;
int sem_snapshot(struct snapshot *snapshot);
extern const char *const sem_families[];
void sem_limits(limit_told *tell, void *context);

/* ---- who uses what, sem_holders.c ---- */

extern const struct kind_holders sem_holders;
int sem_show_holders(struct call *call, const struct place *place, FILE *out);
int sem_show_all_holders(struct call *call, const struct place *place, FILE *out);

/* ---- what is said of them, sem_status.c ---- */

int sem_print_ipcs(struct call *call, enum report report, const struct page *page);
int sem_print_more(struct call *call, enum report report, const struct page *page);
int sem_list_json(struct call *call, struct json_list *list);
int sem_sysv_show_status(struct call *call, const struct place *place, FILE *out);
int sem_sysv_show_status_json(struct call *call, const struct place *place, FILE *out);
int sem_posix_show_status(struct call *call, const struct place *place, FILE *out);
int sem_posix_show_status_json(struct call *call, const struct place *place, FILE *out);

#endif
