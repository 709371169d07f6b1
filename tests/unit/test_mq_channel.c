/*
 * test_mq_channel - the channels of both families against queues of the kernel.
 */
#include "mq_fixture.h"

/* Both families, in queues that take three messages of up to 8 bytes and 24 bytes in all. */
static int make_small(void **state)
{
	assert_int_equal(mq_mkdir(SYSV ",qbytes=24", 0600), 0);
	assert_int_equal(mq_mkdir(POSIX ",maxmsg=3,msgsize=8", 0600), 0);
	return 0;
}

static int make_large(void **state)
{
	assert_int_equal(mq_mkdir(SYSV, 0600), 0);
	assert_int_equal(mq_mkdir(POSIX, 0600), 0);
	return 0;
}

/* Each test is of one family; its name is the test's initial state. */
#define NAME ((const char *)*state)

static const char *header_of(const char *name)
{
	return name[0] == '0' ? "type=1" : "prio=0";
}

/* Sends as any other program would. */
static void send_raw(const char *name, long number, const char *text, size_t size)
{
	if (name[0] == '0') {
		struct {
			long type;
			char text[8192];
		} message = {number, ""};

		memcpy(message.text, text, size);
		assert_int_equal(msgsnd(msgget(0x51, 0), &message, size, IPC_NOWAIT), 0);
	} else {
		mqd_t queue = mq_open("/" POSIX, O_WRONLY | O_NONBLOCK);

		assert_int_equal(mq_send(queue, text, size, (unsigned)number), 0);
		mq_close(queue);
	}
}

static void send_text(const char *name, const char *text)
{
	send_raw(name, 1, text, strlen(text));
}

/* Takes as any other program would; -1: nothing there. */
static ssize_t take_raw(const char *name, char *text, long *number)
{
	struct {
		long type;
		char text[8192];
	} message;
	ssize_t size;

	if (name[0] == '0') {
		size = msgrcv(msgget(0x51, 0), &message, sizeof(message.text), 0, IPC_NOWAIT);
	} else {
		mqd_t queue = mq_open("/" POSIX, O_RDONLY | O_NONBLOCK);
		unsigned priority = 0;

		size = mq_receive(queue, message.text, sizeof(message.text), &priority);
		message.type = (long)priority;
		mq_close(queue);
	}
	if (size < 0)
		return -1;
	memcpy(text, message.text, (size_t)size);
	text[size] = '\0';
	if (number)
		*number = message.type;
	return size;
}

static void assert_takes(const char *name, const char *expected)
{
	char text[8193];

	assert_int_equal(take_raw(name, text, NULL), strlen(expected));
	assert_string_equal(text, expected);
}

static void assert_empty(const char *name)
{
	assert_shows(name, "messages", "0\n");
}

static void data_reads_one_message_then_ends(void **state)
{
	struct handle handle = handle_open(NAME, "data");
	char byte[3];

	assert_int_equal(handle_read(&handle, byte, 3), -EAGAIN);
	assert_int_equal(handle_ready(&handle), POLLOUT);
	send_text(NAME, "hello");
	send_text(NAME, "second");
	assert_int_equal(handle_ready(&handle), POLLIN | POLLOUT);
	assert_int_equal(handle_read(&handle, byte, 3), 3);
	assert_memory_equal(byte, "hel", 3);
	assert_reads(&handle, "lo");
	assert_reads(&handle, "");
	assert_reads(&handle, "");
	handle_close(&handle);
	assert_takes(NAME, "second");

	/* At its end it is readable, whatever the queue holds. */
	send_text(NAME, "x");
	handle = handle_open(NAME, "data");
	assert_reads(&handle, "x");
	assert_int_equal(handle_ready(&handle), POLLIN | POLLOUT);
	assert_reads(&handle, "");
	handle_close(&handle);

	/* An empty message is one, too: nothing, and then the end. */
	send_text(NAME, "");
	send_text(NAME, "next");
	handle = handle_open(NAME, "data");
	assert_reads(&handle, "");
	assert_reads(&handle, "");
	handle_close(&handle);
	assert_takes(NAME, "next");
	assert_empty(NAME);
}

