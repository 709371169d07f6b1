/*
 * test_sockets_tcp - connections as open files: both ways at once, without waiting, poll, what is
 * left when one side goes.  The other side is always a plain socket.
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

/* In a child: exits with the number of bytes that one read takes, or 100 and the errno. */
static int read_some(void *argument)
{
	char text[64];
	ssize_t got = read(*(int *)argument, text, sizeof(text));

	return got < 0 ? 100 + errno : (int)got;
}

/* In a child: writes until an error and exits with its errno. */
static int write_for_ever(void *argument)
{
	static char block[65536];

	for (;;)
		if (write(*(int *)argument, block, sizeof(block)) < 0)
			return errno;
}

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

/* ---- ends ---- */

/* In a child: writes much, without reading what comes, and closes at once. */
static int write_and_close(void *argument)
{
	int fd = try_open(argument, O_RDWR), error;

	if (fd < 0)
		return -fd;
	error = pattern_write(fd, 6 << 20);
	close(fd);
	return error;
}

/* And is killed when it has written. */
static int write_and_die(void *argument)
{
	int fd = try_open(argument, O_RDWR);

	if (fd < 0)
		return -fd;
	if (pattern_write(fd, 6 << 20) == 0)
		raise(SIGKILL);
	return errno;
}

/* A slow reader, that talks meanwhile, gets every byte and the end. */
static void slow_reader_gets_all(int (*writer)(void *), int ends_with)
{
	static unsigned char buffer[6 << 20];
	const struct timespec pause = {0, 2000000};
	int listener = plain_listener(port, 5), peer, window = 65536;
	ssize_t got;
	size_t have = 0;
	pid_t pid;

	pid = spawn(writer, (void *)(uintptr_t)connect_path("", port));
	peer = plain_accept(listener);
	setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	while ((got = read(peer, buffer + have, have == sizeof(buffer) ? 1 : 32768)) > 0) {
		have += (size_t)got;
		assert_int_equal(send(peer, "more?", 5, MSG_NOSIGNAL), 5);
		if (have % 11 == 0)
			nanosleep(&pause, NULL);
	}
	assert_return_code(got, errno);
	assert_int_equal(have, sizeof(buffer));
	pattern_check(buffer, 0, sizeof(buffer));
	assert_int_equal(reap(pid), ends_with);
	close(peer);
	close(listener);
}

static void test_close_loses_nothing(void **state)
{
	slow_reader_gets_all(write_and_close, 0);
}

static void test_death_loses_nothing(void **state)
{
	slow_reader_gets_all(write_and_die, -SIGKILL);
}

static void test_reset(void **state)
{
	int listener = plain_listener(port, 5), peer, fd = tree_connect(listener, O_RDWR, &peer);
	char byte;
	pid_t pid;

	/* Under who waits, and then for who comes. */
	pid = spawn(read_some, &fd);
	wait_until_parked(pid);
	close_hard(peer);
	assert_int_equal(reap(pid), 100 + ECONNRESET);
	assert_int_equal(read(fd, &byte, 1), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fd);
	/* Whoever writes is told by the errno alone, and lives. */
	fd = tree_connect(listener, O_RDWR, &peer);
	pid = spawn(write_for_ever, &fd);
	wait_until_parked(pid);
	close_hard(peer);
	assert_int_equal(reap(pid), ECONNRESET);
	close(fd);
	close(listener);
}

static void test_reader_alone_ends_its_side(void **state)
{
	int listener = plain_listener(port, 5), peer, fd = tree_connect(listener, O_RDONLY, &peer);
	char text[8];

	assert_int_equal(read(peer, text, 1), 0);
	assert_int_equal(write(peer, "news", 4), 4);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(peer);
	assert_int_equal(read(fd, text, 1), 0);
	close(fd);
	close(listener);
}

/* ---- a peer that never reads ---- */

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
	interrupted = 1;
}

/* In a child: writes until a signal; what the writes said that they took goes to a pipe. */
struct counted {
	int fd, report;
};

static int write_until_signal(void *argument)
{
	static unsigned char block[300000];
	const struct counted *counted = argument;
	struct sigaction action = {.sa_handler = note_signal};
	size_t total = 0;
	ssize_t size = 0;

	sigaction(SIGINT, &action, NULL);
	while (!interrupted) {
		pattern_fill(block, total, sizeof(block));
		size = write(counted->fd, block, sizeof(block));
		if (size < 0)
			break;
		total += (size_t)size;
	}
	if (!interrupted || (size < 0 && errno != EINTR))
		return errno;
	return write(counted->report, &total, sizeof(total)) == sizeof(total) ? 0 : 1;
}

