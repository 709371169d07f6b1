/*
 * print.c - printing shared by the kinds: columns as ipcs has them, JSON, tables of /proc/sysvipc.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "print.h"

/* Room for one entry of the user or group database at first; a large group needs more. */
#define ENTRY_SIZE 1024
#define ENTRY_SIZE_MAX (1 << 20)

/* Looks an id up with room of this size: 0 and the name, -ENOENT, or -ERANGE to be given more. */
typedef int id_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE]);

static int user_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE])
{
	struct passwd entry, *found = NULL;
	int error = getpwuid_r(id, &entry, room, size, &found);

	if (!found)
		return error == ERANGE ? -ERANGE : -ENOENT;
	snprintf(name, ID_NAME_SIZE, "%s", entry.pw_name);
	return 0;
}

static int group_lookup(uint32_t id, char *room, size_t size, char name[ID_NAME_SIZE])
{
	struct group entry, *found = NULL;
	int error = getgrgid_r(id, &entry, room, size, &found);

	if (!found)
		return error == ERANGE ? -ERANGE : -ENOENT;
	snprintf(name, ID_NAME_SIZE, "%s", entry.gr_name);
	return 0;
}

static void id_name(id_lookup *lookup, uint32_t id, char name[ID_NAME_SIZE])
{
	char first[ENTRY_SIZE], *more = NULL;
	int result = lookup(id, first, sizeof(first), name);

	for (size_t size = 4 * ENTRY_SIZE; result == -ERANGE && size <= ENTRY_SIZE_MAX; size *= 4) {
		free(more);
		more = malloc(size);
		if (!more)
			break;
		result = lookup(id, more, size, name);
	}
	free(more);
	if (result < 0)
		snprintf(name, ID_NAME_SIZE, "%" PRIu32, id);
}

void user_name(uid_t uid, char name[ID_NAME_SIZE])
{
	id_name(user_lookup, uid, name);
}

void group_name(gid_t gid, char name[ID_NAME_SIZE])
{
	id_name(group_lookup, gid, name);
}

void ipcs_title(FILE *out, const char *title)
{
	fprintf(out, "\n------ %s --------\n", title);
}

void ipcs_columns(FILE *out, int32_t key, int32_t id, uid_t uid, mode_t mode)
{
	char owner[ID_NAME_SIZE];

	user_name(uid, owner);
	fprintf(out, "0x%08" PRIx32 " %-10" PRId32 " %-10.10s %-10o ", (uint32_t)key, id, owner,
		mode & 0777);
}

void ipcs_name(FILE *out, const char *name, int width)
{
	int printed = 0;

	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;

		if (byte <= ' ' || byte == 0x7f || byte == '\\')
			printed += fprintf(out, "\\%03o", byte);
		else
			printed += fprintf(out, "%c", byte);
	}
	fprintf(out, "%*s ", printed < width ? width - printed : 0, "");
}

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

json_t *json_mode(mode_t mode)
{
	char text[10] = "rwxrwxrwx";

	for (int i = 0; i < 9; i++)
		if (!(mode & (0400 >> i)))
			text[i] = '-';
	return json_string(text);
}

/* A number, or null for an id that is not known. */
static json_t *json_id(int64_t id)
{
	return id < 0 ? json_null() : json_integer(id);
}

static json_t *json_user(int64_t uid)
{
	char name[ID_NAME_SIZE];

	if (uid < 0)
		return json_null();
	user_name((uid_t)uid, name);
	return json_text(name);
}

static json_t *json_group(int64_t gid)
{
	char name[ID_NAME_SIZE];

	if (gid < 0)
		return json_null();
	group_name((gid_t)gid, name);
	return json_text(name);
}

/* @creator and @creator_group are -1 where the kernel does not keep them. */
static json_t *json_object_of(const char *family, const char *listed, json_t *key, json_t *id,
			      mode_t mode, uid_t uid, gid_t gid, int64_t creator,
			      int64_t creator_group)
{
	/* A NULL among the values, which is want of memory, fails the whole. */
	return json_pack(
		"{so so so so so so so so so so so so so so}", "family", json_string(family),
		"name", json_text(listed), "key", key, "id", id, "owner", json_user(uid), "perms",
		json_mode(mode), "cuid", json_id(creator), "cuser", json_user(creator), "cgid",
		json_id(creator_group), "cgroup", json_group(creator_group), "uid", json_id(uid),
		"user", json_user(uid), "gid", json_id(gid), "group", json_group(gid));
}

json_t *json_sysv_object(const struct sysv_object *object)
{
	char listed[LISTED_NAME_SIZE], key[16];

	object_name_list_sysv(object->key, object->id, listed);
	snprintf(key, sizeof(key), "0x%08" PRIx32, (uint32_t)object->key);
	return json_object_of("sysv", listed, json_string(key), json_integer(object->id),
			      object->mode, object->uid, object->gid, object->cuid, object->cgid);
}

json_t *json_posix_object(const char *listed, const struct stat *st)
{
	return json_object_of("posix", listed, json_null(), json_null(), st->st_mode, st->st_uid,
			      st->st_gid, -1, -1);
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

int json_print(FILE *out, json_t *value)
{
	int result;

	if (!value)
		return -ENOMEM;
	result = json_dumpf(value, out, JSON_INDENT(3));
	json_decref(value);
	if (result < 0 || fputc('\n', out) == EOF)
		return -ENOMEM;
	return 0;
}

int sysvipc_read(const char *file, int (*line)(const char *text, void *context), void *context)
{
	char path[64], *text = NULL;
	size_t size = 0;
	ssize_t length;
	bool header = true;
	int result = 0;
	FILE *table;

	snprintf(path, sizeof(path), "%s%s", file[0] == '/' ? "" : "/proc/sysvipc/", file);
	table = fopen(path, "re");
	if (!table)
		return -errno;
	while (result == 0 && (length = getline(&text, &size, table)) >= 0) {
		if (text[length - 1] == '\n')
			text[length - 1] = '\0';
		if (!header)
			result = line(text, context);
		header = false;
	}
	if (result == 0 && !feof(table))
		result = errno ? -errno : -EIO;
	free(text);
	fclose(table);
	return result;
}
