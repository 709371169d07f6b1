/*
 * batch.c - the table as plain text.
 */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"
#include "total.h"

static void print_head(FILE *out, const char *root, const struct sample *sample, int64_t at)
{
	char line[TOTAL_SIZE], when[32];
	struct tm broken;
	time_t seconds = (time_t)at;

	localtime_r(&seconds, &broken);
	strftime(when, sizeof(when), "%F %T", &broken);
	fprintf(out, "ipctop %s  %s\n", root, when);
	total_title(line);
	fprintf(out, "%s\n", line);
	for (int kind = 0; kind < KINDS; kind++) {
		total_line(line, kind, &sample->totals[kind]);
		fprintf(out, "%s\n", line);
	}
	fputc('\n', out);
}

/* A cell; the last of a row is as long as its text. */
static void print_cell(FILE *out, const char *text, int width, int is_left, bool is_last)
{
	int pad = width - text_width(text);

	if (!is_left)
		fprintf(out, "%*s", pad, "");
	fputs(text, out);
	if (is_last)
		fputc('\n', out);
	else
		fprintf(out, "%*s", (is_left ? pad : 0) + 1, "");
}

static void print_table(FILE *out, const struct view *view, int64_t at)
{
	size_t count;
	const enum column *columns = column_list(view->kind, &count);
	int widths[COLUMNS];
	char room[CELL_SIZE];

	for (size_t i = 0; i < count; i++) {
		widths[i] = text_width(column_title(columns[i]));
		for (size_t row = 0; row < view->count; row++) {
			int width = text_width(column_text(columns[i], view->rows[row], at, room));

			if (width > widths[i])
				widths[i] = width;
		}
	}
	for (size_t i = 0; i < count; i++)
		print_cell(out, column_title(columns[i]), widths[i], column_is_left(columns[i]),
			   i + 1 == count);
	for (size_t row = 0; row < view->count; row++)
		for (size_t i = 0; i < count; i++)
			print_cell(out, column_text(columns[i], view->rows[row], at, room),
				   widths[i], column_is_left(columns[i]), i + 1 == count);
}

/* A sample: totals, an empty line, and the whole table, columns as wide as they must be. */
static int sample_print(FILE *out, const char *root, struct view *view, const struct sample *sample,
			int64_t at)
{
	int error = view_make(view, sample);

	if (error)
		return error;
	print_head(out, root, sample, at);
	print_table(out, view, at);
	return fflush(out) ? -errno : 0;
}

/* Sleeps until @due, of the clock of samples. */
static void sleep_until(double due)
{
	struct timespec until = {.tv_sec = (time_t)due};

	until.tv_nsec = (long)((due - (double)until.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

int batch_run(const char *root, struct options *options)
{
	struct sample *before = NULL;
	int status = EXIT_SUCCESS;

	for (unsigned long looks = 0; !options->count || looks < options->count; looks++) {
		struct sample *sample;
		int error;

		if (before)
			sleep_until(before->when + options->delay);
		sample = sample_read(root);
		error = sample ? sample->error : -ENOMEM;
		if (!error) {
			sample_compare(sample, before);
			if (looks)
				fputc('\n', stdout);
			error = sample_print(stdout, root, &options->view, sample, time(NULL));
		}
		/* The view's rows are of this sample. */
		view_free(&options->view);
		sample_free(before);
		before = sample;
		if (error) {
			fprintf(stderr, "ipctop: %s: %s\n", root, strerror(-error));
			status = EXIT_FAILURE;
			break;
		}
	}
	sample_free(before);
	return status;
}
