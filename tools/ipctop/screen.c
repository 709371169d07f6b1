/*
 * screen.c - drawing with ncurses.
 *
 * Colours are the terminal's own on its own background, and say nothing that is not said by words
 * or bold as well.
 */
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "total.h"

enum {
	LEAST_COLUMNS = 40,
	LEAST_LINES = 8,
	LINES_FOR_TOTALS = 16, /* below, the table needs the room */
	STUCK_SECONDS = 3,
	ALARM_FULL = 900, /* thousandths */
};

enum pair { PAIR_ALARM = 1, PAIR_WAIT, PAIR_GROWS };

static SCREEN *terminal;

int screen_open(void)
{
	const char *no_color = getenv("NO_COLOR"), *cup;

	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -ENXIO;
	cup = tigetstr("cup");
	if (!cup || cup == (char *)-1) {
		endwin();
		delscreen(terminal);
		return -ENOTSUP;
	}
	/* Red, magenta and green are seen on black and on white. */
	if (has_colors() && (!no_color || !*no_color) && start_color() == OK &&
	    use_default_colors() == OK) {
		init_pair(PAIR_ALARM, COLOR_RED, -1);
		init_pair(PAIR_WAIT, COLOR_MAGENTA, -1);
		init_pair(PAIR_GROWS, COLOR_GREEN, -1);
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	return 0;
}

void screen_close(void)
{
	endwin();
	delscreen(terminal);
}

void screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	/* Whatever the terminal has made of the old picture. */
	clearok(curscr, TRUE);
}

/* ---- pieces ---- */

static attr_t colour(enum pair pair)
{
	short foreground, background;

	return pair_content(pair, &foreground, &background) == OK && has_colors() &&
			       foreground != background && foreground > 0
		       ? (attr_t)COLOR_PAIR(pair)
		       : A_NORMAL;
}

/* Text from a column on, cut at the edge. */
static void put(int y, int x, attr_t attributes, const char *text)
{
	int used;
	size_t length;

	if (y >= LINES || x >= COLS)
		return;
	length = text_fitting(text, COLS - x, &used);
	attrset(attributes);
	mvaddnstr(y, x, text, (int)length);
	attrset(A_NORMAL);
}

/* A whole line of one look. */
static void bar(int y, attr_t attributes, const char *text)
{
	attrset(attributes);
	mvhline(y, 0, ' ', COLS);
	attrset(A_NORMAL);
	put(y, 0, attributes, text);
}

/* At the right end of a line. */
static void put_right(int y, attr_t attributes, const char *text)
{
	int x = COLS - text_width(text);

	put(y, x > 0 ? x : 0, attributes, text);
}

/* ---- the table ---- */

static void draw_title(const struct ui *ui, double stuck)
{
	char line[512], took[64] = "", clock[32];
	time_t seconds = time(NULL);
	struct tm broken;
	char *root = text_escaped(ui->root);

	localtime_r(&seconds, &broken);
	strftime(clock, sizeof(clock), " %T", &broken);
	if (ui->sample)
		snprintf(took, sizeof(took), ", read in %.0f ms", ui->sample->took * 1e3);
	snprintf(line, sizeof(line), "ipctop %s  every %g s%s%s", root ? root : "", ui->delay, took,
		 ui->paused ? ", standing still" : "");
	free(root);
	put(0, 0, A_BOLD, line);
	if (ui->sample && ui->sample->error) {
		snprintf(line, sizeof(line), " No tree: %s. Waiting for it. ",
			 strerror(-ui->sample->error));
		put_right(0, A_REVERSE | A_BOLD | colour(PAIR_ALARM), line);
	} else if (stuck >= STUCK_SECONDS) {
		snprintf(line, sizeof(line), " The tree has not answered for %.0f s. ", stuck);
		put_right(0, A_REVERSE | A_BOLD | colour(PAIR_ALARM), line);
	} else {
		put_right(0, A_NORMAL, clock);
	}
}

static void draw_totals(const struct ui *ui, int y)
{
	char line[TOTAL_SIZE];

	total_title(line);
	put(y++, 0, A_UNDERLINE, line);
	for (int kind = 0; kind < KINDS; kind++) {
		const struct total *total = &ui->sample->totals[kind];
		bool waits = total->figures[FIGURE_WAITERS] > 0;

		total_line(line, kind, total);
		put(y++, 0, total->error ? colour(PAIR_ALARM) : waits ? A_BOLD : A_NORMAL, line);
	}
}

