/*
 * ui.c - the state of the screen: what is selected, filtered, looked at.
 */
#include "ui.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "options.h"

void ui_init(struct ui *ui, const char *root, double delay)
{
	*ui = (struct ui){.root = root, .delay = delay, .rows = 1};
	ui->view.kind = KIND_ALL;
	ui->view.sort = COLUMN_WAIT;
}

const struct object *ui_looked(const struct ui *ui)
{
	return ui->sample ? sample_find(ui->sample, ui->looked) : NULL;
}

/* ---- the table ---- */

static int select_row(struct ui *ui, size_t row)
{
	char *selected = NULL;

	if (ui->view.count == 0)
		row = 0;
	else if (row >= ui->view.count)
		row = ui->view.count - 1;
	if (row > 0) {
		selected = strdup(ui->view.rows[row]->key);
		if (!selected)
			return -ENOMEM;
	}
	free(ui->selected);
	ui->selected = selected;
	ui->row = row;
	return 0;
}

/* The rows are others now: the selected object is where it is, or near where it was. */
static int rows_make(struct ui *ui)
{
	long row;
	int error;

	if (!ui->sample)
		return 0;
	error = view_make(&ui->view, ui->sample);
	if (error)
		return error;
	row = ui->selected ? view_row(&ui->view, ui->selected) : 0;
	if (row < 0)
		return select_row(ui, ui->row);
	ui->row = (size_t)row;
	return 0;
}

void ui_fit(struct ui *ui, size_t rows)
{
	ui->rows = rows ? rows : 1;
	if (ui->row < ui->top)
		ui->top = ui->row;
	if (ui->row >= ui->top + ui->rows)
		ui->top = ui->row - ui->rows + 1;
	if (ui->top + ui->rows > ui->view.count)
		ui->top = ui->view.count > ui->rows ? ui->view.count - ui->rows : 0;
	if (ui->page_top + ui->rows > ui->page.count)
		ui->page_top = ui->page.count > ui->rows ? ui->page.count - ui->rows : 0;
}

/* ---- one object, help ---- */

static int page_make(struct ui *ui)
{
	const struct object *object = ui_looked(ui);
	int error = 0;

	if (ui->mode != MODE_OBJECT)
		return 0;
	/* What has gone stays to be read, as it was last. */
	ui->is_gone = !object;
	if (!object)
		return 0;
	page_free(&ui->page);
	error = page_of_object(&ui->page, object, time(NULL));
	for (size_t i = 0; i < ui->files.count && !error; i++) {
		if (i == 0)
			error = page_add(&ui->page, false, "%s", "");
		if (!error)
			error = page_add(&ui->page, ui->files.lines[i].is_title, "%s",
					 ui->files.lines[i].text);
	}
	return error;
}

static int look_at_object(struct ui *ui)
{
	const struct object *object;

	if (ui->row >= ui->view.count)
		return 0;
	object = ui->view.rows[ui->row];
	free(ui->looked);
	free(ui->looked_label);
	ui->looked = strdup(object->key);
	ui->looked_label = NULL;
	if (!ui->looked ||
	    asprintf(&ui->looked_label, "%s/%s", kind_names[object->kind], object->label) < 0)
		return -ENOMEM;
	ui->mode = MODE_OBJECT;
	ui->page_top = 0;
	ui->watch_changed = true;
	page_free(&ui->files);
	return page_make(ui);
}

static int help(struct ui *ui)
{
	ui->mode = MODE_HELP;
	ui->page_top = 0;
	page_free(&ui->page);
	return page_of_help(&ui->page);
}

static void back(struct ui *ui)
{
	ui->watch_changed = ui->mode == MODE_OBJECT;
	ui->mode = MODE_TABLE;
	free(ui->looked);
	ui->looked = NULL;
	page_free(&ui->page);
	page_free(&ui->files);
}

