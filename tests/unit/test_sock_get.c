/*
 * test_sock_get - asking the kernel for one socket, and reading answers that it does not give.
 */
#include "sock_gathered.h"

#include <linux/unix_diag.h>
#include <sys/sysmacros.h>

#include "sockets/sock_answer.h"

/* ---- asking for one ---- */

static void a_connection_is_asked_for(void **state)
{
	int listener = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 5);
	int client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	struct sock_end at_listener = {{127, 0, 0, 1}, 0, 4000};
	struct sock_end at_client = {{127, 0, 0, 1}, 0, port_of(client)};
	struct sock_end other = at_client, nowhere = {0};
	struct sock_info sock;

	assert_int_equal(sock_get_connection(AF_INET, &at_client, &at_listener, &sock), 0);
	assert_int_equal(sock.inode, inode_of(client));
	assert_int_equal(sock_get_connection(AF_INET, &at_listener, &at_client, &sock), 0);
	assert_int_equal(sock.inode, 0); /* nobody has accepted it */
	/* The listener is not meant, though the kernel finds it. */
	other.port++;
	assert_int_equal(sock_get_connection(AF_INET, &at_listener, &other, &sock), -ENOENT);
	assert_int_equal(sock_get_connection(AF_INET, &at_listener, &nowhere, &sock), -ENOENT);
	other = at_client;
	other.interface = if_nametoindex("lo");
	assert_int_equal(sock_get_connection(AF_INET, &other, &at_listener, &sock), -ENOENT);
	assert_int_equal(sock_get_connection(AF_INET6, &at_client, &at_listener, &sock), -ENOENT);
	end(listener);
	end(client);
}

static void a_connection_of_ipv6_is_asked_for(void **state)
{
	struct sock_end local6 = {.port = 4000}, remote6 = {.port = 0};
	struct sock_info sock;
	int client, server, listener;

	listener = listening(SOCK_STREAM, ip("::", 4000), 5);
	client = connected(SOCK_STREAM, ip("::1", 4000));
	server = accepted(listener);
	local6.address[15] = remote6.address[15] = 1;
	remote6.port = port_of(client);
	assert_int_equal(sock_get_connection(AF_INET6, &local6, &remote6, &sock), 0);
	assert_int_equal(sock.inode, inode_of(server));
	/* Mapped. */
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	server = accepted(listener);
	memcpy(local6.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	memcpy(remote6.address, local6.address, 16);
	remote6.port = port_of(client);
	assert_int_equal(sock_get_connection(AF_INET6, &local6, &remote6, &sock), 0);
	assert_int_equal(sock.inode, inode_of(server));
}

static void a_listener_is_asked_for(void **state)
{
	struct sock_end end = {{127, 0, 0, 1}, 0, 4000}, end6 = {.port = 4001}, other;
	int fd = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 5);
	int fd6 = listening(SOCK_STREAM, ip("::", 4001), 5);
	struct sock_list list = gathered_from(TABLE_TCP);
	uint64_t cookie = row_of(&list, fd)->cookie, cookie6 = row_of(&list, fd6)->cookie;
	struct sock_info sock;

	sock_list_free(&list);
	assert_int_equal(sock_get_listener(AF_INET, &end, cookie, &sock), 0);
	assert_int_equal(sock.inode, inode_of(fd));
	assert_int_equal(sock.cookie, cookie);
	assert_int_equal(sock_get_listener(AF_INET6, &end6, cookie6, &sock), 0);
	assert_int_equal(sock.inode, inode_of(fd6));
	assert_int_equal(sock_get_listener(AF_INET, &end, cookie6, &sock), -ENOENT);
	/* One that takes connections to this address too is not of this address. */
	other = end6;
	other.address[15] = 1;
	assert_int_equal(sock_get_listener(AF_INET6, &other, cookie6, &sock), -ENOENT);
	memset(&other, 0, sizeof(other));
	other.port = 4001;
	assert_int_equal(sock_get_listener(AF_INET, &other, cookie6, &sock), -ENOENT);
	other.port = 4002;
	assert_int_equal(sock_get_listener(AF_INET, &other, cookie, &sock), -ENOENT);
}

