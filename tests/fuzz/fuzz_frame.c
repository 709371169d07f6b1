/*
 * fuzz_frame - messages in a stream of bytes: the same ones come out in whatever pieces it is
 * written, and however often the one who takes them is not ready.
 *
 * Input: a byte that chooses the grammar; the longest message that is taken; a byte whose bits say
 * which attempts to send find no room; five bytes, the sizes of the pieces in turn; and the stream.
 */
#include <errno.h>

#include "common/frame.h"
#include "fuzz.h"

/* As that of datagrams has them: keys whose values are no numbers. */
static int to_read(struct call *call, const char *key, const char *value, void *context)
{
	char *to = context;

	if (!key) {
		*to = '\0';
		return 0;
	}
	if (strcmp(key, "to") != 0)
		return -ENOENT;
	if (*to)
		return refuse(call, EINVAL, "to= is there twice");
	if (!*value || strlen(value) > 7)
		return refuse(call, EINVAL, "to= takes 1 to 7 bytes");
	strcpy(to, value);
	return 0;
}

static const struct frame_header headers[] = {
	{.example = "prio=0 size=5", .longest = 128, .name = "prio", .highest = 32767},
	{.example = "type=1 size=5",
	 .longest = 128,
	 .name = "type",
	 .lowest = 1,
	 .highest = INT64_MAX,
	 .otherwise = 1},
	{.example = "to=a size=5", .longest = FRAME_HEADER_MAX, .read = to_read},
};
enum { HEADERS = sizeof(headers) / sizeof(*headers), PIECES = 5 };

/* One that takes messages, and notes each with what its header said. */
struct taker {
	struct call call;
	size_t longest;
	uint8_t no_room; /* a bit for each of eight attempts, over and over */
	unsigned attempts;
	const struct frame_header *header; /* NULL: lines */
	struct frame frame;
	struct frame_lines lines;
	char to[8];
	char *noted;
	size_t noted_size;
	FILE *notes;
	int error;
};

static int taker_fits(struct call *call, void *context, size_t size)
{
	const struct taker *taker = context;

	if (size > taker->longest)
		return refuse(call, EMSGSIZE, "%zu is the longest", taker->longest);
	return 0;
}

static int taker_send(struct call *call, void *context, const char *text, size_t size)
{
	struct taker *taker = context;
	int error = taker_fits(call, context, size);

	if (error)
		return error;
	if (taker->no_room >> (taker->attempts++ & 7) & 1)
		return -EAGAIN;
	fprintf(taker->notes, "%lld %s %zu ", (long long)taker->frame.progress.number, taker->to,
		size);
	fwrite(text, 1, size, taker->notes);
	return 0;
}

static const struct frame_sink sink = {taker_fits, taker_send};

static ssize_t write_some(struct taker *taker, const char *text, size_t size, size_t *done)
{
	if (taker->header)
		return frame_write(&taker->call, &taker->frame, taker->header, &sink, taker, text,
				   size, done);
	return frame_lines_write(&taker->call, &taker->lines, &sink, taker, text, size, done);
}

/*
 * One piece, as a client and what parks its write do it: after -EAGAIN again with the same *done,
 * after a short count with the rest.  An error ends the stream.
 */
static void write_piece(struct taker *taker, const char *text, size_t size)
{
	size_t done = 0;

	while (size && !taker->error) {
		ssize_t result = write_some(taker, text, size, &done);

		require(done <= size, "%zu of %zu", done, size);
		if (result == -EAGAIN)
			continue;
		if (result < 0) {
			require(*taker->call.reason, "refused without a word: %zd", result);
			taker->error = (int)result;
			return;
		}
		require(result > 0 && (size_t)result <= size && (size_t)result == done,
			"%zd of %zu", result, size);
		text += result;
		size -= (size_t)result;
		done = 0;
	}
}

/* What is refused is dropped: the next message is taken as if nothing had been before. */
static void require_taken_afresh(struct taker *taker)
{
	const char *text = taker->header ? "size=1\nx" : "x\n";
	const size_t size = strlen(text);
	unsigned attempts = taker->attempts;
	size_t done = 0;
	ssize_t result;

	if (!taker->error || !taker->longest)
		return;
	do
		result = write_some(taker, text, size, &done);
	while (result == -EAGAIN);
	require(result == (ssize_t)size && taker->attempts > attempts,
		"%zd after %d, and nothing sent", result, taker->error);
}

static void taker_begin(struct taker *taker, const struct frame_header *header, size_t longest,
			uint8_t no_room)
{
	memset(taker, 0, sizeof(*taker));
	taker->header = header;
	taker->longest = longest;
	taker->no_room = no_room == UINT8_MAX ? 0 : no_room;
	taker->frame.context = taker->to;
	taker->notes = open_memstream(&taker->noted, &taker->noted_size);
	require(taker->notes, "no memory");
}

static void taker_end(struct taker *taker)
{
	int error = -EAGAIN;

	require_taken_afresh(taker);
	while (!taker->header && !taker->error && error == -EAGAIN)
		error = frame_lines_flush(&taker->call, &taker->lines, &sink, taker);
	frame_lines_free(&taker->lines);
	frame_free(&taker->frame);
	fclose(taker->notes);
}

/* Each line is a message, as far as none is too long. */
static void require_lines(const struct taker *taker, const char *text, size_t size)
{
	char *expected;
	size_t length;
	FILE *out = open_memstream(&expected, &length);

	require(out, "no memory");
	for (size_t at = 0; at < size;) {
		const char *newline = memchr(text + at, '\n', size - at);
		size_t line = newline ? (size_t)(newline - text) - at : size - at;

		if (line > taker->longest) {
			fputs(taker->longest ? "0  1 x" : "", out);
			break;
		}
		fprintf(out, "0  %zu ", line);
		fwrite(text + at, 1, line, out);
		at += line + 1;
	}
	fclose(out);
	require(length == taker->noted_size && !memcmp(expected, taker->noted, length),
		"'%s' should be '%s'", taker->noted, expected);
	free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t grammar = input_byte(&in) % (HEADERS + 1);
	const struct frame_header *header = grammar < HEADERS ? &headers[grammar] : NULL;
	size_t longest = input_byte(&in), piece[PIECES];
	uint8_t no_room = input_byte(&in);
	struct taker whole, pieces;
	char *text;

	for (int i = 0; i < PIECES; i++)
		piece[i] = input_byte(&in) % 64 + 1;
	text = input_bytes(&in);
	taker_begin(&whole, header, longest, 0);
	write_piece(&whole, text, in.size);
	taker_end(&whole);
	taker_begin(&pieces, header, longest, no_room);
	for (size_t at = 0, i = 0; at < in.size; i++) {
		size_t now = piece[i % PIECES];

		if (now > in.size - at)
			now = in.size - at;
		write_piece(&pieces, text + at, now);
		at += now;
	}
	taker_end(&pieces);
	require(whole.error == pieces.error, "%d, and %d in pieces", whole.error, pieces.error);
	require(whole.noted_size == pieces.noted_size &&
			!memcmp(whole.noted, pieces.noted, whole.noted_size),
		"'%s', and '%s' in pieces", whole.noted, pieces.noted);
	if (!header)
		require_lines(&whole, text, in.size);
	free(whole.noted);
	free(pieces.noted);
	free(text);
	return 0;
}
