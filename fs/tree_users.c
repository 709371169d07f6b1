/*
 * tree_users.c - who uses the files of the tree: the channels that are open, and what waits.
 *
 * Both lists are copied before anyone is told of them: a kind may take its time.
 */
#include "tree_users.h"

#include <stdlib.h>

#include "handle.h"
#include "mountpoint.h"
#include "operation.h"

static ino_t inode_of(const struct place *place)
{
	const struct node node = {.place = *place, .within = NO_LIMIT};

	return node_inode_number(&node);
}

static int each_open(int (*each)(void *context, const struct tree_user *user), void *context)
{
	struct open_channel *list;
	ssize_t count = handles_channels(&list);
	int error = 0;

	for (ssize_t i = 0; i < count; i++) {
		const struct tree_user user = {.place = &list[i].node.place,
					       .inode = node_inode_number(&list[i].node),
					       .behind_device = list[i].behind.device,
					       .behind = list[i].behind.inode};

		if (!error)
			error = each(context, &user);
		node_release(&list[i].node);
	}
	free(list);
	return count < 0 ? (int)count : error;
}

static int each_waiting(int (*each)(void *context, const struct tree_user *user), void *context)
{
	struct operation_waiting *list;
	ssize_t count = operations_waiting(&list);
	int error = 0;

	for (ssize_t i = 0; i < count; i++) {
		const struct tree_user user = {.place = &list[i].node.place,
					       .thread = list[i].thread,
					       .reads = list[i].reads};

		if (!error && user.thread)
			error = each(context, &user);
		node_release(&list[i].node);
	}
	free(list);
	return count < 0 ? (int)count : error;
}

static int each_user(int (*each)(void *context, const struct tree_user *user), void *context)
{
	int error = each_open(each, context);

	return error ? error : each_waiting(each, context);
}

const struct tree tree_users = {
	.device = mountpoint_device,
	.inode = inode_of,
	.users = each_user,
};
