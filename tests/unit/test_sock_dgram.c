/*
 * test_sock_dgram - datagrams through bound sockets, to anybody, and from groups.
 */
#include "sock_talk_fixture.h"

#define AT "127.0.0.1:5000"
#define OWN "udp/" AT
#define RUN RUN_DIRECTORY "/unix"

static int peer_bound(uint16_t port)
{
	return bound(SOCK_DGRAM, ip("127.0.0.1", port));
}

static void peer_send(int fd, struct address to, const char *text)
{
	assert_int_equal(sendto(fd, text, strlen(text), 0, &to.any, to.size), strlen(text));
}

/* ---- a bound socket ---- */

static void data_is_one_datagram_then_the_end(void **state)
{
	int peer = peer_bound(5001);
	struct file file;
	struct stat st;
	struct place place;

	assert_int_equal(make_at("udp", AT, 0640), 0);
	assert_there("udp", AT);
	place = object_at("udp", AT);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0640);
	assert_shows("udp", AT, "state", "UNCONN\n");
	peer_send(peer, ip("127.0.0.1", 5000), "one");
	peer_send(peer, ip("127.0.0.1", 5000), "two");
	file = file_open(OWN "/data", O_RDONLY);
	assert_reads(&file, "one");
	assert_reads(&file, "");
	assert_true(file.channel->ready(file.state) & POLLIN);
	file_close(&file);
	/* A small buffer gets the rest, and then the end. */
	file = file_open(OWN "/data", O_RDONLY);
	{
		char first;

		assert_int_equal(file_read(&file, &first, 1), 1);
		assert_int_equal(first, 't');
	}
	assert_reads(&file, "wo");
	assert_reads(&file, "");
	file_close(&file);
	file = file_open(OWN "/data", O_RDONLY);
	assert_int_equal(file.channel->ready(file.state) & POLLIN, 0);
	assert_int_equal(file_read_try(&file, (char[10]){0}, 10), -EAGAIN);
	file_close(&file);
}

static void what_is_not_read_is_gone(void **state)
{
	int peer = peer_bound(5001);
	struct file file;
	char first;

	assert_made("udp", AT);
	peer_send(peer, ip("127.0.0.1", 5000), "long one");
	peer_send(peer, ip("127.0.0.1", 5000), "next");
	file = file_open(OWN "/data", O_RDONLY);
	assert_int_equal(file_read(&file, &first, 1), 1);
	file_close(&file);
	file = file_open(OWN "/data", O_RDONLY);
	assert_reads(&file, "next");
	file_close(&file);
}

static void a_write_answers_the_last_sender(void **state)
{
	int first = peer_bound(5001), second = peer_bound(5002);
	struct file one, other;

	assert_made("udp", AT);
	one = file_open(OWN "/data", O_RDWR);
	other = file_open(OWN "/data", O_RDWR);
	assert_refused((int)file_write(&one, "x", 1), EDESTADDRREQ, "framed takes to=");
	peer_send(first, ip("127.0.0.1", 5000), "1");
	assert_reads(&one, "1");
	peer_send(second, ip("127.0.0.1", 5000), "2");
	assert_reads(&other, "2");
	file_puts(&one, "to the first");
	file_puts(&other, "to the second");
	assert_peer_reads(first, "to the first");
	assert_peer_reads(second, "to the second");
	/* A datagram of its own each. */
	file_puts(&one, "a");
	file_puts(&one, "b");
	assert_peer_reads(first, "a");
	assert_peer_reads(first, "b");
	assert_refused((int)file_write(&one, (char[70000]){0}, 70000), EMSGSIZE, "65507");
	file_close(&one);
	file_close(&other);
}

