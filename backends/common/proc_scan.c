/*
 * proc_scan.c - one look at all processes, for several who want to know different things of them.
 */
#include "proc_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc_deep.h"
#include "proc_status.h"

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

static int maps_give(struct proc_scan *scan, const struct proc_deep *deep)
{
	int result = 0;

	for (size_t i = 0; i < deep->maps_count && !result; i++)
		result = mapping(scan, &deep->maps[i]);
	return result;
}

static int waits_give(struct proc_scan *scan, const struct proc_deep *deep)
{
	int result = 0;

	for (size_t i = 0; i < deep->waits_count && !result; i++)
		result = waiting(scan, &deep->waits[i]);
	return result;
}

/*
 * One process.  What is open and what is mapped takes the same permission, which -EACCES says that
 * there is not; where its threads are takes more.
 */
static int process_look(struct proc_scan *scan, pid_t pid, const struct proc_deep *deep)
{
	int result = proc_fds_of(pid, type_wanted(scan), descriptor, scan);

	if (result || !deep)
		return result;
	if (deep->maps_error == -ETIMEDOUT) {
		scan->unknown++;
		return 0;
	}
	result = deep->maps_error ? deep->maps_error : maps_give(scan, deep);
	return result ? result : waits_give(scan, deep);
}

/* In the first half: as the caller. */
static int look_as_caller(struct proc_scan *scan, pid_t pid, const struct proc_deep *deep)
{
	int result;

	/* A process may always look into itself, and this one has the caller's ids only for the
	   moment. */
	if (pid == scan->self && geteuid() != getuid())
		return proc_pids_add(&scan->refused, pid);
	result = process_look(scan, pid, deep);
	if (result == -EACCES)
		return proc_pids_add(&scan->refused, pid);
	if (!result && deep && deep->waits_error == -EACCES)
		return proc_pids_add(&scan->deep, pid);
	return result == -ESRCH ? 0 : result;
}

/* In the second. */
static int look_as_daemon(struct proc_scan *scan, pid_t pid, const struct proc_deep *deep)
{
	int result = process_look(scan, pid, deep);

	if (result == -EACCES && !scan->looking_deep)
		scan->unknown++;
	return result == -EACCES || result == -ESRCH ? 0 : result;
}

typedef int look_at(struct proc_scan *scan, pid_t pid, const struct proc_deep *deep);

/* Looks at each of @pids; what is mapped is read of many at once. */
static int look_at_all(struct proc_scan *scan, const struct proc_pids *pids, look_at *look)
{
	bool waits = is_wanted(scan, wants_waiting);
	bool deep = waits || is_wanted(scan, wants_mappings);
	size_t done;
	int result = 0;

	for (size_t first = 0; first < pids->count && !result; first += done) {
		struct proc_deep_list *list = NULL;

		done = 1;
		if (deep)
			result = proc_deep_read(pids->list + first, pids->count - first, waits,
						&list, &done);
		for (size_t i = 0; i < done && !result; i++)
			result = look(scan, pids->list[first + i],
				      list ? proc_deep_get(list, i) : NULL);
		proc_deep_free(list);
	}
	return result;
}

static int pid_take(void *context, pid_t pid)
{
	return proc_pids_add(context, pid);
}

int proc_scan_visible(struct proc_scan *scan)
{
	struct proc_pids pids = {NULL};
	int result = proc_walk(pid_take, &pids);

	scan->self = proc_self();
	if (!result)
		result = look_at_all(scan, &pids, look_as_caller);
	free(pids.list);
	return result;
}

static int hidden_step(void *context)
{
	struct proc_scan *scan = context;
	int result = look_at_all(scan, &scan->refused, look_as_daemon);

	scan->looking_deep = true;
	if (!result)
		result = look_at_all(scan, &scan->deep, look_as_daemon);
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
