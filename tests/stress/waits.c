/*
 * waits.c - every way in which a client can wait in the tree.
 *
 * What is waited for: two queues of each family, one empty and one full; semaphores of each family
 * that are 0, a set of which one is, one that is not 0; sockets whose far ends are silent, deaf or
 * full; memory that is locked; events, after those that there are.
 */
#include "waits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../mount/fixture.h"

enum { SILENT = 20001, DEAF = 20002, FULL_BACKLOG = 0, SENT = 32 };

/* What one waits at in the other's turn: a handle that all its readers share. */
static int shared_connection = -1;
/* The far end of those that are connected. */
static int silent_listener = -1;

static const char *whole(const char *path)
{
	static char text[256];

	snprintf(text, sizeof(text), MOUNT "/%s", path);
	return text;
}

/* ---- waiting ---- */

static int in_read(const char *path)
{
	int fd = open(whole(path), O_RDONLY | O_CLOEXEC);
	char text[4096];

	return fd < 0 || read(fd, text, sizeof(text)) < 0 ? errno : 0;
}

static int in_read_events(const char *path)
{
	int fd = open(whole(path), O_RDONLY | O_CLOEXEC);
	char text[4096];

	while (fd >= 0 && read(fd, text, sizeof(text)) > 0)
		;
	return errno;
}

static int in_shared_read(const char *path)
{
	char byte;

	return read(shared_connection, &byte, 1) < 0 ? errno : 0;
}

static int in_message(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);
	char text[SENT + 1];

	memset(text, 'y', SENT);
	text[SENT] = '\n';
	return fd < 0 || write(fd, text, sizeof(text) - !strstr(path, "lines")) < 0 ? errno : 0;
}

static int in_framed(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "size=32\n01234567890123456789012345678901", 40) < 0 ? errno : 0;
}

static int in_take(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "P\n", 2) < 0 ? errno : 0;
}

static int in_take_undone(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "Pu", 2) < 0 ? errno : 0;
}

static int in_take_two(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0:-1 1:-1", 9) < 0 ? errno : 0;
}

static int in_zero(const char *path)
{
	int fd = open(whole(path), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) < 0 ? errno : 0;
}

