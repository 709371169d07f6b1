/*
 * column.h - the columns of the table: what is in them, how they sort, and which fit a screen.
 */
#ifndef IPCTOP_COLUMN_H
#define IPCTOP_COLUMN_H

#include <stddef.h>
#include "object.h"

enum column {
	COLUMN_KIND,
	COLUMN_NAME,
	COLUMN_FAMILY,
	COLUMN_STATE,
	COLUMN_USER,
	COLUMN_PERMS,
	COLUMN_LEVEL,
	COLUMN_FULL,
	COLUMN_CHANGE,
	COLUMN_MESSAGES,
	COLUMN_MAXMSG,
	COLUMN_BYTES,
	COLUMN_CAPACITY,
	COLUMN_BYTES_CHANGE,
	COLUMN_LSPID,
	COLUMN_LRPID,
	COLUMN_SIZE,
	COLUMN_RSS,
	COLUMN_SWAP,
	COLUMN_NATTCH,
	COLUMN_CPID,
	COLUMN_LPID,
	COLUMN_NSEMS,
	COLUMN_VALUE,
	COLUMN_NCOUNT,
	COLUMN_ZCOUNT,
	COLUMN_READERS,
	COLUMN_WRITERS,
	COLUMN_KEEP,
	COLUMN_RECVQ,
	COLUMN_SENDQ,
	COLUMN_RECVQ_CHANGE,
	COLUMN_SENDQ_CHANGE,
	COLUMN_WAIT,
	COLUMN_HOLD,
	COLUMN_IDLE,
	COLUMN_LOCAL,
	COLUMN_REMOTE,
	COLUMN_WHO,
	COLUMNS,
};

#define CELL_SIZE 1024

const char *column_title(enum column column);
/* What it says, for the help. */
const char *column_words(enum column column);
bool column_is_left(enum column column);
/* True of what a file of the object says as well. */
bool column_is_figure(enum column column);
/* -1: no column of that kind's table is called so; letters of either case. */
int column_of_title(enum kind kind, const char *title);
/* The columns of a kind's table, as they stand; *count. */
const enum column *column_list(enum kind kind, size_t *count);
/* The text of a cell, in @room or in the object; "-": not known or none.  @time: seconds since
 * 1970. */
const char *column_text(enum column column, const struct object *object, int64_t time,
			char room[CELL_SIZE]);
/* < 0: @one comes first, largest numbers first, text by the alphabet.  Never 0 for two objects. */
int column_compare(enum column column, const struct object *one, const struct object *other);

struct layout {
	enum column columns[COLUMNS];
	int widths[COLUMNS];
	size_t count;
};

/*
 * The columns of a kind's table that fit @width, the least important left out.  Names have
 * @name_width if there is room, who holds it what is left.
 */
void layout_make(struct layout *layout, enum kind kind, int width, int name_width);

/* @text in exactly @width columns, "+" at the end of what has been cut. */
void cell_fit(char out[CELL_SIZE], const char *text, int width, bool is_left);

#endif