static void each_reads_a_message_a_time(void **state)
{
	struct handle handle = handle_open(NAME, "each");
	char two[2];

	send_text(NAME, "one");
	send_text(NAME, "two\n");
	assert_int_equal(handle_read(&handle, two, 2), 2);
	assert_reads(&handle, "e");
	assert_reads(&handle, "two\n");
	assert_int_equal(handle_read(&handle, two, 2), -EAGAIN);
	send_raw(NAME, 1, "a\0b", 3);
	assert_int_equal(handle_read(&handle, two, 2), 2);
	assert_memory_equal(two, "a\0", 2);
	/* The rest is there without the queue. */
	assert_empty(NAME);
	assert_int_equal(handle_ready(&handle), POLLIN | POLLOUT);
	assert_reads(&handle, "b");
	assert_int_equal(handle_ready(&handle), POLLOUT);
	handle_close(&handle);
}

static void lines_end_in_a_newline(void **state)
{
	struct handle handle = handle_open(NAME, "lines");
	char two[2];

	send_text(NAME, "one");
	send_text(NAME, "two\n");
	send_text(NAME, "");
	assert_reads(&handle, "one\n");
	assert_reads(&handle, "two\n");
	assert_reads(&handle, "\n");
	send_text(NAME, "full8byt");
	assert_int_equal(handle_read(&handle, two, 2), 2);
	assert_reads(&handle, "ll8byt\n");
	assert_int_equal(handle_read(&handle, two, 2), -EAGAIN);
	handle_close(&handle);
}

static void bulk_reads_whole_messages(void **state)
{
	struct handle handle = handle_open(NAME, "bulk");
	char buffer[20];

	assert_int_equal(handle_read(&handle, buffer, 20), -EAGAIN);
	send_text(NAME, "one");
	send_text(NAME, "two\n");
	send_text(NAME, "8 bytes!");
	assert_reads(&handle, "one\ntwo\n8 bytes!\n");
	assert_int_equal(handle_read(&handle, buffer, 20), -EAGAIN);
	/* Of what does not fit whole nothing is taken; of the first there is a rest. */
	send_text(NAME, "longer");
	send_text(NAME, "8 bytes!");
	send_text(NAME, "8 bytes?");
	assert_int_equal(handle_read(&handle, buffer, 4), 4);
	assert_memory_equal(buffer, "long", 4);
	assert_shows(NAME, "messages", "2\n");
	assert_int_equal(handle_read(&handle, buffer, 12), 12);
	assert_memory_equal(buffer, "er\n8 bytes!\n", 12);
	assert_shows(NAME, "messages", "1\n");
	assert_reads(&handle, "8 bytes?\n");
	/* The newline must fit, too. */
	send_text(NAME, "8 bytes!");
	send_text(NAME, "8 bytes?");
	assert_int_equal(handle_read(&handle, buffer, 17), 9);
	assert_shows(NAME, "messages", "1\n");
	assert_int_equal(handle_read(&handle, buffer, 18), 9);
	handle_close(&handle);
}

static void framed_reads_a_header(void **state)
{
	struct handle handle = handle_open(NAME, "framed");
	char expected[64], text[16];

	send_raw(NAME, 7, "a\nb", 3);
	snprintf(expected, sizeof(expected), "%.4s=7 size=3\na\nb", header_of(NAME));
	assert_reads(&handle, expected);
	assert_reads(&handle, "");
	handle_close(&handle);

	send_raw(NAME, 1, "", 0);
	handle = handle_open(NAME, "framed");
	assert_int_equal(handle_read(&handle, text, 7), 7);
	assert_memory_equal(text, NAME[0] == '0' ? "type=1 " : "prio=1 ", 7);
	assert_reads(&handle, "size=0\n");
	assert_reads(&handle, "");
	handle_close(&handle);
}

