/*
 * options.c - the command line.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
	{"batch", no_argument, NULL, 'b'},
	{"delay", required_argument, NULL, 'd'},
	{"iterations", required_argument, NULL, 'n'},
	{"kind", required_argument, NULL, 'k'},
	{"user", required_argument, NULL, 'u'},
	{"filter", required_argument, NULL, 'f'},
	{"sort", required_argument, NULL, 's'},
	{"reverse", no_argument, NULL, 'r'},
	{"active", no_argument, NULL, 'a'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static const char usage[] =
	"usage: ipctop [OPTION]... [MOUNTPOINT]\n"
	"Shows the IPC objects of an ipcfs tree, and how they change.\n"
	"\n"
	"  -b, --batch          plain text to standard output, all columns\n"
	"  -d, --delay SECONDS  between two looks, 2 if not given\n"
	"  -n, --iterations N   end after N looks\n"
	"  -k, --kind KIND      mq, shm, sem, pipes, sockets or all\n"
	"  -u, --user USER      only objects of this user\n"
	"  -f, --filter TEXT    only objects that have this in their name, address or command\n"
	"  -a, --active         only objects at which something waits, is or changes\n"
	"  -s, --sort COLUMN    by the title of the column\n"
	"  -r, --reverse        the other way round\n"
	"  -h, --help           this\n"
	"  -V, --version        the version\n"
	"\n"
	"Without MOUNTPOINT it takes the tree that was mounted last.  Keys are told by h.\n";

bool option_seconds(const char *text, double *seconds)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0.1 && value <= 86400))
		return false;
	*seconds = value;
	return true;
}

static void wrong(const char *what, const char *text)
{
	fprintf(stderr, "ipctop: %s: %s\n", what, text);
	exit(EXIT_USAGE);
}

static unsigned long count_of(const char *text)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || count == 0)
		wrong("no number of looks", text);
	return count;
}

static void copy(char *to, size_t size, const char *what, const char *text)
{
	if ((size_t)snprintf(to, size, "%s", text) >= size)
		wrong(what, text);
}

void options_read(struct options *options, int argc, char **argv)
{
	const char *sort = NULL;
	int option, kind, column;

	*options = (struct options){.delay = 2, .view = {.kind = KIND_ALL, .sort = COLUMN_WAIT}};
	while ((option = getopt_long(argc, argv, "bd:n:k:u:f:s:rahV", long_options, NULL)) != -1) {
		switch (option) {
		case 'b':
			options->batch = true;
			break;
		case 'd':
			if (!option_seconds(optarg, &options->delay))
				wrong("no seconds from 0.1 to 86400", optarg);
			break;
		case 'n':
			options->count = count_of(optarg);
			break;
		case 'k':
			kind = kind_of_name(optarg);
			if (kind < 0)
				wrong("no kind (mq, shm, sem, pipes, sockets, all)", optarg);
			view_choose(&options->view, (enum kind)kind);
			break;
		case 'u':
			copy(options->view.user, sizeof(options->view.user), "too long", optarg);
			break;
		case 'f':
			copy(options->view.text, sizeof(options->view.text), "too long", optarg);
			break;
		case 's':
			sort = optarg;
			break;
		case 'r':
			options->view.reverse = true;
			break;
		case 'a':
			options->view.active = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
		case 'V':
			printf("ipctop %s\n", IPCTOP_VERSION);
			exit(fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS);
		default:
			fputs("Try 'ipctop --help'.\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	if (sort) {
		column = column_of_title(options->view.kind, sort);
		if (column < 0)
			wrong("the table has no such column", sort);
		options->view.sort = (enum column)column;
	}
	if (argc - optind > 1)
		wrong("more than one mount point", argv[optind + 1]);
	options->root = argv[optind];
}