/* Which kinds there are, which is shown, what of it. */
static void draw_tabs(const struct ui *ui, int y)
{
	const struct view *view = &ui->view;
	char line[512], *limit;
	int x = 0;

	for (int i = 0; i <= KINDS; i++) {
		int kind = (i + KINDS) % (KINDS + 1);
		bool here = kind == (int)view->kind;

		snprintf(line, sizeof(line), here ? "[%s]" : " %s ", kind_names[kind]);
		put(y, x, here ? A_BOLD : A_NORMAL, line);
		x += (int)strlen(line);
	}
	if (view->count != view->of)
		snprintf(line, sizeof(line), "  %zu of %zu", view->count, view->of);
	else
		snprintf(line, sizeof(line), "  %zu", view->of);
	put(y, x, A_NORMAL, line);
	x += (int)strlen(line);
	snprintf(line, sizeof(line), " by %s%s", column_title(view->sort),
		 view->reverse ? " reversed" : "");
	put(y, x, A_NORMAL, line);
	x += text_width(line);
	limit = text_escaped(view->text);
	snprintf(line, sizeof(line), "%s%s%s%s%s%s", view->active ? "  active" : "",
		 view->user[0] ? "  user " : "", view->user, view->text[0] ? "  with \"" : "",
		 limit ? limit : "", view->text[0] ? "\"" : "");
	free(limit);
	put(y, x, A_BOLD, line);
}

static void draw_head(const struct layout *layout, const struct view *view, int y)
{
	char text[CELL_SIZE];
	int x = 0;

	bar(y, A_REVERSE, "");
	for (size_t i = 0; i < layout->count; i++) {
		bool here = layout->columns[i] == view->sort;

		cell_fit(text, column_title(layout->columns[i]), layout->widths[i],
			 column_is_left(layout->columns[i]));
		put(y, x, here ? A_REVERSE | A_BOLD | A_UNDERLINE : A_REVERSE, text);
		x += layout->widths[i] + 1;
	}
}

static attr_t cell_look(enum column column, const struct object *object, const char *text)
{
	bool waits = object->figures[FIGURE_WAITERS] > 0;
	bool full = object->kind != KIND_SHM && object->figures[FIGURE_FULL] >= ALARM_FULL;

	switch (column) {
	case COLUMN_FULL:
	case COLUMN_LEVEL:
	case COLUMN_MESSAGES:
	case COLUMN_BYTES:
		return full ? A_BOLD | colour(PAIR_ALARM) : A_NORMAL;
	case COLUMN_WAIT:
	case COLUMN_NCOUNT:
	case COLUMN_ZCOUNT:
		return waits ? A_BOLD | colour(PAIR_WAIT) : A_NORMAL;
	case COLUMN_NAME:
		return waits || full ? A_BOLD : A_NORMAL;
	case COLUMN_CHANGE:
	case COLUMN_BYTES_CHANGE:
	case COLUMN_RECVQ_CHANGE:
	case COLUMN_SENDQ_CHANGE:
		/* Not "0", nor "-". */
		return text[1] ? colour(PAIR_GROWS) : A_NORMAL;
	default:
		return A_NORMAL;
	}
}

static void draw_row(const struct layout *layout, const struct object *object, int y, bool here,
		     int64_t time)
{
	char text[CELL_SIZE], room[CELL_SIZE];
	int x = 0;

	if (here)
		bar(y, A_REVERSE, "");
	for (size_t i = 0; i < layout->count; i++) {
		enum column column = layout->columns[i];
		const char *said = column_text(column, object, time, room);
		attr_t look = cell_look(column, object, said);

		cell_fit(text, said, layout->widths[i], column_is_left(column));
		put(y, x, here ? A_REVERSE | (look & A_BOLD) : look, text);
		x += layout->widths[i] + 1;
	}
}

static void draw_table(struct ui *ui, int y, int rows)
{
	struct layout layout;
	int64_t at = time(NULL);

	layout_make(&layout, ui->view.kind, COLS, ui->view.name_width);
	draw_head(&layout, &ui->view, y++);
	ui_fit(ui, (size_t)rows);
	for (size_t i = 0; i < (size_t)rows && ui->top + i < ui->view.count; i++)
		draw_row(&layout, ui->view.rows[ui->top + i], y + (int)i, ui->top + i == ui->row,
			 at);
	if (ui->view.count == 0)
		put(y, 2, A_NORMAL,
		    ui->view.of ? "Nothing of what there is is shown. Esc shows all."
				: "There is nothing.");
}

/* ---- the other pages ---- */

static void draw_page(struct ui *ui, int y, int rows)
{
	char line[256], where[64] = "";

	ui_fit(ui, (size_t)rows);
	if (ui->page.count > ui->rows)
		snprintf(where, sizeof(where), " lines %zu to %zu of %zu ", ui->page_top + 1,
			 ui->page_top + ui->rows, ui->page.count);
	if (ui->mode == MODE_HELP)
		snprintf(line, sizeof(line), "Help");
	else
		snprintf(line, sizeof(line), "%s%s", ui->looked_label,
			 ui->is_gone ? "  HAS BEEN REMOVED" : "");
	bar(y, A_REVERSE | A_BOLD, line);
	put_right(y++, A_REVERSE, where);
	for (size_t i = 0; i < ui->rows && ui->page_top + i < ui->page.count; i++) {
		const struct line *text = &ui->page.lines[ui->page_top + i];

		put(y + (int)i, 0, text->is_title ? A_BOLD : A_NORMAL, text->text);
	}
}

