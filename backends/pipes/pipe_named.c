/*
 * pipe_named.c - named pipes: the FIFOs of the directory pipes/ in the run directory.
 *
 * Whoever may write there can put anything in it, and swap what is his own at any moment: only
 * FIFOs count, links are never followed, and what a place stands for is told by its inode number.
 *
 * A pipe's name is its FIFO's.  Where that would be read as something else - the name of a file of
 * pipes/ itself, one with a comma, one that begins with "fifo:" - the pipe is listed as fifo:NAME,
 * and opens under that; any other may be called so, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/names.h"
#include "pipe.h"
#include "common/run_dir.h"

#define PREFIX "fifo:"
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)

static struct run_dir directory = {.fd = -1};

int pipe_named_setup(const struct settings *settings)
{
	if (directory.fd >= 0)
		close(directory.fd);
	/* Without it there still are the pipes of all programs. */
	run_dir_open(settings, "pipes", &directory);
	return pipe_keep_setup(directory.fd);
}

const char *pipe_named_missing(void)
{
	return directory.fd < 0 ? directory.reason : NULL;
}

/* ---- names ---- */

struct pipe_name {
	char fifo[NAME_MAX + 1];
	const char *attributes; /* what follows the comma; NULL: none */
};

/* A file of pipes/ itself. */
static bool is_taken(const char *name)
{
	return dir_has_name(&pipe_dir, name);
}

static bool has_prefix(const char *text)
{
	return strncmp(text, PREFIX, PREFIX_LENGTH) == 0;
}

void pipe_name_list(const char *name, char listed[PIPE_LISTED_SIZE])
{
	bool ambiguous = strchr(name, ',') || has_prefix(name) || is_taken(name);

	snprintf(listed, PIPE_LISTED_SIZE, "%s%s", ambiguous ? PREFIX : "", name);
}

/* Reads NAME[,ATTRIBUTES]; with @whole a comma is part of the name, which only fifo:NAME allows. */
static int name_read(struct call *call, const char *text, bool whole, struct pipe_name *name)
{
	const char *plain = has_prefix(text) ? text + PREFIX_LENGTH : text;
	const char *comma = strchr(plain, ',');
	size_t length;

	if (whole && comma && plain == text)
		return refuse(call, EINVAL,
			      "'%.48s': a comma begins attributes, which only mkdir reads; a name "
			      "that has one is written fifo:NAME",
			      text);
	if (whole)
		comma = NULL;
	length = comma ? (size_t)(comma - plain) : strlen(plain);
	if (length == 0)
		return refuse(call, EINVAL, "an empty name: a pipe has a name of 1 to %d bytes",
			      NAME_MAX);
	if (length > NAME_MAX)
		return refuse(call, ENAMETOOLONG,
			      "a name of %zu bytes: the name of a pipe has 1 to %d (NAME_MAX)",
			      length, NAME_MAX);
	memcpy(name->fifo, plain, length);
	name->fifo[length] = '\0';
	name->attributes = comma ? comma + 1 : NULL;
	if (strchr(name->fifo, '/'))
		return refuse(call, EINVAL, "'%.48s': the name of a pipe has no slash in it",
			      name->fifo);
	if (!strcmp(name->fifo, ".") || !strcmp(name->fifo, ".."))
		return refuse(call, EINVAL, "'.' and '..' are directories and name no pipe");
	if (plain == text && is_taken(name->fifo))
		return refuse(call, EEXIST,
			      "'%s' is a file of pipes/ itself: fifo:%s is the pipe of that name",
			      name->fifo, name->fifo);
	return 0;
}

/* ---- finding ---- */

static int look(const char *name, struct stat *st)
{
	int error;

	if (directory.fd < 0)
		return -ENOENT;
	error = entry_look(directory.fd, name, st);
	if (error)
		return error;
	return S_ISFIFO(st->st_mode) ? 0 : -ENOENT;
}

static int find(const struct pipe_name *name, struct place *found)
{
	/* Until this thread's next one: the name that was asked for need not end where this does.
	 */
	static _Thread_local char copy[NAME_MAX + 1];
	struct stat st;
	int error = look(name->fifo, &st);

	if (!error)
		*found = (struct place){
			.dir = &pipe_named_dir,
			.name = strcpy(copy, name->fifo),
			.identity = st.st_ino,
		};
	return error;
}

/* fifo:a,b is the FIFO "a,b" if there is one, else "a" with attributes. */
int pipe_named_find(struct call *call, const struct place *at, const char *text,
		    struct place *found)
{
	struct pipe_name name;
	int error;

