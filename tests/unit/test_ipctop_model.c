/*
 * test_ipctop_model.c - ipctop's numbers, names, samples, and which columns fit.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "batch.h"
#include "column.h"
#include "sample.h"
#include "text.h"
#include "view.h"

/* ---- text ---- */

static void assert_escaped(const char *bytes, const char *expected)
{
	char *escaped = text_escaped(bytes);

	assert_non_null(escaped);
	assert_string_equal(escaped, expected);
	free(escaped);
}

static void odd_bytes_are_octal(void **state)
{
	assert_escaped("", "");
	assert_escaped("a b", "a b");
	assert_escaped("a\nb\tc\033[2J\177", "a\\012b\\011c\\033[2J\\177");
	assert_escaped("back\\slash", "back\\134slash");
	assert_escaped("gr\303\274\303\237e", "gr\303\274\303\237e");
	assert_escaped("latin-\344", "latin-\\344");
	assert_escaped("cut \303", "cut \\303");
	/* CSI as one character, the mark that turns the order of writing, and a lone accent. */
	assert_escaped("\302\233", "\\302\\233");
	assert_escaped("\342\200\256txt", "\\342\\200\\256txt");
	assert_escaped("\314\201e", "\\314\\201e");
	assert_escaped("e\314\201", "e\314\201");
}

static void a_locale_without_letters_is_bytes(void **state)
{
	setlocale(LC_ALL, "C");
	assert_escaped("gr\303\274n", "gr\\303\\274n");
	setlocale(LC_ALL, "C.UTF-8");
}

static void words_of_holders_are_read(void **state)
{
	char word[] = "sp\\040ace\\134x\\344\\400\\9";

	text_unescape(word);
	assert_string_equal(word, "sp ace\\x\344\\400\\9");
}

static void width_is_that_of_the_screen(void **state)
{
	int used;

	assert_int_equal(text_width("gr\303\274n"), 4);
	assert_int_equal(text_width("\346\227\245\346\234\254"), 4);
	assert_int_equal(text_width("a\\344"), 5);
	/* A wide character does not fit one column. */
	assert_int_equal(text_fitting("\346\227\245\346\234\254", 3, &used), 3);
	assert_int_equal(used, 2);
}

static void cells_have_their_width(void **state)
{
	char cell[CELL_SIZE];

	cell_fit(cell, "abc", 5, true);
	assert_string_equal(cell, "abc  ");
	cell_fit(cell, "abc", 5, false);
	assert_string_equal(cell, "  abc");
	cell_fit(cell, "abcdef", 5, true);
	assert_string_equal(cell, "abcd+");
	cell_fit(cell, "\346\227\245\346\234\254", 3, true);
	assert_string_equal(cell, "\346\227\245+");
	cell_fit(cell, "\346\227\245\346\234\254", 2, true);
	assert_string_equal(cell, "+ ");
}

static void numbers_are_short(void **state)
{
	static const struct {
		int64_t number;
		const char *bytes, *count;
	} cases[] = {
		{0, "0B", "0"},
		{1023, "1023B", "1023"},
		{1024, "1.0K", "1024"},
		{65536, "64.0K", "65536"},
		{99999, "97.7K", "99999"},
		{100000, "97.7K", "100K"},
		{1048575, "1.0M", "1.0M"},
		{1048576, "1.0M", "1.0M"},
		{INT64_C(5) << 40, "5.0T", "5.5T"},
		{INT64_MAX, "8.0E", "9.2E"},
	};
	char text[NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		number_bytes(text, cases[i].number);
		assert_string_equal(text, cases[i].bytes);
		number_count(text, cases[i].number);
		assert_string_equal(text, cases[i].count);
	}
	number_rate(text, 0, false);
	assert_string_equal(text, "0");
	number_rate(text, -2.5, false);
	assert_string_equal(text, "-2.50");
	number_rate(text, 65536, true);
	assert_string_equal(text, "+64.0K");
	number_rate(text, 512, true);
	assert_string_equal(text, "+512B");
	number_age(text, 119);
	assert_string_equal(text, "119s");
	number_age(text, 7200);
	assert_string_equal(text, "2h");
	number_age(text, -3);
	assert_string_equal(text, "0s");
}

