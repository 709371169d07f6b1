/*
 * test_sockets_unix.c - streams, packets and datagrams of unix sockets through a mount: what is
 * written comes whole, whoever waits holds up nobody, and ends are told.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define X "unix/x"
#define RUN_X RUN_UNIX "/x"
#define TO_X "unix/connect" RUN_X
#define PEER "/run/peer"
#define TO_PEER "unix/connect" PEER

enum { LARGE = 1 << 20 };

static char large[LARGE], got[LARGE];

/* A socket of the tree, and a connection to it from outside; of type "stream" or "seqpacket". */
static int accepted_from(const char *type, int flags, int *peer)
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

/* A connection that the tree makes to a plain listener. */
static int connected_to(int type, int flags, int *peer)
{
	int listener = plain_listener(type, local(PEER), 5);
	int fd = opened(TO_PEER, flags);

	*peer = plain_accepted(listener);
	close(listener);
	unlink(PEER);
	return fd;
}

/* Reads just so much from a plain socket or from the tree. */
static void read_all(int fd, char *buffer, size_t size)
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

/* Writes pieces of 4096 bytes of `large` until nothing more fits; returns how much did. */
static size_t stuff_by_tree(int fd)
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

/* ---- whole ---- */

static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 65536, 65537, 100000, 150000};

static void packets_stay_whole_one(int fd, int peer)
{
	struct iovec pieces[2] = {{(void *)(uintptr_t) "one ", 4},
				  {(void *)(uintptr_t) "packet", 6}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill(large, sizes[i], (unsigned)i);
		say(fd, large, sizes[i]);
		plain_expect(peer, large, sizes[i]);
		plain_send(peer, (struct address){0}, large, sizes[i]);
		expect(fd, large, sizes[i]);
	}
	/* Several at a time. */
	say_text(fd, "a");
	say_text(fd, "bc");
	assert_int_equal(writev(fd, pieces, 2), 10);
	plain_expect(peer, "a", 1);
	plain_expect(peer, "bc", 2);
	plain_expect(peer, "one packet", 10);
	plain_send(peer, (struct address){0}, "abc", 3);
	plain_send(peer, (struct address){0}, "de", 2);
	assert_int_equal(read(fd, got, 2), 2);
	expect_text(fd, "c");
	expect_text(fd, "de");
	/* What is too long is not sent, nor a part of it. */
	assert_int_equal(write(fd, large, LARGE - 4096), -1);
	assert_int_equal(errno, EMSGSIZE);
	expect_refusal("EMSGSIZE", "this socket takes at most");
	assert_int_equal(write(fd, large, LARGE), -1);
	assert_int_equal(errno, EMSGSIZE);
	plain_expect_nothing(peer);
	close(peer);
	expect(fd, "", 0);
	assert_int_equal(write_error(fd), EPIPE);
	close(fd);
}

static void packets_stay_whole(void **state)
{
	int peer, fd = accepted_from("seqpacket", O_RDWR, &peer);

	packets_stay_whole_one(fd, peer);
	fd = connected_to(SOCK_SEQPACKET, O_RDWR, &peer);
	packets_stay_whole_one(fd, peer);
}

static void datagrams_stay_whole(void **state)
{
	struct address own = local(RUN_X), from;
	int peer = plain_bound(SOCK_DGRAM, local(PEER)), fd, to = opened(TO_PEER, O_RDWR);
	char header[128];

	make(X ",type=dgram", 0600);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill(large, sizes[i], (unsigned)i);
		plain_send(peer, own, large, sizes[i]);
		fd = opened(X "/data", O_RDWR);
		expect(fd, large, sizes[i]);
		expect(fd, "", 0);
		say(fd, large, sizes[i]);
		from = plain_expect(peer, large, sizes[i]);
		assert_string_equal(from.un.sun_path, RUN_X);
		close(fd);
		say(to, large, sizes[i]);
		from = plain_expect(peer, large, sizes[i]);
		plain_send(peer, from, large, sizes[i]);
		expect(to, large, sizes[i]);
	}
	plain_send(peer, own, "", 0);
	fd = opened(X "/framed", O_RDWR);
	snprintf(header, sizeof(header), "from=" PEER " pid=%d uid=0 gid=0 size=0\n",
		 (int)getpid());
	expect_text(fd, header);
	say_text(fd, "size=0\nsize=4\nlast");
	plain_expect(peer, "", 0);
	plain_expect(peer, "last", 4);
	assert_int_equal(write(to, large, LARGE - 4096), -1);
	assert_int_equal(errno, EMSGSIZE);
	plain_expect_nothing(peer);
	close(fd);
	close(to);
	close(peer);
	unlink(PEER);
	removed(X);
}

