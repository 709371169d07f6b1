/*
 * test_sock_tree - the directories of sockets/: which there are, and whose.
 */
#include "sock_fixture.h"

/* ---- directories ---- */

static void listeners_are_directories(void **state)
{
	static const int yes = 1;
	int fd;

	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	listening(SOCK_STREAM, ip("0.0.0.0", 4001), 1);
	listening(SOCK_STREAM, ip("::", 4002), 1);
	listening(SOCK_STREAM, ip("::1", 4003), 1);
	fd = make(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	bind_to(fd, ip("127.0.0.1", 4004));
	assert_int_equal(listen(fd, 1), 0);
	fd = make(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)), 0);
	bind_to(fd, ip("::", 4001));
	assert_int_equal(listen(fd, 1), 0);
	assert_there("tcp", "127.0.0.1:4000");
	assert_there("tcp", "0.0.0.0:4001");
	assert_there("tcp", ":::4001");
	assert_there("tcp", "any:4002"); /* the one that takes both families */
	assert_there("tcp", "::1:4003");
	assert_there("tcp", "127.0.0.1%lo:4004");
	assert_int_equal(listed_all("tcp"), 6);
	/* Each is that address and no other, though it takes connections to others. */
	assert_not_there("tcp", "127.0.0.1:4001");
	assert_not_there("tcp", "0.0.0.0:4000");
	assert_not_there("tcp", "0.0.0.0:4002");
	assert_not_there("tcp", ":::4002");
	assert_not_there("tcp", "any:4001");
	assert_not_there("tcp", "127.0.0.1:4004");
	assert_not_there("tcp", "::1:4002");
	assert_not_there("udp", "127.0.0.1:4000");
	assert_not_there("tcp/conn", "127.0.0.1:4000");
}

static void addresses_have_other_spellings(void **state)
{
	struct place place;

	listening(SOCK_STREAM, ip("::1", 4000), 1);
	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	listening(SOCK_STREAM, ip("::", 4001), 1);
	listening(SOCK_STREAM, ip("0.0.0.0", 4002), 1);
	assert_string_equal(object_at("tcp", "[::1]:4000").name, "::1:4000");
	assert_string_equal(object_at("tcp", "0::1:4000").name, "::1:4000");
	assert_string_equal(object_at("tcp", "localhost:4000").name, "127.0.0.1:4000");
	assert_string_equal(object_at("tcp", "any:4001").name, "any:4001");
	assert_int_equal(lookup("tcp", "any:4002", &place), -ENOENT);
	assert_int_equal(lookup("tcp", "any:4000", &place), -ENOENT);
	assert_int_equal(lookup("tcp", "localhost:4001", &place), -ENOENT);
	/* What mkdir looks up after it. */
	assert_string_equal(object_at("tcp", "[::1]:4000,backlog=5,x").name, "::1:4000");
	assert_int_equal(lookup("tcp", ",::1:4000", &place), -ENOENT);
	assert_int_equal(lookup("tcp", "status", &place), -ENOENT);
}

static void bound_sockets_are_directories(void **state)
{
	int fd = bound(SOCK_DGRAM, ip("127.0.0.1", 5000)), client;
	char name[64];

	bound(SOCK_DGRAM, ip("::", 5001));
	client = connected(SOCK_DGRAM, ip("127.0.0.1", 5000));
	snprintf(name, sizeof(name), "127.0.0.1:%u", port_of(client));
	assert_there("udp", "127.0.0.1:5000");
	assert_there("udp", "any:5001");
	assert_there("udp", name);
	assert_int_equal(listed_all("udp"), 3);
	assert_not_there("tcp", "127.0.0.1:5000");
	end(fd);
	assert_not_there("udp", "127.0.0.1:5000");
}

static int reusing(uint16_t port, int backlog)
{
	static const int yes = 1;
	int fd = make(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)), 0);
	bind_to(fd, ip("127.0.0.1", port));
	if (backlog)
		assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static int count_row(void *context, const struct sock_info *sock)
{
	++*(int *)context;
	return 0;
}

