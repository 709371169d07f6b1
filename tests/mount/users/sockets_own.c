/*
 * sockets_own.c - sockets that were made through the tree.
 *
 * No system call judges who may accept from another's socket, or close it.  The contract has them
 * judged as files are: so beside each there is a file of the same owner and mode, in a sticky
 * directory.  Of a unix socket that is its own file, but accepting is its owner's alone.
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain.h"
#include "sockets/sock.h"
#include "sockets/sock_talk.h"

#define JUDGE "/run/judge/u"
#define TCP MOUNT "/sockets/tcp/127.0.0.1:4001"
#define UDP MOUNT "/sockets/udp/127.0.0.1:4002"
#define RUN_UNIX "/run/ipcfs/unix"

#define AS_FILE "as a file of that owner and mode would be opened"
#define AS_OWNER "its owner's alone, as without ipcfs"

/* ---- what is judged as a file ---- */

/* Opening is accepting, and nobody is there to be accepted. */
static int judge_accept(const void *argument)
{
	const struct test_case *test = argument;

	return open(JUDGE, test->flags | O_CLOEXEC) < 0 ? errno : EAGAIN;
}

static int judge_open(const void *argument)
{
	const struct test_case *test = argument;

	return errno_of(open(JUDGE, test->flags | O_CLOEXEC));
}

static int owner_makes_judge(const void *unused)
{
	int fd = open(JUDGE, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? errno : errno_of(fchmod(fd, made.mode));
}

static void judge_make(bool given)
{
	unlink(JUDGE);
	as_owner(owner_makes_judge);
	if (given)
		assert_return_code(chown(JUDGE, NEW_OWNER, NEW_GROUP), errno);
	let_go();
}

static void judge_describe(char *text, size_t size)
{
	describe_file(JUDGE, text, size);
}

/* mkdir(2) in the tree is how it is made; that is tried in sockets.c. */
static int owner_makes(const void *unused)
{
	return errno_of(mkdir(made.object->path, made.mode));
}

static void gone(void)
{
	rmdir(made.object->path);
	unlink(JUDGE);
}

static void make(mode_t mode, bool given)
{
	gone();
	judge_make(given);
	as_owner(owner_makes);
	if (given)
		assert_return_code(chown(made.object->path, NEW_OWNER, NEW_GROUP), errno);
}

/* Its channels have the mode that it has; its directory lets everyone look. */
static void tcp_describe(char *text, size_t size)
{
	describe_file(TCP "/wait/accept", text, size);
}

static void udp_describe(char *text, size_t size)
{
	describe_file(UDP "/wait/data", text, size);
}

#define OPENED(row, flag, does, reason) \
	NULL, "try/" row, .flags = flag, .only_open = true, .direct = does, .why = reason

#define CHANNEL(row, does, reason, chmods, chowns)                                             \
	{row, READ, OPENED(row, O_RDONLY, does, reason)},                                      \
		{row, WRITE, OPENED(row, O_WRONLY, does, reason)},                             \
		{row, BOTH, OPENED(row, O_RDWR, does, reason)},                                \
		{row,           CHMOD, NULL, "try/" row, .tree = tree_chmod, .direct = chmods, \
		 .narrow = true},                                                              \
	{                                                                                      \
		row, CHOWN, NULL, "wait/" row, .tree = tree_chown, .direct = chowns,           \
					       .narrow = true                                  \
	}

/* By the file beside it. */
static int judge_chmod(const void *unused)
{
	return errno_of(chmod(JUDGE, MODE_AFTER));
}

static int judge_chown(const void *unused)
{
	return errno_of(chown(JUDGE, OTHER, (gid_t)-1));
}

static int judge_chgrp(const void *unused)
{
	return errno_of(chown(JUDGE, (uid_t)-1, OTHER));
}

static int judge_unlink(const void *unused)
{
	return errno_of(unlink(JUDGE));
}

#define JUDGED_OBJECT                                                                       \
	{ITSELF, CHMOD, .tree = tree_chmod, .direct = judge_chmod, .why = AS_FILE},         \
		{ITSELF, CHOWN, .tree = tree_chown, .direct = judge_chown, .why = AS_FILE}, \
		{ITSELF, CHOWN, .tree = tree_chgrp, .direct = judge_chgrp, .why = AS_FILE}, \
	{                                                                                   \
		ITSELF, REMOVE, .tree = tree_rmdir, .direct = judge_unlink, .why = AS_FILE  \
	}

static const struct test_case tcp_cases[] = {
	CHANNEL("accept", judge_accept, AS_FILE, judge_chmod, judge_chown),
	CHANNEL("framed", judge_accept, AS_FILE, judge_chmod, judge_chown),
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	JUDGED_OBJECT,
	{NULL},
};

static const struct object tcp = {
	.name = "a TCP listener made here",
	.dir = &sock_tcp_own_dir,
	.path = TCP,
	.cases = tcp_cases,
	.make = make,
	.remove = gone,
	.describe = tcp_describe,
	.describe_direct = judge_describe,
};

static const struct test_case udp_cases[] = {
	CHANNEL("data", judge_open, AS_FILE, judge_chmod, judge_chown),
	CHANNEL("framed", judge_open, AS_FILE, judge_chmod, judge_chown),
	CHANNEL("lines", judge_open, AS_FILE, judge_chmod, judge_chown),
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	JUDGED_OBJECT,
	{NULL},
};

static const struct object udp = {
	.name = "a UDP socket made here",
	.dir = &sock_udp_own_dir,
	.path = UDP,
	.cases = udp_cases,
	.make = make,
	.remove = gone,
	.describe = udp_describe,
	.describe_direct = judge_describe,
};

/* ---- unix ---- */

static int owner_makes_unix(const void *attribute)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", made.object->path, (const char *)attribute);
	return errno_of(mkdir(path, made.mode));
}

