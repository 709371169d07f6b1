/*
 * table_options.c - the options of fstab(5) that are for others than the file system.
 *
 * mount(8) and mount.fuse3(8) keep most of them to themselves; who calls the command by hand, or
 * by another mount program, passes them on.
 */
#include "table_options.h"

#include <stddef.h>
#include <string.h>

/* mount(8); with their negations, where there are any. */
static const char *const words[] = {
	"_netdev",       "async",      "auto",    "defaults", "diratime", "group",
	"iversion",      "lazytime",   "mand",    "noauto",   "nofail",   "nogroup",
	"noiversion",    "nolazytime", "nomand",  "nonempty", "noowner",  "norelatime",
	"nostrictatime", "nouser",     "nousers", "owner",    "relatime", "silent",
	"strictatime",   "user",       "users",
};

/* Those with a value, and the name spaces of comments. */
static const char *const beginnings[] = {"comment=", "helper=", "uhelper=", "user=", "x-", "X-"};

bool table_option_is_for_others(const char *option)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(option, words[i]))
			return true;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++)
		if (!strncmp(option, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}
