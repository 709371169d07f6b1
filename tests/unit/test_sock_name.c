/*
 * test_sock_name - names of sockets: what is written is read, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sockets/sock_name.h"

static void assert_reads_as(const char *text, const char *expected)
{
	char listed[SOCK_END_SIZE];
	struct sock_end end;
	sa_family_t family;
	int error = sock_end_read(text, &family, &end, NULL);

	if (error)
		fail_msg("'%s': %s", text, strerror(-error));
	sock_end_list(family, &end, listed);
	assert_string_equal(listed, expected);
}

static void addresses_are_read_and_listed(void **state)
{
	struct sock_end end;
	sa_family_t family;

	assert_reads_as("127.0.0.1:22", "127.0.0.1:22");
	assert_reads_as("0.0.0.0:65535", "0.0.0.0:65535");
	assert_reads_as(":::80", ":::80");
	assert_reads_as("::1:80", "::1:80");
	assert_reads_as("[::1]:80", "::1:80");
	assert_reads_as("[::]:0", ":::0");
	assert_reads_as("0:0:0:0:0:0:0:1:00080", "::1:80");
	assert_reads_as("2001:DB8::5:1:443", "2001:db8::5:1:443");
	assert_reads_as("::ffff:10.0.0.1:443", "::ffff:10.0.0.1:443");
	assert_reads_as("127.0.0.53%lo:53", "127.0.0.53%lo:53");
	assert_reads_as("fe80::1%lo:53", "fe80::1%lo:53");
	assert_reads_as("[fe80::1]%lo:53", "fe80::1%lo:53");
	assert_reads_as("[fe80::1%lo]:53", "fe80::1%lo:53");
	assert_reads_as("[127.0.0.1]:80", "127.0.0.1:80");
	assert_reads_as("127.0.0.1:000080", "127.0.0.1:80");
	/* One that has gone. */
	assert_reads_as("fe80::1%if4000000000:53", "fe80::1%if4000000000:53");
	assert_reads_as("fe80::1%4000000000:53", "fe80::1%if4000000000:53");
	assert_reads_as("localhost:1", "127.0.0.1:1");
	/* The last colon begins the port. */
	assert_int_equal(sock_end_read("::1:80", &family, &end, NULL), 0);
	assert_int_equal(family, AF_INET6);
	assert_int_equal(end.port, 80);
	assert_int_equal(end.address[15], 1);
	assert_int_equal(end.interface, 0);
}

static void any_is_both_families(void **state)
{
	char listed[SOCK_END_SIZE];
	struct sock_end end;
	sa_family_t family;
	bool any;

	assert_int_equal(sock_end_read("any:9", &family, &end, &any), 0);
	assert_true(any);
	sock_end_list(family, &end, listed);
	assert_string_equal(listed, ":::9");
	assert_int_equal(sock_end_read(":::9", &family, &end, &any), 0);
	assert_false(any);
	assert_int_equal(sock_end_read("any:9", &family, &end, NULL), -ENOENT);
}

static void what_is_no_address_is_not_read(void **state)
{
	static const char *const wrong[] = {
		"",
		":",
		"80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:x",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1: 1",
		"127.0.0.1:65536",
		"127.0.0.1:99999",
		"127.0.0.1:18446744073709551617",
		"127.1:80",
		"::1",
		":80",
		"[::1:80",
		"::1]:80",
		"[]:80",
		"[::1]x:80",
		"[[::1]]:80",
		"127.0.0.1%:80",
		"127.0.0.1%nosuch:80",
		"127.0.0.1%0:80",
		"127.0.0.1%if0:80",
		"127.0.0.1%if3x:80",
		"127.0.0.1%if4294967296:80",
		"::1%lo%lo:80",
		"host:80",
		"127.0.0.1:80 ",
		" 127.0.0.1:80",
		"127.0.0.1:80\n",
		"*:80",
	};
	struct sock_end end;
	sa_family_t family;
	char long_one[300];
	bool any;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (sock_end_read(wrong[i], &family, &end, &any) != -ENOENT)
			fail_msg("'%s' is taken for an address", wrong[i]);
	for (size_t length = 1; length < sizeof(long_one) - 3; length++) {
		memset(long_one, '1', length);
		strcpy(long_one + length, ":80");
		assert_int_equal(sock_end_read(long_one, &family, &end, &any), -ENOENT);
	}
}

static void assert_connection(const char *text, const char *expected)
{
	struct sock_info sock = {0};
	char listed[SOCK_NAME_SIZE];
	sa_family_t family;

	assert_int_equal(sock_connection_read(text, &family, &sock.inet.local, &sock.inet.remote),
			 0);
	sock.family = (uint8_t)family;
	sock_connection_list(&sock, listed);
	assert_string_equal(listed, expected);
}

static void connections_are_read_and_listed(void **state)
{
	static const char *const wrong[] = {
		"",
		"-",
		"127.0.0.1:22",
		"127.0.0.1:22-",
		"-127.0.0.1:22",
		"127.0.0.1:22-::1:22",
		"::1:22-127.0.0.1:22",
		"127.0.0.1:22-127.0.0.1:22-127.0.0.1:22",
		"any:22-127.0.0.1:22",
	};
	struct sock_end local, remote;
	sa_family_t family;

	assert_connection("127.0.0.1:22-10.0.0.1:4000", "127.0.0.1:22-10.0.0.1:4000");
	assert_connection("::1:22-2001:db8::1:4000", "::1:22-2001:db8::1:4000");
	assert_connection("[::1]:22-[0::1]:4000", "::1:22-::1:4000");
	assert_connection("fe80::1%lo:22-fe80::2:4000", "fe80::1%lo:22-fe80::2:4000");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (sock_connection_read(wrong[i], &family, &local, &remote) != -ENOENT)
			fail_msg("'%s' is taken for a connection", wrong[i]);
}

