/*
 * events_log.c - the log of each kind, and the thread that fills it.
 *
 * The kernel tells nobody of most of it, so a thread compares snapshots: one for all readers of a
 * kind, at intervals that grow while nothing happens, and at once when something is done through
 * the tree.  Each kind has a thread of its own, because a snapshot may have to wait for what some
 * user keeps.  What it finds goes into a log of the kind, which is bounded and which all readers
 * share.  Snapshots are taken only while some reader has read all there is: nobody reads, nothing
 * runs.
 */
#include "events_log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "events.h"
#include "events_actors.h"
#include "events_line.h"

#define MILLISECONDS INT64_C(1000000)

/*
 * No more than about a tenth of a processor is for a kind: for its snapshots, and for the readers
 * who are told what they show.  Each who waits takes so many nanoseconds, as measured: it is
 * answered, woken and begins to wait anew.
 */
enum { COST_FACTOR = 10, READER_COST = 100000 };

static const int64_t interval_least = 20 * MILLISECONDS, interval_most = 250 * MILLISECONDS,
		     interval_stirred = 2 * MILLISECONDS;

struct event_logs event_logs = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- readers, as the log sees them ---- */

bool reader_has_line(const struct reader *reader)
{
	if (reader->rest || !reader->begun)
		return true;
	for (size_t i = 0; i < reader->count; i++)
		if (reader->views[i].listing ||
		    reader->views[i].position < reader->views[i].feed->end)
			return true;
	return false;
}

void reader_wake(struct reader *reader)
{
	if (!reader->awake)
		reader->awake = write(reader->wake[1], "", 1) == 1;
}

/* ---- the log of a kind ---- */

