/*
 * total.c - a line for each kind.
 */
#include "total.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define TOTAL_FORMAT "%-8s %7s %9s %5s %6s  %s"

void total_title(char out[TOTAL_SIZE])
{
	snprintf(out, TOTAL_SIZE, TOTAL_FORMAT, "KIND", "OBJECTS", "CHANGE/s", "WAIT", "HOLD",
		 "IN THEM");
}

static const char *plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

enum { CONTENT_SIZE = 80 };

/* What is in all of them, in the words of the kind. */
static void content(char out[CONTENT_SIZE], enum kind kind, const struct total *total)
{
	const int64_t *figures = total->figures;
	char one[NUMBER_SIZE], other[NUMBER_SIZE];

	switch (kind) {
	case KIND_MQ:
		number_count(one, figures[FIGURE_MESSAGES]);
		number_bytes(other, figures[FIGURE_BYTES]);
		snprintf(out, CONTENT_SIZE, "%s message%s, %s", one,
			 plural(figures[FIGURE_MESSAGES]), other);
		break;
	case KIND_SHM:
		number_bytes(one, figures[FIGURE_RSS]);
		number_bytes(other, figures[FIGURE_SIZE]);
		snprintf(out, CONTENT_SIZE, "%s in use of %s", one, other);
		break;
	case KIND_SEM:
		number_count(one, figures[FIGURE_NSEMS]);
		snprintf(out, CONTENT_SIZE, "%s semaphore%s", one, plural(figures[FIGURE_NSEMS]));
		break;
	case KIND_PIPES:
		number_bytes(one, figures[FIGURE_BYTES]);
		number_count(other, total->with_content);
		snprintf(out, CONTENT_SIZE, "%s in %s pipe%s", one, other,
			 plural(total->with_content));
		break;
	default:
		number_count(one, total->listening);
		number_count(other, total->connected);
		snprintf(out, CONTENT_SIZE, "%s listening, %s connected", one, other);
	}
}

void total_line(char out[TOTAL_SIZE], enum kind kind, const struct total *total)
{
	bool is_bytes = kind == KIND_SHM || kind == KIND_PIPES || kind == KIND_SOCKETS;
	bool waits = kind != KIND_PIPES && kind != KIND_SOCKETS;
	char objects[NUMBER_SIZE], change[NUMBER_SIZE] = "-", wait[NUMBER_SIZE] = "-",
				   hold[NUMBER_SIZE], words[CONTENT_SIZE];

	if (total->error) {
		snprintf(out, TOTAL_SIZE, TOTAL_FORMAT, kind_names[kind], "-", "-", "-", "-",
			 strerror(-total->error));
		return;
	}
	number_count(objects, total->objects);
	if (!isnan(total->change))
		number_rate(change, total->change, is_bytes);
	if (waits)
		number_count(wait, total->figures[FIGURE_WAITERS]);
	number_count(hold, total->figures[FIGURE_HOLDERS]);
	content(words, kind, total);
	snprintf(out, TOTAL_SIZE, TOTAL_FORMAT, kind_names[kind], objects, change, wait, hold,
		 words);
}
