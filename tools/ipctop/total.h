/*
 * total.h - the head of the table: what there is of each kind.
 */
#ifndef IPCTOP_TOTAL_H
#define IPCTOP_TOTAL_H

#include "sample.h"

#define TOTAL_SIZE 160
/* The title of these lines. */
void total_title(char out[TOTAL_SIZE]);
/* One kind in a line. */
void total_line(char out[TOTAL_SIZE], enum kind kind, const struct total *total);

#endif
