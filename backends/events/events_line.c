/*
 * events_line.c - one event as a line of JSON.
 */
#include "events_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/print.h"

static json_t *figure_json(const struct figure *figure)
{
	return strcmp(figure->key, "perms") == 0 ? json_mode((mode_t)figure->value)
						 : json_integer(figure->value);
}

/* All figures of one object, or of two what differs, as [before, after]. */
static int add_figures(json_t *line, const struct snapshot_object *before,
		       const struct snapshot_object *after)
{
	const struct snapshot_object *of = after ? after : before;

	for (size_t i = 0; i < of->count; i++) {
		const struct figure *figure = &of->figures[i];
		json_t *value;

		if (!before || !after)
			value = figure_json(figure);
		else if (before->figures[i].value != figure->value)
			value = json_pack("[oo]", figure_json(&before->figures[i]),
					  figure_json(figure));
		else
			continue;
		if (json_object_set_new(line, figure->key, value) < 0)
			return -1;
	}
	return 0;
}

/* json_dumps(3) leaves a key out when there is no memory for it, and says nothing. */
static char *json_whole(const json_t *line)
{
	size_t size = json_dumpb(line, NULL, 0, JSON_COMPACT);
	char *text = size ? malloc(size + 1) : NULL;

	if (text && json_dumpb(line, text, size, JSON_COMPACT) != size) {
		free(text);
		return NULL;
	}
	if (text)
		text[size] = '\0';
	return text;
}

/* The text of @line, which is dropped, without the brace that begins it. */
static char *finish(const struct timespec *when, json_t *line)
{
	char *text = line ? json_whole(line) : NULL, *whole = NULL;

	json_decref(line);
	if (text && asprintf(&whole, "\"time\":%lld.%03ld,%s\n", (long long)when->tv_sec,
			     when->tv_nsec / 1000000, text + 1) < 0)
		whole = NULL;
	free(text);
	return whole;
}

char *events_line(const struct timespec *when, const char *what, const char *kind,
		  const struct snapshot_object *before, const struct snapshot_object *after,
		  const struct events_actor *by)
{
	const struct snapshot_object *of = after ? after : before;
	json_t *line = json_pack("{ss ss so ss}", "what", what, "kind", kind, "name",
				 json_text(of->name), "family", of->family);

	if (line && add_figures(line, before, after) < 0) {
		json_decref(line);
		line = NULL;
	}
	if (line && by &&
	    json_object_set_new(line, "by",
				json_pack("{si sI so}", "pid", (int)by->pid, "uid",
					  (json_int_t)by->uid, "command", json_text(by->command))) <
		    0) {
		json_decref(line);
		line = NULL;
	}
	return finish(when, line);
}

char *events_line_bare(const struct timespec *when, const char *what, const char *kind,
		       uint64_t count)
{
	json_t *line = json_pack("{ss}", "what", what);

	if (line && kind && json_object_set_new(line, "kind", json_string(kind)) < 0) {
		json_decref(line);
		line = NULL;
	}
	if (line && count &&
	    json_object_set_new(line, "count", json_integer((json_int_t)count)) < 0) {
		json_decref(line);
		line = NULL;
	}
	return finish(when, line);
}
