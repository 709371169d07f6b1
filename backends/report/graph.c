/*
 * graph.c - who holds what, as a graph of dot(1): an arrow from who writes to what is written, and
 * from there to who reads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "report/holders.h"

/* A process or an object, once. */
struct named {
	char *name;
	unsigned number;
	UT_hash_handle hh;
};

struct graph {
	FILE *out;
	struct named *objects;
	struct named *processes;
	struct user_names names;
};

/* A label, odd bytes as holders has them; quoted as dot wants it, which knows the entities of HTML.
 */
static void label_print(FILE *out, const char *text)
{
	size_t length;

	for (; *text; text += length)
		if (text_is_odd(text, &length))
			fprintf(out, "\\\\%03o", (unsigned char)*text);
		else if (*text == '"')
			fputs("\\\"", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else
			fwrite(text, 1, length, out);
}

/* The number of what is called so; *fresh if it is met for the first time.  -ENOMEM. */
static int number_of(struct named **all, const char *name, bool *fresh)
{
	struct named *named;

	HASH_FIND_STR(*all, name, named);
	*fresh = !named;
	if (named)
		return (int)named->number;
	named = calloc(1, sizeof(*named));
	if (!named)
		return -ENOMEM;
	named->number = HASH_COUNT(*all);
	named->name = strdup(name);
	if (!named->name) {
		free(named);
		return -ENOMEM;
	}
	HASH_ADD_KEYPTR(hh, *all, named->name, strlen(named->name), named);
	if (!HASH_HAS(hh, named)) {
		free(named->name);
		free(named);
		return -ENOMEM;
	}
	return (int)named->number;
}

static void named_free(struct named **all)
{
	struct named *named, *next;

	HASH_ITER(hh, *all, named, next) {
		HASH_DEL(*all, named);
		free(named->name);
		free(named);
	}
}

static void edge_print(FILE *out, const struct holder *holder, int object)
{
	const char *style = holder->waits ? ",style=dashed" : "";

	if (holder->flow == FLOW_OUT)
		fprintf(out, "\to%d -> p%d", object, (int)holder->pid);
	else
		fprintf(out, "\tp%d -> o%d", (int)holder->pid, object);
	fprintf(out, " [label=\"");
	label_print(out, holder->how);
	fprintf(out, "\"%s%s];\n", holder->flow == FLOW_BOTH ? ",dir=both" : "",
		holder->flow ? style : ",arrowhead=none");
}

static int holder_draw(void *context, const char *path, const struct holder *holder)
{
	struct graph *graph = context;
	char pid[16];
	bool fresh;
	int object = number_of(&graph->objects, path, &fresh), process;

	if (object < 0)
		return object;
	if (fresh) {
		fprintf(graph->out, "\to%d [shape=ellipse,label=\"", object);
		label_print(graph->out, path);
		fprintf(graph->out, "\"];\n");
	}
	snprintf(pid, sizeof(pid), "%d", (int)holder->pid);
	process = number_of(&graph->processes, pid, &fresh);
	if (process < 0)
		return process;
	if (fresh) {
		fprintf(graph->out, "\tp%s [shape=box,label=\"%s ", pid, pid);
		label_print(graph->out, holder->command);
		fprintf(graph->out, "\",tooltip=\"");
		label_print(graph->out, user_names_get(&graph->names, holder->uid));
		fprintf(graph->out, "\"];\n");
	}
	edge_print(graph->out, holder, object);
	return 0;
}

int report_holders_dot(struct call *call, const struct place *place, FILE *out)
{
	struct graph graph = {.out = out};
	size_t hidden;
	int error;

	fputs("digraph holders {\n"
	      "\trankdir=LR;\n"
	      "\tnodesep=0.1;\n"
	      "\tranksep=0.6;\n"
	      "\tnode [fontname=\"sans-serif\",fontsize=10,height=0.25];\n"
	      "\tedge [fontname=\"sans-serif\",fontsize=8,arrowsize=0.6];\n",
	      out);
	error = report_each_holder(call, holder_draw, &graph, &hidden);
	if (!error && hidden > 0)
		fprintf(out, "\tlabel=\"%zu process%s not shown\";\n", hidden,
			hidden == 1 ? "" : "es");
	fputs("}\n", out);
	named_free(&graph.objects);
	named_free(&graph.processes);
	return error;
}
