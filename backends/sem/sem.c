/*
 * sem.c - semaphores: the directory sem/, what mkdir makes there, and the tables of all of them.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/checklist.h"
#include "kinds.h"
#include "events/events.h"
#include "common/names.h"
#include "common/sysvipc.h"
#include "report/report.h"
#include "sem.h"

/* ---- finding ---- */

static int key_find(int32_t key)
{
	int id = semget(key, 0, 0); /* asks for no mode bit, so the kernel refuses nobody */

	return id < 0 ? -errno : id;
}

static int sysv_find(const struct object_name *name, struct place *found)
{
	struct semid_ds set;
	int id = name->family == FAMILY_KEY ? key_find(name->key) : name->id;
	int result = id;

	if (name->family == FAMILY_ID)
		result = sem_sysv_look(id, &set);
	if (result < 0)
		return result;
	*found = (struct place){.dir = &sem_sysv_dir, .object = (uint32_t)id};
	return 0;
}

static int posix_find(const char *text, const struct object_name *name, struct place *found)
{
	struct stat st;
	int result = sem_posix_look(name->posix, &st);

	if (result == 0)
		*found = (struct place){.dir = &sem_posix_dir,
					.name = object_name_within(text, name)};
	return result;
}

/* posix:a,b is the object "a,b" if there is one, else "a" with attributes. */
static int sem_find(struct call *call, const struct place *at, const char *text,
		    struct place *found)
{
	struct object_name name;
	int result;

	if (strchr(text, ',') && object_name_read(NULL, text, true, &name) == 0 &&
	    posix_find(text, &name, found) == 0)
		return 0;
	result = object_name_read(call, text, false, &name);
	if (result < 0)
		return result;
	if (name.family == FAMILY_POSIX)
		return posix_find(text, &name, found);
	return sysv_find(&name, found);
}

/* ---- listing ---- */

struct listing_of {
	listing *each;
	void *context;
};

static int sysv_list_line(const char *line, void *context)
{
	const struct listing_of *of = context;
	struct place place = {.dir = &sem_sysv_dir};
	char listed[LISTED_NAME_SIZE];
	char *rest;
	long key = strtol(line, &rest, 10), id = strtol(rest, NULL, 10);

	place.object = (uint32_t)id;
	object_name_list_sysv((int32_t)key, (int32_t)id, listed);
	return of->each(of->context, listed, &place);
}

static int posix_list_name(void *context, const char *name, uint64_t identity)
{
	const struct listing_of *of = context;
	struct place place = {.dir = &sem_posix_dir, .name = name};
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&sem_dir, name, listed);
	return of->each(of->context, listed, &place);
}

static int sem_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_of of = {each, context};
	int result = sysvipc_read("sem", sysv_list_line, &of);

	return result < 0 ? result : sem_posix_walk(posix_list_name, &of);
}

/* ---- making ---- */

/* The attributes as they are written; what they may be depends on each other. */
struct wanted {
	char *value;
	int64_t nsems; /* 0: not given */
	int64_t most;  /* SEMMSL */
};

static int wanted_value(struct call *call, const char *text, void *context)
{
	struct wanted *wanted = context;

	wanted->value = strdup(text);
	return wanted->value ? 0 : -ENOMEM;
}

static int wanted_nsems(struct call *call, const char *text, void *context)
{
	struct wanted *wanted = context;

	return number_read(call, "nsems (SEMMSL, first number of kernel.sem)", text, 1,
			   wanted->most, &wanted->nsems);
}

static const struct attribute sysv_attributes[] = {
	{"value", wanted_value},
	{"nsems", wanted_nsems},
	{NULL, NULL},
};

static const struct attribute posix_attributes[] = {
	{"value", wanted_value},
	{NULL, NULL},
};

/* How many values there are with a colon between two. */
static size_t values_count(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == ':';
	return count;
}

