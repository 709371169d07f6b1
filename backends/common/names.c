/*
 * names.c - reading and writing the names of objects, their attributes, and numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define POSIX_PREFIX "posix:"
#define POSIX_PREFIX_LENGTH (sizeof(POSIX_PREFIX) - 1)
#define KEY_DIGITS 8

/* As much of a wrong value as a reason quotes. */
#define QUOTED ".48s"

/* Own sets of bytes: those of ctype.h depend on the locale. */
#define DECIMAL "0123456789"
#define HEXADECIMAL DECIMAL "abcdefABCDEF"

static bool all_in(const char *text, size_t length, const char *set)
{
	return length > 0 && strspn(text, set) >= length;
}

static bool has_posix_prefix(const char *text)
{
	return strncmp(text, POSIX_PREFIX, POSIX_PREFIX_LENGTH) == 0;
}

static int key_read(struct call *call, const char *digits, size_t length, struct object_name *name)
{
	unsigned long key;

	if (length > KEY_DIGITS)
		return refuse(call, EINVAL,
			      "a key is 0x and 1 to %d hexadecimal digits, and 0x%" QUOTED
			      " has %zu: 0x1 to 0xffffffff are right, posix:0x%" QUOTED
			      " is the POSIX object of that name",
			      KEY_DIGITS, digits, length, digits);
	key = strtoul(digits, NULL, 16); /* ends at the comma, if there is one */
	if (key == 0)
		return refuse(call, EINVAL,
			      "key 0 is IPC_PRIVATE, which names no object: a key is 0x1 to "
			      "0xffffffff; an object with key 0 is named by its id");
	name->family = FAMILY_KEY;
	name->key = (int32_t)(uint32_t)key;
	return 0;
}

static int id_read(struct call *call, const char *digits, size_t length, struct object_name *name)
{
	int64_t id = 0;

	for (size_t i = 0; i < length; i++) {
		id = id * 10 + (digits[i] - '0');
		if (id > INT32_MAX)
			return refuse(
				call, EINVAL,
				"a name of decimal digits is an id, 0 to %d, and %.*s is more: "
				"posix:%.*s is the POSIX object of that name",
				INT32_MAX, (int)(length < 48 ? length : 48), digits,
				(int)(length < 48 ? length : 48), digits);
	}
	name->family = FAMILY_ID;
	name->id = (int32_t)id;
	return 0;
}

