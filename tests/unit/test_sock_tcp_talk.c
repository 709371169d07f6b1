/*
 * test_sock_tcp_talk - connecting and talking over TCP, against plain sockets.
 */
#include "sock_talk_fixture.h"

#define AT "127.0.0.1:4000"
#define CONNECT "tcp/connect/" AT

/* ---- connecting ---- */

static void opening_connects(void **state)
{
	int listener = peer_listening(ip("127.0.0.1", 4000), 5), peer;
	struct file file = file_open(CONNECT, O_RDWR);

	peer = accepted(listener);
	file_puts(&file, "hello");
	assert_peer_reads(peer, "hello");
	peer_puts(peer, "welcome");
	assert_reads(&file, "welcome");
	end(peer);
	assert_reads(&file, "");
	file_close(&file);
}

static void loopback_is_reached_without_waiting(void **state)
{
	struct file file;

	peer_listening(ip("127.0.0.1", 4000), 5);
	peer_listening(ip("::1", 4001), 5);
	assert_int_equal(file_try(CONNECT, O_RDWR | O_NONBLOCK, &file), 0);
	file_close(&file);
	/* localhost is both; the first that answers is taken. */
	assert_int_equal(file_try("tcp/connect/localhost:4000", O_RDWR | O_NONBLOCK, &file), 0);
	file_close(&file);
	assert_int_equal(file_try("tcp/connect/localhost:4001", O_RDWR | O_NONBLOCK, &file), 0);
	file_close(&file);
	assert_int_equal(file_try("tcp/connect/[::1]:4001", O_RDWR | O_NONBLOCK, &file), 0);
	file_close(&file);
}

static void refusals_come_from_open(void **state)
{
	struct file file;

	assert_refused(file_try(CONNECT, O_RDWR, &file), ECONNREFUSED,
		       "nobody listens at 127.0.0.1:4000");
	assert_refused(file_try("tcp/connect/localhost:4000", O_RDWR, &file), ECONNREFUSED,
		       "127.0.0.1:4000");
	/* No route leads out of the namespace. */
	assert_refused(file_try("tcp/connect/192.0.2.1:80", O_RDWR, &file), ENETUNREACH,
		       "192.0.2.1:80");
	assert_refused(file_try("tcp/connect/foo", O_RDWR, &file), EINVAL, "HOST:PORT");
	assert_refused(file_try("tcp/connect/127.0.0.1:4000,to=x", O_RDWR, &file), EINVAL, "from=");
}

static void names_are_looked_up(void **state)
{
	struct file file;

	/* Nothing but this file is asked, and no server can be. */
	mkdir(DIRECTORY "/etc", 0755);
	{
		FILE *hosts = fopen(DIRECTORY "/etc/hosts", "we");

		fputs("127.0.0.1 here.example\n::1 six.example\n", hosts);
		fclose(hosts);
	}
	if (mount(DIRECTORY "/etc/hosts", "/etc/hosts", "none", MS_BIND, NULL) < 0)
		skip();
	peer_listening(ip("127.0.0.1", 4000), 5);
	file = file_open("tcp/connect/here.example:4000", O_RDWR);
	file_close(&file);
	assert_refused(file_try("tcp/connect/six.example:4000", O_RDWR, &file), ECONNREFUSED,
		       "::1:4000");
	assert_refused(file_try("tcp/connect/here.example:nosuchservice", O_RDWR, &file), ENXIO,
		       "nosuchservice");
	/* Who gives up leaves the question behind; it ends by itself. */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(file_begin("tcp/connect/here.example:4000", O_RDWR, &file), 0);
		file_close(&file);
	}
	umount("/etc/hosts");
}

static void from_binds_first(void **state)
{
	int listener = peer_listening(ip("127.0.0.1", 4000), 5), peer;
	struct address address = {.size = sizeof(address.in6)};
	struct file file = file_open(CONNECT ",from=127.0.0.2:4444", O_RDWR), refused;

	peer = accepted(listener);
	assert_int_equal(getpeername(peer, &address.any, &address.size), 0);
	assert_int_equal(address.in.sin_addr.s_addr, inet_addr("127.0.0.2"));
	assert_int_equal(ntohs(address.in.sin_port), 4444);
	file_close(&file);
	file = file_open(CONNECT ",from=any:4445", O_RDWR);
	peer = accepted(listener);
	assert_int_equal(getpeername(peer, &address.any, &address.size), 0);
	assert_int_equal(ntohs(address.in.sin_port), 4445);
	file_close(&file);
	assert_refused(file_try(CONNECT ",from=10.9.8.7:0", O_RDWR, &refused), EADDRNOTAVAIL,
		       "from=10.9.8.7:0");
	assert_refused(file_try(CONNECT ",from=::1:0", O_RDWR, &refused), EAFNOSUPPORT, "family");
	become(NOBODY);
	assert_refused(file_try(CONNECT ",from=127.0.0.1:99", O_RDWR, &refused), EACCES,
		       "from=127.0.0.1:99");
	become(0);
}

