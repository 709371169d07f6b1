/*
 * test_mq_sysv - what only System V queues have: types, peeking, blocking calls, growing messages.
 */
#include "mq_fixture.h"

static int make(void **state)
{
	return mq_mkdir(SYSV, 0600);
}

static int queue_id(void)
{
	return msgget(0x51, 0);
}

static void send_type(long type, const char *text)
{
	struct {
		long type;
		char text[64];
	} message = {type, ""};

	strcpy(message.text, text);
	assert_int_equal(msgsnd(queue_id(), &message, strlen(text), IPC_NOWAIT), 0);
}

static void assert_type_reads(const char *file, const char *expected)
{
	struct handle handle = handle_open(SYSV, file);

	assert_reads(&handle, expected);
	assert_reads(&handle, ""); /* one, then the end */
	handle_close(&handle);
}

static void types_choose_what_is_read(void **state)
{
	struct handle handle;
	char byte;

	send_type(7, "seven");
	send_type(3, "three");
	send_type(5, "five");
	send_type(3, "again");
	send_type(9, "nine");
	assert_type_reads("type/3", "three");
	assert_type_reads("type/-6", "again");
	assert_type_reads("type/not-7", "five");
	assert_type_reads("type/0", "seven");
	handle = handle_open(SYSV, "type/8");
	assert_int_equal(handle_read(&handle, &byte, 1), -EAGAIN);
	assert_int_equal(handle_ready(&handle), POLLOUT);
	send_type(8, "x");
	assert_int_equal(handle_ready(&handle), POLLIN | POLLOUT);
	assert_reads(&handle, "x");
	handle_close(&handle);

	/* Types, not places in the queue, make ready: only 9 is there. */
	static const struct {
		const char *file;
		short ready;
	} cases[] = {{"type/9", POLLIN},
		     {"type/-9", POLLIN},
		     {"type/-8", 0},
		     {"type/not-9", 0},
		     {"type/not-1", POLLIN},
		     {"type/0", POLLIN},
		     {"type/9223372036854775807", 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		handle = handle_open(SYSV, cases[i].file);
		assert_int_equal(handle_ready(&handle), cases[i].ready | POLLOUT);
		handle_close(&handle);
	}
}

static void types_are_written(void **state)
{
	struct handle handle = handle_open(SYSV, "type/42");
	static const char *const reading_only[] = {"type/0", "type/-1", "type/not-2"};

	assert_int_equal(handle_puts(&handle, "answer"), 6);
	handle_close(&handle);
	handle = handle_open(SYSV, "framed");
	assert_reads(&handle, "type=42 size=6\nanswer");
	handle_close(&handle);
	for (int i = 0; i < 3; i++) {
		handle = handle_open(SYSV, reading_only[i]);
		assert_int_equal(handle_puts(&handle, "x"), -EINVAL);
		assert_non_null(strstr(call.reason, reading_only[i] + 5));
		handle_close(&handle);
	}
	assert_shows(SYSV, "messages", "0\n");
}

static void names_of_types(void **state)
{
	static const char *const wrong[] = {"",
					    "-",
					    "-0",
					    "not-",
					    "not-0",
					    "not--1",
					    "+1",
					    "1x",
					    "x",
					    "--1",
					    "9223372036854775808"};
	struct place place = {NULL};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(dir_row(mq_at(SYSV).dir, "type")->number(wrong[i], &place),
				 -ENOENT);
	assert_int_equal(dir_row(mq_at(SYSV).dir, "type")->number("not-12", &place), 0);
	assert_int_equal(place.number, 12);
	assert_true(place.inverted);
}

static void waiting_ends_as_the_kernel_says(void **state)
{
	struct handle handle = handle_open(SYSV, "each");
	struct waiter waiter = {.handle = &handle, .size = 10};

	/* A message. */
	waiter_start(&waiter);
	send_type(1, "come");
	assert_int_equal(waiter_end(&waiter), 4);
	assert_memory_equal(waiter.buffer, "come", 4);
	/* A signal: nothing is taken. */
	waiter_start(&waiter);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	send_type(1, "later");
	assert_shows(SYSV, "messages", "1\n");
	assert_reads(&handle, "later");
	/* A message that is larger than what was waited with. */
	set_sysctl("/proc/sys/kernel/msgmax", "16384");
	waiter_start(&waiter);
	char *large = malloc(sizeof(long) + 12000);
	*(long *)(void *)large = 1;
	memset(large + sizeof(long), 'x', 12000);
	assert_int_equal(msgsnd(queue_id(), large, 12000, 0), 0);
	free(large);
	assert_int_equal(waiter_end(&waiter), 10);
	set_sysctl("/proc/sys/kernel/msgmax", "8192");
	handle_close(&handle);
	/* Removal. */
	handle = handle_open(SYSV, "each");
	waiter_start(&waiter);
	assert_int_equal(mq_rmdir(SYSV), 0);
	assert_int_equal(waiter_end(&waiter), -EIDRM);
	handle_close(&handle);
}

static void a_waiting_write_says_how_far_it_came(void **state)
{
	struct handle handle;
	struct waiter waiter = {.handle = &handle, .text = "aa\nbb\ncc\ndd"};

	assert_int_equal(store(SYSV, "qbytes", "4"), 0);
	handle = handle_open(SYSV, "lines");
	waiter_start(&waiter);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	/* However early the first signal came: whole lines, and as many as are there. */
	assert_true(waiter.done == 0 || waiter.done == 3 || waiter.done == 6);
	char expected[16];
	snprintf(expected, sizeof(expected), "%d\n", (int)waiter.done / 3);
	assert_shows(SYSV, "messages", expected);
	/* Goes on there, and ends when there is room. */
	waiter_start(&waiter);
	for (const char *line = "aabbcc"; *line; line += 2) {
		char taken[16];

		assert_int_equal(msgrcv(queue_id(), taken, 2, 0, 0), 2);
		assert_memory_equal(taken + sizeof(long), line, 2);
	}
	assert_int_equal(waiter_end(&waiter), 11);
	assert_int_equal(waiter.done, 11);
	/* What can never fit is refused, not waited for. */
	waiter = (struct waiter){.handle = &handle, .text = "eeeee\n"};
	waiter_start(&waiter);
	assert_int_equal(waiter_end(&waiter), -EMSGSIZE);
	handle_close(&handle);

	handle = handle_open(SYSV, "data");
	send_type(1, "1234");
	waiter = (struct waiter){.handle = &handle, .text = "x"};
	waiter_start(&waiter);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	assert_int_equal(waiter.done, 0);
	waiter_start(&waiter);
	assert_int_equal(mq_rmdir(SYSV), 0);
	assert_int_equal(waiter_end(&waiter), -EIDRM);
	handle_close(&handle);
}

/* The largest message is a limit of now; what is in a queue was sent under that of then. */
static void messages_larger_than_msgmax_are_taken(void **state)
{
	static const char *const files[] = {"data", "bulk", "framed"};
	enum { SIZE = 16000 };
	struct handle handle;
	char *message = malloc(SIZE), *back = malloc(SIZE + 100);
	size_t done = 0;
	int error;

	memset(message, 'm', SIZE);
	for (int i = 0; i < 3; i++) {
		static const size_t more[] = {0, 1, sizeof("type=1 size=16000\n") - 1};

		set_sysctl("/proc/sys/kernel/msgmax", "16384");
		handle = handle_open(SYSV, "data");
		done = 0;
		assert_int_equal(handle_write(&handle, message, SIZE, &done), SIZE);
		handle_close(&handle);
		set_sysctl("/proc/sys/kernel/msgmax", "100");
		handle = handle_open(SYSV, files[i]);
		assert_int_equal(handle_ready(&handle) & POLLIN, POLLIN);
		assert_int_equal(handle_read(&handle, back, SIZE + 100), SIZE + more[i]);
		assert_memory_equal(back + (i == 2 ? more[i] : 0), message, SIZE);
		handle_close(&handle);
	}
	/* Nor can one be copied; a reader that waits for some type must try. */
	set_sysctl("/proc/sys/kernel/msgmax", "16384");
	handle = handle_open(SYSV, "data");
	done = 0;
	assert_int_equal(handle_write(&handle, message, SIZE, &done), SIZE);
	handle_close(&handle);
	set_sysctl("/proc/sys/kernel/msgmax", "100");
	handle = handle_open(SYSV, "type/1");
	assert_int_equal(handle_ready(&handle) & POLLIN, POLLIN);
	handle_close(&handle);
	struct place peek = {.dir = dir_row(mq_at(SYSV).dir, "peek")->dir,
			     .object = mq_at(SYSV).object};
	struct place found;
	error = peek.dir->find(&call, &peek, "0.1", &found);
	assert_int_equal(error, -EMSGSIZE);
	assert_non_null(strstr(call.reason, "kernel.msgmax"));
	set_sysctl("/proc/sys/kernel/msgmax", "8192");
	free(message);
	free(back);
}

static int collect_names(void *context, const char *name, const struct place *place)
{
	char *names = context;

	strcat(strcat(names, name), " ");
	assert_non_null(place->row);
	return 0;
}

static struct place peek_at(void)
{
	struct place place = mq_at(SYSV);

	return (struct place){.dir = dir_row(place.dir, "peek")->dir, .object = place.object};
}

static void peeking_takes_nothing(void **state)
{
	struct place peek = peek_at(), found;
	char names[128] = "", *text;
	size_t size;
	int error;

	assert_true(peek.dir->as_caller);
	assert_int_equal(peek.dir->list(&call, &peek, collect_names, names), 0);
	assert_string_equal(names, "");
	send_type(5, "first");
	send_type(LONG_MAX, "");
	send_type(2, "third\n");
	assert_int_equal(peek.dir->list(&call, &peek, collect_names, names), 0);
	assert_string_equal(names, "0.5 1.9223372036854775807 2.2 ");
	assert_int_equal(peek.dir->find(&call, &peek, "2.2", &found), 0);
	text = text_of(found, &size, &error);
	assert_string_equal(text, "third\n");
	free(text);
	assert_int_equal(peek.dir->find(&call, &peek, "1.9223372036854775807", &found), 0);
	text = text_of(found, &size, &error);
	assert_int_equal(error, 0);
	assert_int_equal(size, 0);
	free(text);
	assert_shows(SYSV, "messages", "3\n");

	static const char *const missing[] = {"0.6", "3.1",     "0",    "0.",         ".5",  "-1.5",
					      "x.5", "65536.1", "0.5x", "00000000.5", "0.-5"};
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++)
		assert_int_equal(peek.dir->find(&call, &peek, missing[i], &found), -ENOENT);

	/* A file of a message that has been taken is another's, or nobody's. */
	assert_int_equal(peek.dir->find(&call, &peek, "0.5", &found), 0);
	struct handle handle = handle_open(SYSV, "data");
	assert_reads(&handle, "first");
	handle_close(&handle);
	assert_null(text_of(found, &size, &error));
	assert_int_equal(error, -ENOENT);
}

