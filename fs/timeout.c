/*
 * timeout.c - how long the administrator lets a request to a FUSE file system take.
 */
#include "timeout.h"

#include <stdio.h>

static unsigned setting(const char *name)
{
	char path[64];
	unsigned seconds = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/fs/fuse/%s_request_timeout", name);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%u", &seconds) != 1)
			seconds = 0;
		fclose(file);
	}
	return seconds;
}

unsigned timeout_of_requests(void)
{
	unsigned seconds = setting("default");
	unsigned most = setting("max");

	return most && (!seconds || most < seconds) ? most : seconds;
}
