/*
 * backend.c - what every kind shares: reasons in words, and the refusals that tables name.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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
