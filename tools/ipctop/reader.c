/*
 * reader.c - the thread that reads the tree.
 */
#include "reader.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct watched {
	enum kind kind;
	char *name, *key;
};

struct reader {
	const char *root;
	int event;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock: what is wanted, */
	double delay, due;
	bool paused, now, stop;
	struct watched watched;
	bool watched_changed;
	/* and what there is. */
	double busy_since; /* 0: it reads nothing */
	struct sample *sample;
	struct page *page;
	char *page_key;
};

static void watched_free(struct watched *watched)
{
	free(watched->name);
	free(watched->key);
	*watched = (struct watched){0};
}

/* Lets the other thread know; with the lock. */
static void tell(struct reader *reader)
{
	const uint64_t one = 1;

	if (write(reader->event, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static void page_drop(struct page *page)
{
	if (page)
		page_free(page);
	free(page);
}

/* Reads the files of what is watched; with the lock, which it gives back meanwhile. */
static void read_page(struct reader *reader)
{
	struct watched watched = {.kind = reader->watched.kind};
	struct page *page = calloc(1, sizeof(*page));

	reader->watched_changed = false;
	if (reader->watched.name) {
		watched.name = strdup(reader->watched.name);
		watched.key = strdup(reader->watched.key);
	}
	if (page && watched.name && watched.key) {
		reader->busy_since = now();
		pthread_mutex_unlock(&reader->lock);
		page_of_files(page, reader->root, watched.kind, watched.name);
		pthread_mutex_lock(&reader->lock);
		reader->busy_since = 0;
		page_drop(reader->page);
		free(reader->page_key);
		reader->page = page;
		reader->page_key = strdup(watched.key);
		tell(reader);
	} else {
		page_drop(page);
	}
	watched_free(&watched);
}

static void read_sample(struct reader *reader)
{
	struct sample *sample;
	double begun = now(), took;

	reader->now = false;
	reader->busy_since = begun;
	pthread_mutex_unlock(&reader->lock);
	sample = sample_read(reader->root);
	pthread_mutex_lock(&reader->lock);
	reader->busy_since = 0;
	took = now() - begun;
	/* Who looks at very many objects gives the machine as much time to do without. */
	reader->due = took > reader->delay / 2 ? now() + took : begun + reader->delay;
	if (!sample)
		return;
	sample_free(reader->sample);
	reader->sample = sample;
	tell(reader);
}

static void *reader_thread(void *context)
{
	struct reader *reader = context;

	pthread_mutex_lock(&reader->lock);
	while (!reader->stop) {
		struct timespec until;

		if (reader->watched_changed) {
			read_page(reader);
		} else if (reader->now || (!reader->paused && now() >= reader->due)) {
			read_sample(reader);
			reader->watched_changed = reader->watched.name != NULL;
		} else if (reader->paused) {
			pthread_cond_wait(&reader->changed, &reader->lock);
		} else {
			until.tv_sec = (time_t)reader->due;
			until.tv_nsec = (long)((reader->due - (double)until.tv_sec) * 1e9);
			pthread_cond_timedwait(&reader->changed, &reader->lock, &until);
		}
	}
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

struct reader *reader_start(const char *root, double delay)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	pthread_condattr_t attributes;
	sigset_t all, before;
	int error;

	if (!reader)
		return NULL;
	*reader = (struct reader){.root = root, .delay = delay, .now = true};
	reader->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reader->event < 0) {
		free(reader);
		return NULL;
	}
	pthread_mutex_init(&reader->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&reader->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	/* Signals are for who has the terminal. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&reader->thread, NULL, reader_thread, reader);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		return reader;
	close(reader->event);
	free(reader);
	errno = error;
	return NULL;
}

int reader_fd(const struct reader *reader)
{
	return reader->event;
}

struct sample *reader_take(struct reader *reader)
{
	struct sample *sample;
	uint64_t count;

	pthread_mutex_lock(&reader->lock);
	if (read(reader->event, &count, sizeof(count)) < 0)
		count = 0; /* nothing new */
	sample = reader->sample;
	reader->sample = NULL;
	pthread_mutex_unlock(&reader->lock);
	return sample;
}

struct page *reader_take_page(struct reader *reader, char **key)
{
	struct page *page;

	pthread_mutex_lock(&reader->lock);
	page = reader->page;
	*key = reader->page_key;
	reader->page = NULL;
	reader->page_key = NULL;
	pthread_mutex_unlock(&reader->lock);
	return page;
}

void reader_set_delay(struct reader *reader, double delay)
{
	pthread_mutex_lock(&reader->lock);
	reader->due += delay - reader->delay;
	reader->delay = delay;
	pthread_cond_signal(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

void reader_set_paused(struct reader *reader, bool paused)
{
	pthread_mutex_lock(&reader->lock);
	reader->paused = paused;
	pthread_cond_signal(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

void reader_look_now(struct reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->now = true;
	pthread_cond_signal(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
}

int reader_watch(struct reader *reader, const struct object *object)
{
	struct watched watched = {0};

	if (object && object->name) {
		watched = (struct watched){object->kind, strdup(object->name), strdup(object->key)};
		if (!watched.name || !watched.key) {
			watched_free(&watched);
			return -ENOMEM;
		}
	}
	pthread_mutex_lock(&reader->lock);
	watched_free(&reader->watched);
	reader->watched = watched;
	reader->watched_changed = watched.name != NULL;
	pthread_cond_signal(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	return 0;
}

double reader_waits(struct reader *reader)
{
	double since;

	pthread_mutex_lock(&reader->lock);
	since = reader->busy_since;
	pthread_mutex_unlock(&reader->lock);
	return since > 0 ? now() - since : 0;
}

void reader_stop(struct reader *reader)
{
	struct timespec until;

	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	pthread_cond_signal(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	/* A daemon that stands still must not keep anybody. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	if (pthread_timedjoin_np(reader->thread, NULL, &until) != 0)
		return;
	watched_free(&reader->watched);
	sample_free(reader->sample);
	page_drop(reader->page);
	free(reader->page_key);
	close(reader->event);
	pthread_cond_destroy(&reader->changed);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}
