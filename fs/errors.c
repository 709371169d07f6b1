/*
 * errors.c - the last refusals of each user, for /errors.
 *
 * Each user has a ring, so that nobody's mistakes push out another's; the users that had no refusal
 * for longest make room for new ones.
 */
#include "errors.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/hash.h"
#include "common/proc_status.h"

enum { LINES = 100, USERS = 256, LINE_SIZE = 1024 };

/* As much of a path as leaves room for why: a longer one ends in "...". */
enum { PATH_SIZE = 400 };

struct line {
	uint64_t serial;
	char *text;
};

struct ring {
	UT_hash_handle hh;
	uid_t uid;
	uint64_t used; /* lines ever added */
	uint64_t last; /* the serial of the newest */
	struct line lines[LINES];
};

static struct {
	pthread_mutex_t lock;
	struct ring *rings;
	uint64_t serial;
} log_of = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void print_word(FILE *out, const char *word)
{
	size_t used = 0;

	if (!*word)
		fputc('-', out);
	for (; *word && used < PATH_SIZE; word++) {
		if (isgraph((unsigned char)*word) && *word != '\\')
			used += (size_t)fprintf(out, "%c", *word);
		else
			used += (size_t)fprintf(out, "\\%03o", (unsigned char)*word);
	}
	if (*word)
		fputs("...", out);
}

static char *format_line(pid_t pid, const char *operation, const char *path, int error,
			 const char *reason)
{
	char text[LINE_SIZE], command[PROC_COMMAND_SIZE] = "", when[40];
	const char *name = strerrorname_np(error);
	FILE *out = fmemopen(text, sizeof(text), "w");
	time_t now = time(NULL);
	struct tm tm;

	if (!out)
		return NULL;
	proc_command(pid, command);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", localtime_r(&now, &tm));
	fprintf(out, "%s %d ", when, (int)pid);
	print_word(out, command);
	fputc(' ', out);
	print_word(out, path);
	fprintf(out, " %s %s: %s", operation, name ? name : "E?",
		*reason ? reason : strerror(error));
	fclose(out);
	text[sizeof(text) - 1] = '\0';
	for (char *at = text; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return strdup(text);
}

static void ring_free(struct ring *ring)
{
	for (size_t i = 0; i < LINES; i++)
		free(ring->lines[i].text);
	free(ring);
}

static void make_room(void)
{
	struct ring *ring, *next, *oldest = log_of.rings;

	HASH_ITER(hh, log_of.rings, ring, next)
		if (ring->last < oldest->last)
			oldest = ring;
	HASH_DEL(log_of.rings, oldest);
	ring_free(oldest);
}

/* The ring of @uid, made if need be; NULL without memory. */
static struct ring *ring_of(uid_t uid)
{
	struct ring *ring;

	HASH_FIND(hh, log_of.rings, &uid, sizeof(uid), ring);
	if (ring)
		return ring;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return NULL;
	ring->uid = uid;
	HASH_ADD(hh, log_of.rings, uid, sizeof(uid), ring);
	if (!HASH_HAS(hh, ring)) {
		free(ring);
		return NULL;
	}
	ring->last = log_of.serial + 1;
	if (HASH_COUNT(log_of.rings) > USERS)
		make_room();
	return ring;
}

void errors_record(uid_t uid, pid_t pid, const char *operation, const char *path, int error,
		   const char *reason)
{
	char *text = format_line(pid, operation, path, error, reason);
	struct ring *ring;

	if (!text)
		return;
	pthread_mutex_lock(&log_of.lock);
	ring = ring_of(uid);
	if (ring) {
		struct line *line = &ring->lines[ring->used++ % LINES];

		free(line->text);
		line->text = text;
		ring->last = line->serial = ++log_of.serial;
		text = NULL;
	}
	pthread_mutex_unlock(&log_of.lock);
	free(text);
}

static int by_serial(const void *a, const void *b)
{
	const struct line *const *x = a, *const *y = b;

	return ((*x)->serial > (*y)->serial) - ((*x)->serial < (*y)->serial);
}

int errors_print(uid_t uid, FILE *out)
{
	const struct line **lines;
	struct ring *ring, *next;
	size_t count = 0;

	pthread_mutex_lock(&log_of.lock);
	lines = calloc(HASH_COUNT(log_of.rings) * LINES + 1, sizeof(*lines));
	if (lines) {
		HASH_ITER(hh, log_of.rings, ring, next) {
			for (size_t i = 0; i < LINES && (!uid || ring->uid == uid); i++)
				if (ring->lines[i].text)
					lines[count++] = &ring->lines[i];
		}
		qsort(lines, count, sizeof(*lines), by_serial);
		for (size_t i = count > LINES ? count - LINES : 0; i < count; i++)
			fprintf(out, "%s\n", lines[i]->text);
	}
	pthread_mutex_unlock(&log_of.lock);
	free(lines);
	return lines ? 0 : -ENOMEM;
}
