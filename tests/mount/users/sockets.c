/*
 * sockets.c - the sockets of all programs, as ss(8) shows them; connecting to some, making some.
 */
#include "kinds_tried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper.h"
#include "plain.h"
#include "sockets/sock.h"
#include "sockets/sock_talk.h"

enum { LISTENER = 4003, BOUND = 4004, NEW = 4010, PRIVILEGED = 80 };

#define TREE MOUNT "/sockets"
#define LOCKED "/run/locked"
#define UNDER_LOCK LOCKED "/s"
#define NEW_FILE "/run/ipcfs/unix/new"

/* The owner's process that has them all. */
static struct keeper keeper;
static char connection_path[128], anon_path[64];

/* They stay as they are: nobody can change them. */
static void as_it_is(mode_t mode, bool given)
{
}

static void stays(void)
{
}

#define OF_OTHERS                                                           \
	{ITSELF, REMOVE, .tree = tree_rmdir, .direct = nobody_eperm,        \
	 .why = "no call closes another's socket"},                         \
		{ITSELF, CHMOD, .tree = tree_chmod, .direct = nobody_eperm, \
		 .why = "a socket has none"},                               \
	{                                                                   \
		ITSELF, CHOWN, .tree = tree_chown, .direct = nobody_eperm,  \
			       .why = "no call gives it away"               \
	}

#define OF_OTHERS_OBJECT .make = as_it_is, .remove = stays, .not_given = true, .one_mode = true

/* ---- TCP ---- */

static int dial_tcp(const void *unused)
{
	return plain_connect_inet(SOCK_STREAM, LISTENER);
}

#define DIALLED(ability, flag, directory, path, does)                                  \
	{                                                                              \
		"connect", ability, directory, path, .flags = flag, .only_open = true, \
						     .direct = does                    \
	}

static const struct test_case tcp_cases[] = {
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	OF_OTHERS,
	DIALLED(READ, O_RDONLY, &sock_tcp_dir, "/sockets/tcp/wait/connect/127.0.0.1:4003",
		dial_tcp),
	DIALLED(WRITE, O_WRONLY, &sock_tcp_dir, "/sockets/tcp/wait/connect/127.0.0.1:4003",
		dial_tcp),
	DIALLED(BOTH, O_RDWR, &sock_tcp_dir, "/sockets/tcp/wait/connect/127.0.0.1:4003", dial_tcp),
	{ITSELF, FIND, &sock_tcp_dir, ITSELF, .tree = tree_stat, .why = AS_SS},
	{NULL},
};

static const struct object tcp = {
	.name = "a TCP listener of another program",
	.dir = &sock_tcp_object_dir,
	.path = TREE "/tcp/127.0.0.1:4003",
	.cases = tcp_cases,
	OF_OTHERS_OBJECT,
};

static const struct test_case connection_cases[] = {
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	OF_OTHERS,
	{ITSELF, FIND, &sock_conn_dir, ITSELF, .tree = tree_stat, .why = AS_SS},
	{ITSELF, LIST, &sock_conn_dir, "/sockets/tcp/conn", .tree = tree_list, .why = AS_SS},
	{NULL},
};

static const struct object connection = {
	.name = "a TCP connection",
	.dir = &sock_conn_object_dir,
	.path = connection_path,
	.cases = connection_cases,
	OF_OTHERS_OBJECT,
};

/* ---- UDP ---- */

static int dial_udp(const void *unused)
{
	return plain_connect_inet(SOCK_DGRAM, BOUND);
}

static const struct test_case udp_cases[] = {
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	OF_OTHERS,
	DIALLED(READ, O_RDONLY, &sock_udp_dir, "/sockets/udp/wait/connect/127.0.0.1:4004",
		dial_udp),
	DIALLED(WRITE, O_WRONLY, &sock_udp_dir, "/sockets/udp/wait/connect/127.0.0.1:4004",
		dial_udp),
	DIALLED(BOTH, O_RDWR, &sock_udp_dir, "/sockets/udp/wait/connect/127.0.0.1:4004", dial_udp),
	{ITSELF, FIND, &sock_udp_dir, ITSELF, .tree = tree_stat, .why = AS_SS},
	{NULL},
};

static const struct object udp = {
	.name = "a UDP socket of another program",
	.dir = &sock_udp_object_dir,
	.path = TREE "/udp/127.0.0.1:4004",
	.cases = udp_cases,
	OF_OTHERS_OBJECT,
};

