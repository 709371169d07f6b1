/*
 * test_frame - lines and framed messages are found in whatever pieces they are written.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/frame.h"

static const struct frame_header prio = {
	.example = "prio=0 size=5", .longest = 128, .name = "prio", .lowest = 0, .highest = 32767};
static const struct frame_header type = {.example = "type=1 size=5",
					 .longest = 128,
					 .name = "type",
					 .lowest = 1,
					 .highest = INT64_MAX,
					 .otherwise = 1};

static void expect_line(struct frame_lines *lines, const char **text, const char *expected)
{
	const char *line;
	size_t length;
	ssize_t used = frame_lines_next(NULL, lines, *text, strlen(*text), &line, &length);

	assert_true(used > 0);
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(line, expected, length);
	frame_lines_drop(lines);
	*text += used;
}

static void lines_in_one_piece(void **state)
{
	struct frame_lines lines = {0};
	const char *text = "one\n\ntwo\nrest", *line;
	size_t length;

	expect_line(&lines, &text, "one");
	expect_line(&lines, &text, "");
	expect_line(&lines, &text, "two");
	assert_int_equal(frame_lines_next(NULL, &lines, text, strlen(text), &line, &length), 0);
	assert_null(lines.text); /* nothing had to be gathered */
}

static void a_line_is_joined_and_stays_until_dropped(void **state)
{
	struct frame_lines lines = {0};
	const char *line, *more = "ee\nfour\n";
	size_t length;

	assert_int_equal(frame_lines_keep(NULL, &lines, "th", 2), 0);
	assert_int_equal(frame_lines_keep(NULL, &lines, "r", 1), 0);
	for (int i = 0; i < 3; i++) {
		/* Not sent: the same again, as often as it is tried. */
		assert_int_equal(frame_lines_next(NULL, &lines, more, strlen(more), &line, &length),
				 3);
		assert_int_equal(length, 5);
		assert_memory_equal(line, "three", 5);
		assert_int_equal(lines.length, 3);
	}
	expect_line(&lines, &more, "three");
	expect_line(&lines, &more, "four");
	frame_lines_free(&lines);
	assert_null(lines.text);
}

static void lines_survive_every_cut(void **state)
{
	static const char text[] = "alpha\n\nbe\xffta\ngamma delta\n";
	const size_t size = sizeof(text) - 1;

	for (size_t cut = 0; cut <= size; cut++) {
		struct frame_lines lines = {0};
		const size_t ends[] = {cut, size};
		char joined[64] = "";
		size_t at = 0, length;
		const char *line;

		for (int piece = 0; piece < 2; piece++) {
			while (at < ends[piece]) {
				ssize_t used = frame_lines_next(NULL, &lines, text + at,
								ends[piece] - at, &line, &length);

				assert_true(used >= 0);
				if (!used) {
					assert_int_equal(frame_lines_keep(NULL, &lines, text + at,
									  ends[piece] - at),
							 0);
					at = ends[piece];
					continue;
				}
				strncat(joined, line, length);
				strcat(joined, "\n");
				frame_lines_drop(&lines);
				at += (size_t)used;
			}
		}
		assert_string_equal(joined, text);
		assert_int_equal(lines.length, 0);
		frame_lines_free(&lines);
	}
}

static uint64_t operations_of(uid_t uid)
{
	struct quota_use *uses;
	ssize_t count = quota_uses(&uses);
	uint64_t used = 0;

	for (ssize_t i = 0; i < count; i++)
		if (uses[i].uid == uid)
			used = uses[i].used[QUOTA_WAITING];
	free(uses);
	return used;
}

static int nothing_fits(struct call *call, void *context, const char *text, size_t size)
{
	return -EAGAIN;
}

static int all_fits(struct call *call, void *context, const char *text, size_t size)
{
	return 0;
}

