/*
 * test_sockets_unix_waits.c - who waits in a unix socket through a mount holds up nobody, and can
 * be stopped.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- streams and packets ---- */

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
	int peer, fd = tree_accepted("stream", O_RDWR, &peer);

	a_read_that_waits_holds_up_no_write_on(fd, peer);
	fd = tree_connected(SOCK_STREAM, O_RDWR, &peer);
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
	size = stuff(fd);
	for (int i = 0; i < 3; i++)
		pids[i] = waiter(&writing);
	plain_send(peer, (struct address){0}, "read me", 7);
	expect_text(fd, "read me");
	assert_return_code(fstat(fd, &st), errno);
	other = tree_connected(SOCK_STREAM, O_RDWR, &others_peer);
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
	int peer, fd = tree_accepted("stream", O_RDWR, &peer);

	a_write_that_waits_holds_up_nobody_on(fd, peer);
	fd = tree_connected(SOCK_STREAM, O_RDWR, &peer);
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
	int peer, fd = tree_connected(SOCK_STREAM, O_RDWR, &peer), report[2];
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
	int peer, fd = tree_connected(SOCK_SEQPACKET, O_RDWR, &peer);
	struct waiting writing = {.what = WAIT_WRITE, .fd = fd};
	size_t count = 0;
	pid_t pid;

	fill(large, LARGE, 6);
	count = stuff(fd) / 4096;
	assert_int_equal(polled(fd), 0);
	pid = waiter(&writing);
	for (size_t i = 0; i < count; i++)
		plain_expect(peer, large + i * 4096, 4096);
	assert_int_equal(reap(pid), 0);
	plain_expect(peer, "x", 1);
	close(fd);
	close(peer);
}

/* ---- full queues ---- */

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

#define TEST(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_read_that_waits_holds_up_no_write),
		TEST(a_write_that_waits_holds_up_nobody),
		TEST(an_interrupted_write_says_how_much_went),
		TEST(packets_wait_for_room),
		TEST(a_full_queue_is_waited_for),
		TEST(a_full_receiver_is_waited_for),
		TEST(many_talk_at_once),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
