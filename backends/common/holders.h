/*
 * holders.h - how every kind says which processes have an object: lines of PID USER HOW COMMAND,
 * and the same as JSON.
 */
#ifndef IPCFS_HOLDERS_H
#define IPCFS_HOLDERS_H

#include <jansson.h>

#include "ids.h"
#include "proc_fds.h"

/* Which way things go between an object and its holder. */
enum { FLOW_IN = 1, FLOW_OUT = 2, FLOW_BOTH = FLOW_IN | FLOW_OUT };

struct holder {
	pid_t pid;
	uid_t uid;
	const char *how; /* one word */
	const char *command;
	unsigned flow; /* FLOW_IN: into the object, from a process that writes or sends */
	bool waits;
};

/* Takes a holder of an object, which is called as it is below its kind; an errno ends it. */
typedef int holder_each(void *context, const char *object, const struct holder *holder);

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
