/*
 * events.c - what comes, goes and changes, as a stream for each reader.
 *
 * A reader is a position in the log of each kind that it reads (events_log.c).  It is first told
 * all that exists, and who falls off the end of a log is told how much was lost and what there is
 * now.
 */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "events_line.h"
#include "events_log.h"

static void reader_free(struct reader *reader)
{
	close(reader->wake[0]);
	close(reader->wake[1]);
	free(reader->rest);
	quota_drop(&reader->open);
	free(reader);
}

static void events_close(void *state)
{
	events_logs_leave(state);
	reader_free(state);
}

static int events_open(struct call *call, const struct place *place, int flags, void **state)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (!reader)
		return -ENOMEM;
	pthread_once(&once, events_logs_setup);
	reader->open = quota_share(QUOTA_EVENTS, call->uid);
	error = quota_take(call, &reader->open, 1);
	if (error) {
		free(reader);
		return error;
	}
	for (struct feed *feed = event_logs.feeds; feed->kind; feed++)
		if (feed->kind->dir == place->dir)
			reader->views[reader->count++].feed = feed;
	if (!reader->count)
		for (struct feed *feed = event_logs.feeds; feed->kind; feed++)
			reader->views[reader->count++].feed = feed;
	error = pipe2(reader->wake, O_NONBLOCK | O_CLOEXEC) < 0 ? -errno : 0;
	if (!error && descriptor_is_last(reader->wake[1])) {
		error = -EMFILE;
		close(reader->wake[0]);
		close(reader->wake[1]);
	}
	if (error) {
		quota_drop(&reader->open);
		free(reader);
		return error;
	}
	reader_wake(reader);
	error = events_logs_join(call, reader);
	if (error)
		events_close(reader);
	else
		*state = reader;
	return error;
}

static void reader_rest(struct reader *reader)
{
	char byte;

	if (reader->awake)
		reader->awake = read(reader->wake[0], &byte, 1) != 1;
}

/* The next line without its number, which *numbers is to be advanced by; NULL: none now. */
static char *next_line(struct reader *reader, uint64_t *numbers)
{
	struct timespec when;
	const char *only = reader->count == 1 ? reader->views[0].feed->kind->name : NULL;

	clock_gettime(CLOCK_REALTIME, &when);
	*numbers = 1;
	for (size_t i = 0; i < reader->count; i++) {
		struct view *view = &reader->views[i];
		const char *kind = view->feed->kind->name;

		if (!view->listing)
			continue;
		if (view->next < view->listing->count)
			return events_line(&when, "exists", kind, NULL,
					   &view->listing->objects[view->next++], NULL);
		snapshot_release(view->listing);
		view->listing = NULL;
		if (view->again) {
			view->again = false;
			return events_line_bare(&when, "ready", kind, 0);
		}
	}
	if (!reader->begun) {
		reader->begun = true;
		return events_line_bare(&when, "ready", only, 0);
	}
	for (size_t i = 0; i < reader->count; i++) {
		struct view *view = &reader->views[i];
		struct feed *feed = view->feed;
		const char *line = NULL;

		if (view->position == feed->end)
			continue;
		if (view->position >= feed->first)
			line = feed->lines[view->position % EVENTS_LOG_LINES];
		if (line) {
			view->position++;
			return strdup(line);
		}
		/* It is told how many it has lost, and then what there is. */
		*numbers = feed->end - view->position;
		view->position = feed->end;
		view->listing = snapshot_hold(feed->current);
		view->next = 0;
		view->again = true;
		return events_line_bare(&when, "lost", feed->kind->name, *numbers);
	}
	return NULL;
}

/* Makes reader->rest the next line; 0, -EAGAIN, -ENOMEM. */
static int fetch(struct reader *reader)
{
	uint64_t numbers;
	char *line;

	if (!reader_has_line(reader))
		return -EAGAIN;
	line = next_line(reader, &numbers);
	if (!line)
		return -ENOMEM;
	reader->seq += numbers;
	reader->rest_at = 0;
	if (asprintf(&reader->rest, "{\"seq\":%llu,%s", (unsigned long long)reader->seq, line) < 0)
		reader->rest = NULL;
	free(line);
	return reader->rest ? 0 : -ENOMEM;
}

/* As many whole lines as fit; a line longer than the buffer in parts. */
static ssize_t events_read(struct call *call, void *state, void *buffer, size_t size)
{
	struct reader *reader = state;
	size_t used = 0;
	int error = 0;

	if (!size)
		return 0;
	pthread_mutex_lock(&event_logs.lock);
	while (used < size) {
		size_t length;

		error = reader->rest ? 0 : fetch(reader);
		if (error)
			break;
		length = strlen(reader->rest + reader->rest_at);
		if (length > size - used) {
			if (used)
				break;
			length = size;
		}
		memcpy((char *)buffer + used, reader->rest + reader->rest_at, length);
		used += length;
		reader->rest_at += length;
		if (!reader->rest[reader->rest_at]) {
			free(reader->rest);
			reader->rest = NULL;
		}
	}
	if (!reader_has_line(reader)) {
		reader_rest(reader);
		events_logs_want(reader);
	}
	pthread_mutex_unlock(&event_logs.lock);
	return used ? (ssize_t)used : error;
}

static short events_ready(void *state)
{
	bool has;

	pthread_mutex_lock(&event_logs.lock);
	has = reader_has_line(state);
	pthread_mutex_unlock(&event_logs.lock);
	return has ? POLLIN : 0;
}

static int events_wait_fd(void *state, short *polled)
{
	const struct reader *reader = state;

	*polled = POLLIN;
	return reader->wake[0];
}

const struct channel events_channel = {
	.serial = SERIAL_READ,
	.looks = true,
	.open = events_open,
	.read = events_read,
	.ready = events_ready,
	.wait_fd = events_wait_fd,
	.close = events_close,
};
