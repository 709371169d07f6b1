/*
 * fuzz_requests - whole FUSE requests, as the kernel might send them, in any order.
 *
 * Input: a script, script.h.
 *
 * What waits at the end is interrupted, what is open closed, what is known forgotten, and what was
 * made removed: then the daemon has nothing left.
 */
#include "known.h"
#include "script.h"

enum { LINES = 100 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	client_setup();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	char *text = input_text(&in), *rest = text, *line;

	for (int lines = 0; lines < LINES && (line = strsep(&rest, "\n")); lines++)
		script_line(line);
	free(text);
	client_ask_as(CALLER_ROOT);
	known_give_back();
	client_require_nothing_left(NULL);
	return 0;
}
