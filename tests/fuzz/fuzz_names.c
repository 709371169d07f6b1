/*
 * fuzz_names - names of objects, with attributes.
 *
 * Input: a byte whose lowest bit says whether the name is whole, and the name.
 */
#include <errno.h>

#include "common/names.h"
#include "fuzz.h"

static const struct row rows[] = {
	{.name = "status", .type = ROW_TEXT},
	{.name = "limits", .type = ROW_TEXT},
	{.type = ROW_END},
};
static const struct dir kind = {.rows = rows};

static void require_reason(const struct call *call, int error, const char *text)
{
	require(error == -EINVAL || error == -ENAMETOOLONG, "%d for '%s'", error, text);
	require(*call->reason, "'%s' is refused without a word", text);
}

/* Under the name by which an object is listed it is found again. */
static void require_listed(const struct object_name *name)
{
	char listed[LISTED_NAME_SIZE];
	struct object_name again;

	switch (name->family) {
	case FAMILY_KEY:
		object_name_list_sysv(name->key, 1, listed);
		break;
	case FAMILY_ID:
		object_name_list_sysv(0, name->id, listed);
		break;
	case FAMILY_POSIX:
		object_name_list_posix(&kind, name->posix, listed);
		require(object_name_is_ambiguous(&kind, name->posix) ==
				(strlen(listed) != strlen(name->posix)),
			"'%s' is listed as '%s'", name->posix, listed);
	}
	require(!object_name_read(NULL, listed, true, &again), "'%s' is listed", listed);
	require(again.family == name->family && again.key == name->key && again.id == name->id &&
			!strcmp(again.posix, name->posix) && !again.attributes,
		"'%s' is listed, and is another", listed);
}

static void require_within(const char *text, const struct object_name *name)
{
	const char *within = object_name_within(text, name);

	require(!strcmp(within, name->posix), "'%s' in '%s'", within, text);
}

/* What attributes said, put together again. */
struct said {
	char *text;
	size_t size;
	FILE *out;
	char names[64];
};

static int take(const char *name, const char *value, void *context)
{
	struct said *said = context;

	require(!strstr(said->names, name), "%s= is taken twice", name);
	strcat(said->names, name);
	fprintf(said->out, "%s%s=%s", ftell(said->out) ? "," : "", name, value);
	return 0;
}

static int take_size(struct call *call, const char *value, void *context)
{
	return take("size", value, context);
}

static int take_value(struct call *call, const char *value, void *context)
{
	return take("value", value, context);
}

static int take_nothing(struct call *call, const char *value, void *context)
{
	return refuse(call, EINVAL, "not this one");
}

static void read_attributes(const char *text)
{
	static const struct attribute table[] = {
		{"size", take_size},
		{"value", take_value},
		{"not", take_nothing},
		{NULL},
	};
	struct said said = {NULL};
	struct call call = {.reason = ""};
	int error;

	said.out = open_memstream(&said.text, &said.size);
	require(said.out, "no memory");
	error = attributes_read(&call, text, table, &said);
	fclose(said.out);
	if (error)
		require_reason(&call, error, text);
	else
		require(!strcmp(said.text, text), "'%s' was read as '%s'", text, said.text);
	free(said.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	bool whole = input_byte(&in) & 1;
	char *text = input_text(&in);
	struct call call = {.reason = ""};
	struct object_name name;
	int error = object_name_read(&call, text, whole, &name);

	require(object_name_read(NULL, text, whole, &name) == error, "%s", text);
	if (error) {
		require_reason(&call, error, text);
		free(text);
		return 0;
	}
	require_listed(&name);
	require(whole || !strchr(name.posix, ','), "'%s' in '%s'", name.posix, text);
	if (name.family == FAMILY_POSIX)
		require_within(text, &name);
	if (name.attributes) {
		require(!whole && name.attributes[-1] == ',', "%s", text);
		read_attributes(name.attributes);
	}
	free(text);
	return 0;
}
