/*
 * test_sock_tcp - listening, accepting, connecting and talking over TCP, against plain sockets.
 */
#include "sock_talk_fixture.h"

#define AT "127.0.0.1:4000"
#define ACCEPT "tcp/" AT "/accept"
#define FRAMED "tcp/" AT "/framed"
#define CONNECT "tcp/connect/" AT

/* Each test may need thousands. */
static void all_descriptors(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 5000) {
		fprintf(stderr, "skip: needs 5000 descriptors\n");
		exit(77);
	}
}

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
	if (mount(DIRECTORY "/etc/hosts", "/etc/hosts", NULL, MS_BIND, NULL) < 0)
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
		TEST(opening_connects),
		TEST(loopback_is_reached_without_waiting),
		TEST(refusals_come_from_open),
		TEST(names_are_looked_up),
		TEST(from_binds_first),
		TEST(a_connection_under_way_is_waited_for),
		TEST(nobody_connects_to_himself),
		TEST(who_only_reads_ends_his_side_at_once),
		TEST(a_write_waits_for_room),
		TEST(a_peer_that_has_gone),
		TEST(a_close_loses_nothing),
		TEST(a_close_need_not_wait),
		TEST(a_peer_without_end_is_left),
		TEST(closes_that_wait_are_limited),
	};

	fixture_enter();
	all_descriptors();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
