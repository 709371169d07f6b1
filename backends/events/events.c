/*
 * events.c - what comes, goes and changes, as a stream for each reader.
 *
 * The kernel tells nobody of most of it, so a thread compares snapshots: one for all readers of a
 * kind, at intervals that grow while nothing happens, and at once when something is done through
 * the tree.  What it finds goes into a log of the kind, which is bounded and which all readers
 * share; a reader is a position in it, and who falls off its end is told how much was lost and what
 * there is now.  Snapshots are taken only while some reader has read all there is: nobody reads,
 * nothing runs.
 */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/quota.h"
#include "events_actors.h"
#include "events_line.h"
#include "snapshot.h"

#define MILLISECONDS INT64_C(1000000)

enum {
	LOG_LINES = 4096, /* of a kind */
	KINDS_MAX = 8,
	COST_FACTOR = 10, /* no more than a tenth of a processor for snapshots */
};

static const int64_t interval_least = 20 * MILLISECONDS, interval_most = 250 * MILLISECONDS,
		     interval_stirred = 2 * MILLISECONDS;

/* The log of a kind: lines first..end, of which number i is lines[i % LOG_LINES]. */
struct feed {
	const struct kind *kind;
	pthread_mutex_t taking; /* held over a snapshot and its comparison; before `lock` */
	unsigned readers;
	struct snapshot *current; /* how it was at the end of the log; NULL: nobody reads */
	char *lines[LOG_LINES];   /* NULL: there was no memory */
	uint64_t first, end;
	int64_t taken, due, interval; /* nanoseconds */
};

/* What a reader has read of a feed. */
struct view {
	struct feed *feed;
	struct snapshot *listing; /* what exists, still to be told */
	size_t next;              /* in it */
	bool again;               /* it is told once more, after a loss */
	uint64_t position;
};

struct reader {
	struct reader *prev, *next;
	struct quota_share open; /* it may hold a snapshot of its own */
	/* A pipe with a byte in it while there is something to read.  Not an eventfd: they all have
	   one inode, and who waits for the same inode waits in one queue. */
	int wake[2];
	bool awake;
	uint64_t seq;
	bool begun; /* the first "ready" has been told */
	struct view views[KINDS_MAX];
	size_t count;
	char *rest; /* of a line that did not fit */
	size_t rest_at;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake; /* of the thread, by the monotonic clock */
	bool running;
	struct reader *readers;
	struct feed feeds[KINDS_MAX];
} events = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* What the thread has cost so far; the clock would count what others did meanwhile. */
static int64_t thread_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static struct timespec wall_clock(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time;
}

/* ---- the log of a kind ---- */

static bool has_line(const struct reader *reader)
{
	if (reader->rest || !reader->begun)
		return true;
	for (size_t i = 0; i < reader->count; i++)
		if (reader->views[i].listing ||
		    reader->views[i].position < reader->views[i].feed->end)
			return true;
	return false;
}

static void append(struct feed *feed, char *line)
{
	char **place = &feed->lines[feed->end++ % LOG_LINES];

	if (feed->end - feed->first > LOG_LINES) {
		free(*place);
		feed->first++;
	}
	*place = line;
}

struct telling {
	struct feed *feed;
	struct timespec when;
};

static void tell(void *context, enum difference what, const struct snapshot_object *before,
		 const struct snapshot_object *after)
{
	static const char *const words[] = {"remove", "create", "change"};
	const struct telling *telling = context;
	const char *kind = telling->feed->kind->name;
	struct events_actor by;
	bool known = what == OBJECT_REMOVED && events_actor_take(kind, before->name, &by);

	append(telling->feed,
	       events_line(&telling->when, words[what], kind, before, after, known ? &by : NULL));
}

static void reader_wake(struct reader *reader)
{
	if (!reader->awake)
		reader->awake = write(reader->wake[1], "", 1) == 1;
}

static void reader_rest(struct reader *reader)
{
	char byte;

	if (reader->awake)
		reader->awake = read(reader->wake[0], &byte, 1) != 1;
}

static void wake_readers(const struct feed *feed)
{
	for (struct reader *reader = events.readers; reader; reader = reader->next)
		for (size_t i = 0; i < reader->count; i++)
			if (reader->views[i].feed == feed)
				reader_wake(reader);
}

