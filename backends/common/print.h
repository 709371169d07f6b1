/*
 * print.h - printing shared by the kinds: columns as ipcs(1) has them, JSON with the keys of
 * lsipc(1).
 */
#ifndef IPCFS_PRINT_H
#define IPCFS_PRINT_H

#include <jansson.h>

#include "backend.h"

/* User or group name of an id, its decimal number where it has none. */
#define ID_NAME_SIZE 64
void user_name(uid_t uid, char name[ID_NAME_SIZE]);
void group_name(gid_t gid, char name[ID_NAME_SIZE]);

/* The ipcs title line, "\n------ TITLE --------\n". */
void ipcs_title(FILE *out, const char *title);
/* The first four columns of an ipcs row, key, id, owner, perms, and a space after the last. */
void ipcs_columns(FILE *out, int32_t key, int32_t id, uid_t uid, mode_t mode);
/* A name as one column, whatever bytes it has: spaces and odd ones as \ooo; and a space. */
void ipcs_name(FILE *out, const char *name, int width);

/* What every System V object has in common, as /proc/sysvipc tells everyone. */
struct sysv_object {
	int32_t key, id;
	mode_t mode;
	uid_t uid, cuid;
	gid_t gid, cgid;
};

/* A JSON object with family, name, key, id, owner, perms, cuid, cuser … group; NULL: no memory. */
json_t *json_sysv_object(const struct sysv_object *object);
/* The same for a POSIX object: key and id null. */
json_t *json_posix_object(const char *listed, const struct stat *st);
/* The bytes of the UTF-8 character at @text, 0 if there is none. */
size_t utf8_length(const char *text);
/* Text as JSON, bytes that are not UTF-8 as \xNN in the text. */
json_t *json_text(const char *text);
/* "rw-r--r--", as lsipc writes permissions. */
json_t *json_mode(mode_t mode);
/* Seconds since the epoch as a number, 0 as null. */
json_t *json_time(time_t time);
/* Adds the members of @more to @object, and drops @more; NULL for either: no memory. */
json_t *json_joined(json_t *object, json_t *more);
/* Prints @value with a newline and drops it; -ENOMEM for NULL. */
int json_print(FILE *out, json_t *value);

/*
 * Reads a table of /proc/sysvipc, "msg", "sem" or "shm" (or a path).  @line gets each line but the
 * header, and returns 0 or a negative errno that ends the reading.
 */
int sysvipc_read(const char *file, int (*line)(const char *text, void *context), void *context);

#endif
