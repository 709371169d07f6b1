/*
 * sem_status.c - tables of the semaphores: first gathered into plain structs, then printed as
 * ipcs(1) and lsipc(1) print them.
 */
#include <errno.h>
#include <inttypes.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "sem.h"

struct sem_set {
	struct sysv_object common;
	unsigned long nsems;
	time_t otime, ctime;
};

/* One semaphore of a set. */
struct sem_element {
	unsigned number;
	int value, ncount, zcount, pid;
};

struct sem_named {
	char name[NAME_MAX + 1];
	struct stat st;
	bool is_known; /* the caller may see the two figures, and the file is whole */
	unsigned value, waiters;
};

/* A list that grows; elements of one size. */
struct gathering {
	void *list;
	size_t count, room;
	struct call *call;
};

static void *gathering_add(struct gathering *gathering, size_t size)
{
	if (gathering->count == gathering->room) {
		size_t room = gathering->room ? 2 * gathering->room : 64;
		void *list = reallocarray(gathering->list, room, size);

		if (!list)
			return NULL;
		gathering->list = list;
		gathering->room = room;
	}
	return (char *)gathering->list + size * gathering->count++;
}

/* ---- gathering ---- */

static int set_read(const char *line, void *context)
{
	struct sem_set *set = gathering_add(context, sizeof(*set));
	intmax_t otime, ctime;

	if (!set)
		return -ENOMEM;
	memset(set, 0, sizeof(*set));
	if (sscanf(line, "%" SCNd32 " %" SCNd32 " %o %lu %u %u %u %u %" SCNdMAX " %" SCNdMAX,
		   &set->common.key, &set->common.id, &set->common.mode, &set->nsems,
		   &set->common.uid, &set->common.gid, &set->common.cuid, &set->common.cgid, &otime,
		   &ctime) != 10)
		return -EIO;
	set->otime = otime;
	set->ctime = ctime;
	return 0;
}

/* All sets, in the kernel's order, which is that of ipcs. */
static int sets_gather(struct gathering *sets)
{
	return sysvipc_read("sem", set_read, sets);
}

static int set_gather(int id, struct sem_set *set)
{
	struct semid_ds kernel;
	int result = sem_sysv_look(id, &kernel);

	if (result < 0)
		return result;
	*set = (struct sem_set){
		.common = {.key = kernel.sem_perm.__key,
			   .id = id,
			   .mode = kernel.sem_perm.mode,
			   .uid = kernel.sem_perm.uid,
			   .cuid = kernel.sem_perm.cuid,
			   .gid = kernel.sem_perm.gid,
			   .cgid = kernel.sem_perm.cgid},
		.nsems = kernel.sem_nsems,
		.otime = kernel.sem_otime,
		.ctime = kernel.sem_ctime,
	};
	return 0;
}

/* The figures of @count semaphores from @first on, as the caller. */
static int elements_gather(int id, unsigned first, size_t count, struct sem_element **elements)
{
	static const int commands[] = {GETVAL, GETNCNT, GETZCNT, GETPID};
	struct sem_element *list = calloc(count, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int *figures[] = {&list[i].value, &list[i].ncount, &list[i].zcount, &list[i].pid};

		list[i].number = first + (unsigned)i;
		for (size_t j = 0; j < 4; j++) {
			int figure = sem_sysv_figure(id, list[i].number, commands[j]);

			if (figure < 0) {
				free(list);
				return figure;
			}
			*figures[j] = figure;
		}
	}
	*elements = list;
	return 0;
}

static int named_gather(struct call *call, const char *name, struct sem_named *named)
{
	int result = sem_posix_look(name, &named->st);

	if (result < 0)
		return result;
	snprintf(named->name, sizeof(named->name), "%s", name);
	named->is_known = sem_posix_figures(NULL, name, &named->value, &named->waiters) == 0;
	return 0;
}

static int named_add(void *context, const char *name, uint64_t identity)
{
	struct gathering *all = context;
	struct sem_named *named = gathering_add(all, sizeof(*named));

	if (!named)
		return -ENOMEM;
	if (named_gather(all->call, name, named) < 0)
		all->count--; /* removed meanwhile */
	return 0;
}

/* Both families; on failure there is nothing to free. */
static int all_gather(struct call *call, struct gathering *sets, struct gathering *all_named)
{
	int result;

	*sets = *all_named = (struct gathering){.call = call};
	result = sets_gather(sets);
	if (result == 0)
		result = sem_posix_walk(named_add, all_named);
	if (result < 0) {
		free(sets->list);
		free(all_named->list);
	}
	return result;
}

