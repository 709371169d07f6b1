/*
 * text.h - what comes from other people's names, made fit for a terminal; and numbers to be read by
 * people.
 */
#ifndef IPCTOP_TEXT_H
#define IPCTOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A copy that takes one line and moves no cursor: control and format characters, backslashes and
 * what the locale cannot read or show are \ooo, as in the tree's holders.  Freed by the caller;
 * NULL: no memory.
 */
char *text_escaped(const char *bytes);
/* The reverse of that for a word of the tree's holders, in place. */
void text_unescape(char *word);
/* Columns that escaped text takes on the screen. */
int text_width(const char *text);
/* How many bytes of escaped text fit @width columns; *used: the columns that those take. */
size_t text_fitting(const char *text, int width, int *used);

#define NUMBER_SIZE 24
/* 832B, 64.0K, 1.5M: at most six characters for what is below 10^18. */
void number_bytes(char out[NUMBER_SIZE], int64_t bytes);
/* 999, 99999, 100K, 12.3M: powers of 1000. */
void number_count(char out[NUMBER_SIZE], int64_t count);
/* A change in a second, with its sign; bytes or a count; "0" for none. */
void number_rate(char out[NUMBER_SIZE], double rate, bool is_bytes);
/* 5s, 12m, 3h, 20d. */
void number_age(char out[NUMBER_SIZE], int64_t seconds);

#endif
