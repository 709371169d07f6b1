/*
 * test_sockets_tcp_ends - how a connection ends: what is left when one side goes, a peer that never
 * reads, opens that are given up, a listener that is removed.  The other side is always a plain
 * socket.
 */
#include "tcp_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Each test has ports of its own, so that one that fails is alone in that. */
static uint16_t port = 4000;

static int next_ports(void **state)
{
	port += 10;
	return 0;
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

/*
 * Interrupts it until it has ended: the kernel may take more of a write that has waited, so that a
 * signal can come just before the next one.
 */
static int interrupt_and_reap(pid_t pid)
{
	const struct timespec pause = {0, 10000000};
	siginfo_t ended = {.si_pid = 0};

	for (;;) {
		assert_return_code(kill(pid, SIGINT), errno);
		assert_return_code(waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT | WNOHANG),
				   errno);
		if (ended.si_pid)
			return reap(pid);
		nanosleep(&pause, NULL);
	}
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
	assert_int_equal(interrupt_and_reap(pid), 0);
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
	return cmocka_run_group_tests_name("sockets-tcp-ends", tests, fixture_mount,
					   fixture_unmount);
}
