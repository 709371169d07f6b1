/*
 * holders.c - how every kind says which processes have an object.
 */
#include "holders.h"

#include <string.h>

#include "print.h"

void text_print(FILE *out, const char *text, const char *also)
{
	for (const char *at = text; *at; at++) {
		unsigned char byte = *at;

		if (byte < ' ' || byte == 0x7f || byte == '\\' || strchr(also, byte))
			fprintf(out, "\\%03o", byte);
		else
			fputc(byte, out);
	}
}

void holder_print(FILE *out, const char *object, const struct holder *holder,
		  struct user_names *names)
{
	if (object) {
		text_print(out, object, " ");
		fputc(' ', out);
	}
	fprintf(out, "%d %s %s ", (int)holder->pid, user_names_get(names, holder->uid),
		holder->how);
	text_print(out, holder->command, "");
	fputc('\n', out);
}

json_t *holder_json(const struct holder *holder, struct user_names *names)
{
	return json_pack("{si so ss so}", "pid", (int)holder->pid, "user",
			 json_text(user_names_get(names, holder->uid)), "how", holder->how,
			 "command", json_text(holder->command));
}

void holders_print_hidden(FILE *out, size_t count)
{
	if (count > 0)
		fprintf(out, "# %zu process%s not shown: you may not look at %s\n", count,
			count == 1 ? "" : "es", count == 1 ? "it" : "them");
}
