/*
 * shm_fixture.h - an IPC namespace, a /dev/shm and a /run of its own, and the tables of shm/ by the
 * names of their files.
 */
#ifndef IPCFS_SHM_FIXTURE_H
#define IPCFS_SHM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../return_code.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "kinds.h"

#define NOBODY 65534
/* Of System V and of POSIX. */
#define SYSV "0x00000051"
#define KEY 0x51
#define POSIX "board"

static struct call call;

/* Leaves the machine's objects behind; where that is not allowed there is nothing to test (77). */
static inline void fixture_enter(void)
{
	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0) {
		fprintf(stderr, "needs namespaces of its own: %s\n", strerror(errno));
		exit(77);
	}
	umask(0);
	if (shm_kind.setup(&(struct settings){0}) < 0)
		abort();
	call = (struct call){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
}

/* The kernel judges by these from now on. */
static inline void become(uid_t uid)
{
	assert_int_equal(setresuid((uid_t)-1, 0, (uid_t)-1), 0);
	assert_int_equal(setresgid((gid_t)-1, uid, (gid_t)-1), 0);
	assert_int_equal(setresuid((uid_t)-1, uid, (uid_t)-1), 0);
	call.uid = uid;
	call.gid = uid;
	/* Another user's process can't be looked into, not even by its own leak checker. */
	prctl(PR_SET_DUMPABLE, 1);
}

/* What a daemon of root's has for its callers, as call.as_daemon. */
static inline int step_as_root(int (*step)(void *context), void *context)
{
	uid_t uid = geteuid();
	int result;

	assert_int_equal(setresuid((uid_t)-1, 0, (uid_t)-1), 0);
	result = step(context);
	assert_int_equal(setresuid((uid_t)-1, uid, (uid_t)-1), 0);
	prctl(PR_SET_DUMPABLE, 1);
	return result;
}

extern const struct dir shm_dir;
static const struct place shm_root = {.dir = &shm_dir};

static inline int shm_lookup(const char *name, struct place *found)
{
	call.reason[0] = '\0';
	return shm_kind.dir->find(&call, &shm_root, name, found);
}

/* What find says of a name may be in memory that the next find uses. */
static inline struct place shm_at(const char *name)
{
	static char names[16][256];
	static unsigned next;
	struct place found = {NULL};
	int result = shm_lookup(name, &found);

	if (result < 0)
		fail_msg("%s: %s", name, strerror(-result));
	if (found.name)
		found.name = strcpy(names[next++ % 16], found.name);
	return found;
}

static inline int shm_mkdir(const char *name, mode_t mode)
{
	struct place made;

	call.reason[0] = '\0';
	return shm_kind.dir->make(&call, &shm_root, name, mode, &made);
}

static inline int shm_rmdir(const char *name)
{
	struct place place = shm_at(name);

	call.reason[0] = '\0';
	return place.dir->remove(&call, &place);
}

static inline int shm_id(void)
{
	int id = shmget(KEY, 0, 0);

	assert_true(id >= 0);
	return id;
}

static inline int remove_listed(void *context, const char *name, const struct place *place)
{
	return place->dir->remove(&call, place);
}

static inline int remove_all(void **state)
{
	struct place at = {.dir = shm_kind.dir};

	become(0);
	call.as_daemon = NULL;
	return shm_kind.dir->list(&call, &at, remove_listed, NULL);
}

static inline const struct row *dir_row(const struct dir *dir, const char *name)
{
	const struct row *row = dir->rows;

	while (row->type != ROW_END && strcmp(row->name, name) != 0)
		row++;
	if (row->type == ROW_END)
		fail_msg("no file '%s'", name);
	return row;
}

/* The content of a file, in memory of its own; NULL and *error if it has none. */
static inline char *place_show(struct place place, const char *file, int *error)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	call.reason[0] = '\0';
	place.row = dir_row(place.dir, file);
	*error = place.row->show(&call, &place, out);
	fclose(out);
	if (*error == 0)
		return text;
	free(text);
	return NULL;
}

