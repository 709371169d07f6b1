/*
 * page.h - text of several lines to be looked through: one object, the help.
 */
#ifndef IPCTOP_PAGE_H
#define IPCTOP_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include "object.h"

struct line {
	bool is_title;
	char *text;
};

struct page {
	struct line *lines;
	size_t count;
};

/* -ENOMEM. */
int page_add(struct page *page, bool is_title, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void page_free(struct page *page);

/* What a sample has of an object: whose it is, who has it and who waits.  @time: of now. */
int page_of_object(struct page *page, const struct object *object, int64_t time);
/*
 * What its files say: figures, semaphores of a set, the first bytes of messages.  Reads the tree at
 * @root; an error of a file is said in its line.  -ENOMEM.
 */
int page_of_files(struct page *page, const char *root, enum kind kind, const char *name);
int page_of_help(struct page *page);

#endif
