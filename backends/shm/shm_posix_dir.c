/*
 * shm_posix_dir.c - the directory of a POSIX shared memory object: its files and figures.
 */
#include <inttypes.h>

#include "shm.h"

static int posix_stat(const struct place *place, struct stat *st)
{
	return devshm_stat(&shm_posix_family, place, st);
}

static int posix_change(struct call *call, const struct place *place, const struct change *change)
{
	return devshm_change(&shm_posix_family, call, place, change);
}

static int posix_rename(struct call *call, const struct place *place, const char *to,
			unsigned flags)
{
	return devshm_rename(&shm_posix_family, call, place, to, flags);
}

static int show_size(struct call *call, const struct place *place, FILE *out)
{
	struct shm_posix object;
	int error = shm_posix_get(place, &object);

	if (!error)
		fprintf(out, "%" PRId64 "\n", (int64_t)object.st.st_size);
	return error;
}

static int store_size(struct call *call, const struct place *place, const char *text)
{
	int64_t size;
	int error = size_read(call, "size", text, 0, INT64_MAX, &size);

	return error ? error : shm_posix_memory.truncate(call, place, size);
}

static int show_rss(struct call *call, const struct place *place, FILE *out)
{
	struct shm_posix object;
	int error = shm_posix_get(place, &object);

	if (!error)
		fprintf(out, "%" PRId64 "\n", (int64_t)object.st.st_blocks * SHM_BLOCK);
	return error;
}

static int show_status(struct call *call, const struct place *place, FILE *out)
{
	struct user_names users = {0};
	struct shm_posix object;
	int error = shm_posix_get(place, &object);

	if (error)
		return error;
	shm_print_posix_header(out);
	shm_print_posix(out, &object, &users);
	return 0;
}

static int show_json(struct call *call, const struct place *place, FILE *out)
{
	struct id_names names = {0};
	struct shm_posix object;
	int error = shm_posix_get(place, &object);

	return error ? error : json_print_one(out, shm_json_posix(&object, &names));
}

static const struct row rows[] = {
	{"data", ROW_MEMORY, .memory = &shm_posix_memory},
	{"size", ROW_TEXT, 0644, .show = show_size, .store = store_size},
	{"rss", ROW_TEXT, 0444, .show = show_rss},
	{"status", ROW_TEXT, 0444, .show = show_status},
	{"status.json", ROW_TEXT, 0444, .show = show_json},
	{"holders", ROW_TEXT, 0444, .show = shm_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

const struct dir shm_posix_dir = {
	.namespaces = NAMESPACE_MEMORY_FS,
	.rows = rows,
	.stat = posix_stat,
	.make = refuse_make,
	.remove = shm_posix_remove,
	.change = posix_change,
	.rename = posix_rename,
};