static void a_line_without_end_is_an_operation(void **state)
{
	enum { USER = 4711 };
	static const struct frame_sink full = {.send = nothing_fits}, empty = {.send = all_fits};
	struct frame_lines lines = frame_lines_of(USER), another = frame_lines_of(USER);

	assert_int_equal(quota_set("waiting_max", "1"), 0);
	assert_int_equal(frame_lines_keep(NULL, &lines, "o", 1), 0);
	assert_int_equal(frame_lines_keep(NULL, &lines, "ne", 2), 0);
	assert_int_equal(operations_of(USER), 1);
	assert_int_equal(frame_lines_keep(NULL, &another, "t", 1), -EDQUOT);
	assert_int_equal(another.length, 0);
	frame_lines_drop(&lines);
	assert_int_equal(operations_of(USER), 0);
	assert_int_equal(frame_lines_keep(NULL, &another, "two", 3), 0);
	assert_int_equal(frame_lines_keep(NULL, &lines, "o", 1), -EDQUOT);
	/* The close that sends it is that operation, to its end. */
	assert_int_equal(frame_lines_flush(NULL, &another, &full, NULL), -EAGAIN);
	assert_int_equal(frame_lines_flush(NULL, &another, &empty, NULL), 0);
	assert_int_equal(operations_of(USER), 1);
	frame_lines_free(&another);
	assert_int_equal(operations_of(USER), 0);
	frame_lines_free(&lines);
}

/* Feeds @text in pieces of @piece bytes; returns what went wrong, or the bytes of the frame. */
static ssize_t feed(struct call *call, struct frame *frame, const struct frame_header *header,
		    const char *text, size_t size, size_t piece, const char **payload)
{
	size_t used = 0;

	*payload = NULL;
	while (used < size && !*payload) {
		size_t now = size - used < piece ? size - used : piece;
		ssize_t taken;

		if (!frame->progress.header_read) {
			taken = frame_feed_header(call, frame, header, text + used, now);
			if (taken < 0)
				return taken;
			assert_true(taken > 0 && (size_t)taken <= now);
			used += (size_t)taken;
			now -= (size_t)taken;
			if (!frame->progress.header_read)
				continue;
		}
		taken = frame_feed_payload(NULL, frame, text + used, now, payload);
		assert_true(taken >= 0 && (size_t)taken <= now);
		used += (size_t)taken;
	}
	return (ssize_t)used;
}

static void a_frame_survives_every_piece(void **state)
{
	static const char text[] = "prio=7 size=11\nhello\nworldprio=";
	const size_t frame_size = sizeof(text) - 1 - 5;

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct frame frame = {0};
		const char *payload;
		struct call call = {0};

		assert_int_equal(
			feed(&call, &frame, &prio, text, sizeof(text) - 1, piece, &payload),
			frame_size);
		assert_non_null(payload);
		assert_int_equal(frame.progress.number, 7);
		assert_int_equal(frame.progress.size, 11);
		assert_memory_equal(payload, "hello\nworld", 11);
		frame_drop(&frame);
		assert_false(frame.progress.header_read);
		frame_free(&frame);
	}
}

static void headers_that_are_right(void **state)
{
	static const struct {
		const char *text;
		const struct frame_header *header;
		int64_t number;
		size_t size;
	} right[] = {
		{"prio=0 size=0\n", &prio, 0, 0},
		{"size=0\n", &prio, 0, 0},
		{"size=0\n", &type, 1, 0},
		{"size=0 prio=32767\n", &prio, 32767, 0},
		{"type=9223372036854775807 size=0\n", &type, INT64_MAX, 0},
		{" size=0  type=5 \n", &type, 5, 0},
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++) {
		struct frame frame = {0};
		const char *payload;
		struct call call = {0};

		assert_int_equal(feed(&call, &frame, right[i].header, right[i].text,
				      strlen(right[i].text), 100, &payload),
				 strlen(right[i].text));
		assert_non_null(payload); /* size=0: an empty message, complete */
		assert_int_equal(frame.progress.number, right[i].number);
		assert_int_equal(frame.progress.size, right[i].size);
		frame_free(&frame);
	}
}

