/*
 * coverage.h - is there a case for everything that the tables of the tree can do?
 */
#ifndef IPCFS_TEST_COVERAGE_H
#define IPCFS_TEST_COVERAGE_H

#include "matrix.h"

/*
 * Walks the tables from @root and fails the test, with a line for each, if a file or directory has
 * an ability that no case of @objects is about, or a case is about one that there is not.
 */
void coverage_check(const struct dir *root, const struct object *const *objects);

/*
 * What the tables refuse to all (refuse_make and the like), and writing to texts that cannot be
 * set, is tried on @object as everyone: nobody is let.
 */
void coverage_try_refusals(const struct object *object);

#endif
