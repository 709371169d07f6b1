/*
 * test_sock_tcp - listening and accepting over TCP, against plain sockets.
 */
#include "sock_talk_fixture.h"

#define AT "127.0.0.1:4000"
#define ACCEPT "tcp/" AT "/accept"
#define FRAMED "tcp/" AT "/framed"

/* ---- listeners ---- */

static void a_listener_is_made_and_removed(void **state)
{
	struct file file;
	struct stat st;
	struct place place;
	struct address to = ip("127.0.0.1", 4000);
	int probe;

	assert_int_equal(make_at("tcp", AT, 0640), 0);
	assert_there("tcp", AT);
	place = object_at("tcp", AT);
	assert_ptr_equal(place.dir, &sock_tcp_own_dir);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0640);
	assert_int_equal(st.st_uid, 0);
	assert_shows("tcp", AT, "state", "LISTEN\n");
	assert_shows("tcp", AT, "local", AT "\n");
	assert_shows("tcp", AT, "backlog", "4096\n");
	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	assert_int_equal(remove_at("tcp/" AT), 0);
	assert_not_there("tcp", AT);
	assert_int_equal(file_try(ACCEPT, O_RDONLY | O_NONBLOCK, &file), -ENOENT);
	probe = make(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(probe, &to.any, to.size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	/* The address is free again at once. */
	assert_made("tcp", AT);
}

static void names_say_what_to_bind(void **state)
{
	static const struct {
		const char *name, *listed;
		bool v4, v6;
	} made_as[] = {
		{"any:4001", "any:4001", true, true},
		{"0.0.0.0:4002", "0.0.0.0:4002", true, false},
		{":::4003", ":::4003", false, true},
		{"[::1]:4004,backlog=3", "::1:4004", false, true},
		{"localhost:4005,reuseport=1", "127.0.0.1:4005", true, false},
		{"::ffff:127.0.0.1:4006", "127.0.0.1:4006", true, false},
		{"[127.0.0.1]:4007", "127.0.0.1:4007", true, false},
		{"127.0.0.1:004008", "127.0.0.1:4008", true, false},
	};

	for (size_t i = 0; i < sizeof(made_as) / sizeof(*made_as); i++) {
		uint16_t port = (uint16_t)(4001 + i);
		int v4 = make(AF_INET, SOCK_STREAM, 0), v6 = make(AF_INET6, SOCK_STREAM, 0);
		struct address to4 = ip("127.0.0.1", port), to6 = ip("::1", port);

		assert_made("tcp", made_as[i].name);
		assert_there("tcp", made_as[i].listed);
		/* With its attributes it is found too. */
		assert_string_equal(object_at("tcp", made_as[i].name).name, made_as[i].listed);
		assert_int_equal(connect(v4, &to4.any, to4.size), made_as[i].v4 ? 0 : -1);
		assert_int_equal(connect(v6, &to6.any, to6.size), made_as[i].v6 ? 0 : -1);
	}
	assert_shows("tcp", "::1:4004", "backlog", "3\n");
	/* IPv4 and IPv6 are apart if they are asked for apart. */
	assert_made("tcp", ":::4002");
	assert_made("tcp", "0.0.0.0:4003");
}

static void port_0_is_a_free_one(void **state)
{
	struct place at = dir_at("tcp"), first, second;
	char name[64];

	assert_int_equal(at.dir->make(&call, &at, "127.0.0.1:0", 0600, &first), 0);
	snprintf(name, sizeof(name), "%s", first.name);
	assert_there("tcp", name);
	assert_int_equal(at.dir->make(&call, &at, "127.0.0.1:0", 0600, &second), 0);
	assert_string_not_equal(name, second.name);
	assert_there("tcp", second.name);
	assert_not_there("tcp", "127.0.0.1:0");
}

static void what_cannot_be_listened_at(void **state)
{
	peer_listening(ip("127.0.0.1", 4000), 1);
	assert_refused(make_at("tcp", AT, 0600), EADDRINUSE, "ss -ant");
	assert_refused(make_at("tcp", "0.0.0.0:4000", 0600), EADDRINUSE, "0.0.0.0:4000");
	assert_refused(make_at("tcp", "10.9.8.7:1", 0600), EADDRNOTAVAIL, "10.9.8.7:1");
	assert_refused(make_at("tcp", "239.1.2.3:1", 0600), EADDRNOTAVAIL, "mkdir udp/");
	assert_refused(make_at("tcp", "fe80::1:1", 0600), EINVAL, "fe80::1%eth0:80");
	assert_refused(make_at("tcp", "example.org:1", 0600), EINVAL, "not looked up");
	assert_refused(make_at("tcp", "127.0.0.1:4001,backlog=x", 0600), EINVAL, "'x'");
	assert_refused(make_at("tcp", "127.0.0.1:4001,reuseport=2", 0600), EINVAL, "0 to 1");
	assert_refused(make_at("tcp", "127.0.0.1:4001,backlog=1,backlog=1", 0600), EINVAL, "twice");
	assert_refused(make_at("tcp", "127.0.0.1:4001,color=red", 0600), EINVAL, "backlog=");
	assert_refused(make_at("tcp", "127.0.0.1:4001,", 0600), EINVAL, "NAME=VALUE");
	assert_not_there("tcp", "127.0.0.1:4001");
}

static void a_port_is_shared_by_those_that_agree(void **state)
{
	static const int yes = 1;
	int other;

	assert_made("tcp", AT ",reuseport=1");
	other = make(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(other, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0);
	bind_to(other, ip("127.0.0.1", 4000));
	assert_int_equal(listen(other, 5), 0);
	/* One directory, and it is the tree's. */
	assert_int_equal(listed("tcp", AT), 1);
	assert_ptr_equal(object_at("tcp", AT).dir, &sock_tcp_own_dir);
	assert_int_equal(remove_at("tcp/" AT), 0);
	assert_ptr_equal(object_at("tcp", AT).dir, &sock_tcp_object_dir);
	assert_refused(remove_at("tcp/" AT), EPERM, "holders");
}

static void low_ports_are_for_who_may(void **state)
{
	become(NOBODY);
	assert_refused(make_at("tcp", "127.0.0.1:80", 0600), EACCES, "ports below 1024");
	assert_made("tcp", AT);
	become(0);
	assert_made("tcp", "127.0.0.1:80");
}

static void owner_and_mode_say_who_may(void **state)
{
	struct change to_nobody = {.has_uid = true, .uid = NOBODY};
	struct change open_to_group = {.has_mode = true, .mode = 0640};
	struct file file;

	/* NOBODY stays in group 0. */
	assert_int_equal(make_at("tcp", AT, 0600), 0);
	become(NOBODY);
	assert_int_equal(file_try(ACCEPT, O_RDONLY | O_NONBLOCK, &file), -EACCES);
	assert_refused(remove_at("tcp/" AT), EPERM, "belongs to uid 0");
	assert_int_equal(change_at("tcp/" AT, open_to_group), -EPERM);
	assert_int_equal(change_at("tcp/" AT, to_nobody), -EPERM);
	become(0);
	assert_int_equal(change_at("tcp/" AT, open_to_group), 0);
	become(NOBODY);
	assert_int_equal(file_try(ACCEPT, O_RDONLY | O_NONBLOCK, &file), -EAGAIN);
	assert_int_equal(file_try(ACCEPT, O_RDWR | O_NONBLOCK, &file), -EACCES);
	assert_int_equal(file_try(FRAMED, O_WRONLY | O_NONBLOCK, &file), -EACCES);
	become(0);
	assert_int_equal(change_at("tcp/" AT, to_nobody), 0);
	become(NOBODY);
	assert_int_equal(file_try(ACCEPT, O_RDWR | O_NONBLOCK, &file), -EAGAIN);
	assert_int_equal(remove_at("tcp/" AT), 0);
	assert_not_there("tcp", AT);
}

static void who_makes_it_owns_it(void **state)
{
	struct place place;
	struct stat st;

	become(NOBODY);
	assert_int_equal(make_at("tcp", AT, 0755), 0);
	place = object_at("tcp", AT);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_mode, 0644); /* execute bits are dropped */
	become(0);
	/* Root may all the same. */
	assert_int_equal(remove_at("tcp/" AT), 0);
}

static void a_user_keeps_so_many_and_no_more(void **state)
{
	enum { ALLOWED = 1024 };
	char name[32];

	call.uid = NOBODY;
	become(NOBODY);
	for (int i = 0; i < ALLOWED; i++) {
		snprintf(name, sizeof(name), "127.0.0.1:%d", 5000 + i);
		assert_made("tcp", name);
	}
	assert_refused(make_at("tcp", AT, 0600), EDQUOT, "sockets_max is 1024");
	assert_refused(make_at("unix", "x", 0600), EDQUOT, "sockets_max is 1024");
	assert_not_there("tcp", AT);
	assert_not_there("unix", "x");
	assert_int_equal(remove_at("tcp/127.0.0.1:5000"), 0);
	assert_made("tcp", AT);
	become(0);
	call.uid = 0;
	assert_made("tcp", "127.0.0.1:5000");
}

/* ---- accepting ---- */

static void an_open_is_the_next_client(void **state)
{
	struct file file, other;
	int client, second;

	assert_made("tcp", AT);
	assert_int_equal(file_try(ACCEPT, O_RDWR | O_NONBLOCK, &file), -EAGAIN);
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	second = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	file = file_open(ACCEPT, O_RDWR);
	other = file_open(ACCEPT, O_RDWR);
	peer_puts(client, "from the first");
	peer_puts(second, "from the second");
	assert_reads(&file, "from the first");
	assert_reads(&other, "from the second");
	file_puts(&file, "to the first");
	file_puts(&other, "to the second");
	assert_peer_reads(client, "to the first");
	assert_peer_reads(second, "to the second");
	end(client);
	assert_reads(&file, "");
	file_close(&file);
	file_close(&other);
}

static void an_open_waits_for_a_client(void **state)
{
	struct file file;
	short events = 0;
	int client;

	assert_made("tcp", AT);
	assert_int_equal(file_begin(ACCEPT, O_RDWR, &file), 0);
	assert_int_equal(file_enter(&file, false), -EAGAIN);
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	assert_true(file.channel->wait_fd(file.state, &events) >= 0);
	assert_int_equal(events, POLLIN);
	assert_int_equal(file_enter(&file, true), 0);
	peer_puts(client, "x");
	assert_reads(&file, "x");
	file_close(&file);
}

static void framed_says_who_it_is(void **state)
{
	struct file file;
	char expected[64];
	int client;

	assert_made("tcp", "any:4000");
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	file = file_open("tcp/any:4000/framed", O_RDWR);
	snprintf(expected, sizeof(expected), "from=127.0.0.1:%u\n", port_of(client));
	/* It is there before the client has said anything, and for a small buffer too. */
	assert_true(file.channel->ready(file.state) & POLLIN);
	{
		char byte;

		assert_int_equal(file_read(&file, &byte, 1), 1);
		assert_int_equal(byte, 'f');
	}
	assert_reads(&file, expected + 1);
	assert_int_equal(file.channel->ready(file.state), POLLOUT);
	peer_puts(client, "hello");
	assert_reads(&file, "hello");
	file_puts(&file, "answer");
	assert_peer_reads(client, "answer");
	file_close(&file);
	client = connected(SOCK_STREAM, ip("::1", 4000));
	file = file_open("tcp/any:4000/framed", O_RDONLY);
	snprintf(expected, sizeof(expected), "from=::1:%u\n", port_of(client));
	assert_reads(&file, expected);
	file_close(&file);
}

static void a_client_that_has_gone_is_still_a_client(void **state)
{
	struct file file;
	int client;

	assert_made("tcp", AT);
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	peer_puts(client, "last words");
	end(client);
	file = file_open(ACCEPT, O_RDONLY);
	assert_reads(&file, "last words");
	assert_reads(&file, "");
	file_close(&file);
}

static void connections_outlive_their_listener(void **state)
{
	struct pollfd polled = {.events = POLLIN};
	struct file file, waiting;
	short events = 0;
	int client;

	assert_made("tcp", AT);
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	file = file_open(ACCEPT, O_RDWR);
	assert_int_equal(file_begin(ACCEPT, O_RDWR, &waiting), 0);
	assert_int_equal(file_enter(&waiting, false), -EAGAIN);
	assert_int_equal(waiting.channel->gone(waiting.state), 0);
	/* A copy, as who polls has one. */
	polled.fd = keep(dup(waiting.channel->wait_fd(waiting.state, &events)));
	assert_int_equal(poll(&polled, 1, 0), 0);
	assert_int_equal(remove_at("tcp/" AT), 0);
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_made("tcp", AT);
	/* Who waits for clients hears of it: both who is asked and who polls. */
	assert_int_equal(waiting.channel->gone(waiting.state), -EIDRM);
	assert_int_equal(file_enter(&waiting, true), -EIDRM);
	file_close(&waiting);
	assert_int_equal(file.channel->gone(file.state), 0);
	peer_puts(client, "still here");
	assert_reads(&file, "still here");
	file_puts(&file, "so am I");
	assert_peer_reads(client, "so am I");
	file_close(&file);
}

static void a_removal_rings_the_bell(void **state)
{
	char events[512] __attribute__((aligned(8)));
	int bell = sock_kind.removals();

	while (read(bell, events, sizeof(events)) > 0)
		;
	assert_made("tcp", AT);
	assert_int_equal(read(bell, events, sizeof(events)), -1);
	become(NOBODY);
	assert_made("tcp", "127.0.0.1:4001");
	assert_int_equal(remove_at("tcp/127.0.0.1:4001"), 0);
	become(0);
	assert_true(read(bell, events, sizeof(events)) > 0);
	assert_int_equal(read(bell, events, sizeof(events)), -1);
}

static void without_descriptors_the_reason_is_in_words(void **state)
{
	struct rlimit limit, none;
	struct file file;

	assert_made("tcp", AT);
	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	assert_int_equal(file_begin(ACCEPT, O_RDWR, &file), 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	assert_refused(file_enter(&file, true), EMFILE, "RLIMIT_NOFILE of the daemon is 3");
	setrlimit(RLIMIT_NOFILE, &limit);
	/* The client has waited. */
	assert_int_equal(file_enter(&file, true), 0);
	file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_listener_is_made_and_removed),
		TEST(names_say_what_to_bind),
		TEST(port_0_is_a_free_one),
		TEST(what_cannot_be_listened_at),
		TEST(a_port_is_shared_by_those_that_agree),
		TEST(low_ports_are_for_who_may),
		TEST(owner_and_mode_say_who_may),
		TEST(who_makes_it_owns_it),
		TEST(a_user_keeps_so_many_and_no_more),
		TEST(an_open_is_the_next_client),
		TEST(an_open_waits_for_a_client),
		TEST(framed_says_who_it_is),
		TEST(a_client_that_has_gone_is_still_a_client),
		TEST(connections_outlive_their_listener),
		TEST(a_removal_rings_the_bell),
		TEST(without_descriptors_the_reason_is_in_words),
	};

	fixture_enter();
	descriptors_raise();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
