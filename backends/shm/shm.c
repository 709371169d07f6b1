/*
 * shm.c - the kind of shared memory: System V and POSIX side by side in one directory.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "common/checklist.h"
#include "kinds.h"
#include "events/events.h"
#include "report/report.h"
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

	return error ? error : shm_posix_walk(list_posix, &to);
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

static const struct row rows[] = {
	{"status", ROW_TEXT, 0444, .show = report_show_status},
	{"status.json", ROW_TEXT, 0444, .show = report_show_json},
	{"status.pids", ROW_TEXT, 0444, .show = report_show_pids},
	{"status.times", ROW_TEXT, 0444, .show = report_show_times},
	{"status.creators", ROW_TEXT, 0444, .show = report_show_creators},
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"holders", ROW_TEXT, 0444, .show = shm_show_all_holders, .namespaces = NAMESPACE_PID},
	{"orphans", ROW_DIR, .dir = &shm_orphans_dir},
	{"unnamed", ROW_TEXT, 0444, .show = shm_show_unnamed, .namespaces = NAMESPACE_PID},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{NULL, ROW_END},
};

static const struct dir *const children[] = {&shm_sysv_dir, &shm_posix_dir, NULL};

const struct dir shm_dir = {
	.namespaces = NAMESPACE_IPC | NAMESPACE_MEMORY_FS,
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
	/* It comes when somebody opens what is looked at by devshm_open_alone. */
	if (signal(SIGIO, SIG_IGN) == SIG_ERR)
		return -errno;
	shm_orphans_setup(settings);
	shm_daemons_setup(settings);
	return devshm_setup(settings);
}

static void shm_check(struct checklist *list)
{
	checklist_sysv(list, "shm", "shmget");
	devshm_check(list);
}

const struct kind shm_kind = {
	.name = "shm",
	.dir = &shm_dir,
	.print_ipcs = shm_print_ipcs,
	.print_more = shm_print_more,
	.list_json = shm_list_json,
	.snapshot = shm_snapshot,
	.families = shm_families,
	.limits = shm_limits,
	.setup = shm_setup,
	.check = shm_check,
	.holders = &shm_holders,
};
