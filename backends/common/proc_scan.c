/*
 * proc_scan.c - one look at all processes, for several who want to know different things of them.
 */
#include "proc_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Who does not ask for threads has seen these processes. */
static bool has_seen(const struct proc_scan *scan, const struct proc_viewer *viewer)
{
	return scan->looking_deep && !viewer->waiting;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	const struct proc_scan *scan = context;
	int result = 0;

	for (size_t i = 0; i < scan->count && !result; i++) {
		const struct proc_viewer *viewer = &scan->viewers[i];

		if (viewer->descriptor && !has_seen(scan, viewer) &&
		    (!viewer->type || viewer->type == (fd->st.st_mode & S_IFMT)))
			result = viewer->descriptor(viewer->context, fd);
	}
	return result;
}

static int mapping(void *context, const struct proc_map *map)
{
	const struct proc_scan *scan = context;
	int result = 0;

	for (size_t i = 0; i < scan->count && !result; i++) {
		const struct proc_viewer *viewer = &scan->viewers[i];

		if (viewer->mapping && !has_seen(scan, viewer))
			result = viewer->mapping(viewer->context, map);
	}
	return result;
}

static int waiting(void *context, const struct proc_wait *wait)
{
	const struct proc_scan *scan = context;
	int result = 0;

	for (size_t i = 0; i < scan->count && !result; i++)
		if (scan->viewers[i].waiting)
			result = scan->viewers[i].waiting(scan->viewers[i].context, wait);
	return result;
}

/* The one type of file that anyone wants to see; 0: several. */
static mode_t type_wanted(const struct proc_scan *scan)
{
	mode_t type = scan->viewers[0].type;

	for (size_t i = 1; i < scan->count; i++)
		if (scan->viewers[i].type != type)
			return 0;
	return type;
}

static bool is_wanted(const struct proc_scan *scan, bool (*by)(const struct proc_viewer *viewer))
{
	for (size_t i = 0; i < scan->count; i++)
		if (by(&scan->viewers[i]))
			return true;
	return false;
}

static bool wants_mappings(const struct proc_viewer *viewer)
{
	return viewer->mapping;
}

static bool wants_waiting(const struct proc_viewer *viewer)
{
	return viewer->waiting;
}

/* What is open and what is mapped takes the same permission. */
static int process_look(struct proc_scan *scan, pid_t pid)
{
	int result = proc_fds_of(pid, type_wanted(scan), descriptor, scan);

	if (!result && is_wanted(scan, wants_mappings))
		result = proc_maps_of(pid, mapping, scan);
	return result;
}

static int process_visible(void *context, pid_t pid)
{
	struct proc_scan *scan = context;
	int result;

	/* A process may always look into itself, and this one has the caller's ids only for the
	   moment. */
	if (pid == scan->self && geteuid() != getuid())
		return proc_pids_add(&scan->refused, pid);
	result = process_look(scan, pid);
	if (result == -EACCES)
		return proc_pids_add(&scan->refused, pid);
	if (!result && is_wanted(scan, wants_waiting)) {
		result = proc_waits_of(pid, waiting, scan);
		if (result == -EACCES)
			return proc_pids_add(&scan->deep, pid);
	}
	return result == -ESRCH ? 0 : result;
}

int proc_scan_visible(struct proc_scan *scan)
{
	scan->self = proc_self();
	return proc_walk(process_visible, scan);
}

/* Of those in @pids, with their threads. */
static int hidden_look(struct proc_scan *scan, const struct proc_pids *pids)
{
	int result = 0;

	for (size_t i = 0; i < pids->count && !result; i++) {
		result = process_look(scan, pids->list[i]);
		if (!result && is_wanted(scan, wants_waiting))
			result = proc_waits_of(pids->list[i], waiting, scan);
		if (result == -EACCES && pids == &scan->refused)
			scan->unknown++;
		if (result == -EACCES || result == -ESRCH)
			result = 0;
	}
	return result;
}

static int hidden_step(void *context)
{
	struct proc_scan *scan = context;
	int result = hidden_look(scan, &scan->refused);

	scan->looking_deep = true;
	if (!result)
		result = hidden_look(scan, &scan->deep);
	scan->looking_deep = false;
	return result;
}

int proc_scan_hidden(struct proc_scan *scan)
{
	int result = 0;

	for (size_t i = 0; i < scan->count && !result; i++)
		if (scan->viewers[i].hide)
			result = scan->viewers[i].hide(scan->viewers[i].context);
	if (result || scan->refused.count + scan->deep.count == 0)
		return result;
	return as_daemon(scan->call, hidden_step, scan);
}

static int pid_compare(const void *one, const void *other)
{
	pid_t a = *(const pid_t *)one, b = *(const pid_t *)other;

	return (a > b) - (a < b);
}

bool proc_scan_saw(const struct proc_scan *scan, pid_t pid)
{
	/* They are in the order in which /proc lists them. */
	return !scan->refused.count ||
	       !bsearch(&pid, scan->refused.list, scan->refused.count, sizeof(pid), pid_compare);
}

void proc_scan_free(struct proc_scan *scan)
{
	free(scan->refused.list);
	free(scan->deep.list);
	scan->refused = scan->deep = (struct proc_pids){NULL};
}
