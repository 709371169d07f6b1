/*
 * metrics.c - the file metrics.prom: counts, limits and figures as Prometheus reads them.
 *
 * It is the text format of version 0.0.4 without timestamps, as the textfile collector of
 * node_exporter takes it.  All lines of a metric stand together, so what the kinds tell is gathered
 * first.
 */
#include "metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/print.h"
#include "common/quota.h"
#include "events/snapshot.h"
#include "limits.h"

enum { KINDS_MAX = 8, OBJECTS_MAX = 500, FAMILIES_MAX = 8 };

/* A figure of objects that is a metric; the first of a kind's says which objects are its largest.
 */
static const struct metric {
	const char *kind, *figure, *name, *help;
} metrics[] = {
	{"mq", "bytes", "ipcfs_queue_bytes", "Bytes of the messages in a System V message queue."},
	{"mq", "messages", "ipcfs_queue_messages", "Messages in a System V message queue."},
	{"shm", "size", "ipcfs_memory_size_bytes", "Size of a segment or object of shared memory."},
	{"shm", "nattch", "ipcfs_memory_attachments", "How often a System V segment is attached."},
	{"sem", "nsems", "ipcfs_set_semaphores", "Semaphores in a System V set."},
	{"sockets", "backlog", "ipcfs_listener_backlog",
	 "Connections that may wait at a listening socket."},
	{NULL},
};

struct gathered {
	size_t kinds;
	struct {
		const struct kind *kind;
		struct snapshot *snapshot;
		/* Those that are shown one by one, by name. */
		const struct snapshot_object **shown;
		size_t count;
	} of[KINDS_MAX];
};

static const int64_t *figure_of(const struct snapshot_object *object, const char *key)
{
	for (size_t i = 0; key && i < object->count; i++)
		if (!strcmp(object->figures[i].key, key))
			return &object->figures[i].value;
	return NULL;
}

/* ---- the format ---- */

/*
 * A label's value: what is no printable UTF-8, and the backslash, as \ooo, which keeps different
 * names different; then the escapes of the format.
 */
static void print_value(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		unsigned char byte = (unsigned char)*text;
		size_t length = utf8_length(text);

		if (!length || byte < ' ' || byte == 0x7f || byte == '\\') {
			fprintf(out, "\\\\%03o", byte);
			text++;
		} else if (byte == '"') {
			fputs("\\\"", out);
			text++;
		} else {
			fwrite(text, 1, length, out);
			text += length;
		}
	}
	fputc('"', out);
}