static void unix_make_as(const char *attribute, bool given)
{
	mode_t mode = made.mode;

	gone();
	/* The file beside it says who may accept. */
	made.mode = 0600;
	judge_make(given);
	made.mode = mode;
	assert_int_equal(do_as(identities, owner_makes_unix, attribute), 0);
	if (given)
		assert_return_code(chown(made.object->path, NEW_OWNER, NEW_GROUP), errno);
}

static void stream_make(mode_t mode, bool given)
{
	unix_make_as("", given);
}

static void packet_make(mode_t mode, bool given)
{
	unix_make_as(",type=seqpacket", given);
}

static void dgram_make(mode_t mode, bool given)
{
	unix_make_as(",type=dgram", given);
}

/* With how many wait to be accepted, so that none is left for the next who opens accept. */
static void unix_describe(char *text, size_t size)
{
	char path[256], waiting[32] = "";
	size_t length;

	describe_file(made.object->file, text, size);
	snprintf(path, sizeof(path), "%s/recvq", made.object->path);
	if (get(path, waiting, sizeof(waiting)) < 0)
		return;
	length = strlen(text);
	snprintf(text + length, size - length, " %s", waiting);
}

static int connect_to(const char *path)
{
	const char *name = strrchr(made.object->path, '/') + 1;

	return plain_connect(*name == 's'   ? SOCK_STREAM
			     : *name == 'p' ? SOCK_SEQPACKET
					    : SOCK_DGRAM,
			     path);
}

static int tree_connect(const void *unused)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/socket", made.object->path);
	return connect_to(path);
}

static int file_connect(const void *unused)
{
	return connect_to(made.object->file);
}

/* By the path in the tree that leads to any socket. */
static int tree_dial(const void *argument)
{
	const struct test_case *test = argument;
	char path[256];

	snprintf(path, sizeof(path), MOUNT "/sockets/unix/wait/connect%s", made.object->file);
	return errno_of(open(path, test->flags | O_CLOEXEC));
}

#define DIALLED(ability, flag)                                                        \
	{                                                                             \
		"connect", ability, &sock_unix_dir, .flags = flag, .tree = tree_dial, \
						    .direct = file_connect            \
	}

