/*
 * holders.c - who holds what, of all kinds together, with one look at all processes.
 */
#include "report/holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/kind_holders.h"

enum { KINDS_MAX = 16 };

struct looking {
	const struct kind *kinds[KINDS_MAX];
	struct proc_viewer viewers[KINDS_MAX];
	void *states[KINDS_MAX];
	size_t count;
	struct proc_scan walk;
};

static int begin(struct call *call, struct looking *looking)
{
	int error = 0;

	*looking = (struct looking){.count = 0};
	for (const struct kind *const *kind = kinds; *kind && !error; kind++) {
		size_t at = looking->count;

		if (!(*kind)->holders || at == KINDS_MAX)
			continue;
		looking->kinds[at] = *kind;
		error = (*kind)->holders->begin(call, &looking->viewers[at], &looking->states[at]);
		looking->count += !error;
	}
	looking->walk = (struct proc_scan){
		.call = call, .viewers = looking->viewers, .count = looking->count};
	return error;
}

static void end(struct looking *looking)
{
	for (size_t i = 0; i < looking->count; i++)
		looking->kinds[i]->holders->end(looking->states[i]);
	proc_scan_free(&looking->walk);
}

struct giving {
	const char *kind;
	holder_each *each;
	void *context;
};

static int give(void *context, const char *object, const struct holder *holder)
{
	const struct giving *giving = context;
	char *path;
	int error;

	if (asprintf(&path, "%s/%s", giving->kind, object) < 0)
		return -ENOMEM;
	error = giving->each(giving->context, path, holder);
	free(path);
	return error;
}

static int pid_compare(const void *one, const void *other)
{
	pid_t a = *(const pid_t *)one, b = *(const pid_t *)other;

	return (a > b) - (a < b);
}

/* A process that holds objects of several kinds is one. */
static int hidden_count(const struct looking *looking, size_t *hidden)
{
	struct proc_pids pids = {NULL};
	int error = 0;

	for (size_t i = 0; i < looking->count && !error; i++)
		error = looking->kinds[i]->holders->hidden(looking->states[i], &pids);
	if (pids.count > 0)
		qsort(pids.list, pids.count, sizeof(*pids.list), pid_compare);
	*hidden = looking->walk.unknown;
	for (size_t i = 0; i < pids.count; i++)
		*hidden += i == 0 || pids.list[i] != pids.list[i - 1];
	free(pids.list);
	return error;
}

int report_each_holder(struct call *call, holder_each *each, void *context, size_t *hidden)
{
	struct looking looking;
	int error = begin(call, &looking);

	if (!error)
		error = proc_scan_visible(&looking.walk);
	if (!error)
		error = proc_scan_hidden(&looking.walk);
	for (size_t i = 0; i < looking.count && !error; i++)
		error = looking.kinds[i]->holders->complete(looking.states[i], &looking.walk);
	for (size_t i = 0; i < looking.count && !error; i++) {
		struct giving giving = {looking.kinds[i]->name, each, context};

		error = looking.kinds[i]->holders->each(looking.states[i], give, &giving);
	}
	if (!error)
		error = hidden_count(&looking, hidden);
	end(&looking);
	return error;
}

struct printing {
	FILE *out;
	struct user_names names;
};

static int print_one(void *context, const char *object, const struct holder *holder)
{
	struct printing *printing = context;

	holder_print(printing->out, object, holder, &printing->names);
	return 0;
}

int report_holders(struct call *call, const struct place *place, FILE *out)
{
	struct printing printing = {.out = out};
	size_t hidden;
	int error = report_each_holder(call, print_one, &printing, &hidden);

	if (!error)
		holders_print_hidden(out, hidden);
	return error;
}
