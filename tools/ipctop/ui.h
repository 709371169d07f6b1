/*
 * ui.h - what is on the screen, and what keys do to it.  Knows no terminal.
 */
#ifndef IPCTOP_UI_H
#define IPCTOP_UI_H

#include "page.h"
#include "view.h"

enum mode { MODE_TABLE, MODE_OBJECT, MODE_HELP };
enum prompt { PROMPT_NONE, PROMPT_TEXT, PROMPT_USER, PROMPT_DELAY };

/* What keys mean; letters are themselves. */
enum key {
	KEY_OTHER_FIRST = 0x200000, /* above all characters */
	UI_UP,
	UI_DOWN,
	UI_LEFT,
	UI_RIGHT,
	UI_PAGE_UP,
	UI_PAGE_DOWN,
	UI_HOME,
	UI_END,
	UI_ENTER,
	UI_ESCAPE,
	UI_ERASE,
	UI_ERASE_ALL,
	UI_NEXT,
	UI_PREVIOUS,
	UI_HELP,
	UI_FILTER,
	UI_SORT,
	UI_QUIT,
	UI_NOTHING,
};

struct ui {
	const char *root;
	struct sample *sample; /* NULL: none yet */
	struct view view;
	enum mode mode;
	enum prompt prompt;
	char typed[256];       /* at the prompt */
	char before[256];      /* what was set when the prompt came, for Escape */
	const char *complaint; /* about what was typed; NULL: none */

	char *selected;  /* the key of the object; NULL: the first row, whichever object that is */
	size_t row, top; /* of the table: the selected, and the first on the screen */
	size_t rows;     /* how many there is room for; set by who draws */

	char *looked; /* the key of the object of MODE_OBJECT */
	char *looked_label;
	struct page page;  /* the text of MODE_OBJECT or MODE_HELP */
	struct page files; /* what the object's files say */
	size_t page_top;
	bool is_gone; /* the object has been removed */

	bool no_totals, paused;
	double delay;
	/* What keys ask for, done and cleared by who called. */
	bool quit, look_now, delay_changed, paused_changed, watch_changed;
};

void ui_init(struct ui *ui, const char *root, double delay);
/* A character, or an enum key.  -ENOMEM. */
int ui_key(struct ui *ui, int key);
/* Takes a new sample.  -ENOMEM. */
int ui_take(struct ui *ui, struct sample *sample);
/* Takes, and empties, what the files of @key say, if that is the object that is looked at. */
int ui_take_files(struct ui *ui, struct page *files, const char *key);
/* The object that is looked at; NULL: none, or it has gone. */
const struct object *ui_looked(const struct ui *ui);
/* Brings what is selected onto the screen, when there is room for @rows. */
void ui_fit(struct ui *ui, size_t rows);
void ui_free(struct ui *ui);

#endif