static void framed_says_from_whom_and_takes_to_whom(void **state)
{
	int peer = peer_bound(5001), other = peer_bound(5002);
	static const char answer[] = "from=127.0.0.1:5001 size=2\nok";
	struct file file;

	assert_made("udp", AT);
	peer_send(peer, ip("127.0.0.1", 5000), "two\nlines");
	file = file_open(OWN "/framed", O_RDWR);
	assert_reads(&file, "from=127.0.0.1:5001 size=9\ntwo\nlines");
	assert_reads(&file, "");
	/* In one piece, in many, and what was read sent back. */
	file_puts(&file, "to=127.0.0.1:5002 size=5\nhello");
	assert_peer_reads(other, "hello");
	for (const char *at = answer; *at; at++)
		assert_int_equal(file_write(&file, at, 1), 1);
	assert_peer_reads(peer, "ok");
	file_puts(&file, "size=1\nasize=1\nb");
	assert_peer_reads(peer, "a");
	assert_peer_reads(peer, "b");
	/* An empty datagram. */
	file_puts(&file, "size=0\n");
	assert_peer_reads(peer, "");
	/* Wrong ones send nothing, and the next is right again. */
	assert_refused((int)file_write(&file, "to=nobody size=1\nx", 18), EINVAL, "HOST:PORT");
	assert_refused((int)file_write(&file, "to=127.0.0.1:1 from=127.0.0.1:1 size=1\nx", 40),
		       EINVAL, "one address");
	assert_refused((int)file_write(&file, "pid=1 size=1\nx", 14), EINVAL, "no key");
	assert_refused((int)file_write(&file, "size=9999999\nx", 14), EMSGSIZE, "65507");
	file_puts(&file, "to=127.0.0.1:5002 size=5\nagain");
	assert_peer_reads(other, "again");
	file_close(&file);
}

static void lines_are_a_stream_of_datagrams(void **state)
{
	int peer = peer_bound(5001);
	struct file file;

	assert_made("udp", AT);
	file = file_open(OWN "/lines", O_RDWR);
	peer_send(peer, ip("127.0.0.1", 5000), "one");
	peer_send(peer, ip("127.0.0.1", 5000), "two\n");
	peer_send(peer, ip("127.0.0.1", 5000), "");
	assert_reads(&file, "one\n");
	assert_reads(&file, "two\n");
	assert_reads(&file, "\n");
	file_puts(&file, "a\nb\nunfin");
	file_puts(&file, "ished");
	assert_peer_reads(peer, "a");
	assert_peer_reads(peer, "b");
	file_flush(&file);
	assert_peer_reads(peer, "unfinished");
	file_close(&file);
}

static void readers_share_what_comes(void **state)
{
	int peer = peer_bound(5001);
	struct file files[3];
	char got[4] = "", byte;

	assert_made("udp", AT);
	for (int i = 0; i < 3; i++)
		files[i] = file_open(OWN "/data", O_RDONLY);
	peer_send(peer, ip("127.0.0.1", 5000), "1");
	peer_send(peer, ip("127.0.0.1", 5000), "2");
	peer_send(peer, ip("127.0.0.1", 5000), "3");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(file_read(&files[i], &byte, 1), 1);
		got[i] = byte;
		file_close(&files[i]);
	}
	assert_string_equal(got, "123");
}

static void removing_ends_what_is_open(void **state)
{
	int peer = peer_bound(5001), again;
	struct file file;

	assert_made("udp", AT);
	peer_send(peer, ip("127.0.0.1", 5000), "1");
	file = file_open(OWN "/lines", O_RDWR);
	assert_reads(&file, "1\n");
	assert_int_equal(remove_at(OWN), 0);
	assert_int_equal(file.channel->gone(file.state), -EIDRM);
	assert_int_equal(file_read_try(&file, (char[10]){0}, 10), -EIDRM);
	assert_int_equal(file_write(&file, "x\n", 2), -EIDRM);
	assert_int_equal(file.channel->ready(file.state), POLLIN | POLLOUT);
	/* The address is free although the file is open. */
	again = peer_bound(5000);
	end(again);
	file_close(&file);
}

static void owner_and_mode_say_who_may(void **state)
{
	struct file file;

	assert_int_equal(make_at("udp", AT, 0640), 0);
	become(NOBODY);
	file = file_open(OWN "/data", O_RDONLY);
	file_close(&file);
	assert_int_equal(file_try(OWN "/data", O_RDWR, &file), -EACCES);
	assert_int_equal(remove_at(OWN), -EPERM);
	assert_refused(make_at("udp", "127.0.0.1:53", 0600), EACCES, "ports below");
	become(0);
	assert_refused(make_at("udp", "127.0.0.1:5000,backlog=1", 0600), EINVAL, "reuseport=");
	assert_refused(make_at("udp", AT, 0600), EADDRINUSE, "ss -anu");
}