static void peeking_needs_permission(void **state)
{
	struct place peek = peek_at(), found;
	char names[16] = "";

	send_type(5, "secret");
	become(NOBODY);
	assert_int_equal(peek.dir->list(&call, &peek, collect_names, names), -EACCES);
	assert_int_equal(peek.dir->find(&call, &peek, "0.5", &found), -EACCES);
	become(0);
	assert_string_equal(names, "");
	assert_int_equal(mq_rmdir(SYSV), 0);
	assert_int_equal(peek.dir->find(&call, &peek, "0.5", &found), -ENOENT);
}

static void the_kernel_judges_each_call(void **state)
{
	struct handle handle = handle_open(SYSV, "each");
	char byte;

	/* 0600 of root: opening asks nothing, taking and sending do. */
	become(NOBODY);
	assert_int_equal(handle_read(&handle, &byte, 1), -EACCES);
	assert_int_equal(handle_puts(&handle, "x"), -EACCES);
	become(0);
	assert_int_equal(handle_puts(&handle, "x"), 1);
	assert_int_equal(handle_read(&handle, &byte, 1), 1);
	handle_close(&handle);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(types_choose_what_is_read),
		TEST(types_are_written),
		TEST(names_of_types),
		TEST(waiting_ends_as_the_kernel_says),
		TEST(a_waiting_write_says_how_far_it_came),
		TEST(messages_larger_than_msgmax_are_taken),
		TEST(peeking_takes_nothing),
		TEST(peeking_needs_permission),
		TEST(the_kernel_judges_each_call),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
