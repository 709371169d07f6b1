/*
 * pipe_show.c - the files of one pipe, named or not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/apart.h"
#include "common/json.h"
#include "common/names.h"
#include "pipe.h"

/* How much of the machine is looked at for an answer. */
enum wanted {
	WANT_HOLDER,  /* one, to ask what is in the pipe */
	WANT_HOLDERS, /* all */
};

/* A holder ends between being seen and being asked; then it is looked for again, so often. */
enum { TRIES = 3 };

/* One pipe, looked at; free with pipe_scan_free. */
struct view {
	struct pipe_key key;
	struct pipe_scan scan;
	struct pipe_seen *pipe;
};

static int view_begin(struct call *call, const struct place *place, struct view *view)
{
	struct stat st = {.st_dev = pipe_anon_device()};
	struct pipe_file file;
	int error;

	memset(view, 0, sizeof(*view));
	view->scan.call = call;
	view->scan.only = &view->key;
	if (place->dir != &pipe_named_dir) {
		if (!pipe_number_read(place->name, &st.st_ino))
			return -ENOENT;
		view->key = pipe_key_of(&st);
		view->scan.unnamed = true;
		return 0;
	}
	error = pipe_named_open(place, &file);
	if (error)
		return error;
	view->key = pipe_key_of(&file.st);
	error = pipe_scan_add(&view->scan, place->name, &file.st,
			      pipe_named_may(&file, R_OK) || pipe_named_may(&file, W_OK));
	close(file.fd);
	return error;
}

static struct pipe_seen *view_pipe(struct view *view)
{
	struct pipe_seen *pipe;

	HASH_FIND(hh, view->scan.pipes, &view->key, sizeof(view->key), pipe);
	return pipe;
}

static int view_scan(struct view *view, enum wanted wanted)
{
	struct pipe_seen *pipe = view_pipe(view);
	int error = 0;

	view->scan.first = wanted == WANT_HOLDER;
	if (view->scan.first && pipe && pipe->kept && pipe->may_use)
		return 0; /* the daemon has it open itself */
	error = pipe_scan_visible(&view->scan);
	pipe = view_pipe(view);
	if (!error && !pipe)
		error = -ENOENT;
	if (!error && (wanted == WANT_HOLDERS || (pipe->holders_count == 0 && pipe->may_use)))
		error = pipe_scan_hidden(&view->scan);
	return error;
}

static int view_get(struct call *call, const struct place *place, enum wanted wanted, bool figures,
		    struct view *view)
{
	int error;

	for (int i = 1;; i++) {
		error = view_begin(call, place, view);
		if (!error)
			error = view_scan(view, wanted);
		if (!error && figures)
			error = pipe_figures_get(&view->scan);
		view->pipe = view_pipe(view);
		if (error || !view->pipe || view->pipe->error != -ESRCH || i == TRIES)
			break;
		pipe_scan_free(&view->scan);
	}
	if (error)
		pipe_scan_free(&view->scan);
	return error;
}

/* What the caller may not know of a FIFO that it can neither read nor write. */
static int refuse_unknown(struct call *call)
{
	return refuse(call, EACCES,
		      "you may neither read nor write the pipe, and have no process that has it "
		      "open");
}

static int figures_error(struct call *call, const struct pipe_seen *pipe)
{
	switch (-pipe->error) {
	case EACCES:
		return refuse_unknown(call);
	case EPERM:
		return refuse(call, EPERM,
			      "the daemon may not ask for it: pidfd_getfd takes CAP_SYS_PTRACE, or "
			      "of a plain user's own processes kernel.yama.ptrace_scope 0");
	case ETIMEDOUT:
		return refuse(call, ETIMEDOUT,
			      "the pipe does not answer: a process that writes to it holds it up");
	case ESRCH: /* whoever had it open is gone each time */
		return pipe->family == PIPE_UNNAMED ? -ENOENT : 0;
	default:
		return pipe->error;
	}
}

int pipe_show_bytes(struct call *call, const struct place *place, FILE *out)
{
	struct view view;
	int error = view_get(call, place, WANT_HOLDER, true, &view);

	if (error)
		return error;
	error = figures_error(call, view.pipe);
	if (!error)
		fprintf(out, "%" PRId64 "\n", view.pipe->bytes < 0 ? 0 : view.pipe->bytes);
	pipe_scan_free(&view.scan);
	return error;
}

int pipe_show_capacity(struct call *call, const struct place *place, FILE *out)
{
	struct view view;
	int error = view_get(call, place, WANT_HOLDER, true, &view);

	if (error)
		return error;
	error = figures_error(call, view.pipe);
	/* One that nobody has open has none. */
	if (!error && view.pipe->capacity >= 0)
		fprintf(out, "%" PRId64 "\n", view.pipe->capacity);
	pipe_scan_free(&view.scan);
	return error;
}

