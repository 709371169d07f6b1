/*
 * devshm.h - the files of /dev/shm as objects: POSIX semaphores and shared memory objects.
 *
 * Whoever may write to /dev/shm can put anything there under any name, and swap it at any moment:
 * only regular files count, links are never followed, and what has been opened is what is judged.
 *
 * An object is named by place->name; if place->identity is not 0 the file must still be the one
 * with that inode number: another of that name is -ENOENT.
 */
#ifndef IPCFS_DEVSHM_H
#define IPCFS_DEVSHM_H

#include <sys/statvfs.h>

#include "backend.h"

/* The objects of one sort, and what tells their files from others. */
struct devshm_family {
	const char *what;        /* "semaphore", for reasons */
	const char *prefix;      /* of the name of each file; may be empty */
	const char *except;      /* names that begin so are no objects of this sort; NULL: none */
	const char *except_what; /* but these: "semaphores" */
};

/* Opens /dev/shm, once, as the daemon: all names are of the /dev/shm of that moment. */
int devshm_setup(const struct settings *settings);
struct checklist;
/* Tells of /dev/shm; see struct kind, .check. */
void devshm_check(struct checklist *list);
/* inotify descriptor, readable after a file was removed or another renamed over it. */
int devshm_removals(void);
/* Its device; 0: it has not been opened. */
dev_t devshm_device(void);
/* The file system that the objects are in. */
int devshm_room(struct statvfs *room);

/* What everyone may know.  -ENOENT. */
int devshm_look(const struct devshm_family *family, const struct place *place, struct stat *st);
/* The same as dir.stat. */
int devshm_stat(const struct devshm_family *family, const struct place *place, struct stat *st);
/* A descriptor, as the caller; @flags is an access mode, and nothing here blocks. */
int devshm_open(const struct devshm_family *family, struct call *call, const struct place *place,
		int flags);

/*
 * A descriptor of the object if nobody else has it open or mapped, whoever and wherever they are:
 * as long as it is open, who opens the object waits.  -EBUSY: somebody has; -EACCES: it cannot be
 * told. As the daemon.  SIGIO must be ignored: it comes when somebody waits.
 */
int devshm_open_alone(const struct devshm_family *family, const struct place *place);

/* Marks the file as made through the tree, as the daemon; and whether it is. */
void devshm_mark_made(int fd);
bool devshm_is_made(int fd);

/* Calls @each with every object in the order of the names' bytes; ends at a negative errno. */
typedef int devshm_each(void *context, const char *name, uint64_t identity);
int devshm_walk(const struct devshm_family *family, devshm_each *each, void *context);

/*
 * Makes the object whole: @fill gets the empty file, which no one sees until it has its name.
 * -EEXIST with a reason.
 */
int devshm_make(const struct devshm_family *family, struct call *call, const char *name,
		mode_t mode, int (*fill)(int fd, const void *context), const void *context,
		uint64_t *identity);

/* As dir.remove, dir.change and dir.rename. */
int devshm_remove(const struct devshm_family *family, struct call *call, const struct place *place);
int devshm_change(const struct devshm_family *family, struct call *call, const struct place *place,
		  const struct change *change);
int devshm_rename(const struct devshm_family *family, struct call *call, const struct place *place,
		  const char *to, unsigned flags);

#endif
