/*
 * test_sockets_tcp - connections as open files: both ways at once, without waiting, poll.  The
 * other side is always a plain socket.
 */
#include "tcp_help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Each test has ports of its own, so that one that fails is alone in that. */
static uint16_t port = 4000;

static int next_ports(void **state)
{
	port += 10;
	return 0;
}

/* ---- both ways at once ---- */

static void test_blocked_read_does_not_hold_up_write(void **state)
{
	int listener = plain_listener(port, 5), peer, fd = tree_connect(listener, O_RDWR, &peer);
	char text[8];
	pid_t reader;

	/* The child has the very same open file. */
	reader = spawn(read_some, &fd);
	wait_until_parked(reader);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(write(fd, "question", 8), 8);
		recv_all(peer, text, 8);
	}
	assert_int_equal(write(peer, "answer", 6), 6);
	assert_int_equal(reap(reader), 6);
	close(fd);
	close(peer);
	close(listener);
}

static void test_blocked_write_does_not_hold_up_read(void **state)
{
	int listener = plain_listener(port, 5), peer, fd = tree_connect(listener, O_RDWR, &peer);
	char text[8];
	pid_t writer;

	writer = spawn(write_for_ever, &fd);
	wait_until_parked(writer);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(write(peer, "question", 8), 8);
		recv_all(fd, text, 8);
	}
	close_hard(peer);
	assert_int_equal(reap(writer), ECONNRESET);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fd);
	close(listener);
}

/* Much each way at the same time, through a listener of the tree: an echo. */
static int send_much(void *argument)
{
	return pattern_write(*(int *)argument, 20 << 20);
}

static int echo(void *argument)
{
	int fd = try_open(argument, O_RDWR);
	static char buffer[100000];
	ssize_t got;

	if (fd < 0)
		return -fd;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, written; done < got; done += written) {
			written = write(fd, buffer + done, (size_t)(got - done));
			if (written < 0)
				return errno;
		}
	return got < 0 ? errno : 0;
}

static void test_much_both_ways(void **state)
{
	static unsigned char buffer[1 << 20];
	pid_t server, sender;
	int client;

	make_listener(port);
	server = spawn(echo, (void *)(uintptr_t)listener_path(port, "accept"));
	client = plain_connect(port);
	sender = spawn(send_much, &client);
	for (size_t at = 0; at < 20 << 20; at += sizeof(buffer)) {
		recv_all(client, buffer, sizeof(buffer));
		pattern_check(buffer, at, sizeof(buffer));
	}
	assert_int_equal(reap(sender), 0);
	shutdown(client, SHUT_WR);
	assert_int_equal(read(client, buffer, 1), 0);
	assert_int_equal(reap(server), 0);
	close(client);
	assert_return_code(rmdir(listener_path(port, "")), errno);
}

/* ---- without waiting ---- */