/* A long stream in both directions at once, through both ends in the tree. */
static int echo(void *argument)
{
	int fd = open_at(X "/accept", O_RDWR);
	ssize_t length;

	while ((length = read(fd, got, 10000)) > 0)
		if (write(fd, got, (size_t)length) != length)
			return 1;
	return length < 0;
}

static int pour(void *argument)
{
	return write(*(int *)argument, large, LARGE) != LARGE;
}

static void a_stream_comes_back_as_it_went(void **state)
{
	pid_t server, writer;
	int fd;

	fill(large, LARGE, 1);
	make(X, 0600);
	server = spawn(echo, NULL);
	fd = opened(TO_X, O_RDWR);
	writer = spawn(pour, &fd);
	read_all(fd, got, LARGE);
	assert_memory_equal(got, large, LARGE);
	assert_int_equal(reap(writer), 0);
	close(fd);
	assert_int_equal(reap(server), 0);
	removed(X);
}

/* ---- who waits holds up nobody ---- */

static void a_read_that_waits_holds_up_no_write_on(int fd, int peer)
{
	struct waiting reading = {.what = WAIT_READ, .fd = fd};
	struct stat st;
	pid_t pid;

	fill(large, 65536, 3);
	pid = waiter(&reading);
	for (int i = 0; i < 5; i++) {
		say(fd, large, 65536);
		read_all(peer, got, 65536);
		assert_memory_equal(got, large, 65536);
	}
	assert_return_code(fstat(fd, &st), errno);
	plain_send(peer, (struct address){0}, "answer", 6);
	assert_int_equal(reap(pid), 206);
	close(fd);
	close(peer);
}

static void a_read_that_waits_holds_up_no_write(void **state)
{
	int peer, fd = accepted_from("stream", O_RDWR, &peer);

	a_read_that_waits_holds_up_no_write_on(fd, peer);
	fd = connected_to(SOCK_STREAM, O_RDWR, &peer);
	a_read_that_waits_holds_up_no_write_on(fd, peer);
}

/* A peer that never reads: its writer waits, can be stopped, and nobody else notices. */
static void a_write_that_waits_holds_up_nobody_on(int fd, int peer)
{
	struct waiting writing = {.what = WAIT_WRITE, .fd = fd};
	struct stat st;
	pid_t pids[3];
	size_t size;
	int other, others_peer;

	fill(large, LARGE, 4);
	size = stuff_by_tree(fd);
	for (int i = 0; i < 3; i++)
		pids[i] = waiter(&writing);
	plain_send(peer, (struct address){0}, "read me", 7);
	expect_text(fd, "read me");
	assert_return_code(fstat(fd, &st), errno);
	other = connected_to(SOCK_STREAM, O_RDWR, &others_peer);
	say_text(other, "others go on");
	plain_expect(others_peer, "others go on", 12);
	close(other);
	close(others_peer);
	/* One is told, one is killed, one gets through when there is room. */
	assert_return_code(kill(pids[0], SIGUSR1), errno);
	assert_int_equal(reap(pids[0]), EINTR);
	assert_return_code(kill(pids[1], SIGKILL), errno);
	assert_int_equal(reap(pids[1]), -SIGKILL);
	read_all(peer, got, size);
	assert_memory_equal(got, large, size);
	assert_int_equal(reap(pids[2]), 0);
	plain_expect(peer, "x", 1);
	plain_expect_nothing(peer);
	close(fd);
	plain_expect_end(peer);
	close(peer);
}

static void a_write_that_waits_holds_up_nobody(void **state)
{
	int peer, fd = accepted_from("stream", O_RDWR, &peer);

	a_write_that_waits_holds_up_nobody_on(fd, peer);
	fd = connected_to(SOCK_STREAM, O_RDWR, &peer);
	a_write_that_waits_holds_up_nobody_on(fd, peer);
}

struct long_write {
	int fd, report;
};

static void ignore(int signal)
{
}

/* Reports what the write returned. */
static int write_long(void *argument)
{
	const struct long_write *writing = argument;
	struct sigaction action = {.sa_handler = ignore};
	ssize_t length;

	sigaction(SIGUSR1, &action, NULL);
	length = write(writing->fd, large, LARGE);
	return write(writing->report, &length, sizeof(length)) != sizeof(length);
}

