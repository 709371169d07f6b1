/*
 * shm_posix.c - POSIX shared memory objects, the files of /dev/shm: finding, making, content.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "shm.h"

static const struct devshm_family objects = {.what = "shared memory object",
					     .prefix = "",
					     .except = "sem.",
					     .except_what = "semaphores"};

int shm_posix_get(const struct place *place, struct shm_posix *object)
{
	object->name = place->name;
	return devshm_look(&objects, place, &object->st);
}

int shm_posix_walk(devshm_each *each, void *context)
{
	return devshm_walk(&objects, each, context);
}

int shm_posix_open_alone(const struct place *place)
{
	return devshm_open_alone(&objects, place);
}

int shm_posix_remove(struct call *call, const struct place *place)
{
	return devshm_remove(&objects, call, place);
}

struct gathering {
	int (*each)(void *context, const struct shm_posix *object);
	void *context;
};

static int gather_name(void *context, const char *name, uint64_t identity)
{
	const struct gathering *gathering = context;
	const struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};
	struct shm_posix object;

	if (shm_posix_get(&place, &object) < 0)
		return 0; /* gone meanwhile */
	return gathering->each(gathering->context, &object);
}

int shm_posix_gather(int (*each)(void *context, const struct shm_posix *object), void *context)
{
	struct gathering gathering = {each, context};

	return shm_posix_walk(gather_name, &gathering);
}

int shm_posix_find(const char *text, const struct object_name *name, struct place *found)
{
	struct place place = {.dir = &shm_posix_dir, .name = name->posix};
	struct stat st;
	int error = devshm_look(&objects, &place, &st);

	if (error)
		return error;
	place.name = object_name_within(text, name);
	place.identity = st.st_ino;
	*found = place;
	return 0;
}

/* ---- making ---- */

static int wanted_size(struct call *call, const char *text, void *context)
{
	return size_read(call, "size", text, 0, INT64_MAX, context);
}

static const struct attribute attributes[] = {
	{"size", wanted_size},
	{NULL},
};

struct wanted {
	struct call *call;
	int64_t size;
};

static int mark_step(void *context)
{
	devshm_mark_made(*(int *)context);
	return 0;
}

static int size_fill(int fd, const void *context)
{
	const struct wanted *wanted = context;

	as_daemon(wanted->call, mark_step, &fd);
	return ftruncate(fd, wanted->size) < 0 ? -errno : 0;
}

int shm_posix_make(struct call *call, const char *text, const struct object_name *name, mode_t mode,
		   struct place *made)
{
	struct wanted wanted = {.call = call};
	uint64_t identity;
	int error = attributes_read(call, name->attributes, attributes, &wanted.size);

	if (!error)
		error = devshm_make(&objects, call, name->posix, mode, size_fill, &wanted,
				    &identity);
	if (!error)
		*made = (struct place){.dir = &shm_posix_dir,
				       .name = object_name_within(text, name),
				       .identity = identity};
	return error;
}

/* ---- content ---- */

struct posix_memory {
	int fd;   /* as the caller opened it */
	int file; /* for reading and writing, -1: not to be had */
};

/* As the daemon. */
static int file_open(void *context)
{
	struct posix_memory *memory = context;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory->fd);
	memory->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return memory->file < 0 ? -errno : 0;
}

static int open_as_caller(struct call *call, const struct place *place, int access)
{
	int fd = devshm_open(&objects, call, place, access);

	if (fd == -EACCES)
		return refuse_permission(call, EACCES, place,
					 "opening the object so needs %s permission",
					 access == O_RDONLY   ? "read"
					 : access == O_WRONLY ? "write"
							      : "read and write");
	return fd;
}

/* Takes @fd over. */
static int memory_of(struct call *call, int fd, int access, void **state)
{
	struct posix_memory *memory;

	if (fd < 0)
		return fd;
	memory = malloc(sizeof(*memory));
	if (!memory) {
		close(fd);
		return -ENOMEM;
	}
	*memory = (struct posix_memory){.fd = fd, .file = fd};
	if (access != O_RDWR)
		as_daemon(call, file_open, memory);
	*state = memory;
	return 0;
}

static int posix_open(struct call *call, const struct place *place, int flags, void **state)
{
	int access = flags & O_ACCMODE;

	return memory_of(call, descriptor_keep(open_as_caller(call, place, access)), access, state);
}

