/*
 * test_sock_addr - addresses of sockets as text and back, against inet_pton(3) and by example.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "sockets/sock_addr.h"

static void assert_reads_as(const char *text, const char *expected)
{
	char printed[SOCK_ADDR_TEXT];
	struct sock_addr address, again;
	struct call call = {0};

	if (sock_addr_read(&call, text, &address) != 0)
		fail_msg("%s: %s", text, call.reason);
	sock_addr_print(&address, printed);
	assert_string_equal(printed, expected);
	/* What is printed is the same address. */
	assert_int_equal(sock_addr_read(&call, printed, &again), 0);
	assert_true(sock_addr_same(&address, &again));
	assert_int_equal(address.both, again.both);
}

static void addresses_that_are_right(void **state)
{
	static const char *const right[][2] = {
		{"127.0.0.1:9734", "127.0.0.1:9734"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"localhost:80", "127.0.0.1:80"},
		{"any:80", "any:80"},
		{"::1:80", "::1:80"},
		{"[::1]:80", "::1:80"},
		{":::80", ":::80"},
		{"[::]:80", ":::80"},
		{"0:0:0:0:0:0:0:1:80", "::1:80"},
		{"2001:DB8::00ab:0", "2001:db8::ab:0"},
		{"[127.0.0.1]:7", "127.0.0.1:7"},
		{"127.0.0.1:00080", "127.0.0.1:80"},
		{"fe80::1%lo:53", "fe80::1%lo:53"},
		{"ff02::1%1:53", "ff02::1%lo:53"},
		{"fe80::1%4000000:53", "fe80::1%if4000000:53"}, /* an interface that is not there */
		{"::ffff:1.2.3.4:5", "1.2.3.4:5"},
	};

	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_reads_as(right[i][0], right[i][1]);
}

static void addresses_that_are_wrong(void **state)
{
	static const char *const wrong[][2] = {
		{"", "HOST:PORT"},
		{"127.0.0.1", "HOST:PORT"},
		{":80", "HOST:PORT"},
		{"127.0.0.1:", "HOST:PORT"},
		{"[]:80", "a host has 1 to"},
		{"127.0.0.1:65536", "'65536' is no port"},
		{"127.0.0.1:-1", "'-1' is no port"},
		{"127.0.0.1:http", "'http' is no port"},
		{"127.0.0.1: 80", "' 80' is no port"},
		{"127.1:80", "'127.1' is no address"},
		{"127.0.0.01:80", "'127.0.0.01' is no address"},
		{"0x7f000001:80", "is no address"},
		{"1.2.3.4.5:80", "is no address"},
		{"example.org:80", "'example.org' is no address"},
		{"::1", "is no address"},
		{"fe80::1%nosuch:80", "is no address"},
		{"fe80::1%:80", "is no address"},
		{"127.0.0.1%lo:80", "is no address"},
		{"::1%lo:80", "'::1%lo' is no address"}, /* the kernel would forget the interface */
		{"*:80", "is no address"},
		{"Any:80", "is no address"},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct sock_addr address;
		struct call call = {0};

		assert_int_equal(sock_addr_read(&call, wrong[i][0], &address), -EINVAL);
		if (!strstr(call.reason, wrong[i][1]))
			fail_msg("'%s': %s", wrong[i][0], call.reason);
	}
}

static void an_address_is_what_the_kernel_takes(void **state)
{
	struct sock_addr address;
	struct in6_addr expected;

	assert_int_equal(sock_addr_read(NULL, "10.1.2.3:258", &address), 0);
	assert_int_equal(address.length, sizeof(struct sockaddr_in));
	assert_int_equal(address.in.sin_family, AF_INET);
	assert_int_equal(address.in.sin_addr.s_addr, inet_addr("10.1.2.3"));
	assert_int_equal(ntohs(address.in.sin_port), 258);
	assert_int_equal(sock_addr_read(NULL, "[2001:db8::1]:258", &address), 0);
	inet_pton(AF_INET6, "2001:db8::1", &expected);
	assert_int_equal(address.length, sizeof(struct sockaddr_in6));
	assert_memory_equal(&address.in6.sin6_addr, &expected, sizeof(expected));
	assert_int_equal(ntohs(address.in6.sin6_port), 258);
	assert_int_equal(sock_addr_port(&address), 258);
	assert_int_equal(sock_addr_read(NULL, "fe80::1%lo:1", &address), 0);
	assert_int_equal(address.in6.sin6_scope_id, if_nametoindex("lo"));
}

static void an_ipv4_peer_of_both_families_is_ipv4(void **state)
{
	struct sock_addr address = {.length = sizeof(address.in6)};
	char text[SOCK_ADDR_TEXT];

	address.in6.sin6_family = AF_INET6;
	address.in6.sin6_port = htons(80);
	inet_pton(AF_INET6, "::ffff:10.0.0.1", &address.in6.sin6_addr);
	sock_addr_print(&address, text);
	assert_string_equal(text, "10.0.0.1:80");
}