static void both_families_or_one(void **state)
{
	int v4 = make(AF_INET, SOCK_DGRAM, 0), v6 = make(AF_INET6, SOCK_DGRAM, 0);
	struct file file;
	char expected[64];

	assert_made("udp", "any:5000");
	assert_there("udp", "any:5000");
	peer_send(v4, ip("127.0.0.1", 5000), "4");
	peer_send(v6, ip("::1", 5000), "6");
	file = file_open("udp/any:5000/framed", O_RDWR);
	snprintf(expected, sizeof(expected), "from=127.0.0.1:%u size=1\n4", port_of(v4));
	assert_reads(&file, expected);
	/* An answer goes back to IPv4 although the socket is an IPv6 one, by its own name too. */
	file_puts(&file, "size=2\nok");
	assert_peer_reads(v4, "ok");
	snprintf(expected, sizeof(expected), "to=127.0.0.1:%u size=2\nok", port_of(v4));
	file_puts(&file, expected);
	assert_peer_reads(v4, "ok");
	file_close(&file);
	file = file_open("udp/any:5000/framed", O_RDWR);
	snprintf(expected, sizeof(expected), "from=::1:%u size=1\n6", port_of(v6));
	assert_reads(&file, expected);
	file_close(&file);
}

/* ---- sending to anybody ---- */

static void a_write_is_a_datagram_a_read_an_answer(void **state)
{
	int peer = peer_bound(5001);
	struct address sender = {.size = sizeof(sender.in6)};
	struct file file = file_open("udp/connect/127.0.0.1:5001", O_RDWR);
	char buffer[16];

	file_puts(&file, "query");
	assert_int_equal(recvfrom(peer, buffer, sizeof(buffer), 0, &sender.any, &sender.size), 5);
	peer_send(peer, sender, "one");
	peer_send(peer, sender, "two");
	assert_reads(&file, "one");
	assert_reads(&file, "two");
	assert_int_equal(file_read_try(&file, buffer, 10), -EAGAIN); /* and no end */
	/* Others are not heard. */
	peer_send(peer_bound(5002), sender, "stranger");
	assert_int_equal(file_read_try(&file, buffer, 10), -EAGAIN);
	assert_refused((int)file_write(&file, (char[66000]){0}, 66000), EMSGSIZE, "65507");
	file_close(&file);
	file = file_open("udp/connect/localhost:5001,from=127.0.0.3:0", O_RDWR);
	file_close(&file);
}

static void nobody_there_is_said_by_the_next(void **state)
{
	struct file file = file_open("udp/connect/127.0.0.1:5009", O_RDWR);

	file_puts(&file, "x");
	assert_int_equal(file_read(&file, (char[10]){0}, 10), -ECONNREFUSED);
	file_close(&file);
}

static void broadcasts_go_out_and_are_answered(void **state)
{
	int peer = bound(SOCK_DGRAM, ip("0.0.0.0", 5001));
	struct address sender = {.size = sizeof(sender.in6)};
	char buffer[16];
	struct file file = file_open("udp/connect/127.255.255.255:5001", O_RDWR);

	file_puts(&file, "who?");
	assert_int_equal(recvfrom(peer, buffer, sizeof(buffer), 0, &sender.any, &sender.size), 4);
	/* The answer is from another address than where the question went. */
	peer_send(peer, sender, "I");
	assert_reads(&file, "I");
	file_close(&file);
}

/* ---- groups ---- */

/* Sends to a group by way of the loopback interface. */
static void send_to_group(struct address group, const char *text)
{
	int fd = make(group.any.sa_family, SOCK_DGRAM, 0);
	struct in_addr interface = {htonl(INADDR_LOOPBACK)};
	int index = (int)if_nametoindex("lo");

	if (group.any.sa_family == AF_INET)
		assert_int_equal(
			setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)),
			0);
	else
		assert_int_equal(
			setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)), 0);
	peer_send(fd, group, text);
}

static bool has_groups(const char *groups)
{
	char command[100];

	snprintf(command, sizeof(command), "ip route replace %s dev lo 2>&-", groups);
	return system(command) == 0;
}