static int posix_reopen(struct call *call, int file, int flags, void **state)
{
	int fd, access = flags & O_ACCMODE;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, access | O_NONBLOCK | O_CLOEXEC);
	return memory_of(call, fd < 0 ? -errno : descriptor_keep(fd), access, state);
}

static void posix_close(void *state)
{
	struct posix_memory *memory = state;

	if (memory->file >= 0 && memory->file != memory->fd)
		close(memory->file);
	close(memory->fd);
	free(memory);
}

static int posix_file(void *state)
{
	const struct posix_memory *memory = state;

	return memory->file;
}

static ssize_t posix_read(void *state, void *buffer, size_t size, off_t offset)
{
	const struct posix_memory *memory = state;
	ssize_t result = pread(memory->fd, buffer, size, offset);

	return result < 0 ? -errno : result;
}

static ssize_t posix_write(struct call *call, void *state, const void *buffer, size_t size,
			   off_t offset, bool append)
{
	const struct posix_memory *memory = state;
	/* It is read from: an iovec has no const. */
	struct iovec from = {(void *)(uintptr_t)buffer, size};
	ssize_t result = append ? pwritev2(memory->fd, &from, 1, 0, RWF_APPEND)
				: pwrite(memory->fd, buffer, size, offset);

	return result < 0 ? -errno : result;
}

static off_t posix_seek(void *state, off_t offset, int whence)
{
	const struct posix_memory *memory = state;
	off_t found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	found = lseek(memory->fd, offset, whence);
	return found < 0 ? -errno : found;
}

static int posix_resize(struct call *call, void *state, off_t size)
{
	const struct posix_memory *memory = state;

	return ftruncate(memory->fd, size) < 0 ? -errno : 0;
}

static int posix_allocate(struct call *call, void *state, int mode, off_t offset, off_t length)
{
	const struct posix_memory *memory = state;

	return fallocate(memory->fd, mode, offset, length) < 0 ? -errno : 0;
}

static int posix_truncate(struct call *call, const struct place *place, off_t size)
{
	int result, fd = open_as_caller(call, place, O_WRONLY);

	if (fd < 0)
		return fd;
	result = ftruncate(fd, size) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static int posix_memory_stat(const struct place *place, void *state, struct stat *st)
{
	const struct posix_memory *memory = state;
	struct stat file;
	int error = 0;

	if (!memory)
		error = devshm_look(&objects, place, &file);
	else if (fstat(memory->fd, &file) < 0)
		error = -errno;
	if (error)
		return error;
	st->st_size = file.st_size;
	st->st_blocks = file.st_blocks;
	return 0;
}

static const struct memory posix_memory = {
	.open = posix_open,
	.reopen = posix_reopen,
	.file = posix_file,
	.read = posix_read,
	.write = posix_write,
	.seek = posix_seek,
	.resize = posix_resize,
	.allocate = posix_allocate,
	.truncate = posix_truncate,
	.stat = posix_memory_stat,
	.close = posix_close,
};

/* ---- the object as a directory ---- */

static int posix_stat(const struct place *place, struct stat *st)
{
	return devshm_stat(&objects, place, st);
}

static int posix_change(struct call *call, const struct place *place, const struct change *change)
{
	return devshm_change(&objects, call, place, change);
}

static int posix_rename(struct call *call, const struct place *place, const char *to,
			unsigned flags)
{
	return devshm_rename(&objects, call, place, to, flags);
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
	int error = wanted_size(call, text, &size);

	return error ? error : posix_truncate(call, place, size);
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
	{"data", ROW_MEMORY, .memory = &posix_memory},
	{"size", ROW_TEXT, 0644, .show = show_size, .store = store_size},
	{"rss", ROW_TEXT, 0444, .show = show_rss},
	{"status", ROW_TEXT, 0444, .show = show_status},
	{"status.json", ROW_TEXT, 0444, .show = show_json},
	{"holders", ROW_TEXT, 0444, .show = shm_show_holders, .namespaces = NAMESPACE_PID},
	{NULL, ROW_END},
};

const struct dir shm_posix_dir = {
	.rows = rows,
	.stat = posix_stat,
	.make = refuse_make,
	.remove = shm_posix_remove,
	.change = posix_change,
	.rename = posix_rename,
};
