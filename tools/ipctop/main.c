/*
 * main.c - ipctop: a live view of a mounted tree.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "live.h"
#include "tree.h"

/* The tree that was asked for, or the one there is; NULL: none, and it has been said. */
static char *root_of(const struct options *options)
{
	char *root = options->root ? strdup(options->root) : tree_find();
	int tree, error;

	if (!root) {
		fputs("ipctop: no ipcfs is mounted; mount one: ipcfs /mnt/ipc\n", stderr);
		return NULL;
	}
	error = tree_open(root, &tree);
	if (error == 0) {
		close(tree);
		return root;
	}
	fprintf(stderr, "ipctop: %s: %s\n", root,
		error == -ENODEV     ? "no ipcfs is mounted there"
		: error == -ENOTCONN ? "its ipcfs has died; umount it"
				     : strerror(-error));
	free(root);
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options;
	char *root;
	int result;

	setlocale(LC_ALL, "");
	options_read(&options, argc, argv);
	if (!options.batch && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
		fputs("ipctop: this is no terminal; ipctop -b prints plain text\n", stderr);
		return EXIT_USAGE;
	}
	root = root_of(&options);
	if (!root)
		return EXIT_FAILURE;
	result = options.batch ? batch_run(root, &options) : live_run(root, &options);
	/* A terminal on which nothing can be placed: one look below the other. */
	if (result == -ENOTSUP)
		result = batch_run(root, &options);
	if (result < 0)
		fprintf(stderr, "ipctop: %s\n",
			result == -ENXIO ? "the terminal (TERM) is not known; ipctop -b prints text"
					 : strerror(-result));
	free(root);
	return result < 0 ? EXIT_FAILURE : result;
}
