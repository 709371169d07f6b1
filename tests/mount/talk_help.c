/*
 * talk_help.c - what the tests of datagrams and unix sockets share.
 */
#include "talk_help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATIENCE = 20000 }; /* milliseconds until a test that hangs fails */

/* ---- plain sockets ---- */

struct address ip(const char *host, uint16_t port)
{
	struct address address = {.size = sizeof(address.in)};

	address.in.sin_family = AF_INET;
	address.in.sin_port = htons(port);
	if (inet_pton(AF_INET, host, &address.in.sin_addr) == 1)
		return address;
	address.size = sizeof(address.in6);
	address.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET6, host, &address.in6.sin6_addr), 1);
	return address;
}

struct address local(const char *name)
{
	size_t size = strlen(name);
	struct address address = {(socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)};

	assert_true(size <= sizeof(address.un.sun_path));
	address.un.sun_family = AF_UNIX;
	memcpy(address.un.sun_path, name, size);
	if (name[0] == '@')
		address.un.sun_path[0] = '\0';
	return address;
}

int plain_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	return fd;
}

int plain_bound(int type, struct address address)
{
	int fd = plain_socket(address.any.sa_family, type);

	assert_return_code(bind(fd, &address.any, address.size), errno);
	return fd;
}

int plain_listener(int type, struct address address, int backlog)
{
	int fd = plain_bound(type, address);

	assert_return_code(listen(fd, backlog), errno);
	return fd;
}

int plain_connected(int type, struct address address)
{
	int fd = plain_socket(address.any.sa_family, type);

	assert_return_code(connect(fd, &address.any, address.size), errno);
	return fd;
}

int plain_accepted(int listener)
{
	int fd;

	await_input(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_return_code(fd, errno);
	return fd;
}

void plain_send(int fd, struct address to, const void *data, size_t size)
{
	assert_int_equal(sendto(fd, data, size, MSG_NOSIGNAL, to.size ? &to.any : NULL, to.size),
			 size);
}

uint16_t port_of(int fd)
{
	struct address address = {.size = sizeof(address.in6)};

	assert_return_code(getsockname(fd, &address.any, &address.size), errno);
	return ntohs(address.in.sin_port);
}

void await_input(int fd)
{
	struct pollfd events = {.fd = fd, .events = POLLIN};

	if (poll(&events, 1, PATIENCE) != 1)
		fail_msg("nothing came");
}

struct address plain_expect(int fd, const void *data, size_t size)
{
	static char buffer[1 << 20];
	struct address from = {.size = sizeof(from.un)};
	ssize_t length;

	await_input(fd);
	length = recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT, &from.any, &from.size);
	assert_return_code(length, errno);
	assert_int_equal(length, size);
	assert_memory_equal(buffer, data, size);
	return from;
}

void plain_expect_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

void plain_expect_end(int fd)
{
	char byte;

	await_input(fd);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
}

/* ---- the tree ---- */

const char *at(const char *path)
{
	static char paths[4][2000];
	static unsigned next;
	char *full = paths[next++ % 4];

	snprintf(full, sizeof(paths[0]), SOCKETS "/%s", path);
	return full;
}

void make(const char *path, mode_t mode)
{
	if (mkdir(at(path), mode) < 0)
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

void removed(const char *path)
{
	if (rmdir(at(path)) < 0)
		fail_msg("rmdir %s: %s", path, strerror(errno));
}

int open_at(const char *path, int flags)
{
	int fd = open(at(path), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int opened(const char *path, int flags)
{
	int fd = open_at(path, flags);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(-fd));
	return fd;
}

void expect(int fd, const void *data, size_t size)
{
	static char buffer[1 << 20];
	ssize_t length = read(fd, buffer, sizeof(buffer));

	if (length < 0)
		fail_msg("read: %s", strerror(errno));
	assert_int_equal(length, size);
	assert_memory_equal(buffer, data, size);
}

void expect_text(int fd, const char *text)
{
	char buffer[4096];
	ssize_t length = read(fd, buffer, sizeof(buffer) - 1);

	if (length < 0)
		fail_msg("read: %s", strerror(errno));
	buffer[length] = '\0';
	assert_string_equal(buffer, text);
}

void say(int fd, const void *data, size_t size)
{
	ssize_t length = write(fd, data, size);

	if (length < 0)
		fail_msg("write: %s", strerror(errno));
	assert_int_equal(length, size);
}

void say_text(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

int read_error(int fd)
{
	char byte;

	return read(fd, &byte, 1) < 0 ? errno : 0;
}

int write_error(int fd)
{
	return write(fd, "x", 1) < 0 ? errno : 0;
}

short polled(int fd)
{
	struct pollfd events = {.fd = fd, .events = POLLIN | POLLOUT};

	assert_return_code(poll(&events, 1, 0), errno);
	return events.revents;
}

void expect_refusal(const char *name, const char *words)
{
	static char text[64 << 10];
	ssize_t size = get(MOUNT "/errors", text, sizeof(text));
	char *line, *reason, what[64];

	assert_true(size > 0);
	if (text[size - 1] == '\n')
		text[size - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	snprintf(what, sizeof(what), " %s: ", name);
	reason = strstr(line, what);
	if (!reason || !strstr(reason, words))
		fail_msg("'%s' does not say '%s' and '%s'", line, name, words);
}

void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(100);
	/* As exec does; without it the kernel hides the process from its own user. */
	prctl(PR_SET_DUMPABLE, 1);
}

/* ---- unix sockets, and their peers ---- */

char large[LARGE], got[LARGE];

int tree_accepted(const char *type, int flags, int *peer)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), X ",type=%s", type);
	make(name, 0600);
	*peer = plain_connected(*type == 's' && type[1] == 't' ? SOCK_STREAM : SOCK_SEQPACKET,
				local(RUN_X));
	fd = opened(X "/accept", flags);
	removed(X);
	return fd;
}

