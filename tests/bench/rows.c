/*
 * rows.c - measuring in pairs, and printing rows.
 */
#include <fnmatch.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

static cpu_set_t processors;
static bool on_one;

int bench_times(int full, int least)
{
	int times = full / bench_run.divisor;

	return times > least ? times : least;
}

bool bench_wants(const char *id)
{
	if (!bench_run.patterns[0])
		return true;
	for (int i = 0; bench_run.patterns[i]; i++) {
		const char *pattern = bench_run.patterns[i];
		size_t length = strlen(pattern);

		if (fnmatch(pattern, id, 0) == 0 ||
		    (strncmp(pattern, id, length) == 0 && id[length] == '/'))
			return true;
	}
	return false;
}

/* ---- processors ---- */

static int first_processor(void)
{
	int processor = 0;

	while (processor < CPU_SETSIZE - 1 && !CPU_ISSET(processor, &processors))
		processor++;
	return processor;
}

void bench_use_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(first_processor(), &one);
	bench_must(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
	on_one = true;
}

void bench_use_all_processors(void)
{
	bench_must(sched_setaffinity(0, sizeof(processors), &processors) == 0, "sched_setaffinity");
	on_one = false;
}

/* ---- rows ---- */

static void print(json_t *row)
{
	bench_must(row != NULL && json_dumpf(row, stdout, JSON_COMPACT) == 0, "a row");
	printf("\n");
	fflush(stdout);
	json_decref(row);
}

static const char *where(void)
{
	return on_one ? "one core" : "free";
}

void bench_introduce(void)
{
	struct utsname system;
	char date[32], processor[128] = "";
	double load = 0;
	time_t now = time(NULL);
	struct tm today;
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	bench_must(sched_getaffinity(0, sizeof(processors), &processors) == 0, "sched_getaffinity");
	uname(&system);
	getloadavg(&load, 1);
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&now, &today));
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %127[^\n]", processor) == 1)
			break;
	if (file)
		fclose(file);
	print(json_pack("{ss ss ss ss si sf si si}", "type", "machine", "date", date, "system",
			system.release, "processor", processor, "processors",
			CPU_COUNT(&processors), "load", load, "runs", bench_run.runs, "divisor",
			bench_run.divisor));
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Of @values, which are sorted: the one that @part of them are below, between two if need be. */
static double quantile(const double *values, int count, double part)
{
	double at = part * (count - 1);
	int below = (int)at;

	if (below + 1 >= count)
		return values[count - 1];
	return values[below] + (at - below) * (values[below + 1] - values[below]);
}

/*
 * The scheduler remembers for some hundred milliseconds how busy the processors were (what was is
 * worth half after 32 ms), and looks for an idle one only if they were not: where one side has its
 * threads run would be the other's doing.  After a rest all is cold; so one run does not count.
 */
static double run_rested(struct side side)
{
	if (!on_one && bench_run.rest) {
		usleep(bench_run.rest);
		side.once(side.context);
	}
	return side.once(side.context);
}

/* A pair, the one or the other of it first. */
static void run_pair(struct side ours, struct side base, bool ours_first, double times[2])
{
	if (ours_first)
		times[0] = run_rested(ours);
	times[1] = run_rested(base);
	if (!ours_first)
		times[0] = run_rested(ours);
}

void bench_pair(const struct row *row, struct side ours, struct side base)
{
	static const char *const senses[] = {
		[AT_MOST] = "at most", [AT_LEAST] = "at least", [ABOUT] = "about"};
	double our_times[RUNS_MOST], base_times[RUNS_MOST], ratios[RUNS_MOST];
	double times[2], begin, median;
	int runs = 0;

	if (!bench_wants(row->id))
		return;
	run_pair(ours, base, true, times);
	begin = bench_now();
	/* Short ones are more: their medians are steadier than those of few long ones. */
	while (runs < bench_run.runs ||
	       (runs < RUNS_MOST && bench_now() - begin < bench_run.seconds * 1e6)) {
		run_pair(ours, base, runs % 2, times);
		our_times[runs] = times[0];
		base_times[runs] = times[1];
		ratios[runs++] = row->sense == AT_LEAST ? times[1] / times[0] : times[0] / times[1];
	}
	qsort(our_times, runs, sizeof(*our_times), by_value);
	qsort(base_times, runs, sizeof(*base_times), by_value);
	qsort(ratios, runs, sizeof(*ratios), by_value);
	median = quantile(ratios, runs, .5);
	fprintf(stderr, "%-30s %-8s %8.2f  %.2f - %.2f\n", row->id, where(), median, ratios[0],
		ratios[runs - 1]);
	print(json_pack("{ss ss ss ss ss ss sf sf sf sf sf sf sf si ss sf}", "type", "pair", "id",
			row->id, "where", where(), "what", row->what, "ours", row->ours, "base",
			row->base, "our_us", quantile(our_times, runs, .5), "base_us",
			quantile(base_times, runs, .5), "ratio", median, "low",
			quantile(ratios, runs, .25), "high", quantile(ratios, runs, .75), "least",
			ratios[0], "most", ratios[runs - 1], "runs", runs, "sense",
			senses[row->sense], "goal", row->goal));
}

void bench_count(const char *id, const char *what, double value, const char *unit, double goal,
		 const char *detail)
{
	if (!bench_wants(id))
		return;
	fprintf(stderr, "%-30s %-8s %8.6g %s  %s\n", id, where(), value, unit, detail);
	print(json_pack("{ss ss ss ss sf ss sf ss}", "type", "count", "id", id, "where", where(),
			"what", what, "value", value, "unit", unit, "goal", goal, "detail",
			detail));
}

void bench_skip(const char *id, const char *why)
{
	if (!bench_wants(id))
		return;
	fprintf(stderr, "%-30s skipped: %s\n", id, why);
	print(json_pack("{ss ss ss}", "type", "skip", "id", id, "why", why));
}