/* A write of which a part has gone says how much; the peer has got just that. */
static void an_interrupted_write_says_how_much_went(void **state)
{
	int peer, fd = connected_to(SOCK_STREAM, O_RDWR, &peer), report[2];
	struct long_write writing = {.fd = fd};
	ssize_t length;
	pid_t pid;

	assert_return_code(pipe2(report, O_CLOEXEC), errno);
	writing.report = report[1];
	fill(large, LARGE, 5);
	pid = spawn(write_long, &writing);
	wait_until_parked(pid);
	read_all(peer, got, 10000);
	assert_return_code(kill(pid, SIGUSR1), errno);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(read(report[0], &length, sizeof(length)), sizeof(length));
	assert_true(length > 10000 && length < LARGE);
	close(fd);
	read_all(peer, got + 10000, (size_t)length - 10000);
	assert_memory_equal(got, large, (size_t)length);
	plain_expect_end(peer);
	close(peer);
	close(report[0]);
	close(report[1]);
}

static void packets_wait_for_room(void **state)
{
	int peer, fd = connected_to(SOCK_SEQPACKET, O_RDWR, &peer);
	struct waiting writing = {.what = WAIT_WRITE, .fd = fd};
	size_t count = 0;
	pid_t pid;

	fill(large, LARGE, 6);
	count = stuff_by_tree(fd) / 4096;
	assert_int_equal(polled(fd), 0);
	pid = waiter(&writing);
	for (size_t i = 0; i < count; i++)
		plain_expect(peer, large + i * 4096, 4096);
	assert_int_equal(reap(pid), 0);
	plain_expect(peer, "x", 1);
	close(fd);
	close(peer);
}

/* ---- poll ---- */

static void sleepers_are_woken(void **state)
{
	int peer, fd = accepted_from("stream", O_RDWR, &peer);
	struct waiting polling = {.what = WAIT_POLL, .fd = fd};
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	size_t size;
	pid_t pid;

	assert_int_equal(polled(fd), POLLOUT);
	pid = waiter(&polling);
	plain_send(peer, (struct address){0}, "wake", 4);
	assert_int_equal(reap(pid), POLLIN);
	assert_int_equal(polled(fd), POLLIN | POLLOUT);
	expect_text(fd, "wake");
	size = stuff_by_tree(fd);
	assert_int_equal(polled(fd), 0);
	read_all(peer, got, size);
	assert_int_equal(poll(&room, 1, -1), 1);
	assert_int_equal(room.revents, POLLOUT);
	pid = waiter(&polling);
	close(peer);
	assert_int_equal(reap(pid), POLLIN);
	expect(fd, "", 0);
	close(fd);
}

/* ---- ends ---- */

static void a_reader_only_tells_so(void **state)
{
	int peer, fd = accepted_from("stream", O_RDONLY, &peer);

	plain_expect_end(peer);
	plain_send(peer, (struct address){0}, "still heard", 11);
	expect_text(fd, "still heard");
	close(fd);
	close(peer);
	fd = connected_to(SOCK_SEQPACKET, O_RDONLY, &peer);
	plain_expect_end(peer);
	plain_send(peer, (struct address){0}, "still heard", 11);
	expect_text(fd, "still heard");
	close(fd);
	close(peer);
}

static void what_was_written_outlives_the_close_on(int fd, int peer)
{
	size_t size;

	/* The peer has sent what nobody reads, and reads late. */
	plain_send(peer, (struct address){0}, "unread", 6);
	await_input(fd);
	fill(large, LARGE, 7);
	size = stuff_by_tree(fd);
	close(fd);
	plain_send(peer, (struct address){0}, "more of it", 10);
	read_all(peer, got, size);
	assert_memory_equal(got, large, size);
	plain_expect_end(peer);
	close(peer);
}

static void what_was_written_outlives_the_close(void **state)
{
	int peer, fd = accepted_from("stream", O_RDWR, &peer);

	what_was_written_outlives_the_close_on(fd, peer);
	fd = connected_to(SOCK_STREAM, O_RDWR, &peer);
	what_was_written_outlives_the_close_on(fd, peer);
	fd = connected_to(SOCK_STREAM, O_WRONLY, &peer);
	what_was_written_outlives_the_close_on(fd, peer);
}

struct dying {
	const char *path;
	size_t size;
};

static int write_and_die(void *argument)
{
	const struct dying *dying = argument;
	int fd = open_at(dying->path, O_RDWR);

	if (fd < 0 || write(fd, large, dying->size) != (ssize_t)dying->size)
		return 1;
	return raise(SIGKILL);
}

