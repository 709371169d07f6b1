/*
 * json.h - JSON by way of jansson: text of any bytes, times, and lists of any length.
 */
#ifndef IPCFS_JSON_H
#define IPCFS_JSON_H

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* The bytes of the UTF-8 character at @text, 0 if there is none. */
size_t utf8_length(const char *text);
/* Text as JSON, bytes that are not UTF-8 as \xNN in the text. */
json_t *json_text(const char *text);
/* Seconds since the epoch as a number, 0 as null. */
json_t *json_time(time_t time);
/* Adds the members of @more to @object, and drops @more; NULL for either: no memory. */
json_t *json_joined(json_t *object, json_t *more);

/*
 * An array that is printed while it is gathered, an object a line, so that a long one takes no more
 * memory than its text.
 */
struct json_list {
	FILE *out;
	const char *kind; /* becomes the first member of each object; NULL: none */
	size_t count;
};

void json_list_begin(struct json_list *list, FILE *out);
/* Prints @object and drops it; -ENOMEM for NULL. */
int json_list_add(struct json_list *list, json_t *object);
int json_list_end(struct json_list *list);
/* A list of the one object, which it drops; -ENOMEM for NULL. */
int json_print_one(FILE *out, json_t *object);

#endif