static void a_write_is_a_message(void **state)
{
	const char *const files[] = {"data", "each"};
	char text[16], *large;
	size_t done = 0;
	long number;

	for (int i = 0; i < 2; i++) {
		struct handle handle = handle_open(NAME, files[i]);

		assert_int_equal(handle_puts(&handle, "a\nb\n"), 4);
		assert_int_equal(handle_write(&handle, "", 0, &done), 0);
		assert_int_equal(handle_puts(&handle, "12345678"), 8);
		assert_int_equal(handle_ready(&handle), NAME[0] == '0' ? POLLIN | POLLOUT : POLLIN);
		assert_int_equal(take_raw(NAME, text, &number), 4);
		assert_string_equal(text, "a\nb\n");
		assert_int_equal(number, NAME[0] == '0' ? 1 : 0);
		assert_takes(NAME, "");
		assert_takes(NAME, "12345678");
		/* All of it gone already: nothing more to do. */
		done = 1;
		assert_int_equal(handle_write(&handle, "x", 1, &done), 1);
		assert_empty(NAME);
		done = 0;
		handle_close(&handle);
	}
	struct handle handle = handle_open(NAME, "data");

	/* Longer than the queue takes, and longer than comes in one piece. */
	assert_int_equal(handle_puts(&handle, "1234567890123456789012345"), -EMSGSIZE);
	assert_non_null(strstr(call.reason, NAME[0] == '0' ? "qbytes" : "msgsize, which is 8"));
	large = calloc(1, 255 * 4096 + 1);
	assert_int_equal(handle_write(&handle, large, 9000, &done), -EMSGSIZE);
	assert_non_null(strstr(call.reason, NAME[0] == '0' ? "kernel.msgmax" : "msgsize"));
	assert_int_equal(handle_write(&handle, large, 255 * 4096 + 1, &done), -EMSGSIZE);
	assert_non_null(strstr(call.reason, "framed"));
	assert_int_equal(done, 0);
	free(large);
	assert_empty(NAME);
	handle_close(&handle);
}

/* Fills the queue with three messages of 8 bytes. */
static void fill(const char *name)
{
	for (int i = 0; i < 3; i++)
		send_text(name, "fill8byt");
}

static void empty(const char *name)
{
	char text[8193];

	while (take_raw(name, text, NULL) >= 0)
		;
}

static void a_full_queue_takes_nothing(void **state)
{
	struct handle handle = handle_open(NAME, "data");

	fill(NAME);
	assert_int_equal(handle_puts(&handle, "x"), -EAGAIN);
	assert_int_equal(handle_ready(&handle), POLLIN);
	assert_shows(NAME, "messages", "3\n");
	handle_close(&handle);
}

static void written_lines_are_messages(void **state)
{
	const char *const files[] = {"lines", "bulk"};

	for (int i = 0; i < 2; i++) {
		struct handle handle = handle_open(NAME, files[i]);

		assert_int_equal(handle_puts(&handle, "one\n\ntw"), 7);
		assert_takes(NAME, "one");
		assert_takes(NAME, "");
		assert_empty(NAME);
		assert_int_equal(handle_puts(&handle, "o"), 1);
		assert_int_equal(handle_puts(&handle, "\nrest"), 5);
		assert_takes(NAME, "two");
		assert_empty(NAME);
		assert_int_equal(handle.channel->flush(&call, handle.state), 0);
		assert_takes(NAME, "rest");
		assert_int_equal(handle.channel->flush(&call, handle.state), 0);
		assert_empty(NAME);
		handle_close(&handle);
	}
}

static void a_flush_waits_its_turn(void **state)
{
	struct handle handle = handle_open(NAME, "lines");

	assert_int_equal(handle_puts(&handle, "tail"), 4);
	fill(NAME);
	assert_int_equal(handle.channel->flush(&call, handle.state), -EAGAIN);
	assert_int_equal(handle.channel->flush(&call, handle.state), -EAGAIN);
	empty(NAME);
	assert_int_equal(handle.channel->flush(&call, handle.state), 0);
	assert_takes(NAME, "tail");
	handle_close(&handle);
}

