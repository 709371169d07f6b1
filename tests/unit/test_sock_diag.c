/*
 * test_sock_diag - what is gathered of each sort of socket, and asking for one.
 */
#include "sock_fixture.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/unix_diag.h>
#include <sys/sysmacros.h>

#include "sockets/sock_answer.h"

/* ---- gathering ---- */

static struct sock_list gathered(struct sock_query query)
{
	struct sock_list list = {NULL};

	assert_int_equal(sock_gather(&query, sock_list_add, &list, &list.untold), 0);
	return list;
}

/* The only socket of an inode number. */
static struct sock_info *row_of(const struct sock_list *list, int fd)
{
	struct sock_info *found = NULL;
	uint32_t inode = inode_of(fd);

	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].inode != inode)
			continue;
		assert_null(found);
		found = &list->rows[i];
	}
	assert_non_null(found);
	return found;
}

static struct sock_list gathered_from(enum sock_table table)
{
	return gathered((struct sock_query){.tables = TABLE_BIT(table)});
}

static void an_empty_namespace_is_empty(void **state)
{
	static const enum sock_table tables[] = {TABLE_PACKET, TABLE_UNIX,  TABLE_RAW, TABLE_UDP,
						 TABLE_TCP,    TABLE_MPTCP, TABLE_SCTP};

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		struct sock_list list = gathered_from(tables[i]);

		assert_int_equal(list.count, 0);
		sock_list_free(&list);
	}
}

static void tcp_is_told(void **state)
{
	int listener = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 5), client, server;
	struct sock_list list;
	struct sock_info *row;

	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	server = accepted(listener);
	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	await_input(listener);
	send_between(client, server, "seven b");
	list = gathered_from(TABLE_TCP);
	assert_int_equal(list.count, 5);

	row = row_of(&list, listener);
	assert_int_equal(row->table, TABLE_TCP);
	assert_int_equal(row->family, AF_INET);
	assert_int_equal(row->type, SOCK_STREAM);
	assert_int_equal(row->state, TCP_LISTEN);
	assert_int_equal(row->recvq, 1);
	assert_int_equal(row->sendq, 5);
	assert_int_equal(row->inet.local.port, 4000);
	assert_memory_equal(row->inet.local.address, "\x7f\0\0\1", 4);
	assert_int_equal(row->inet.remote.port, 0);
	assert_true(row->has_uid);
	assert_int_equal(row->uid, 0);
	assert_true(row->cookie != 0);

	row = row_of(&list, server);
	assert_int_equal(row->state, TCP_ESTABLISHED);
	assert_int_equal(row->recvq, 7);
	assert_int_equal(row->inet.local.port, 4000);
	assert_int_equal(row->inet.remote.port, port_of(client));
	sock_list_free(&list);
}

static void tcp_that_is_only_bound_is_told(void **state)
{
	int fd = bound(SOCK_STREAM, ip("127.0.0.1", 4000)),
	    fd6 = bound(SOCK_STREAM, ip("::1", 4000));
	struct sock_list list = gathered_from(TABLE_TCP);

	if (list.count == 0) {
		sock_list_free(&list);
		print_message("skip: this kernel does not tell of them\n");
		skip();
	}
	assert_int_equal(list.count, 2);
	assert_int_equal(row_of(&list, fd)->state, TCP_CLOSE);
	assert_int_equal(row_of(&list, fd6)->family, AF_INET6);
	sock_list_free(&list);
	list = gathered((struct sock_query){.tables = TABLE_BIT(TABLE_TCP),
					    .states = STATE_BIT(TCP_LISTEN)});
	assert_int_equal(list.count, 0);
	sock_list_free(&list);
}