	if (strchr(text, ',') && name_read(NULL, text, true, &name) == 0 && find(&name, found) == 0)
		return 0;
	error = name_read(call, text, false, &name);
	if (error == -EEXIST)
		return -ENOENT; /* its file was not asked for: with attributes there is none */
	return error ? error : find(&name, found);
}

int pipe_named_walk(int (*each)(void *context, const char *name, const struct stat *st),
		    void *context)
{
	/* Its own open directory: a shared one has one position for all. */
	int fd = directory.fd < 0 ? -1
				  : openat(directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (directory.fd < 0)
		return 0;
	if (!dir) {
		result = -errno;
		if (fd >= 0)
			close(fd);
		return result;
	}
	while (result == 0 && (errno = 0, entry = readdir(dir))) {
		struct stat st;

		if ((entry->d_type == DT_FIFO || entry->d_type == DT_UNKNOWN) &&
		    look(entry->d_name, &st) == 0)
			result = each(context, entry->d_name, &st);
	}
	if (result == 0 && errno != 0)
		result = -errno;
	closedir(dir);
	return result;
}

struct listing_of {
	listing *each;
	void *context;
};

static int list_one(void *context, const char *name, const struct stat *st)
{
	const struct listing_of *of = context;
	struct place place = {.dir = &pipe_named_dir, .name = name, .identity = st->st_ino};
	char listed[PIPE_LISTED_SIZE];

	pipe_name_list(name, listed);
	return of->each(of->context, listed, &place);
}

int pipe_named_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_of of = {each, context};

	return pipe_named_walk(list_one, &of);
}

static bool is_meant(const struct place *place, const struct stat *st)
{
	return place->identity == 0 || place->identity == st->st_ino;
}

int pipe_named_open(const struct place *place, struct pipe_file *file)
{
	int error = 0;

	if (directory.fd < 0)
		return -ENOENT;
	file->fd = entry_open(directory.fd, place->name, O_PATH);
	if (file->fd < 0)
		return file->fd;
	if (fstat(file->fd, &file->st) < 0)
		error = -errno;
	else if (!S_ISFIFO(file->st.st_mode) || !is_meant(place, &file->st))
		error = -ENOENT;
	if (error) {
		close(file->fd);
		file->fd = -1;
	}
	return error;
}

