/*
 * replay.c - the main of a fuzzer that runs files, and all files of directories, once each.
 */
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"

/* Most fuzzers have nothing to set up. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return 0;
}

static unsigned replayed;

static void cannot(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(1);
}

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *data = NULL;
	size_t size = 0;
	FILE *all = open_memstream(&data, &size);
	int byte;

	if (!file || !all)
		cannot(path);
	while ((byte = fgetc(file)) != EOF)
		fputc(byte, all);
	if (ferror(file) || fclose(all))
		cannot(path);
	fclose(file);
	/* The last line, if it is the one that does not come back. */
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput((const uint8_t *)data, size);
	free(data);
	replayed++;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible, alphasort);

	if (count < 0 && errno == ENOTDIR) {
		replay_file(path);
		return;
	}
	if (count < 0)
		cannot(path);
	for (int i = 0; i < count; i++) {
		char *below;

		if (asprintf(&below, "%s/%s", path, entries[i]->d_name) < 0)
			abort();
		replay(below);
		free(below);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%u inputs\n", replayed);
	/* A test of nothing is none. */
	return replayed ? 0 : 1;
}