static void assert_each_gets_a_copy(const char *name, struct address group)
{
	struct file files[2], late;
	char path[64];

	assert_made("udp", name);
	assert_there("udp", name);
	snprintf(path, sizeof(path), "udp/%s/lines", name);
	for (int i = 0; i < 2; i++)
		files[i] = file_open(path, O_RDWR);
	send_to_group(group, "first");
	late = file_open(path, O_RDONLY);
	send_to_group(group, "second");
	for (int i = 0; i < 2; i++) {
		assert_reads(&files[i], "first\n");
		assert_reads(&files[i], "second\n");
	}
	assert_reads(&late, "second\n");
	file_close(&late);
	/* What is kept without a reader piles nothing up. */
	assert_shows("udp", name, "recvq", "0\n");
	snprintf(path, sizeof(path), "udp/%s", name);
	assert_int_equal(remove_at(path), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(files[i].channel->gone(files[i].state), -EIDRM);
		file_close(&files[i]);
	}
	assert_not_there("udp", name);
}

static void each_handle_has_its_copy(void **state)
{
	assert_each_gets_a_copy("239.1.2.3:5000", ip("239.1.2.3", 5000));
	if (has_groups("local ff15::1234 table local"))
		assert_each_gets_a_copy("ff15::1234:5000", ip("ff15::1234", 5000));
}

static void a_group_is_joined_as_long_as_it_is_bound(void **state)
{
	static const char *const grep = "grep -ci 030201EF /proc/net/igmp; true";
	char *text;

	assert_made("udp", "239.1.2.3:5000");
	text = output_of(grep);
	assert_string_equal(text, "1\n");
	free(text);
	assert_int_equal(remove_at("udp/239.1.2.3:5000"), 0);
	text = output_of(grep);
	assert_string_equal(text, "0\n");
	free(text);
}

static void what_goes_to_a_group_is_answered(void **state)
{
	struct address sender = {.size = sizeof(sender.in6)};
	struct file file = file_open("udp/connect/239.1.2.3:5001,from=127.0.0.1:0", O_RDWR);
	int member = bound(SOCK_DGRAM, ip("239.1.2.3", 5001));
	struct ip_mreqn join = {.imr_ifindex = (int)if_nametoindex("lo")};
	char buffer[16];

	inet_pton(AF_INET, "239.1.2.3", &join.imr_multiaddr);
	assert_int_equal(setsockopt(member, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof(join)), 0);
	if (!has_groups("239.0.0.0/8")) {
		file_close(&file);
		skip(); /* no way to say where groups are */
	}
	file_puts(&file, "who?");
	assert_int_equal(recvfrom(member, buffer, sizeof(buffer), 0, &sender.any, &sender.size), 4);
	peer_send(peer_bound(5002), sender, "I");
	assert_reads(&file, "I");
	file_close(&file);
}

/* ---- unix ---- */

static void unix_datagrams_say_who_sent_them(void **state)
{
	int named = bound(SOCK_DGRAM, local(DIRECTORY "/a b")), status;
	pid_t child;
	char expected[256];
	struct file file;

	assert_int_equal(make_at("unix", "d,type=dgram", 0666), 0);
	assert_ptr_equal(object_at("unix", "d").dir, &sock_unix_own_dgram_dir);
	peer_send(named, local(RUN "/d"), "hello");
	file = file_open("unix/d/framed", O_RDWR);
	snprintf(expected, sizeof(expected),
		 "from=" DIRECTORY "/a\\040b pid=%d uid=0 gid=0 size=5\nhello", (int)getpid());
	assert_reads(&file, expected);
	/* What was read, sent back, comes to the sender. */
	file_puts(&file, expected);
	assert_peer_reads(named, "hello");
	file_puts(&file, "size=2\nok");
	assert_peer_reads(named, "ok");
	file_puts(&file, "to=" DIRECTORY "/a\\040b size=2\nto");
	assert_peer_reads(named, "to");
	assert_refused((int)file_write(&file, "to=" DIRECTORY "/none size=1\nx", 24), ENOENT, "");
	file_close(&file);
	child = fork();
	if (child == 0) {
		struct address to = local(RUN "/d");
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

		_exit(setuid(NOBODY) < 0 ||
		      sendto(fd, "from nowhere", 12, 0, &to.any, to.size) != 12);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	file = file_open("unix/d/framed", O_RDWR);
	snprintf(expected, sizeof(expected), "pid=%d uid=%d gid=0 size=12\nfrom nowhere",
		 (int)child, NOBODY);
	assert_reads(&file, expected);
	assert_refused((int)file_write(&file, "size=1\nx", 8), EDESTADDRREQ, "takes to=");
	file_close(&file);
	unlink(DIRECTORY "/a b");
}

static void unix_datagrams_are_answered(void **state)
{
	struct address sender = local("@answer me");
	int peer = bound(SOCK_DGRAM, sender), relative;
	struct file file;

	assert_made("unix", "d,type=dgram");
	file = file_open("unix/d/lines", O_RDWR);
	peer_send(peer, local(RUN "/d"), "one");
	assert_reads(&file, "one\n");
	file_puts(&file, "answer\n");
	assert_peer_reads(peer, "answer");
	assert_int_equal(chdir(DIRECTORY), 0);
	relative = bound(SOCK_DGRAM, local("relative"));
	peer_send(relative, local(RUN "/d"), "two");
	assert_reads(&file, "two\n");
	assert_refused((int)file_write(&file, "x\n", 2), EDESTADDRREQ, "relative");
	assert_int_equal(chdir("/"), 0);
	unlink(DIRECTORY "/relative");
	file_close(&file);
}

static void no_descriptor_comes_in(void **state)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS}};
	struct address to = local(RUN "/d");
	struct iovec piece = {(void *)(uintptr_t) "x", 1};
	struct msghdr message = {.msg_name = &to.any,
				 .msg_namelen = to.size,
				 .msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int peer = make(AF_UNIX, SOCK_DGRAM, 0), before, after, zero = 0;
	struct file file;

	assert_made("unix", "d,type=dgram");
	memcpy(CMSG_DATA(&control.align), &zero, sizeof(zero));
	if (sendmsg(peer, &message, 0) < 0) {
		/* From Linux 6.16 on it is refused. */
		assert_int_equal(errno, EPERM);
		return;
	}
	file = file_open("unix/d/data", O_RDONLY);
	before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	assert_reads(&file, "x");
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	assert_int_equal(after, before);
	file_close(&file);
}