/* ---- unix ---- */

/* In a directory of the owner's, with the object's mode and search for who may read. */
static void lock(mode_t mode, bool given)
{
	assert_return_code(chmod(LOCKED, mode | (mode & 0444) >> 2), errno);
	assert_return_code(chown(LOCKED, given ? NEW_OWNER : OWNER, given ? NEW_GROUP : GROUP),
			   errno);
}

static int dial_under_lock(const void *unused)
{
	return plain_connect(SOCK_STREAM, UNDER_LOCK);
}

static const struct test_case unix_cases[] = {
	SOCKET_FIGURES(),
	SOCKET_PEER_NONE,
	OF_OTHERS,
	DIALLED(READ, O_RDONLY, &sock_unix_dir, "/sockets/unix/wait/connect" UNDER_LOCK,
		dial_under_lock),
	DIALLED(WRITE, O_WRONLY, &sock_unix_dir, "/sockets/unix/wait/connect" UNDER_LOCK,
		dial_under_lock),
	DIALLED(BOTH, O_RDWR, &sock_unix_dir, "/sockets/unix/wait/connect" UNDER_LOCK,
		dial_under_lock),
	{ITSELF, FIND, &sock_unix_dir, ITSELF, .tree = tree_stat, .narrow = true, .why = AS_SS},
	{NULL},
};

static const struct object elsewhere = {
	.name = "a unix listener in a directory of its owner's",
	.dir = &sock_unix_object_dir,
	.path = TREE "/unix/%2Frun%2Flocked%2Fs",
	.cases = unix_cases,
	.make = lock,
	.remove = stays,
	.always_new = true,
};

/* Whom the kernel tells who asks by a descriptor of it. */
static int peer_if_visible(const void *unused)
{
	if (!keeper_is_visible(&keeper))
		return EACCES;
	say("%d %u %u\n", (int)getpid(), 0, 0);
	return 0;
}

static const struct test_case anon_cases[] = {
	SOCKET_FIGURES(),
	{"peer", READ, .reads = true, .direct = peer_if_visible,
	 .why = "SO_PEERCRED is for who has the socket, or may look into who has"},
	OF_OTHERS,
	{ITSELF, FIND, &sock_anon_dir, ITSELF, .tree = tree_stat, .why = AS_SS},
	{ITSELF, LIST, &sock_anon_dir, "/sockets/unix/anon", .tree = tree_list, .why = AS_SS},
	{NULL},
};

static const struct object anon = {
	.name = "an unnamed unix socket",
	.dir = &sock_anon_object_dir,
	.path = anon_path,
	.cases = anon_cases,
	OF_OTHERS_OBJECT,
};

/* ---- making them ---- */

static int result_of(int fd)
{
	return fd < 0 ? -fd : 0;
}

static int make_tcp(const void *argument)
{
	const struct test_case *test = argument;

	return result_of(plain_bound_inet(SOCK_STREAM, (uint16_t)test->flags));
}

static int make_udp(const void *argument)
{
	const struct test_case *test = argument;

	return result_of(plain_bound_inet(SOCK_DGRAM, (uint16_t)test->flags));
}

static int make_unix(const void *unused)
{
	int fd = plain_bound(SOCK_STREAM, NEW_FILE);

	return fd < 0 ? -fd : errno_of(chmod(NEW_FILE, made.mode));
}

static const char *const new_paths[] = {TREE "/tcp/127.0.0.1:4010", TREE "/tcp/127.0.0.1:80",
					TREE "/udp/127.0.0.1:4010", TREE "/udp/127.0.0.1:80"};

static void new_gone(void)
{
	for (size_t i = 0; i < COUNT(new_paths); i++)
		rmdir(new_paths[i]);
	rmdir(TREE "/unix/new");
	unlink(NEW_FILE);
}

static void new_none(mode_t mode, bool given)
{
	new_gone();
}

/* Whose they are, as ss -e tells it; the mode is the tree's own, but of a socket's file. */
static void new_describe(char *text, size_t size)
{
	size_t used;
	struct stat st;

	describe_file(NEW_FILE, text, size);
	used = strlen(text);
	for (size_t i = 0; i < COUNT(new_paths); i++)
		used += (size_t)snprintf(text + used, size - used, " %d",
					 stat(new_paths[i], &st) < 0 ? -1 : (int)st.st_uid);
}

