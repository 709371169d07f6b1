/*
 * sem_json.c - semaphores as JSON with the keys of lsipc(1).
 */
#include "common/names.h"
#include "sem_gather.h"

/* Adds @value, which it takes, to @object; false: no memory. */
static bool json_add(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

static json_t *json_element(const struct sem_figures *figures, size_t i)
{
	const struct sem_element *element = &figures->elements[i];

	return json_pack("{si si si si si}", "semnum", (int)element->number, "value",
			 element->value, "ncount", element->ncount, "zcount", element->zcount,
			 "pid", element->pid);
}

static json_t *json_value(const struct sem_figures *figures, size_t i)
{
	return json_integer(figures->values[i]);
}

/* An array of @count. */
static json_t *json_each(const struct sem_figures *figures, size_t count,
			 json_t *(*of)(const struct sem_figures *figures, size_t i))
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < count; i++) {
		if (json_array_append_new(list, of(figures, i)) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/* A number for a set of one semaphore, else an array; null where the caller may not see it. */
static json_t *json_values(const struct sem_set *set, const struct sem_figures *figures)
{
	if (!figures->values)
		return json_null();
	return set->nsems == 1 ? json_value(figures, 0)
			       : json_each(figures, set->nsems, json_value);
}

json_t *sem_json_set(const struct sem_set *set, const struct sem_figures *figures,
		     struct id_names *names)
{
	json_t *object = json_sysv_object(&set->common, names);

	if (object && json_add(object, "ctime", json_time(set->ctime)) &&
	    json_add(object, "mtime", json_null()) &&
	    json_add(object, "nsems", json_integer((json_int_t)set->nsems)) &&
	    json_add(object, "otime", json_time(set->otime)) &&
	    json_add(object, "value", json_values(set, figures)) &&
	    json_add(object, "ncount", json_null()) &&
	    json_add(object, "elements",
		     figures->elements ? json_each(figures, figures->count, json_element)
				       : json_null()))
		return object;
	json_decref(object);
	return NULL;
}

json_t *sem_json_named(const struct sem_named *named, struct id_names *names)
{
	char listed[LISTED_NAME_SIZE];
	json_t *object;

	object_name_list_posix(&sem_dir, named->name, listed);
	object = json_posix_object(listed, &named->st, names);
	if (object && json_add(object, "ctime", json_time(named->st.st_ctime)) &&
	    json_add(object, "mtime", json_time(named->st.st_mtime)) &&
	    json_add(object, "nsems", json_integer(1)) && json_add(object, "otime", json_null()) &&
	    json_add(object, "value", named->is_known ? json_integer(named->value) : json_null()) &&
	    json_add(object, "ncount",
		     named->is_known ? json_integer(named->waiters) : json_null()) &&
	    json_add(object, "elements", json_null()))
		return object;
	json_decref(object);
	return NULL;
}