int tree_connected(int type, int flags, int *peer)
{
	int listener = plain_listener(type, local(PEER), 5);
	int fd = opened(TO_PEER, flags);

	*peer = plain_accepted(listener);
	close(listener);
	unlink(PEER);
	return fd;
}

void read_all(int fd, char *buffer, size_t size)
{
	for (size_t used = 0; used < size;) {
		ssize_t length = read(fd, buffer + used, size - used);

		if (length < 0)
			fail_msg("read: %s", strerror(errno));
		if (length == 0)
			fail_msg("the end after %zu of %zu bytes", used, size);
		used += (size_t)length;
	}
}

size_t stuff(int fd)
{
	size_t size = 0;
	ssize_t length;

	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	while ((length = write(fd, large + size, 4096)) > 0)
		size += (size_t)length;
	assert_int_equal(length, -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(size > 0 && size + 4096 < LARGE);
	assert_return_code(fcntl(fd, F_SETFL, 0), errno);
	return size;
}

/* ---- who waits ---- */

static void handle(int signal)
{
}

static int wait_in(const struct waiting *waiting, int fd)
{
	struct pollfd events = {.fd = fd, .events = POLLIN};
	char buffer[64] = "x";
	ssize_t length;

	switch (waiting->what) {
	case WAIT_POLL:
		return poll(&events, 1, -1) < 0 ? errno : events.revents;
	case WAIT_READ:
		length = read(fd, buffer, sizeof(buffer));
		return length < 0 ? errno : 200 + (int)length;
	case WAIT_WRITE:
		return write(fd, buffer, 1) < 0 ? errno : 0;
	default:
		return 0;
	}
}

static int wait_as_child(void *argument)
{
	const struct waiting *waiting = argument;
	struct sigaction action = {.sa_handler = handle};
	int fd = waiting->fd;

	sigaction(SIGUSR1, &action, NULL);
	/* No copy of a peer is to keep it when the test closes it. */
	if (waiting->path || fd > 3)
		syscall(SYS_close_range, 3, waiting->path ? ~0U : (unsigned)fd - 1, 0);
	if (!waiting->path)
		syscall(SYS_close_range, (unsigned)fd + 1, ~0U, 0);
	if (waiting->uid)
		become(waiting->uid);
	if (waiting->path)
		fd = open_at(waiting->path, waiting->flags);
	return fd < 0 ? -fd : wait_in(waiting, fd);
}

pid_t waiter(const struct waiting *waiting)
{
	pid_t pid = spawn(wait_as_child, (void *)(uintptr_t)waiting);

	switch (waiting->what) {
	case WAIT_OPEN:
		wait_until_open_parked(pid);
		break;
	case WAIT_POLL:
		wait_until_asleep_in(pid, "poll_schedule_timeout");
		break;
	default:
		wait_until_parked(pid);
	}
	return pid;
}

int done(const struct waiting *waiting)
{
	return reap(spawn(wait_as_child, (void *)(uintptr_t)waiting));
}

void fill(void *data, size_t size, unsigned seed)
{
	unsigned char *bytes = data;
	uint32_t state = seed * 2654435761u + 1;

	for (size_t i = 0; i < size; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (unsigned char)(state >> 24);
	}
}
