/*
 * sock_list.c - sockets as a list, and who has them.
 */
#include <errno.h>
#include <stdlib.h>

#include "sock.h"

int sock_list_add(void *context, const struct sock_info *sock)
{
	struct sock_list *list = context;

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 8;
		struct sock_info *rows = reallocarray(list->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		list->rows = rows;
		list->room = room;
	}
	list->rows[list->count++] = *sock;
	return 0;
}

void sock_list_free(struct sock_list *list)
{
	free(list->rows);
	*list = (struct sock_list){NULL};
}

static int inode_compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

int sock_list_inodes(const struct sock_list *list, uint32_t **inodes, size_t *count)
{
	*count = 0;
	*inodes = calloc(list->count + 1, sizeof(**inodes));
	if (!*inodes)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].inode)
			(*inodes)[(*count)++] = list->rows[i].inode;
	qsort(*inodes, *count, sizeof(**inodes), inode_compare);
	return 0;
}

int sock_list_users(struct call *call, const struct sock_list *list, struct sock_users *users)
{
	uint32_t *inodes;
	size_t count;
	int error = sock_list_inodes(list, &inodes, &count);

	if (error)
		return error;
	error = sock_users_gather(call, inodes, count, users);
	free(inodes);
	return error;
}
