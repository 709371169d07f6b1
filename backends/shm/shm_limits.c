/*
 * shm_limits.c - the limits of shared memory and how much of them is in use.
 */
#include <inttypes.h>
#include <unistd.h>

#include "shm.h"

struct shminfo shm_sysv_limits(void)
{
	struct shminfo limits = {0};

	if (shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&limits) < 0)
		return (struct shminfo){0};
	return limits;
}

/* Pages in units of 1024 bytes, as ipcs rounds what is too many. */
static uint64_t pages_kilobytes(uint64_t pages)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;

	return pages > UINT64_MAX / page ? UINT64_MAX / page * page : pages * page;
}

void shm_print_sysv_limits(FILE *out)
{
	struct shminfo limits = shm_sysv_limits();

	ipcs_title(out, "Shared Memory Limits");
	fprintf(out,
		"max number of segments = %lu\n"
		"max seg size (kbytes) = %lu\n"
		"max total shared memory (kbytes) = %" PRIu64 "\n"
		"min seg size (bytes) = %lu\n",
		limits.shmmni, limits.shmmax / 1024, pages_kilobytes(limits.shmall), limits.shmmin);
}

void shm_print_sysv_summary(FILE *out)
{
	struct shm_info used = {0};

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&used) < 0)
		return;
	ipcs_title(out, "Shared Memory Status");
	fprintf(out,
		"segments allocated %d\n"
		"pages allocated %lu\n"
		"pages resident  %lu\n"
		"pages swapped   %lu\n"
		"Swap performance: %lu attempts\t %lu successes\n",
		used.used_ids, used.shm_tot, used.shm_rss, used.shm_swp, used.swap_attempts,
		used.swap_successes);
}

/* ---- POSIX ---- */

static void print_room(FILE *out, const char *what, uint64_t all, uint64_t number)
{
	if (all == 0) /* a tmpfs without limit */
		fprintf(out, "%s = unlimited\n", what);
	else
		fprintf(out, "%s = %" PRIu64 "\n", what, number);
}

int shm_print_posix_limits(FILE *out)
{
	struct statvfs room;
	int error = devshm_room(&room);

	if (error)
		return error;
	ipcs_title(out, "POSIX Shared Memory Limits");
	print_room(out, "max total shared memory (kbytes)", room.f_blocks,
		   (uint64_t)room.f_blocks * room.f_frsize / 1024);
	print_room(out, "free shared memory (kbytes)", room.f_blocks,
		   (uint64_t)room.f_bavail * room.f_frsize / 1024);
	print_room(out, "max number of files", room.f_files, room.f_files);
	print_room(out, "free files", room.f_files, room.f_ffree);
	return 0;
}

struct totals {
	uint64_t objects, bytes, used;
};

static int totals_add(void *context, const struct shm_posix *object)
{
	struct totals *totals = context;

	totals->objects++;
	totals->bytes += (uint64_t)object->st.st_size;
	totals->used += (uint64_t)object->st.st_blocks * SHM_BLOCK;
	return 0;
}

int shm_print_posix_summary(FILE *out)
{
	struct totals totals = {0};
	int error = shm_posix_gather(totals_add, &totals);

	if (error)
		return error;
	ipcs_title(out, "POSIX Shared Memory Status");
	fprintf(out,
		"objects allocated = %" PRIu64 "\n"
		"total size = %" PRIu64 " bytes\n"
		"used space = %" PRIu64 " bytes\n",
		totals.objects, totals.bytes, totals.used);
	return 0;
}
