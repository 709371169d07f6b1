/*
 * sysvipc.c - reading the tables of /proc/sysvipc.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "sysvipc.h"

/* The kernel gives a page at a time, if there is room for it. */
#define BUFFER_SIZE (64 << 10)

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
	setvbuf(table, NULL, _IOFBF, BUFFER_SIZE);
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

/* Not sscanf(3), which takes most of the time of a long table. */
static uint64_t number(struct sysvipc_line *line, int base)
{
	const char *at = line->at;
	uint64_t value = 0;

	for (; *at >= '0' && *at < '0' + base; at++)
		value = value * (unsigned)base + (unsigned)(*at - '0');
	if (at == line->at)
		line->failed = true;
	line->at = at;
	return value;
}

static void skip_spaces(struct sysvipc_line *line)
{
	while (*line->at == ' ')
		line->at++;
}

uint64_t sysvipc_unsigned(struct sysvipc_line *line)
{
	skip_spaces(line);
	return number(line, 10);
}

uint32_t sysvipc_octal(struct sysvipc_line *line)
{
	skip_spaces(line);
	return (uint32_t)number(line, 8);
}

int64_t sysvipc_signed(struct sysvipc_line *line)
{
	bool negative;

	skip_spaces(line);
	negative = *line->at == '-';
	line->at += negative;
	return negative ? (int64_t)-number(line, 10) : (int64_t)number(line, 10);
}

void sysvipc_object(struct sysvipc_line *line, struct sysv_object *object)
{
	object->key = (int32_t)sysvipc_signed(line);
	object->id = (int32_t)sysvipc_signed(line);
	object->mode = sysvipc_octal(line);
}

void sysvipc_owners(struct sysvipc_line *line, struct sysv_object *object)
{
	object->uid = (uid_t)sysvipc_unsigned(line);
	object->gid = (gid_t)sysvipc_unsigned(line);
	object->cuid = (uid_t)sysvipc_unsigned(line);
	object->cgid = (gid_t)sysvipc_unsigned(line);
}