/* Not every kernel tells of them. */
static bool bound_is_told(void)
{
	static const struct sock_query query = {
		.tables = TABLE_BIT(TABLE_TCP),
		.states = STATE_BIT(STATE_BOUND_INACTIVE),
	};
	int count = 0;

	assert_int_equal(sock_gather(&query, count_row, &count, NULL), 0);
	return count > 0;
}

static void tcp_sockets_that_are_only_bound_are_directories(void **state)
{
	int fd = bound(SOCK_STREAM, ip("127.0.0.1", 5002));

	if (!bound_is_told()) {
		assert_not_there("tcp", "127.0.0.1:5002");
		skip();
	}
	assert_there("tcp", "127.0.0.1:5002");
	assert_shows("tcp", "127.0.0.1:5002", "state", "UNCONN\n");
	assert_shows("tcp", "127.0.0.1:5002", "backlog", "");
	assert_int_equal(listen(fd, 3), 0);
	assert_shows("tcp", "127.0.0.1:5002", "state", "LISTEN\n");
	/* Among several the listener comes first, though it is the youngest. */
	reusing(5003, 0);
	assert_shows("tcp", "127.0.0.1:5003", "state", "UNCONN\n");
	reusing(5003, 4);
	assert_there("tcp", "127.0.0.1:5003");
	assert_shows("tcp", "127.0.0.1:5003", "state", "LISTEN\n");
	char *text = show("tcp", "127.0.0.1:5003", "status");
	assert_true(strstr(text, "LISTEN") < strstr(text, "UNCONN"));
	free(text);
}

