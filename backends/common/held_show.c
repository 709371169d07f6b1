/*
 * held_show.c - the files that say who holds the objects of shm/, sem/ and mq/.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"

#define HOW_SIZE 80

/* "mem-rw,read-write,wait-receive" */
static void how_text(unsigned how, char text[HOW_SIZE])
{
	const unsigned map = how & (HELD_MAP_READ | HELD_MAP_WRITE);
	const unsigned open = how & (HELD_READ | HELD_WRITE);
	const char *words[] = {
		map & HELD_MAP_WRITE ? "mem-rw" : "mem-r",
		open == HELD_READ    ? "read"
		: open == HELD_WRITE ? "write"
				     : "read-write",
		"path",
		"hold",
		"wait",
		"wait-receive",
		"wait-send",
	};
	const unsigned said[] = {map,
				 open,
				 how & HELD_PATH,
				 how & HELD_HOLD,
				 how & HELD_WAIT,
				 how & HELD_WAIT_RECEIVE,
				 how & HELD_WAIT_SEND};
	size_t length = 0;

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++)
		if (said[i])
			length += (size_t)snprintf(text + length, HOW_SIZE - length, "%s%s",
						   length ? "," : "", words[i]);
}

static unsigned flow_of(unsigned how)
{
	const unsigned in = HELD_MAP_WRITE | HELD_WRITE | HELD_WAIT_SEND;
	const unsigned out = HELD_MAP_READ | HELD_READ | HELD_WAIT_RECEIVE | HELD_HOLD | HELD_WAIT;

	return (how & in ? FLOW_IN : 0) | (how & out ? FLOW_OUT : 0);
}

static int by_pid(const void *one, const void *other)
{
	const struct held_by *a = one, *b = other;

	return (a->process->key.pid > b->process->key.pid) -
	       (a->process->key.pid < b->process->key.pid);
}

/* Calls @each with every holder that is shown, by object and pid. */
static int each_holder(struct held_scan *scan, holder_each *each, void *context)
{
	struct held_object *object, *next;
	int error = 0;

	HASH_ITER(hh, scan->objects, object, next) {
		if (object->by_count > 0)
			qsort(object->by, object->by_count, sizeof(*object->by), by_pid);
		for (size_t i = 0; i < object->by_count && !error; i++) {
			const struct held_process *process = object->by[i].process;
			unsigned how = object->by[i].how;
			char text[HOW_SIZE];
			struct holder holder = {
				.pid = process->key.pid,
				.uid = process->uid,
				.how = text,
				.command = process->command,
				.flow = flow_of(how),
				.waits = how & (HELD_WAIT | HELD_WAIT_RECEIVE | HELD_WAIT_SEND),
			};

			if (process->key.hidden)
				continue;
			how_text(how, text);
			error = each(context, object->label, &holder);
		}
	}
	return error;
}

/* ---- files ---- */

struct printing {
	FILE *out;
	bool objects;
	struct user_names names;
};

static int print_one(void *context, const char *object, const struct holder *holder)
{
	struct printing *printing = context;

	holder_print(printing->out, printing->objects ? object : NULL, holder, &printing->names);
	return 0;
}

static int scan_and_print(struct held_scan *scan, FILE *out, bool objects)
{
	struct printing printing = {.out = out, .objects = objects};
	int error = held_scan(scan);

	if (!error)
		error = each_holder(scan, print_one, &printing);
	if (!error)
		holders_print_hidden(out, scan->hidden + scan->walk.unknown);
	return error;
}

int held_show_one(struct call *call, const struct held_kind *kind, const struct place *place,
		  FILE *out)
{
	struct held_scan scan = {.call = call, .kind = kind};
	struct held_key key;
	int error = kind->key(place, &key);

	if (!error)
		error = held_add(&scan, &key, "", place);
	if (!error)
		error = scan_and_print(&scan, out, false);
	held_free(&scan);
	return error;
}

int held_show_all(struct call *call, const struct held_kind *kind, FILE *out)
{
	struct held_scan scan = {.call = call, .kind = kind};
	int error = kind->gather(&scan);

	if (!error)
		error = scan_and_print(&scan, out, true);
	held_free(&scan);
	return error;
}

/* ---- as part of a look at all kinds ---- */

int held_kind_begin(struct call *call, const struct held_kind *kind, struct proc_viewer *viewer,
		    void **state)
{
	struct held_scan *scan = calloc(1, sizeof(*scan));
	int error;

	if (!scan)
		return -ENOMEM;
	*scan = (struct held_scan){.call = call, .kind = kind};
	error = kind->gather(scan);
	if (!error)
		error = held_begin(scan, viewer);
	if (error)
		held_kind_end(scan);
	else
		*state = scan;
	return error;
}

int held_kind_complete(void *state, const struct proc_scan *walk)
{
	return held_complete(state, walk);
}

int held_kind_each(void *state, holder_each *each, void *context)
{
	return each_holder(state, each, context);
}

int held_kind_hidden(void *state, struct proc_pids *pids)
{
	struct held_scan *scan = state;
	struct held_process *process, *next;
	int error = 0;

	HASH_ITER(hh, scan->processes, process, next)
		if (process->key.hidden && !error)
			error = proc_pids_add(pids, process->key.pid);
	return error;
}

void held_kind_end(void *state)
{
	held_free(state);
	free(state);
}
