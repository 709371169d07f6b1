/*
 * pipe_print.c - tables of the pipes in the style of ipcs(1), their holders, and the same as JSON.
 *
 * A pipe is called by its path below pipes/, so that what a table says can be opened: NAME, or
 * anon/NUMBER; a FIFO elsewhere by its own path.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "pipe.h"
#include "common/print.h"

/* What would break a row into other words, and a list of processes into other items. */
#define WORD " "
#define ITEM " ,"

static const struct {
	unsigned how;
	const char *word;
} hows[] = {
	{PIPE_READ, "read"},
	{PIPE_WRITE, "write"},
	{PIPE_READ | PIPE_WRITE, "read-write"},
	{PIPE_KEEP, "keep"},
};

static const char *how_word(unsigned how)
{
	size_t i = 0;

	while (hows[i].how != how)
		i++;
	return hows[i].word;
}

/* What it is called; @room has place for any. */
static const char *pipe_object(const struct pipe_seen *pipe, char room[PIPE_LISTED_SIZE])
{
	if (pipe->family == PIPE_ELSEWHERE)
		return pipe->name;
	if (pipe->family == PIPE_NAMED)
		pipe_name_list(pipe->name, room);
	else
		snprintf(room, PIPE_LISTED_SIZE, "anon/%" PRIuMAX, (uintmax_t)pipe->key.ino);
	return room;
}

static int compare(struct pipe_seen *one, struct pipe_seen *other)
{
	if (one->family != other->family)
		return (int)one->family - (int)other->family;
	if (one->family == PIPE_UNNAMED)
		return (one->key.ino > other->key.ino) - (one->key.ino < other->key.ino);
	return strcmp(one->name, other->name);
}

/* ---- as ipcs ---- */

/* A word that is filled up to the width of a column. */
static void print_column(FILE *out, const char *word)
{
	fprintf(out, "%-10s ", word);
}

static void print_number(FILE *out, bool known, int64_t number)
{
	char text[24] = "-";

	if (known && number >= 0)
		snprintf(text, sizeof(text), "%" PRId64, number);
	print_column(out, text);
}

/* Fills a column up which began at @begin. */
static void fill_column(FILE *out, long begin, int width)
{
	long printed = ftell(out) - begin;

	fprintf(out, "%*s ", printed < width ? width - (int)printed : 0, "");
}

/* Text of any bytes as one column. */
static void print_text(FILE *out, const char *text)
{
	long begin = ftell(out);

	text_print(out, text, WORD);
	fill_column(out, begin, 10);
}

static void print_process(FILE *out, const struct pipe_process *process)
{
	fprintf(out, "%d/", (int)process->pid);
	text_print(out, process->command, ITEM);
}

/* "1234/sh,1240/cat,+2": those who have this end, and how many of them are not shown. */
static void print_end(FILE *out, const struct pipe_seen *pipe, unsigned how)
{
	size_t hidden = pipe_count(pipe, how, true);
	const char *between = "";

	for (size_t i = 0; i < pipe->holders_count; i++) {
		const struct pipe_holder *holder = &pipe->holders[i];

		if (!(holder->how & how) || holder->process->hidden)
			continue;
		fputs(between, out);
		print_process(out, holder->process);
		between = ",";
	}
	if (hidden > 0)
		fprintf(out, "%s+%zu", between, hidden);
	else if (!*between)
		fputc('-', out);
}

/* "write:1234/sh,read:1240/cat,+2" */
static void print_all_holders(FILE *out, const struct pipe_seen *pipe)
{
	const char *between = "";
	size_t hidden = 0;

	for (size_t i = 0; i < pipe->holders_count; i++) {
		const struct pipe_holder *holder = &pipe->holders[i];

		hidden += holder->process->hidden;
		if (holder->process->hidden)
			continue;
		fprintf(out, "%s%s:", between, how_word(holder->how));
		print_process(out, holder->process);
		between = ",";
	}
	if (hidden > 0)
		fprintf(out, "%s+%zu", between, hidden);
	else if (!*between)
		fputc('-', out);
}