/* Puts what differs into the log; takes @snapshot over.  Under the lock. */
static void feed_advance(struct feed *feed, struct snapshot *snapshot, int64_t began, int64_t cost)
{
	struct telling telling = {feed, wall_clock()};
	uint64_t before = feed->end;

	if (feed->current)
		snapshot_compare(feed->current, snapshot, tell, &telling);
	events_actors_expire(feed->kind->name, began);
	snapshot_release(feed->current);
	feed->current = snapshot;
	if (feed->end != before) {
		feed->interval = interval_least;
		wake_readers(feed);
	} else {
		feed->interval = feed->interval * 3 / 2;
	}
	if (feed->interval < cost * COST_FACTOR)
		feed->interval = cost * COST_FACTOR;
	else if (feed->interval > interval_most)
		feed->interval = interval_most;
}

/* As the daemon, without the lock. */
static int feed_refresh(void *context)
{
	struct feed *feed = context;
	struct snapshot *snapshot = snapshot_new();
	int64_t began, cost = thread_time();
	int error;

	if (!snapshot)
		return -ENOMEM;
	pthread_mutex_lock(&feed->taking);
	began = now();
	error = feed->kind->snapshot(snapshot);
	snapshot_sort(snapshot);
	pthread_mutex_lock(&events.lock);
	feed->taken = now();
	/* Who had it taken may have closed meanwhile. */
	if (error || !feed->readers)
		snapshot_release(snapshot);
	else
		feed_advance(feed, snapshot, began, thread_time() - cost);
	feed->due = feed->taken + feed->interval;
	pthread_mutex_unlock(&events.lock);
	pthread_mutex_unlock(&feed->taking);
	return error;
}

static void feed_forget(struct feed *feed)
{
	for (; feed->first < feed->end; feed->first++) {
		free(feed->lines[feed->first % LOG_LINES]);
		feed->lines[feed->first % LOG_LINES] = NULL;
	}
	snapshot_release(feed->current);
	feed->current = NULL;
}

/* ---- the thread ---- */

/* True if somebody has read all that there is, so that more would be read. */
static bool is_wanted(const struct feed *feed)
{
	for (const struct reader *reader = events.readers; reader; reader = reader->next)
		for (size_t i = 0; i < reader->count; i++)
			if (reader->views[i].feed == feed && !has_line(reader))
				return true;
	return false;
}

static void *take_snapshots(void *unused)
{
	pthread_mutex_lock(&events.lock);
	while (events.readers) {
		struct feed *next = NULL;
		struct timespec until;

		for (struct feed *feed = events.feeds; feed->kind; feed++)
			if (is_wanted(feed) && (!next || feed->due < next->due))
				next = feed;
		if (!next) {
			pthread_cond_wait(&events.wake, &events.lock);
		} else if (next->due > now()) {
			until.tv_sec = next->due / 1000000000;
			until.tv_nsec = next->due % 1000000000;
			pthread_cond_timedwait(&events.wake, &events.lock, &until);
		} else {
			pthread_mutex_unlock(&events.lock);
			feed_refresh(next);
			pthread_mutex_lock(&events.lock);
		}
	}
	events.running = false;
	pthread_mutex_unlock(&events.lock);
	return unused;
}

/* Under the lock, as the daemon, whose the thread will be. */
static int thread_start(void *unused)
{
	pthread_t thread;
	int error;

	if (events.running)
		return 0;
	error = pthread_create(&thread, NULL, take_snapshots, NULL);
	/* Its EAGAIN would mean "not now". */
	if (error)
		return -ENOMEM;
	pthread_detach(thread);
	events.running = true;
	return 0;
}

void events_stir(void)
{
	int64_t soon = now();

	pthread_mutex_lock(&events.lock);
	for (struct feed *feed = events.feeds; feed->kind && events.readers; feed++) {
		int64_t due = feed->taken + interval_stirred;

		if (due < soon)
			due = soon;
		if (feed->due > due)
			feed->due = due;
	}
	if (events.readers)
		pthread_cond_signal(&events.wake);
	pthread_mutex_unlock(&events.lock);
}

