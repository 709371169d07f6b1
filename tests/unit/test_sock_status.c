/*
 * test_sock_status - the table and JSON of all sockets, against ss and by what the test itself
 * made.
 */
#include "sock_fixture.h"

#include <jansson.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>

/* ---- sockets of all sorts ---- */

static void make_tcp(void)
{
	int listener = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 5), client, server;

	/* Both directions established, bytes waiting at each end. */
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	server = accepted(listener);
	send_between(client, server, "seven b");
	send_between(server, client, "12345");
	await_sent(client);
	await_sent(server);
	/* Waiting to be accepted. */
	connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	await_input(listener);
	/* One end closed: FIN-WAIT-2 and CLOSE-WAIT. */
	listener = listening(SOCK_STREAM, ip("127.0.0.1", 4001), 1);
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4001));
	server = accepted(listener);
	shutdown(client, SHUT_WR);
	await_state(server, TCP_CLOSE_WAIT);
	await_state(client, TCP_FIN_WAIT2);
	/* Both: TIME-WAIT, which nobody has. */
	client = connected(SOCK_STREAM, ip("127.0.0.1", 4001));
	server = accepted(listener);
	shutdown(client, SHUT_WR);
	await_state(server, TCP_CLOSE_WAIT);
	await_state(client, TCP_FIN_WAIT2);
	end(server);
	await_state(client, TCP_CLOSE);
	end(client);
}

static void make_tcp6(void)
{
	static const int yes = 1;
	int listener, fd;

	listening(SOCK_STREAM, ip("::1", 4010), 2);
	connected(SOCK_STREAM, ip("::1", 4010));
	/* Both families, and a client that comes by the other: a mapped address. */
	listener = listening(SOCK_STREAM, ip("::", 4011), 3);
	connected(SOCK_STREAM, ip("127.0.0.1", 4011));
	accepted(listener);
	fd = make(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)), 0);
	bind_to(fd, ip("::", 4012));
	assert_int_equal(listen(fd, 4), 0);
	listening(SOCK_STREAM, ip("0.0.0.0", 4012), 4);
	/* Bound to an interface. */
	fd = make(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	bind_to(fd, ip("127.0.0.1", 4013));
	assert_int_equal(listen(fd, 1), 0);
}

static void make_udp(void)
{
	int server = bound(SOCK_DGRAM, ip("127.0.0.1", 5000)), client;

	client = connected(SOCK_DGRAM, ip("127.0.0.1", 5000));
	send_between(client, server, "hello");
	bound(SOCK_DGRAM, ip("::", 5001));
	bound(SOCK_DGRAM, ip("::1", 5002));
	connected(SOCK_DGRAM, ip("::1", 5002));
	bound(SOCK_DGRAM, ip("0.0.0.0", 5003));
}

static void make_unix(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < 3; i++) {
		int fds[2], server, client, type = types[i];
		char path[32], name[32];

		snprintf(path, sizeof(path), "%s/path%zu", DIRECTORY, i);
		snprintf(name, sizeof(name), "@abstract%zu", i);
		unlink(path);
		server = type == SOCK_DGRAM ? bound(type, local(path))
					    : listening(type, local(path), 6);
		client = connected(type, local(path));
		if (type != SOCK_DGRAM) {
			server = accepted(server);
			connected(type, local(path)); /* waits */
		}
		send_between(client, server, "bytes");
		bound(type, local(name));
		make(AF_UNIX, type, 0);
		pair(type, fds);
	}
	assert_int_equal(chdir(DIRECTORY), 0);
	unlink("relative");
	bound(SOCK_STREAM, local("relative"));
}

static void make_others(void)
{
	/* Takes nothing, or what waits in it would change all the time. */
	static struct sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	static const struct sock_fprog filter = {1, nothing};
	struct sockaddr_ll link = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd;

	make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	make(AF_INET, SOCK_RAW, IPPROTO_RAW);
	make(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
	fd = make(AF_PACKET, SOCK_RAW, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&link, sizeof(link)), 0);
	fd = make(AF_PACKET, SOCK_DGRAM, 0);
	link.sll_protocol = htons(0x88b5);
	link.sll_ifindex = (int)if_nametoindex("lo");
	assert_int_equal(bind(fd, (struct sockaddr *)&link, sizeof(link)), 0);
	fd = make(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
	assert_int_equal(connect(fd, (struct sockaddr *)&group, sizeof(group)), 0);
	make(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
}

static void make_all_sorts(void)
{
	make_tcp();
	make_tcp6();
	make_udp();
	make_unix();
	make_others();
}

/* ---- as ss ---- */

static int by_text(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The words of each row, one space between two, in order: what does not depend on who prints. */
struct rows {
	char *list[8192];
	size_t count;
};

static bool is_title(const char *row)
{
	return !*row || strncmp(row, "------", 6) == 0 || strncmp(row, "Netid", 5) == 0 ||
	       *row == '#';
}

/* The asking itself has a socket, which waits for nothing here, and fills the kernel's. */
static bool is_asking(const char *row)
{
	return strncmp(row, "nl UNCONN ", 10) == 0 && strstr(row, " 4:");
}

static void rows_read(char *text, struct rows *rows)
{
	rows->count = 0;
	for (char *line; (line = strsep(&text, "\n"));) {
		char *row = malloc(strlen(line) + 2), *to = row;

		for (char *word; (word = strsep(&line, " "));)
			if (*word)
				to += sprintf(to, "%s ", word);
		if (to > row)
			to--;
		*to = '\0';
		/* ss shows nobody who has a netlink socket. */
		if (strncmp(row, "nl ", 3) == 0 && (to = strstr(row, " users:")))
			*to = '\0';
		if (is_title(row) || is_asking(row))
			free(row);
		else
			rows->list[rows->count++] = row;
	}
	qsort(rows->list, rows->count, sizeof(*rows->list), by_text);
}

static void rows_free(struct rows *rows)
{
	while (rows->count)
		free(rows->list[--rows->count]);
}

static void assert_as_ss(void)
{
	static struct rows expected, got;
	char *ss = output_of("ss -anp"), *text = show("", NULL, "status");

	if (!ss)
		skip();
	rows_read(ss, &expected);
	rows_read(text, &got);
	for (size_t i = 0; i < expected.count && i < got.count; i++)
		assert_string_equal(got.list[i], expected.list[i]);
	assert_int_equal(got.count, expected.count);
	rows_free(&expected);
	rows_free(&got);
	free(text);
	free(ss);
}

static void rows_are_those_of_ss(void **state)
{
	assert_as_ss();
	make_all_sorts();
	assert_as_ss();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_those_of_ss),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
