/*
 * json.c - JSON by way of jansson: text of any bytes, times, and lists of any length.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* The JSON library judges. */
size_t utf8_length(const char *text)
{
	for (size_t length = 1; length <= 4 && text[length - 1]; length++) {
		json_t *character = json_stringn(text, length);

		if (character) {
			json_decref(character);
			return length;
		}
	}
	return 0;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char *escaped, *to;

	if (value)
		return value;
	escaped = malloc(4 * strlen(text) + 1);
	if (!escaped)
		return NULL;
	for (to = escaped; *text;) {
		size_t length = utf8_length(text);

		if (length == 0) {
			to += sprintf(to, "\\x%02x", (unsigned char)*text++);
			continue;
		}
		to = mempcpy(to, text, length);
		text += length;
	}
	*to = '\0';
	value = json_string(escaped);
	free(escaped);
	return value;
}

json_t *json_time(time_t time)
{
	return time == 0 ? json_null() : json_integer(time);
}

json_t *json_joined(json_t *object, json_t *more)
{
	if (!object || !more || json_object_update(object, more) < 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(more);
	return object;
}

/* ---- lists ---- */

void json_list_begin(struct json_list *list, FILE *out)
{
	*list = (struct json_list){.out = out};
	fputc('[', out);
}

/* Puts the kind before what @object has, which it takes. */
static json_t *with_kind(const char *kind, json_t *object)
{
	return object ? json_joined(json_pack("{ss}", "kind", kind), object) : NULL;
}

int json_list_add(struct json_list *list, json_t *object)
{
	int error;

	if (list->kind)
		object = with_kind(list->kind, object);
	if (!object)
		return -ENOMEM;
	fputs(list->count++ ? ",\n" : "\n", list->out);
	error = json_dumpf(object, list->out, 0) < 0 ? -ENOMEM : 0;
	json_decref(object);
	return error;
}

int json_list_end(struct json_list *list)
{
	return fputs(list->count ? "\n]\n" : "]\n", list->out) == EOF ? -ENOMEM : 0;
}

int json_print_one(FILE *out, json_t *object)
{
	struct json_list list;
	int error;

	json_list_begin(&list, out);
	error = json_list_add(&list, object);
	return error ? error : json_list_end(&list);
}