static int in_open(const char *path)
{
	return open(whole(path), O_WRONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int in_open_both(const char *path)
{
	return open(whole(path), O_RDWR | O_CLOEXEC) < 0 ? errno : 0;
}

static int in_connected_read(const char *path)
{
	int fd = open(whole(path), O_RDWR | O_CLOEXEC);
	char byte;

	return fd < 0 || read(fd, &byte, 1) < 0 ? errno : 0;
}

static int in_connected_write(const char *path)
{
	static char block[1 << 14];
	int fd = open(whole(path), O_RDWR | O_CLOEXEC);

	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	return errno;
}

static int in_poll(const char *path)
{
	struct pollfd sleeper = {open(whole(path), O_RDONLY | O_CLOEXEC), POLLIN, 0};

	return sleeper.fd < 0 || poll(&sleeper, 1, -1) < 0 ? errno : 0;
}

static int in_record_lock(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	int fd = open(whole(path), O_RDWR | O_CLOEXEC);

	return fd < 0 || fcntl(fd, F_SETLKW, &lock) < 0 ? errno : 0;
}

static int in_flock(const char *path)
{
	int fd = open(whole(path), O_RDWR | O_CLOEXEC);

	return fd < 0 || flock(fd, LOCK_EX) < 0 ? errno : 0;
}

#define IO "fuse_direct_io"
#define OPEN "fuse_send_open"
#define LOCK "fuse_setlk"

/* clang-format off: a table */
const struct wait_way wait_ways[] = {
	{"POSIX queue, data", in_read, "mq/empty/data", IO},
	{"POSIX queue, each", in_read, "mq/empty/each", IO},
	{"POSIX queue, lines", in_read, "mq/empty/lines", IO},
	{"POSIX queue, within", in_read, "mq/empty/within/3000/framed", IO},
	{"POSIX queue, full, data", in_message, "mq/full/data", IO},
	{"POSIX queue, full, lines", in_message, "mq/full/lines", IO},
	{"POSIX queue, full, framed", in_framed, "mq/full/framed", IO},
	{"POSIX queue, full, prio", in_message, "mq/full/prio/3", IO},
	{"POSIX queue, poll", in_poll, "mq/empty/data", "poll_schedule_timeout"},
	{"System V queue, data", in_read, "mq/0x10/data", IO},
	{"System V queue, type", in_read, "mq/0x10/type/7", IO},
	{"System V queue, bulk", in_read, "mq/0x10/bulk", IO},
	{"System V queue, within", in_read, "mq/0x10/within/3000/each", IO},
	{"System V queue, full, data", in_message, "mq/0x11/data", IO},
	{"System V queue, full, lines", in_message, "mq/0x11/lines", IO},
	{"System V queue, full, type", in_message, "mq/0x11/type/9", IO},
	{"System V queue, poll", in_poll, "mq/0x10/data", "poll_schedule_timeout", 50},
	{"POSIX semaphore, P", in_take, "sem/taken/op", IO},
	{"POSIX semaphore, Pu", in_take_undone, "sem/taken/op", IO},
	{"POSIX semaphore, within", in_take, "sem/taken/within/3000/op", IO},
	{"POSIX semaphore, hold", in_open, "sem/taken/hold", OPEN},
	{"System V semaphore, P", in_take, "sem/0x20/op", IO},
	{"System V semaphore, Pu", in_take_undone, "sem/0x20/op", IO},
	{"System V semaphore, for zero", in_zero, "sem/0x22/op", IO},
	{"System V semaphore, hold", in_open, "sem/0x20/hold", OPEN},
	{"System V set, a list", in_take_two, "sem/0x21/op", IO},
	{"System V set, hold of one", in_open, "sem/0x21/1/hold", OPEN},
	{"memory, fcntl lock", in_record_lock, "shm/locked/data", LOCK},
	{"memory, flock", in_flock, "shm/locked/data", LOCK},
	{"TCP, accept", in_open_both, "sockets/tcp/127.0.0.1:20000/accept", OPEN},
	{"TCP, read", in_connected_read, "sockets/tcp/connect/127.0.0.1:20001", IO},
	{"TCP, read of one handle", in_shared_read, NULL, IO},
	{"TCP, write", in_connected_write, "sockets/tcp/connect/127.0.0.1:20001", IO, 8, true},
	{"TCP, connect", in_open_both, "sockets/tcp/connect/127.0.0.1:20002", OPEN, 100},
	{"UDP, data", in_read, "sockets/udp/127.0.0.1:20003/data", IO},
	{"UDP, read", in_connected_read, "sockets/udp/connect/127.0.0.1:20003", IO},
	{"unix, accept", in_open_both, "sockets/unix/server/accept", OPEN},
	{"unix, read", in_connected_read, "sockets/unix/connect/run/silent", IO},
	{"unix, connect", in_open_both, "sockets/unix/connect/run/full", OPEN},
	{"events", in_read_events, "events", IO, 50, true},
};
/* clang-format on */
const size_t wait_ways_count = sizeof(wait_ways) / sizeof(*wait_ways);

/* ---- what is waited for ---- */

static void make(const char *path)
{
	assert_return_code(mkdir(whole(path), 0600), errno);
}

static void send_to(const char *path, const char *text)
{
	assert_int_equal(put(whole(path), text), 0);
}

static void set(const char *path, const char *value)
{
	assert_int_equal(put(path, value), 0);
}

static int listener_at(const struct sockaddr *address, socklen_t size, int backlog)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	assert_return_code(bind(fd, address, size), errno);
	assert_return_code(listen(fd, backlog), errno);
	return fd;
}

static struct sockaddr_in tcp_address(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int tcp_listener(uint16_t port, int backlog)
{
	struct sockaddr_in address = tcp_address(port);

	return listener_at((struct sockaddr *)&address, sizeof(address), backlog);
}

static void unix_listener(const char *path, int backlog)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, path);
	listener_at((struct sockaddr *)&address, sizeof(address), backlog);
}

/* Connects until there is no room in the queue of the listener. */
static void fill_backlog(const struct sockaddr *address, socklen_t size)
{
	int fd, error;

	do {
		fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_return_code(fd, errno);
		error = connect(fd, address, size) < 0 ? errno : 0;
		if (error == EINPROGRESS) {
			struct pollfd connected = {fd, POLLOUT, 0};

			/* Loopback answers at once, or not at all. */
			error = poll(&connected, 1, 200) ? 0 : EAGAIN;
		}
	} while (!error);
	assert_int_equal(error, EAGAIN);
}

