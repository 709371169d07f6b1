/*
 * events_actors.c - who is removing what through the tree, until an event says so.
 */
#include "events_actors.h"

#include <pthread.h>
#include <string.h>

#include "common/proc_status.h"

enum { NOTES = 1024, PATH_SIZE = 320 };

static struct {
	pthread_mutex_t lock;
	struct note {
		char path[PATH_SIZE]; /* empty: none */
		struct events_actor actor;
		int64_t done; /* 0: under way */
	} notes[NOTES];
	size_t next;
} actors = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct note *find(const char *path)
{
	for (size_t i = 0; i < NOTES; i++)
		if (!strcmp(actors.notes[i].path, path))
			return &actors.notes[i];
	return NULL;
}

void events_actor_note(const struct call *call, const char *path)
{
	struct events_actor actor = {.pid = call->pid, .uid = call->uid};
	struct note *note;

	if (strlen(path) >= PATH_SIZE)
		return;
	proc_command(call->pid, actor.command);
	pthread_mutex_lock(&actors.lock);
	/* One for a path: an object of that name that has gone unseen is not told of. */
	note = find(path);
	if (!note)
		note = &actors.notes[actors.next++ % NOTES];
	strcpy(note->path, path);
	note->actor = actor;
	note->done = 0;
	pthread_mutex_unlock(&actors.lock);
}

void events_actor_done(const char *path, int64_t when)
{
	struct note *note;

	pthread_mutex_lock(&actors.lock);
	note = find(path);
	if (note)
		note->done = when;
	pthread_mutex_unlock(&actors.lock);
}

void events_actors_expire(const char *kind, int64_t when)
{
	size_t length = strlen(kind);

	pthread_mutex_lock(&actors.lock);
	for (size_t i = 0; i < NOTES; i++) {
		struct note *note = &actors.notes[i];

		if (note->done && note->done < when && !strncmp(note->path, kind, length) &&
		    note->path[length] == '/')
			*note->path = '\0';
	}
	pthread_mutex_unlock(&actors.lock);
}

void events_actor_drop(const char *path)
{
	struct note *note;

	pthread_mutex_lock(&actors.lock);
	note = find(path);
	if (note)
		*note->path = '\0';
	pthread_mutex_unlock(&actors.lock);
}

bool events_actor_take(const char *kind, const char *name, struct events_actor *by)
{
	static const char *const prefixes[] = {"posix:", "fifo:"};
	char path[PATH_SIZE];
	struct note *note;

	/* A path has the name as the object has it. */
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) {
			name += strlen(prefixes[i]);
			break;
		}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", kind, name) >= sizeof(path))
		return false;
	pthread_mutex_lock(&actors.lock);
	note = find(path);
	if (note) {
		*by = note->actor;
		*note->path = '\0';
	}
	pthread_mutex_unlock(&actors.lock);
	return note;
}

void events_actors_forget(void)
{
	pthread_mutex_lock(&actors.lock);
	memset(actors.notes, 0, sizeof(actors.notes));
	pthread_mutex_unlock(&actors.lock);
}
