/*
 * shm.c - the kind of shared memory: System V and POSIX side by side in one directory.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "kinds.h"
#include "events/events.h"
#include "shm.h"

static int family_find(const char *text, const struct object_name *name, struct place *found)
{
	return name->family == FAMILY_POSIX ? shm_posix_find(text, name, found)
					    : shm_sysv_find(name, found);
}

static int shm_find(struct call *call, const struct place *at, const char *text,
		    struct place *found)
{
	struct object_name name;
	int error;

	/* posix:a,b is the object "a,b" if there is one, else "a" with attributes. */
	if (strchr(text, ',') && object_name_read(NULL, text, true, &name) == 0 &&
	    family_find(text, &name, found) == 0)
		return 0;
	error = object_name_read(call, text, false, &name);
	return error ? error : family_find(text, &name, found);
}

struct listing_context {
	listing *each;
	void *context;
};

static int list_sysv(void *context, const struct shm_sysv *segment)
{
	struct listing_context *to = context;
	struct place place = {.dir = &shm_sysv_dir, .object = (uint32_t)segment->object.id};
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(segment->object.key, segment->object.id, listed);
	return to->each(to->context, listed, &place);
}

static int list_posix(void *context, const char *name, uint64_t identity)
{
	struct listing_context *to = context;
	struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&shm_dir, name, listed);
	return to->each(to->context, listed, &place);
}

static int shm_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_context to = {each, context};
	int error = shm_sysv_gather(list_sysv, &to);

	return error ? error : shm_posix_gather(list_posix, &to);
}

static int shm_make(struct call *call, const struct place *at, const char *text, mode_t mode,
		    struct place *made)
{
	struct object_name name;
	int error = object_name_read(call, text, false, &name);

	if (error)
		return error;
	switch (name.family) {
	case FAMILY_KEY:
		return shm_sysv_make(call, &name, mode, made);
	case FAMILY_POSIX:
		return shm_posix_make(call, text, &name, mode, made);
	case FAMILY_ID:
		break;
	}
	return refuse(call, EINVAL,
		      "%d is an id, which the kernel gives: a segment is made by its key (0x%x), a "
		      "POSIX object of this name as posix:%d",
		      name.id, (unsigned)name.id, name.id);
}

/* ---- status ---- */

static int status_sysv(void *context, const struct shm_sysv *segment)
{
	shm_print_sysv(context, segment);
	return 0;
}

/* Fetches an object of a walk: -ENOENT if it has gone meanwhile. */
static int posix_get(const char *name, uint64_t identity, struct shm_posix *object)
{
	struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};

	return shm_posix_get(&place, object);
}

static int status_posix(void *context, const char *name, uint64_t identity)
{
	struct shm_posix object;

	if (posix_get(name, identity, &object) == 0)
		shm_print_posix(context, &object);
	return 0;
}

static int shm_show_status(struct call *call, const struct place *place, FILE *out)
{
	int error;

	shm_print_sysv_header(out);
	error = shm_sysv_gather(status_sysv, out);
	if (error)
		return error;
	/* The empty line with which ipcs ends is the one that begins a title. */
	shm_print_posix_header(out);
	error = shm_posix_gather(status_posix, out);
	if (!error)
		fputc('\n', out);
	return error;
}

static int json_append(json_t *array, json_t *object)
{
	return json_array_append_new(array, object) < 0 ? -ENOMEM : 0;
}

static int json_sysv(void *context, const struct shm_sysv *segment)
{
	return json_append(context, shm_json_sysv(segment));
}

static int json_posix(void *context, const char *name, uint64_t identity)
{
	struct shm_posix object;

	return posix_get(name, identity, &object) == 0
		       ? json_append(context, shm_json_posix(&object))
		       : 0;
}

static int shm_show_json(struct call *call, const struct place *place, FILE *out)
{
	json_t *array = json_array();
	int error = array ? shm_sysv_gather(json_sysv, array) : -ENOMEM;

	if (!error)
		error = shm_posix_gather(json_posix, array);
	if (!error)
		return json_print(out, array);
	json_decref(array);
	return error;
}

static int shm_show_limits(struct call *call, const struct place *place, FILE *out)
{
	return shm_print_limits(out);
}

static const struct row rows[] = {
	{"status", ROW_TEXT, 0444, .show = shm_show_status},
	{"status.json", ROW_TEXT, 0444, .show = shm_show_json},
	{"limits", ROW_TEXT, 0444, .show = shm_show_limits},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{NULL, ROW_END},
};

static const struct dir *const children[] = {&shm_sysv_dir, &shm_posix_dir, NULL};

const struct dir shm_dir = {
	.rows = rows,
	.children = children,
	.find = shm_find,
	.list = shm_list,
	.make = shm_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static int shm_setup(const struct settings *settings)
{
	/* Who writes past the daemon's RLIMIT_FSIZE gets EFBIG, and the daemon no signal. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return -errno;
	return devshm_setup(settings);
}

const struct kind shm_kind = {
	.name = "shm",
	.dir = &shm_dir,
	.snapshot = shm_snapshot,
	.families = shm_families,
	.limits = shm_limits,
	.setup = shm_setup,
};
