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

/* A name with bytes that would break a row is still one row of as many words. */
static void odd_names_break_no_row(void **state)
{
	static const char odd[] = DIRECTORY "/a b\n\t\xff\\", *word = odd;
	char *text, expected[128];
	int fd = bound(SOCK_DGRAM, local(word));

	snprintf(expected, sizeof(expected),
		 "\nu_dgr UNCONN     0        0        %s/a\\040b\\012\\011\xff\\134 %u ",
		 DIRECTORY, inode_of(fd));
	text = show("", NULL, "status");
	assert_non_null(strstr(text, expected));
	free(text);
	assert_int_equal(unlink(odd), 0);
}

static void a_table_has_a_title_and_an_end(void **state)
{
	static const char head[] = "\n------ Sockets --------\n"
				   "Netid State      Recv-Q   Send-Q   Local                       "
				   " Peer               "
				   "          Process\n";
	char *text = show("", NULL, "status"), *last;

	assert_memory_equal(text, head, sizeof(head) - 1);
	last = strstr(text, "\n\n");
	assert_non_null(last);
	assert_true(!last[2] || last[2] == '#');
	free(text);
	/* Of one, only its rows. */
	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	text = show("tcp", "127.0.0.1:4000", "status");
	assert_memory_equal(text, head, sizeof(head) - 1);
	last = strstr(text + sizeof(head) - 1, "\n");
	assert_true(!last[1] || last[1] == '#');
	free(text);
}

/* ---- JSON ---- */

static json_t *json_read(char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, 0, &error);

	if (!value)
		fail_msg("%s", error.text);
	assert_true(json_is_array(value));
	free(text);
	return value;
}

static const json_t *row_named(const json_t *array, const char *name)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *row = json_array_get(array, i);
		const char *found = json_string_value(json_object_get(row, "name"));

		if (found && strcmp(found, name) == 0)
			return row;
	}
	fail_msg("no %s", name);
	return NULL;
}

static void assert_text(const json_t *row, const char *key, const char *expected)
{
	assert_string_equal(json_string_value(json_object_get(row, key)), expected);
}

static void assert_number(const json_t *row, const char *key, json_int_t expected)
{
	assert_true(json_is_integer(json_object_get(row, key)));
	assert_int_equal(json_integer_value(json_object_get(row, key)), expected);
}

static void assert_null_value(const json_t *row, const char *key)
{
	assert_true(json_is_null(json_object_get(row, key)));
}

static void json_is_typed(void **state)
{
	static const char *const keys[] = {"name",    "netid",   "family",  "type",  "state",
					   "recvq",   "sendq",   "backlog", "local", "remote",
					   "v6only",  "uid",     "user",    "inode", "peer",
					   "pending", "holders", "hidden"};
	int listener = listening(SOCK_STREAM, ip("::", 4000), 5);
	json_t *all, *one;
	const json_t *row, *holder;

	connected(SOCK_STREAM, ip("::1", 4000));
	await_input(listener);
	make_others();
	all = json_read(show("", NULL, "status.json"));
	for (size_t i = 0; i < json_array_size(all); i++) {
		row = json_array_get(all, i);
		assert_int_equal(json_object_size(row), sizeof(keys) / sizeof(*keys));
		for (size_t key = 0; key < sizeof(keys) / sizeof(*keys); key++)
			if (!json_object_get(row, keys[key]))
				fail_msg("row %zu has no %s", i, keys[key]);
		assert_true(json_is_array(json_object_get(row, "holders")));
	}
	row = row_named(all, "tcp/any:4000");
	assert_text(row, "netid", "tcp");
	assert_text(row, "family", "inet6");
	assert_text(row, "type", "stream");
	assert_text(row, "state", "LISTEN");
	assert_number(row, "recvq", 1);
	assert_number(row, "backlog", 5);
	assert_text(row, "local", ":::4000");
	assert_null_value(row, "remote");
	assert_true(json_is_false(json_object_get(row, "v6only")));
	assert_number(row, "uid", 0);
	assert_text(row, "user", "root");
	assert_number(row, "inode", inode_of(listener));
	assert_null_value(row, "peer");
	assert_null_value(row, "pending");
	holder = json_array_get(json_object_get(row, "holders"), 0);
	assert_number(holder, "pid", getpid());
	assert_text(holder, "user", "root");
	assert_text(holder, "command", "unit-sock_statu");
	/* Of one: the same, in an array of one. */
	one = json_read(show("tcp", "any:4000", "status.json"));
	assert_int_equal(json_array_size(one), 1);
	assert_true(json_equal(json_array_get(one, 0), row));
	json_decref(one);
	json_decref(all);
}