/* File of an object, or, with name NULL, of shm/ itself. */
static inline char *show(const char *name, const char *file)
{
	struct place place = {.dir = shm_kind.dir};
	char *text;
	int error;

	if (name)
		place = shm_at(name);
	text = place_show(place, file, &error);
	if (!text)
		fail_msg("%s/%s: %s", name ? name : "", file, strerror(-error));
	return text;
}

static inline void assert_shows(const char *name, const char *file, const char *expected)
{
	char *text = show(name, file);

	assert_string_equal(text, expected);
	free(text);
}

static inline void assert_shows_number(const char *name, const char *file,
				       unsigned long long number)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "%llu\n", number);
	assert_shows(name, file, expected);
}

static inline unsigned long long rss(const char *name)
{
	char *text = show(name, "rss");
	unsigned long long bytes = strtoull(text, NULL, 10);

	free(text);
	return bytes;
}

static inline int store(const char *name, const char *file, const char *text)
{
	struct place place = shm_at(name);

	call.reason[0] = '\0';
	place.row = dir_row(place.dir, file);
	return place.row->store(&call, &place, text);
}

/* @result is -@error, and the reason in words has @words in it. */
static inline void assert_refused(int result, int error, const char *words)
{
	assert_int_equal(result, -error);
	if (!strstr(call.reason, words))
		fail_msg("'%s' does not say '%s'", call.reason, words);
}

static inline void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static inline unsigned long long read_number(const char *path)
{
	unsigned long long number;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%llu", &number), 1);
	fclose(file);
	return number;
}

/* What a program prints. */
static inline char *output_of(const char *command)
{
	char *text = NULL, buffer[4096];
	size_t size = 0, length;
	FILE *in = popen(command, "r"), *out = open_memstream(&text, &size);

	assert_non_null(in);
	assert_non_null(out);
	while ((length = fread(buffer, 1, sizeof(buffer), in)))
		fwrite(buffer, 1, length, out);
	fclose(out);
	if (pclose(in) != 0)
		fail_msg("%s fails", command);
	return text;
}

/* ---- memory ---- */

struct handle {
	const struct memory *memory;
	void *state;
	struct place place;
};

static inline int handle_try(const char *name, int flags, struct handle *handle)
{
	handle->place = shm_at(name);
	handle->place.row = dir_row(handle->place.dir, "data");
	handle->memory = handle->place.row->memory;
	call.reason[0] = '\0';
	return handle->memory->open(&call, &handle->place, flags, &handle->state);
}

static inline struct handle handle_open(const char *name, int flags)
{
	struct handle handle;
	int result = handle_try(name, flags, &handle);

	if (result < 0)
		fail_msg("%s: %s", name, strerror(-result));
	return handle;
}

static inline void handle_close(struct handle *handle)
{
	handle->memory->close(handle->state);
}

static inline ssize_t handle_read(struct handle *handle, void *buffer, size_t size, off_t offset)
{
	return handle->memory->read(handle->state, buffer, size, offset);
}

static inline ssize_t handle_write(struct handle *handle, const void *buffer, size_t size,
				   off_t offset)
{
	call.reason[0] = '\0';
	return handle->memory->write(&call, handle->state, buffer, size, offset, false);
}

static inline ssize_t handle_append(struct handle *handle, const void *buffer, size_t size)
{
	call.reason[0] = '\0';
	return handle->memory->write(&call, handle->state, buffer, size, 0, true);
}

static inline int handle_allocate(struct handle *handle, int mode, off_t offset, off_t length)
{
	return handle->memory->allocate(&call, handle->state, mode, offset, length);
}

static inline struct shmid_ds segment(int id)
{
	struct shmid_ds ds;

	memset(&ds, 0, sizeof(ds));
	assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
	return ds;
}

#endif
