/*
 * fuzz_sysvipc - the tables of /proc/sysvipc, as status, status.json and the listings read them.
 *
 * Input: a byte that chooses the table, and its content.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"
#include "isolate.h"
#include "kinds.h"

static const struct table {
	const struct kind *kind;
	const char *own, *kernels;
	int columns;
} tables[] = {
	{&shm_kind, "/run/shm", "/proc/sysvipc/shm", 16},
	{&sem_kind, "/run/sem", "/proc/sysvipc/sem", 10},
	{&mq_kind, "/run/msg", "/proc/sysvipc/msg", 14},
};
enum { TABLES_COUNT = sizeof(tables) / sizeof(*tables) };

/* More semaphores than there is memory for are refused, by whoever allocates. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return __asan_default_options();
}

/* Puts a file of our own into the kernel's place. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct settings settings = {0};

	isolate();
	for (int i = 0; i < TABLES_COUNT; i++) {
		int fd = open(tables[i].own, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		require(fd >= 0 && !close(fd) &&
				!mount(tables[i].own, tables[i].kernels, NULL, MS_BIND, NULL),
			"%s", tables[i].kernels);
		require(!tables[i].kind->setup(&settings), "%s", tables[i].kind->name);
	}
	return 0;
}

static int count(void *context, const char *name, const struct place *place)
{
	unsigned *names = context;

	require(*name, "an empty name");
	++*names;
	return 0;
}

/* A file of the kind's own; to be freed. */
static char *show(const struct kind *kind, const char *name, int *error)
{
	const struct row *row = kind->dir->rows;
	const struct place place = {.dir = kind->dir};
	struct call call = {.pid = getpid()};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	while (!row->name || strcmp(row->name, name) != 0)
		row++;
	require(out, "no memory");
	*error = row->show(&call, &place, out);
	fclose(out);
	require(strlen(text) == size, "a zero byte");
	return text;
}

/* True if each line but the header begins with as many numbers as the table has columns. */
static bool is_whole(const struct table *table)
{
	FILE *file = fopen(table->own, "re");
	char *line = NULL, *at, *end;
	size_t room = 0;
	bool header = true, whole = true;

	require(file, "%s", table->own);
	while (getline(&line, &room, file) >= 0) {
		at = line;
		for (int i = 0; !header && i < table->columns; i++, at = end) {
			strtoll(at, &end, i == 2 ? 8 : 10); /* the third is the mode */
			whole = whole && end != at;
		}
		header = false;
	}
	free(line);
	fclose(file);
	return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const struct table *table = &tables[input_byte(&in) % TABLES_COUNT];
	const struct place at = {.dir = table->kind->dir};
	int fd = open(table->own, O_WRONLY | O_TRUNC | O_CLOEXEC), error, same;
	struct call call = {.pid = getpid()};
	json_t *json = NULL;
	unsigned names = 0;
	char *text;

	require(fd >= 0 && write(fd, in.at, in.size) == (ssize_t)in.size, "%s", table->own);
	close(fd);
	text = show(table->kind, "status", &error);
	free(text);
	require(!error || error == -EIO, "%d", error);
	require(error || is_whole(table), "a line that is none was read");
	text = show(table->kind, "status.json", &same);
	if (!same)
		json = json_loads(text, 0, NULL);
	require((same == error || same == -ENOMEM) && (same || json_is_array(json)),
		"%d, then %d: %s", error, same, text);
	free(text);
	/* Who has gone meanwhile may be listed, and not be in the table. */
	error = table->kind->dir->list(&call, &at, count, &names);
	require(same || (!error && names >= json_array_size(json)), "%d, %u names", error, names);
	json_decref(json);
	return 0;
}