static int page_key(struct ui *ui, int key)
{
	size_t last = ui->page.count > ui->rows ? ui->page.count - ui->rows : 0;

	switch (key) {
	case UI_UP:
	case 'k':
		ui->page_top -= ui->page_top > 0;
		break;
	case UI_DOWN:
	case 'j':
		ui->page_top += ui->page_top < last;
		break;
	case UI_PAGE_UP:
	case 'b':
		ui->page_top -= ui->page_top < ui->rows ? ui->page_top : ui->rows;
		break;
	case UI_PAGE_DOWN:
	case ' ':
		ui->page_top = ui->page_top + ui->rows < last ? ui->page_top + ui->rows : last;
		break;
	case UI_HOME:
	case 'g':
		ui->page_top = 0;
		break;
	case UI_END:
	case 'G':
		ui->page_top = last;
		break;
	case 'h':
	case '?':
	case UI_HELP:
		if (ui->mode == MODE_HELP)
			break;
		back(ui);
		return help(ui);
	case UI_ENTER:
	case UI_ESCAPE:
	case UI_LEFT:
	case 'q':
	case UI_QUIT:
		back(ui);
		break;
	}
	return 0;
}

/* ---- the prompt ---- */

static void prompt(struct ui *ui, enum prompt which)
{
	ui->prompt = which;
	ui->typed[0] = '\0';
	ui->complaint = NULL;
	if (which == PROMPT_TEXT)
		strcpy(ui->typed, ui->view.text);
	else if (which == PROMPT_USER)
		strcpy(ui->typed, ui->view.user);
	strcpy(ui->before, ui->typed);
}

/* What is typed holds at once, so that one sees what it does. */
static int prompt_changed(struct ui *ui)
{
	ui->complaint = NULL;
	if (ui->prompt == PROMPT_TEXT)
		strcpy(ui->view.text, ui->typed);
	else if (ui->prompt == PROMPT_USER)
		strcpy(ui->view.user, ui->typed);
	else
		return 0;
	return rows_make(ui);
}

static void prompt_done(struct ui *ui)
{
	if (ui->prompt == PROMPT_DELAY && ui->typed[0]) {
		if (!option_seconds(ui->typed, &ui->delay)) {
			ui->complaint = "seconds, such as 2 or 0.5, from 0.1 to 86400";
			return;
		}
		ui->delay_changed = true;
	}
	ui->prompt = PROMPT_NONE;
}

static void erase(char *text)
{
	size_t length = strlen(text);

	/* The last character may have several bytes. */
	while (length > 0 && (text[length - 1] & 0xc0) == 0x80 && MB_CUR_MAX > 1)
		length--;
	text[length ? length - 1 : 0] = '\0';
}

static int prompt_key(struct ui *ui, int key)
{
	char bytes[MB_LEN_MAX];
	mbstate_t state = {0};
	size_t length = strlen(ui->typed), more;
	size_t room = ui->prompt == PROMPT_TEXT ? sizeof(ui->view.text) : sizeof(ui->view.user);

	switch (key) {
	case UI_ENTER:
		prompt_done(ui);
		return 0;
	case UI_ESCAPE:
		strcpy(ui->typed, ui->before);
		if (ui->prompt == PROMPT_DELAY)
			ui->typed[0] = '\0';
		key = prompt_changed(ui);
		ui->prompt = PROMPT_NONE;
		return key;
	case UI_ERASE:
		erase(ui->typed);
		return prompt_changed(ui);
	case UI_ERASE_ALL:
		ui->typed[0] = '\0';
		return prompt_changed(ui);
	default:
		if (key >= KEY_OTHER_FIRST || key < ' ')
			return 0;
		more = wcrtomb(bytes, (wchar_t)key, &state);
		if (more == (size_t)-1 || length + more >= room)
			return 0;
		memcpy(ui->typed + length, bytes, more);
		ui->typed[length + more] = '\0';
		return prompt_changed(ui);
	}
}

/* ---- the keys of the table ---- */

static int choose(struct ui *ui, enum kind kind)
{
	view_choose(&ui->view, kind);
	free(ui->selected);
	ui->selected = NULL;
	ui->top = 0;
	return rows_make(ui);
}

static int sort_by(struct ui *ui, int step)
{
	view_sort_next(&ui->view, step);
	return rows_make(ui);
}