void events_removing(const struct call *call, const char *path)
{
	bool heard;

	pthread_mutex_lock(&events.lock);
	heard = events.readers;
	pthread_mutex_unlock(&events.lock);
	if (heard)
		events_actor_note(call, path);
}

void events_removed(const char *path, int error)
{
	if (error) {
		events_actor_drop(path);
	} else {
		events_actor_done(path, now());
		events_stir();
	}
}

/* ---- readers ---- */

static void set_up(void)
{
	pthread_condattr_t clock;
	struct feed *feed = events.feeds;

	for (const struct kind *const *kind = kinds; *kind; kind++)
		if ((*kind)->snapshot && feed < events.feeds + KINDS_MAX - 1) {
			pthread_mutex_init(&feed->taking, NULL);
			feed++->kind = *kind;
		}
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&events.wake, &clock);
	pthread_condattr_destroy(&clock);
}

static void reader_link(struct reader *reader)
{
	reader->next = events.readers;
	if (reader->next)
		reader->next->prev = reader;
	events.readers = reader;
}

static void reader_unlink(struct reader *reader)
{
	if (reader->prev)
		reader->prev->next = reader->next;
	else
		events.readers = reader->next;
	if (reader->next)
		reader->next->prev = reader->prev;
}

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
	struct reader *reader = state;

	pthread_mutex_lock(&events.lock);
	reader_unlink(reader);
	for (size_t i = 0; i < reader->count; i++) {
		struct feed *feed = reader->views[i].feed;

		snapshot_release(reader->views[i].listing);
		if (--feed->readers == 0)
			feed_forget(feed);
	}
	if (!events.readers) {
		events_actors_forget();
		pthread_cond_signal(&events.wake);
	}
	pthread_mutex_unlock(&events.lock);
	reader_free(reader);
}

/* Begins with what there is now. */
static int view_begin(struct call *call, struct view *view)
{
	int error = as_daemon(call, feed_refresh, view->feed);

	if (error)
		return error;
	pthread_mutex_lock(&events.lock);
	view->listing = snapshot_hold(view->feed->current);
	view->position = view->feed->end;
	pthread_mutex_unlock(&events.lock);
	return 0;
}

static int reader_enlist(struct call *call, struct reader *reader)
{
	int error;

	pthread_mutex_lock(&events.lock);
	reader_link(reader);
	for (size_t i = 0; i < reader->count; i++)
		reader->views[i].feed->readers++;
	error = as_daemon(call, thread_start, NULL);
	pthread_mutex_unlock(&events.lock);
	return error;
}

static int events_open(struct call *call, const struct place *place, int flags, void **state)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (!reader)
		return -ENOMEM;
	pthread_once(&once, set_up);
	reader->open = quota_share(QUOTA_EVENTS, call->uid);
	error = quota_take(call, &reader->open, 1);
	if (error) {
		free(reader);
		return error;
	}
	for (struct feed *feed = events.feeds; feed->kind; feed++)
		if (feed->kind->dir == place->dir)
			reader->views[reader->count++].feed = feed;
	if (!reader->count)
		for (struct feed *feed = events.feeds; feed->kind; feed++)
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
	error = reader_enlist(call, reader);
	for (size_t i = 0; i < reader->count && !error; i++)
		error = view_begin(call, &reader->views[i]);
	if (error)
		events_close(reader);
	else
		*state = reader;
	return error;
}

/* The next line without its number, which *numbers is to be advanced by; NULL: none now. */
static char *next_line(struct reader *reader, uint64_t *numbers)
{
	struct timespec when = wall_clock();
	const char *only = reader->count == 1 ? reader->views[0].feed->kind->name : NULL;

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
			line = feed->lines[view->position % LOG_LINES];
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

	if (!has_line(reader))
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
	pthread_mutex_lock(&events.lock);
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
	if (!has_line(reader)) {
		reader_rest(reader);
		pthread_cond_signal(&events.wake);
	}
	pthread_mutex_unlock(&events.lock);
	return used ? (ssize_t)used : error;
}

static short events_ready(void *state)
{
	bool has;

	pthread_mutex_lock(&events.lock);
	has = has_line(state);
	pthread_mutex_unlock(&events.lock);
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