static void connections_are_directories(void **state)
{
	int listener = listening(SOCK_STREAM, ip("::", 4000), 5), client, server;
	char name[128], back[128], tail[128];

	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	server = accepted(listener);
	snprintf(name, sizeof(name), "127.0.0.1:%u-127.0.0.1:4000", port_of(client));
	snprintf(back, sizeof(back), "::ffff:127.0.0.1:4000-::ffff:127.0.0.1:%u", port_of(client));
	assert_there("tcp/conn", name);
	assert_there("tcp/conn", back);
	assert_not_there("tcp", "127.0.0.1:4000");
	assert_int_equal(listed_all("tcp/conn"), 2);
	assert_shows("tcp/conn", name, "state", "ESTAB\n");
	/* The same connection goes through its states, and is the same object. */
	struct place place = object_at("tcp/conn", name);
	int error;
	shutdown(client, SHUT_WR);
	await_state(client, TCP_FIN_WAIT2);
	await_state(server, TCP_CLOSE_WAIT);
	assert_shows("tcp/conn", name, "state", "FIN-WAIT-2\n");
	assert_shows("tcp/conn", back, "state", "CLOSE-WAIT\n");
	end(server);
	await_state(client, TCP_CLOSE);
	assert_shows("tcp/conn", name, "state", "TIME-WAIT\n");
	assert_shows("tcp/conn", name, "inode", "");
	free(show_at(place, "state", &error));
	assert_int_equal(error, 0);
	assert_not_there("tcp/conn", back);
	/* An end that has a name of its own for the interface. */
	client = make(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	struct address address = ip("127.0.0.1", 4000);
	assert_int_equal(connect(client, &address.any, address.size), 0);
	snprintf(tail, sizeof(tail), "127.0.0.1%%lo:%u-127.0.0.1:4000", port_of(client));
	assert_there("tcp/conn", tail);
}

static void unix_addresses_are_directories(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/l"), 5), server, fds[2];
	char anon[16], line[32];

	connected(SOCK_STREAM, local(DIRECTORY "/l"));
	server = accepted(listener);
	bound(SOCK_DGRAM, local(DIRECTORY "/d"));
	connected(SOCK_DGRAM, local(DIRECTORY "/d")); /* which connects the other end too */
	bound(SOCK_STREAM, local("@abstract/x"));
	bound(SOCK_SEQPACKET, local(DIRECTORY "/a b\n\xff%"));
	pair(SOCK_STREAM, fds);
	assert_there("unix", "%2Fmnt%2Fl");
	assert_there("unix", "%2Fmnt%2Fd");
	assert_there("unix", "@abstract%2Fx");
	assert_there("unix", "%2Fmnt%2Fa b%0A\xff%25");
	assert_int_equal(listed_all("unix"), 4);
	assert_not_there("unix", "%2Fmnt%2fl");
	assert_not_there("unix", "l");
	/* What has no address of its own: both ends of a pair, what is accepted, who connects. */
	snprintf(anon, sizeof(anon), "%u", inode_of(fds[0]));
	assert_there("unix/anon", anon);
	snprintf(line, sizeof(line), "%s\n", anon);
	assert_shows("unix/anon", anon, "inode", line);
	snprintf(anon, sizeof(anon), "%u", inode_of(server));
	assert_there("unix/anon", anon);
	assert_shows("unix/anon", anon, "local", DIRECTORY "/l\n");
	assert_int_equal(listed_all("unix/anon"), 5);
	snprintf(anon, sizeof(anon), "%u", inode_of(listener));
	assert_not_there("unix/anon", anon);
	snprintf(anon, sizeof(anon), "0%u", inode_of(server));
	assert_not_there("unix/anon", anon);
	assert_not_there("unix/anon", "");
	assert_not_there("unix/anon", "0");
	assert_not_there("unix/anon", "-1");
	unlink(DIRECTORY "/l");
	unlink(DIRECTORY "/d");
	unlink(DIRECTORY "/a b\n\xff%");
}

static void sockets_of_the_run_directory_have_plain_names(void **state)
{
	int fd = listening(SOCK_STREAM, local(RUN_DIRECTORY "/unix/x.sock"), 5), other, error;
	struct stat st, file;
	struct place place;

	listening(SOCK_STREAM, local(RUN_DIRECTORY "/unix/odd%"), 5);
	listening(SOCK_STREAM, local(RUN_DIRECTORY "/unix/anon"), 5);
	connected(SOCK_STREAM, local(RUN_DIRECTORY "/unix/x.sock"));
	assert_there("unix", "x.sock");
	/* Names that mean something else are written out. */
	assert_there("unix", "%2Fmnt%2Frun%2Funix%2Fodd%25");
	assert_there("unix", "%2Fmnt%2Frun%2Funix%2Fanon");
	assert_int_equal(listed_all("unix"), 3);
	assert_shows("unix", "x.sock", "state", "LISTEN\n");
	assert_shows("unix", "x.sock", "local", RUN_DIRECTORY "/unix/x.sock\n");
	assert_shows("unix", "x.sock", "recvq", "1\n");
	assert_shows("unix", "x.sock", "backlog", "5\n");
	/* Owner and mode are those of the file, which decide who may connect. */
	assert_int_equal(chown(RUN_DIRECTORY "/unix/x.sock", NOBODY, 7), 0);
	assert_int_equal(chmod(RUN_DIRECTORY "/unix/x.sock", 0620), 0);
	place = object_at("unix", "x.sock");
	memset(&st, 0, sizeof(st));
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(stat(RUN_DIRECTORY "/unix/x.sock", &file), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_gid, 7);
	assert_int_equal(st.st_mode, 0620);
	assert_memory_equal(&st.st_mtim, &file.st_mtim, sizeof(st.st_mtim));
	/* The file is the object, under whatever name, as long as some process has the socket. */
	assert_int_equal(rename(RUN_DIRECTORY "/unix/x.sock", RUN_DIRECTORY "/unix/y"), 0);
	assert_there("unix", "y");
	assert_shows("unix", "y", "state", "LISTEN\n");
	place = object_at("unix", "y");
	end(fd);
	assert_not_there("unix", "y");
	free(show_at(place, "state", &error));
	assert_int_equal(error, -ENOENT);
	/* Another with its name is another. */
	assert_int_equal(unlink(RUN_DIRECTORY "/unix/y"), 0);
	other = bound(SOCK_DGRAM, local(RUN_DIRECTORY "/unix/y"));
	assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
	free(show_at(place, "state", &error));
	assert_int_equal(error, -ENOENT);
	assert_there("unix", "y");
	end(other);
	/* Only sockets count. */
	assert_int_equal(symlink("y", RUN_DIRECTORY "/unix/link"), 0);
	assert_int_equal(mkdir(RUN_DIRECTORY "/unix/directory", 0755), 0);
	assert_not_there("unix", "link");
	assert_not_there("unix", "directory");
	assert_int_equal(system("rm -r " RUN_DIRECTORY "/unix/*"), 0);
}

static void nothing_can_be_done_to_them(void **state)
{
	const struct change change = {.has_mode = true, .mode = 0600};
	struct place place, made;

	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	place = object_at("tcp", "127.0.0.1:4000");
	assert_int_equal(place.dir->remove(&call, &place), -EPERM);
	assert_non_null(strstr(call.reason, "holders"));
	assert_int_equal(place.dir->change(&call, &place, &change), -EPERM);
	assert_int_equal(place.dir->rename(&call, &place, "x", 0), -EPERM);
	place = dir_at("tcp/conn");
	assert_int_equal(place.dir->make(&call, &place, "x", 0600, &made), -EPERM);
}

/* ---- an address that others have ---- */

static void sockets_share_an_address(void **state)
{
	int first = reusing(4000, 3), second = reusing(4000, 3);
	struct stat st = {0};
	struct place place;
	char *text, line[64];

	reusing(4000, 0); /* bound and no more */
	assert_there("tcp", "127.0.0.1:4000");
	text = show("tcp", "127.0.0.1:4000", "status");
	assert_int_equal(count_of(text, "LISTEN     0        3        127.0.0.1:4000 "), 2);
	assert_in_range(count_of(text, "UNCONN"), 0, 1);
	free(text);
	text = show("tcp", "127.0.0.1:4000", "holders");
	snprintf(line, sizeof(line), "%d root fd=%d unit-sock_tree\n", getpid(), first);
	assert_int_equal(count_of(text, line), 1);
	snprintf(line, sizeof(line), "%d root fd=%d unit-sock_tree\n", getpid(), second);
	assert_int_equal(count_of(text, line), 1);
	free(text);
	/* Figures are a listener's, as long as there is one. */
	end(first);
	assert_shows("tcp", "127.0.0.1:4000", "state", "LISTEN\n");
	assert_int_equal(listed("tcp", "127.0.0.1:4000"), 1);
	place = object_at("tcp", "127.0.0.1:4000");
	end(second);
	assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
}

static void another_socket_is_another_object(void **state)
{
	int fd = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1), error;
	struct place place = object_at("tcp", "127.0.0.1:4000"), later;
	struct stat st;

	assert_int_equal(place.dir->stat(&place, &st), 0);
	end(fd);
	assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
	free(show_at(place, "state", &error));
	assert_int_equal(error, -ENOENT);
	free(show_at(place, "holders", &error));
	assert_int_equal(error, -ENOENT);
	later = object_at("tcp", "127.0.0.1:4000");
	assert_true(later.identity != place.identity);
	assert_int_equal(place.dir->stat(&later, &st), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listeners_are_directories),
		TEST(addresses_have_other_spellings),
		TEST(bound_sockets_are_directories),
		TEST(tcp_sockets_that_are_only_bound_are_directories),
		TEST(connections_are_directories),
		TEST(unix_addresses_are_directories),
		TEST(sockets_of_the_run_directory_have_plain_names),
		TEST(nothing_can_be_done_to_them),
		TEST(sockets_share_an_address),
		TEST(another_socket_is_another_object),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
