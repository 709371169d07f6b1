/*
 * intern.h - object names as numbers, so that a node id can carry one.
 */
#ifndef IPCFS_INTERN_H
#define IPCFS_INTERN_H

#include <stdint.h>

/*
 * The number of the object called @name, with one more reference to it; 0: no memory, or longer
 * than any name.  @identity tells it from earlier and later ones of that name; 0: nothing does.
 */
uint32_t name_intern(const char *name, uint64_t identity);
/*
 * The text of a number that is referred to; it lives as long as the reference.  NULL: nothing
 * refers to the number.
 */
const char *name_text(uint32_t number);
uint64_t name_identity(uint32_t number);
void name_ref(uint32_t number);
void name_unref(uint32_t number, uint64_t references);
/*
 * The next name_intern of this text gives another number.  An object that is made again under the
 * name of one that the kernel has removed must not be taken for it: the kernel marks the inode
 * dead.
 */
void name_retire(uint32_t number);
/* Names now held; for tests. */
uint32_t name_count(void);

#endif
