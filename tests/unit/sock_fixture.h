/*
 * sock_fixture.h - a network namespace of its own, sockets of all sorts in it, and the tables of
 * sockets/ by the names of their files.
 */
#ifndef IPCFS_SOCK_FIXTURE_H
#define IPCFS_SOCK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../return_code.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "backend.h"
#include "kinds.h"
#include "sockets/sock.h"

#define NOBODY 64996
/* Sockets with a path are bound here, on a tmpfs that nobody else sees. */
#define DIRECTORY "/mnt"
#define RUN_DIRECTORY "/mnt/run"

static struct call call;

static inline void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		abort();
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		abort();
	close(fd);
}

/* A network that no test before has left connections in, which the kernel winds up for a minute. */
static inline int fresh_network(void **state)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	loopback_up();
	return 0;
}

/* Leaves the machine's sockets behind; where that is not allowed there is nothing to test (77). */
static inline void fixture_enter(void)
{
	if (fresh_network(NULL) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", DIRECTORY, "tmpfs", 0, "mode=1777") < 0) {
		fprintf(stderr, "skip: needs namespaces of its own: %s\n", strerror(errno));
		exit(77);
	}
	umask(0);
	signal(SIGPIPE, SIG_IGN);
	/* Under valgrind the process has its name. */
	prctl(PR_SET_NAME, program_invocation_short_name);
	if (sock_kind.setup(&(struct settings){.run_dir = RUN_DIRECTORY}) < 0)
		abort();
	call = (struct call){.uid = geteuid(), .gid = getegid(), .pid = getpid()};
}

static inline void become(uid_t uid)
{
	assert_int_equal(setresuid((uid_t)-1, uid, (uid_t)-1), 0);
	call.real_uid = uid;
	/* A process that has changed its ids can't be looked into, not even by its leak checker. */
	prctl(PR_SET_DUMPABLE, 1);
}

/* ---- sockets; what a test makes is closed behind it ---- */

static int kept[4096];
static size_t kept_count;

static inline int keep(int fd)
{
	if (fd < 0)
		fail_msg("%s", strerror(errno));
	kept[kept_count++] = fd;
	return fd;
}

static inline int close_all(void **state)
{
	become(0);
	while (kept_count)
		close(kept[--kept_count]);
	return 0;
}

static inline void end(int fd)
{
	for (size_t i = 0; i < kept_count; i++)
		if (kept[i] == fd)
			kept[i] = kept[--kept_count];
	close(fd);
}

static inline int make(int family, int type, int protocol)
{
	return keep(socket(family, type | SOCK_CLOEXEC, protocol));
}

struct address {
	socklen_t size;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

static inline struct address ip(const char *text, uint16_t port)
{
	struct address address = {sizeof(address.in)};

	address.in.sin_family = AF_INET;
	address.in.sin_port = htons(port);
	if (inet_pton(AF_INET, text, &address.in.sin_addr) == 1)
		return address;
	address.size = sizeof(address.in6);
	address.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET6, text, &address.in6.sin6_addr), 1);
	return address;
}

/* A path, or with @ at its begin an abstract name; @size bytes of it, which may be any. */
static inline struct address local_bytes(const char *name, size_t size)
{
	struct address address = {(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)};

	assert_true(size <= sizeof(address.un.sun_path));
	address.un.sun_family = AF_UNIX;
	memcpy(address.un.sun_path, name, size);
	if (name[0] == '@')
		address.un.sun_path[0] = '\0';
	return address;
}

static inline struct address local(const char *name)
{
	return local_bytes(name, strlen(name));
}

static inline void bind_to(int fd, struct address address)
{
	if (bind(fd, &address.any, address.size) < 0)
		fail_msg("bind: %s", strerror(errno));
}

static inline int bound(int type, struct address address)
{
	int fd = make(address.any.sa_family, type, 0);

	bind_to(fd, address);
	return fd;
}

static inline int listening(int type, struct address address, int backlog)
{
	int fd = bound(type, address);

	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static inline int connected(int type, struct address address)
{
	int fd = make(address.any.sa_family, type, 0);

	if (connect(fd, &address.any, address.size) < 0)
		fail_msg("connect: %s", strerror(errno));
	return fd;
}

static inline int accepted(int listener)
{
	return keep(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

static inline void pair(int type, int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	keep(fds[0]);
	keep(fds[1]);
}

static inline uint16_t port_of(int fd)
{
	struct address address = {.size = sizeof(address.in6)};

	assert_int_equal(getsockname(fd, &address.any, &address.size), 0);
	return ntohs(address.in.sin_port);
}

static inline uint32_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

/* Until what was sent to it has come. */
static inline void await_input(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&polled, 1, -1), 1);
}

/* Until the TCP socket is in that state. */
static inline void await_state(int fd, uint8_t state)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	do
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	while (info.tcpi_state != state && sched_yield() == 0);
}

