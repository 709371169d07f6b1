/*
 * top.c - the files at the top of the tree.
 */
#include "kinds_tried.h"

#define AS_PARTS "the tables of all kinds, each of which has its own cases; and see shown.c"

static const struct test_case top_cases[] = {
	{"README", READ, .narrow = true, .why = "the same for everyone"},
	{"status", READ, .narrow = true, .why = AS_PARTS},
	{"status.json", READ, .narrow = true, .why = AS_PARTS},
	{"limits", READ, .narrow = true, .why = "ipcs -l and /proc/sys tell everyone"},
	{"limits.users", READ, .narrow = true, .why = "everybody's own, see shown.c"},
	{"summary", READ, .narrow = true, .why = "ipcs -u and ls tell everyone"},
	{"holders", READ, .narrow = true, .why = AS_PARTS},
	{"holders.dot", READ, .narrow = true, .why = AS_PARTS},
	{"metrics.prom", READ, .narrow = true,
	 .why = "figures that everyone may know, see shown.c"},
	{"events", READ, NULL, "try/events", .narrow = true, .why = "as metrics.prom"},
	{"errors", READ, .narrow = true, .why = "everybody's own, see shown.c"},
	{NULL},
};

static void as_it_is(mode_t mode, bool given)
{
}

const struct object *top_object(const struct dir *root)
{
	static struct object top = {
		.name = "the top of the tree",
		.path = MOUNT,
		.cases = top_cases,
		.make = as_it_is,
		.not_given = true,
		.one_mode = true,
	};

	top.dir = root;
	return &top;
}