/* A listener whose queue is full answers no more, so that a connection is under way for long. */
static int deaf_listener(void)
{
	int listener = peer_listening(ip("127.0.0.1", 4000), 0);

	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	return listener;
}

static void a_connection_under_way_is_waited_for(void **state)
{
	int listener = deaf_listener();
	struct file file, other;
	short events = 0;

	assert_int_equal(file_try(CONNECT, O_RDWR | O_NONBLOCK, &other), -EAGAIN);
	assert_int_equal(file_begin(CONNECT, O_RDWR, &file), 0);
	assert_int_equal(file_enter(&file, false), -EAGAIN);
	assert_true(file.channel->wait_fd(file.state, &events) >= 0);
	assert_int_equal(events, POLLOUT);
	accepted(listener); /* makes room; the kernel knocks again after a second */
	assert_int_equal(file_enter(&file, true), 0);
	file_close(&file);
	/* Who gives up closes what is under way. */
	assert_int_equal(file_begin(CONNECT, O_RDWR, &other), 0);
	file_enter(&other, false);
	file_close(&other);
}

static void nobody_connects_to_himself(void **state)
{
	struct file file;

	/* The kernel may choose such a port too, if it is one of those that it gives. */
	assert_int_equal(file_try(CONNECT ",from=" AT, O_RDWR, &file), -ECONNREFUSED);
	assert_int_equal(file_try("tcp/connect/::1:4000,from=::1:4000", O_RDWR, &file),
			 -ECONNREFUSED);
}

/* ---- talking ---- */

static void talk_begin(struct file *file, int flags, int *peer)
{
	int listener = peer_listening(ip("127.0.0.1", 4000), 5);

	*file = file_open(CONNECT, flags);
	*peer = accepted(listener);
}

static void who_only_reads_ends_his_side_at_once(void **state)
{
	struct file file;
	int peer;

	talk_begin(&file, O_RDONLY, &peer);
	assert_peer_reads(peer, "");
	peer_puts(peer, "all the same");
	assert_reads(&file, "all the same");
	file_flush(&file);
	file_close(&file);
}

static void a_write_waits_for_room(void **state)
{
	static char block[1 << 20], back[1 << 16];
	struct file file;
	size_t written = 0, read_back = 0, done;
	ssize_t result;
	int peer;

	talk_begin(&file, O_RDWR, &peer);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 2654435761u >> 13);
	/* Parts of a write go as there is room, and it says how many have gone. */
	do {
		done = 0;
		result = file.channel->write(&call, file.state, block, sizeof(block), &done);
		written += done;
	} while (result > 0);
	assert_int_equal(result, -EAGAIN);
	assert_true(done < sizeof(block));
	assert_int_equal(file.channel->ready(file.state) & POLLOUT, 0);
	while (read_back < written) {
		ssize_t length = recv(peer, back, sizeof(back), 0);

		assert_true(length > 0);
		for (ssize_t i = 0; i < length; i++)
			if (back[i] != block[(read_back + (size_t)i) % sizeof(block)])
				fail_msg("byte %zu differs", read_back + (size_t)i);
		read_back += (size_t)length;
	}
	assert_int_equal(read_back, written);
	result = file.channel->write(&call, file.state, block, sizeof(block), &done);
	file_close(&file);
}

static void a_peer_that_has_gone(void **state)
{
	struct linger hard = {1, 0};
	struct file file;
	int peer;

	talk_begin(&file, O_RDWR, &peer);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	end(peer);
	{
		char byte;

		assert_int_equal(file_read(&file, &byte, 1), -ECONNRESET);
		assert_int_equal(file_read(&file, &byte, 1), 0);
	}
	assert_int_equal(file_write(&file, "x", 1), -EPIPE); /* and no signal */
	assert_int_equal(file.channel->ready(file.state), POLLIN | POLLOUT);
	file_close(&file);
}