#define UNIX_OBJECT                                                                                \
	{"socket", FOLLOW, .tree = tree_readlink, .why = "ls -l tells everyone of the directory"}, \
		{"socket", FOLLOW, .tree = tree_connect, .direct = file_connect},                  \
		DIALLED(READ, O_RDONLY), DIALLED(WRITE, O_WRONLY), DIALLED(BOTH, O_RDWR),          \
		{ITSELF, CHMOD, .tree = tree_chmod, .direct = file_chmod},                         \
		{ITSELF, CHOWN, .tree = tree_chown, .direct = file_chown},                         \
		{ITSELF, CHOWN, .tree = tree_chgrp, .direct = file_chgrp},                         \
	{                                                                                          \
		ITSELF, REMOVE, .tree = tree_rmdir, .direct = file_unlink                          \
	}

static const struct test_case stream_cases[] = {
	CHANNEL("accept", judge_accept, AS_OWNER, file_chmod, file_chown),
	CHANNEL("framed", judge_accept, AS_OWNER, file_chmod, file_chown),
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	UNIX_OBJECT,
	{NULL},
};

static const struct object stream = {
	.name = "a unix listener made here",
	.dir = &sock_unix_own_dir,
	.path = MOUNT "/sockets/unix/s",
	.file = RUN_UNIX "/s",
	.cases = stream_cases,
	.make = stream_make,
	.remove = gone,
	.describe = unix_describe,
};

static const struct object packet = {
	.name = "a unix listener of packets made here",
	.dir = &sock_unix_own_packet_dir,
	.path = MOUNT "/sockets/unix/p",
	.file = RUN_UNIX "/p",
	.cases = stream_cases,
	.make = packet_make,
	.remove = gone,
	.describe = unix_describe,
	.one_mode = true, /* the rest is as for a stream */
};

static const struct test_case dgram_cases[] = {
	CHANNEL("data", judge_open, AS_OWNER, file_chmod, file_chown),
	CHANNEL("framed", judge_open, AS_OWNER, file_chmod, file_chown),
	CHANNEL("lines", judge_open, AS_OWNER, file_chmod, file_chown),
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	UNIX_OBJECT,
	{NULL},
};

static const struct object dgram = {
	.name = "a unix datagram socket made here",
	.dir = &sock_unix_own_dgram_dir,
	.path = MOUNT "/sockets/unix/d",
	.file = RUN_UNIX "/d",
	.cases = dgram_cases,
	.make = dgram_make,
	.remove = gone,
	.describe = unix_describe,
};

/* ---- one that another program has bound there ---- */

static int owner_binds(const void *fd)
{
	int socket = plain_bound(SOCK_STREAM, made.object->file);

	*(int *)(uintptr_t)fd = socket;
	return socket < 0 ? -socket : errno_of(chmod(made.object->file, made.mode));
}

static int bound = -1;

static void file_gone(void)
{
	unlink(made.object->file);
	if (bound >= 0)
		close(bound);
	bound = -1;
}

static void file_make(mode_t mode, bool given)
{
	int fd = -1;

	file_gone();
	assert_int_equal(do_as(identities, owner_binds, &fd), 0);
	bound = keep_open(fd);
	if (given)
		assert_return_code(chown(made.object->file, NEW_OWNER, NEW_GROUP), errno);
}

static const struct test_case file_cases[] = {
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	UNIX_OBJECT,
	{NULL},
};

static const struct object file = {
	.name = "a unix listener of another program",
	.dir = &sock_unix_file_dir,
	.path = MOUNT "/sockets/unix/sfile",
	.file = RUN_UNIX "/sfile",
	.cases = file_cases,
	.make = file_make,
	.remove = file_gone,
	.describe = unix_describe,
};

void sockets_own_begin(void)
{
	assert_return_code(mkdir("/run/judge", 01777), errno);
	/* The owner of a sticky directory may remove what is in it: here that is nobody. */
	assert_return_code(chown("/run/judge", 65534, 65534), errno);
}

const struct object *const own_socket_objects[] = {&tcp,   &udp,  &stream, &packet,
						   &dgram, &file, NULL};