static struct sock_info bound_at(const char *name, size_t size)
{
	struct sock_info sock = {.table = TABLE_UNIX, .family = AF_UNIX, .inode = 4294967295};

	assert_true(size <= sizeof(sock.un.name));
	memcpy(sock.un.name, name, size);
	sock.un.name_size = size;
	return sock;
}

#define NAMED(name) bound_at(name, sizeof(name) - 1)

static void assert_unix(struct sock_info sock, const char *expected, const char *text)
{
	char listed[SOCK_NAME_SIZE], shown[SOCK_UNIX_TEXT_SIZE];

	sock_unix_list(&sock, listed);
	assert_string_equal(listed, expected);
	assert_true(sock_unix_is_listed(listed));
	assert_null(strchr(listed, '/'));
	assert_null(strchr(listed, ','));
	sock_unix_text(&sock, "", shown);
	assert_string_equal(shown, text);
}

static void unix_addresses_are_one_name(void **state)
{
	assert_unix(NAMED("/run/docker.sock"), "%2Frun%2Fdocker.sock", "/run/docker.sock");
	assert_unix(NAMED("\0dbus-1"), "@dbus-1", "@dbus-1");
	assert_unix(NAMED("\0/tmp/.X11-unix/X0"), "@%2Ftmp%2F.X11-unix%2FX0", "@/tmp/.X11-unix/X0");
	assert_unix(NAMED("\0"), "@", "@");
	assert_unix(NAMED("\0a\0\0"), "@a%00%00", "@a\\000\\000");
	assert_unix(NAMED("\0@,"), "@@%2C", "@@,");
	assert_unix(NAMED("x.sock"), ".%2Fx.sock", "x.sock");
	assert_unix(NAMED("./x.sock"), ".%2Fx.sock", "./x.sock");
	assert_unix(NAMED("../x.sock"), ".%2F..%2Fx.sock", "../x.sock");
	assert_unix(NAMED("@x"), ".%2F@x", "@x");
	/* Odd bytes: what breaks lines is written out, what is only unusual stays. */
	assert_unix(NAMED("/a b\n\t\x7f\xff\xc3\xa9%2F\\"), "%2Fa b%0A%09%7F\xff\xc3\xa9%252F\\",
		    "/a b\\012\\011\\177\xff\xc3\xa9%2F\\134");
}

static void long_addresses_are_cut(void **state)
{
	char name[sizeof(((struct sock_info *)0)->un.name)], other[sizeof(name)];
	char listed[SOCK_NAME_SIZE], second[SOCK_NAME_SIZE];
	struct sock_info sock;

	/* Each length of what comes before makes the cut fall elsewhere in a %XX. */
	for (size_t plain = 1; plain < 8; plain++) {
		memset(name, '\0', sizeof(name));
		memset(name + 1, 'x', plain);
		sock = bound_at(name, sizeof(name));
		sock_unix_list(&sock, listed);
		assert_in_range(strlen(listed), NAME_MAX - 2, NAME_MAX);
		assert_non_null(strstr(listed, "%00%~4294967295"));
		assert_true(sock_unix_is_listed(listed));
	}
	/* Two that differ only behind the cut differ in their inode numbers. */
	memcpy(other, name, sizeof(name));
	other[sizeof(other) - 1] = 'y';
	sock = bound_at(other, sizeof(other));
	sock.inode = 7;
	sock_unix_list(&sock, second);
	assert_string_not_equal(listed, second);
	/* The longest that needs no cut. */
	memset(name, '\n', sizeof(name));
	name[0] = '\0';
	sock = bound_at(name, 1 + (NAME_MAX - 1) / 3);
	sock_unix_list(&sock, listed);
	assert_null(strchr(listed, '~'));
	assert_in_range(strlen(listed), NAME_MAX - 2, NAME_MAX);
}

static void escapes_take_what_is_asked(void **state)
{
	struct sock_info sock = NAMED("/a b");
	char text[SOCK_UNIX_TEXT_SIZE];

	sock_unix_text(&sock, " ", text);
	assert_string_equal(text, "/a\\040b");
	sock.un.name_size = 0;
	sock_unix_text(&sock, " ", text);
	assert_string_equal(text, "");
	/* The longest there can be. */
	memset(sock.un.name, '\n', sizeof(sock.un.name));
	sock.un.name_size = sizeof(sock.un.name);
	sock_unix_text(&sock, "", text);
	assert_int_equal(strlen(text), 4 * sizeof(sock.un.name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_listed),
		cmocka_unit_test(any_is_both_families),
		cmocka_unit_test(what_is_no_address_is_not_read),
		cmocka_unit_test(connections_are_read_and_listed),
		cmocka_unit_test(unix_addresses_are_one_name),
		cmocka_unit_test(long_addresses_are_cut),
		cmocka_unit_test(escapes_take_what_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
