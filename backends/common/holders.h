/*
 * holders.h - how every kind says which processes have an object: lines of PID USER HOW COMMAND,
 * and the same as JSON.
 */
#ifndef IPCFS_HOLDERS_H
#define IPCFS_HOLDERS_H

#include <jansson.h>

#include "ids.h"
#include "proc_fds.h"

struct holder {
	pid_t pid;
	uid_t uid;
	const char *how; /* one word */
	const char *command;
};

/* One line; @object, if not NULL, comes first. */
void holder_print(FILE *out, const char *object, const struct holder *holder,
		  struct user_names *names);
/* {pid, user, how, command}; NULL: no memory. */
json_t *holder_json(const struct holder *holder, struct user_names *names);
/* The line that says how many are not shown, if any are not. */
void holders_print_hidden(FILE *out, size_t count);

/*
 * Text with bytes that would break a line or a word as \ooo: control characters, the backslash, and
 * those in @also.
 */
void text_print(FILE *out, const char *text, const char *also);

#endif
