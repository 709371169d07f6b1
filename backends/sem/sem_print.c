/*
 * sem_print.c - tables of semaphores as ipcs(1) has them.
 */
#include "common/names.h"
#include "sem_gather.h"

void sem_print_sets_header(FILE *out, enum report report)
{
	switch (report) {
	case REPORT_PIDS: /* the kernel has them of each semaphore: ipcs shows nothing */
		fputc('\n', out);
		break;
	case REPORT_TIMES:
		ipcs_title(out, "Semaphore Operation/Change Times");
		fprintf(out, "%-8s %-10s %-26s %-26s\n", "semid", "owner", "last-op",
			"last-changed");
		break;
	case REPORT_CREATORS:
		ipcs_creators_header(out, "Semaphore Arrays Creators/Owners", "semid");
		break;
	default:
		ipcs_title(out, "Semaphore Arrays");
		fprintf(out, "%-10s %-10s %-10s %-10s %-10s\n", "key", "semid", "owner", "perms",
			"nsems");
	}
}

void sem_print_set(FILE *out, enum report report, const struct sem_set *set, struct id_names *names)
{
	switch (report) {
	case REPORT_PIDS:
		break;
	case REPORT_TIMES:
		ipcs_owner(out, &set->common, 8, &names->users);
		fputc(' ', out);
		ipcs_time_long(out, set->otime);
		ipcs_time_long(out, set->ctime);
		fputc('\n', out);
		break;
	case REPORT_CREATORS:
		ipcs_creators(out, &set->common, names);
		break;
	default:
		ipcs_columns(out, &set->common, &names->users);
		fprintf(out, "%-10lu\n", set->nsems);
	}
}

void sem_print_figures(FILE *out, const struct sem_figures *figures, size_t count)
{
	if (!figures->elements) {
		fprintf(out, "# %zu semaphores not shown: no read permission\n", count);
		return;
	}
	fprintf(out, "%-10s %-10s %-10s %-10s %-10s\n", "semnum", "value", "ncount", "zcount",
		"pid");
	for (size_t i = 0; i < figures->count; i++) {
		const struct sem_element *element = &figures->elements[i];

		fprintf(out, "%-10u %-10d %-10d %-10d %-10d\n", element->number, element->value,
			element->ncount, element->zcount, element->pid);
	}
}

void sem_print_named_header(FILE *out)
{
	ipcs_title(out, "POSIX Semaphores");
	fprintf(out, "%-10s %-10s %-10s %-10s\n", "name", "owner", "perms", "value");
}

void sem_print_named(FILE *out, const struct sem_named *named, struct user_names *users)
{
	char listed[LISTED_NAME_SIZE], value[16];

	object_name_list_posix(&sem_dir, named->name, listed);
	snprintf(value, sizeof(value), named->is_known ? "%u" : "-", named->value);
	ipcs_name(out, listed, 10);
	fprintf(out, "%-10.10s %-10o %-10s\n", user_names_get(users, named->st.st_uid),
		named->st.st_mode & 0777, value);
}