static void test_peer_that_never_reads(void **state)
{
	static unsigned char buffer[1 << 16];
	int listener = plain_listener(port, 5), peer, report[2], other_peer;
	int fd = tree_connect(listener, O_RDWR, &peer), other;
	struct counted counted = {.fd = fd};
	size_t total, have = 0;
	ssize_t got;
	pid_t pid;

	assert_return_code(pipe2(report, O_CLOEXEC), errno);
	counted.report = report[1];
	pid = spawn(write_until_signal, &counted);
	wait_until_parked(pid);
	/* Others go on. */
	other = tree_connect(listener, O_RDWR, &other_peer);
	assert_int_equal(write(other, "x", 1), 1);
	recv_all(other_peer, buffer, 1);
	kill(pid, SIGINT);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(read(report[0], &total, sizeof(total)), sizeof(total));
	close(fd);
	/* What went is what the writes said. */
	while ((got = read(peer, buffer, sizeof(buffer))) > 0) {
		pattern_check(buffer, have, (size_t)got);
		have += (size_t)got;
	}
	assert_int_equal(got, 0);
	assert_int_equal(have, total);
	close(other);
	close(other_peer);
	close(peer);
	close(listener);
	close(report[0]);
	close(report[1]);
}

/* Of two that write to one open file the second waits for its turn. */
static void test_killed_writers(void **state)
{
	int listener = plain_listener(port, 5), peer, fd = tree_connect(listener, O_RDWR, &peer);

	for (int first = 0; first < 2; first++) {
		pid_t writers[2];

		for (int i = 0; i < 2; i++) {
			writers[i] = spawn(write_for_ever, &fd);
			wait_until_parked(writers[i]);
		}
		kill(writers[first], SIGKILL);
		assert_int_equal(reap(writers[first]), -SIGKILL);
		kill(writers[!first], SIGKILL);
		assert_int_equal(reap(writers[!first]), -SIGKILL);
	}
	close(fd);
	close(peer);
	close(listener);
}

/* ---- waiting, and giving up ---- */

static int open_and_exit(void *argument)
{
	int fd = try_open(argument, O_RDWR);

	return fd < 0 ? -fd : 0;
}

/* With a handler, so that open(2) itself returns. */
static int open_until_signal(void *argument)
{
	struct sigaction action = {.sa_handler = note_signal};

	sigaction(SIGINT, &action, NULL);
	return open_and_exit(argument);
}

static void test_opens_can_be_interrupted(void **state)
{
	int deaf = deaf_listener(port);
	const char *paths[2];

	make_listener(port + 1);
	paths[0] = connect_path("within/20/", port);
	paths[1] = listener_path(port + 1, "accept");
	for (int i = 0; i < 2; i++) {
		pid_t pid = spawn(open_until_signal, (void *)(uintptr_t)paths[i]);

		wait_until_open_parked(pid);
		kill(pid, SIGINT);
		assert_int_equal(reap(pid), EINTR);
		pid = spawn(open_and_exit, (void *)(uintptr_t)paths[i]);
		wait_until_open_parked(pid);
		kill(pid, SIGKILL);
		assert_int_equal(reap(pid), -SIGKILL);
	}
	/* Nobody was accepted for those who gave up. */
	close(plain_connect(port + 1));
	assert_int_equal(reap(spawn(open_and_exit, (void *)(uintptr_t)paths[1])), 0);
	assert_return_code(rmdir(listener_path(port + 1, "")), errno);
	close(deaf);
}

static void test_removal_of_a_listener(void **state)
{
	int client, fd, wait_directory;
	char text[8];
	pid_t pid;

	make_listener(port);
	client = plain_connect(port);
	fd = try_open(listener_path(port, "accept"), O_RDWR);
	assert_return_code(fd, -fd);
	for (int round = 0; round < 20; round++) {
		pid = spawn(open_and_exit, (void *)(uintptr_t)listener_path(port, "accept"));
		wait_until_open_parked(pid);
		assert_return_code(rmdir(listener_path(port, "")), errno);
		/* The address is free at once. */
		make_listener(port);
		assert_int_equal(reap(pid), EIDRM);
		/* The connection knows nothing of it. */
		assert_int_equal(write(fd, "to", 2), 2);
		recv_all(client, text, 2);
		assert_int_equal(write(client, "fro", 3), 3);
		recv_all(fd, text, 3);
	}
	/* Who is on the way to it when it goes, as <> of a shell, hears that it is not there. */
	wait_directory = try_open(listener_path(port, "wait"), O_RDONLY | O_DIRECTORY);
	assert_return_code(wait_directory, -wait_directory);
	assert_return_code(rmdir(listener_path(port, "")), errno);
	assert_int_equal(openat(wait_directory, "accept", O_RDWR | O_CREAT, 0666), -1);
	assert_int_equal(errno, ENOENT);
	close(wait_directory);
	assert_int_equal(try_open(listener_path(port, "accept"), O_RDWR), -ENOENT);
	close(client);
	assert_int_equal(read(fd, text, 1), 0);
	close(fd);
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
		cmocka_unit_test_setup(test_close_loses_nothing, next_ports),
		cmocka_unit_test_setup(test_death_loses_nothing, next_ports),
		cmocka_unit_test_setup(test_reset, next_ports),
		cmocka_unit_test_setup(test_reader_alone_ends_its_side, next_ports),
		cmocka_unit_test_setup(test_peer_that_never_reads, next_ports),
		cmocka_unit_test_setup(test_killed_writers, next_ports),
		cmocka_unit_test_setup(test_opens_can_be_interrupted, next_ports),
		cmocka_unit_test_setup(test_removal_of_a_listener, next_ports),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("sockets-tcp", tests, fixture_mount, fixture_unmount);
}
