/*
 * sem_sysv.c - System V semaphore sets: looking, making, changing, figures.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/names.h"
#include "sem.h"
#include "common/sysv.h"

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static bool is_part(const struct place *place)
{
	return place->dir == &sem_sysv_part_dir;
}

static int figure_refuse(struct call *call, const struct place *place, int error)
{
	if (error == -EACCES)
		return refuse_permission(
			call, EACCES, place,
			"reading a value needs read permission on the set, setting one write "
			"permission");
	return error;
}

int sem_sysv_limits(struct sem_limits *limits)
{
	struct seminfo info = {0};

	if (semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0)
		return -errno;
	*limits = (struct sem_limits){.sets = info.semmni,
				      .per_set = info.semmsl,
				      .all = info.semmns,
				      .per_call = info.semopm,
				      .value = info.semvmx};
	return 0;
}

int sem_sysv_used(int *sets, int *semaphores)
{
	struct seminfo info = {0};
	int error = semctl(0, 0, SEM_INFO, (union semun){.info = &info}) < 0 ? -errno : 0;

	/* The fields have other names: semctl(2), SEM_INFO. */
	*sets = error ? -1 : info.semusz;
	*semaphores = error ? -1 : info.semaem;
	return error;
}

int sem_sysv_look(int id, struct semid_ds *set)
{
	int found;

	/* Needs no permission.  Takes an index, which the kernel gets from the id: so check. */
	memset(set, 0, sizeof(*set));
	found = semctl(id, 0, SEM_STAT_ANY, (union semun){.buf = set});
	if (found < 0)
		return sysv_error(errno);
	return found == id ? 0 : -ENOENT;
}

int sem_sysv_values(int id, size_t count, unsigned short **values)
{
	unsigned short *list = calloc(count, sizeof(*list));
	int error;

	if (!list)
		return -ENOMEM;
	if (semctl(id, 0, GETALL, (union semun){.array = list}) < 0) {
		error = errno;
		free(list);
		return sysv_error(error);
	}
	*values = list;
	return 0;
}

int sem_sysv_figure(int id, unsigned part, int command)
{
	int figure = semctl(id, (int)part, command);

	return figure < 0 ? sysv_error(errno) : figure;
}

/* ---- the set as a directory ---- */

int sem_sysv_stat(const struct place *place, struct stat *st)
{
	struct sysv_object object;
	struct semid_ds set;
	int result = sem_sysv_look((int)place->object, &set);

	if (result < 0)
		return result;
	object = sysv_object_of((int)place->object, &set.sem_perm);
	sysv_object_stat(&object, set.sem_otime, set.sem_otime, set.sem_ctime, st);
	return 0;
}

int sem_sysv_label(const struct place *place, char *name, size_t size)
{
	struct sysv_object object;
	struct semid_ds set;
	int result = sem_sysv_look((int)place->object, &set);

	if (result < 0)
		return result;
	object = sysv_object_of((int)place->object, &set.sem_perm);
	sysv_object_label(&object, name, size);
	return 0;
}

int sem_sysv_find(struct call *call, const struct place *at, const char *name, struct place *found)
{
	struct semid_ds set;
	int64_t number;
	int result;

	/* As they are listed: no sign, no leading zeros. */
	if ((name[0] == '0' && name[1]) || number_read(NULL, "number", name, 0, USHRT_MAX, &number))
		return -ENOENT;
	result = sem_sysv_look((int)at->object, &set);
	if (result < 0)
		return result;
	if ((unsigned long)number >= set.sem_nsems)
		return -ENOENT;
	*found = (struct place){
		.dir = &sem_sysv_part_dir, .object = at->object, .part = (uint16_t)number};
	return 0;
}

int sem_sysv_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct semid_ds set;
	int result = sem_sysv_look((int)at->object, &set);

	for (unsigned part = 0; result == 0 && part < set.sem_nsems; part++) {
		struct place place = {
			.dir = &sem_sysv_part_dir, .object = at->object, .part = (uint16_t)part};
		char name[16];

		snprintf(name, sizeof(name), "%u", part);
		result = each(context, name, &place);
	}
	return result;
}