static void groups_are_known(void **state)
{
	static const struct {
		const char *text;
		bool multicast;
	} known[] = {
		{"224.0.0.1:1", true},        {"239.255.255.255:1", true},
		{"223.255.255.255:1", false}, {"240.0.0.1:1", false},
		{"ff02::1:1", true},          {"fe02::1:1", false},
		{"255.255.255.255:1", false},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct sock_addr address;

		assert_int_equal(sock_addr_read(NULL, known[i].text, &address), 0);
		assert_int_equal(sock_addr_is_multicast(&address), known[i].multicast);
	}
}

static void names_are_split_at_the_last_colon(void **state)
{
	struct sock_name name;
	struct sock_addr address;
	struct call call = {0};
	char longest[3000];

	assert_int_equal(sock_name_split(&call, "www.example.org:http", &name), 0);
	assert_string_equal(name.host, "www.example.org");
	assert_string_equal(name.service, "http");
	assert_false(sock_addr_known(&name, &address));
	assert_int_equal(sock_name_split(&call, "[::1]:80", &name), 0);
	assert_string_equal(name.host, "::1");
	assert_true(sock_addr_known(&name, &address));
	assert_int_equal(sock_name_split(&call, "any:80", &name), 0);
	assert_false(sock_addr_known(&name, &address)); /* a host may be called so */
	assert_int_equal(sock_name_split(&call, "127.0.0.1:http", &name), 0);
	assert_false(sock_addr_known(&name, &address));
	memset(longest, 'x', sizeof(longest));
	strcpy(longest + sizeof(longest) - 4, ":80");
	assert_int_equal(sock_name_split(&call, longest, &name), -EINVAL);
	memset(longest, 'x', 200);
	longest[1] = ':';
	longest[200] = '\0';
	assert_int_equal(sock_name_split(&call, longest, &name), -EINVAL);
}

static void assert_path_reads_as(const char *text, const char *bytes, size_t length)
{
	struct sock_addr address;
	char printed[SOCK_PATH_TEXT];

	assert_int_equal(sock_path_read(NULL, text, &address), 0);
	assert_int_equal(address.length, offsetof(struct sockaddr_un, sun_path) + length);
	assert_memory_equal(address.un.sun_path, bytes, length);
	sock_path_print(&address, printed);
	assert_string_equal(printed, text);
}

static void paths_of_unix_sockets(void **state)
{
	struct sock_addr address;
	struct call call = {0};
	char text[600], path[109];

	assert_path_reads_as("/run/x", "/run/x", 7); /* with its NUL */
	assert_path_reads_as("@abstract", "\0abstract", 9);
	assert_path_reads_as("@a\\000b", "\0a\0b", 4);
	assert_path_reads_as("/a\\040b\\134\\377", "/a b\\\xff", 7);
	/* A relative path is no abstract name, whatever it looks like. */
	assert_path_reads_as("\\100a@b", "@a@b", 5);
	/* 107 bytes and a NUL; abstract ones have none. */
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[107] = '\0';
	assert_path_reads_as(path, path, 108);
	path[107] = 'p';
	path[108] = '\0';
	assert_int_equal(sock_path_read(&call, path, &address), -ENAMETOOLONG);
	path[0] = '@';
	assert_int_equal(sock_path_read(&call, path, &address), 0);
	assert_int_equal(address.length, sizeof(struct sockaddr_un));
	assert_int_equal(sock_path_read(&call, "", &address), -EINVAL);
	assert_int_equal(sock_path_read(&call, "/a\\8", &address), -EINVAL);
	assert_int_equal(sock_path_read(&call, "/a\\777", &address), -EINVAL);
	assert_int_equal(sock_path_read(&call, "/a\\0", &address), -EINVAL);
	/* It would end the path, or make an abstract name of it. */
	assert_int_equal(sock_path_read(&call, "/a\\000b", &address), -EINVAL);
	assert_int_equal(sock_path_read(&call, "\\000b", &address), -EINVAL);
	/* Any bytes have room as text. */
	memset(&address, 1, sizeof(address));
	address.un.sun_path[0] = '\0';
	address.length = sizeof(address.un);
	sock_path_print(&address, text);
	assert_int_equal(strlen(text), 1 + 4 * 107);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_are_right),
		cmocka_unit_test(addresses_that_are_wrong),
		cmocka_unit_test(an_address_is_what_the_kernel_takes),
		cmocka_unit_test(an_ipv4_peer_of_both_families_is_ipv4),
		cmocka_unit_test(groups_are_known),
		cmocka_unit_test(names_are_split_at_the_last_colon),
		cmocka_unit_test(paths_of_unix_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
