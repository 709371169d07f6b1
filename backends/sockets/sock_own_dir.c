/*
 * sock_own_dir.c - the directories of sockets that were made through the tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/run_dir.h"
#include "sock.h"
#include "sock_talk.h"

/* ---- internet sockets ---- */

static int inet_stat(const struct place *place, struct stat *st)
{
	struct sock_bound *bound = sock_own(place);
	struct stat judge;
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_stat(bound, &judge);
	sock_bound_release(bound);
	if (error)
		return error;
	st->st_uid = judge.st_uid;
	st->st_gid = judge.st_gid;
	st->st_mode = judge.st_mode & 0777;
	st->st_atim = judge.st_atim;
	st->st_mtim = judge.st_mtim;
	st->st_ctim = judge.st_ctim;
	return 0;
}

static int inet_change(struct call *call, const struct place *place, const struct change *change)
{
	struct sock_bound *bound = sock_own(place);
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_change(bound, change);
	sock_bound_release(bound);
	return error;
}

static int refuse_removal(struct call *call, int error, uid_t owner)
{
	return refuse(call, -error,
		      "a socket is for its owner to close: it belongs to uid %u, asked by uid %u",
		      (unsigned)owner, (unsigned)call->uid);
}

static int inet_remove(struct call *call, const struct place *place)
{
	struct sock_bound *bound = sock_own(place);
	struct stat judge;
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_admit_removal(bound);
	if (!error)
		sock_bound_remove(bound);
	else if (sock_bound_stat(bound, &judge) == 0)
		error = refuse_removal(call, error, judge.st_uid);
	sock_bound_release(bound);
	return error;
}

#define INET_DIR(name, table)            \
	const struct dir name = {        \
		.rows = table,           \
		.stat = inet_stat,       \
		.make = refuse_make,     \
		.remove = inet_remove,   \
		.change = inet_change,   \
		.rename = refuse_rename, \
	}

static const struct row tcp_rows[] = {
	{"accept", ROW_CHANNEL, .channel = &sock_channel_accept},
	{"framed", ROW_CHANNEL, .channel = &sock_channel_accept_framed},
	SOCK_OBJECT_ROWS,
};

INET_DIR(sock_tcp_own_dir, tcp_rows);

static const struct row udp_rows[] = {
	{"data", ROW_CHANNEL, .channel = &sock_channel_data},
	{"framed", ROW_CHANNEL, .channel = &sock_channel_data_framed},
	{"lines", ROW_CHANNEL, .channel = &sock_channel_data_lines},
	SOCK_OBJECT_ROWS,
};

INET_DIR(sock_udp_own_dir, udp_rows);

/* ---- unix sockets of the run directory ---- */

/* -ENOENT if the file is another one by now. */
static int file_check(const struct place *place, struct stat *st)
{
	int error = entry_look(sock_files_directory()->fd, place->name, st);

	if (error)
		return error;
	return S_ISSOCK(st->st_mode) && st->st_ino == place->identity ? 0 : -ENOENT;
}

/*
 * The very file that is found to be the socket: whoever it belongs to may put a link, or something
 * of somebody else's, in its place meanwhile.
 */
static int file_change_opened(const struct place *place, int fd, const struct change *change)
{
	uid_t uid = change->has_uid ? change->uid : (uid_t)-1;
	gid_t gid = change->has_gid ? change->gid : (gid_t)-1;
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_ino != place->identity)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (change->has_mode && chmod(path, change->mode & 0666) < 0)
		return -errno;
	if ((change->has_uid || change->has_gid) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

static int file_change(struct call *call, const struct place *place, const struct change *change)
{
	struct change owner = *change;
	struct sock_bound *bound;
	int error, fd;

	fd = entry_open(sock_files_directory()->fd, place->name, O_PATH);
	if (fd < 0)
		return fd;
	error = file_change_opened(place, fd, change);
	close(fd);
	if (error)
		return error;
	/* Its mode says who may connect, not who may accept. */
	owner.has_mode = false;
	bound = sock_own(place);
	if (bound)
		error = sock_bound_change(bound, &owner);
	if (bound)
		sock_bound_release(bound);
	return error;
}

static int file_remove(struct call *call, const struct place *place)
{
	struct sock_bound *bound;
	struct stat st;
	int error = file_check(place, &st);

	if (error)
		return error;
	bound = sock_own(place);
	if (unlinkat(sock_files_directory()->fd, place->name, 0) < 0)
		error = refuse_removal(call, -errno, st.st_uid);
	if (bound && !error)
		sock_bound_remove(bound);
	if (bound)
		sock_bound_release(bound);
	return error;
}

static int socket_target(const struct place *place, char *path, size_t size)
{
	return (size_t)snprintf(path, size, "%s/%s", sock_files_directory()->path, place->name) <
			       size
		       ? 0
		       : -ENAMETOOLONG;
}

#define FILE_DIR(name, table)                    \
	const struct dir name = {                \
		.namespaces = NAMESPACE_RUN_DIR, \
		.rows = table,                   \
		.stat = sock_object_stat,        \
		.make = refuse_make,             \
		.remove = file_remove,           \
		.change = file_change,           \
		.rename = refuse_rename,         \
	}

/* To connect is for whom the mode of the file lets; to accept is the owner's alone. */
static const struct row unix_rows[] = {
	{"socket", ROW_LINK, .target = socket_target},
	{"accept", ROW_CHANNEL, 0600, .channel = &sock_channel_accept},
	{"framed", ROW_CHANNEL, 0600, .channel = &sock_channel_accept_framed},
	SOCK_OBJECT_ROWS,
};

FILE_DIR(sock_unix_own_dir, unix_rows);

static const struct row packet_rows[] = {
	{"socket", ROW_LINK, .target = socket_target},
	{"accept", ROW_CHANNEL, 0600, .channel = &sock_channel_accept_packets},
	{"framed", ROW_CHANNEL, 0600, .channel = &sock_channel_accept_packets_framed},
	SOCK_OBJECT_ROWS,
};

FILE_DIR(sock_unix_own_packet_dir, packet_rows);

static const struct row dgram_rows[] = {
	{"socket", ROW_LINK, .target = socket_target},
	{"data", ROW_CHANNEL, 0600, .channel = &sock_channel_data},
	{"framed", ROW_CHANNEL, 0600, .channel = &sock_channel_data_framed},
	{"lines", ROW_CHANNEL, 0600, .channel = &sock_channel_data_lines},
	SOCK_OBJECT_ROWS,
};

FILE_DIR(sock_unix_own_dgram_dir, dgram_rows);

static const struct row file_rows[] = {
	{"socket", ROW_LINK, .target = socket_target},
	SOCK_OBJECT_ROWS,
};

FILE_DIR(sock_unix_file_dir, file_rows);