/* ---- the foot ---- */

struct hint {
	const char *key, *words;
};

static void draw_hints(const struct hint *hints, int y)
{
	int x = 0;

	for (; hints->key; hints++) {
		int width = (int)(strlen(hints->key) + strlen(hints->words)) + 2;

		if (x + width > COLS)
			break;
		put(y, x, A_REVERSE, hints->key);
		put(y, x + (int)strlen(hints->key) + 1, A_NORMAL, hints->words);
		x += width + 1;
	}
}

static void draw_foot(const struct ui *ui, int y)
{
	static const struct hint table_hints[] = {
		{"h", "Help"},         {"q", "Quit"},  {"Enter", "Look"}, {"Tab", "Kind"},
		{"/", "Filter"},       {"u", "User"},  {"a", "Active"},   {"<>", "Sort"},
		{"r", "Reverse"},      {"d", "Delay"}, {"p", "Pause"},    {"t", "Totals"},
		{"Space", "Look now"}, {NULL, NULL},
	};
	static const struct hint page_hints[] = {
		{"q", "Back"}, {"Up Down PgUp PgDn", "Scroll"}, {NULL, NULL}};
	static const char *const questions[] = {
		[PROMPT_TEXT] = "Only what has this text: ",
		[PROMPT_USER] = "Only what is of user: ",
		[PROMPT_DELAY] = "Seconds between two looks: ",
	};
	char line[512], *typed;

	curs_set(0);
	if (ui->prompt == PROMPT_NONE) {
		draw_hints(ui->mode == MODE_TABLE ? table_hints : page_hints, y);
		return;
	}
	typed = text_escaped(ui->typed);
	snprintf(line, sizeof(line), "%s%s", questions[ui->prompt], typed ? typed : "");
	free(typed);
	bar(y, A_BOLD, line);
	if (ui->complaint)
		put_right(y, A_BOLD | colour(PAIR_ALARM), ui->complaint);
	if (text_width(line) < COLS) {
		move(y, text_width(line));
		curs_set(1);
	}
}

void screen_draw(struct ui *ui, double stuck)
{
	int y = 1;

	erase();
	if (COLS < LEAST_COLUMNS || LINES < LEAST_LINES) {
		curs_set(0);
		put(0, 0, A_NORMAL, "terminal too small");
		refresh();
		return;
	}
	draw_title(ui, stuck);
	if (ui->mode != MODE_TABLE) {
		draw_page(ui, y, LINES - 3);
	} else if (!ui->sample) {
		put(2, 2, A_NORMAL, "Reading ...");
	} else {
		if (!ui->no_totals && LINES >= LINES_FOR_TOTALS) {
			draw_totals(ui, y);
			y += KINDS + 1;
		}
		draw_tabs(ui, y++);
		draw_table(ui, y, LINES - y - 2);
	}
	draw_foot(ui, LINES - 1);
	refresh();
}

/* ---- keys ---- */

static int code_key(wint_t code)
{
	switch (code) {
	case KEY_UP:
		return UI_UP;
	case KEY_DOWN:
		return UI_DOWN;
	case KEY_LEFT:
		return UI_LEFT;
	case KEY_RIGHT:
		return UI_RIGHT;
	case KEY_PPAGE:
		return UI_PAGE_UP;
	case KEY_NPAGE:
		return UI_PAGE_DOWN;
	case KEY_HOME:
		return UI_HOME;
	case KEY_END:
		return UI_END;
	case KEY_ENTER:
		return UI_ENTER;
	case KEY_BACKSPACE:
	case KEY_DC:
		return UI_ERASE;
	case KEY_BTAB:
		return UI_PREVIOUS;
	case KEY_F(1):
		return UI_HELP;
	case KEY_F(3):
	case KEY_F(4):
		return UI_FILTER;
	case KEY_F(6):
		return UI_SORT;
	case KEY_F(10):
		return UI_QUIT;
	default:
		return KEY_OTHER_FIRST;
	}
}

int screen_key(void)
{
	wint_t c;

	switch (get_wch(&c)) {
	case KEY_CODE_YES:
		return code_key(c);
	case OK:
		break;
	default:
		return UI_NOTHING;
	}
	switch (c) {
	case '\r':
	case '\n':
		return UI_ENTER;
	case '\t':
		return UI_NEXT;
	case 0x1b:
		return UI_ESCAPE;
	case 0x08:
	case 0x7f:
		return UI_ERASE;
	case 0x15: /* Ctrl-U */
		return UI_ERASE_ALL;
	case 0x0c: /* Ctrl-L: draw it all again */
		clearok(curscr, TRUE);
		return KEY_OTHER_FIRST;
	default:
		return (int)c;
	}
}
