/*
 * json.c - JSON by way of jansson: text of any bytes, times, and lists of any length.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* As RFC 3629 and the JSON library judge; the library says NULL without memory too. */
size_t utf8_length(const char *text)
{
	static const struct {
		unsigned char first, mask;
		uint32_t lowest;
	} forms[] = {
		{0x00, 0x80, 0x1}, {0xc0, 0xe0, 0x80}, {0xe0, 0xf0, 0x800}, {0xf0, 0xf8, 0x10000}};
	const unsigned char *bytes = (const unsigned char *)text;

	for (size_t length = 1; length <= 4; length++) {
		uint32_t character = bytes[0] & (unsigned char)~forms[length - 1].mask;
		size_t at = 1;

		if ((bytes[0] & forms[length - 1].mask) != forms[length - 1].first)
			continue;
		for (; at < length && (bytes[at] & 0xc0) == 0x80; at++)
			character = character << 6 | (bytes[at] & 0x3f);
		if (at < length || character < forms[length - 1].lowest || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return 0;
		return length;
	}
	return 0;
}

static bool is_utf8(const char *text)
{
	size_t length = 1;

	while (*text && (length = utf8_length(text)))
		text += length;
	return length;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char *escaped, *to;

	if (value || is_utf8(text))
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

/* What most objects have room in; the library takes a FILE's lock for each of their words. */
#define USUAL_SIZE 4096

static int print_object(FILE *out, const json_t *object)
{
	char text[USUAL_SIZE];
	size_t size = json_dumpb(object, text, sizeof(text), 0);

	if (size > 0 && size <= sizeof(text))
		return fwrite(text, 1, size, out) == size ? 0 : -ENOMEM;
	return json_dumpf(object, out, 0) < 0 ? -ENOMEM : 0;
}

int json_list_add(struct json_list *list, json_t *object)
{
	int error;

	if (list->kind)
		object = with_kind(list->kind, object);
	if (!object)
		return -ENOMEM;
	fputs(list->count++ ? ",\n" : "\n", list->out);
	error = print_object(list->out, object);
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
