/*
 * sock_talk_fixture.h - opening, reading and writing the channels of sockets/ as the tree does it:
 * try, wait for the descriptor that the channel names, try again.
 */
#ifndef IPCFS_SOCK_TALK_FIXTURE_H
#define IPCFS_SOCK_TALK_FIXTURE_H

#include "sock_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

#include "common/run_dir.h"
#include "sockets/sock_talk.h"

/* A call's as_daemon, for a test that has become somebody else. */
static inline int step_as_root(int (*step)(void *context), void *context)
{
	uid_t uid = geteuid();
	int result;

	become(0);
	result = step(context);
	become(uid);
	return result;
}

/* ---- walking ---- */

static inline const struct row *row_at(const struct dir *dir, const char *name)
{
	for (const struct row *row = dir->rows; row->type != ROW_END; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/*
 * The place of a path below sockets/: a directory, a file of an object, or what a path below
 * connect/ leads to.  Names are copied.
 */
static inline int place_find(const char *path, struct place *place)
{
	static char names[64][1024];
	static unsigned next_name;
	char copy[4096], *rest = copy, *name;
	int result = 0;

	*place = (struct place){.dir = &sock_dir};
	memset(call.reason, 0, sizeof(call.reason));
	assert_in_range(strlen(path), 0, sizeof(copy) - 1);
	strcpy(copy, path);
	while ((name = strsep(&rest, "/"))) {
		const struct row *row = place->row ? NULL : row_at(place->dir, name);
		struct place found = {NULL};

		if (!*name)
			continue;
		if (place->row && place->row->type == ROW_NAMED) {
			result = place->row->named(&call, name, place);
			if (result < 0)
				return result;
		} else if (row && row->type == ROW_DIR) {
			*place = (struct place){.dir = row->dir};
		} else if (row) {
			place->row = row;
		} else if (!place->row && place->dir->find) {
			result = place->dir->find(&call, place, name, &found);
			if (result < 0)
				return result;
			*place = found;
		} else {
			return -ENOENT;
		}
		if (place->name)
			place->name = strcpy(names[next_name++ % 64], place->name);
	}
	return result;
}

static inline int make_at(const char *parent, const char *name, mode_t mode)
{
	struct place at = dir_at(parent), created;

	memset(call.reason, 0, sizeof(call.reason));
	return at.dir->make(&call, &at, name, mode, &created);
}

static inline int remove_at(const char *path)
{
	struct place place;
	int error = place_find(path, &place);

	return error ? error : place.dir->remove(&call, &place);
}

static inline int change_at(const char *path, struct change change)
{
	struct place place;
	int error = place_find(path, &place);

	return error ? error : place.dir->change(&call, &place, &change);
}

static inline void assert_made(const char *parent, const char *name)
{
	int error = make_at(parent, name, 0600);

	if (error)
		fail_msg("mkdir %s/%s: %s: %s", parent, name, strerror(-error), call.reason);
}

static inline void assert_refused(int result, int error, const char *reason)
{
	if (result != -error)
		fail_msg("%s instead of %s: %s", strerror(-result), strerror(error), call.reason);
	if (!strstr(call.reason, reason))
		fail_msg("'%s' does not say '%s'", call.reason, reason);
}

static inline int remove_listed(void *context, const char *name, const struct place *place)
{
	if (place->dir->remove(&call, place) == 0)
		++*(int *)context;
	return 0;
}

/* Removes what tests have made through the tree. */
static inline int remove_all(void **state)
{
	static const char *const parents[] = {"tcp", "udp", "unix"};
	int removed = 0;

	become(0);
	call.uid = 0;
	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		struct place at = dir_at(parents[i]);

		at.dir->list(&call, &at, remove_listed, &removed);
	}
	return close_all(state);
}

/* ---- open files ---- */

struct file {
	const struct channel *channel;
	void *state;
};

enum { PATIENCE = 20000 }; /* milliseconds until a test that hangs fails */

/* Waits for what the channel waits for; false: it is not to be waited for by a descriptor. */
static inline bool file_await(const struct file *file, short events)
{
	struct pollfd polled = {.fd = file->channel->wait_fd(file->state, &events)};

	if (polled.fd < 0)
		return false;
	polled.events = events;
	assert_true(events);
	if (poll(&polled, 1, PATIENCE) != 1)
		fail_msg("nothing came");
	return true;
}

/* Opens, but does not wait. */
static inline int file_begin(const char *path, int flags, struct file *file)
{
	struct place place;
	int error = place_find(path, &place);

	if (error)
		return error;
	file->channel = place.row->channel;
	return file->channel->open(&call, &place, flags, &file->state);
}

static inline int file_enter(struct file *file, bool waits)
{
	struct call entering = call;
	int error;

	if (!file->channel->enter)
		return 0;
	entering.may_wait = false;
	while ((error = file->channel->enter(&entering, file->state)) == -EAGAIN && waits)
		if (!file_await(file, 0)) {
			entering.may_wait = true;
			error = file->channel->enter(&entering, file->state);
			break;
		}
	memcpy(call.reason, entering.reason, sizeof(call.reason));
	return error;
}

static inline void file_close(struct file *file)
{
	file->channel->close(file->state);
	file->state = NULL;
}

/* Opens as open(2) does; with O_NONBLOCK it does not wait. */
static inline int file_try(const char *path, int flags, struct file *file)
{
	int error = file_begin(path, flags, file);

	if (error)
		return error;
	error = file_enter(file, !(flags & O_NONBLOCK));
	if (error)
		file_close(file);
	return error;
}

static inline struct file file_open(const char *path, int flags)
{
	struct file file;
	int error = file_try(path, flags, &file);

	if (error)
		fail_msg("%s: %s: %s", path, strerror(-error), call.reason);
	return file;
}

static inline ssize_t file_read_try(struct file *file, void *buffer, size_t size)
{
	call.reason[0] = '\0';
	return file->channel->read(&call, file->state, buffer, size);
}

static inline ssize_t file_read(struct file *file, void *buffer, size_t size)
{
	ssize_t length;

	while ((length = file_read_try(file, buffer, size)) == -EAGAIN)
		file_await(file, POLLIN);
	return length;
}

static inline ssize_t file_write(struct file *file, const void *buffer, size_t size)
{
	ssize_t result;
	size_t done = 0;

	call.reason[0] = '\0';
	while ((result = file->channel->write(&call, file->state, buffer, size, &done)) == -EAGAIN)
		assert_true(file_await(file, POLLOUT));
	if (result >= 0)
		assert_int_equal(done, size);
	return result;
}

static inline void file_puts(struct file *file, const char *text)
{
	ssize_t result = file_write(file, text, strlen(text));

	if (result != (ssize_t)strlen(text))
		fail_msg("write: %s: %s", strerror((int)-result), call.reason);
}

/* One read gives just this. */
static inline void assert_reads(struct file *file, const char *expected)
{
	char buffer[4096] = "";
	ssize_t length = file_read(file, buffer, sizeof(buffer) - 1);

	if (length < 0)
		fail_msg("read: %s: %s", strerror((int)-length), call.reason);
	buffer[length] = '\0';
	assert_string_equal(buffer, expected);
}

/* What a close has left to do is done as long as it takes. */
static inline void file_flush(struct file *file)
{
	int error = 0;

	while (file->channel->flush &&
	       (error = file->channel->flush(&call, file->state)) == -EAGAIN)
		assert_true(file_await(file, 0));
	assert_int_equal(error, 0);
}

/* ---- peers that know nothing of the tree ---- */

/* Listens where connections of the test before may still be winding up. */
static inline int peer_listening(struct address address, int backlog)
{
	static const int yes = 1;
	int fd = make(address.any.sa_family, SOCK_STREAM, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	bind_to(fd, address);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static inline void peer_puts(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void assert_peer_reads(int fd, const char *expected)
{
	char buffer[4096] = "";
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	ssize_t length;

	if (poll(&polled, 1, PATIENCE) != 1)
		fail_msg("nothing came");
	length = recv(fd, buffer, sizeof(buffer) - 1, MSG_DONTWAIT);
	if (length < 0)
		fail_msg("recv: %s", strerror(errno));
	assert_string_equal(buffer, expected);
}

#define TEST(test) cmocka_unit_test_teardown(test, remove_all)

/* A test may need thousands; where they cannot be had it is skipped. */
static inline void descriptors_raise(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 5000) {
		fprintf(stderr, "skip: needs 5000 descriptors\n");
		exit(77);
	}
}

#endif
