/*
 * print.h - tables as ipcs(1) has them; and, for who prints, names of ids and JSON.
 *
 * What ipcs prints depends on its surroundings; here it is what it prints with LC_ALL=C and in the
 * time zone of the daemon.
 */
#ifndef IPCFS_PRINT_H
#define IPCFS_PRINT_H

#include <stdio.h>

#include "backend.h"
#include "ids.h"
#include "json.h"
#include "sysv.h"

/* The ipcs title line, "\n------ TITLE --------\n". */
void ipcs_title(FILE *out, const char *title);
/* The first four columns of a row, key, id, owner, perms, and a space after the last. */
void ipcs_columns(FILE *out, const struct sysv_object *object, struct user_names *users);
/* The first two columns where it shows no key, and no space after the last. */
void ipcs_owner(FILE *out, const struct sysv_object *object, int id_width,
		struct user_names *users);
/* Title and header of who made and who owns the objects, whose first column is @id; a row. */
void ipcs_creators_header(FILE *out, const char *title, const char *id);
void ipcs_creators(FILE *out, const struct sysv_object *object, struct id_names *names);
/* A time as one column after a space: month, day and time of day; or with weekday and year too.
 * 0 is "Not set". */
void ipcs_time(FILE *out, time_t time);
void ipcs_time_long(FILE *out, time_t time);
/* The first line of the file @name below /proc/sys; -ENOENT if the kernel has no such. */
int sysctl_read(const char *name, char *value, size_t size);

/* A line "WORDS = VALUE" of the limits, of a file below /proc/sys. */
struct limit_line {
	const char *words, *name;
};

/* Lines of which the last has no words; those that the kernel does not have are left out. */
int limits_print(FILE *out, const struct limit_line *lines);
/* A name as one column, whatever bytes it has: spaces and odd ones as \ooo; and a space. */
void ipcs_name(FILE *out, const char *name, int width);

/*
 * Closes what open_memstream(3) has opened: 0, or -ENOMEM if *@text is not all that was written. At
 * its end the stream takes memory of the right size, and says nothing if there is none.
 */
int text_close(FILE *memory, char *const *text);

/* "rw-r--r--", as lsipc writes permissions. */
json_t *json_mode(mode_t mode);
/* A JSON object with family, name, key, id, owner, perms, cuid, cuser … group; NULL: no memory. */
json_t *json_sysv_object(const struct sysv_object *object, struct id_names *names);
/* The same for a POSIX object: key, id and who made it are null. */
json_t *json_posix_object(const char *listed, const struct stat *st, struct id_names *names);

#endif