static void append(struct feed *feed, char *line)
{
	char **place = &feed->lines[feed->end++ % EVENTS_LOG_LINES];

	if (feed->end - feed->first > EVENTS_LOG_LINES) {
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

/* How many there were to wake: who has something to read still is awake. */
static unsigned wake_readers(const struct feed *feed)
{
	unsigned woken = 0;

	for (struct reader *reader = event_logs.readers; reader; reader = reader->next)
		for (size_t i = 0; i < reader->count; i++)
			if (reader->views[i].feed == feed && !reader->awake) {
				reader_wake(reader);
				woken++;
			}
	return woken;
}

/* Puts what differs into the log; takes @snapshot over.  Under the lock. */
static void feed_advance(struct feed *feed, struct snapshot *snapshot, int64_t began, int64_t cost)
{
	struct telling telling = {.feed = feed};
	uint64_t before = feed->end;

	clock_gettime(CLOCK_REALTIME, &telling.when);
	if (feed->current)
		snapshot_compare(feed->current, snapshot, tell, &telling);
	events_actors_expire(feed->kind->name, began);
	snapshot_release(feed->current);
	feed->current = snapshot;
	if (feed->end != before) {
		feed->interval = interval_least;
		cost += (int64_t)wake_readers(feed) * READER_COST;
	} else {
		feed->interval = feed->interval * 3 / 2;
	}
	if (feed->interval > interval_most)
		feed->interval = interval_most;
	feed->least = cost * COST_FACTOR;
	if (feed->interval < feed->least)
		feed->interval = feed->least;
}

/* Under the lock: its next snapshot is soon. */
static void feed_stir(struct feed *feed)
{
	int64_t due =
		feed->taken + (feed->least > interval_stirred ? feed->least : interval_stirred);
	int64_t soon = clock_now();

	feed->stirred = true;
	if (due < soon)
		due = soon;
	if (feed->due > due)
		feed->due = due;
}

/* As the daemon, without the lock. */
static int feed_refresh(void *context)
{
	struct feed *feed = context;
	struct snapshot *snapshot = snapshot_new();
	int64_t began, cost = clock_of_thread();
	int error;

	if (!snapshot)
		return -ENOMEM;
	pthread_mutex_lock(&feed->taking);
	pthread_mutex_lock(&event_logs.lock);
	feed->stirred = false;
	pthread_mutex_unlock(&event_logs.lock);
	began = clock_now();
	error = feed->kind->snapshot(snapshot);
	snapshot_sort(snapshot);
	pthread_mutex_lock(&event_logs.lock);
	feed->taken = clock_now();
	/* Who had it taken may have closed meanwhile. */
	if (error || !feed->readers)
		snapshot_release(snapshot);
	else
		feed_advance(feed, snapshot, began, clock_of_thread() - cost);
	feed->due = feed->taken + feed->interval;
	/* This snapshot may not have seen it. */
	if (feed->stirred)
		feed_stir(feed);
	pthread_mutex_unlock(&event_logs.lock);
	pthread_mutex_unlock(&feed->taking);
	return error;
}

static void feed_forget(struct feed *feed)
{
	for (; feed->first < feed->end; feed->first++) {
		free(feed->lines[feed->first % EVENTS_LOG_LINES]);
		feed->lines[feed->first % EVENTS_LOG_LINES] = NULL;
	}
	snapshot_release(feed->current);
	feed->current = NULL;
}

/* ---- the thread ---- */

/* True if somebody has read all that there is, so that more would be read. */
static bool is_wanted(const struct feed *feed)
{
	for (const struct reader *reader = event_logs.readers; reader; reader = reader->next)
		for (size_t i = 0; i < reader->count; i++)
			if (reader->views[i].feed == feed && !reader_has_line(reader))
				return true;
	return false;
}

/* Under the lock, which is free meanwhile: until the next snapshot is due, or may be. */
static void feed_sleep(struct feed *feed)
{
	struct timespec until = {feed->due / 1000000000, feed->due % 1000000000};

	feed->idle = !is_wanted(feed);
	if (feed->idle)
		pthread_cond_wait(&feed->wake, &event_logs.lock);
	else
		pthread_cond_timedwait(&feed->wake, &event_logs.lock, &until);
	feed->idle = false;
}

static void *take_snapshots(void *of)
{
	struct feed *feed = of;

	pthread_mutex_lock(&event_logs.lock);
	while (feed->readers) {
		if (!is_wanted(feed) || feed->due > clock_now()) {
			feed_sleep(feed);
			continue;
		}
		pthread_mutex_unlock(&event_logs.lock);
		feed_refresh(feed);
		pthread_mutex_lock(&event_logs.lock);
	}
	feed->running = false;
	pthread_mutex_unlock(&event_logs.lock);
	return NULL;
}

/* Under the lock, as the daemon, whose the thread will be.  One that is held up is still there. */
static int thread_start(void *of)
{
	struct feed *feed = of;
	pthread_t thread;
	int error;

	if (feed->running)
		return 0;
	error = pthread_create(&thread, NULL, take_snapshots, feed);
	/* Its EAGAIN would mean "not now". */
	if (error)
		return -ENOMEM;
	pthread_detach(thread);
	feed->running = true;
	return 0;
}

void events_logs_want(const struct reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		if (reader->views[i].feed->idle)
			pthread_cond_signal(&reader->views[i].feed->wake);
}

void events_stir(const struct dir *kind)
{
	pthread_mutex_lock(&event_logs.lock);
	for (struct feed *feed = event_logs.feeds; feed->kind; feed++)
		if (feed->readers && (!kind || feed->kind->dir == kind)) {
			feed_stir(feed);
			pthread_cond_signal(&feed->wake);
		}
	pthread_mutex_unlock(&event_logs.lock);
}

void events_removing(const struct call *call, const char *path)
{
	bool heard;

	pthread_mutex_lock(&event_logs.lock);
	heard = event_logs.readers;
	pthread_mutex_unlock(&event_logs.lock);
	if (heard)
		events_actor_note(call, path);
}

void events_removed(const char *path, int error)
{
	if (error)
		events_actor_drop(path);
	else
		events_actor_done(path, clock_now());
}

/* ---- joining and leaving ---- */

void events_logs_setup(void)
{
	pthread_condattr_t clock;
	struct feed *feed = event_logs.feeds;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	/* Whoever changes an object looks whether somebody reads, and may do so already. */
	pthread_mutex_lock(&event_logs.lock);
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if ((*kind)->snapshot && feed < event_logs.feeds + EVENTS_KINDS_MAX - 1) {
			pthread_mutex_init(&feed->taking, NULL);
			pthread_cond_init(&feed->wake, &clock);
			feed++->kind = *kind;
		}
	pthread_mutex_unlock(&event_logs.lock);
	pthread_condattr_destroy(&clock);
}

static void reader_link(struct reader *reader)
{
	reader->next = event_logs.readers;
	if (reader->next)
		reader->next->prev = reader;
	event_logs.readers = reader;
}

static void reader_unlink(struct reader *reader)
{
	if (reader->prev)
		reader->prev->next = reader->next;
	else
		event_logs.readers = reader->next;
	if (reader->next)
		reader->next->prev = reader->prev;
}

/* Begins with what there is now. */
static int view_begin(struct call *call, struct view *view)
{
	int error = as_daemon(call, feed_refresh, view->feed);

	if (error)
		return error;
	pthread_mutex_lock(&event_logs.lock);
	view->listing = snapshot_hold(view->feed->current);
	view->position = view->feed->end;
	pthread_mutex_unlock(&event_logs.lock);
	return 0;
}

int events_logs_join(struct call *call, struct reader *reader)
{
	int error = 0;

	pthread_mutex_lock(&event_logs.lock);
	reader_link(reader);
	for (size_t i = 0; i < reader->count; i++)
		reader->views[i].feed->readers++;
	for (size_t i = 0; i < reader->count && !error; i++)
		error = as_daemon(call, thread_start, reader->views[i].feed);
	pthread_mutex_unlock(&event_logs.lock);
	for (size_t i = 0; i < reader->count && !error; i++)
		error = view_begin(call, &reader->views[i]);
	return error;
}

void events_logs_leave(struct reader *reader)
{
	pthread_mutex_lock(&event_logs.lock);
	reader_unlink(reader);
	for (size_t i = 0; i < reader->count; i++) {
		struct feed *feed = reader->views[i].feed;

		snapshot_release(reader->views[i].listing);
		if (--feed->readers == 0) {
			feed_forget(feed);
			pthread_cond_signal(&feed->wake);
		}
	}
	if (!event_logs.readers)
		events_actors_forget();
	pthread_mutex_unlock(&event_logs.lock);
}