static void headers_that_are_wrong(void **state)
{
	static const struct {
		const char *text;
		const struct frame_header *header;
		const char *reason; /* a part of it */
	} wrong[] = {
		{"\n", &prio, "without size="},
		{"prio=1\n", &prio, "without size="},
		{"prio=32768 size=1\n", &prio, "32767"},
		{"prio=-1 size=1\n", &prio, "'-1'"},
		{"type=0 size=1\n", &type, "'0'"},
		{"type=1 size=1\n", &prio, "type"},
		{"prio=1 size=1\n", &type, "prio"},
		{"size=-1\n", &prio, "'-1'"},
		{"size=1 size=1\n", &prio, "twice"},
		{"prio=1 prio=1 size=1\n", &prio, "twice"},
		{"size\n", &prio, "KEY=NUMBER"},
		{"size=\n", &prio, "size"},
		{"size=1x\n", &prio, "'1x'"},
		{"size=99999999999999999999\n", &prio, "size"},
		{"hello world\n", &prio, "hello"},
	};
	struct frame frame = {0};
	struct call call = {0};
	const char *payload;
	char longest[200];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		for (size_t piece = 1; piece < 40; piece += 38) {
			call.reason[0] = '\0';
			assert_int_equal(feed(&call, &frame, wrong[i].header, wrong[i].text,
					      strlen(wrong[i].text), piece, &payload),
					 -EINVAL);
			if (!strstr(call.reason, wrong[i].reason))
				fail_msg("'%s' says '%s'", wrong[i].text, call.reason);
			frame_drop(&frame);
		}
	assert_int_equal(feed(&call, &frame, &prio, "size=0\0\n", 8, 100, &payload), -EINVAL);
	frame_drop(&frame);
	memset(longest, ' ', sizeof(longest));
	assert_int_equal(feed(&call, &frame, &prio, longest, sizeof(longest), 50, &payload),
			 -EINVAL);
	assert_non_null(strstr(call.reason, "128 bytes"));
	frame_free(&frame);
}

static void progress_put_back_undoes_what_was_fed(void **state)
{
	static const char first[] = "prio=3 si", second[] = "ze=6\nabc", third[] = "def";
	struct frame frame = {0};
	struct call call = {0};
	const char *payload;

	feed(&call, &frame, &prio, first, strlen(first), 100, &payload);
	for (int i = 0; i < 3; i++) {
		struct frame_progress before = frame.progress;

		feed(&call, &frame, &prio, second, strlen(second), 100, &payload);
		assert_true(frame.progress.header_read);
		frame.progress = before;
	}
	feed(&call, &frame, &prio, second, strlen(second), 2, &payload);
	assert_null(payload);
	for (int i = 0; i < 3; i++) {
		struct frame_progress before = frame.progress;

		feed(&call, &frame, &prio, third, strlen(third), 1, &payload);
		assert_non_null(payload);
		assert_memory_equal(payload, "abcdef", 6);
		frame.progress = before;
	}
	frame_free(&frame);
}

static void a_size_reserves_no_memory(void **state)
{
	struct frame frame = {0};
	struct call call = {0};
	const char *payload, text[] = "size=9223372036854775807\nabc";

	assert_int_equal(feed(&call, &frame, &prio, text, strlen(text), 100, &payload),
			 strlen(text));
	assert_null(payload);
	assert_int_equal(frame.progress.have, 3);
	assert_true(frame.capacity < 4096);
	frame_free(&frame);
}

static void a_header_printed_can_be_read(void **state)
{
	const char *payload;
	struct call call = {0};
	struct frame frame = {0};
	char text[FRAME_HEADER_SIZE];
	size_t length = frame_header_print(&type, INT64_MAX, 0, text);

	assert_string_equal(text, "type=9223372036854775807 size=0\n");
	assert_int_equal(length, strlen(text));
	assert_int_equal(feed(&call, &frame, &type, text, length, 100, &payload), length);
	assert_int_equal(frame.progress.number, INT64_MAX);
	/* The longest there can be has room. */
	assert_true(frame_header_print(&type, INT64_MAX, SIZE_MAX, text) < FRAME_HEADER_SIZE);
	frame_free(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_one_piece),
		cmocka_unit_test(a_line_is_joined_and_stays_until_dropped),
		cmocka_unit_test(lines_survive_every_cut),
		cmocka_unit_test(a_line_without_end_is_an_operation),
		cmocka_unit_test(a_frame_survives_every_piece),
		cmocka_unit_test(headers_that_are_right),
		cmocka_unit_test(headers_that_are_wrong),
		cmocka_unit_test(progress_put_back_undoes_what_was_fed),
		cmocka_unit_test(a_size_reserves_no_memory),
		cmocka_unit_test(a_header_printed_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