/* The peer answers more than fits the way back before it has read what came. */
static void a_close_loses_nothing(void **state)
{
	static char block[200000], got[200000];
	struct file file;
	size_t have = 0;
	ssize_t length;
	int peer, error;

	talk_begin(&file, O_RDWR, &peer);
	memset(block, 'd', sizeof(block));
	assert_int_equal(file_write(&file, block, sizeof(block)), sizeof(block));
	peer_puts(peer, "something that is never read");
	await_sent(peer);
	/* The close drops what came, tells of its end, and waits for the peer's. */
	assert_int_equal(file.channel->flush(&call, file.state), -EAGAIN);
	peer_puts(peer, "and more, after the close");
	assert_int_equal(file.channel->flush(&call, file.state), -EAGAIN);
	while ((length = recv(peer, got + have, sizeof(got) - have, 0)) > 0) {
		have += (size_t)length;
		peer_puts(peer, "an answer to each piece");
		error = file.channel->flush(&call, file.state);
		assert_int_equal(error, -EAGAIN);
	}
	assert_int_equal(length, 0); /* its end of file, and no reset */
	assert_int_equal(have, sizeof(block));
	end(peer);
	file_flush(&file);
	file_close(&file);
}

static void a_close_need_not_wait(void **state)
{
	struct linger hard = {1, 0};
	struct file file;
	int peer;

	/* Nothing was written: nothing can be lost. */
	talk_begin(&file, O_RDWR, &peer);
	peer_puts(peer, "unread");
	assert_int_equal(file.channel->flush(&call, file.state), 0);
	file_close(&file);
	/* The peer has come to its end. */
	close_all(NULL);
	talk_begin(&file, O_RDWR, &peer);
	file_puts(&file, "x");
	shutdown(peer, SHUT_WR);
	assert_reads(&file, "");
	assert_int_equal(file.channel->flush(&call, file.state), 0);
	file_close(&file);
	assert_peer_reads(peer, "x");
	/* Or has gone. */
	close_all(NULL);
	talk_begin(&file, O_WRONLY, &peer);
	file_puts(&file, "x");
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	end(peer);
	file_flush(&file);
	file_close(&file);
}

static void a_peer_without_end_is_left(void **state)
{
	static char block[1 << 20];
	size_t sent = 0;
	struct file file;
	int peer, error = -EAGAIN;

	talk_begin(&file, O_RDWR, &peer);
	file_puts(&file, "stop");
	assert_peer_reads(peer, "stop");
	while (error == -EAGAIN && sent < (size_t)512 << 20) {
		ssize_t length = send(peer, block, sizeof(block), MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += length > 0 ? (size_t)length : 0;
		error = file.channel->flush(&call, file.state);
	}
	assert_int_equal(error, 0);
	file_close(&file);
}

static void closes_that_wait_are_limited(void **state)
{
	enum { ALLOWED = 1024, MORE = 10 };
	static struct file files[ALLOWED + MORE];
	int listener = peer_listening(ip("127.0.0.1", 4000), 5), ended = 0;

	call.uid = NOBODY;
	for (int i = 0; i < ALLOWED + MORE; i++) {
		files[i] = file_open(CONNECT, O_RDWR);
		accepted(listener);
		file_puts(&files[i], "x");
		ended += files[i].channel->flush(&call, files[i].state) == 0;
	}
	assert_int_equal(ended, MORE);
	for (int i = 0; i < ALLOWED + MORE; i++)
		file_close(&files[i]);
	files[0] = file_open(CONNECT, O_RDWR);
	accepted(listener);
	file_puts(&files[0], "x");
	assert_int_equal(files[0].channel->flush(&call, files[0].state), -EAGAIN);
	file_close(&files[0]);
	call.uid = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opening_connects),           TEST(loopback_is_reached_without_waiting),
		TEST(refusals_come_from_open),    TEST(names_are_looked_up),
		TEST(from_binds_first),           TEST(a_connection_under_way_is_waited_for),
		TEST(nobody_connects_to_himself), TEST(who_only_reads_ends_his_side_at_once),
		TEST(a_write_waits_for_room),     TEST(a_peer_that_has_gone),
		TEST(a_close_loses_nothing),      TEST(a_close_need_not_wait),
		TEST(a_peer_without_end_is_left), TEST(closes_that_wait_are_limited),
	};

	fixture_enter();
	descriptors_raise();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
