/*
 * test_sock_diag - what is gathered of IP sockets and of those of the kernel's own families.
 */
#include "sock_gathered.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>

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
		TEST(the_caller_ends_it),
		TEST(many_are_told_once_each),
		TEST(everyone_is_told_the_same),
	};

	setrlimit(RLIMIT_NOFILE, &files);
	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
