/*
 * test_sockets_udp.c - datagrams through a mount: their boundaries, answers, errors, and who waits
 * for them.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BOUND "udp/127.0.0.1:5000"
#define ASK "udp/connect/127.0.0.1:5001"

enum { UDP_MAX = 65507, UDP6_MAX = 65527 };

static int peer_bound(void)
{
	return plain_bound(SOCK_DGRAM, ip("127.0.0.1", 5001));
}

/* ---- boundaries ---- */

static const size_t sizes[] = {1, 2, 1471, 1472, 1473, 4096, 9000, 65506, UDP_MAX};

static void sizes_are_kept(void **state)
{
	struct address own = ip("127.0.0.1", 5000), from;
	int peer = peer_bound(), reader, writer;

	make(BOUND, 0600);
	writer = opened(ASK, O_RDWR);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill(large, sizes[i], (unsigned)i);
		plain_send(peer, own, large, sizes[i]);
		reader = opened(BOUND "/data", O_RDWR);
		expect(reader, large, sizes[i]);
		expect(reader, NULL, 0);
		/* And back, by an answer, as one of the tree's own, and to it. */
		say(reader, large, sizes[i]);
		from = plain_expect(peer, large, sizes[i]);
		assert_int_equal(from.in.sin_port, own.in.sin_port);
		close(reader);
		say(writer, large, sizes[i]);
		from = plain_expect(peer, large, sizes[i]);
		plain_send(peer, from, large, sizes[i]);
		expect(writer, large, sizes[i]);
	}
	close(writer);
	close(peer);
	removed(BOUND);
}