static void json_of_unix_has_both_ends(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/l\n\xff"), 5), client, server;
	char name[64], anon[32], text[64];
	json_t *all, *one;
	const json_t *row;
	int waiting;

	client = connected(SOCK_STREAM, local(DIRECTORY "/l\n\xff"));
	server = accepted(listener);
	waiting = connected(SOCK_STREAM, local(DIRECTORY "/l\n\xff"));
	all = json_read(show("", NULL, "status.json"));
	row = row_named(all, "unix/%2Fmnt%2Fl%0A\\xff");
	assert_text(row, "local", DIRECTORY "/l\\012\\xff");
	assert_number(row, "backlog", 5);
	assert_int_equal(json_array_size(json_object_get(row, "pending")), 1);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(row, "pending"), 0)),
			 inode_of(waiting));
	snprintf(name, sizeof(name), "unix/anon/%u", inode_of(client));
	row = row_named(all, name);
	assert_text(row, "remote", DIRECTORY "/l\\012\\xff");
	assert_number(row, "peer", inode_of(server));
	assert_null_value(row, "backlog");
	/* Asked alone, each finds the other end too. */
	snprintf(anon, sizeof(anon), "%u", inode_of(client));
	one = json_read(show("unix/anon", anon, "status.json"));
	assert_true(json_equal(json_array_get(one, 0), row));
	json_decref(one);
	snprintf(anon, sizeof(anon), "%u", inode_of(server));
	snprintf(text, sizeof(text), "anon/%u", inode_of(client));
	one = json_read(show("unix/anon", anon, "status.json"));
	assert_text(json_array_get(one, 0), "remote", text);
	snprintf(name, sizeof(name), "unix/anon/%s", anon);
	assert_true(json_equal(json_array_get(one, 0), row_named(all, name)));
	json_decref(one);
	/* Who waits has no other end yet. */
	snprintf(name, sizeof(name), "unix/anon/%u", inode_of(waiting));
	assert_null_value(row_named(all, name), "remote");
	json_decref(all);
	assert_int_equal(unlink(DIRECTORY "/l\n\xff"), 0);
}

/* Each row that has a directory says its path, and there it is found. */
static void names_lead_to_their_sockets(void **state)
{
	json_t *all;
	size_t objects = 0;

	make_all_sorts();
	all = json_read(show("", NULL, "status.json"));
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *row = json_array_get(all, i);
		const char *path = json_string_value(json_object_get(row, "name"));
		char parent[SOCK_PATH_SIZE], *slash, *text;

		if (!path)
			continue;
		strcpy(parent, path);
		slash = strrchr(parent, '/');
		*slash = '\0';
		assert_there(parent, slash + 1);
		text = show(parent, slash + 1, "state");
		text[strcspn(text, "\n")] = '\0';
		assert_text(row, "state", text);
		free(text);
		objects++;
	}
	assert_in_range(objects, 45, 60);
	json_decref(all);
}

static void limits_are_the_kernels(void **state)
{
	char *text = show("", NULL, "limits"), expected[128] = "", value[32];
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");

	assert_non_null(fgets(value, sizeof(value), file));
	fclose(file);
	snprintf(expected, sizeof(expected), "max connections waiting for accept = %s", value);
	assert_non_null(strstr(text, expected));
	free(text);
}

static void many_sockets_are_as_ss_has_them(void **state)
{
	int fds[2];

	for (uint16_t i = 0; i < 400; i++) {
		listening(SOCK_STREAM, ip("127.0.0.1", (uint16_t)(10000 + i)), i);
		bound(SOCK_DGRAM, ip("::1", (uint16_t)(10000 + i)));
		pair(SOCK_STREAM, fds);
	}
	assert_as_ss();
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct rlimit files = {4096, 4096};
	const struct CMUnitTest tests[] = {
		TEST(rows_are_those_of_ss),
		TEST(many_sockets_are_as_ss_has_them),
		TEST(odd_names_break_no_row),
		TEST(a_table_has_a_title_and_an_end),
		TEST(json_is_typed),
		TEST(json_of_unix_has_both_ends),
		TEST(names_lead_to_their_sockets),
		TEST(limits_are_the_kernels),
	};

	setrlimit(RLIMIT_NOFILE, &files);
	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