/* All, then the kinds, then all. */
static enum kind next_kind(enum kind kind, int step)
{
	return (enum kind)(((int)kind + step + KINDS + 1) % (KINDS + 1));
}

static int clear_limits(struct ui *ui)
{
	ui->view.text[0] = ui->view.user[0] = '\0';
	ui->view.active = false;
	return rows_make(ui);
}

static int table_key(struct ui *ui, int key)
{
	size_t last = ui->view.count ? ui->view.count - 1 : 0;

	switch (key) {
	case UI_UP:
	case 'k':
		return select_row(ui, ui->row ? ui->row - 1 : 0);
	case UI_DOWN:
	case 'j':
		return select_row(ui, ui->row + 1);
	case UI_PAGE_UP:
	case 'b':
		return select_row(ui, ui->row > ui->rows ? ui->row - ui->rows : 0);
	case UI_PAGE_DOWN:
		return select_row(ui, ui->row + ui->rows);
	case UI_HOME:
	case 'g':
		return select_row(ui, 0);
	case UI_END:
	case 'G':
		return select_row(ui, last);
	case UI_ENTER:
		return look_at_object(ui);
	case UI_NEXT:
	case UI_RIGHT:
		return choose(ui, next_kind(ui->view.kind, 1));
	case UI_PREVIOUS:
	case UI_LEFT:
		return choose(ui, next_kind(ui->view.kind, -1));
	case '0':
		return choose(ui, KIND_ALL);
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
		return choose(ui, (enum kind)(key - '1'));
	case '/':
	case 'f':
	case 'F':
	case UI_FILTER:
		prompt(ui, PROMPT_TEXT);
		return 0;
	case 'u':
		prompt(ui, PROMPT_USER);
		return 0;
	case 'd':
		prompt(ui, PROMPT_DELAY);
		return 0;
	case 'a':
		ui->view.active = !ui->view.active;
		return rows_make(ui);
	case UI_ESCAPE:
		return clear_limits(ui);
	case '<':
		return sort_by(ui, -1);
	case '>':
	case 's':
	case UI_SORT:
		return sort_by(ui, 1);
	case 'r':
	case 'R':
		ui->view.reverse = !ui->view.reverse;
		return rows_make(ui);
	case 't':
		ui->no_totals = !ui->no_totals;
		return 0;
	case ' ':
		ui->look_now = true;
		return 0;
	case 'p':
		ui->paused = !ui->paused;
		ui->paused_changed = true;
		return 0;
	case 'h':
	case '?':
	case UI_HELP:
		return help(ui);
	case 'q':
	case UI_QUIT:
		ui->quit = true;
		return 0;
	}
	return 0;
}

int ui_key(struct ui *ui, int key)
{
	if (ui->prompt != PROMPT_NONE)
		return prompt_key(ui, key);
	if (ui->mode != MODE_TABLE)
		return page_key(ui, key);
	return table_key(ui, key);
}

/* ---- news ---- */

int ui_take(struct ui *ui, struct sample *sample)
{
	struct sample *before = ui->sample;
	int error;

	/* While there is no tree the last picture stays, and nothing is compared over the gap. */
	if (sample->error && before) {
		before->error = sample->error;
		sample_free(sample);
		return 0;
	}
	sample_compare(sample, before && !before->error ? before : NULL);
	ui->sample = sample;
	error = rows_make(ui);
	sample_free(before);
	return error ? error : page_make(ui);
}

int ui_take_files(struct ui *ui, struct page *files, const char *key)
{
	if (ui->mode != MODE_OBJECT || !key || strcmp(key, ui->looked) != 0) {
		page_free(files);
		return 0;
	}
	if (ui->is_gone) {
		page_free(files);
		return 0;
	}
	page_free(&ui->files);
	ui->files = *files;
	*files = (struct page){NULL};
	return page_make(ui);
}

void ui_free(struct ui *ui)
{
	view_free(&ui->view);
	sample_free(ui->sample);
	page_free(&ui->page);
	page_free(&ui->files);
	free(ui->selected);
	free(ui->looked);
	free(ui->looked_label);
}
