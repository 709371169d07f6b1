/*
 * checklist.c - the lines of `ipcfs --check`, and what several kinds look for alike.
 */
#include "checklist.h"

#include <stdarg.h>
#include <unistd.h>

static void line(struct checklist *list, const char *answer, const char *what, const char *format,
		 va_list arguments) __attribute__((format(printf, 4, 0)));

static void line(struct checklist *list, const char *answer, const char *what, const char *format,
		 va_list arguments)
{
	fprintf(list->out, "%-3s  %-20s ", answer, what);
	vfprintf(list->out, format, arguments);
	fputc('\n', list->out);
}

void checklist_has(struct checklist *list, const char *what, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!list->only_prevented)
		line(list, "yes", what, format, arguments);
	va_end(arguments);
}

void checklist_lacks(struct checklist *list, const char *what, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (!list->only_prevented)
		line(list, "no", what, format, arguments);
	va_end(arguments);
}

void checklist_prevents(struct checklist *list, const char *what, const char *format, ...)
{
	va_list arguments;

	list->prevented = true;
	va_start(arguments, format);
	line(list, "NO", what, format, arguments);
	va_end(arguments);
}

void checklist_sysv(struct checklist *list, const char *table, const char *what)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/sysvipc/%s", table);
	if (access(path, R_OK) == 0)
		checklist_has(list, what, "System V");
	else
		checklist_lacks(list, what, "the kernel has no System V IPC: POSIX objects alone");
}
