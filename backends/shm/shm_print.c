/*
 * shm_print.c - shared memory and its limits, as ipcs and lsipc print them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm.h"

void shm_print_sysv_header(FILE *out)
{
	ipcs_title(out, "Shared Memory Segments");
	fprintf(out, "%-10s %-10s %-10s %-10s %-10s %-10s %-12s\n", "key", "shmid", "owner",
		"perms", "bytes", "nattch", "status");
}

void shm_print_sysv(FILE *out, const struct shm_sysv *segment)
{
	const struct sysv_object *object = &segment->object;

	ipcs_columns(out, object->key, object->id, object->uid, object->mode);
	fprintf(out, "%-10" PRIu64 " %-10" PRIu64 " %-6s %-6s\n", segment->size, segment->nattch,
		segment->dest ? "dest" : " ", segment->locked ? "locked" : " ");
}

static uint64_t posix_used(const struct shm_posix *object)
{
	return (uint64_t)object->st.st_blocks * SHM_BLOCK;
}

void shm_print_posix_header(FILE *out)
{
	ipcs_title(out, "POSIX Shared Memory Objects");
	fprintf(out, "%-21s %-10s %-10s %-10s %-12s\n", "name", "owner", "perms", "bytes",
		"used-bytes");
}

void shm_print_posix(FILE *out, const struct shm_posix *object)
{
	char listed[LISTED_NAME_SIZE], owner[ID_NAME_SIZE];

	object_name_list_posix(&shm_dir, object->name, listed);
	user_name(object->st.st_uid, owner);
	ipcs_name(out, listed, 21);
	fprintf(out, "%-10.10s %-10o %-10" PRId64 " %-12" PRIu64 "\n", owner,
		object->st.st_mode & 0777, (int64_t)object->st.st_size, posix_used(object));
}

/* ---- as lsipc ---- */

/* What lsipc says of a segment's flags, null if there are none. */
static json_t *json_status(const struct shm_sysv *segment)
{
	char text[16];

	if (!segment->dest && !segment->locked)
		return json_null();
	snprintf(text, sizeof(text), "%s%s%s", segment->dest ? "dest" : "",
		 segment->dest && segment->locked ? "," : "", segment->locked ? "locked" : "");
	return json_string(text);
}

/* The command line of a process with spaces between; null if there is none to be seen. */
static json_t *json_command(pid_t pid)
{
	char path[32], text[1024];
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (file) {
		length = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	while (length > 0 && text[length - 1] == '\0')
		length--;
	if (length == 0)
		return json_null();
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[length] = '\0';
	return json_text(text);
}

json_t *shm_json_sysv(const struct shm_sysv *segment)
{
	return json_joined(json_sysv_object(&segment->object),
			   json_pack("{so sI sI so so so sI sI so sb sb sI sI}", "ctime",
				     json_time(segment->ctime), "size", (json_int_t)segment->size,
				     "nattch", (json_int_t)segment->nattch, "status",
				     json_status(segment), "attach", json_time(segment->atime),
				     "detach", json_time(segment->dtime), "cpid",
				     (json_int_t)segment->cpid, "lpid", (json_int_t)segment->lpid,
				     "command", json_command(segment->cpid), "locked",
				     segment->locked, "dest", segment->dest, "rss",
				     (json_int_t)segment->rss, "swap", (json_int_t)segment->swap));
}

json_t *shm_json_posix(const struct shm_posix *object)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&shm_dir, object->name, listed);
	return json_joined(json_posix_object(listed, &object->st),
			   json_pack("{so sI sn sn sn sn sn sn sn sn sn sI sn}", "ctime",
				     json_time(object->st.st_ctime), "size",
				     (json_int_t)object->st.st_size, "nattch", "status", "attach",
				     "detach", "cpid", "lpid", "command", "locked", "dest", "rss",
				     (json_int_t)posix_used(object), "swap"));
}

/* ---- limits ---- */

/* Pages in units of 1024 bytes, as ipcs rounds what is too many. */
static uint64_t pages_kilobytes(uint64_t pages)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;

	return pages > UINT64_MAX / page ? UINT64_MAX / page * page : pages * page;
}

static void print_room(FILE *out, const char *what, uint64_t all, uint64_t number)
{
	if (all == 0) /* a tmpfs without limit */
		fprintf(out, "%s = unlimited\n", what);
	else
		fprintf(out, "%s = %" PRIu64 "\n", what, number);
}

int shm_print_limits(FILE *out)
{
	struct shminfo limits = shm_sysv_limits();
	struct statvfs room;
	int error = devshm_room(&room);

	if (error)
		return error;
	ipcs_title(out, "Shared Memory Limits");
	fprintf(out,
		"max number of segments = %lu\n"
		"max seg size (kbytes) = %lu\n"
		"max total shared memory (kbytes) = %" PRIu64 "\n"
		"min seg size (bytes) = %lu\n",
		limits.shmmni, limits.shmmax / 1024, pages_kilobytes(limits.shmall), limits.shmmin);
	ipcs_title(out, "POSIX Shared Memory Limits");
	print_room(out, "max total shared memory (kbytes)", room.f_blocks,
		   (uint64_t)room.f_blocks * room.f_frsize / 1024);
	print_room(out, "free shared memory (kbytes)", room.f_blocks,
		   (uint64_t)room.f_bavail * room.f_frsize / 1024);
	print_room(out, "max number of files", room.f_files, room.f_files);
	print_room(out, "free files", room.f_files, room.f_ffree);
	fputc('\n', out);
	return 0;
}
