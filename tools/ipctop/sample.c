/*
 * sample.c - the tree at one moment, and what has changed since another.
 */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <jansson.h>

#include "text.h"
#include "tree.h"

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- an object of JSON ---- */

struct field {
	const char *key;
	enum figure figure;
};

/* What is a number there; of other kinds it is null or absent. */
static const struct field fields[] = {
	{"id", FIGURE_ID},           {"inode", FIGURE_INODE},     {"msgs", FIGURE_MESSAGES},
	{"usedbytes", FIGURE_BYTES}, {"bytes", FIGURE_BYTES},     {"maxmsg", FIGURE_MAXMSG},
	{"msgsize", FIGURE_MSGSIZE}, {"qbytes", FIGURE_CAPACITY}, {"capacity", FIGURE_CAPACITY},
	{"lspid", FIGURE_LSPID},     {"lrpid", FIGURE_LRPID},     {"size", FIGURE_SIZE},
	{"rss", FIGURE_RSS},         {"swap", FIGURE_SWAP},       {"nattch", FIGURE_NATTCH},
	{"cpid", FIGURE_CPID},       {"lpid", FIGURE_LPID},       {"nsems", FIGURE_NSEMS},
	{"ncount", FIGURE_NCOUNT},   {"readers", FIGURE_READERS}, {"writers", FIGURE_WRITERS},
	{"keep", FIGURE_KEEP},       {"recvq", FIGURE_RECVQ},     {"sendq", FIGURE_SENDQ},
	{"backlog", FIGURE_BACKLOG}, {"hidden", FIGURE_HIDDEN},
};

/* Of these the latest is when it was last used. */
static const char *const uses[] = {"send", "recv", "attach", "detach", "otime", "mtime"};

/* A member as text for the screen; NULL for null.  *error is set for want of memory. */
static char *text_of(const json_t *json, const char *key, int *error)
{
	const char *text = json_string_value(json_object_get(json, key));
	char *escaped = text ? text_escaped(text) : NULL;

	if (text && !escaped)
		*error = -ENOMEM;
	return escaped;
}

static int add_holders(struct object *object, const json_t *holders)
{
	const json_t *json;
	size_t i;

	json_array_foreach((json_t *)holders, i, json)
	{
		int error = 0;
		char *user = text_of(json, "user", &error);
		char *how = text_of(json, "how", &error);
		char *command = text_of(json, "command", &error);

		if (!error)
			error = object_add_holder(object,
						  json_integer_value(json_object_get(json, "pid")),
						  user ? user : strdup(""), how ? how : strdup(""),
						  command ? command : strdup(""));
		if (error)
			return error;
	}
	return 0;
}

/* How many values of a set are told one by one. */
enum { VALUES_SHOWN = 16 };

/* The value of a semaphore, or those of a set: as text, and their sum. */
static int add_values(struct object *object, const json_t *value)
{
	char text[VALUES_SHOWN * 12 + 8] = "", *end = text;
	const json_t *one;
	size_t i;

	if (json_is_integer(value)) {
		object->figures[FIGURE_VALUE] = json_integer_value(value);
		sprintf(text, "%lld", (long long)json_integer_value(value));
	} else if (json_is_array(value)) {
		object->figures[FIGURE_VALUE] = 0;
		json_array_foreach((json_t *)value, i, one)
		{
			object->figures[FIGURE_VALUE] += json_integer_value(one);
			if (i < VALUES_SHOWN)
				end += sprintf(end, "%s%d", i ? " " : "",
					       (int)json_integer_value(one));
			else if (i == VALUES_SHOWN)
				strcpy(end, " ...");
		}
	} else {
		return 0;
	}
	object->values = strdup(text);
	return object->values ? 0 : -ENOMEM;
}

/* Of a System V set each semaphore has its own. */
static void add_elements(struct object *object, const json_t *elements)
{
	const json_t *element;
	size_t i;

	if (!json_is_array(elements))
		return;
	object->figures[FIGURE_NCOUNT] = object->figures[FIGURE_ZCOUNT] = 0;
	json_array_foreach((json_t *)elements, i, element)
	{
		object->figures[FIGURE_NCOUNT] +=
			json_integer_value(json_object_get(element, "ncount"));
		object->figures[FIGURE_ZCOUNT] +=
			json_integer_value(json_object_get(element, "zcount"));
	}
}

/* What it is called on the screen, and its key. */
static int add_label(struct object *object)
{
	int64_t told = object->figures[FIGURE_INODE] != UNKNOWN ? object->figures[FIGURE_INODE]
								: object->figures[FIGURE_ID];

	free(object->label);
	free(object->key);
	object->key = NULL;
	/* What has no directory: a raw socket, say.  The parts are escaped already. */
	if (object->name)
		object->label = text_escaped(object->name);
	else if (asprintf(&object->label, "%s %s", object->family ? object->family : "?",
			  object->local ? object->local : "") < 0)
		object->label = NULL;
	if (object->label && asprintf(&object->key, "%s/%s#%lld", kind_names[object->kind],
				      object->label, told == UNKNOWN ? -1LL : (long long)told) < 0)
		object->key = NULL;
	return object->key ? 0 : -ENOMEM;
}

