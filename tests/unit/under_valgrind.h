/*
 * under_valgrind.h - what cannot be tried under valgrind, which stands between a test and the
 * kernel. To be included after cmocka.h.
 */
#ifndef IPCFS_TEST_UNDER_VALGRIND_H
#define IPCFS_TEST_UNDER_VALGRIND_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "/vgpreload_");
}

/* Leaves out the test that calls it; @why is what valgrind does. */
static inline void skip_under_valgrind(const char *why)
{
	if (!under_valgrind())
		return;
	print_message("skip: valgrind %s\n", why);
	skip();
}

#endif