static void both_families_are_told(void **state)
{
	static const int yes = 1;
	int both = listening(SOCK_STREAM, ip("::", 4000), 1), only = make(AF_INET6, SOCK_STREAM, 0);
	int client = connected(SOCK_STREAM, ip("127.0.0.1", 4000)), server = accepted(both);
	struct sock_list list;
	struct sock_info *row;

	assert_int_equal(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)), 0);
	bind_to(only, ip("::", 4001));
	assert_int_equal(listen(only, 1), 0);
	list = gathered_from(TABLE_TCP);
	assert_false(row_of(&list, both)->v6only);
	assert_true(row_of(&list, only)->v6only);
	assert_int_equal(row_of(&list, client)->family, AF_INET);
	row = row_of(&list, server);
	assert_int_equal(row->family, AF_INET6);
	assert_memory_equal(row->inet.local.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	sock_list_free(&list);
}

static void queries_choose(void **state)
{
	static const struct {
		struct sock_query query;
		size_t count;
	} cases[] = {
		{{.tables = TABLE_BIT(TABLE_TCP)}, 6},
		{{.tables = TABLE_BIT(TABLE_UDP)}, 2},
		{{.tables = TABLE_BIT(TABLE_TCP) | TABLE_BIT(TABLE_UDP)}, 8},
		{{.tables = TABLE_BIT(TABLE_TCP), .states = STATE_BIT(TCP_LISTEN)}, 4},
		{{.tables = TABLE_BIT(TABLE_TCP), .states = STATE_BIT(TCP_ESTABLISHED)}, 2},
		{{.tables = TABLE_BIT(TABLE_TCP), .port = 4000}, 4},
		{{.tables = TABLE_BIT(TABLE_TCP), .port = 4000, .states = STATE_BIT(TCP_LISTEN)},
		 3},
		{{.tables = TABLE_BIT(TABLE_TCP), .port = 4000, .family = AF_INET6}, 1},
		{{.tables = TABLE_BIT(TABLE_TCP), .port = 4001, .family = AF_INET6}, 0},
		{{.tables = TABLE_BIT(TABLE_UDP), .port = 4000}, 1},
		{{.tables = TABLE_BIT(TABLE_UNIX), .states = STATE_BIT(TCP_LISTEN)}, 1},
		{{.tables = TABLE_BIT(TABLE_UNIX), .family = AF_INET}, 0},
		{{.tables = TABLE_BIT(TABLE_UNIX)}, 3},
	};
	int fds[2];

	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	listening(SOCK_STREAM, ip("127.0.0.2", 4000), 1);
	listening(SOCK_STREAM, ip("::1", 4000), 1);
	listening(SOCK_STREAM, ip("127.0.0.1", 4001), 1);
	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	bound(SOCK_DGRAM, ip("127.0.0.1", 4000));
	bound(SOCK_DGRAM, ip("127.0.0.1", 4001));
	listening(SOCK_STREAM, local("@queries"), 1);
	pair(SOCK_STREAM, fds);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sock_list list = gathered(cases[i].query);

		if (list.count != cases[i].count)
			fail_msg("case %zu: %zu sockets", i, list.count);
		sock_list_free(&list);
	}
}