static int add_name(struct object *object, const json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "name"));

	if (name) {
		object->name = strdup(name);
		if (!object->name)
			return -ENOMEM;
	}
	return add_label(object);
}

/* One object of a kind of a status.json; NULL: no memory. */
static struct object *object_of_json(enum kind kind, const json_t *json)
{
	struct object *object = object_new(kind);
	int error = 0;

	if (!object)
		return NULL;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const json_t *number = json_object_get(json, fields[i].key);

		if (json_is_integer(number))
			object->figures[fields[i].figure] = json_integer_value(number);
	}
	for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		const json_t *time = json_object_get(json, uses[i]);

		if (json_is_integer(time) &&
		    json_integer_value(time) > object->figures[FIGURE_TIME])
			object->figures[FIGURE_TIME] = json_integer_value(time);
	}
	object->family = text_of(json, kind == KIND_SOCKETS ? "netid" : "family", &error);
	object->user = text_of(json, "user", &error);
	/* Who has no name has a number. */
	if (!object->user && json_is_integer(json_object_get(json, "uid")) &&
	    asprintf(&object->user, "%lld",
		     (long long)json_integer_value(json_object_get(json, "uid"))) < 0)
		error = -ENOMEM;
	object->perms = text_of(json, "perms", &error);
	object->state = text_of(json, kind == KIND_SOCKETS ? "state" : "status", &error);
	object->local = text_of(json, "local", &error);
	object->remote = text_of(json, "remote", &error);
	if (!error)
		error = add_name(object, json);
	if (!error)
		error = add_values(object, json_object_get(json, "value"));
	add_elements(object, json_object_get(json, "elements"));
	if (!error)
		error = add_holders(object, json_object_get(json, "holders"));
	if (!error)
		return object;
	object_free(object);
	return NULL;
}

/* ---- a file of them ---- */

static int sample_add(struct sample *sample, struct object *object)
{
	if (!object)
		return -ENOMEM;
	if (sample->count == sample->room) {
		size_t room = sample->room ? 2 * sample->room : 64;
		struct object **grown = reallocarray(sample->objects, room, sizeof(*grown));

		if (!grown) {
			object_free(object);
			return -ENOMEM;
		}
		sample->objects = grown;
		sample->room = room;
	}
	sample->objects[sample->count++] = object;
	return 0;
}

static const char *skip_space(const char *text, const char *end)
{
	while (text < end && strchr(" \t\r\n", *text))
		text++;
	return text;
}

/* Objects are read one at a time, so that a long list takes no more memory than what is kept. */
int sample_add_json(struct sample *sample, enum kind kind, const char *text, size_t length)
{
	const char *end = text + length;
	bool first = true;

	text = skip_space(text, end);
	if (text == end || *text++ != '[')
		return -EBADMSG;
	for (;; first = false) {
		json_error_t where;
		json_t *json;
		int error;

		text = skip_space(text, end);
		if (text < end && *text == ']')
			return 0;
		if (!first && (text == end || *text++ != ','))
			return -EBADMSG;
		json = json_loadb(text, (size_t)(end - text), JSON_DISABLE_EOF_CHECK, &where);
		if (!json_is_object(json)) {
			json_decref(json);
			return -EBADMSG;
		}
		error = sample_add(sample, object_of_json(kind, json));
		json_decref(json);
		if (error)
			return error;
		text += where.position;
	}
}

/* ---- holders ---- */

/* Sorts and finds by the name in the tree. */
static int name_compare(const void *one, const void *other)
{
	const struct object *a = *(struct object *const *)one, *b = *(struct object *const *)other;

	return strcmp(a->name, b->name);
}

/* OBJECT PID USER HOW COMMAND; false: it is no such line. */
static bool line_split(char *line, char *words[5])
{
	for (int i = 0; i < 4; i++) {
		words[i] = strsep(&line, " ");
		if (!line)
			return false;
	}
	words[4] = line;
	return true;
}

int sample_add_holders(struct sample *sample, enum kind kind, char *text)
{
	struct object **named = calloc(sample->count + 1, sizeof(*named));
	size_t count = 0;
	char *line, *words[5];
	int error = 0;

	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < sample->count; i++)
		if (sample->objects[i]->kind == kind && sample->objects[i]->name)
			named[count++] = sample->objects[i];
	qsort(named, count, sizeof(*named), name_compare);
	while (!error && (line = strsep(&text, "\n"))) {
		struct object wanted = {.kind = kind}, *key = &wanted, **found;

		/* "# 3 processes not shown": which of the objects they have is not told. */
		if (*line == '#')
			sample->totals[kind].hidden = strtoll(line + 1, NULL, 10);
		if (*line == '#' || !line_split(line, words))
			continue;
		text_unescape(words[0]);
		wanted.name = words[0];
		found = bsearch(&key, named, count, sizeof(*named), name_compare);
		/* It is newer than the list. */
		if (!found)
			continue;
		text_unescape(words[4]);
		error = object_add_holder(*found, strtoll(words[1], NULL, 10), strdup(words[2]),
					  strdup(words[3]), text_escaped(words[4]));
	}
	free(named);
	return error;
}