struct writing {
	pthread_t thread;
	struct file file;
	size_t done;
	ssize_t result;
};

static void *write_waiting(void *context)
{
	struct writing *writing = context;
	struct call waiting = call;

	waiting.may_wait = true;
	writing->result = writing->file.channel->write(&waiting, writing->file.state, "last", 4,
						       &writing->done);
	return NULL;
}

static void a_full_receiver_is_waited_for_in_a_thread(void **state)
{
	int peer = bound(SOCK_DGRAM, local("@full"));
	struct writing writing = {0};
	short events = POLLOUT;
	ssize_t result;
	int sent = 0;

	assert_made("unix", "d,type=dgram");
	peer_send(peer, local(RUN "/d"), "x");
	writing.file = file_open("unix/d/data", O_RDWR);
	assert_reads(&writing.file, "x");
	do {
		size_t done = 0;

		result = writing.file.channel->write(&call, writing.file.state, "more", 4, &done);
		sent += result == 4;
	} while (result == 4);
	assert_int_equal(result, -EAGAIN);
	assert_true(sent > 0);
	/* One's own socket is writable all the time. */
	assert_int_equal(writing.file.channel->wait_fd(writing.file.state, &events), -1);
	assert_int_equal(pthread_create(&writing.thread, NULL, write_waiting, &writing), 0);
	while (sent--)
		assert_peer_reads(peer, "more");
	assert_peer_reads(peer, "last");
	pthread_join(writing.thread, NULL);
	assert_int_equal(writing.result, 4);
	file_close(&writing.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_is_one_datagram_then_the_end),
		TEST(what_is_not_read_is_gone),
		TEST(a_write_answers_the_last_sender),
		TEST(framed_says_from_whom_and_takes_to_whom),
		TEST(lines_are_a_stream_of_datagrams),
		TEST(readers_share_what_comes),
		TEST(removing_ends_what_is_open),
		TEST(owner_and_mode_say_who_may),
		TEST(both_families_or_one),
		TEST(a_write_is_a_datagram_a_read_an_answer),
		TEST(nobody_there_is_said_by_the_next),
		TEST(broadcasts_go_out_and_are_answered),
		TEST(each_handle_has_its_copy),
		TEST(a_group_is_joined_as_long_as_it_is_bound),
		TEST(what_goes_to_a_group_is_answered),
		TEST(unix_datagrams_say_who_sent_them),
		TEST(unix_datagrams_are_answered),
		TEST(no_descriptor_comes_in),
		TEST(a_full_receiver_is_waited_for_in_a_thread),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
