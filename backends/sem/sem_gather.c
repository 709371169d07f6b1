/*
 * sem_gather.c - gathers what there is to say of semaphores, from the kernel's table and their
 * files.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/descriptors.h"
#include "common/sysvipc.h"
#include "sem_gather.h"

int sem_set_gather(int id, struct sem_set *set)
{
	struct semid_ds kernel;
	int result = sem_sysv_look(id, &kernel);

	if (result < 0)
		return result;
	*set = (struct sem_set){
		.common = sysv_object_of(id, &kernel.sem_perm),
		.nsems = kernel.sem_nsems,
		.otime = kernel.sem_otime,
		.ctime = kernel.sem_ctime,
	};
	return 0;
}

struct sets_gathering {
	int (*each)(void *context, const struct sem_set *set);
	void *context;
};

/* A line of /proc/sysvipc/sem. */
static int set_line(const char *line, void *context)
{
	const struct sets_gathering *gathering = context;
	struct sysvipc_line from = {.at = line};
	struct sem_set set = {.nsems = 0};

	sysvipc_object(&from, &set.common);
	set.nsems = sysvipc_unsigned(&from);
	sysvipc_owners(&from, &set.common);
	set.otime = sysvipc_signed(&from);
	set.ctime = sysvipc_signed(&from);
	return from.failed ? -EIO : gathering->each(gathering->context, &set);
}

int sem_sets_gather(int (*each)(void *context, const struct sem_set *set), void *context)
{
	struct sets_gathering gathering = {each, context};
	int error = sysvipc_read("sem", set_line, &gathering);

	return error == -ENOENT ? 0 : error; /* a kernel without System V IPC has no sets */
}

static int element_gather(const struct sem_set *set, struct sem_element *element)
{
	static const int commands[] = {GETNCNT, GETZCNT, GETPID};
	int *figures[] = {&element->ncount, &element->zcount, &element->pid};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		int figure = sem_sysv_figure(set->common.id, element->number, commands[i]);

		if (figure < 0)
			return figure;
		*figures[i] = figure;
	}
	return 0;
}

int sem_figures_gather(const struct sem_set *set, unsigned first, size_t count,
		       struct sem_figures *figures)
{
	int result = sem_sysv_values(set->common.id, set->nsems, &figures->values);

	figures->elements = NULL;
	figures->count = count;
	if (result == 0 && !(figures->elements = calloc(count, sizeof(*figures->elements)))) {
		free(figures->values);
		result = -ENOMEM;
	}
	for (size_t i = 0; result == 0 && i < count; i++) {
		figures->elements[i].number = first + (unsigned)i;
		figures->elements[i].value = figures->values[first + i];
		result = element_gather(set, &figures->elements[i]);
		if (result < 0)
			sem_figures_free(figures);
	}
	if (result < 0)
		*figures = (struct sem_figures){NULL};
	return result == -EACCES ? 0 : result;
}

void sem_figures_free(struct sem_figures *figures)
{
	free(figures->values);
	free(figures->elements);
}

int sem_named_gather(const char *name, struct sem_named *named)
{
	int result = sem_posix_look(name, &named->st);

	if (result < 0)
		return result;
	named->name = name;
	result = sem_posix_figures(NULL, name, &named->value, &named->waiters);
	named->is_known = result == 0;
	return is_shortage(result) ? result : 0;
}

struct named_gathering {
	int (*each)(void *context, const struct sem_named *named);
	void *context;
};

static int named_name(void *context, const char *name, uint64_t identity)
{
	const struct named_gathering *gathering = context;
	struct sem_named named;

	int result = sem_named_gather(name, &named);

	if (result < 0)
		return is_shortage(result) ? result : 0; /* removed meanwhile */
	return gathering->each(gathering->context, &named);
}

int sem_all_named_gather(int (*each)(void *context, const struct sem_named *named), void *context)
{
	struct named_gathering gathering = {each, context};

	return sem_posix_walk(named_name, &gathering);
}
