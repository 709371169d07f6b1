/*
 * text.c - escaped text and its width, in the multibyte characters of the locale; short numbers.
 */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* Characters that print nothing and change how what follows is read: order of writing, joining. */
static bool is_format(wchar_t c)
{
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0x061c || c == 0xfeff || c == 0xad;
}

/* The bytes of the character at @text; *width: its columns, -1 if it is not to be shown as it is.
 */
static size_t character(const char *text, int *width)
{
	mbstate_t state = {0};
	wchar_t c;
	size_t length = mbrtowc(&c, text, MB_CUR_MAX, &state);

	*width = -1;
	if (length == (size_t)-1 || length == (size_t)-2 || length == 0)
		return 1;
	if (c != L'\\' && iswprint((wint_t)c) && !is_format(c))
		*width = wcwidth(c);
	return length;
}

char *text_escaped(const char *bytes)
{
	char *escaped = malloc(4 * strlen(bytes) + 1), *to = escaped;

	if (!escaped)
		return NULL;
	while (*bytes) {
		int width;
		size_t length = character(bytes, &width);

		/* A mark without a letter before it would go onto what is left of the text. */
		if (width > 0 || (width == 0 && to > escaped)) {
			to = mempcpy(to, bytes, length);
			bytes += length;
			continue;
		}
		for (; length > 0; length--)
			to += sprintf(to, "\\%03o", (unsigned char)*bytes++);
	}
	*to = '\0';
	return escaped;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void text_unescape(char *word)
{
	char *to = word;

	while (*word) {
		if (word[0] == '\\' && word[1] >= '0' && word[1] <= '3' && is_octal(word[2]) &&
		    is_octal(word[3])) {
			*to++ = (char)((word[1] - '0') << 6 | (word[2] - '0') << 3 |
				       (word[3] - '0'));
			word += 4;
		} else {
			*to++ = *word++;
		}
	}
	*to = '\0';
}

/* As character(), of text that has been escaped: its backslashes are backslashes. */
static size_t shown_character(const char *text, int *width)
{
	size_t length = character(text, width);

	if (*width < 0)
		*width = 1;
	return length;
}

size_t text_fitting(const char *text, int width, int *used)
{
	const char *from = text;

	*used = 0;
	while (*text) {
		int columns;
		size_t length = shown_character(text, &columns);

		if (*used + columns > width)
			break;
		*used += columns;
		text += length;
	}
	return (size_t)(text - from);
}

int text_width(const char *text)
{
	int width = 0;

	while (*text) {
		int columns;

		text += shown_character(text, &columns);
		width += columns;
	}
	return width;
}

/* @value in the largest of the units that makes it at least 1, a digit behind the point where there
 * is room, @sign before it. */
static void scaled(char out[NUMBER_SIZE], const char *sign, double value, double step)
{
	static const char units[] = "KMGTPE";
	size_t i = 0;

	value /= step;
	while (value >= step * 0.99995 && units[i + 1]) {
		value /= step;
		i++;
	}
	snprintf(out, NUMBER_SIZE, value < 99.95 ? "%s%.1f%c" : "%s%.0f%c", sign, value, units[i]);
}

void number_bytes(char out[NUMBER_SIZE], int64_t bytes)
{
	if (bytes < 1024)
		snprintf(out, NUMBER_SIZE, "%" PRId64 "B", bytes);
	else
		scaled(out, "", (double)bytes, 1024);
}

void number_count(char out[NUMBER_SIZE], int64_t count)
{
	if (count < 100000)
		snprintf(out, NUMBER_SIZE, "%" PRId64, count);
	else
		scaled(out, "", (double)count, 1000);
}

void number_rate(char out[NUMBER_SIZE], double rate, bool is_bytes)
{
	const char *sign = rate < 0 ? "-" : "+", *unit = is_bytes ? "B" : "";
	double size = fabs(rate);

	if (size < 0.005)
		snprintf(out, NUMBER_SIZE, "0");
	else if (is_bytes && size >= 1024)
		scaled(out, sign, size, 1024);
	else if (!is_bytes && size >= 99999.5)
		scaled(out, sign, size, 1000);
	else
		snprintf(out, NUMBER_SIZE,
			 size < 9.995   ? "%s%.2f%s"
			 : size < 99.95 ? "%s%.1f%s"
					: "%s%.0f%s",
			 sign, size, unit);
}

void number_age(char out[NUMBER_SIZE], int64_t seconds)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	/* Clocks differ by a moment: a time to come is now. */
	if (seconds < 0)
		seconds = 0;
	while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(out, NUMBER_SIZE, "%" PRId64 "%c", seconds / units[i].seconds, units[i].unit);
}
