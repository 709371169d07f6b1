/*
 * view.h - which objects of a sample are shown, and in what order.
 */
#ifndef IPCTOP_VIEW_H
#define IPCTOP_VIEW_H

#include "column.h"
#include "sample.h"

struct view {
	enum kind kind; /* or KIND_ALL */
	enum column sort;
	bool reverse;
	bool active;    /* only what waits, has something in it, or changes */
	char text[256]; /* what names, addresses or commands have in them; empty: any */
	char user[64];  /* whose they are; empty: anybody's */

	const struct object **rows;
	size_t count;
	size_t of;      /* how many there are without text, user and active */
	int name_width; /* of the longest name */
};

/* Fills the rows, which point into @sample.  -ENOMEM. */
int view_make(struct view *view, const struct sample *sample);
/* Sorts by the next column, or by the one before. */
void view_sort_next(struct view *view, int step);
/* Another kind, whose table may not have the column that the last was sorted by. */
void view_choose(struct view *view, enum kind kind);
/* The row of an object, -1 if it is not shown. */
long view_row(const struct view *view, const char *key);
void view_free(struct view *view);

#endif