static void raw_is_told(void **state)
{
	int icmp = make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	int icmp6 = make(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	struct address address = ip("127.0.0.1", 0);
	struct sock_list list;
	struct sock_info *row;

	bind_to(icmp, address);
	assert_int_equal(sendto(icmp, "\0\0\0\0\0\0\0\0", 8, 0, &address.any, address.size), 8);
	await_input(icmp);
	list = gathered_from(TABLE_RAW);
	assert_int_equal(list.count, 2);
	row = row_of(&list, icmp);
	assert_int_equal(row->family, AF_INET);
	assert_int_equal(row->type, SOCK_RAW);
	assert_int_equal(row->state, TCP_CLOSE);
	assert_memory_equal(row->inet.local.address, "\x7f\0\0\1", 4);
	assert_int_equal(row->inet.local.port, IPPROTO_ICMP);
	assert_true(row->recvq > 0);
	assert_int_equal(row->sendq, 0);
	row = row_of(&list, icmp6);
	assert_int_equal(row->family, AF_INET6);
	assert_int_equal(row->inet.local.port, IPPROTO_ICMPV6);
	sock_list_free(&list);
	list = gathered((struct sock_query){.tables = TABLE_BIT(TABLE_RAW), .family = AF_INET6});
	assert_int_equal(list.count, 1);
	sock_list_free(&list);
}

static void others_are_told(void **state)
{
	int packet = make(AF_PACKET, SOCK_DGRAM, 0);
	int netlink = make(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_ll link = {.sll_family = AF_PACKET,
				   .sll_protocol = htons(0x88b5),
				   .sll_ifindex = (int)if_nametoindex("lo")};
	struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 2};
	struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_pid = 4711};
	struct sock_list list;
	struct sock_info *row;

	assert_int_equal(bind(packet, (struct sockaddr *)&link, sizeof(link)), 0);
	assert_int_equal(bind(netlink, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(connect(netlink, (struct sockaddr *)&group, sizeof(group)), 0);
	list = gathered_from(TABLE_PACKET);
	assert_int_equal(list.count, 1);
	row = row_of(&list, packet);
	assert_int_equal(row->type, SOCK_DGRAM);
	assert_int_equal(row->packet.protocol, 0x88b5);
	assert_int_equal(row->packet.interface, if_nametoindex("lo"));
	sock_list_free(&list);
	list = gathered_from(TABLE_NETLINK);
	row = row_of(&list, netlink);
	assert_int_equal(row->netlink.protocol, NETLINK_KOBJECT_UEVENT);
	assert_int_equal(row->netlink.port, 4711);
	assert_true(row->netlink.connected);
	assert_int_equal(row->netlink.remote_group, 2);
	sock_list_free(&list);
}

/* The kernel has one that hears multicast in two lists. */
static void netlink_sockets_are_told_once_each(void **state)
{
	enum { COUNT = 40 };
	struct sock_list list;
	int fds[COUNT];

	for (int i = 0; i < COUNT; i++) {
		struct sockaddr_nl hears = {.nl_family = AF_NETLINK, .nl_groups = 1};

		fds[i] = make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
		assert_int_equal(bind(fds[i], (struct sockaddr *)&hears, sizeof(hears)), 0);
	}
	list = gathered_from(TABLE_NETLINK);
	for (int i = 0; i < COUNT; i++) {
		int times = 0;

		for (size_t row = 0; row < list.count; row++)
			times += list.rows[row].inode == inode_of(fds[i]);
		assert_int_equal(times, 1);
	}
	sock_list_free(&list);
}

/* ---- unix ---- */

static void assert_name(const struct sock_info *row, const char *name, size_t size)
{
	assert_int_equal(row->un.name_size, size);
	assert_memory_equal(row->un.name, name, size);
}

static void unix_is_told(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < 3; i++) {
		int fds[2], unnamed = make(AF_UNIX, types[i], 0);
		struct sock_list list;

		pair(types[i], fds);
		send_between(fds[0], fds[1], "abc");
		list = gathered_from(TABLE_UNIX);
		assert_int_equal(list.count, 3);
		for (size_t j = 0; j < list.count; j++) {
			assert_int_equal(list.rows[j].type, types[i]);
			assert_int_equal(list.rows[j].un.name_size, 0);
			assert_false(list.rows[j].un.has_file);
			assert_true(list.rows[j].has_uid);
		}
		assert_int_equal(row_of(&list, unnamed)->state, TCP_CLOSE);
		assert_int_equal(row_of(&list, unnamed)->un.peer, 0);
		assert_int_equal(row_of(&list, fds[0])->state, TCP_ESTABLISHED);
		assert_int_equal(row_of(&list, fds[0])->un.peer, inode_of(fds[1]));
		assert_int_equal(row_of(&list, fds[1])->un.peer, inode_of(fds[0]));
		/* Bytes of a stream and of the first message; what is on its way counts as memory.
		 */
		assert_int_equal(row_of(&list, fds[1])->recvq, 3);
		assert_true(row_of(&list, fds[0])->sendq > 0);
		sock_list_free(&list);
		close_all(NULL);
	}
}

static int take_pending(void *context, const struct sock_info *sock)
{
	assert_int_equal(sock->un.pending_count, 1);
	*(uint32_t *)context = sock->un.pending[0];
	return 0;
}

static void a_listener_tells_who_waits(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/l"), 4);
	int first = connected(SOCK_STREAM, local(DIRECTORY "/l"));
	int second = connected(SOCK_STREAM, local(DIRECTORY "/l")), server = accepted(listener);
	struct sock_list list = gathered_from(TABLE_UNIX);
	const struct sock_info *row = row_of(&list, listener);
	uint32_t waiting;
	struct stat st;

	assert_int_equal(row->state, TCP_LISTEN);
	assert_int_equal(row->recvq, 1);
	assert_int_equal(row->sendq, 4);
	assert_int_equal(sock_get_pending(inode_of(listener), take_pending, &waiting), 0);
	assert_int_equal(waiting, inode_of(second));
	assert_name(row, DIRECTORY "/l", strlen(DIRECTORY "/l"));
	assert_int_equal(stat(DIRECTORY "/l", &st), 0);
	assert_true(row->un.has_file);
	assert_int_equal(row->un.file_inode, (uint32_t)st.st_ino);
	assert_int_equal(row->un.file_device, st.st_dev);
	/* What it accepts has its address. */
	row = row_of(&list, server);
	assert_int_equal(row->state, TCP_ESTABLISHED);
	assert_int_equal(row->un.peer, inode_of(first));
	assert_name(row, DIRECTORY "/l", strlen(DIRECTORY "/l"));
	sock_list_free(&list);
	unlink(DIRECTORY "/l");
}

static int count_pending(void *context, const struct sock_info *sock)
{
	*(size_t *)context = sock->un.pending_count;
	return 0;
}

/* More than fit into what the kernel answers with hide no other socket. */
static void many_may_wait(void **state)
{
	enum { WAITING = 1500 };
	int listeners[20];
	struct sock_list list;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "@busy%zu", i);
		listeners[i] = listening(SOCK_STREAM, local(name), i ? 100 : WAITING);
		for (size_t j = 0; j < (i ? 100 : WAITING); j++)
			connected(SOCK_STREAM, local(name));
	}
	list = gathered_from(TABLE_UNIX);
	assert_int_equal(list.count, 20 + WAITING + 19 * 100);
	assert_int_equal(row_of(&list, listeners[0])->recvq, WAITING);
	sock_list_free(&list);
	assert_int_equal(sock_get_pending(inode_of(listeners[1]), count_pending, &count), 0);
	assert_int_equal(count, 100);
	error = sock_get_pending(inode_of(listeners[0]), count_pending, &count);
	assert_true(error == -EMSGSIZE || (error == 0 && count == WAITING));
}