static void print_header(FILE *out, enum pipe_family family)
{
	static const char *const titles[] = {
		[PIPE_NAMED] = "Named Pipes",
		[PIPE_UNNAMED] = "Unnamed Pipes",
		[PIPE_ELSEWHERE] = "Named Pipes Elsewhere",
	};

	ipcs_title(out, titles[family]);
	fprintf(out, "%-10s %-10s ", family == PIPE_ELSEWHERE ? "path" : "name", "owner");
	if (family == PIPE_UNNAMED)
		fprintf(out, "%-10s %-10s %-24s %s\n", "used-bytes", "capacity", "writers",
			"readers");
	else
		fprintf(out, "%-10s %-10s %-10s %-10s %-10s %s\n", "perms", "used-bytes",
			"capacity", "readers", "writers", "holders");
}

static void print_writers_column(FILE *out, const struct pipe_seen *pipe)
{
	long begin = ftell(out);

	print_end(out, pipe, PIPE_WRITE);
	fill_column(out, begin, 24);
}

static void print_row(FILE *out, const struct pipe_seen *pipe, struct user_names *users)
{
	char room[PIPE_LISTED_SIZE], perms[8];
	bool known = pipe_is_known(pipe);

	print_text(out, pipe_object(pipe, room));
	fprintf(out, "%-10.10s ", user_names_get(users, pipe->st.st_uid));
	if (pipe->family != PIPE_UNNAMED) {
		snprintf(perms, sizeof(perms), "%o", pipe->st.st_mode & 0777);
		print_column(out, perms);
	}
	print_number(out, known, pipe->bytes);
	print_number(out, known, pipe->capacity);
	if (pipe->family == PIPE_UNNAMED) {
		print_writers_column(out, pipe);
		print_end(out, pipe, PIPE_READ);
	} else {
		print_number(out, known, (int64_t)pipe_count(pipe, PIPE_READ, false));
		print_number(out, known, (int64_t)pipe_count(pipe, PIPE_WRITE, false));
		print_all_holders(out, pipe);
	}
	fputc('\n', out);
}

void pipe_print_tables(FILE *out, struct pipe_scan *scan, bool all)
{
	static const enum pipe_family families[] = {PIPE_NAMED, PIPE_UNNAMED, PIPE_ELSEWHERE};
	struct user_names users = {0};
	struct pipe_seen *pipe;

	HASH_SORT(scan->pipes, compare);
	pipe = scan->pipes;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (all || (pipe && pipe->family == families[i]))
			print_header(out, families[i]);
		for (; pipe && pipe->family == families[i]; pipe = pipe->hh.next)
			print_row(out, pipe, &users);
	}
}

void pipe_print_hidden(FILE *out, const struct pipe_scan *scan)
{
	if (scan->silent > 0)
		fprintf(out,
			"# of %zu pipe%s not known what is in %s: the kernel does not let the "
			"daemon ask, or does not answer\n",
			scan->silent, scan->silent == 1 ? " it is" : "s it is",
			scan->silent == 1 ? "it" : "them");
	holders_print_hidden(out, scan->hidden + scan->walk.unknown);
}

/* Fills @shown; false if it is not to be shown, or has ended. */
static bool holder_of(const struct pipe_holder *holder, struct holder *shown)
{
	struct pipe_process *process = holder->process;

	if (process->hidden || !pipe_process_user(process))
		return false;
	*shown = (struct holder){
		.pid = process->pid,
		.uid = process->uid,
		.how = how_word(holder->how),
		.command = process->command,
		.flow = (holder->how & PIPE_WRITE ? FLOW_IN : 0) |
			(holder->how & PIPE_READ ? FLOW_OUT : 0),
	};
	return true;
}

int pipe_each_holder(struct pipe_scan *scan, holder_each *each, void *context)
{
	struct pipe_seen *pipe, *next;
	char room[PIPE_LISTED_SIZE];
	int error = 0;

	HASH_SORT(scan->pipes, compare);
	HASH_ITER(hh, scan->pipes, pipe, next) {
		for (size_t i = 0; i < pipe->holders_count && !error; i++) {
			struct holder holder;

			if (holder_of(&pipe->holders[i], &holder))
				error = each(context, pipe_object(pipe, room), &holder);
		}
	}
	return error;
}

struct printing {
	FILE *out;
	bool objects;
	struct user_names users;
};

static int print_holder(void *context, const char *object, const struct holder *holder)
{
	struct printing *printing = context;

	holder_print(printing->out, printing->objects ? object : NULL, holder, &printing->users);
	return 0;
}

