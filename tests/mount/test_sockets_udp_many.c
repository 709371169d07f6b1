/*
 * test_sockets_udp_many.c - one datagram to many, through a mount: groups of both families, and
 * broadcasts.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HANDLES = 5 };

/* Sends by way of loopback, where no route says which. */
static void send_to_group(struct address group, const char *text)
{
	struct in_addr interface = {htonl(INADDR_LOOPBACK)};
	int fd = plain_socket(group.any.sa_family, SOCK_DGRAM);
	int index = (int)if_nametoindex("lo");

	if (group.any.sa_family == AF_INET)
		assert_return_code(
			setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)),
			errno);
	else
		assert_return_code(
			setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)),
			errno);
	plain_send(fd, group, text, strlen(text));
	close(fd);
}

static void each_handle_hears_all(const char *name, struct address group)
{
	char path[64], data[80], file[80];
	int handles[HANDLES], late;
	pid_t reader, sleeper;

	snprintf(path, sizeof(path), "udp/%s", name);
	snprintf(data, sizeof(data), "%s/data", path);
	snprintf(file, sizeof(file), "%s/lines", path);
	make(path, 0600);
	for (int i = 0; i < HANDLES; i++)
		handles[i] = opened(file, O_RDWR);
	send_to_group(group, "one");
	late = opened(file, O_RDONLY | O_NONBLOCK);
	send_to_group(group, "two");
	for (int i = 0; i < HANDLES; i++) {
		expect_text(handles[i], "one\n");
		expect_text(handles[i], "two\n");
	}
	expect_text(late, "two\n");
	assert_int_equal(read_error(late), EAGAIN);
	close(late);
	{
		struct waiting reading = {.what = WAIT_READ, .path = data, .flags = O_RDONLY};
		struct waiting polling = {.what = WAIT_POLL, .fd = handles[0]};

		reader = waiter(&reading);
		sleeper = waiter(&polling);
		send_to_group(group, "three");
		assert_int_equal(reap(reader), 205);
		assert_int_equal(reap(sleeper), POLLIN);
		expect_text(handles[0], "three\n");
		/* Both hear of the end as well, though their sockets are their own. */
		reader = waiter(&reading);
		sleeper = waiter(&polling);
		removed(path);
		assert_int_equal(reap(reader), EIDRM);
		assert_int_equal(reap(sleeper), POLLIN);
	}
	for (int i = 0; i < HANDLES; i++) {
		assert_int_equal(read_error(handles[i]), EIDRM);
		close(handles[i]);
	}
}

static void a_group_is_heard_by_each_handle(void **state)
{
	each_handle_hears_all("239.1.2.3:5000", ip("239.1.2.3", 5000));
}

static void a_group_of_ipv6_is_heard_by_each_handle(void **state)
{
	if (system("ip -6 route replace local ff15::1234 dev lo table local") != 0)
		skip();
	each_handle_hears_all("ff15::1234:5000", ip("ff15::1234", 5000));
}

/* Whoever is bound to every address hears a broadcast, and answers from its own. */
static void a_broadcast_is_heard_and_answered(void **state)
{
	struct address from;
	int peer = plain_bound(SOCK_DGRAM, ip("0.0.0.0", 5001));
	int fd = opened("udp/connect/127.255.255.255:5001", O_RDWR), own;

	say_text(fd, "who?");
	from = plain_expect(peer, "who?", 4);
	plain_send(peer, from, "I", 1);
	expect_text(fd, "I");
	make("udp/0.0.0.0:5000", 0600);
	own = opened("udp/0.0.0.0:5000/framed", O_RDWR);
	say_text(own, "to=127.255.255.255:5001 size=4\nall?");
	from = plain_expect(peer, "all?", 4);
	assert_int_equal(ntohs(from.in.sin_port), 5000);
	close(own);
	close(fd);
	close(peer);
	removed("udp/0.0.0.0:5000");
}

#define TEST(test) cmocka_unit_test(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_is_heard_by_each_handle),
		TEST(a_group_of_ipv6_is_heard_by_each_handle),
		TEST(a_broadcast_is_heard_and_answered),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