static void make_sockets(void)
{
	struct sockaddr_in deaf = tcp_address(DEAF);
	struct sockaddr_un full = {.sun_family = AF_UNIX, .sun_path = "/run/full"};

	/* Of this network namespace alone: room for all, and little buffers. */
	set("/proc/sys/net/core/somaxconn", "65535");
	set("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 16384");
	set("/proc/sys/net/ipv4/tcp_rmem", "4096 16384 16384");
	make("sockets/tcp/127.0.0.1:20000");
	make("sockets/udp/127.0.0.1:20003");
	make("sockets/unix/server");
	silent_listener = tcp_listener(SILENT, 65535);
	tcp_listener(DEAF, 0);
	fill_backlog((struct sockaddr *)&deaf, sizeof(deaf));
	unix_listener("/run/silent", 65535);
	unix_listener("/run/full", FULL_BACKLOG);
	fill_backlog((struct sockaddr *)&full, sizeof(full));
	shared_connection = open(whole("sockets/tcp/connect/127.0.0.1:20001"), O_RDWR | O_CLOEXEC);
	assert_return_code(shared_connection, errno);
}

/* Both locks, for as long as this process is there. */
static void lock_memory(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	int fd = open(whole("shm/locked/data"), O_RDWR | O_CLOEXEC);

	assert_return_code(fd, errno);
	assert_return_code(flock(fd, LOCK_EX), errno);
	assert_return_code(fcntl(fd, F_SETLK, &lock), errno);
}

void waits_make_objects(void)
{
	static const char *const objects[] = {
		"mq/empty,maxmsg=4,msgsize=64",
		"mq/full,maxmsg=2,msgsize=64",
		"mq/0x10",
		"mq/0x11,qbytes=64",
		"sem/taken,value=0",
		"sem/0x20,value=0",
		"sem/0x21,nsems=2,value=1:0",
		"sem/0x22,value=1",
		"shm/locked,size=4096",
	};

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		make(objects[i]);
	for (int i = 0; i < 2; i++) {
		send_to("mq/full/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		send_to("mq/0x11/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
}

void waits_make_rest(void)
{
	lock_memory();
	make_sockets();
}

/* ---- afterwards ---- */

/* What a close gives back is given a moment after it: the watchdog bounds this. */
static void await_figure(const char *path, const char *value)
{
	char text[64];
	ssize_t size;

	do {
		size = get(whole(path), text, sizeof(text));
		if (size < 0)
			fail_msg("%s: %s", path, strerror((int)-size));
		text[strcspn(text, "\n")] = '\0';
	} while (strcmp(text, value));
}

static void expect(const char *path, const char *text)
{
	char got[128];
	ssize_t size = get(whole(path), got, sizeof(got));

	if (size < 0)
		fail_msg("%s: %s", path, strerror((int)-size));
	assert_string_equal(got, text);
}

static void expect_error(const char *path, const char *text, int error)
{
	assert_int_equal(put(whole(path), text), -error);
}

void waits_check_figures(bool killed)
{
	static const struct {
		const char *path, *value;
	} figures[] = {
		{"mq/empty/messages", "0"}, {"mq/0x10/messages", "0"},  {"mq/full/messages", "2"},
		{"mq/full/bytes", "64"},    {"mq/0x11/messages", "2"},  {"mq/0x11/bytes", "64"},
		{"sem/taken/value", "0"},   {"sem/0x20/value", "0"},    {"sem/0x20/ncount", "0"},
		{"sem/0x21/value", "1 0"},  {"sem/0x21/ncount", "0 0"}, {"sem/0x22/value", "1"},
		{"sem/0x22/zcount", "0"},
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++)
		await_figure(figures[i].path, figures[i].value);
	if (!killed)
		await_figure("sem/taken/ncount", "0");
}

void waits_check(void)
{
	char text[16];

	/* What has been written to a connection is waited for until its far end goes. */
	close(silent_listener);
	close(shared_connection);
	waits_check_figures(false);
	await_figure("sem/holders", "");
	/* Nothing of the queues has been replaced, and nothing comes late. */
	for (int i = 0; i < 2; i++) {
		expect("mq/full/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		expect("mq/0x11/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	assert_int_equal(get(whole("mq/full/try/data"), text, sizeof(text)), -EAGAIN);
	assert_int_equal(get(whole("mq/0x11/try/data"), text, sizeof(text)), -EAGAIN);
	for (int i = 0; i < 2; i++) {
		send_to("mq/full/try/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		send_to("mq/0x11/try/data", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	/* Nobody is left who would take these. */
	send_to("mq/empty/try/data", "hello");
	send_to("mq/0x10/try/type/7", "seven");
	expect("mq/empty/try/data", "hello");
	expect("mq/0x10/try/data", "seven");
	send_to("sem/taken/try/op", "V");
	send_to("sem/taken/try/op", "P");
	expect_error("sem/taken/try/op", "P", EAGAIN);
	send_to("sem/0x20/try/op", "V");
	send_to("sem/0x20/try/op", "P");
	expect_error("sem/0x20/try/op", "P", EAGAIN);
	expect_error("sem/0x22/try/op", "0", EAGAIN);
}