static int show_count(struct call *call, const struct place *place, FILE *out, unsigned how)
{
	struct view view;
	int error = view_get(call, place, WANT_HOLDERS, false, &view);

	if (error)
		return error;
	if (!pipe_is_known(view.pipe))
		error = refuse_unknown(call);
	else
		fprintf(out, "%zu\n", pipe_count(view.pipe, how, false));
	pipe_scan_free(&view.scan);
	return error;
}

int pipe_show_readers(struct call *call, const struct place *place, FILE *out)
{
	return show_count(call, place, out, PIPE_READ);
}

int pipe_show_writers(struct call *call, const struct place *place, FILE *out)
{
	return show_count(call, place, out, PIPE_WRITE);
}

/* ---- setting ---- */

/* May the caller write to an unnamed pipe?  As the kernel says of opening it through /proc. */
struct access {
	char path[48];
	int error;
};

static void access_step(void *context)
{
	struct access *wanted = context;

	wanted->error = faccessat(AT_FDCWD, wanted->path, W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* Apart: the process can have a file of any file system under that number by now. */
static int unnamed_check(struct call *call, const struct pipe_seen *pipe)
{
	struct access *wanted = calloc(1, sizeof(*wanted));
	int error;

	if (!wanted)
		return -ENOMEM;
	snprintf(wanted->path, sizeof(wanted->path), "/proc/%d/fd/%d",
		 (int)pipe->holders[0].process->pid, pipe->holders[0].fd);
	error = apart_run(access_step, free, wanted);
	if (error == -ETIMEDOUT)
		return error;
	if (!error)
		error = wanted->error;
	free(wanted);
	if (error == -EACCES)
		return refuse(call, EACCES, "the pipe is another user's");
	return error == -ENOENT ? -ESRCH : error;
}

static int named_check(struct call *call, const struct place *place, int mode, const char *reason)
{
	struct pipe_file file;
	int error = pipe_named_open(place, &file);

	if (error)
		return error;
	if (!pipe_named_may(&file, mode))
		error = refuse_permission(call, EACCES, place, "%s", reason);
	close(file.fd);
	return error;
}

int pipe_store_capacity(struct call *call, const struct place *place, const char *text)
{
	struct view view;
	int64_t capacity;
	int error = pipe_capacity_read(call, text, &capacity);

	if (!error && place->dir == &pipe_named_dir)
		error = named_check(call, place, W_OK,
				    "setting the capacity of a pipe takes permission to write it");
	if (!error)
		error = view_get(call, place, WANT_HOLDER, false, &view);
	if (error)
		return error;
	if (view.pipe->family == PIPE_UNNAMED)
		error = unnamed_check(call, view.pipe);
	if (!error)
		error = pipe_capacity_set(call, view.pipe, capacity);
	pipe_scan_free(&view.scan);
	return error;
}

int pipe_show_keep(struct call *call, const struct place *place, FILE *out)
{
	struct pipe_file file;
	struct pipe_key key;
	int error = pipe_named_open(place, &file);

	if (error)
		return error;
	key = pipe_key_of(&file.st);
	fprintf(out, "%d\n", pipe_is_kept(&key));
	close(file.fd);
	return 0;
}

int pipe_store_keep(struct call *call, const struct place *place, const char *text)
{
	struct pipe_file file;
	struct pipe_key key;
	int64_t wanted;
	int error = number_read(call, "keep", text, 0, 1, &wanted);

	if (!error)
		error = named_check(call, place, R_OK | W_OK,
				    "keeping a pipe open, and ending that, takes permission to "
				    "read and to write it");
	if (!error)
		error = pipe_named_open(place, &file);
	if (error)
		return error;
	key = pipe_key_of(&file.st);
	if (wanted)
		error = pipe_keep_begin(call, place->name, &key);
	else
		pipe_keep_end(&key);
	close(file.fd);
	return error;
}

/* ---- tables ---- */

int pipe_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct view view;
	int error = view_get(call, place, WANT_HOLDERS, true, &view);

	if (error)
		return error;
	pipe_print_tables(out, &view.scan, false);
	pipe_print_hidden(out, &view.scan);
	pipe_scan_free(&view.scan);
	return 0;
}

int pipe_show_json(struct call *call, const struct place *place, FILE *out)
{
	struct json_list list;
	struct view view;
	int error = view_get(call, place, WANT_HOLDERS, true, &view);

	if (error)
		return error;
	json_list_begin(&list, out);
	error = pipe_json_list(&list, &view.scan);
	if (!error)
		error = json_list_end(&list);
	pipe_scan_free(&view.scan);
	return error;
}

int pipe_show_holders(struct call *call, const struct place *place, FILE *out)
{
	struct view view;
	int error = view_get(call, place, WANT_HOLDERS, false, &view);

	if (error)
		return error;
	pipe_print_holders(out, &view.scan, false);
	holders_print_hidden(out, view.scan.hidden + view.scan.walk.unknown);
	pipe_scan_free(&view.scan);
	return 0;
}
