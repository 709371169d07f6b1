/*
 * backend.c - what every kind shares: reasons in words, and the refusals that tables name.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"

int refuse(struct call *call, int error, const char *format, ...)
{
	va_list arguments;

	if (!call)
		return -error;
	va_start(arguments, format);
	vsnprintf(call->reason, sizeof(call->reason), format, arguments);
	va_end(arguments);
	/* A reason is one line, whatever a name or a value that it quotes contains. */
	for (char *at = call->reason; *at; at++) {
		unsigned char byte = *at;

		if (byte < ' ' || byte == 0x7f)
			*at = '?';
	}
	return -error;
}

/* Owner and mode of the object, and who asked; empty where it has none. */
static void print_owner(const struct call *call, const struct place *place, char *text, size_t size)
{
	struct stat st = {0};

	*text = '\0';
	if (place->dir->stat && place->dir->stat(place, &st) == 0)
		snprintf(text, size,
			 "it belongs to uid %u, gid %u, with mode %03o; asked by uid %u, gid %u",
			 (unsigned)st.st_uid, (unsigned)st.st_gid, (unsigned)st.st_mode & 0777,
			 (unsigned)call->uid, (unsigned)call->gid);
}

int refuse_permission(struct call *call, int error, const struct place *place, const char *format,
		      ...)
{
	char words[sizeof(call->reason)], owner[128];
	va_list arguments;

	if (!call)
		return -error;
	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	print_owner(call, place, owner, sizeof(owner));
	return refuse(call, error, "%s%s%s", words, *words && *owner ? ": " : "", owner);
}

int as_daemon(struct call *call, int (*step)(void *context), void *context)
{
	return call && call->as_daemon ? call->as_daemon(step, context) : step(context);
}

int refuse_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		struct place *made)
{
	return refuse(
		call, EPERM,
		"'%.100s' cannot be made here: mkdir makes objects, and only in the directory "
		"of their kind",
		name);
}

int refuse_remove(struct call *call, const struct place *place)
{
	return refuse(call, EPERM,
		      "this directory is part of the tree and cannot be removed: rmdir removes "
		      "objects, and with an object all that is in it");
}

int refuse_change(struct call *call, const struct place *place, const struct change *change)
{
	return refuse(
		call, EPERM,
		"this %s is part of the tree: mode and owner are those of an object and can be "
		"changed only there",
		place && place->row ? "file" : "directory");
}

int refuse_rename(struct call *call, const struct place *place, const char *to, unsigned flags)
{
	return refuse(
		call, EPERM,
		"there is no renaming to '%.100s': the kernel has no call that gives an object "
		"of this sort another name",
		to);
}

bool dir_has_name(const struct dir *dir, const char *name)
{
	static const char *const views[] = {"wait", "try", "within"};
	bool channels = false;

	for (const struct row *row = dir->rows; row->type != ROW_END; row++) {
		if (row->name && strcmp(row->name, name) == 0)
			return true;
		if (row->type == ROW_CHANNEL || row->type == ROW_NUMBERED || row->type == ROW_NAMED)
			channels = true;
	}
	for (size_t i = 0; channels && i < sizeof(views) / sizeof(*views); i++)
		if (strcmp(views[i], name) == 0)
			return true;
	return false;
}
