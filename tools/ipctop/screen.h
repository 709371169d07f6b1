/*
 * screen.h - drawing on the terminal.
 */
#ifndef IPCTOP_SCREEN_H
#define IPCTOP_SCREEN_H

#include "ui.h"

/* Takes the terminal.  -ENOTSUP: it cannot place its cursor; -ENXIO: it is not known. */
int screen_open(void);
/* Gives it back as it was. */
void screen_close(void);
/* After the terminal's size has changed. */
void screen_resize(void);
/* @stuck: for how many seconds the tree has not answered. */
void screen_draw(struct ui *ui, double stuck);
/* The next key that has been pressed, a character or an enum key; UI_NOTHING: none. */
int screen_key(void);

#endif
