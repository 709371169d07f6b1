/*
 * pipe_snapshot.c - the named pipes of the tree at one moment, as everyone may know them.
 */
#include <errno.h>

#include "events/snapshot.h"
#include "pipe.h"

static int add(void *context, const char *name, const struct stat *st)
{
	const struct pipe_key key = pipe_key_of(st);
	char listed[PIPE_LISTED_SIZE];
	struct snapshot_object *object;

	pipe_name_list(name, listed);
	object = snapshot_add(context, listed, "named", st->st_ino);
	if (!object)
		return -ENOMEM;
	snapshot_owner(object, st->st_uid, st->st_gid, st->st_mode);
	snapshot_figure(object, "keep", pipe_is_kept(&key));
	return 0;
}

const char *const pipe_families[] = {"named", NULL};

int pipe_snapshot(struct snapshot *snapshot)
{
	return pipe_named_walk(add, snapshot);
}
