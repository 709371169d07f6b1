/*
 * pipe_anon.c - pipes without a name: the directory anon/, in which each that the caller may see is
 * a directory called by its inode number, as in the pipe:[NUMBER] of /proc/PID/fd.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipe.h"

bool pipe_number_read(const char *text, ino_t *number)
{
	char written[24];

	if (strlen(text) >= sizeof(written) || text[strspn(text, "0123456789")] != '\0')
		return false;
	*number = strtoull(text, NULL, 10);
	/* One name for each: no leading zeros, nothing that does not fit. */
	snprintf(written, sizeof(written), "%" PRIuMAX, (uintmax_t)*number);
	return strcmp(written, text) == 0;
}

int pipe_anon_find(struct call *call, const struct place *at, const char *name, struct place *found)
{
	struct stat st = {.st_dev = pipe_anon_device()};
	struct pipe_key key;
	struct pipe_scan scan = {.call = call, .only = &key, .first = true, .unnamed = true};
	int error;

	if (!pipe_number_read(name, &st.st_ino))
		return -ENOENT;
	key = pipe_key_of(&st);
	error = pipe_scan_visible(&scan);
	if (!error && !scan.pipes)
		error = -ENOENT;
	pipe_scan_free(&scan);
	if (!error)
		*found = (struct place){.dir = &pipe_unnamed_dir, .name = name};
	return error;
}

static int compare(struct pipe_seen *one, struct pipe_seen *other)
{
	return (one->key.ino > other->key.ino) - (one->key.ino < other->key.ino);
}

int pipe_anon_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct pipe_scan scan = {.call = call, .unnamed = true};
	struct pipe_seen *pipe, *next;
	int error = pipe_scan_visible(&scan);

	HASH_SORT(scan.pipes, compare);
	HASH_ITER(hh, scan.pipes, pipe, next) {
		char number[24];
		struct place place = {.dir = &pipe_unnamed_dir, .name = number};

		if (error)
			break;
		snprintf(number, sizeof(number), "%" PRIuMAX, (uintmax_t)pipe->key.ino);
		error = each(context, number, &place);
	}
	pipe_scan_free(&scan);
	return error;
}

/*
 * What was seen when the pipe was found, which is just before: whose credentials the thread has by
 * now is not said, and whether the pipe is still there each of its files says.
 */
int pipe_anon_stat(const struct place *place, struct stat *st)
{
	struct stat pipe = {.st_dev = pipe_anon_device()};
	struct pipe_key key;

	if (!pipe_number_read(place->name, &pipe.st_ino))
		return -ENOENT;
	key = pipe_key_of(&pipe);
	if (!pipe_remembered(&key, st))
		st->st_mode = 0600;
	return 0;
}

int pipe_anon_remove(struct call *call, const struct place *place)
{
	return refuse(call, EPERM,
		      "a pipe without a name ends when the last process closes it: holders says "
		      "who has it");
}
