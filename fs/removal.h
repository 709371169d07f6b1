/*
 * removal.h - those who are to be told when the object goes that they wait for, where the kernel
 * tells nobody.
 *
 * They are kept by object, so that of all who wait for one a single one is asked whether it has
 * gone.  A table is its owner's, who calls each of these with its own lock held.
 */
#ifndef IPCFS_REMOVAL_H
#define IPCFS_REMOVAL_H

struct dir;
struct handle;
struct removal_object;

struct removal_table {
	struct removal_object *objects;
};

/* One who waits, within what its owner has for it; all zero: it is in no table. */
struct removal_waiter {
	const struct handle *handle;
	struct removal_object *object;
	struct removal_waiter *prev, *next;
};

/* -EIDRM if the object of this channel has been removed and the kernel ends no wait for that. */
int removal_of(const struct handle *handle);

/*
 * Adds @waiter for the object of @handle, a channel, until it leaves; unless nothing can go that
 * this one waits for, or it is there already.  -ENOMEM.
 */
int removal_join(struct removal_table *table, struct removal_waiter *waiter,
		 const struct handle *handle);
/* It may be in no table. */
void removal_leave(struct removal_table *table, struct removal_waiter *waiter);

/* Calls @tell, which may let its waiter leave, for all whose object of this kind has gone. */
void removal_tell(struct removal_table *table, const struct dir *kind,
		  void (*tell)(struct removal_waiter *waiter));

#endif
