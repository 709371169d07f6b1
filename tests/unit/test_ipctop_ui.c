/*
 * test_ipctop_ui.c - what keys do: selecting, filtering, looking at one object.
 */
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ui.h"

static const char pipes[] =
	"[{\"name\": \"a\", \"family\": \"named\", \"user\": \"root\", \"inode\": 1, \"bytes\": 0, "
	"\"capacity\": 100, \"holders\": [], \"hidden\": 0},"
	"{\"name\": \"b\", \"family\": \"named\", \"user\": \"bob\", \"inode\": 2, \"bytes\": 0, "
	"\"capacity\": 100, \"holders\": [], \"hidden\": 0},"
	"{\"name\": \"c\", \"family\": \"named\", \"user\": \"bob\", \"inode\": 3, \"bytes\": 50, "
	"\"capacity\": 100, \"holders\": [{\"pid\": 4, \"user\": \"bob\", \"how\": \"read\", "
	"\"command\": \"cat\"}], \"hidden\": 0}]";
static const char without_c[] = "[{\"name\": \"a\", \"inode\": 1, \"bytes\": 0}]";

static struct sample *sample_of(const char *text)
{
	struct sample *sample = calloc(1, sizeof(*sample));

	assert_non_null(sample);
	assert_int_equal(sample_add_json(sample, KIND_PIPES, text, strlen(text)), 0);
	sample_complete(sample);
	return sample;
}

static int setup(void **state)
{
	static struct ui ui;

	ui_init(&ui, "/mnt", 2);
	if (ui_take(&ui, sample_of(pipes)) < 0)
		return -1;
	ui_fit(&ui, 2);
	*state = &ui;
	return 0;
}

static int teardown(void **state)
{
	ui_free(*state);
	return 0;
}

static void press(struct ui *ui, int key)
{
	assert_int_equal(ui_key(ui, key), 0);
	ui_fit(ui, 2);
}

static void type(struct ui *ui, const char *text)
{
	while (*text)
		press(ui, *text++);
}

static const char *selected(const struct ui *ui)
{
	return ui->view.rows[ui->row]->label;
}

static void arrows_select(void **state)
{
	struct ui *ui = *state;

	assert_string_equal(selected(ui), "c");
	press(ui, UI_UP);
	assert_string_equal(selected(ui), "c");
	press(ui, UI_DOWN);
	press(ui, 'j');
	assert_string_equal(selected(ui), "b");
	assert_int_equal(ui->top, 1);
	press(ui, UI_DOWN);
	assert_string_equal(selected(ui), "b");
	press(ui, UI_HOME);
	assert_int_equal(ui->top, 0);
	press(ui, UI_PAGE_DOWN);
	assert_string_equal(selected(ui), "b");
	press(ui, UI_PAGE_UP);
	assert_string_equal(selected(ui), "c");
	press(ui, 'G');
	assert_string_equal(selected(ui), "b");
}

static void the_selected_object_stays_selected(void **state)
{
	struct ui *ui = *state;

	press(ui, UI_DOWN);
	assert_string_equal(selected(ui), "a");
	press(ui, 'r');
	assert_string_equal(selected(ui), "a");
	/* It moves up when the first has gone. */
	assert_int_equal(ui_take(ui, sample_of(without_c)), 0);
	assert_string_equal(selected(ui), "a");
	assert_int_equal(ui->row, 0);
	/* And there may be none. */
	assert_int_equal(ui_take(ui, sample_of("[]")), 0);
	press(ui, UI_DOWN);
	press(ui, UI_ENTER);
	assert_int_equal(ui->mode, MODE_TABLE);
	assert_int_equal(ui->row, 0);
}

static void filters_hold_while_they_are_typed(void **state)
{
	struct ui *ui = *state;

	press(ui, 'u');
	type(ui, "bob");
	assert_int_equal(ui->view.count, 2);
	press(ui, UI_ENTER);
	assert_int_equal(ui->prompt, PROMPT_NONE);
	press(ui, '/');
	type(ui, "caT");
	assert_int_equal(ui->view.count, 1);
	press(ui, UI_ERASE);
	type(ui, "xq");
	assert_int_equal(ui->view.count, 0);
	assert_false(ui->quit);
	press(ui, UI_ERASE_ALL);
	press(ui, 0xfc);
	assert_string_equal(ui->view.text, "\303\274");
	press(ui, UI_ERASE);
	assert_string_equal(ui->view.text, "");
	/* Escape takes back what has been typed, and then all limits. */
	type(ui, "zz");
	press(ui, UI_ESCAPE);
	assert_int_equal(ui->view.count, 2);
	press(ui, UI_ESCAPE);
	assert_int_equal(ui->view.count, 3);
	press(ui, 'a');
	assert_int_equal(ui->view.count, 1);
	/* No more is taken than there is room for. */
	press(ui, 'u');
	for (int i = 0; i < 1000; i++)
		press(ui, 'x');
	assert_int_equal(strlen(ui->view.user), sizeof(ui->view.user) - 1);
}

