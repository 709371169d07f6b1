/*
 * object.c - an object: its figures, and what follows from them.
 */
#include "object.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_names[KINDS + 1] = {
	[KIND_MQ] = "mq",       [KIND_SHM] = "shm",         [KIND_SEM] = "sem",
	[KIND_PIPES] = "pipes", [KIND_SOCKETS] = "sockets", [KIND_ALL] = "all",
};

int kind_of_name(const char *name)
{
	for (int kind = 0; kind <= KINDS; kind++)
		if (strcmp(kind_names[kind], name) == 0)
			return kind;
	return -1;
}

static enum figure rate_figure(enum rate rate)
{
	static const enum figure figures[RATES] = {
		[RATE_LEVEL] = FIGURE_LEVEL,
		[RATE_BYTES] = FIGURE_BYTES,
		[RATE_RECVQ] = FIGURE_RECVQ,
		[RATE_SENDQ] = FIGURE_SENDQ,
	};

	return figures[rate];
}

struct object *object_new(enum kind kind)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->kind = kind;
	for (int i = 0; i < FIGURES; i++)
		object->figures[i] = UNKNOWN;
	for (int i = 0; i < RATES; i++)
		object->rates[i] = NAN;
	return object;
}

int object_add_holder(struct object *object, int64_t pid, char *user, char *how, char *command)
{
	struct holder *grown = NULL;

	if (user && how && command)
		grown = reallocarray(object->holders, object->holder_count + 1, sizeof(*grown));
	if (!grown) {
		free(user);
		free(how);
		free(command);
		return -ENOMEM;
	}
	object->holders = grown;
	grown[object->holder_count++] = (struct holder){pid, user, how, command};
	return 0;
}

/* HOW is words with commas between: wait, wait-receive, wait-send. */
bool holder_waits(const struct holder *holder)
{
	for (const char *word = holder->how; word; word = strchr(word, ',')) {
		word += *word == ',';
		if (strncmp(word, "wait", 4) == 0)
			return true;
	}
	return false;
}

static int64_t known_or_0(int64_t figure)
{
	return figure == UNKNOWN ? 0 : figure;
}

static int64_t sum_known(int64_t one, int64_t other)
{
	if (one == UNKNOWN && other == UNKNOWN)
		return UNKNOWN;
	return known_or_0(one) + known_or_0(other);
}

/* In thousandths; UNKNOWN of what has no bound. */
static int64_t share(int64_t part, int64_t whole)
{
	if (part == UNKNOWN || whole == UNKNOWN || whole <= 0)
		return UNKNOWN;
	/* Memory takes whole pages, a little more than its size. */
	return part < whole ? (int64_t)((double)part * 1000 / (double)whole) : 1000;
}

static int64_t level(const struct object *object)
{
	const int64_t *figures = object->figures;

	switch (object->kind) {
	case KIND_MQ:
		return figures[FIGURE_MESSAGES];
	case KIND_SHM:
		return figures[FIGURE_RSS];
	case KIND_SEM:
		return figures[FIGURE_VALUE];
	case KIND_PIPES:
		return figures[FIGURE_BYTES];
	default:
		/* A listener's sendq is how many may wait, not how many do. */
		return figures[FIGURE_BACKLOG] != UNKNOWN
			       ? figures[FIGURE_RECVQ]
			       : sum_known(figures[FIGURE_RECVQ], figures[FIGURE_SENDQ]);
	}
}

static int64_t fullness(const struct object *object)
{
	const int64_t *figures = object->figures;

	switch (object->kind) {
	case KIND_MQ:
		return figures[FIGURE_MAXMSG] != UNKNOWN
			       ? share(figures[FIGURE_MESSAGES], figures[FIGURE_MAXMSG])
			       : share(figures[FIGURE_BYTES], figures[FIGURE_CAPACITY]);
	case KIND_SHM:
		return share(figures[FIGURE_RSS], figures[FIGURE_SIZE]);
	case KIND_PIPES:
		return share(figures[FIGURE_BYTES], figures[FIGURE_CAPACITY]);
	case KIND_SOCKETS:
		return share(figures[FIGURE_RECVQ], figures[FIGURE_BACKLOG]);
	default:
		return UNKNOWN;
	}
}

/* The semaphore's own count, else those that are seen to wait. */
static int64_t waiters(const struct object *object)
{
	const int64_t *figures = object->figures;
	int64_t counted = sum_known(figures[FIGURE_NCOUNT], figures[FIGURE_ZCOUNT]), seen = 0;

	if (object->kind == KIND_PIPES || object->kind == KIND_SOCKETS)
		return UNKNOWN;
	for (size_t i = 0; i < object->holder_count; i++)
		seen += holder_waits(&object->holders[i]);
	return counted == UNKNOWN ? seen : counted;
}

void object_complete(struct object *object)
{
	int64_t *figures = object->figures;

	figures[FIGURE_LEVEL] = level(object);
	figures[FIGURE_FULL] = fullness(object);
	figures[FIGURE_WAITERS] = waiters(object);
	figures[FIGURE_HOLDERS] =
		(int64_t)object->holder_count + known_or_0(figures[FIGURE_HIDDEN]);
}

void object_compare(struct object *object, const struct object *before, double seconds)
{
	for (int i = 0; i < RATES; i++) {
		enum figure figure = rate_figure(i);

		object->rates[i] = NAN;
		if (before && seconds > 0 && object->figures[figure] != UNKNOWN &&
		    before->figures[figure] != UNKNOWN)
			object->rates[i] =
				(double)(object->figures[figure] - before->figures[figure]) /
				seconds;
	}
}

bool object_level_is_bytes(const struct object *object)
{
	return object->kind == KIND_SHM || object->kind == KIND_PIPES ||
	       (object->kind == KIND_SOCKETS && object->figures[FIGURE_BACKLOG] == UNKNOWN);
}

bool object_is_active(const struct object *object)
{
	/* Memory that is in use and a semaphore that is free are at rest; full ones are no news. */
	bool holds = object->kind != KIND_SHM && object->kind != KIND_SEM;

	for (int i = 0; i < RATES; i++)
		if (!isnan(object->rates[i]) && object->rates[i] != 0)
			return true;
	return object->figures[FIGURE_WAITERS] > 0 || (holds && object->figures[FIGURE_LEVEL] > 0);
}

void object_free(struct object *object)
{
	if (!object)
		return;
	for (size_t i = 0; i < object->holder_count; i++) {
		free(object->holders[i].user);
		free(object->holders[i].how);
		free(object->holders[i].command);
	}
	free(object->holders);
	free(object->name);
	free(object->label);
	free(object->key);
	free(object->family);
	free(object->user);
	free(object->perms);
	free(object->state);
	free(object->local);
	free(object->remote);
	free(object->values);
	free(object);
}