static void blocked_lines_go_on_where_they_were(void **state)
{
	static const char text[] = "8 bytes1\n8 bytes2\n8 bytes3\n8 bytes4\nrest";
	struct handle handle = handle_open(NAME, "lines");
	size_t done = 0;

	assert_int_equal(handle_puts(&handle, "8 b"), 3);
	/* The first line is what was kept and the rest of it. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(handle_write(&handle, text + 3, sizeof(text) - 4, &done), -EAGAIN);
		assert_int_equal(done, 24);
	}
	assert_shows(NAME, "messages", "3\n");
	assert_takes(NAME, "8 bytes1");
	assert_int_equal(handle_write(&handle, text + 3, sizeof(text) - 4, &done),
			 sizeof(text) - 4);
	assert_int_equal(done, sizeof(text) - 4);
	assert_takes(NAME, "8 bytes2");
	assert_takes(NAME, "8 bytes3");
	assert_takes(NAME, "8 bytes4");
	assert_int_equal(handle.channel->flush(&call, handle.state), 0);
	assert_takes(NAME, "rest");
	handle_close(&handle);
}

static void a_blocked_write_changes_nothing(void **state)
{
	struct handle handle = handle_open(NAME, "lines");
	char frame[64];

	/* A line that is given up leaves what was kept before it as it was. */
	assert_int_equal(handle_puts(&handle, "keep"), 4);
	fill(NAME);
	assert_int_equal(handle_puts(&handle, "XX\nYY\nZZ"), -EAGAIN);
	empty(NAME);
	assert_int_equal(handle_puts(&handle, "ed\n"), 3);
	assert_takes(NAME, "keeped");
	assert_empty(NAME);
	handle_close(&handle);

	/* So does a frame: before its header, in it, and in its payload. */
	handle = handle_open(NAME, "framed");
	fill(NAME);
	snprintf(frame, sizeof(frame), "%s size=4\nabcd", header_of(NAME));
	for (size_t cut = 0; cut < strlen(frame); cut++) {
		size_t done = 0;

		assert_int_equal(handle_write(&handle, frame, cut, &done), cut);
		for (int i = 0; i < 2; i++) {
			done = 0;
			assert_int_equal(
				handle_write(&handle, frame + cut, strlen(frame) - cut, &done),
				-EAGAIN);
			assert_int_equal(done, 0);
		}
		empty(NAME);
		assert_int_equal(handle_puts(&handle, frame + cut), strlen(frame) - cut);
		assert_takes(NAME, "abcd");
		assert_empty(NAME);
		fill(NAME);
	}
	handle_close(&handle);
}

static void a_line_too_long_is_refused(void **state)
{
	struct handle handle = handle_open(NAME, "lines");
	const char *limit = NAME[0] == '0' ? "24" : "8";
	const char *large = "this line has more than 24 bytes\n";

	assert_int_equal(handle_puts(&handle, large), -EMSGSIZE);
	assert_non_null(strstr(call.reason, limit));
	/* After lines that went: their count, and the next write meets the error. */
	assert_int_equal(handle_puts(&handle, "ok\nthis line has more than 24 bytes\n"), 3);
	assert_int_equal(handle_puts(&handle, large), -EMSGSIZE);
	assert_takes(NAME, "ok");
	/* One that grows too long is dropped. */
	assert_int_equal(handle_puts(&handle, "1234567"), 7);
	assert_int_equal(handle_puts(&handle, "\n"), 1);
	assert_takes(NAME, "1234567");
	assert_int_equal(handle_puts(&handle, "1234567"), 7);
	assert_int_equal(handle_puts(&handle, "901234567890123456"), -EMSGSIZE);
	assert_non_null(strstr(call.reason, limit));
	assert_int_equal(handle_puts(&handle, "new\n"), 4);
	assert_takes(NAME, "new");
	assert_int_equal(handle_puts(&handle, "ok\nthis grows longer than 24 bytes"), 3);
	assert_takes(NAME, "ok");
	assert_int_equal(handle.channel->flush(&call, handle.state), 0);
	assert_empty(NAME);
	handle_close(&handle);
}