/* Sets @values to 1 each, to the one value that is given, or to each its own. */
static int values_read(struct call *call, char *text, unsigned short *values, size_t count)
{
	size_t given = text ? values_count(text) : 0;
	int64_t value = 1;

	if (given > 1 && given != count)
		return refuse(
			call, EINVAL,
			"value= has %zu values, the set %zu semaphores: one for all or one for "
			"each",
			given, count);
	for (size_t i = 0; i < count; i++) {
		char *item = i < given ? strsep(&text, ":") : NULL;

		if (item) {
			int result =
				number_read(call, "value (SEMVMX)", item, 0, SEM_SYSV_MAX, &value);

			if (result < 0)
				return result;
		}
		values[i] = (unsigned short)value;
	}
	return 0;
}

static int sysv_make(struct call *call, const struct object_name *name, mode_t mode,
		     struct wanted *wanted, struct place *made)
{
	size_t count = wanted->nsems   ? (size_t)wanted->nsems
		       : wanted->value ? values_count(wanted->value)
				       : 1;
	unsigned short *values;
	int id, result;

	if (count > (size_t)wanted->most)
		return refuse(call, EINVAL,
			      "value= has %zu values: SEMMSL is %lld semaphores a set "
			      "(kernel.sem, first number)",
			      count, (long long)wanted->most);
	values = calloc(count, sizeof(*values));
	if (!values)
		return -ENOMEM;
	result = values_read(call, wanted->value, values, count);
	if (result == 0)
		result = sem_sysv_make(call, name->key, mode, values, count, &id);
	free(values);
	if (result == 0)
		*made = (struct place){.dir = &sem_sysv_dir, .object = (uint32_t)id};
	return result;
}

static int posix_make(struct call *call, const char *text, const struct object_name *name,
		      mode_t mode, const struct wanted *wanted, struct place *made)
{
	int64_t value = 1;
	int result = 0;

	if (wanted->value)
		result = number_read(call, "value (SEM_VALUE_MAX)", wanted->value, 0, SEM_VALUE_MAX,
				     &value);
	if (result == 0)
		result = sem_posix_make(call, name->posix, mode, (unsigned)value);
	if (result == 0)
		*made = (struct place){.dir = &sem_posix_dir,
				       .name = object_name_within(text, name)};
	return result;
}

static int sem_make(struct call *call, const struct place *at, const char *text, mode_t mode,
		    struct place *made)
{
	struct object_name name;
	struct sem_limits limits;
	struct wanted wanted = {NULL};
	int result = object_name_read(call, text, false, &name);

	if (result < 0)
		return result;
	if (name.family == FAMILY_ID)
		return refuse(
			call, EINVAL,
			"%d is an id, which the kernel gives: a set is made by its key (0x%x), "
			"a POSIX semaphore of this name as posix:%d",
			name.id, (unsigned)name.id, name.id);
	result = sem_sysv_limits(&limits);
	if (result < 0)
		return result;
	wanted.most = limits.per_set;
	result = attributes_read(call, name.attributes,
				 name.family == FAMILY_KEY ? sysv_attributes : posix_attributes,
				 &wanted);
	if (result == 0 && name.family == FAMILY_KEY)
		result = sysv_make(call, &name, mode, &wanted, made);
	else if (result == 0)
		result = posix_make(call, text, &name, mode, &wanted, made);
	free(wanted.value);
	return result;
}

static int sem_setup(const struct settings *settings)
{
	int result = sem_futex_setup();

	return result < 0 ? result : devshm_setup(settings);
}

/* POSIX semaphores are in /dev/shm, of which shared memory tells. */
static void sem_check(struct checklist *list)
{
	checklist_sysv(list, "sem", "semget");
}

/* ---- the tables ---- */