/* Of who is killed after a write too. */
static void what_was_written_outlives_the_writer(void **state)
{
	struct dying dying = {TO_PEER, 100000};
	int listener = plain_listener(SOCK_STREAM, local(PEER), 5), peer;

	fill(large, LARGE, 8);
	assert_int_equal(reap(spawn(write_and_die, &dying)), -SIGKILL);
	peer = plain_accepted(listener);
	plain_send(peer, (struct address){0}, "unread", 6);
	read_all(peer, got, dying.size);
	assert_memory_equal(got, large, dying.size);
	plain_expect_end(peer);
	close(peer);
	close(listener);
	unlink(PEER);
}

static void a_peer_that_has_gone_is_told(void **state)
{
	int peer, fd = accepted_from("stream", O_RDWR, &peer);
	struct waiting reading = {.what = WAIT_READ}, writing = {.what = WAIT_WRITE};
	pid_t pid;

	reading.fd = fd;
	pid = waiter(&reading);
	close(peer);
	assert_int_equal(reap(pid), 200);
	assert_int_equal(write_error(fd), EPIPE);
	close(fd);
	/* It went with unread data: who waits to write hears of it, who reads too. */
	fd = connected_to(SOCK_STREAM, O_RDWR, &peer);
	fill(large, LARGE, 9);
	stuff_by_tree(fd);
	writing.fd = fd;
	pid = waiter(&writing);
	close(peer);
	assert_int_equal(reap(pid), EPIPE);
	assert_int_equal(read_error(fd), ECONNRESET);
	close(fd);
}

/* ---- listeners ---- */

static void connections_outlive_their_listener(void **state)
{
	struct waiting accepting = {.what = WAIT_OPEN, .path = X "/accept", .flags = O_RDWR};
	struct waiting framed = {.what = WAIT_OPEN, .path = X "/framed", .flags = O_RDWR};
	int peers[2], handles[3];
	pid_t pids[2];

	make(X, 0600);
	for (int i = 0; i < 2; i++) {
		peers[i] = plain_connected(SOCK_STREAM, local(RUN_X));
		handles[i] = opened(X "/accept", O_RDWR);
	}
	handles[2] = opened(TO_X, O_RDWR);
	close(opened(X "/accept", O_RDWR));
	expect(handles[2], "", 0);
	pids[0] = waiter(&accepting);
	pids[1] = waiter(&framed);
	removed(X);
	assert_int_equal(reap(pids[0]), EIDRM);
	assert_int_equal(reap(pids[1]), EIDRM);
	assert_int_equal(open_at(X "/accept", O_RDWR), -ENOENT);
	assert_int_equal(access(RUN_X, F_OK), -1);
	for (int i = 0; i < 2; i++) {
		say_text(handles[i], "still here");
		plain_expect(peers[i], "still here", 10);
		plain_send(peers[i], (struct address){0}, "I too", 5);
		expect_text(handles[i], "I too");
	}
	/* Another of that name is another. */
	make(X, 0600);
	say_text(handles[0], "and here");
	plain_expect(peers[0], "and here", 8);
	removed(X);
	for (int i = 0; i < 2; i++) {
		close(handles[i]);
		plain_expect_end(peers[i]);
		close(peers[i]);
	}
	close(handles[2]);
}

/* A listener whose queue is full: to connect waits, a while, until a signal, until there is room.
 */