static void test_nonblocking(void **state)
{
	static char block[1 << 20];
	int listener = plain_listener(port, 5), peer, fd, flags;
	size_t written = 0;
	ssize_t size;

	fd = tree_connect(listener, O_RDWR | O_NONBLOCK, &peer);
	assert_int_equal(read(fd, block, 1), -1);
	assert_int_equal(errno, EAGAIN);
	while ((size = write(fd, block, sizeof(block))) > 0)
		written += (size_t)size;
	assert_int_equal(errno, EAGAIN);
	assert_true(written > 0);
	/* As much as it said has gone. */
	for (size_t got = 0; got < written; got += (size_t)size) {
		size = read(peer, block, sizeof(block));
		assert_true(size > 0);
	}
	assert_int_equal(recv(peer, block, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	close(peer);
	/* And changed afterwards. */
	fd = tree_connect(listener, O_RDWR, &peer);
	flags = fcntl(fd, F_GETFL);
	assert_return_code(fcntl(fd, F_SETFL, flags | O_NONBLOCK), errno);
	assert_int_equal(read(fd, block, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	close(peer);
	close(listener);
}

static void test_try(void **state)
{
	int listener = plain_listener(port, 5), deaf = deaf_listener(port + 1), fd, client;
	char byte;

	fd = try_open(connect_path("try/", port), O_RDWR);
	assert_return_code(fd, -fd);
	/* The handle tries too. */
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	assert_int_equal(try_open(connect_path("try/", port + 1), O_RDWR), -EAGAIN);
	assert_int_equal(try_open(connect_path("", port + 1), O_RDWR | O_NONBLOCK), -EAGAIN);
	assert_int_equal(try_open(connect_path("try/", port + 2), O_RDWR), -ECONNREFUSED);
	close(deaf);
	close(listener);
	make_listener(port);
	assert_int_equal(try_open(listener_path(port, "try/accept"), O_RDWR), -EAGAIN);
	assert_int_equal(try_open(listener_path(port, "accept"), O_RDWR | O_NONBLOCK), -EAGAIN);
	client = plain_connect(port);
	fd = try_open(listener_path(port, "try/accept"), O_RDWR);
	assert_return_code(fd, -fd);
	close(fd);
	close(client);
	assert_return_code(rmdir(listener_path(port, "")), errno);
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void test_within(void **state)
{
	int deaf = deaf_listener(port), listener, fd, peer;
	int64_t begun = milliseconds();
	char byte;

	assert_int_equal(try_open(connect_path("within/0.7/", port), O_RDWR), -ETIMEDOUT);
	assert_true(milliseconds() - begun >= 700);
	close(deaf);
	make_listener(port + 1);
	begun = milliseconds();
	assert_int_equal(try_open(listener_path(port + 1, "within/0.5/accept"), O_RDWR),
			 -ETIMEDOUT);
	assert_true(milliseconds() - begun >= 500);
	assert_return_code(rmdir(listener_path(port + 1, "")), errno);
	/* Each read of the connection has that long, too. */
	listener = plain_listener(port + 2, 5);
	fd = try_open(connect_path("within/0.2/", port + 2), O_RDWR);
	assert_return_code(fd, -fd);
	peer = plain_accept(listener);
	begun = milliseconds();
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_true(milliseconds() - begun >= 200);
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	close(peer);
	close(listener);
}

/* ---- poll ---- */

static short polled_now(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};

	assert_return_code(poll(&polled, 1, 0), errno);
	return polled.revents;
}

/* In a child: sleeps in poll until one of the events; exits with 0 if that is what it sees. */
struct sleeper {
	int fd;
	short events;
};

static int sleep_in_poll(void *argument)
{
	const struct sleeper *sleeper = argument;
	struct pollfd polled = {.fd = sleeper->fd, .events = sleeper->events};

	return poll(&polled, 1, PATIENCE) == 1 && polled.revents == sleeper->events ? 0 : 1;
}

static void test_poll(void **state)
{
	static char block[1 << 20];
	int listener = plain_listener(port, 5), peer;
	int fd = tree_connect(listener, O_RDWR | O_NONBLOCK, &peer);
	struct sleeper reader = {fd, POLLIN}, writer = {fd, POLLOUT};
	size_t written = 0;
	ssize_t size;
	pid_t pid;

	assert_int_equal(polled_now(fd), POLLOUT);
	pid = spawn(sleep_in_poll, &reader);
	wait_until_asleep_in(pid, "poll");
	assert_int_equal(write(peer, "x", 1), 1);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(polled_now(fd), POLLIN | POLLOUT);
	assert_int_equal(read(fd, block, 1), 1);
	while ((size = write(fd, block, sizeof(block))) > 0)
		written += (size_t)size;
	assert_int_equal(polled_now(fd), 0);
	pid = spawn(sleep_in_poll, &writer);
	wait_until_asleep_in(pid, "poll");
	for (size_t got = 0; got < written; got += (size_t)size) {
		size = read(peer, block, sizeof(block));
		assert_true(size > 0);
	}
	assert_int_equal(reap(pid), 0);
	/* The end of file can be read. */
	pid = spawn(sleep_in_poll, &reader);
	wait_until_asleep_in(pid, "poll");
	shutdown(peer, SHUT_WR); /* the child has a copy */
	assert_int_equal(reap(pid), 0);
	assert_int_equal(read(fd, block, 1), 0);
	close(peer);
	close(fd);
	close(listener);
}

/* One thread that serves many, as servers do. */
static void test_epoll(void **state)
{
	enum { CLIENTS = 50, ROUNDS = 20 };
	struct epoll_event event = {.events = EPOLLIN};
	int clients[CLIENTS], served[CLIENTS], epoll = epoll_create1(EPOLL_CLOEXEC);
	char text[16];

	make_listener(port);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = plain_connect(port);
		served[i] = try_open(listener_path(port, "accept"), O_RDWR | O_NONBLOCK);
		assert_return_code(served[i], -served[i]);
		event.data.fd = served[i];
		assert_return_code(epoll_ctl(epoll, EPOLL_CTL_ADD, served[i], &event), errno);
	}
	assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			assert_int_equal(write(clients[i], &i, sizeof(i)), sizeof(i));
		for (int answered = 0; answered < CLIENTS; answered++) {
			assert_int_equal(epoll_wait(epoll, &event, 1, PATIENCE), 1);
			assert_int_equal(read(event.data.fd, text, sizeof(text)), sizeof(int));
			assert_int_equal(write(event.data.fd, text, sizeof(int)), sizeof(int));
		}
		for (int i = 0, answer; i < CLIENTS; i++) {
			recv_all(clients[i], &answer, sizeof(answer));
			assert_int_equal(answer, i);
		}
	}
	assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(epoll_wait(epoll, &event, 1, PATIENCE), 1);
		assert_int_equal(read(event.data.fd, text, sizeof(text)), 0);
		close(event.data.fd);
	}
	close(epoll);
	assert_return_code(rmdir(listener_path(port, "")), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_blocked_read_does_not_hold_up_write, next_ports),
		cmocka_unit_test_setup(test_blocked_write_does_not_hold_up_read, next_ports),
		cmocka_unit_test_setup(test_much_both_ways, next_ports),
		cmocka_unit_test_setup(test_nonblocking, next_ports),
		cmocka_unit_test_setup(test_try, next_ports),
		cmocka_unit_test_setup(test_within, next_ports),
		cmocka_unit_test_setup(test_poll, next_ports),
		cmocka_unit_test_setup(test_epoll, next_ports),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("sockets-tcp", tests, fixture_mount, fixture_unmount);
}
