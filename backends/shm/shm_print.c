/*
 * shm_print.c - shared memory, as ipcs and lsipc print it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "shm.h"

void shm_print_sysv_header(FILE *out, enum report report)
{
	switch (report) {
	case REPORT_PIDS:
		ipcs_title(out, "Shared Memory Creator/Last-op PIDs");
		fprintf(out, "%-10s %-10s %-10s %-10s\n", "shmid", "owner", "cpid", "lpid");
		break;
	case REPORT_TIMES:
		ipcs_title(out, "Shared Memory Attach/Detach/Change Times");
		fprintf(out, "%-10s %-10s %-20s %-20s %-20s\n", "shmid", "owner", "attached",
			"detached", "changed");
		break;
	case REPORT_CREATORS:
		ipcs_creators_header(out, "Shared Memory Segment Creators/Owners", "shmid");
		break;
	default:
		ipcs_title(out, "Shared Memory Segments");
		fprintf(out, "%-10s %-10s %-10s %-10s %-10s %-10s %-12s\n", "key", "shmid", "owner",
			"perms", "bytes", "nattch", "status");
	}
}

void shm_print_sysv(FILE *out, enum report report, const struct shm_sysv *segment,
		    struct id_names *names)
{
	const struct sysv_object *object = &segment->object;

	switch (report) {
	case REPORT_PIDS:
		ipcs_owner(out, object, 10, &names->users);
		fprintf(out, " %-10u %-10u\n", (unsigned)segment->cpid, (unsigned)segment->lpid);
		break;
	case REPORT_TIMES:
		ipcs_owner(out, object, 10, &names->users);
		ipcs_time(out, segment->atime);
		ipcs_time(out, segment->dtime);
		ipcs_time(out, segment->ctime);
		fputc('\n', out);
		break;
	case REPORT_CREATORS:
		ipcs_creators(out, object, names);
		break;
	default:
		ipcs_columns(out, object, &names->users);
		fprintf(out, "%-10" PRIu64 " %-10" PRIu64 " %-6s %-6s\n", segment->size,
			segment->nattch, segment->dest ? "dest" : " ",
			segment->locked ? "locked" : " ");
	}
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

void shm_print_posix(FILE *out, const struct shm_posix *object, struct user_names *users)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&shm_dir, object->name, listed);
	ipcs_name(out, listed, 21);
	fprintf(out, "%-10.10s %-10o %-10" PRId64 " %-12" PRIu64 "\n",
		user_names_get(users, object->st.st_uid), object->st.st_mode & 0777,
		(int64_t)object->st.st_size, posix_used(object));
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
	char path[32], text[8192]; /* as much as lsipc has of it */
	ssize_t length = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0 && pid > 0 && is_shortage(-errno))
		return NULL;
	if (fd >= 0) {
		length = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	while (length > 0 && text[length - 1] == '\0')
		length--;
	if (length <= 0)
		return json_null();
	for (ssize_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[length] = '\0';
	return json_text(text);
}

json_t *shm_json_sysv(const struct shm_sysv *segment, struct id_names *names)
{
	return json_joined(
		json_sysv_object(&segment->object, names),
		json_pack("{so sn sI sI so so so sI sI so sb sb sI sI}", "ctime",
			  json_time(segment->ctime), "mtime", "size", (json_int_t)segment->size,
			  "nattch", (json_int_t)segment->nattch, "status", json_status(segment),
			  "attach", json_time(segment->atime), "detach", json_time(segment->dtime),
			  "cpid", (json_int_t)segment->cpid, "lpid", (json_int_t)segment->lpid,
			  "command", json_command(segment->cpid), "locked", segment->locked, "dest",
			  segment->dest, "rss", (json_int_t)segment->rss, "swap",
			  (json_int_t)segment->swap));
}

json_t *shm_json_posix(const struct shm_posix *object, struct id_names *names)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&shm_dir, object->name, listed);
	return json_joined(json_posix_object(listed, &object->st, names),
			   json_pack("{so so sI sn sn sn sn sn sn sn sn sn sI sn}", "ctime",
				     json_time(object->st.st_ctime), "mtime",
				     json_time(object->st.st_mtime), "size",
				     (json_int_t)object->st.st_size, "nattch", "status", "attach",
				     "detach", "cpid", "lpid", "command", "locked", "dest", "rss",
				     (json_int_t)posix_used(object), "swap"));
}
