/*
 * sock_gathered.h - lists of sockets as the kernel tells of them, for tests of what it tells.
 */
#ifndef IPCFS_SOCK_GATHERED_H
#define IPCFS_SOCK_GATHERED_H

#include "sock_fixture.h"

static inline struct sock_list gathered(struct sock_query query)
{
	struct sock_list list = {NULL};

	assert_int_equal(sock_gather(&query, sock_list_add, &list, &list.untold), 0);
	return list;
}

/* The only socket of an inode number. */
static inline struct sock_info *row_of(const struct sock_list *list, int fd)
{
	struct sock_info *found = NULL;
	uint32_t inode = inode_of(fd);

	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].inode != inode)
			continue;
		assert_null(found);
		found = &list->rows[i];
	}
	assert_non_null(found);
	return found;
}

static inline struct sock_list gathered_from(enum sock_table table)
{
	return gathered((struct sock_query){.tables = TABLE_BIT(table)});
}

#endif
