/*
 * sem_gather.h - semaphores as plain structs, which sem_print.c and sem_json.c print.
 */
#ifndef IPCFS_SEM_GATHER_H
#define IPCFS_SEM_GATHER_H

#include "sem.h"

/* A System V set, as the kernel tells everyone. */
struct sem_set {
	struct sysv_object common;
	unsigned long nsems;
	time_t otime, ctime;
};

/* One semaphore of a set. */
struct sem_element {
	unsigned number;
	int value, ncount, zcount, pid;
};

/* What the caller may see of the semaphores of a set; all empty where it may not read the set. */
struct sem_figures {
	unsigned short *values; /* of all, at one moment */
	struct sem_element *elements;
	size_t count; /* of elements */
};

/* A POSIX semaphore. */
struct sem_named {
	const char *name;
	struct stat st;
	bool is_known; /* the caller may see the two figures, and the file is whole */
	unsigned value, waiters;
};

/* -ENOENT. */
int sem_set_gather(int id, struct sem_set *set);
/* All sets, in the order of ipcs; @each returns 0 or a negative errno that ends it. */
int sem_sets_gather(int (*each)(void *context, const struct sem_set *set), void *context);
/* The figures of a set, and of @count semaphores in it from @first on, as the caller.  -ENOENT. */
int sem_figures_gather(const struct sem_set *set, unsigned first, size_t count,
		       struct sem_figures *figures);
void sem_figures_free(struct sem_figures *figures);
/* -ENOENT. */
int sem_named_gather(const char *name, struct sem_named *named);
/* All POSIX semaphores, in the order of their names. */
int sem_all_named_gather(int (*each)(void *context, const struct sem_named *named), void *context);

/* ---- tables as ipcs has them, sem_print.c ---- */

void sem_print_sets_header(FILE *out, enum report report);
void sem_print_set(FILE *out, enum report report, const struct sem_set *set,
		   struct id_names *names);
/* The semaphores, or a line that says that the caller may not see them. */
void sem_print_figures(FILE *out, const struct sem_figures *figures, size_t count);
void sem_print_named_header(FILE *out);
void sem_print_named(FILE *out, const struct sem_named *named, struct user_names *users);

/* ---- JSON with the keys of lsipc, sem_json.c; NULL: no memory ---- */

json_t *sem_json_set(const struct sem_set *set, const struct sem_figures *figures,
		     struct id_names *names);
json_t *sem_json_named(const struct sem_named *named, struct id_names *names);

#endif
