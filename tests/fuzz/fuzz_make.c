/*
 * fuzz_make - making objects: names with the attributes of each kind, as mkdir takes them.
 *
 * Input: a byte that chooses the directory, and the name.  Whatever is made is there, under the
 * name by which it is listed, and is gone when it has been removed.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "isolate.h"
#include "fuzz.h"

enum { DIRECTORIES_MAX = 16 };
static const struct dir *directories[DIRECTORIES_MAX];
static unsigned directories_count;

static void note_directories(const struct dir *dir)
{
	if (dir->make && dir->make != refuse_make) {
		require(directories_count < DIRECTORIES_MAX, "too many directories");
		directories[directories_count++] = dir;
	}
	for (const struct row *row = dir->rows; row->type != ROW_END; row++)
		if (row->type == ROW_DIR && row->name)
			note_directories(row->dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct settings settings = {0};

	isolate();
	for (const struct kind *const *kind = kinds; *kind; kind++) {
		require(!(*kind)->setup || !(*kind)->setup(&settings), "%s", (*kind)->name);
		note_directories((*kind)->dir);
	}
	return 0;
}

/* The longest that FUSE lets through.  A name of NAME_MAX bytes that needs a prefix is listed with
 * more. */
enum { NAME_MOST = 1024 };

/* What find and list say of a place lives as long as they say. */
struct object {
	struct place place;
	char name[NAME_MAX + 1];
};

static void keep(struct object *object, const struct place *place)
{
	object->place = *place;
	if (!place->name)
		return;
	require(strlen(place->name) < sizeof(object->name), "'%s'", place->name);
	object->place.name = strcpy(object->name, place->name);
}

static bool is_same(const struct object *one, const struct place *other)
{
	const struct place *place = &one->place;

	if (place->dir != other->dir || !place->name != !other->name)
		return false;
	return place->name ? !strcmp(place->name, other->name) : place->object == other->object;
}

struct listing_of {
	const struct object *wanted;
	char name[NAME_MOST + 1];
	unsigned count;
};

static int look_for(void *context, const char *name, const struct place *place)
{
	struct listing_of *of = context;

	require(*name && strlen(name) <= NAME_MOST && !strchr(name, '/'), "'%s'", name);
	if (is_same(of->wanted, place)) {
		strcpy(of->name, name);
		of->count++;
	}
	return 0;
}

static void require_there(struct call *call, const struct place *at, const struct object *made,
			  const char *text)
{
	struct listing_of of = {.wanted = made};
	struct place found;

	require(!at->dir->list(call, at, look_for, &of) && of.count == 1,
		"'%s' is made, and listed %u times", text, of.count);
	require(!at->dir->find(call, at, of.name, &found) && is_same(made, &found),
		"'%s' is listed as '%s', and not found", text, of.name);
	/* By the name that mkdir had; a port that was not given is the one exception. */
	if (!strstr(text, ":0"))
		require(!at->dir->find(call, at, text, &found) && is_same(made, &found),
			"'%s' is made as '%s', and not found", text, of.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const struct place at = {.dir = directories[input_byte(&in) % directories_count]};
	char *text = input_text(&in);
	struct call call = {.pid = getpid()};
	struct object made;
	struct place place = {NULL};
	int error = -EINVAL;

	/* As the kernel lets it through. */
	if (*text && strlen(text) <= NAME_MOST && !strchr(text, '/') && strcmp(text, ".") &&
	    strcmp(text, ".."))
		error = at.dir->make(&call, &at, text, 0600, &place);
	else
		strcpy(call.reason, "none");
	if (error) {
		require(error < 0 && error > -512, "%d for '%s'", error, text);
		require((error != -EINVAL && error != -ENAMETOOLONG) || *call.reason,
			"'%s' is refused without a word", text);
		free(text);
		return 0;
	}
	keep(&made, &place);
	require_there(&call, &at, &made, text);
	error = made.place.dir->remove(&call, &made.place);
	require(!error, "'%s' is not removed: %d", text, error);
	error = at.dir->find(&call, &at, text, &place);
	require(error, "'%s' is there after it was removed", text);
	free(text);
	return 0;
}
