/*
 * pipe.c - the kind of pipes: its directories and their files.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/kind_holders.h"
#include "common/run_dir.h"
#include "kinds.h"
#include "events/events.h"
#include "pipe.h"
#include "report/report.h"

static int may_use_one(void *context, const char *name, const struct stat *st)
{
	struct place place = {.dir = &pipe_named_dir, .name = name, .identity = st->st_ino};
	struct pipe_file file;
	bool may_use;

	if (pipe_named_open(&place, &file) < 0)
		return 0; /* removed meanwhile */
	may_use = pipe_named_may(&file, R_OK) || pipe_named_may(&file, W_OK);
	close(file.fd);
	return pipe_scan_add(context, name, st, may_use);
}

/* Everything that there is to see, with one look at each process. */
static int scan_all(struct call *call, bool figures, struct pipe_scan *scan)
{
	int error;

	*scan = (struct pipe_scan){.call = call};
	error = pipe_named_walk(may_use_one, scan);
	if (!error)
		error = pipe_scan_visible(scan);
	if (!error)
		error = pipe_scan_hidden(scan);
	if (!error && figures)
		error = pipe_figures_get(scan);
	if (error)
		pipe_scan_free(scan);
	return error;
}

static int print_status(struct call *call, const struct page *page)
{
	struct pipe_scan scan;
	int error = scan_all(call, true, &scan);

	if (error)
		return error;
	pipe_print_tables(page->out, &scan, true);
	if (pipe_named_missing())
		fprintf(page->notes, "# no named pipes: %s\n", pipe_named_missing());
	pipe_print_hidden(page->notes, &scan);
	pipe_scan_free(&scan);
	return 0;
}

static int print_more(struct call *call, enum report report, const struct page *page)
{
	if (report == REPORT_STATUS)
		return print_status(call, page);
	if (report == REPORT_LIMITS)
		return pipe_print_limits(page->out);
	return 0;
}

static int list_json(struct call *call, struct json_list *list)
{
	struct pipe_scan scan;
	int error = scan_all(call, true, &scan);

	if (error)
		return error;
	error = pipe_json_list(list, &scan);
	pipe_scan_free(&scan);
	return error;
}

static int show_holders(struct call *call, const struct place *place, FILE *out)
{
	struct pipe_scan scan;
	int error = scan_all(call, false, &scan);

	if (error)
		return error;
	pipe_print_holders(out, &scan, true);
	holders_print_hidden(out, scan.hidden + scan.walk.unknown);
	pipe_scan_free(&scan);
	return 0;
}

/* ---- as part of a look at all kinds ---- */

static void holders_end(void *state)
{
	pipe_scan_free(state);
	free(state);
}

static int holders_begin(struct call *call, struct proc_viewer *viewer, void **state)
{
	struct pipe_scan *scan = calloc(1, sizeof(*scan));
	int error;

	if (!scan)
		return -ENOMEM;
	scan->call = call;
	scan->walk.self = proc_self();
	*viewer = pipe_scan_viewer(scan);
	error = pipe_named_walk(may_use_one, scan);
	if (error)
		holders_end(scan);
	else
		*state = scan;
	return error;
}

static int holders_complete(void *state, const struct proc_scan *walk)
{
	return pipe_scan_complete(state);
}

static int holders_each(void *state, holder_each *each, void *context)
{
	return pipe_each_holder(state, each, context);
}

static int holders_hidden(void *state, struct proc_pids *pids)
{
	struct pipe_process *process, *next;
	struct pipe_scan *scan = state;
	int error = 0;

	HASH_ITER(hh, scan->processes, process, next)
		if (process->hidden && !error)
			error = proc_pids_add(pids, process->pid);
	return error;
}

static const struct kind_holders holders = {
	.begin = holders_begin,
	.complete = holders_complete,
	.each = holders_each,
	.hidden = holders_hidden,
	.end = holders_end,
};