static void delay_is_a_number(void **state)
{
	struct ui *ui = *state;

	press(ui, 'd');
	type(ui, "1e9");
	press(ui, UI_ENTER);
	assert_int_equal(ui->prompt, PROMPT_DELAY);
	assert_non_null(ui->complaint);
	press(ui, UI_ERASE_ALL);
	type(ui, "0.5");
	press(ui, UI_ENTER);
	assert_true(ui->delay == 0.5 && ui->delay_changed);
	ui->delay_changed = false;
	press(ui, 'd');
	type(ui, "7");
	press(ui, UI_ESCAPE);
	assert_true(ui->delay == 0.5 && !ui->delay_changed);
}

static void kinds_go_round(void **state)
{
	struct ui *ui = *state;

	press(ui, UI_NEXT);
	assert_int_equal(ui->view.kind, KIND_MQ);
	assert_int_equal(ui->view.count, 0);
	press(ui, UI_LEFT);
	press(ui, UI_LEFT);
	assert_int_equal(ui->view.kind, KIND_SOCKETS);
	press(ui, '4');
	assert_int_equal(ui->view.kind, KIND_PIPES);
	assert_int_equal(ui->view.count, 3);
	press(ui, '0');
	assert_int_equal(ui->view.kind, KIND_ALL);
}

static bool page_has(const struct ui *ui, const char *text)
{
	for (size_t i = 0; i < ui->page.count; i++)
		if (strstr(ui->page.lines[i].text, text))
			return true;
	return false;
}

static void one_object_is_looked_at(void **state)
{
	struct ui *ui = *state;
	struct page files = {NULL};
	const char *key;

	press(ui, UI_ENTER);
	assert_int_equal(ui->mode, MODE_OBJECT);
	assert_true(ui->watch_changed);
	key = ui_looked(ui)->key;
	assert_true(page_has(ui, "read") && page_has(ui, "cat"));
	/* What was asked for before is not taken for this one's. */
	assert_int_equal(page_add(&files, false, "of another"), 0);
	assert_int_equal(ui_take_files(ui, &files, "pipes/a#1"), 0);
	assert_false(page_has(ui, "of another"));
	assert_int_equal(page_add(&files, false, "of this"), 0);
	assert_int_equal(ui_take_files(ui, &files, key), 0);
	assert_true(page_has(ui, "of this"));
	/* It goes, and what was last known stays to be read. */
	assert_int_equal(ui_take(ui, sample_of(without_c)), 0);
	assert_true(ui->is_gone);
	assert_true(page_has(ui, "cat"));
	press(ui, UI_END);
	assert_int_equal(ui->page_top, ui->page.count - 2);
	press(ui, UI_HOME);
	press(ui, 'q');
	assert_int_equal(ui->mode, MODE_TABLE);
	assert_false(ui->quit);
	press(ui, 'h');
	assert_true(page_has(ui, "Keys"));
	press(ui, UI_ESCAPE);
	press(ui, 'q');
	assert_true(ui->quit);
}

static void without_a_tree_the_picture_stays(void **state)
{
	struct ui *ui = *state;
	struct sample *lost = sample_of("[]"), *back;

	lost->error = -ENOTCONN;
	assert_int_equal(ui_take(ui, lost), 0);
	assert_int_equal(ui->view.count, 3);
	assert_int_equal(ui->sample->error, -ENOTCONN);
	/* What is there after the gap is compared with nothing. */
	back = sample_of(pipes);
	back->when = 5;
	assert_int_equal(ui_take(ui, back), 0);
	assert_int_equal(ui->sample->error, 0);
	assert_true(ui->view.rows[0]->rates[RATE_LEVEL] != ui->view.rows[0]->rates[RATE_LEVEL]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arrows_select, setup, teardown),
		cmocka_unit_test_setup_teardown(the_selected_object_stays_selected, setup,
						teardown),
		cmocka_unit_test_setup_teardown(filters_hold_while_they_are_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(delay_is_a_number, setup, teardown),
		cmocka_unit_test_setup_teardown(kinds_go_round, setup, teardown),
		cmocka_unit_test_setup_teardown(one_object_is_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_tree_the_picture_stays, setup, teardown),
	};

	if (!setlocale(LC_ALL, "C.UTF-8")) {
		puts("skipped: needs the locale C.UTF-8");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