/* Of a set and of each semaphore in it. */
static const struct row sysv_rows[] = {
	{"op", ROW_CHANNEL, .show = sem_show_nothing, .channel = &sem_sysv_op},
	{"hold", ROW_CHANNEL, .show = sem_sysv_show_hold, .channel = &sem_sysv_hold},
	{"value", ROW_TEXT, 0644, .show = sem_sysv_show_value, .store = sem_sysv_store_value},
	{"ncount", ROW_TEXT, 0444, .show = sem_sysv_show_ncount},
	{"zcount", ROW_TEXT, 0444, .show = sem_sysv_show_zcount},
	{"pid", ROW_TEXT, 0444, .show = sem_sysv_show_pid},
	{"nsems", ROW_TEXT, 0444, .show = sem_sysv_show_nsems},
	{"status", ROW_TEXT, 0444, .show = sem_sysv_show_status},
	{"status.json", ROW_TEXT, 0444, .show = sem_sysv_show_status_json},
	{"holders", ROW_TEXT, 0444, .show = sem_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

static const struct row posix_rows[] = {
	{"op", ROW_CHANNEL, .show = sem_show_nothing, .channel = &sem_posix_op},
	{"hold", ROW_CHANNEL, .show = sem_posix_show_hold, .channel = &sem_posix_hold},
	{"value", ROW_TEXT, 0444, .show = sem_posix_show_value, .store = sem_posix_store_value},
	{"ncount", ROW_TEXT, 0444, .show = sem_posix_show_ncount},
	{"status", ROW_TEXT, 0444, .show = sem_posix_show_status},
	{"status.json", ROW_TEXT, 0444, .show = sem_posix_show_status_json},
	{"holders", ROW_TEXT, 0444, .show = sem_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

static const struct row sem_rows[] = {
	{"status", ROW_TEXT, 0444, .show = report_show_status},
	{"status.json", ROW_TEXT, 0444, .show = report_show_json},
	{"status.pids", ROW_TEXT, 0444, .show = report_show_pids},
	{"status.times", ROW_TEXT, 0444, .show = report_show_times},
	{"status.creators", ROW_TEXT, 0444, .show = report_show_creators},
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"holders", ROW_TEXT, 0444, .show = sem_show_all_holders, .namespaces = NAMESPACE_PID},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{NULL, ROW_END},
};

const struct dir sem_sysv_part_dir = {
	.rows = sysv_rows,
	.stat = sem_sysv_stat,
	.make = refuse_make,
	.remove = refuse_remove,
	.change = sem_sysv_change,
	.rename = refuse_rename,
};

const struct dir sem_sysv_dir = {
	.namespaces = NAMESPACE_IPC,
	.rows = sysv_rows,
	.label = sem_sysv_label,
	.children = (const struct dir *const[]){&sem_sysv_part_dir, NULL},
	.stat = sem_sysv_stat,
	.find = sem_sysv_find,
	.list = sem_sysv_list,
	.make = refuse_make,
	.remove = sem_sysv_remove,
	.change = sem_sysv_change,
	.rename = sem_sysv_rename,
};

const struct dir sem_posix_dir = {
	.namespaces = NAMESPACE_MEMORY_FS,
	.rows = posix_rows,
	.stat = sem_posix_stat,
	.make = refuse_make,
	.remove = sem_posix_remove,
	.change = sem_posix_change,
	.rename = sem_posix_rename,
};

const struct dir sem_dir = {
	.namespaces = NAMESPACE_IPC | NAMESPACE_MEMORY_FS,
	.rows = sem_rows,
	.children = (const struct dir *const[]){&sem_sysv_dir, &sem_posix_dir, NULL},
	.find = sem_find,
	.list = sem_list,
	.make = sem_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

const struct kind sem_kind = {
	.name = "sem",
	.dir = &sem_dir,
	.print_ipcs = sem_print_ipcs,
	.print_more = sem_print_more,
	.list_json = sem_list_json,
	.snapshot = sem_snapshot,
	.families = sem_families,
	.limits = sem_limits,
	.setup = sem_setup,
	.check = sem_check,
	.removals = devshm_removals,
	.holders = &sem_holders,
};
