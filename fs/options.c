/*
 * options.c - the command line.
 */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/quota.h"
#include "table_options.h"

enum { ORPHAN_AGE = 24 * 60 * 60 };

static const struct fuse_opt option_table[] = {
	{"-h", offsetof(struct options, help), 1},
	{"--help", offsetof(struct options, help), 1},
	{"-V", offsetof(struct options, version), 1},
	{"--version", offsetof(struct options, version), 1},
	{"--check", offsetof(struct options, check), 1},
	{"-f", offsetof(struct options, foreground), 1},
	{"-d", offsetof(struct options, debug), 1},
	{"debug", offsetof(struct options, debug), 1},
	{"ro", offsetof(struct options, read_only), 1},
	{"rw", offsetof(struct options, read_only), 0},
	{"no_passthrough", offsetof(struct options, no_passthrough), 1},
	{"private", offsetof(struct options, private), 1},
	{"foreign", offsetof(struct options, foreign), 1},
	{"orphan_age=%u", offsetof(struct options, orphan_age), 0},
	{"run_dir=%s", offsetof(struct options, run_dir), 0},
	{"--target %s", offsetof(struct options, target), 0},
	{"--target=%s", offsetof(struct options, target), 0},
	FUSE_OPT_END,
};

/* The limits, with blanks between them, in lines of @width, each but the first after @indent. */
static void print_limits(int indent, int width)
{
	int column = indent;

	for (int i = 0; i < QUOTAS; i++) {
		const char *name = quota_limit((enum quota)i).option;
		int length = (int)strlen(name);

		if (column + 1 + length > width)
			column = printf("\n%*s", indent, "") - 1;
		column += printf("%s%s", column == indent ? "" : " ", name);
	}
	putchar('\n');
}

void options_print_help(void)
{
	fputs("usage: ipcfs [options] MOUNTPOINT\n"
	      "Mounts the IPC objects of this machine as a file tree; README in it tells more.\n"
	      "  -f                  stay in the foreground\n"
	      "  -d                  print every request (implies -f)\n"
	      "  -h, -V              this help, the version\n"
	      "  --check             say what this machine has and lacks, and mount nothing\n"
	      "  --target PID        the objects of that process's IPC and network namespaces\n"
	      "                      and its /dev/shm: a container's, from outside; root alone\n"
	      "  -o ro               look, touch nothing\n"
	      "  -o private          of root: serve root alone, not every user\n"
	      "  -o foreign          serve callers in other namespaces as well\n"
	      "  -o no_passthrough   memory can be read and written, not mapped shared\n"
	      "  -o orphan_age=N     seconds until unused memory is in shm/orphans (86400)\n"
	      "  -o run_dir=PATH     where pipes live (/run/ipcfs, $XDG_RUNTIME_DIR/ipcfs)\n"
	      "  -o OPT,...          further mount options, see mount.fuse3(8)\n"
	      "  -o LIMIT=N          what one user may have in it, see ipcfs(8); LIMIT:\n"
	      "                      ",
	      stdout);
	print_limits(22, 80);
	puts("Unmount with umount MOUNTPOINT, as a plain user fusermount3 -u MOUNTPOINT.");
}

static int limit_take(const char *option, const char *value)
{
	if (quota_set(option, value) == 0)
		return 0;
	fprintf(stderr, "ipcfs: %s takes a number from 1 on, also with K, M or G, not '%s'\n",
		option, value);
	return -1;
}

/* A row for each limit; what follows the last is FUSE_OPT_END. */
static int limits_parse(struct fuse_args *args)
{
	static char templates[QUOTAS][32];
	struct fuse_opt table[QUOTAS + 1] = {FUSE_OPT_END};
	char *values[QUOTAS] = {NULL};
	int error;

	for (int i = 0; i < QUOTAS; i++) {
		snprintf(templates[i], sizeof(templates[i]), "%s=%%s",
			 quota_limit((enum quota)i).option);
		table[i] = (struct fuse_opt){templates[i], (unsigned long)i * sizeof(char *), 0};
	}
	table[QUOTAS] = (struct fuse_opt)FUSE_OPT_END;
	error = fuse_opt_parse(args, values, table, NULL);
	for (int i = 0; i < QUOTAS; i++) {
		if (values[i] && !error)
			error = limit_take(quota_limit((enum quota)i).option, values[i]);
		free(values[i]);
	}
	return error;
}

static int take_argument(void *data, const char *argument, int key, struct fuse_args *args)
{
	struct options *options = data;

	if (key == FUSE_OPT_KEY_OPT && !strcmp(argument, "remount")) {
		fputs("ipcfs: a tree cannot be remounted: umount it, and mount it anew\n", stderr);
		return -1;
	}
	if (key == FUSE_OPT_KEY_OPT)
		return !table_option_is_for_others(argument);
	if (key != FUSE_OPT_KEY_NONOPT)
		return 1;
	/* mount(8) names a source first, the way fstab has it. */
	if (options->source) {
		fprintf(stderr, "ipcfs: one mount point, not also '%s'\n", argument);
		return -1;
	}
	options->source = options->mountpoint;
	options->mountpoint = strdup(argument);
	return options->mountpoint ? 0 : -1;
}

int options_parse(struct fuse_args *args, struct options *options)
{
	*options = (struct options){.orphan_age = ORPHAN_AGE};
	if (limits_parse(args) < 0)
		return -1;
	/* Options that nobody knows are found later, by libfuse. */
	return fuse_opt_parse(args, options, option_table, take_argument);
}

void options_free(struct options *options)
{
	free(options->source);
	free(options->mountpoint);
	free(options->run_dir);
	free(options->target);
}