static int setup(const struct settings *settings)
{
	int error = pipe_anon_setup();

	return error ? error : pipe_named_setup(settings);
}

static void check(struct checklist *list)
{
	run_dir_check(list);
}

/* ---- the tables ---- */

static const struct row unnamed_rows[] = {
	{"bytes", ROW_TEXT, 0444, .show = pipe_show_bytes},
	{"capacity", ROW_TEXT, 0644, .show = pipe_show_capacity, .store = pipe_store_capacity},
	{"readers", ROW_TEXT, 0444, .show = pipe_show_readers},
	{"writers", ROW_TEXT, 0444, .show = pipe_show_writers},
	{"status", ROW_TEXT, 0444, .show = pipe_show_status, .namespaces = NAMESPACE_PID},
	{"status.json", ROW_TEXT, 0444, .show = pipe_show_json, .namespaces = NAMESPACE_PID},
	{"holders", ROW_TEXT, 0444, .show = pipe_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

static const struct row named_rows[] = {
	{"data", ROW_LINK, .target = pipe_named_target},
	{"bytes", ROW_TEXT, 0444, .show = pipe_show_bytes},
	{"capacity", ROW_TEXT, 0644, .show = pipe_show_capacity, .store = pipe_store_capacity},
	{"readers", ROW_TEXT, 0444, .show = pipe_show_readers},
	{"writers", ROW_TEXT, 0444, .show = pipe_show_writers},
	{"keep", ROW_TEXT, 0644, .show = pipe_show_keep, .store = pipe_store_keep},
	{"status", ROW_TEXT, 0444, .show = pipe_show_status, .namespaces = NAMESPACE_PID},
	{"status.json", ROW_TEXT, 0444, .show = pipe_show_json, .namespaces = NAMESPACE_PID},
	{"holders", ROW_TEXT, 0444, .show = pipe_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

static const struct row anon_rows[] = {
	{NULL, ROW_END},
};

static const struct row rows[] = {
	{"status", ROW_TEXT, 0444, .show = report_show_status, .namespaces = NAMESPACE_PID},
	{"status.json", ROW_TEXT, 0444, .show = report_show_json, .namespaces = NAMESPACE_PID},
	{"holders", ROW_TEXT, 0444, .show = show_holders, .namespaces = NAMESPACE_PID},
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{"anon", ROW_DIR, .dir = &pipe_anon_dir},
	{NULL, ROW_END},
};

const struct dir pipe_named_dir = {
	.rows = named_rows,
	.stat = pipe_named_stat,
	.make = refuse_make,
	.remove = pipe_named_remove,
	.change = pipe_named_change,
	.rename = pipe_named_rename,
};

const struct dir pipe_unnamed_dir = {
	.rows = unnamed_rows,
	.as_caller = true,
	.stat = pipe_anon_stat,
	.make = refuse_make,
	.remove = pipe_anon_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

/* Which of them there are is what /proc tells the one who asks. */
const struct dir pipe_anon_dir = {
	.namespaces = NAMESPACE_PID,
	.rows = anon_rows,
	.children = (const struct dir *const[]){&pipe_unnamed_dir, NULL},
	.as_caller = true,
	.find = pipe_anon_find,
	.list = pipe_anon_list,
	.make = refuse_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

const struct dir pipe_dir = {
	.namespaces = NAMESPACE_RUN_DIR,
	.rows = rows,
	.children = (const struct dir *const[]){&pipe_named_dir, NULL},
	.find = pipe_named_find,
	.list = pipe_named_list,
	.make = pipe_named_make,
	.makes_fifos = true,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

const struct kind pipe_kind = {
	.name = "pipes",
	.dir = &pipe_dir,
	.print_more = print_more,
	.list_json = list_json,
	.snapshot = pipe_snapshot,
	.families = pipe_families,
	.setup = setup,
	.check = check,
	.holders = &holders,
};