bool pipe_named_may(const struct pipe_file *file, int mode)
{
	return faccessat(file->fd, "", mode, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

int pipe_named_stat(const struct place *place, struct stat *st)
{
	struct stat fifo;
	int error = look(place->name, &fifo);

	if (!error && !is_meant(place, &fifo))
		error = -ENOENT;
	if (error)
		return error;
	st->st_uid = fifo.st_uid;
	st->st_gid = fifo.st_gid;
	st->st_mode = fifo.st_mode & 0777;
	st->st_atim = fifo.st_atim;
	st->st_mtim = fifo.st_mtim;
	st->st_ctim = fifo.st_ctim;
	return 0;
}

int pipe_named_target(const struct place *place, char *path, size_t size)
{
	int length = snprintf(path, size, "%s/%s", directory.path, place->name);

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* ---- making, removing, changing ---- */

struct wanted {
	int64_t keep, capacity; /* -1: not given */
};

static int wanted_keep(struct call *call, const char *text, void *context)
{
	return number_read(call, "keep", text, 0, 1, &((struct wanted *)context)->keep);
}

static int wanted_capacity(struct call *call, const char *text, void *context)
{
	return pipe_capacity_read(call, text, &((struct wanted *)context)->capacity);
}

static const struct attribute attributes[] = {
	{"keep", wanted_keep},
	{"capacity", wanted_capacity},
	{NULL, NULL},
};

static int change_mode(const struct pipe_file *file, mode_t mode)
{
	char path[32];

	/* The very FIFO that was found, not what a link puts in its place meanwhile. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	return chmod(path, mode & 0666) < 0 ? -errno : 0;
}

/* What mkfifo(3) leaves to do: the mode whatever the umask, and the attributes. */
static int complete(struct call *call, const struct place *place, struct pipe_file *file,
		    mode_t mode, const struct wanted *wanted)
{
	struct pipe_key key = pipe_key_of(&file->st);
	struct pipe_seen pipe = {.key = key, .kept = true};
	int error = 0;

	if ((file->st.st_mode & 0777) != mode)
		error = change_mode(file, mode);
	if (!error && wanted->keep == 1)
		error = pipe_keep_begin(call, place->name, &key);
	if (!error && wanted->capacity >= 0)
		error = pipe_capacity_set(call, &pipe, wanted->capacity);
	if (error)
		pipe_keep_end(&key);
	return error;
}

int pipe_named_make(struct call *call, const struct place *at, const char *text, mode_t mode,
		    struct place *made)
{
	struct wanted wanted = {-1, -1};
	struct pipe_file file;
	struct pipe_name name;
	struct stat st;
	int error = name_read(call, text, false, &name);

	if (!error)
		error = attributes_read(call, name.attributes, attributes, &wanted);
	if (error)
		return error;
	if (wanted.capacity >= 0 && wanted.keep != 1)
		return refuse(call, EINVAL,
			      "capacity= needs keep=1: a pipe that nobody has open has none, and "
			      "the next who opens it gets the usual one");
	if (directory.fd < 0)
		return run_dir_refuse(call, &directory);
	if (mkfifoat(directory.fd, name.fifo, mode & 0666) < 0) {
		if (errno == EEXIST && look(name.fifo, &st) == -ENOENT)
			return refuse(call, EEXIST,
				      "there is a file %.100s/%.100s, and it is no "
				      "FIFO",
				      directory.path, name.fifo);
		if (errno == ENOENT)
			return refuse(call, ENOENT,
				      "%.150s has been removed since ipcfs was started",
				      directory.path);
		return -errno;
	}
	error = find(&name, made);
	if (error)
		return error;
	error = pipe_named_open(made, &file);
	if (!error)
		error = complete(call, made, &file, mode & 0666, &wanted);
	/* Nothing is left of one that failed, if it still is that one. */
	if (error && look(name.fifo, &st) == 0 && is_meant(made, &st))
		unlinkat(directory.fd, name.fifo, 0);
	if (file.fd >= 0)
		close(file.fd);
	return error;
}

int pipe_named_remove(struct call *call, const struct place *place)
{
	struct pipe_file file;
	struct pipe_key key;
	int error = pipe_named_open(place, &file);

	if (error)
		return error;
	key = pipe_key_of(&file.st);
	if (unlinkat(directory.fd, place->name, 0) < 0)
		error = -errno;
	close(file.fd);
	if (error == -EPERM || error == -EACCES)
		return refuse_permission(call, -error, place,
					 "only the owner of a pipe may remove it");
	if (!error)
		pipe_keep_end(&key);
	return error;
}

int pipe_named_change(struct call *call, const struct place *place, const struct change *change)
{
	uid_t uid = change->has_uid ? change->uid : (uid_t)-1;
	gid_t gid = change->has_gid ? change->gid : (gid_t)-1;
	struct pipe_file file;
	int error;

	if ((change->has_uid && change->uid == (uid_t)-1) ||
	    (change->has_gid && change->gid == (gid_t)-1))
		return refuse(call, EINVAL, "4294967295 is no user's and no group's id");
	error = pipe_named_open(place, &file);
	if (error)
		return error;
	if (change->has_mode)
		error = change_mode(&file, change->mode);
	if (!error && (change->has_uid || change->has_gid) &&
	    fchownat(file.fd, "", uid, gid, AT_EMPTY_PATH) < 0) {
		error = -errno;
		if (change->has_mode)
			change_mode(&file, file.st.st_mode); /* all or nothing */
	}
	close(file.fd);
	if (error == -EPERM)
		return refuse_permission(call, EPERM, place,
					 "only the owner of a pipe may change it");
	return error;
}

/*
 * Renames over a pipe, as rename(2) does, but not over what the tree does not show.  That is looked
 * at only if there is something: the first try cannot replace anything.
 */
int pipe_named_rename(struct call *call, const struct place *place, const char *to, unsigned flags)
{
	struct pipe_file file;
	struct pipe_name name;
	struct stat st;
	int error = name_read(call, to, true, &name);

	if (error)
		return error;
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	error = pipe_named_open(place, &file);
	if (error)
		return error;
	close(file.fd);
	if (!(flags & RENAME_EXCHANGE) &&
	    renameat2(directory.fd, place->name, directory.fd, name.fifo, RENAME_NOREPLACE) == 0)
		return 0;
	if (!(flags & RENAME_EXCHANGE) && (errno != EEXIST || flags & RENAME_NOREPLACE))
		return -errno;
	error = look(name.fifo, &st);
	if (error == -ENOENT && entry_is_taken(directory.fd, name.fifo))
		return refuse(call, EEXIST, "there is a file %.100s/%.100s, and it is no FIFO",
			      directory.path, name.fifo);
	if (error)
		return error;
	if (renameat2(directory.fd, place->name, directory.fd, name.fifo, flags) < 0)
		return -errno;
	pipe_keep_sweep();
	return 0;
}