/* ---- the whole ---- */

static void total_add(struct total *total, const struct object *object)
{
	total->objects++;
	for (int i = 0; i < FIGURES; i++)
		/* Connections that wait for a listener are no bytes. */
		if (object->figures[i] != UNKNOWN &&
		    (i != FIGURE_LEVEL || object->figures[FIGURE_BACKLOG] == UNKNOWN))
			total->figures[i] += object->figures[i];
	total->listening += object->figures[FIGURE_BACKLOG] != UNKNOWN;
	total->connected += object->state && strcmp(object->state, "ESTAB") == 0;
	total->with_content += object->figures[FIGURE_LEVEL] > 0;
}

void sample_complete(struct sample *sample)
{
	for (size_t i = 0; i < sample->count; i++) {
		struct object *object = sample->objects[i], *same;

		object_complete(object);
		total_add(&sample->totals[object->kind], object);
		/* Sockets that share all that is told of them are told apart by nothing. */
		HASH_FIND_STR(sample->by_key, object->key, same);
		if (!same)
			HASH_ADD_KEYPTR(hh, sample->by_key, object->key, strlen(object->key),
					object);
	}
}

/*
 * Bytes that are not UTF-8 are \xNN in JSON, which a name may have as well: the tree says which.
 */
static int names_settle(struct sample *sample, int root, enum kind kind, size_t from)
{
	for (size_t i = from; i < sample->count; i++) {
		struct object *object = sample->objects[i];
		int changed =
			object->name ? tree_name_settle(root, kind_names[kind], &object->name) : 0;

		if (changed > 0)
			changed = add_label(object);
		if (changed < 0)
			return changed;
	}
	return 0;
}

static int kind_read(struct sample *sample, int root, enum kind kind)
{
	size_t before = sample->count, length;
	char path[32], *text;
	int error;

	snprintf(path, sizeof(path), "%s/status.json", kind_names[kind]);
	error = tree_read(root, path, SIZE_MAX, &text, &length);
	if (error)
		return error;
	error = sample_add_json(sample, kind, text, length);
	free(text);
	if (!error)
		error = names_settle(sample, root, kind, before);
	/* Pipes and sockets have them in their status.json. */
	if (!error && kind < KIND_PIPES) {
		snprintf(path, sizeof(path), "%s/holders", kind_names[kind]);
		error = tree_read(root, path, SIZE_MAX, &text, &length);
		if (error)
			return error;
		error = sample_add_holders(sample, kind, text);
		free(text);
	}
	return error;
}

struct sample *sample_read(const char *root)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	double begun = now();
	int tree = -1;

	if (!sample)
		return NULL;
	sample->error = tree_open(root, &tree);
	for (int kind = 0; kind < KINDS && !sample->error; kind++) {
		size_t before = sample->count;
		int error = kind_read(sample, tree, kind);

		sample->totals[kind].error = error;
		/* Half a kind would be a wrong sum; a kind that is refused leaves the others. */
		while (error && sample->count > before)
			object_free(sample->objects[--sample->count]);
		if (error == -ENOTCONN || error == -ENOMEM || error == -ECONNABORTED)
			sample->error = error;
	}
	if (tree >= 0)
		close(tree);
	sample_complete(sample);
	for (int kind = 0; kind < KINDS; kind++)
		sample->totals[kind].change = NAN;
	sample->when = now();
	sample->took = sample->when - begun;
	return sample;
}

void sample_compare(struct sample *sample, const struct sample *before)
{
	double seconds = before ? sample->when - before->when : 0;

	for (size_t i = 0; i < sample->count; i++)
		object_compare(sample->objects[i],
			       before ? sample_find(before, sample->objects[i]->key) : NULL,
			       seconds);
	for (int kind = 0; kind < KINDS; kind++) {
		struct total *total = &sample->totals[kind];

		total->change = NAN;
		if (seconds > 0 && !total->error && !before->totals[kind].error)
			total->change = (double)(total->figures[FIGURE_LEVEL] -
						 before->totals[kind].figures[FIGURE_LEVEL]) /
					seconds;
	}
}

const struct object *sample_find(const struct sample *sample, const char *key)
{
	struct object *found = NULL;

	if (key)
		HASH_FIND_STR(sample->by_key, key, found);
	return found;
}

void sample_free(struct sample *sample)
{
	if (!sample)
		return;
	HASH_CLEAR(hh, sample->by_key);
	for (size_t i = 0; i < sample->count; i++)
		object_free(sample->objects[i]);
	free(sample->objects);
	free(sample->reason);
	free(sample);
}