void pipe_print_holders(FILE *out, struct pipe_scan *scan, bool objects)
{
	struct printing printing = {.out = out, .objects = objects};

	pipe_each_holder(scan, print_holder, &printing);
}

/* ---- as lsipc ---- */

/* The holders that the caller may look at, and in *hidden how many there are besides. */
static json_t *json_holders(const struct pipe_seen *pipe, struct user_names *users, size_t *hidden)
{
	json_t *list = json_array();

	*hidden = 0;
	for (size_t i = 0; list && i < pipe->holders_count; i++) {
		struct holder holder;

		*hidden += pipe->holders[i].process->hidden;
		if (!holder_of(&pipe->holders[i], &holder))
			continue;
		if (json_array_append_new(list, holder_json(&holder, users)) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *json_known(bool known, int64_t number)
{
	return known && number >= 0 ? json_integer(number) : json_null();
}

/* What a listing looks up once. */
struct json_memory {
	struct id_names names;
	struct stat st;
	json_t *object; /* of the last pipe; NULL: none yet */
};

/* What all objects have, of which a listing has many with one owner and one mode. */
static json_t *json_common(const char *name, const struct stat *st, struct json_memory *memory)
{
	json_t *object;

	if (!memory->object || memory->st.st_uid != st->st_uid || memory->st.st_gid != st->st_gid ||
	    memory->st.st_mode != st->st_mode) {
		json_decref(memory->object);
		memory->object = json_posix_object(name, st, &memory->names);
		memory->st = *st;
	}
	object = json_copy(memory->object);
	/* Without memory for it the library leaves a key out, and says nothing. */
	if (object && json_object_size(object) == json_object_size(memory->object) &&
	    json_object_set_new(object, "name", json_text(name)) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *json_pipe(const struct pipe_scan *scan, const struct pipe_seen *pipe,
			 struct json_memory *memory)
{
	static const char *const families[] = {
		[PIPE_NAMED] = "named",
		[PIPE_UNNAMED] = "unnamed",
		[PIPE_ELSEWHERE] = "elsewhere",
	};
	bool known = pipe_is_known(pipe);
	char room[PIPE_LISTED_SIZE];
	size_t hidden;
	json_t *holders = json_holders(pipe, &memory->names.users, &hidden);

	/* Where not even the daemon may look, how many are hidden is not known either. */
	return json_joined(
		json_common(pipe_object(pipe, room), &pipe->st, memory),
		json_pack("{ss so so so so so so so so}", "family", families[pipe->family], "inode",
			  json_integer((json_int_t)pipe->key.ino), "bytes",
			  json_known(known, pipe->bytes), "capacity",
			  json_known(known, pipe->capacity), "readers",
			  json_known(known, (int64_t)pipe_count(pipe, PIPE_READ, false)), "writers",
			  json_known(known, (int64_t)pipe_count(pipe, PIPE_WRITE, false)), "keep",
			  pipe->family == PIPE_NAMED ? json_integer(pipe->kept) : json_null(),
			  "holders", holders, "hidden",
			  json_known(scan->walk.unknown == 0, (int64_t)hidden)));
}

int pipe_json_list(struct json_list *list, struct pipe_scan *scan)
{
	struct json_memory memory = {.object = NULL};
	struct pipe_seen *pipe, *next;
	int error = 0;

	HASH_SORT(scan->pipes, compare);
	HASH_ITER(hh, scan->pipes, pipe, next) {
		if (!error)
			error = json_list_add(list, json_pipe(scan, pipe, &memory));
	}
	json_decref(memory.object);
	return error;
}

/* ---- limits ---- */

int pipe_print_limits(FILE *out)
{
	static const struct limit_line lines[] = {
		{"max capacity of a pipe (bytes)", "fs/pipe-max-size"},
		{NULL},
	};
	static const struct limit_line of_users[] = {
		{"soft max pages in pipes per user, 0 is none", "fs/pipe-user-pages-soft"},
		{"hard max pages in pipes per user, 0 is none", "fs/pipe-user-pages-hard"},
		{NULL},
	};
	int error;

	ipcs_title(out, "Pipe Limits");
	error = limits_print(out, lines);
	fprintf(out, "max bytes written in one piece = %d\n", PIPE_BUF);
	return error ? error : limits_print(out, of_users);
}
