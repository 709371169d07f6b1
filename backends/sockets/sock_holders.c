/*
 * sock_holders.c - who has which socket, as the sockets' part in a look at all kinds.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/kind_holders.h"
#include "sock.h"

struct state {
	struct sock_list list;
	struct sock_files files;
	struct sock_users users;
	struct sock_looking looking;
	uint32_t *inodes;
};

static void end(void *context)
{
	struct state *state = context;

	sock_list_free(&state->list);
	sock_files_free(&state->files);
	sock_users_free(&state->users);
	free(state->looking.behind);
	free(state->inodes);
	free(state);
}

static int begin(struct call *call, struct proc_viewer *viewer, void **result)
{
	static const struct sock_query all;
	struct state *state = calloc(1, sizeof(*state));
	int error;

	if (!state)
		return -ENOMEM;
	error = sock_files_gather(&state->files);
	if (!error)
		error = sock_gather(&all, sock_list_add, &state->list, &state->list.untold);
	if (!error)
		error = sock_list_inodes(&state->list, &state->inodes, &state->looking.count);
	if (error) {
		end(state);
		return error;
	}
	state->looking.inodes = state->inodes;
	state->looking.users = &state->users;
	state->looking.call = call;
	error = sock_users_begin(&state->looking, viewer);
	if (error)
		end(state);
	else
		*result = state;
	return error;
}

static int complete(void *context, const struct proc_scan *walk)
{
	struct state *state = context;

	sock_users_complete(&state->looking, walk);
	return 0;
}

struct giving {
	holder_each *each;
	void *context;
	const char *path;
};

static int give(void *context, const struct holder *holder)
{
	const struct giving *giving = context;
	struct holder both = *holder;

	both.flow = FLOW_BOTH;
	return giving->each(giving->context, giving->path, &both);
}

static int each_holder(void *context, holder_each *each, void *each_context)
{
	struct state *state = context;
	char path[SOCK_PATH_SIZE];
	struct giving giving = {each, each_context, path};
	int error = 0;

	for (size_t i = 0; i < state->list.count && !error; i++) {
		const struct sock_info *sock = &state->list.rows[i];
		size_t hidden;

		if (sock_object_path(sock, &state->files, path))
			error = sock_each_holder(sock, &state->users, give, &giving, &hidden);
	}
	return error;
}

static int hidden(void *context, struct proc_pids *pids)
{
	const struct sock_users *users = &((struct state *)context)->users;
	int error = 0;

	for (size_t i = 0; i < users->processes_count && !error; i++)
		if (users->processes[i].hidden)
			error = proc_pids_add(pids, users->processes[i].pid);
	return error;
}

const struct kind_holders sock_holders = {
	.begin = begin,
	.complete = complete,
	.each = each_holder,
	.hidden = hidden,
	.end = end,
};