static int posix_read(struct call *call, const char *text, size_t length, struct object_name *name)
{
	if (length >= sizeof(name->posix))
		return refuse(
			call, ENAMETOOLONG,
			"a name of %zu bytes: the name of a POSIX object has 1 to %zu (NAME_MAX)",
			length, sizeof(name->posix) - 1);
	if (memchr(text, '/', length))
		return refuse(call, EINVAL,
			      "'%" QUOTED "': the name of a POSIX object has no slash in it", text);
	if ((length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.'))
		return refuse(call, EINVAL, "'.' and '..' are directories and name no object");
	name->family = FAMILY_POSIX;
	memcpy(name->posix, text, length);
	name->posix[length] = '\0';
	return 0;
}

/* Only what is certain to be a key: "0x" alone and 0xyz are names like any other. */
static bool is_key(const char *text, size_t length)
{
	return length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
	       all_in(text + 2, length - 2, HEXADECIMAL);
}

int object_name_read(struct call *call, const char *text, bool whole, struct object_name *name)
{
	bool posix = has_posix_prefix(text);
	const char *comma = strchr(text, ',');
	size_t length;

	memset(name, 0, sizeof(*name));
	if (comma && whole) {
		if (!posix)
			return refuse(call, EINVAL,
				      "'%" QUOTED
				      "': a comma begins attributes, which only mkdir reads; "
				      "a name that has one is written posix:NAME",
				      text);
		comma = NULL;
	}
	if (comma)
		name->attributes = comma + 1;
	if (posix)
		text += POSIX_PREFIX_LENGTH;
	length = comma ? (size_t)(comma - text) : strlen(text);
	if (length == 0)
		return refuse(
			call, EINVAL,
			"an empty name: 0x and 1 to %d hexadecimal digits is a key, any other "
			"text the name of a POSIX object",
			KEY_DIGITS);
	if (!posix && is_key(text, length))
		return key_read(call, text + 2, length - 2, name);
	if (!posix && all_in(text, length, DECIMAL))
		return id_read(call, text, length, name);
	return posix_read(call, text, length, name);
}

const char *object_name_within(const char *text, const struct object_name *name)
{
	static _Thread_local char copy[sizeof(name->posix)];
	size_t all = strlen(text), length = strlen(name->posix);

	if (length <= all && strcmp(text + all - length, name->posix) == 0)
		return text + all - length;
	return strcpy(copy, name->posix);
}

bool object_name_is_ambiguous(const struct dir *kind, const char *posix)
{
	size_t length = strlen(posix);

	/* Shaped like a key or an id is enough: one that is out of range is refused, not taken. */
	if (strchr(posix, ',') || has_posix_prefix(posix) || is_key(posix, length) ||
	    all_in(posix, length, DECIMAL))
		return true;
	if (!kind || !kind->rows)
		return false;
	return dir_has_name(kind, posix);
}

void object_name_list_sysv(int32_t key, int32_t id, char listed[LISTED_NAME_SIZE])
{
	if (key == 0)
		snprintf(listed, LISTED_NAME_SIZE, "%" PRId32, id);
	else
		snprintf(listed, LISTED_NAME_SIZE, "0x%08" PRIx32, (uint32_t)key);
}

void object_name_list_posix(const struct dir *kind, const char *posix,
			    char listed[LISTED_NAME_SIZE])
{
	snprintf(listed, LISTED_NAME_SIZE, "%s%s",
		 object_name_is_ambiguous(kind, posix) ? POSIX_PREFIX : "", posix);
}

/* "maxmsg=, msgsize=", for a reason. */
static const char *attributes_known(const struct attribute *table, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const struct attribute *known = table; known->name; known++) {
		int length =
			snprintf(text + used, size - used, "%s%s=", used ? ", " : "", known->name);

		if (length < 0 || (size_t)length >= size - used)
			break;
		used += length;
	}
	return used ? text : "none";
}

static int attribute_read(struct call *call, char *item, const struct attribute *table,
			  uint64_t *seen, void *context)
{
	char *equals = strchr(item, '=');
	char known[128];

	if (!equals)
		return refuse(call, EINVAL,
			      "'%" QUOTED "' is no attribute, as NAME=VALUE; known: %s", item,
			      attributes_known(table, known, sizeof(known)));
	*equals = '\0';
	for (int i = 0; table[i].name; i++) {
		if (strcmp(table[i].name, item) != 0)
			continue;
		if (*seen & (UINT64_C(1) << i))
			return refuse(call, EINVAL, "attribute %s= is given twice", item);
		*seen |= UINT64_C(1) << i;
		return table[i].set(call, equals + 1, context);
	}
	return refuse(call, EINVAL, "unknown attribute '%" QUOTED "='; known: %s", item,
		      attributes_known(table, known, sizeof(known)));
}

int attributes_read(struct call *call, const char *text, const struct attribute *table,
		    void *context)
{
	uint64_t seen = 0;
	char *copy, *rest, *item;
	int result = 0;

	if (!text)
		return 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	for (rest = copy; result == 0 && (item = strsep(&rest, ","));)
		result = attribute_read(call, item, table, &seen, context);
	free(copy);
	return result;
}

int number_read(struct call *call, const char *what, const char *text, int64_t lowest,
		int64_t highest, int64_t *value)
{
	bool sign = lowest < 0 && (text[0] == '-' || text[0] == '+');
	const char *digits = text + sign;
	intmax_t number;

	errno = 0;
	if (all_in(digits, strlen(digits), DECIMAL)) {
		number = strtoimax(text, NULL, 10);
		if (errno == 0 && number >= lowest && number <= highest) {
			*value = number;
			return 0;
		}
	}
	return refuse(call, EINVAL,
		      "'%" QUOTED "' is no %s: a whole decimal number from %" PRId64 " to %" PRId64
		      " is",
		      text, what, lowest, highest);
}

int size_read(struct call *call, const char *what, const char *text, int64_t lowest,
	      int64_t highest, int64_t *value)
{
	static const char units[] = "KMG";
	size_t digits = strspn(text, DECIMAL);
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;
	intmax_t number;

	if (digits > 0 && text[digits + (unit != NULL)] == '\0') {
		errno = 0;
		number = strtoimax(text, NULL, 10);
		if (errno == 0 && number <= highest >> shift && number << shift >= lowest) {
			*value = number << shift;
			return 0;
		}
	}
	return refuse(call, EINVAL,
		      "'%" QUOTED "' is no %s: a whole number of bytes from %" PRId64 " to %" PRId64
		      " is, also with K, M or G behind it for powers of 1024",
		      text, what, lowest, highest);
}