static void a_full_queue_is_waited_for(void **state)
{
	struct waiting connecting = {.what = WAIT_OPEN, .path = TO_PEER, .flags = O_RDWR};
	int listener = plain_listener(SOCK_STREAM, local(PEER), 0), first = opened(TO_PEER, O_RDWR);
	pid_t pids[3];

	assert_int_equal(open_at(TO_PEER, O_RDWR | O_NONBLOCK), -EAGAIN);
	assert_int_equal(open_at("unix/try/connect" PEER, O_RDWR), -EAGAIN);
	assert_int_equal(open_at("unix/within/0.02/connect" PEER, O_RDWR), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		pids[i] = waiter(&connecting);
	assert_return_code(kill(pids[0], SIGUSR1), errno);
	assert_int_equal(reap(pids[0]), EINTR);
	assert_return_code(kill(pids[1], SIGKILL), errno);
	assert_int_equal(reap(pids[1]), -SIGKILL);
	close(plain_accepted(listener));
	assert_int_equal(reap(pids[2]), 0);
	/* It goes: whoever waits is refused. */
	pids[0] = waiter(&connecting);
	close(listener);
	assert_int_equal(reap(pids[0]), ECONNREFUSED);
	close(first);
	unlink(PEER);
}

/* A receiver of datagrams that does not read: whoever sends to it waits, and nobody else. */
static void a_full_receiver_is_waited_for(void **state)
{
	struct address own = local(RUN_X);
	int full = plain_bound(SOCK_DGRAM, local(PEER)),
	    other = plain_bound(SOCK_DGRAM, local("@o"));
	struct waiting writing = {.what = WAIT_WRITE};
	struct waiting reading = {.what = WAIT_READ};
	int fd, others;
	pid_t pids[4], reader;
	size_t count = 0;

	make(X ",type=dgram", 0600);
	plain_send(full, own, "ask", 3);
	fd = opened(X "/data", O_RDWR);
	expect_text(fd, "ask");
	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	while (write(fd, "answer", 6) == 6)
		count++;
	assert_int_equal(errno, EAGAIN);
	assert_true(count > 0);
	assert_return_code(fcntl(fd, F_SETFL, 0), errno);
	writing.fd = fd;
	for (int i = 0; i < 4; i++)
		pids[i] = waiter(&writing);
	plain_send(other, own, "ask", 3);
	others = opened(X "/lines", O_RDWR);
	expect_text(others, "ask\n");
	say_text(others, "others go on\n");
	plain_expect(other, "others go on", 12);
	reading.fd = others;
	reader = waiter(&reading);
	assert_return_code(kill(pids[0], SIGUSR1), errno);
	assert_int_equal(reap(pids[0]), EINTR);
	assert_return_code(kill(pids[1], SIGKILL), errno);
	assert_int_equal(reap(pids[1]), -SIGKILL);
	plain_expect(full, "answer", 6);
	/* One of the two has room now. */
	for (size_t i = 1; i < count; i++)
		plain_expect(full, "answer", 6);
	plain_expect(full, "x", 1);
	plain_expect(full, "x", 1);
	assert_int_equal(reap(pids[2]), 0);
	assert_int_equal(reap(pids[3]), 0);
	assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
	while (write(fd, "answer", 6) == 6)
		;
	assert_return_code(fcntl(fd, F_SETFL, 0), errno);
	pids[0] = waiter(&writing);
	removed(X);
	assert_int_equal(reap(pids[0]), EIDRM);
	assert_int_equal(reap(reader), EIDRM);
	close(fd);
	close(others);
	close(full);
	close(other);
	unlink(PEER);
}

/* ---- many ---- */

enum { CLIENTS = 20, TURNS = 20 };

static int serve(void *argument)
{
	char byte;

	for (int i = 0; i < CLIENTS; i++) {
		int fd = accept(*(int *)argument, NULL, NULL);

		if (fd < 0)
			return 1;
		if (fork() == 0) {
			while (read(fd, &byte, 1) == 1) {
				byte++;
				if (write(fd, &byte, 1) != 1)
					_exit(1);
			}
			_exit(0);
		}
		close(fd);
	}
	return 0;
}

static int ask(void *argument)
{
	int fd = open_at(TO_PEER, O_RDWR);

	for (int i = 0; i < TURNS; i++) {
		char byte = (char)('A' + i);

		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || byte != 'B' + i)
			return 1;
	}
	return 0;
}

/* The book's server: a letter comes back as the next one, to each of many. */
static void many_talk_at_once(void **state)
{
	int listener = plain_listener(SOCK_STREAM, local(PEER), CLIENTS);
	pid_t server = spawn(serve, &listener), pids[CLIENTS];

	for (int i = 0; i < CLIENTS; i++)
		pids[i] = spawn(ask, NULL);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(reap(pids[i]), 0);
	assert_int_equal(reap(server), 0);
	close(listener);
	unlink(PEER);
}

/* What all that has taken is given back. */
static size_t before;

static int count_before(void **state)
{
	if (fixture_mount(state) < 0)
		return -1;
	before = daemon_descriptors();
	return 0;
}

static void no_descriptor_is_left(void **state)
{
	const struct timespec pause = {0, 1000000};

	while (daemon_descriptors() > before)
		nanosleep(&pause, NULL);
}

#define TEST(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_stay_whole),
		TEST(datagrams_stay_whole),
		TEST(a_stream_comes_back_as_it_went),
		TEST(a_read_that_waits_holds_up_no_write),
		TEST(a_write_that_waits_holds_up_nobody),
		TEST(an_interrupted_write_says_how_much_went),
		TEST(packets_wait_for_room),
		TEST(sleepers_are_woken),
		TEST(a_reader_only_tells_so),
		TEST(what_was_written_outlives_the_close),
		TEST(what_was_written_outlives_the_writer),
		TEST(a_peer_that_has_gone_is_told),
		TEST(connections_outlive_their_listener),
		TEST(a_full_queue_is_waited_for),
		TEST(a_full_receiver_is_waited_for),
		TEST(many_talk_at_once),
		TEST(no_descriptor_is_left),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, count_before, fixture_unmount);
}