/* ---- samples ---- */

static struct sample *sample_of(const char *mq, const char *holders, double when)
{
	struct sample *sample = calloc(1, sizeof(*sample));
	char *lines = strdup(holders);

	assert_non_null(sample);
	assert_int_equal(sample_add_json(sample, KIND_MQ, mq, strlen(mq)), 0);
	assert_int_equal(sample_add_holders(sample, KIND_MQ, lines), 0);
	free(lines);
	sample_complete(sample);
	sample->when = when;
	return sample;
}

static const struct object *named(const struct sample *sample, const char *label)
{
	for (size_t i = 0; i < sample->count; i++)
		if (strcmp(sample->objects[i]->label, label) == 0)
			return sample->objects[i];
	fail_msg("there is no %s", label);
	return NULL;
}

static const char queues[] =
	"[\n"
	"{\"family\": \"sysv\", \"name\": \"0x000004d2\", \"id\": 7, \"user\": \"root\", "
	"\"perms\": "
	"\"rw-------\", \"send\": 100, \"recv\": 300, \"usedbytes\": 512, \"msgs\": 4, \"qbytes\": "
	"1024, \"maxmsg\": null, \"lspid\": 12, \"lrpid\": 0},\n"
	"{\"family\": \"posix\", \"name\": \"sp ace\", \"id\": null, \"user\": \"alice\", "
	"\"perms\": "
	"\"rw-r--r--\", \"mtime\": 5, \"usedbytes\": 0, \"msgs\": 0, \"maxmsg\": 10},\n"
	"{\"family\": \"posix\", \"name\": \"shut\", \"user\": null, \"msgs\": null, "
	"\"usedbytes\": "
	"null, \"maxmsg\": null}\n"
	"]\n";
static const char holders[] = "sp\\040ace 20 root read,wait-receive cat \\134me\n"
			      "sp\\040ace 21 bob write two words\n"
			      "gone 22 root read x\n"
			      "# 3 processes not shown: you may not look at them\n";

static void json_is_read(void **state)
{
	struct sample *sample = sample_of(queues, holders, 1);
	const struct object *sysv = named(sample, "0x000004d2"), *posix = named(sample, "sp ace"),
			    *shut = named(sample, "shut");
	char room[CELL_SIZE];

	assert_int_equal(sample->count, 3);
	assert_int_equal(sysv->figures[FIGURE_MESSAGES], 4);
	assert_int_equal(sysv->figures[FIGURE_FULL], 500);
	assert_int_equal(sysv->figures[FIGURE_TIME], 300);
	assert_int_equal(sysv->figures[FIGURE_WAITERS], 0);
	assert_string_equal(column_text(COLUMN_LEVEL, sysv, 0, room), "4 msg");
	assert_string_equal(column_text(COLUMN_LRPID, sysv, 0, room), "-");
	assert_string_equal(column_text(COLUMN_IDLE, sysv, 310, room), "10s");
	assert_int_equal(posix->figures[FIGURE_WAITERS], 1);
	assert_int_equal(posix->figures[FIGURE_HOLDERS], 2);
	assert_string_equal(posix->holders[0].command, "cat \\134me");
	assert_string_equal(column_text(COLUMN_WHO, posix, 0, room),
			    "20/cat \\134me waits, 21/two words");
	assert_true(shut->figures[FIGURE_MESSAGES] == UNKNOWN);
	assert_string_equal(column_text(COLUMN_FULL, shut, 0, room), "-");
	assert_int_equal(sample->totals[KIND_MQ].objects, 3);
	assert_int_equal(sample->totals[KIND_MQ].figures[FIGURE_BYTES], 512);
	sample_free(sample);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",    "{}",    "]",       "[",     "[{}",     "[{} {}]",
		"[1]", "[{},]", "[{\"a\"", "[,{}]", "no JSON", "[{\"name\": \"\\ud800\"}]"};
	struct sample *sample = calloc(1, sizeof(*sample));

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (sample_add_json(sample, KIND_SHM, wrong[i], strlen(wrong[i])) != -EBADMSG)
			fail_msg("taken for a list: %s", wrong[i]);
	assert_int_equal(sample_add_json(sample, KIND_SHM, "[]\n", 3), 0);
	assert_int_equal(sample_add_json(sample, KIND_SHM, "[ {} , {} ]", 11), 0);
	sample_free(sample);
}

