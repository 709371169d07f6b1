/*
 * snapshot.h - the objects of a kind at one moment: names, what tells one from a later one of its
 * name, and a few figures, as everyone may know them.
 */
#ifndef IPCFS_SNAPSHOT_H
#define IPCFS_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* A figure's key is a constant of the program; "perms" holds mode bits. */
struct figure {
	const char *key;
	int64_t value;
};

/* Room for the largest set of figures that a kind gives. */
enum { FIGURES_MAX = 10 };

struct snapshot_object {
	char *name;         /* as listed in the directory of its kind, with the path below that */
	const char *family; /* "sysv", "posix", ...: a constant */
	uint64_t identity;
	size_t count;
	struct figure figures[FIGURES_MAX];
};

/* Shared by who holds it, and not changed any more once it is sorted. */
struct snapshot {
	unsigned references;
	struct snapshot_object *objects;
	size_t count, room;
};

/* Empty, with one reference; NULL: no memory. */
struct snapshot *snapshot_new(void);
/* References are counted under the lock of whoever shares it. */
struct snapshot *snapshot_hold(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot);

/* Adds an object without figures, for the caller to fill; NULL: no memory. */
struct snapshot_object *snapshot_add(struct snapshot *snapshot, const char *name,
				     const char *family, uint64_t identity);
void snapshot_figure(struct snapshot_object *object, const char *key, int64_t value);
/* uid, gid and perms. */
void snapshot_owner(struct snapshot_object *object, uid_t uid, gid_t gid, mode_t mode);
/* By name; of several of one name the one with the lowest identity is kept. */
void snapshot_sort(struct snapshot *snapshot);

/*
 * Tells what has become of @before in @after, both sorted.  Of an object that was replaced under
 * its name: first the old one's removal, then the new one's creation.
 */
enum difference { OBJECT_REMOVED, OBJECT_CREATED, OBJECT_CHANGED };
typedef void difference_told(void *context, enum difference what,
			     const struct snapshot_object *before,
			     const struct snapshot_object *after);
void snapshot_compare(const struct snapshot *before, const struct snapshot *after,
		      difference_told *tell, void *context);

#endif
