/*
 * test_sockets_unix.c - streams, packets and datagrams of unix sockets through a mount: what is
 * written comes whole, and ends are told.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- whole ---- */

static const size_t sizes[] = {1, 2, 4095, 4096, 4097, 65536, 65537, 100000, 150000};

/* What is too long is not sent, nor a part of it. */
static void one_too_long_is_not_sent(int fd, int peer)
{
	enum { LONGEST = 255 * 4096 }; /* that comes to the daemon in one piece for certain */
	ssize_t length = write(fd, large, LONGEST);

	/* A machine may allow that: net.core.wmem_default. */
	if (length < 0) {
		assert_int_equal(errno, EMSGSIZE);
		expect_refusal("EMSGSIZE", "this socket takes at most");
	} else {
		assert_int_equal(length, LONGEST);
		plain_expect(peer, large, LONGEST);
	}
	assert_int_equal(write(fd, large, LONGEST + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	plain_expect_nothing(peer);
}

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
	one_too_long_is_not_sent(fd, peer);
	close(peer);
	expect(fd, "", 0);
	assert_int_equal(write_error(fd), EPIPE);
	close(fd);
}

static void packets_stay_whole(void **state)
{
	int peer, fd = tree_accepted("seqpacket", O_RDWR, &peer);

	packets_stay_whole_one(fd, peer);
	fd = tree_connected(SOCK_SEQPACKET, O_RDWR, &peer);
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
	one_too_long_is_not_sent(to, peer);
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

/* ---- poll ---- */

static void sleepers_are_woken(void **state)
{
	int peer, fd = tree_accepted("stream", O_RDWR, &peer);
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
	size = stuff(fd);
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
	int peer, fd = tree_accepted("stream", O_RDONLY, &peer);

	plain_expect_end(peer);
	plain_send(peer, (struct address){0}, "still heard", 11);
	expect_text(fd, "still heard");
	close(fd);
	close(peer);
	fd = tree_connected(SOCK_SEQPACKET, O_RDONLY, &peer);
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
	size = stuff(fd);
	close(fd);
	plain_send(peer, (struct address){0}, "more of it", 10);
	read_all(peer, got, size);
	assert_memory_equal(got, large, size);
	plain_expect_end(peer);
	close(peer);
}

static void what_was_written_outlives_the_close(void **state)
{
	int peer, fd = tree_accepted("stream", O_RDWR, &peer);

	what_was_written_outlives_the_close_on(fd, peer);
	fd = tree_connected(SOCK_STREAM, O_RDWR, &peer);
	what_was_written_outlives_the_close_on(fd, peer);
	fd = tree_connected(SOCK_STREAM, O_WRONLY, &peer);
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
	int peer, fd = tree_accepted("stream", O_RDWR, &peer);
	struct waiting reading = {.what = WAIT_READ}, writing = {.what = WAIT_WRITE};
	pid_t pid;

	reading.fd = fd;
	pid = waiter(&reading);
	close(peer);
	assert_int_equal(reap(pid), 200);
	assert_int_equal(write_error(fd), EPIPE);
	close(fd);
	/* It went with unread data: who waits to write hears of it, who reads too. */
	fd = tree_connected(SOCK_STREAM, O_RDWR, &peer);
	fill(large, LARGE, 9);
	stuff(fd);
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

/* ---- what is never taken ---- */

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static bool kernel_can_refuse_descriptors(void)
{
	int fd = plain_socket(AF_UNIX, SOCK_STREAM), off = 0;
	bool can = setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;

	close(fd);
	return can;
}

/* The errno of sending a byte and a descriptor. */
static int pass(int peer, struct address to)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	char byte = 'x';
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_name = to.size ? &to.any : NULL,
				 .msg_namelen = to.size,
				 .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control.room)};

	memcpy(CMSG_DATA(&control.header), &peer, sizeof(peer));
	return sendmsg(peer, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static void none_is_passed_to(int fd, int peer, struct address to)
{
	assert_int_equal(pass(peer, to), EPERM);
	plain_send(peer, to, "bytes", 5);
	expect_text(fd, "bytes");
}

/*
 * A descriptor that comes with bytes would be closed by whoever reads them, and its last close can
 * wait as long as its sender likes: SO_LINGER.
 */
static void no_descriptor_is_taken(void **state)
{
	static const char *const types[] = {"stream", "seqpacket"};
	static const int numbers[] = {SOCK_STREAM, SOCK_SEQPACKET};
	const struct address connected = {0};
	int peer, fd;

	if (!kernel_can_refuse_descriptors()) {
		print_message("skip: SO_PASSRIGHTS is from Linux 6.16 on\n");
		return;
	}
	for (int i = 0; i < 2; i++) {
		fd = tree_accepted(types[i], O_RDWR, &peer);
		none_is_passed_to(fd, peer, connected);
		close(fd);
		close(peer);
		fd = tree_connected(numbers[i], O_RDWR, &peer);
		none_is_passed_to(fd, peer, connected);
		close(fd);
		close(peer);
	}
	peer = plain_bound(SOCK_DGRAM, local(PEER));
	make(X ",type=dgram", 0600);
	fd = opened(X "/data", O_RDWR);
	none_is_passed_to(fd, peer, local(RUN_X));
	close(fd);
	fd = opened(TO_PEER, O_RDWR);
	say_text(fd, "from where");
	none_is_passed_to(fd, peer, plain_expect(peer, "from where", 10));
	close(fd);
	close(peer);
	unlink(PEER);
	removed(X);
}

/* What all that has taken is given back. */
static size_t before;

static int count_before(void **state)
{
	if (fixture_mount(state) < 0)
		return -1;
	before = descriptors_of(fixture_daemon());
	return 0;
}

static void no_descriptor_is_left(void **state)
{
	const struct timespec pause = {0, 1000000};

	while (descriptors_of(fixture_daemon()) > before)
		nanosleep(&pause, NULL);
}

static const gid_t groups_of_caller[] = {61234, 64321};

static int connect_with_groups(void *unused)
{
	int fd;

	if (setgroups(2, groups_of_caller) < 0)
		return 1;
	fd = open_at(TO_PEER, O_RDWR);
	return fd < 0 ? 2 : close(fd);
}

/* Also those of root, of which nothing that root may do depends. */
static void the_peer_is_told_the_groups(void **state)
{
	int listener = plain_listener(SOCK_STREAM, local(PEER), 5), peer;
	gid_t told[8];
	socklen_t size = sizeof(told);

	assert_int_equal(reap(spawn(connect_with_groups, NULL)), 0);
	peer = plain_accepted(listener);
	assert_return_code(getsockopt(peer, SOL_SOCKET, SO_PEERGROUPS, told, &size), errno);
	assert_int_equal(size, sizeof(groups_of_caller));
	assert_memory_equal(told, groups_of_caller, sizeof(groups_of_caller));
	close(peer);
	close(listener);
	unlink(PEER);
}

#define TEST(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_stay_whole),
		TEST(datagrams_stay_whole),
		TEST(a_stream_comes_back_as_it_went),
		TEST(sleepers_are_woken),
		TEST(a_reader_only_tells_so),
		TEST(what_was_written_outlives_the_close),
		TEST(what_was_written_outlives_the_writer),
		TEST(a_peer_that_has_gone_is_told),
		TEST(connections_outlive_their_listener),
		TEST(the_peer_is_told_the_groups),
		TEST(no_descriptor_is_taken),
		TEST(no_descriptor_is_left),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, count_before, fixture_unmount);
}