static void many_stay_apart_and_in_order(void **state)
{
	enum { MANY = 100 };
	struct address from;
	int peer = peer_bound(), fd = opened(ASK, O_RDWR);
	char text[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		say_text(fd, text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		from = plain_expect(peer, text, strlen(text));
		plain_send(peer, from, text, strlen(text));
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		expect_text(fd, text);
	}
	close(fd);
	close(peer);
}

/* An empty one is read as no bytes.  write(2) of none does not come to a file system; framed does.
 */
static void empty_ones_are_datagrams(void **state)
{
	struct address own = ip("127.0.0.1", 5000), from;
	int peer = peer_bound(), fd = opened(ASK, O_RDWR), framed;

	make(BOUND, 0600);
	say_text(fd, "ask");
	from = plain_expect(peer, "ask", 3);
	plain_send(peer, from, "", 0);
	plain_send(peer, from, "next", 4);
	await_input(fd);
	expect(fd, "", 0);
	expect_text(fd, "next");
	close(fd);
	plain_send(peer, own, "", 0);
	plain_send(peer, own, "next", 4);
	fd = opened(BOUND "/data", O_RDONLY);
	expect(fd, "", 0);
	expect(fd, "", 0);
	close(fd);
	fd = opened(BOUND "/data", O_RDONLY);
	expect_text(fd, "next");
	close(fd);
	plain_send(peer, own, "", 0);
	framed = opened(BOUND "/framed", O_RDWR);
	expect_text(framed, "from=127.0.0.1:5001 size=0\n");
	say_text(framed, "size=0\n");
	say_text(framed, "size=4\nlast");
	plain_expect(peer, "", 0);
	plain_expect(peer, "last", 4);
	close(framed);
	close(peer);
	removed(BOUND);
}

/* What does not fit into a read comes by the next, and belongs to the same datagram. */
static void a_small_buffer_gets_it_all(void **state)
{
	struct address own = ip("127.0.0.1", 5000), from;
	int peer = peer_bound(), fd = opened(ASK, O_RDWR);
	char byte[2];

	make(BOUND, 0600);
	say_text(fd, "ask");
	from = plain_expect(peer, "ask", 3);
	plain_send(peer, from, "abc", 3);
	plain_send(peer, from, "next", 4);
	assert_int_equal(read(fd, byte, 2), 2);
	assert_memory_equal(byte, "ab", 2);
	assert_int_equal(polled(fd) & POLLIN, POLLIN);
	expect_text(fd, "c");
	expect_text(fd, "next");
	close(fd);
	plain_send(peer, own, "abc", 3);
	fd = opened(BOUND "/framed", O_RDONLY);
	for (const char *at = "from=127.0.0.1:5001 size=3\nabc"; *at; at++) {
		assert_int_equal(read(fd, byte, 1), 1);
		assert_int_equal(byte[0], *at);
	}
	expect(fd, "", 0);
	close(fd);
	close(peer);
	removed(BOUND);
}

static void pieces_of_one_write_are_one(void **state)
{
	struct iovec pieces[3] = {{(void *)(uintptr_t) "one ", 4},
				  {(void *)(uintptr_t) "", 0},
				  {(void *)(uintptr_t) "datagram", 8}};
	static struct iovec too_many[300];
	int peer = peer_bound(), fd = opened(ASK, O_RDWR);

	assert_int_equal(writev(fd, pieces, 3), 12);
	plain_expect(peer, "one datagram", 12);
	/* More than the kernel hands over at once are refused, not sent in parts. */
	for (size_t i = 0; i < 300; i++)
		too_many[i] = (struct iovec){(void *)(uintptr_t) "x", 1};
	assert_int_equal(writev(fd, too_many, 300), -1);
	assert_int_equal(errno, EMSGSIZE);
	plain_expect_nothing(peer);
	close(fd);
	close(peer);
}

static void one_that_is_too_long_is_not_sent(void **state)
{
	static char megabytes[3 << 20];
	struct address own = ip("127.0.0.1", 5000);
	int peer = peer_bound(), fd = opened(ASK, O_RDWR);

	assert_int_equal(write(fd, megabytes, UDP_MAX + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	expect_refusal("EMSGSIZE", "UDP carries at most 65507");
	assert_int_equal(write(fd, megabytes, sizeof(megabytes)), -1);
	assert_int_equal(errno, EMSGSIZE);
	say_text(fd, "first");
	plain_expect(peer, "first", 5);
	plain_expect_nothing(peer);
	close(fd);
	make(BOUND, 0600);
	plain_send(peer, own, "ask", 3);
	fd = opened(BOUND "/data", O_RDWR);
	expect_text(fd, "ask");
	assert_int_equal(write(fd, megabytes, UDP_MAX + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	say_text(fd, "answer");
	plain_expect(peer, "answer", 6);
	plain_expect_nothing(peer);
	close(fd);
	close(peer);
	removed(BOUND);
}

/* IPv6 counts without its own header: 20 bytes more. */
static void ipv6_carries_more(void **state)
{
	int peer = plain_bound(SOCK_DGRAM, ip("::1", 5001));
	int fd = opened("udp/connect/::1:5001", O_RDWR);

	fill(large, (size_t)UDP6_MAX + 1, 6);
	say(fd, large, UDP6_MAX);
	plain_expect(peer, large, UDP6_MAX);
	assert_int_equal(write(fd, large, UDP6_MAX + 1), -1);
	assert_int_equal(errno, EMSGSIZE);
	expect_refusal("EMSGSIZE", "65527 over IPv6");
	plain_expect_nothing(peer);
	close(fd);
	close(peer);
}

/* ---- answers ---- */

static void each_handle_answers_its_own_sender(void **state)
{
	struct address own = ip("127.0.0.1", 5000);
	int peers[4], handles[4];
	char text[16];

	make(BOUND, 0600);
	for (int i = 0; i < 4; i++) {
		peers[i] = plain_bound(SOCK_DGRAM, ip("127.0.0.1", (uint16_t)(5001 + i)));
		snprintf(text, sizeof(text), "question %d", i);
		plain_send(peers[i], own, text, strlen(text));
		handles[i] = opened(BOUND "/data", O_RDWR);
		assert_int_equal(write_error(handles[i]), EDESTADDRREQ);
		expect_text(handles[i], text);
	}
	for (int i = 3; i >= 0; i--) {
		snprintf(text, sizeof(text), "answer %d", i);
		say_text(handles[i], text);
		plain_expect(peers[i], text, strlen(text));
	}
	for (int i = 0; i < 4; i++) {
		plain_expect_nothing(peers[i]);
		close(handles[i]);
		close(peers[i]);
	}
	removed(BOUND);
}

/* ---- nobody there ---- */

static void an_unreachable_port_is_said_once(void **state)
{
	struct waiting reading = {.what = WAIT_READ};
	int fd = opened(ASK, O_RDWR), peer;
	pid_t pid;

	/* To who waits for the answer, to the next read, to the next write; and then no more. */
	reading.fd = fd;
	pid = waiter(&reading);
	say_text(fd, "anybody?");
	assert_int_equal(reap(pid), ECONNREFUSED);
	say_text(fd, "anybody?");
	assert_int_equal(polled(fd) & POLLIN, POLLIN);
	assert_int_equal(read_error(fd), ECONNREFUSED);
	say_text(fd, "anybody?");
	assert_int_equal(write_error(fd), ECONNREFUSED);
	/* The handle is as good as ever. */
	peer = peer_bound();
	say_text(fd, "now");
	plain_expect(peer, "now", 3);
	close(peer);
	/* A bound socket sends to anybody and hears nothing of it, as without ipcfs. */
	make(BOUND, 0600);
	peer = opened(BOUND "/framed", O_RDWR | O_NONBLOCK);
	say_text(peer, "to=127.0.0.1:5009 size=1\nx");
	say_text(peer, "to=127.0.0.1:5009 size=1\nx");
	assert_int_equal(read_error(peer), EAGAIN);
	close(peer);
	close(fd);
	removed(BOUND);
}

/* ---- waiting ---- */

static const char *const channels[] = {BOUND "/data", BOUND "/framed", BOUND "/lines", ASK};

static void nothing_there_is_said_at_once(void **state)
{
	int fd;

	make(BOUND, 0600);
	for (size_t i = 0; i < 4; i++) {
		fd = opened(channels[i], O_RDWR | O_NONBLOCK);
		assert_int_equal(read_error(fd), EAGAIN);
		assert_int_equal(polled(fd), POLLOUT);
		close(fd);
	}
	fd = opened("udp/127.0.0.1:5000/try/data", O_RDONLY);
	assert_int_equal(read_error(fd), EAGAIN);
	close(fd);
	fd = opened("udp/try/connect/127.0.0.1:5001", O_RDWR);
	assert_int_equal(read_error(fd), EAGAIN);
	close(fd);
	fd = opened("udp/127.0.0.1:5000/within/0.02/lines", O_RDONLY);
	assert_int_equal(read_error(fd), ETIMEDOUT);
	close(fd);
	fd = opened("udp/within/0.02/connect/127.0.0.1:5001", O_RDWR);
	assert_int_equal(read_error(fd), ETIMEDOUT);
	close(fd);
	removed(BOUND);
}

static void a_signal_ends_a_wait_and_takes_nothing(void **state)
{
	struct address own = ip("127.0.0.1", 5000);
	int peer = peer_bound();
	pid_t pid;

	make(BOUND, 0600);
	for (size_t i = 0; i < 4; i++) {
		struct waiting reading = {.what = WAIT_READ, .path = channels[i], .flags = O_RDWR};

		pid = waiter(&reading);
		assert_return_code(kill(pid, SIGUSR1), errno);
		assert_int_equal(reap(pid), EINTR);
		pid = waiter(&reading);
		assert_return_code(kill(pid, SIGKILL), errno);
		assert_int_equal(reap(pid), -SIGKILL);
	}
	plain_send(peer, own, "for the next", 12);
	{
		int fd = opened(BOUND "/data", O_RDONLY);

		expect_text(fd, "for the next");
		close(fd);
	}
	close(peer);
	removed(BOUND);
}

static void sleepers_are_woken(void **state)
{
	struct address own = ip("127.0.0.1", 5000);
	int peer = peer_bound(), fd;
	pid_t pid;

	make(BOUND, 0600);
	for (size_t i = 0; i < 3; i++) {
		struct waiting polling = {.what = WAIT_POLL, .path = channels[i], .flags = O_RDWR};

		pid = waiter(&polling);
		plain_send(peer, own, "wake", 4);
		assert_int_equal(reap(pid), POLLIN);
		fd = opened(BOUND "/data", O_RDONLY);
		expect_text(fd, "wake");
		close(fd);
	}
	fd = opened(ASK, O_RDWR);
	{
		struct waiting polling = {.what = WAIT_POLL, .fd = fd};
		struct address from;

		say_text(fd, "ask");
		from = plain_expect(peer, "ask", 3);
		pid = waiter(&polling);
		plain_send(peer, from, "wake", 4);
		assert_int_equal(reap(pid), POLLIN);
		expect_text(fd, "wake");
		/* Woken by what went wrong, too. */
		close(peer);
		pid = waiter(&polling);
		say_text(fd, "ask");
		assert_int_equal(reap(pid), POLLIN);
		assert_int_equal(read_error(fd), ECONNREFUSED);
	}
	close(fd);
	removed(BOUND);
}

/* Each datagram goes to one of those that wait. */
static void each_goes_to_one_reader(void **state)
{
	enum { READERS = 6 };
	struct waiting reading = {.what = WAIT_READ, .path = BOUND "/data", .flags = O_RDONLY};
	struct address own = ip("127.0.0.1", 5000);
	int peer = peer_bound();
	bool seen[READERS + 1] = {false};
	pid_t pids[READERS];

	make(BOUND, 0600);
	for (int i = 0; i < READERS; i++)
		pids[i] = waiter(&reading);
	for (int i = 0; i < READERS; i++)
		plain_send(peer, own, "123456", (size_t)i + 1);
	for (int i = 0; i < READERS; i++) {
		int size = reap(pids[i]) - 200;

		assert_true(size >= 1 && size <= READERS && !seen[size]);
		seen[size] = true;
	}
	close(peer);
	removed(BOUND);
}

/* A read that waits holds up no write, no read of another, and no look at the file. */
static void a_read_that_waits_holds_up_nobody(void **state)
{
	struct address own = ip("127.0.0.1", 5000), from;
	struct waiting reading = {.what = WAIT_READ};
	int peer = peer_bound(), fd = opened(ASK, O_RDWR);
	struct stat st;
	pid_t pid;

	reading.fd = fd;
	pid = waiter(&reading);
	for (int i = 0; i < 20; i++)
		say_text(fd, "question");
	for (int i = 0; i < 20; i++)
		from = plain_expect(peer, "question", 8);
	assert_return_code(fstat(fd, &st), errno);
	plain_send(peer, from, "answer", 6);
	assert_int_equal(reap(pid), 206);
	close(fd);

	make(BOUND, 0600);
	plain_send(peer, own, "question", 8);
	fd = opened(BOUND "/lines", O_RDWR);
	expect_text(fd, "question\n");
	reading.fd = fd;
	pid = waiter(&reading);
	say_text(fd, "one\ntwo\n");
	plain_expect(peer, "one", 3);
	plain_expect(peer, "two", 3);
	plain_send(peer, own, "next", 4);
	assert_int_equal(reap(pid), 205);
	close(fd);
	close(peer);
	removed(BOUND);
}

static void a_removal_ends_all_waits(void **state)
{
	static const char *const files[] = {"data", "framed", "lines"};
	char path[64];
	pid_t pids[6];
	int fd, written;

	make(BOUND, 0600);
	fd = opened(BOUND "/data", O_RDWR);
	written = opened(BOUND "/framed", O_RDWR);
	for (int i = 0; i < 6; i++) {
		struct waiting waiting = {
			.what = i < 3 ? WAIT_READ : WAIT_POLL, .path = path, .flags = O_RDWR};

		snprintf(path, sizeof(path), BOUND "/%s", files[i % 3]);
		pids[i] = waiter(&waiting);
	}
	removed(BOUND);
	for (int i = 0; i < 6; i++)
		assert_int_equal(reap(pids[i]), i < 3 ? EIDRM : POLLIN);
	assert_int_equal(read_error(fd), EIDRM);
	assert_int_equal(write_error(fd), EIDRM);
	assert_int_equal(write(written, "to=127.0.0.1:5001 size=1\nx", 26), -1);
	assert_int_equal(errno, EIDRM);
	close(fd);
	close(written);
	assert_int_equal(open_at(BOUND "/data", O_RDONLY), -ENOENT);
	close(plain_bound(SOCK_DGRAM, ip("127.0.0.1", 5000)));
}

/* ---- permission ---- */

static void the_mode_says_who_may(void **state)
{
	struct waiting reading = {
		.what = WAIT_READ, .path = BOUND "/data", .flags = O_RDONLY, .uid = OTHER};
	struct waiting both = {
		.what = WAIT_OPEN, .path = BOUND "/data", .flags = O_RDWR, .uid = OTHER};
	int peer = peer_bound();
	pid_t pid;

	make(BOUND, 0600);
	assert_int_equal(done(&both), EACCES);
	assert_return_code(chmod(at(BOUND), 0644), errno);
	pid = waiter(&reading);
	plain_send(peer, ip("127.0.0.1", 5000), "to all", 6);
	assert_int_equal(reap(pid), 206);
	assert_int_equal(done(&both), EACCES);
	close(peer);
	removed(BOUND);
}

#define TEST(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sizes_are_kept),
		TEST(many_stay_apart_and_in_order),
		TEST(empty_ones_are_datagrams),
		TEST(a_small_buffer_gets_it_all),
		TEST(pieces_of_one_write_are_one),
		TEST(one_that_is_too_long_is_not_sent),
		TEST(ipv6_carries_more),
		TEST(each_handle_answers_its_own_sender),
		TEST(an_unreachable_port_is_said_once),
		TEST(nothing_there_is_said_at_once),
		TEST(a_signal_ends_a_wait_and_takes_nothing),
		TEST(sleepers_are_woken),
		TEST(each_goes_to_one_reader),
		TEST(a_read_that_waits_holds_up_nobody),
		TEST(a_removal_ends_all_waits),
		TEST(the_mode_says_who_may),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