/* ---- as ipcs ---- */

static void sets_header(FILE *out)
{
	ipcs_title(out, "Semaphore Arrays");
	fprintf(out, "%-10s %-10s %-10s %-10s %-10s\n", "key", "semid", "owner", "perms", "nsems");
}

static void set_print(FILE *out, const struct sem_set *set)
{
	ipcs_columns(out, set->common.key, set->common.id, set->common.uid, set->common.mode);
	fprintf(out, "%-10lu\n", set->nsems);
}

static void elements_print(FILE *out, const struct sem_element *elements, size_t count)
{
	fprintf(out, "%-10s %-10s %-10s %-10s %-10s\n", "semnum", "value", "ncount", "zcount",
		"pid");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%-10u %-10d %-10d %-10d %-10d\n", elements[i].number,
			elements[i].value, elements[i].ncount, elements[i].zcount, elements[i].pid);
}

static void named_header(FILE *out)
{
	ipcs_title(out, "POSIX Semaphores");
	fprintf(out, "%-10s %-10s %-10s %-10s\n", "name", "owner", "perms", "value");
}

static void named_print(FILE *out, const struct sem_named *named)
{
	char listed[LISTED_NAME_SIZE], owner[ID_NAME_SIZE], value[16];

	object_name_list_posix(&sem_dir, named->name, listed);
	user_name(named->st.st_uid, owner);
	snprintf(value, sizeof(value), named->is_known ? "%u" : "-", named->value);
	ipcs_name(out, listed, 10);
	fprintf(out, "%-10.10s %-10o %-10s\n", owner, named->st.st_mode & 0777, value);
}

int sem_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct gathering sets, all_named;
	size_t unknown = 0;
	int result = all_gather(call, &sets, &all_named);

	if (result < 0)
		return result;
	sets_header(out);
	for (size_t i = 0; i < sets.count; i++)
		set_print(out, &((const struct sem_set *)sets.list)[i]);
	/* The blank line that ends ipcs begins the next title. */
	named_header(out);
	for (size_t i = 0; i < all_named.count; i++) {
		const struct sem_named *named = &((const struct sem_named *)all_named.list)[i];

		named_print(out, named);
		unknown += !named->is_known;
	}
	fputc('\n', out);
	if (unknown > 0)
		fprintf(out, "# %zu not shown in full\n", unknown);
	free(sets.list);
	free(all_named.list);
	return 0;
}

/* The semaphores that a place is about: all of a set, or one. */
static int place_elements(const struct place *place, const struct sem_set *set,
			  struct sem_element **elements, size_t *count)
{
	bool one = place->dir == &sem_sysv_part_dir;

	*count = one ? 1 : set->nsems;
	return elements_gather((int)place->object, one ? place->part : 0, *count, elements);
}

int sem_sysv_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct sem_element *elements;
	struct sem_set set;
	size_t count;
	int result = set_gather((int)place->object, &set);

	if (result < 0)
		return result;
	result = place_elements(place, &set, &elements, &count);
	if (result < 0 && result != -EACCES)
		return result;
	sets_header(out);
	set_print(out, &set);
	if (result == 0) {
		elements_print(out, elements, count);
		free(elements);
	} else {
		fprintf(out, "# %zu semaphores not shown: no read permission\n", count);
	}
	return 0;
}

int sem_posix_show_status(struct call *call, const struct place *place, FILE *out)
{
	struct sem_named named;
	int result = named_gather(call, place->name, &named);

	if (result < 0)
		return result;
	named_header(out);
	named_print(out, &named);
	if (!named.is_known)
		fputs("# value not shown: no read permission, or no whole semaphore\n", out);
	return 0;
}

int sem_show_limits(struct call *call, const struct place *place, FILE *out)
{
	struct sem_limits limits;
	int result = sem_sysv_limits(&limits);

	if (result < 0)
		return result;
	ipcs_title(out, "Semaphore Limits");
	fprintf(out, "max number of arrays = %d\n", limits.sets);
	fprintf(out, "max semaphores per array = %d\n", limits.per_set);
	fprintf(out, "max semaphores system wide = %d\n", limits.all);
	fprintf(out, "max ops per semop call = %d\n", limits.per_call);
	fprintf(out, "semaphore max value = %u\n", (unsigned)limits.value);
	ipcs_title(out, "POSIX Semaphore Limits");
	fprintf(out, "semaphore max value = %d\n\n", SEM_VALUE_MAX);
	return 0;
}