int sem_sysv_remove(struct call *call, const struct place *place)
{
	if (semctl((int)place->object, 0, IPC_RMID) == 0)
		return 0;
	if (errno == EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner and the creator of a set may remove it");
	return sysv_error(errno);
}

/* The kernel sets mode and owner in one step, so what is not asked for is given as it is. */
static int set_change(int id, const struct change *change)
{
	struct semid_ds set;
	int result = sem_sysv_look(id, &set);

	if (result < 0)
		return result;
	sysv_edit(&set.sem_perm, change);
	if (semctl(id, 0, IPC_SET, (union semun){.buf = &set}) < 0)
		return sysv_error(errno);
	return 0;
}

int sem_sysv_change(struct call *call, const struct place *place, const struct change *change)
{
	int result = change_check(call, change);

	if (result == 0)
		result = set_change((int)place->object, change);
	if (result == -EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner and the creator of a set may change it");
	return result;
}

int sem_sysv_rename(struct call *call, const struct place *place, const char *to, unsigned flags)
{
	return refuse(call, EPERM,
		      "a System V set has its key for life: only POSIX semaphores can be renamed");
}

/* ---- making ---- */

/*
 * Gives a new set its values by adding to them, so that what somebody has added already is not
 * lost; at most @most operations a call.
 */
static int values_add(int id, const unsigned short *values, size_t count, size_t most)
{
	struct sembuf *ops = calloc(most, sizeof(*ops));
	size_t filled = 0;
	bool any = false;
	int result = 0;

	if (!ops)
		return -ENOMEM;
	for (size_t i = 0; i < count && result == 0; i++) {
		if (values[i] != 0)
			ops[filled++] =
				(struct sembuf){(unsigned short)i, (short)values[i], IPC_NOWAIT};
		if (filled == 0 || (filled < most && i + 1 < count))
			continue;
		any = true;
		if (semop(id, ops, filled) < 0)
			result = -errno;
		filled = 0;
	}
	free(ops);
	/* A time of last operation is how programs know that a set is initialised, one of zeros
	 * too. */
	if (result == 0 && !any) {
		struct sembuf touch[] = {{0, 1, IPC_NOWAIT}, {0, -1, IPC_NOWAIT}};

		if (semop(id, touch, 2) < 0)
			result = -errno;
	}
	return result;
}

static int make_refuse(struct call *call, int error, int32_t key, size_t count,
		       const struct sem_limits *limits)
{
	int sets, semaphores;

	if (error == EEXIST)
		return refuse(call, EEXIST, "there is a set with key 0x%08x", (unsigned)key);
	if (error == ENOSPC) {
		sem_sysv_used(&sets, &semaphores);
		return refuse(
			call, ENOSPC,
			"SEMMNI is %d sets, %d in use; SEMMNS is %d semaphores, %d in use, this "
			"set needs %zu (kernel.sem, fourth and second number)",
			limits->sets, sets, limits->all, semaphores, count);
	}
	return -error;
}

/*
 * One step as far as the kernel has any.  Until it has its values the set may be altered by its
 * owner only and read by nobody but root, so of the moment before others see that it is there, its
 * mode (0200, which makes a semget that asks for more fail with EACCES), and nothing else; what its
 * owner takes in that moment waits until there is something to take.  Only the owner's own list
 * that both waits for zero and adds can see the zeros.
 */
int sem_sysv_make(struct call *call, int32_t key, mode_t mode, const unsigned short *values,
		  size_t count, int *id)
{
	struct change real = {.has_mode = true, .mode = mode};
	struct sem_limits limits;
	int made, result = sem_sysv_limits(&limits);

	if (result < 0)
		return result;
	made = semget(key, (int)count, IPC_CREAT | IPC_EXCL | 0200);
	if (made < 0)
		return make_refuse(call, errno, key, count, &limits);
	result = values_add(made, values, count, (size_t)limits.per_call);
	if (result == 0)
		result = set_change(made, &real);
	if (result < 0) {
		semctl(made, 0, IPC_RMID);
		return refuse(call, -result, "the new set could not be given its values: %s",
			      strerror(-result));
	}
	*id = made;
	return 0;
}

/* ---- figures ---- */

static int values_show(struct call *call, const struct place *place, size_t count, FILE *out)
{
	unsigned short *values;
	int result = sem_sysv_values((int)place->object, count, &values);

	if (result < 0)
		return figure_refuse(call, place, result);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%u", i ? " " : "", values[i]);
	fputc('\n', out);
	free(values);
	return 0;
}

/* One figure of the semaphore, or of each in the set. */
static int figures_show(struct call *call, const struct place *place, int command, FILE *out)
{
	unsigned first = place->part, end = first + 1;
	struct semid_ds set;
	int result;

	if (!is_part(place)) {
		result = sem_sysv_look((int)place->object, &set);
		if (result < 0)
			return result;
		if (command == GETVAL)
			return values_show(call, place, set.sem_nsems, out);
		first = 0;
		end = (unsigned)set.sem_nsems;
	}
	for (unsigned part = first; part < end; part++) {
		result = sem_sysv_figure((int)place->object, part, command);
		if (result < 0)
			return figure_refuse(call, place, result);
		fprintf(out, "%s%d", part > first ? " " : "", result);
	}
	fputc('\n', out);
	return 0;
}

int sem_sysv_show_value(struct call *call, const struct place *place, FILE *out)
{
	return figures_show(call, place, GETVAL, out);
}

int sem_sysv_show_ncount(struct call *call, const struct place *place, FILE *out)
{
	return figures_show(call, place, GETNCNT, out);
}

int sem_sysv_show_zcount(struct call *call, const struct place *place, FILE *out)
{
	return figures_show(call, place, GETZCNT, out);
}

int sem_sysv_show_pid(struct call *call, const struct place *place, FILE *out)
{
	return figures_show(call, place, GETPID, out);
}

int sem_sysv_show_nsems(struct call *call, const struct place *place, FILE *out)
{
	struct semid_ds set;
	int result = sem_sysv_look((int)place->object, &set);

	if (result == 0)
		fprintf(out, "%lu\n", (unsigned long)set.sem_nsems);
	return result;
}

static int value_set(struct call *call, const struct place *place, const char *text)
{
	int64_t value;
	int result = number_read(call, "value (SEMVMX)", text, 0, SEM_SYSV_MAX, &value);

	if (result < 0)
		return result;
	if (semctl((int)place->object, place->part, SETVAL, (union semun){.val = (int)value}) < 0)
		return figure_refuse(call, place, sysv_error(errno));
	return 0;
}

/* Reads exactly @count numbers, a space or colon between two. */
static int values_read(struct call *call, const char *text, size_t count, unsigned short *values)
{
	char *copy = strdup(text), *rest = copy, *item;
	size_t given = 0;
	int result = 0;

	if (!copy)
		return -ENOMEM;
	while (result == 0 && (item = strsep(&rest, " :"))) {
		int64_t value;

		if (!*item)
			continue;
		result = number_read(call, "value (SEMVMX)", item, 0, SEM_SYSV_MAX, &value);
		if (result == 0 && given < count)
			values[given] = (unsigned short)value;
		given++;
	}
	free(copy);
	if (result == 0 && given != count)
		result =
			refuse(call, EINVAL,
			       "%zu values given, the set has %zu semaphores: one for each, spaces "
			       "between; N/value sets one",
			       given, count);
	return result;
}

int sem_sysv_store_value(struct call *call, const struct place *place, const char *text)
{
	unsigned short *values;
	struct semid_ds set;
	int result;

	if (is_part(place))
		return value_set(call, place, text);
	result = sem_sysv_look((int)place->object, &set);
	if (result < 0)
		return result;
	values = calloc(set.sem_nsems, sizeof(*values));
	if (!values)
		return -ENOMEM;
	result = values_read(call, text, set.sem_nsems, values);
	if (result == 0 &&
	    semctl((int)place->object, 0, SETALL, (union semun){.array = values}) < 0)
		result = figure_refuse(call, place, sysv_error(errno));
	free(values);
	return result;
}
