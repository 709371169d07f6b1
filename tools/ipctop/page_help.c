/*
 * page_help.c - the keys and the columns, in words.
 */
#include "page.h"

#include "column.h"

static const char *const keys[][2] = {
	{"Up Down k j", "another object; PgUp PgDn, Home End: further"},
	{"Enter", "one object: its files, who has it, who waits; again, or Esc: back"},
	{"Tab  Right Left", "another kind; 0 all, 1 mq, 2 shm, 3 sem, 4 pipes, 5 sockets"},
	{"/  f  F4", "only objects that have this text in their name, address or command"},
	{"u", "only objects of this user"},
	{"a", "only objects at which something waits, is or changes; again: all"},
	{"Esc", "takes these limits off"},
	{"<  >  s", "sorts by another column;  r: the other way round"},
	{"d", "seconds between two looks;  Space: look now;  p: stand still, go on"},
	{"t", "without the totals; again: with them"},
	{"h  ?  F1", "this page"},
	{"q  F10", "back, or the end; Ctrl-C: the end"},
};

static const char *const notes[] = {
	"CHANGE/s is the difference between two looks: what comes and goes at the same pace is not",
	"in it, because neither the kernel nor the tree counts it.  A \"-\" is not known, or none.",
	"In bold: somebody waits, or it is full to nine tenths and more.",
};

int page_of_help(struct page *page)
{
	int error = page_add(page, true, "Keys");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && !error; i++)
		error = page_add(page, false, "  %-16s %s", keys[i][0], keys[i][1]);
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes) && !error; i++)
		error = page_add(page, false, "%s", notes[i]);
	if (!error)
		error = page_add(page, true, "Columns, as far as they fit");
	for (int i = 0; i < COLUMNS && !error; i++)
		error = page_add(page, false, "  %-10s %s", column_title(i), column_words(i));
	return error;
}
