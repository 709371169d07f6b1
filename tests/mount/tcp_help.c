/*
 * tcp_help.c - what the tests of sockets/tcp share: plain sockets for the other end, listeners of
 * the tree, what `errors` says.
 */
#include "tcp_help.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

int plain_listener(uint16_t port, int backlog)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	assert_return_code(fd, errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(fd, backlog), errno);
	return fd;
}

int deaf_listener(uint16_t port)
{
	int fd = plain_listener(port, 0);

	/* One fits, and nobody ever takes it. */
	plain_connect(port_of(fd));
	return fd;
}

int plain_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_return_code(fd, errno);
	return fd;
}

int plain_connect(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(fd, errno);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_msg("connect to port %u: %s", port, strerror(errno));
	return fd;
}

uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_return_code(getsockname(fd, (struct sockaddr *)&address, &length), errno);
	return ntohs(address.sin_port);
}

void close_hard(int fd)
{
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	assert_return_code(connect(fd, &nobody, sizeof(nobody)), errno);
	close(fd);
}

static char *next_path(void)
{
	static char paths[4][128];
	static unsigned used;

	return paths[used++ % 4];
}

const char *connect_path(const char *before, uint16_t port)
{
	char *path = next_path();

	snprintf(path, 128, TCP "/%sconnect/127.0.0.1:%u", before, port);
	return path;
}

const char *listener_path(uint16_t port, const char *file)
{
	char *path = next_path();

	snprintf(path, 128, TCP "/127.0.0.1:%u%s%s", port, *file ? "/" : "", file);
	return path;
}

void make_listener(uint16_t port)
{
	int error = try_mkdir(listener_path(port, ""));

	if (error)
		fail_msg("mkdir tcp/127.0.0.1:%u: %s", port, strerror(-error));
}

int tree_connect(int listener, int flags, int *peer)
{
	int fd = try_open(connect_path("", port_of(listener)), flags);

	if (fd < 0)
		fail_msg("connect: %s", strerror(-fd));
	*peer = plain_accept(listener);
	return fd;
}

int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int try_mkdir(const char *path)
{
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

void await_input(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&polled, 1, PATIENCE), 1);
}

void send_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = write(fd, (const char *)data + done, size - done);

		assert_return_code(sent, errno);
		done += (size_t)sent;
	}
}

void recv_all(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, (char *)data + done, size - done);

		assert_return_code(got, errno);
		if (got == 0)
			fail_msg("the end after %zu bytes of %zu", done, size);
		done += (size_t)got;
	}
}

unsigned char pattern(size_t at)
{
	return (unsigned char)(at * 2654435761u >> 13);
}

void pattern_fill(unsigned char *buffer, size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buffer[i] = pattern(at + i);
}

void pattern_check(const unsigned char *buffer, size_t at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (buffer[i] != pattern(at + i))
			fail_msg("byte %zu differs", at + i);
}

int pattern_write(int fd, size_t size)
{
	static unsigned char buffer[256 << 10];

	for (size_t done = 0; done < size;) {
		size_t piece = size - done < sizeof(buffer) ? size - done : sizeof(buffer);
		ssize_t written;

		pattern_fill(buffer, done, piece);
		written = write(fd, buffer, piece);
		if (written < 0)
			return errno;
		done += (size_t)written;
	}
	return 0;
}

void assert_last_refusal(int error, const char *words)
{
	static char text[65536];
	char wanted[40], *line, *found;
	ssize_t size = get(MOUNT "/errors", text, sizeof(text));

	assert_return_code(size, (int)-size);
	if (size && text[size - 1] == '\n')
		text[size - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	snprintf(wanted, sizeof(wanted), " %s: ", strerrorname_np(error));
	found = strstr(line, wanted);
	if (!found || !strstr(found, words))
		fail_msg("errors says '%s', not '%s... %s'", line, wanted, words);
}

int read_some(void *argument)
{
	char text[64];
	ssize_t got = read(*(int *)argument, text, sizeof(text));

	return got < 0 ? 100 + errno : (int)got;
}

int write_for_ever(void *argument)
{
	static char block[65536];

	for (;;)
		if (write(*(int *)argument, block, sizeof(block)) < 0)
			return errno;
}
