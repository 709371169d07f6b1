/*
 * mq.c - the kind of message queues: System V and POSIX side by side in one directory.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/checklist.h"
#include "kinds.h"
#include "events/events.h"
#include "mq.h"
#include "report/report.h"

static int family_find(const struct object_name *name, struct place *found)
{
	return name->family == FAMILY_POSIX ? mq_posix_find(name, found)
					    : mq_sysv_find(name, found);
}

static int mq_find(struct call *call, const struct place *at, const char *name, struct place *found)
{
	struct object_name read;
	int error;

	/* A comma may be part of a POSIX object's name; mkdir looks up what it has made with its
	   attributes. */
	if (strchr(name, ',') && object_name_read(NULL, name, true, &read) == 0 &&
	    family_find(&read, found) == 0)
		return 0;
	error = object_name_read(call, name, false, &read);
	return error ? error : family_find(&read, found);
}

struct listing_context {
	listing *each;
	void *context;
};

static int list_sysv(void *context, const struct mq_sysv *queue)
{
	struct listing_context *to = context;
	struct place place = {.dir = &mq_sysv_dir, .object = (uint32_t)queue->object.id};
	char listed[LISTED_NAME_SIZE];

	object_name_list_sysv(queue->object.key, queue->object.id, listed);
	return to->each(to->context, listed, &place);
}

static int list_posix(void *context, const char *name)
{
	struct listing_context *to = context;
	struct place place = {.dir = &mq_posix_dir, .name = name};
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&mq_dir, name, listed);
	return to->each(to->context, listed, &place);
}

static int mq_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_context to = {each, context};
	int error = mq_sysv_gather(list_sysv, &to);

	return error ? error : mq_posix_gather(list_posix, &to);
}

static int mq_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		   struct place *made)
{
	struct object_name read;
	int error = object_name_read(call, name, false, &read);

	if (error)
		return error;
	switch (read.family) {
	case FAMILY_KEY:
		return mq_sysv_make(call, &read, mode, made);
	case FAMILY_POSIX:
		return mq_posix_make(call, &read, mode, made);
	case FAMILY_ID:
		break;
	}
	return refuse(call, EINVAL,
		      "%d is an id, which the kernel gives: 0x and a key makes a System V queue, a "
		      "name that is no number a POSIX queue",
		      read.id);
}

static const struct row rows[] = {
	{"status", ROW_TEXT, 0444, .show = report_show_status},
	{"status.json", ROW_TEXT, 0444, .show = report_show_json},
	{"status.pids", ROW_TEXT, 0444, .show = report_show_pids},
	{"status.times", ROW_TEXT, 0444, .show = report_show_times},
	{"status.creators", ROW_TEXT, 0444, .show = report_show_creators},
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"holders", ROW_TEXT, 0444, .show = mq_show_all_holders, .namespaces = NAMESPACE_PID},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{NULL, ROW_END},
};

static const struct dir *const children[] = {&mq_sysv_dir, &mq_posix_dir, NULL};

const struct dir mq_dir = {
	.namespaces = NAMESPACE_IPC,
	.rows = rows,
	.children = children,
	.find = mq_find,
	.list = mq_list,
	.make = mq_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static int mq_setup(const struct settings *settings)
{
	return mq_posix_setup();
}

static void mq_check(struct checklist *list)
{
	struct rlimit bytes;

	checklist_sysv(list, "msg", "msgget");
	mq_posix_setup();
	if (mq_posix_can_list())
		checklist_has(list, "mq_open", "POSIX, all queues are listed");
	else if (access("/proc/sys/fs/mqueue", F_OK) == 0)
		checklist_lacks(list, "/dev/mqueue",
				"POSIX queues open by name and are not listed: "
				"mount -t mqueue mqueue /dev/mqueue");
	else
		checklist_lacks(list, "mq_open", "the kernel has no POSIX queues: System V alone");
	if (getrlimit(RLIMIT_MSGQUEUE, &bytes) < 0 || bytes.rlim_cur == RLIM_INFINITY)
		checklist_has(list, "RLIMIT_MSGQUEUE", "none");
	else
		checklist_has(list, "RLIMIT_MSGQUEUE",
			      "%llu bytes for the POSIX queues of all users of the tree together",
			      (unsigned long long)bytes.rlim_cur);
}

const struct kind mq_kind = {
	.name = "mq",
	.dir = &mq_dir,
	.print_ipcs = mq_print_ipcs,
	.print_more = mq_print_more,
	.list_json = mq_list_json,
	.snapshot = mq_snapshot,
	.families = mq_families,
	.limits = mq_limits,
	.setup = mq_setup,
	.check = mq_check,
	.removals = mq_posix_removals,
	.holders = &mq_holders,
};