static void a_unix_socket_is_asked_for(void **state)
{
	struct sock_info sock;
	int fds[2];

	pair(SOCK_STREAM, fds);
	assert_int_equal(sock_get_unix(inode_of(fds[0]), &sock), 0);
	assert_int_equal(sock.un.peer, inode_of(fds[1]));
	assert_int_equal(sock_get_unix(0, &sock), -ENOENT);
	assert_int_equal(sock_get_unix(UINT32_MAX, &sock), -ENOENT);
	/* One of another sort is none. */
	assert_int_equal(sock_get_unix(inode_of(bound(SOCK_DGRAM, ip("127.0.0.1", 4000))), &sock),
			 -ENOENT);
}

/* ---- what the kernel does not say, made up ---- */

struct message {
	_Alignas(struct nlmsghdr) char bytes[512];
};

static struct nlmsghdr *message_of(struct message *message, size_t payload)
{
	struct nlmsghdr *answer = mnl_nlmsg_put_header(message->bytes);

	memset(mnl_nlmsg_put_extra_header(answer, payload), 0, payload);
	return answer;
}

static void short_answers_are_none(void **state)
{
	static bool (*const readers[])(const struct nlmsghdr *, struct sock_info *) = {
		sock_answer_inet, sock_answer_unix, sock_answer_netlink, sock_answer_packet};
	struct sock_info sock = {.table = TABLE_TCP};
	struct message message;

	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++)
		for (size_t size = 0; size < 8; size += 4)
			assert_false(readers[i](message_of(&message, size), &sock));
}

static void odd_attributes_are_read_as_far_as_they_go(void **state)
{
	static const struct unix_diag_vfs file = {4711, 259u << 20 | 0x54321};
	char name[200];
	struct sock_info sock = {.table = TABLE_UNIX};
	struct message message;
	struct nlmsghdr *answer = message_of(&message, sizeof(struct unix_diag_msg));

	memset(name, 'x', sizeof(name));
	mnl_attr_put(answer, UNIX_DIAG_NAME, sizeof(name), name);
	mnl_attr_put(answer, UNIX_DIAG_VFS, sizeof(file), &file);
	mnl_attr_put(answer, UNIX_DIAG_PEER, 2, "12");
	mnl_attr_put(answer, UNIX_DIAG_RQLEN, 4, "1234");
	mnl_attr_put(answer, UNIX_DIAG_UID, 0, "");
	mnl_attr_put(answer, 200, 4, "1234");
	assert_true(sock_answer_unix(answer, &sock));
	assert_int_equal(sock.un.name_size, sizeof(sock.un.name));
	assert_int_equal(major(sock.un.file_device), 259);
	assert_int_equal(minor(sock.un.file_device), 0x54321);
	assert_int_equal(sock.un.file_inode, 4711);
	assert_int_equal(sock.un.peer, 0);
	assert_int_equal(sock.recvq, 0);
	assert_false(sock.has_uid);
	/* An empty name is none. */
	sock = (struct sock_info){.table = TABLE_UNIX};
	answer = message_of(&message, sizeof(struct unix_diag_msg));
	mnl_attr_put(answer, UNIX_DIAG_NAME, 0, "");
	assert_true(sock_answer_unix(answer, &sock));
	assert_int_equal(sock.un.name_size, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct rlimit files = {4096, 4096};
	const struct CMUnitTest tests[] = {
		TEST(a_connection_is_asked_for), TEST(a_connection_of_ipv6_is_asked_for),
		TEST(a_listener_is_asked_for),   TEST(a_unix_socket_is_asked_for),
		TEST(short_answers_are_none),    TEST(odd_attributes_are_read_as_far_as_they_go),
	};

	setrlimit(RLIMIT_NOFILE, &files);
	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