/* The flags are the port. */
static const struct test_case new_cases[] = {
	{ITSELF, MAKE, &sock_tcp_dir, "/sockets/tcp/127.0.0.1:4010", .flags = NEW,
	 .tree = tree_mkdir, .direct = make_tcp},
	{ITSELF, MAKE, &sock_tcp_dir, "/sockets/tcp/127.0.0.1:80", .flags = PRIVILEGED,
	 .tree = tree_mkdir, .direct = make_tcp},
	{ITSELF, MAKE, &sock_udp_dir, "/sockets/udp/127.0.0.1:4010", .flags = NEW,
	 .tree = tree_mkdir, .direct = make_udp},
	{ITSELF, MAKE, &sock_udp_dir, "/sockets/udp/127.0.0.1:80", .flags = PRIVILEGED,
	 .tree = tree_mkdir, .direct = make_udp},
	{ITSELF, MAKE, &sock_unix_dir, "/sockets/unix/new", .tree = tree_mkdir,
	 .direct = make_unix},
	{ITSELF, LIST, &sock_tcp_dir, "/sockets/tcp", .tree = tree_list, .narrow = true,
	 .why = AS_SS},
	{ITSELF, LIST, &sock_udp_dir, "/sockets/udp", .tree = tree_list, .narrow = true,
	 .why = AS_SS},
	{ITSELF, LIST, &sock_unix_dir, "/sockets/unix", .tree = tree_list, .narrow = true,
	 .why = AS_SS},
	{"status", READ, .narrow = true, .why = AS_SS_P},
	{"status.json", READ, .narrow = true, .why = AS_SS_P},
	{"holders", READ, .narrow = true, .why = AS_SS_P},
	{"limits", READ, .narrow = true, .why = "/proc/sys tells everyone"},
	{"events", READ, NULL, "try/events", .narrow = true, .why = AS_SS},
	{NULL},
};

static const struct object made_sockets = {
	.name = "sockets/",
	.dir = &sock_dir,
	.path = TREE,
	.cases = new_cases,
	.make = new_none,
	.remove = new_gone,
	.describe = new_describe,
	.not_given = true,
};

/* ---- what there is ---- */

static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &size), errno);
	return ntohs(address.sin_port);
}

/* Of the owner, who has the inode number that ss tells. */
static int owner_opens(const void *argument)
{
	int *fds = (int *)(uintptr_t)argument;
	struct sockaddr_in address = {AF_INET, htons(LISTENER), {htonl(INADDR_LOOPBACK)}, {0}};

	fds[0] = plain_bound_inet(SOCK_STREAM, LISTENER);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fds[1], (struct sockaddr *)&address, sizeof(address)) < 0)
		return errno;
	fds[2] = accept4(fds[0], NULL, NULL, SOCK_CLOEXEC);
	fds[3] = plain_bound_inet(SOCK_DGRAM, BOUND);
	fds[4] = plain_bound(SOCK_STREAM, UNDER_LOCK);
	return fds[2] < 0 ? errno : errno_of(chmod(UNDER_LOCK, 0666));
}

void sockets_begin(void)
{
	int fds[5], pair[2];
	struct stat st;

	keeper_start(&keeper, identities, "sock-keeper");
	assert_return_code(mkdir(LOCKED, 0700), errno);
	assert_return_code(chown(LOCKED, OWNER, GROUP), errno);
	assert_int_equal(do_as(identities, owner_opens, fds), 0);
	snprintf(connection_path, sizeof(connection_path),
		 TREE "/tcp/conn/127.0.0.1:%u-127.0.0.1:%d", port_of(fds[1]), LISTENER);
	/* By root, who is the peer that the kernel tells of. */
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), errno);
	assert_return_code(fstat(pair[0], &st), errno);
	snprintf(anon_path, sizeof(anon_path), TREE "/unix/anon/%lu", (unsigned long)st.st_ino);
	for (int i = 0; i < 5; i++)
		keeper_take(&keeper, i, fds[i]);
	keeper_take(&keeper, 5, pair[0]);
	keeper_take(&keeper, 6, pair[1]);
}

const struct object *const socket_objects[] = {
	&tcp, &connection, &udp, &elsewhere, &anon, &made_sockets, NULL,
};
