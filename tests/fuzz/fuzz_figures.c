/*
 * fuzz_figures - what is written to set a figure, and the two readers of numbers that most use.
 *
 * Input: a byte that chooses the figure, and the text.  What is refused changes nothing; what is
 * taken is shown, and taken again.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "common/names.h"
#include "fuzz.h"
#include "isolate.h"
#include "kinds.h"

static struct figure {
	const struct kind *kind;
	const char *make, *name;
	const struct row *row;
	struct place place;
	char kept[NAME_MAX + 1];
} figures[] = {
	{&shm_kind, "0x51,size=8K", "locked"},  {&shm_kind, "board", "size"},
	{&sem_kind, "0x52", "value"},           {&sem_kind, "0x53,nsems=3", "value"},
	{&sem_kind, "lock", "value"},           {&mq_kind, "0x54", "qbytes"},
	{&pipe_kind, "box,keep=1", "capacity"}, {&pipe_kind, "log", "keep"},
};
enum { FIGURES = sizeof(figures) / sizeof(*figures), READERS = 2 };

static void figure_make(struct figure *figure)
{
	const struct dir *dir = figure->kind->dir;
	const struct place at = {.dir = dir};
	struct call call = {.pid = getpid()};
	int error = dir->make(&call, &at, figure->make, 0600, &figure->place);

	require(!error, "%s: %d %s", figure->make, error, call.reason);
	if (figure->place.name)
		figure->place.name = strcpy(figure->kept, figure->place.name);
	figure->row = figure->place.dir->rows;
	while (figure->row->name && strcmp(figure->row->name, figure->name) != 0)
		figure->row++;
	require(figure->row->store, "%s of %s", figure->name, figure->make);
	figure->place.row = figure->row;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct settings settings = {0};

	isolate();
	for (size_t i = 0; i < FIGURES; i++) {
		if (!i || figures[i].kind != figures[i - 1].kind)
			require(!figures[i].kind->setup(&settings), "%s", figures[i].make);
		figure_make(&figures[i]);
	}
	return 0;
}

/* Without its newline; to be freed. */
static char *show(const struct figure *figure)
{
	struct call call = {.pid = getpid()};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	require(out && !figure->row->show(&call, &figure->place, out) && !fclose(out), "%s of %s",
		figure->name, figure->make);
	require(size > 1 && text[size - 1] == '\n' && strlen(text) == size, "'%s'", text);
	text[size - 1] = '\0';
	return text;
}

static void set(const struct figure *figure, const char *text)
{
	struct call call = {.pid = getpid()};
	char *before = show(figure), *after, *again;
	int error = figure->row->store(&call, &figure->place, text);

	after = show(figure);
	if (error) {
		require(error < 0 && error > -512, "%d", error);
		require(error != -EINVAL || *call.reason, "'%s' is refused without a word", text);
		require(!strcmp(before, after), "'%s' is refused, and made '%s' of '%s'", text,
			after, before);
	} else {
		require(!figure->row->store(&call, &figure->place, after), "'%s' of '%s'", after,
			text);
		again = show(figure);
		require(!strcmp(after, again), "'%s', and then '%s'", after, again);
		free(again);
	}
	free(before);
	free(after);
}

/* Digits, and what is behind them; their value, or INT64_MAX where it is more. */
static int64_t value_of(const char *text, const char **rest)
{
	__int128 value = 0;

	for (*rest = text; **rest >= '0' && **rest <= '9'; ++*rest)
		if (value < INT64_MAX)
			value = value * 10 + (**rest - '0');
	return value < INT64_MAX ? (int64_t)value : INT64_MAX;
}

static void read_number(const char *text, int64_t lowest, int64_t highest)
{
	struct call call = {.reason = ""};
	bool sign = lowest < 0 && (*text == '-' || *text == '+');
	const char *digits = text + sign, *rest;
	int64_t value = value_of(digits, &rest), number = 0;
	int error = number_read(&call, "number", text, lowest, highest, &number);

	if (sign && *text == '-')
		value = -value;
	require(!error == (rest != digits && !*rest && value >= lowest && value <= highest),
		"%d for '%s'", error, text);
	require(!error ? number == value : error == -EINVAL && *call.reason, "'%s'", text);
}

static void numbers(const char *text)
{
	read_number(text, 0, 32767);
	read_number(text, -32768, 32767);
	read_number(text, 1, INT64_MAX - 1);
}

static void sizes(const char *text)
{
	static const char units[] = "KMG";
	const int64_t highest = INT64_C(1) << 40;
	struct call call = {.reason = ""};
	const char *rest, *unit;
	int64_t value = value_of(text, &rest), number = 0;
	int error = size_read(&call, "size", text, 0, highest, &number);
	bool right = rest != text;
	__int128 bytes = value;

	if (*rest) {
		unit = strchr(units, *rest);
		right = right && unit && !rest[1];
		if (right)
			bytes <<= 10 * (unit - units + 1);
	}
	require(!error == (right && bytes <= highest), "%d for '%s'", error, text);
	require(!error ? number == bytes : error == -EINVAL && *call.reason, "'%s'", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[READERS])(const char *text) = {numbers, sizes};
	struct input in = {data, size};
	unsigned which = input_byte(&in) % (FIGURES + READERS);
	char *text = input_text(&in);

	if (which < FIGURES)
		set(&figures[which], text);
	else
		readers[which - FIGURES](text);
	free(text);
	return 0;
}
