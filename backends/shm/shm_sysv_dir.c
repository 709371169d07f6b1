/*
 * shm_sysv_dir.c - the directory of a System V segment: its files and figures.
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "common/charge.h"
#include "common/sysv.h"
#include "shm.h"

static int sysv_stat(const struct place *place, struct stat *st)
{
	struct shm_sysv segment;
	int error = shm_sysv_get(place->object, &segment);

	if (!error)
		sysv_object_stat(&segment.object, segment.atime,
				 segment.atime > segment.dtime ? segment.atime : segment.dtime,
				 segment.ctime, st);
	return error;
}

static int sysv_label(const struct place *place, char *name, size_t size)
{
	struct shm_sysv segment;
	int error = shm_sysv_get(place->object, &segment);

	if (!error)
		sysv_object_label(&segment.object, name, size);
	return error;
}

/* ---- figures ---- */

static int show_number(const struct place *place, FILE *out,
		       int (*of)(uint32_t id, struct shm_sysv *segment),
		       uint64_t (*number)(const struct shm_sysv *segment))
{
	struct shm_sysv segment;
	int error = of(place->object, &segment);

	if (!error)
		fprintf(out, "%" PRIu64 "\n", number(&segment));
	return error;
}

static uint64_t size_of(const struct shm_sysv *segment)
{
	return segment->size;
}

static uint64_t nattch_of(const struct shm_sysv *segment)
{
	return segment->nattch;
}

static uint64_t cpid_of(const struct shm_sysv *segment)
{
	return (uint64_t)segment->cpid;
}

static uint64_t lpid_of(const struct shm_sysv *segment)
{
	return (uint64_t)segment->lpid;
}

static uint64_t locked_of(const struct shm_sysv *segment)
{
	return segment->locked;
}

static uint64_t dest_of(const struct shm_sysv *segment)
{
	return segment->dest;
}

static uint64_t rss_of(const struct shm_sysv *segment)
{
	return segment->rss;
}

static uint64_t swap_of(const struct shm_sysv *segment)
{
	return segment->swap;
}

static int show_size(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, size_of);
}

static int show_nattch(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, nattch_of);
}

static int show_cpid(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, cpid_of);
}

static int show_lpid(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, lpid_of);
}

static int show_locked(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, locked_of);
}

static int show_dest(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_get, dest_of);
}

static int show_rss(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_measure, rss_of);
}

static int show_swap(struct call *call, const struct place *place, FILE *out)
{
	return show_number(place, out, shm_sysv_measure, swap_of);
}

static int refuse_lock(struct call *call, const struct place *place, int error)
{
	rlim_t limit = charge_limit(call, RLIMIT_MEMLOCK);
	struct shm_sysv segment = {.size = 0};
	char most[32] = "unlimited";

	if (limit != RLIM_INFINITY)
		snprintf(most, sizeof(most), "%llu bytes", (unsigned long long)limit);
	if (error == ENOMEM && shm_sysv_get(place->object, &segment) == 0)
		return refuse(call, ENOMEM,
			      "RLIMIT_MEMLOCK is %s, for all that uid %u has locked; this segment "
			      "has %" PRIu64,
			      most, (unsigned)call->uid, segment.size);
	if (error == EPERM)
		return refuse_permission(call, EPERM, place,
					 "locking needs its owner or creator and a RLIMIT_MEMLOCK "
					 "above 0 (it is %s), or CAP_IPC_LOCK",
					 most);
	return sysv_error(error);
}

static int lock_step(const void *context)
{
	return shmctl(*(const int *)context, SHM_LOCK, NULL) < 0 ? -errno : 0;
}

static int store_locked(struct call *call, const struct place *place, const char *text)
{
	int64_t locked;
	int error = number_read(call, "locked", text, 0, 1, &locked), id = (int)place->object;

	if (error)
		return error;
	/* Who gives back is who was charged, whoever asks. */
	if (locked)
		error = charge_caller(call, RLIMIT_MEMLOCK, lock_step, &id);
	else if (shmctl(id, SHM_UNLOCK, NULL) < 0)
		error = -errno;
	return error ? refuse_lock(call, place, -error) : 0;
}

static int show_status(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct shm_sysv segment;
	int error = shm_sysv_get(place->object, &segment);

	if (error)
		return error;
	shm_print_sysv_header(out, REPORT_STATUS);
	shm_print_sysv(out, REPORT_STATUS, &segment, &names);
	return 0;
}

static int show_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct shm_sysv segment;
	int error = shm_sysv_measure(place->object, &segment);

	return error ? error : json_print_one(out, shm_json_sysv(&segment, &names));
}

static const struct row rows[] = {
	{"data", ROW_MEMORY, .memory = &shm_sysv_memory},
	{"size", ROW_TEXT, 0444, .show = show_size},
	{"nattch", ROW_TEXT, 0444, .show = show_nattch},
	{"cpid", ROW_TEXT, 0444, .show = show_cpid},
	{"lpid", ROW_TEXT, 0444, .show = show_lpid},
	{"locked", ROW_TEXT, 0644, .show = show_locked, .store = store_locked},
	{"dest", ROW_TEXT, 0444, .show = show_dest},
	{"rss", ROW_TEXT, 0444, .show = show_rss},
	{"swap", ROW_TEXT, 0444, .show = show_swap},
	{"status", ROW_TEXT, 0444, .show = show_status},
	{"status.json", ROW_TEXT, 0444, .show = show_json},
	{"holders", ROW_TEXT, 0444, .show = shm_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

const struct dir shm_sysv_dir = {
	.namespaces = NAMESPACE_IPC,
	.rows = rows,
	.label = sysv_label,
	.stat = sysv_stat,
	.make = refuse_make,
	.remove = shm_sysv_remove,
	.change = shm_sysv_change,
	.rename = refuse_rename,
};