static void names_are_told_byte_for_byte(void **state)
{
	static const struct {
		const char *bind;
		size_t size;
		const char *told;
		size_t told_size;
	} cases[] = {
		{DIRECTORY "/a b\n\xff\xfe", sizeof(DIRECTORY "/a b\n\xff\xfe") - 1,
		 DIRECTORY "/a b\n\xff\xfe", sizeof(DIRECTORY "/a b\n\xff\xfe") - 1},
		/* A NUL ends a path, whatever its length is said to be. */
		{DIRECTORY "/n\0ul", sizeof(DIRECTORY "/n\0ul") - 1, DIRECTORY "/n",
		 sizeof(DIRECTORY "/n") - 1},
		{"@abs", 4, "\0abs", 4},
		{"@abs\0", 5, "\0abs\0", 5},
		{"@\0\n /%,\xff", 8, "\0\0\n /%,\xff", 8},
		{"@", 1, "\0", 1},
	};
	char longest[108];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = bound(SOCK_DGRAM, local_bytes(cases[i].bind, cases[i].size));
		struct sock_list list = gathered_from(TABLE_UNIX);

		assert_name(row_of(&list, fd), cases[i].told, cases[i].told_size);
		sock_list_free(&list);
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < 2; i++) {
		struct sock_list list;
		int fd;

		if (i == 0)
			memcpy(longest, DIRECTORY "/", sizeof(DIRECTORY));
		else
			longest[0] = '@';
		fd = bound(SOCK_DGRAM, local_bytes(longest, sizeof(longest)));
		if (i == 1)
			longest[0] = '\0';
		list = gathered_from(TABLE_UNIX);
		assert_name(row_of(&list, fd), longest, sizeof(longest));
		sock_list_free(&list);
	}
	assert_int_equal(unlink(DIRECTORY "/a b\n\xff\xfe"), 0);
	assert_int_equal(unlink(DIRECTORY "/n"), 0);
}

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