/* Until all that was written is acknowledged. */
static inline void await_sent(int fd)
{
	int left;

	do
		assert_int_equal(ioctl(fd, SIOCOUTQ, &left), 0);
	while (left && sched_yield() == 0);
}

/* Sends bytes from one end to the other, where they stay. */
static inline void send_between(int from, int to, const char *text)
{
	assert_int_equal(send(from, text, strlen(text), 0), strlen(text));
	await_input(to);
}

/* ---- the tables ---- */

/* "tcp", "tcp/conn" ...: the place of a directory that lists objects; "" is sockets/ itself. */
static inline struct place dir_at(const char *path)
{
	static const struct {
		const char *path;
		const struct dir *dir;
	} dirs[] = {
		{"", &sock_dir},        {"tcp", &sock_tcp_dir},   {"tcp/conn", &sock_conn_dir},
		{"udp", &sock_udp_dir}, {"unix", &sock_unix_dir}, {"unix/anon", &sock_anon_dir},
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		if (strcmp(dirs[i].path, path) == 0)
			return (struct place){.dir = dirs[i].dir};
	fail_msg("no directory %s", path);
	return (struct place){NULL};
}

static inline int lookup(const char *parent, const char *name, struct place *found)
{
	struct place at = dir_at(parent);

	memset(&call.reason, 0, sizeof(call.reason));
	return at.dir->find(&call, &at, name, found);
}

/* What find says of a name may be in memory that the next find uses. */
static inline struct place object_at(const char *parent, const char *name)
{
	static char names[16][SOCK_NAME_SIZE];
	static unsigned next;
	struct place found = {NULL};
	int result = lookup(parent, name, &found);

	if (result < 0)
		fail_msg("%s/%s: %s", parent, name, strerror(-result));
	found.name = strcpy(names[next++ % 16], found.name);
	return found;
}

static inline char *show_at(struct place place, const char *file, int *error)
{
	const struct row *row = place.dir->rows;
	static char *text; /* static for a compiler that takes what it points to for it */
	static size_t size;
	FILE *out = open_memstream(&text, &size);

	while (row->type != ROW_END && strcmp(row->name, file) != 0)
		row++;
	if (row->type == ROW_END)
		fail_msg("no file '%s'", file);
	place.row = row;
	memset(&call.reason, 0, sizeof(call.reason));
	*error = row->show(&call, &place, out);
	fclose(out);
	return text;
}

/* A file of an object, or with @name NULL of the directory; it must be readable. */
static inline char *show(const char *parent, const char *name, const char *file)
{
	int error;
	char *text = show_at(name ? object_at(parent, name) : dir_at(parent), file, &error);

	if (error)
		fail_msg("%s/%s/%s: %s", parent, name ? name : "", file, strerror(-error));
	return text;
}

static inline void assert_shows(const char *parent, const char *name, const char *file,
				const char *expected)
{
	char *text = show(parent, name, file);

	assert_string_equal(text, expected);
	free(text);
}

struct counting {
	const char *name;
	int count, all;
	uint64_t identity;
};

static inline int count_name(void *context, const char *name, const struct place *place)
{
	struct counting *counting = context;

	counting->all++;
	assert_string_equal(place->name, name);
	if (strcmp(name, counting->name) == 0) {
		counting->count++;
		counting->identity = place->identity;
	}
	return 0;
}

/* How many times a directory lists a name. */
static inline int listed(const char *parent, const char *name)
{
	struct counting counting = {.name = name};
	struct place at = dir_at(parent);

	assert_int_equal(at.dir->list(&call, &at, count_name, &counting), 0);
	return counting.count;
}

/* How many names a directory lists. */
static inline int listed_all(const char *parent)
{
	struct counting counting = {.name = ""};
	struct place at = dir_at(parent);

	assert_int_equal(at.dir->list(&call, &at, count_name, &counting), 0);
	return counting.all;
}

/* Listed once, found, and found as what is listed. */
static inline void assert_there(const char *parent, const char *name)
{
	struct counting counting = {.name = name};
	struct place at = dir_at(parent), found = object_at(parent, name);

	assert_int_equal(at.dir->list(&call, &at, count_name, &counting), 0);
	if (counting.count != 1)
		fail_msg("%s lists %s %d times", parent, name, counting.count);
	assert_string_equal(found.name, name);
	assert_true(found.identity != 0);
	assert_int_equal(found.identity, counting.identity);
}

static inline void assert_not_there(const char *parent, const char *name)
{
	struct place found;

	assert_int_equal(lookup(parent, name, &found), -ENOENT);
	assert_int_equal(listed(parent, name), 0);
}

static inline int count_of(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* What a program prints; NULL: it fails. */
static inline char *output_of(const char *command)
{
	char *text = NULL, buffer[4096];
	size_t size = 0, length;
	FILE *in = popen(command, "re"), *out = open_memstream(&text, &size);

	while ((length = fread(buffer, 1, sizeof(buffer), in)))
		fwrite(buffer, 1, length, out);
	fclose(out);
	if (pclose(in) == 0)
		return text;
	free(text);
	return NULL;
}

#endif