/* ---- as lsipc ---- */

/* Adds @value, which it takes, to @object; false: no memory. */
static bool json_add(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

/* A number for a set of one semaphore, else an array; null where the caller may not see it. */
static json_t *json_values(const struct sem_set *set)
{
	unsigned short *values;
	json_t *list;
	int result = sem_sysv_values(set->common.id, set->nsems, &values);

	if (result < 0)
		return result == -ENOMEM ? NULL : json_null();
	list = set->nsems == 1 ? json_integer(values[0]) : json_array();
	for (size_t i = 0; list && set->nsems > 1 && i < set->nsems; i++) {
		if (json_array_append_new(list, json_integer(values[i])) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	free(values);
	return list;
}

static json_t *json_set(const struct sem_set *set)
{
	json_t *object = json_sysv_object(&set->common);

	if (object && json_add(object, "ctime", json_time(set->ctime)) &&
	    json_add(object, "nsems", json_integer((json_int_t)set->nsems)) &&
	    json_add(object, "otime", json_time(set->otime)) &&
	    json_add(object, "value", json_values(set)))
		return object;
	json_decref(object);
	return NULL;
}

static json_t *json_elements(const struct sem_element *elements, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		json_t *element =
			json_pack("{si si si si si}", "semnum", (int)elements[i].number, "value",
				  elements[i].value, "ncount", elements[i].ncount, "zcount",
				  elements[i].zcount, "pid", elements[i].pid);

		if (json_array_append_new(list, element) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *json_named(const struct sem_named *named)
{
	char listed[LISTED_NAME_SIZE];
	json_t *object;

	object_name_list_posix(&sem_dir, named->name, listed);
	object = json_posix_object(listed, &named->st);
	if (object && json_add(object, "ctime", json_time(named->st.st_ctime)) &&
	    json_add(object, "nsems", json_integer(1)) && json_add(object, "otime", json_null()) &&
	    json_add(object, "value", named->is_known ? json_integer(named->value) : json_null()) &&
	    json_add(object, "ncount",
		     named->is_known ? json_integer(named->waiters) : json_null()))
		return object;
	json_decref(object);
	return NULL;
}

/* An array of the one object, which it takes. */
static json_t *json_alone(json_t *object)
{
	json_t *list = object ? json_array() : NULL;

	if (list && json_array_append_new(list, object) == 0)
		return list;
	if (!list)
		json_decref(object);
	json_decref(list);
	return NULL;
}

int sem_show_status_json(struct call *call, const struct place *place, FILE *out)
{
	struct gathering sets, all_named;
	json_t *list;
	int result = all_gather(call, &sets, &all_named);

	if (result < 0)
		return result;
	list = json_array();
	result = list ? 0 : -ENOMEM;
	for (size_t i = 0; result == 0 && i < sets.count; i++)
		if (json_array_append_new(list, json_set(&((const struct sem_set *)sets.list)[i])) <
		    0)
			result = -ENOMEM;
	for (size_t i = 0; result == 0 && i < all_named.count; i++)
		if (json_array_append_new(
			    list, json_named(&((const struct sem_named *)all_named.list)[i])) < 0)
			result = -ENOMEM;
	free(sets.list);
	free(all_named.list);
	if (result == 0)
		return json_print(out, list);
	json_decref(list);
	return result;
}

int sem_sysv_show_status_json(struct call *call, const struct place *place, FILE *out)
{
	struct sem_element *elements = NULL;
	struct sem_set set;
	json_t *object;
	size_t count;
	int result = set_gather((int)place->object, &set);

	if (result < 0)
		return result;
	result = place_elements(place, &set, &elements, &count);
	if (result < 0 && result != -EACCES)
		return result;
	object = json_set(&set);
	if (object && !json_add(object, "elements",
				elements ? json_elements(elements, count) : json_null())) {
		json_decref(object);
		object = NULL;
	}
	free(elements);
	return json_print(out, json_alone(object));
}

int sem_posix_show_status_json(struct call *call, const struct place *place, FILE *out)
{
	struct sem_named named;
	int result = named_gather(call, place->name, &named);

	if (result < 0)
		return result;
	return json_print(out, json_alone(json_named(&named)));
}