/* ---- many, and errors ---- */

static int stop(void *context, const struct sock_info *sock)
{
	return ++*(int *)context == 3 ? -ENOENT : 0;
}

static void the_caller_ends_it(void **state)
{
	static const struct sock_query query;
	uint32_t untold = 0;
	int seen = 0;

	for (uint16_t port = 4000; port < 4010; port++)
		listening(SOCK_STREAM, ip("127.0.0.1", port), 1);
	/* Also with an error that the kernel has a meaning for. */
	assert_int_equal(sock_gather(&query, stop, &seen, &untold), -ENOENT);
	assert_int_equal(seen, 3);
	assert_int_equal(untold, 0);
}

static void many_are_told_once_each(void **state)
{
	enum { MANY = 1500 };
	struct sock_list list;

	for (uint16_t i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "@many-%d-with-a-name-to-be", i);
		bound(SOCK_DGRAM, local(name));
		listening(SOCK_STREAM, ip("127.0.0.1", (uint16_t)(10000 + i)), 1);
	}
	list = gathered_from(TABLE_UNIX);
	assert_int_equal(list.count, MANY);
	sock_list_free(&list);
	list = gathered_from(TABLE_TCP);
	assert_int_equal(list.count, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(row_of(&list, kept[2 * i + 1])->inet.local.port, 10000 + i);
	sock_list_free(&list);
}

static void everyone_is_told_the_same(void **state)
{
	int fd = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	struct sock_list list;

	listening(SOCK_STREAM, local("@other"), 1);
	make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	become(NOBODY);
	list = gathered((struct sock_query){.tables = TABLES_ALL & ~TABLE_BIT(TABLE_NETLINK) &
						      ~TABLE_BIT(TABLE_PACKET)});
	become(0);
	assert_int_equal(list.count, 3);
	assert_int_equal(row_of(&list, fd)->uid, 0);
	sock_list_free(&list);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct rlimit files = {4096, 4096};
	const struct CMUnitTest tests[] = {
		TEST(an_empty_namespace_is_empty),
		TEST(tcp_is_told),
		TEST(tcp_that_is_only_bound_is_told),
		TEST(both_families_are_told),
		TEST(queries_choose),
		TEST(raw_is_told),
		TEST(others_are_told),
		TEST(netlink_sockets_are_told_once_each),
		TEST(unix_is_told),
		TEST(a_listener_tells_who_waits),
		TEST(many_may_wait),
		TEST(names_are_told_byte_for_byte),
		TEST(a_connection_is_asked_for),
		TEST(a_connection_of_ipv6_is_asked_for),
		TEST(a_listener_is_asked_for),
		TEST(a_unix_socket_is_asked_for),
		TEST(short_answers_are_none),
		TEST(odd_attributes_are_read_as_far_as_they_go),
		TEST(the_caller_ends_it),
		TEST(many_are_told_once_each),
		TEST(everyone_is_told_the_same),
	};

	setrlimit(RLIMIT_NOFILE, &files);
	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