static void print_head(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* ---- counts ---- */

static void print_families(FILE *out, const struct kind *kind, const struct snapshot *snapshot)
{
	const char *families[FAMILIES_MAX];
	size_t counts[FAMILIES_MAX] = {0}, known = 0;

	for (const char *const *family = kind->families; family && *family; family++)
		families[known++] = *family;
	for (size_t i = 0; i < snapshot->count; i++)
		for (size_t j = 0; j < known; j++)
			counts[j] += !strcmp(families[j], snapshot->objects[i].family);
	for (size_t j = 0; j < known; j++)
		fprintf(out, "ipcfs_objects{kind=\"%s\",family=\"%s\"} %zu\n", kind->name,
			families[j], counts[j]);
}

static void print_counts(FILE *out, const struct gathered *gathered)
{
	print_head(out, "ipcfs_objects", "Objects of a kind and family.");
	for (size_t i = 0; i < gathered->kinds; i++)
		print_families(out, gathered->of[i].kind, gathered->of[i].snapshot);
	print_head(
		out, "ipcfs_objects_not_shown",
		"Objects of a kind without figures of their own here, being the smallest of many.");
	for (size_t i = 0; i < gathered->kinds; i++)
		fprintf(out, "ipcfs_objects_not_shown{kind=\"%s\"} %zu\n",
			gathered->of[i].kind->name,
			gathered->of[i].snapshot->count - gathered->of[i].count);
}

/* ---- limits ---- */

struct limit_lines {
	FILE *out;
	const char *kind;
	bool used; /* which of the two metrics */
};

static void print_limit(void *context, const char *name, const char *unit, uint64_t limit,
			int64_t used)
{
	const struct limit_lines *lines = context;

	if (lines->used && used < 0)
		return;
	fprintf(lines->out, "ipcfs_limit%s{kind=\"%s\",name=\"%s\",unit=\"%s\"} ",
		lines->used ? "_used" : "", lines->kind, name, unit);
	if (lines->used)
		fprintf(lines->out, "%" PRId64 "\n", used);
	else if (limit == LIMIT_NONE)
		fputs("+Inf\n", lines->out);
	else
		fprintf(lines->out, "%" PRIu64 "\n", limit);
}

static void print_limits(FILE *out, const struct gathered *gathered, bool used)
{
	print_head(out, used ? "ipcfs_limit_used" : "ipcfs_limit",
		   used ? "How much of a limit is used, where that is known." : "A limit.");
	for (size_t i = 0; i < gathered->kinds; i++) {
		const struct kind *kind = gathered->of[i].kind;
		struct limit_lines lines = {out, kind->name, used};

		if (kind->limits)
			kind->limits(print_limit, &lines);
	}
	/* Of the user who has the most. */
	quota_limits(print_limit, &(struct limit_lines){out, "user", used});
}

/* ---- figures ---- */

static void print_metric(FILE *out, const struct metric *metric, const struct gathered *gathered)
{
	print_head(out, metric->name, metric->help);
	for (size_t i = 0; i < gathered->kinds; i++) {
		if (strcmp(gathered->of[i].kind->name, metric->kind) != 0)
			continue;
		for (size_t j = 0; j < gathered->of[i].count; j++) {
			const struct snapshot_object *object = gathered->of[i].shown[j];
			const int64_t *value = figure_of(object, metric->figure);

			if (!value)
				continue;
			fprintf(out, "%s{family=\"%s\",name=", metric->name, object->family);
			print_value(out, object->name);
			fprintf(out, "} %" PRId64 "\n", *value);
		}
	}
}

/* ---- gathering ---- */

static _Thread_local const char *weight;

static int by_weight(const void *one, const void *other)
{
	const struct snapshot_object *const *a = one, *const *b = other;
	const int64_t *x = figure_of(*a, weight), *y = figure_of(*b, weight);
	int64_t first = x ? *x : -1, second = y ? *y : -1;

	return first != second ? (first < second) - (first > second)
			       : strcmp((*a)->name, (*b)->name);
}

static int by_name(const void *one, const void *other)
{
	const struct snapshot_object *const *a = one, *const *b = other;

	return strcmp((*a)->name, (*b)->name);
}

/* The largest objects, so many that a collector can take them. */
static int choose(struct gathered *gathered, size_t i)
{
	const struct snapshot *snapshot = gathered->of[i].snapshot;
	const struct snapshot_object **shown = calloc(snapshot->count + 1, sizeof(const void *));
	const struct metric *metric = metrics;

	if (!shown)
		return -ENOMEM;
	for (size_t j = 0; j < snapshot->count; j++)
		shown[j] = &snapshot->objects[j];
	while (metric->kind && strcmp(metric->kind, gathered->of[i].kind->name) != 0)
		metric++;
	weight = metric->figure;
	gathered->of[i].shown = shown;
	gathered->of[i].count = snapshot->count;
	if (snapshot->count <= OBJECTS_MAX)
		return 0;
	qsort(shown, snapshot->count, sizeof(const void *), by_weight);
	gathered->of[i].count = OBJECTS_MAX;
	qsort(shown, OBJECTS_MAX, sizeof(const void *), by_name);
	return 0;
}

/* As the daemon. */
static int gather(void *context)
{
	struct gathered *gathered = context;

	for (const struct kind *const *kind = kinds; *kind && gathered->kinds < KINDS_MAX; kind++) {
		struct snapshot *snapshot;
		int error;

		if (!(*kind)->snapshot)
			continue;
		snapshot = snapshot_new();
		if (!snapshot)
			return -ENOMEM;
		gathered->of[gathered->kinds].kind = *kind;
		gathered->of[gathered->kinds].snapshot = snapshot;
		error = (*kind)->snapshot(snapshot);
		snapshot_sort(snapshot);
		if (!error)
			error = choose(gathered, gathered->kinds);
		gathered->kinds++;
		if (error)
			return error;
	}
	return 0;
}

struct printing {
	const struct gathered *gathered;
	FILE *out;
};

/* As the daemon, since how much is used by all is not for each to count. */
static int print_all_limits(void *context)
{
	const struct printing *printing = context;

	print_limits(printing->out, printing->gathered, false);
	print_limits(printing->out, printing->gathered, true);
	return 0;
}

int metrics_show(struct call *call, const struct place *place, FILE *out)
{
	struct gathered gathered = {0};
	struct printing printing = {&gathered, out};
	int error = as_daemon(call, gather, &gathered);

	if (!error) {
		print_counts(out, &gathered);
		as_daemon(call, print_all_limits, &printing);
		for (const struct metric *metric = metrics; metric->kind; metric++)
			print_metric(out, metric, &gathered);
	}
	for (size_t i = 0; i < gathered.kinds; i++) {
		free(gathered.of[i].shown);
		snapshot_release(gathered.of[i].snapshot);
	}
	return error;
}
