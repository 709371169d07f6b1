/*
 * print.c - tables as ipcs(1) has them, and what all objects have in common as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"
#include "names.h"
#include "print.h"

void ipcs_title(FILE *out, const char *title)
{
	fprintf(out, "\n------ %s --------\n", title);
}

void ipcs_columns(FILE *out, const struct sysv_object *object, struct user_names *users)
{
	fprintf(out, "0x%08" PRIx32 " %-10" PRId32 " %-10.10s %-10o ", (uint32_t)object->key,
		object->id, user_names_get(users, object->uid), object->mode & 0777);
}

void ipcs_owner(FILE *out, const struct sysv_object *object, int id_width, struct user_names *users)
{
	fprintf(out, "%-*" PRId32 " %-10.10s", id_width, object->id,
		user_names_get(users, object->uid));
}

void ipcs_creators_header(FILE *out, const char *title, const char *id)
{
	ipcs_title(out, title);
	fprintf(out, "%-10s %-10s %-10s %-10s %-10s %-10s\n", id, "perms", "cuid", "cgid", "uid",
		"gid");
}

/* Here alone a long name is not cut. */
void ipcs_creators(FILE *out, const struct sysv_object *object, struct id_names *names)
{
	fprintf(out, "%-10" PRId32 " %-10o", object->id, object->mode & 0777);
	fprintf(out, " %-10s", user_names_get(&names->users, object->cuid));
	fprintf(out, " %-10s", group_names_get(&names->groups, object->cgid));
	fprintf(out, " %-10s", user_names_get(&names->users, object->uid));
	fprintf(out, " %-10s\n", group_names_get(&names->groups, object->gid));
}

/* "Sat Nov 21 17:58:02 2026" and a newline, as ctime(3). */
static const char *time_text(time_t time, char room[32])
{
	return ctime_r(&time, room) ? room : "??? beyond year 9999";
}

void ipcs_time(FILE *out, time_t time)
{
	char room[32];

	/* 16 bytes from the month on: the space before the year is the last of them. */
	fprintf(out, " %-20.16s", time ? time_text(time, room) + strlen("Sat ") : "Not set");
}

void ipcs_time_long(FILE *out, time_t time)
{
	char room[32];

	fprintf(out, " %-26.24s", time ? time_text(time, room) : "Not set");
}

void ipcs_name(FILE *out, const char *name, int width)
{
	int printed = 0;

	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;

		if (byte <= ' ' || byte == 0x7f || byte == '\\') {
			printed += fprintf(out, "\\%03o", byte);
		} else {
			fputc(byte, out);
			printed++;
		}
	}
	fprintf(out, "%*s ", printed < width ? width - printed : 0, "");
}

int text_close(FILE *memory, char *const *text)
{
	return fclose(memory) || !*text ? -ENOMEM : 0;
}

/* ---- as lsipc ---- */

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

static json_t *json_name(const char *name)
{
	return name ? json_text(name) : json_null();
}

static json_t *json_user(int64_t uid, struct user_names *users)
{
	return json_name(uid < 0 ? NULL : user_names_find(users, (uid_t)uid));
}

static json_t *json_group(int64_t gid, struct group_names *groups)
{
	return json_name(gid < 0 ? NULL : group_names_find(groups, (gid_t)gid));
}

/* @creator and @creator_group are -1 where the kernel does not keep them. */
static json_t *json_object_of(const char *family, const char *listed, json_t *key, json_t *id,
			      const struct sysv_object *object, int64_t creator,
			      int64_t creator_group, struct id_names *names)
{
	/* A NULL among the values, which is want of memory, fails the whole. */
	return json_pack("{ss so so so so so so so so so so so so so}", "family", family, "name",
			 json_text(listed), "key", key, "id", id, "owner",
			 json_text(user_names_get(&names->users, object->uid)), "perms",
			 json_mode(object->mode), "cuid", json_id(creator), "cuser",
			 json_user(creator, &names->users), "cgid", json_id(creator_group),
			 "cgroup", json_group(creator_group, &names->groups), "uid",
			 json_id(object->uid), "user", json_user(object->uid, &names->users), "gid",
			 json_id(object->gid), "group", json_group(object->gid, &names->groups));
}

json_t *json_sysv_object(const struct sysv_object *object, struct id_names *names)
{
	char listed[LISTED_NAME_SIZE], key[16];

	object_name_list_sysv(object->key, object->id, listed);
	snprintf(key, sizeof(key), "0x%08" PRIx32, (uint32_t)object->key);
	return json_object_of("sysv", listed, json_string(key), json_integer(object->id), object,
			      object->cuid, object->cgid, names);
}

json_t *json_posix_object(const char *listed, const struct stat *st, struct id_names *names)
{
	const struct sysv_object object = {
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
	};

	return json_object_of("posix", listed, json_null(), json_null(), &object, -1, -1, names);
}

int sysctl_read(const char *name, char *value, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, value, size - 1);
	close(fd);
	value[length > 0 ? length : 0] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return *value ? 0 : -ENOENT;
}

int limits_print(FILE *out, const struct limit_line *lines)
{
	for (; lines->words; lines++) {
		char value[64];
		int error = sysctl_read(lines->name, value, sizeof(value));

		if (is_shortage(error))
			return error;
		if (!error)
			fprintf(out, "%s = %s\n", lines->words, value);
	}
	return 0;
}