static void frames_are_gathered(void **state)
{
	struct handle handle = handle_open(NAME, "framed");
	const char *key = NAME[0] == '0' ? "type" : "prio";
	char frames[128], text[16];
	long number;

	snprintf(frames, sizeof(frames), "%s=5 size=3\na\nbsize=0\nsize=2 %s=9\nxy", key, key);
	for (size_t piece = 1; piece <= strlen(frames); piece++) {
		for (size_t at = 0; at < strlen(frames);) {
			size_t now = strlen(frames) - at < piece ? strlen(frames) - at : piece;
			size_t done = 0;

			assert_int_equal(handle_write(&handle, frames + at, now, &done), now);
			at += now;
		}
		/* POSIX gives the highest priority first. */
		if (NAME[0] == '0') {
			assert_int_equal(take_raw(NAME, text, &number), 3);
			assert_string_equal(text, "a\nb");
			assert_int_equal(number, 5);
			assert_int_equal(take_raw(NAME, text, &number), 0);
			assert_int_equal(number, 1);
			assert_int_equal(take_raw(NAME, text, &number), 2);
			assert_int_equal(number, 9);
		} else {
			assert_int_equal(take_raw(NAME, text, &number), 2);
			assert_int_equal(number, 9);
			assert_int_equal(take_raw(NAME, text, &number), 3);
			assert_int_equal(number, 5);
			assert_int_equal(take_raw(NAME, text, &number), 0);
			assert_int_equal(number, 0);
		}
		assert_empty(NAME);
	}
	/* A frame that is not complete at the end is dropped. */
	assert_int_equal(handle_puts(&handle, "size=5\nabc"), 10);
	handle_close(&handle);
	assert_empty(NAME);
}

static void wrong_frames_are_refused(void **state)
{
	struct handle handle = handle_open(NAME, "framed");

	assert_int_equal(handle_puts(&handle, "hello\n"), -EINVAL);
	assert_non_null(strstr(call.reason, "hello"));
	assert_int_equal(handle_puts(&handle, "size=1\nasize=1\nbhello\n"), 16);
	assert_int_equal(handle_puts(&handle, "hello\n"), -EINVAL);
	assert_int_equal(handle_puts(&handle, "size=25\n"), -EMSGSIZE);
	assert_non_null(strstr(call.reason, NAME[0] == '0' ? "24" : "8"));
	/* Refused before its payload comes, and what was gathered of it forgotten. */
	assert_int_equal(handle_puts(&handle, "size=999"), 8);
	assert_int_equal(handle_puts(&handle, "9\n"), -EMSGSIZE);
	assert_int_equal(handle_puts(&handle, "size=1\nc"), 8);
	assert_takes(NAME, "a");
	assert_takes(NAME, "b");
	assert_takes(NAME, "c");
	assert_empty(NAME);
	handle_close(&handle);
}

static void frames_block_and_go_on(void **state)
{
	static const char frames[] = "size=8\n8 bytes1size=8\n8 bytes2size=8\n8 bytes3size=2\nno";
	struct handle handle = handle_open(NAME, "framed");
	size_t done = 0;

	assert_int_equal(handle_write(&handle, frames, sizeof(frames) - 1, &done), -EAGAIN);
	assert_int_equal(done, 45);
	assert_int_equal(handle_write(&handle, frames, sizeof(frames) - 1, &done), -EAGAIN);
	assert_int_equal(done, 45);
	assert_takes(NAME, "8 bytes1");
	assert_int_equal(handle_write(&handle, frames, sizeof(frames) - 1, &done),
			 sizeof(frames) - 1);
	assert_takes(NAME, "8 bytes2");
	assert_takes(NAME, "8 bytes3");
	assert_takes(NAME, "no");
	handle_close(&handle);
}