static void rates_are_differences(void **state)
{
	struct sample *before = sample_of(queues, "", 10), *after;
	char *more = strdup(queues);

	/* Ten messages fewer would be less than none: six bytes of text are changed in place. */
	memcpy(strstr(more, "\"msgs\": 4"), "\"msgs\": 9", 9);
	memcpy(strstr(more, "\"usedbytes\": 512"), "\"usedbytes\": 312", 16);
	after = sample_of(more, "", 12);
	free(more);
	sample_compare(before, NULL);
	assert_true(isnan(named(before, "0x000004d2")->rates[RATE_LEVEL]));
	assert_true(isnan(before->totals[KIND_MQ].change));
	sample_compare(after, before);
	assert_true(named(after, "0x000004d2")->rates[RATE_LEVEL] == 2.5);
	assert_true(named(after, "0x000004d2")->rates[RATE_BYTES] == -100);
	assert_true(named(after, "sp ace")->rates[RATE_LEVEL] == 0);
	assert_true(isnan(named(after, "shut")->rates[RATE_LEVEL]));
	assert_true(after->totals[KIND_MQ].change == 2.5);
	sample_free(before);
	/* Another queue that has the key now is a new one. */
	more = strdup(queues);
	memcpy(strstr(more, "\"id\": 7"), "\"id\": 8", 7);
	before = sample_of(more, "", 13);
	free(more);
	sample_compare(before, after);
	assert_true(isnan(named(before, "0x000004d2")->rates[RATE_LEVEL]));
	sample_free(before);
	sample_free(after);
}

static void sets_and_listeners(void **state)
{
	static const char set[] =
		"[{\"name\": \"0x00000001\", \"id\": 1, \"nsems\": 2, \"value\": [3, 0], "
		"\"elements\": "
		"[{\"ncount\": 0, \"zcount\": 1}, {\"ncount\": 2, \"zcount\": 0}]}]";
	static const char sockets[] =
		"[{\"name\": \"tcp/127.0.0.1:80\", \"netid\": \"tcp\", \"state\": \"LISTEN\", "
		"\"recvq\": 2, \"sendq\": 4, \"backlog\": 4, \"inode\": 5, \"holders\": [{\"pid\": "
		"9, "
		"\"user\": \"www\", \"how\": \"fd=3\", \"command\": \"nginx\"}], \"hidden\": 1},"
		"{\"name\": null, \"netid\": \"nl\", \"local\": \"0:0\", \"recvq\": 7, \"sendq\": "
		"1, "
		"\"backlog\": null, \"inode\": 6, \"holders\": [], \"hidden\": 0}]";
	struct sample *sample = calloc(1, sizeof(*sample));
	const struct object *listener, *netlink;
	char room[CELL_SIZE];

	assert_int_equal(sample_add_json(sample, KIND_SEM, set, strlen(set)), 0);
	assert_int_equal(sample_add_json(sample, KIND_SOCKETS, sockets, strlen(sockets)), 0);
	sample_complete(sample);
	assert_string_equal(named(sample, "0x00000001")->values, "3 0");
	assert_int_equal(named(sample, "0x00000001")->figures[FIGURE_WAITERS], 3);
	listener = named(sample, "tcp/127.0.0.1:80");
	assert_int_equal(listener->figures[FIGURE_FULL], 500);
	assert_int_equal(listener->figures[FIGURE_HOLDERS], 2);
	assert_string_equal(column_text(COLUMN_LEVEL, listener, 0, room), "2 conn");
	assert_string_equal(column_text(COLUMN_WHO, listener, 0, room), "9/nginx, +1");
	netlink = named(sample, "nl 0:0");
	assert_null(netlink->name);
	assert_string_equal(column_text(COLUMN_LEVEL, netlink, 0, room), "8B");
	/* Connections are no bytes. */
	assert_int_equal(sample->totals[KIND_SOCKETS].figures[FIGURE_LEVEL], 8);
	assert_int_equal(sample->totals[KIND_SOCKETS].listening, 1);
	sample_free(sample);
}

/* ---- views ---- */

static void assert_order(struct view *view, const struct sample *sample, const char *expected)
{
	char order[256] = "";

	assert_int_equal(view_make(view, sample), 0);
	for (size_t i = 0; i < view->count; i++) {
		strcat(order, i ? "," : "");
		strcat(order, view->rows[i]->label);
	}
	assert_string_equal(order, expected);
}

static void views_filter_and_sort(void **state)
{
	struct sample *sample = sample_of(queues, holders, 1);
	struct view view = {.kind = KIND_ALL, .sort = COLUMN_WAIT};

	assert_order(&view, sample, "sp ace,0x000004d2,shut");
	view.reverse = true;
	assert_order(&view, sample, "shut,0x000004d2,sp ace");
	view.reverse = false;
	view.sort = COLUMN_NAME;
	assert_order(&view, sample, "0x000004d2,shut,sp ace");
	view.sort = COLUMN_FULL;
	assert_order(&view, sample, "0x000004d2,sp ace,shut");
	/* Of nobody's name is the last. */
	view.sort = COLUMN_USER;
	assert_order(&view, sample, "sp ace,0x000004d2,shut");
	strcpy(view.user, "root");
	assert_order(&view, sample, "0x000004d2");
	view.user[0] = '\0';
	/* By a command, by a name of either case, by the kind. */
	strcpy(view.text, "WORDS");
	assert_order(&view, sample, "sp ace");
	strcpy(view.text, "sHu");
	assert_order(&view, sample, "shut");
	strcpy(view.text, "mq");
	assert_order(&view, sample, "sp ace,0x000004d2,shut");
	view.text[0] = '\0';
	view.active = true;
	assert_order(&view, sample, "sp ace,0x000004d2");
	view.kind = KIND_SHM;
	assert_order(&view, sample, "");
	assert_int_equal(view.of, 0);
	view_free(&view);
	sample_free(sample);
}

static void columns_fit_the_screen(void **state)
{
	for (int kind = 0; kind <= KINDS; kind++)
		for (int width = 40; width <= 300; width++) {
			struct layout layout;
			int sum = -1;
			bool has_name = false;

			layout_make(&layout, kind, width, 60);
			for (size_t i = 0; i < layout.count; i++) {
				sum += layout.widths[i] + 1;
				has_name = has_name || layout.columns[i] == COLUMN_NAME;
				assert_true(layout.widths[i] > 0);
			}
			assert_true(has_name);
			if (sum > width)
				fail_msg("%s: %d of %d columns", kind_names[kind], sum, width);
		}
}

static void sorting_goes_round(void **state)
{
	for (int kind = 0; kind <= KINDS; kind++) {
		struct view view = {.kind = kind};
		size_t count;
		enum column first;

		first = view.sort = column_list(kind, &count)[0];
		view_sort_next(&view, -1);
		assert_int_equal(view.sort, column_list(kind, &count)[count - 1]);
		for (size_t i = 0; i < count; i++) {
			view_sort_next(&view, 1);
			assert_int_equal(view.sort, column_list(kind, &count)[i]);
		}
		assert_int_equal(column_of_title(kind, column_title(first)), first);
	}
	assert_int_equal(column_of_title(KIND_ALL, "change/S"), COLUMN_CHANGE);
	assert_int_equal(column_of_title(KIND_SHM, "RECVQ"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_bytes_are_octal),
		cmocka_unit_test(a_locale_without_letters_is_bytes),
		cmocka_unit_test(words_of_holders_are_read),
		cmocka_unit_test(width_is_that_of_the_screen),
		cmocka_unit_test(cells_have_their_width),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(json_is_read),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(rates_are_differences),
		cmocka_unit_test(sets_and_listeners),
		cmocka_unit_test(views_filter_and_sort),
		cmocka_unit_test(columns_fit_the_screen),
		cmocka_unit_test(sorting_goes_round),
	};

	if (!setlocale(LC_ALL, "C.UTF-8")) {
		puts("skipped: needs the locale C.UTF-8");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