static void a_removed_queue_is_gone(void **state)
{
	const char *const files[] = {"data", "each", "lines", "bulk", "framed"};
	struct handle handles[5];
	char buffer[8];

	for (int i = 0; i < 5; i++)
		handles[i] = handle_open(NAME, files[i]);
	send_text(NAME, "rest");
	assert_int_equal(handle_read(&handles[1], buffer, 2), 2);
	assert_int_equal(handle_puts(&handles[2], "tail"), 4);
	for (int i = 0; i < 5; i++)
		assert_int_equal(handles[i].channel->gone(handles[i].state), 0);
	/* Nobody takes what goes with the queue. */
	send_text(NAME, "left");
	assert_int_equal(mq_rmdir(NAME), 0);
	/* What was taken is the reader's. */
	assert_reads(&handles[1], "st");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(handles[i].channel->gone(handles[i].state), -EIDRM);
		assert_int_equal(handle_ready(&handles[i]), POLLIN | POLLOUT);
		assert_int_equal(handle_read(&handles[i], buffer, 8), -EIDRM);
		assert_int_equal(handle_puts(&handles[i], "size=1\na\n"), -EIDRM);
	}
	assert_int_equal(handles[2].channel->flush(&call, handles[2].state), -EIDRM);
	for (int i = 0; i < 5; i++)
		handle_close(&handles[i]);
	assert_int_equal(handle_try(SYSV[0] == NAME[0] ? POSIX : SYSV, "data", O_RDWR, handles), 0);
	handle_close(handles);
}

static void megabytes_of_lines_arrive(void **state)
{
	enum { LINES = 100000, LINE = 20 };
	struct handle writer = handle_open(NAME, "lines"), reader = handle_open(NAME, "bulk");
	char *text = malloc(LINES * LINE + 1), *back = malloc(LINES * LINE + 1);
	size_t sent = 0, taken = 0;

	assert_non_null(text);
	assert_non_null(back);
	for (int i = 0; i < LINES; i++)
		sprintf(text + (ptrdiff_t)i * LINE, "this is line %06d\n", i);
	while (taken < LINES * LINE) {
		/* Pieces that end anywhere. */
		size_t piece = LINES * LINE - sent < 999983 ? LINES * LINE - sent : 999983;
		size_t done = 0;
		ssize_t result = handle_write(&writer, text + sent, piece, &done);

		assert_true(result == -EAGAIN || result == (ssize_t)piece);
		sent += done;
		result = handle_read(&reader, back + taken, LINES * LINE - taken);
		assert_true(result > 0);
		taken += (size_t)result;
	}
	assert_memory_equal(text, back, LINES * LINE);
	free(text);
	free(back);
	handle_close(&writer);
	handle_close(&reader);
}

#define BOTH(test, make)                                                          \
	{"sysv: " #test, test, make, remove_all, (void *)(uintptr_t)SYSV},        \
	{                                                                         \
		"posix: " #test, test, make, remove_all, (void *)(uintptr_t)POSIX \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(data_reads_one_message_then_ends, make_small),
		BOTH(each_reads_a_message_a_time, make_small),
		BOTH(lines_end_in_a_newline, make_small),
		BOTH(bulk_reads_whole_messages, make_small),
		BOTH(framed_reads_a_header, make_small),
		BOTH(a_write_is_a_message, make_small),
		BOTH(a_full_queue_takes_nothing, make_small),
		BOTH(written_lines_are_messages, make_small),
		BOTH(a_flush_waits_its_turn, make_small),
		BOTH(blocked_lines_go_on_where_they_were, make_small),
		BOTH(a_blocked_write_changes_nothing, make_small),
		BOTH(a_line_too_long_is_refused, make_small),
		BOTH(frames_are_gathered, make_small),
		BOTH(wrong_frames_are_refused, make_small),
		BOTH(frames_block_and_go_on, make_small),
		BOTH(a_removed_queue_is_gone, make_small),
		BOTH(megabytes_of_lines_arrive, make_large),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
