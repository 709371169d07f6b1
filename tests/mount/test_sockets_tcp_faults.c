/*
 * test_sockets_tcp_faults - what is refused, by which errno and in which words; limits; a daemon
 * that is killed.
 */
#include "tcp_help.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

enum { NOBODY = 1001 };

struct refusal {
	const char *name;
	int error;
	const char *words;
};

/* ---- names ---- */

static void test_addresses_to_listen_at(void **state)
{
	static const struct refusal refusals[] = {
		{"127.0.0.1", EINVAL, "no HOST:PORT"},
		{"127.0.0.1:", EINVAL, "no HOST:PORT"},
		{":80", EINVAL, "no HOST:PORT"},
		{"127.0.0.1:65536", EINVAL, "65535"},
		{"127.0.0.1:-1", EINVAL, "65535"},
		{"127.0.0.1:+80", EINVAL, "65535"},
		{"127.0.0.1: 80", EINVAL, "65535"},
		{"127.0.0.1:99999999999999999999", EINVAL, "65535"},
		{"127.0.0.1:http", EINVAL, "65535"},
		{"256.0.0.1:80", EINVAL, "no address"},
		{"127.1:80", EINVAL, "no address"},
		{"host.example:80", EINVAL, "not looked up"},
		{"fe80::1%nothing:80", EINVAL, "no address"},
		{"192.0.2.1:80", EADDRNOTAVAIL, "192.0.2.1:80"},
		{"127.0.0.1:80,backlog=-1", EINVAL, "backlog"},
		{"127.0.0.1:80,color=red", EINVAL, "color"},
	};
	char path[128];

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		snprintf(path, sizeof(path), TCP "/%s", refusals[i].name);
		print_message("mkdir %s\n", refusals[i].name);
		assert_int_equal(try_mkdir(path), -refusals[i].error);
		assert_last_refusal(refusals[i].error, refusals[i].words);
	}
}

static void test_addresses_to_connect_to(void **state)
{
	static const struct refusal refusals[] = {
		{"127.0.0.1", EINVAL, "no HOST:PORT"},
		{"127.0.0.1:", EINVAL, "no HOST:PORT"},
		{"127.0.0.1:65536", EINVAL, "65535"},
		{"127.0.0.1:-1", EINVAL, "65535"},
		{"127.0.0.1:+80", EINVAL, "65535"},
		{"127.0.0.1: 80", EINVAL, "65535"},
		{"localhost:99999999999999999999", EINVAL, "65535"},
		{"127.0.0.1:nosuchservice", ENXIO, "nosuchservice"},
		{"127.0.0.1:0", ECONNREFUSED, "nobody listens"},
		{"127.0.0.1:1", ECONNREFUSED, "nobody listens at 127.0.0.1:1"},
		{"localhost:1", ECONNREFUSED, "nobody listens at"},
		{"192.0.2.1:80", ENETUNREACH, "192.0.2.1:80"},
		{"127.0.0.1:80,from=192.0.2.1:0", EADDRNOTAVAIL, "from=192.0.2.1:0"},
		{"127.0.0.1:80,from=127.0.0.1:65536", EINVAL, "65535"},
		{"127.0.0.1:80,to=me", EINVAL, "to"},
	};
	char path[128];

	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		snprintf(path, sizeof(path), TCP "/connect/%s", refusals[i].name);
		print_message("connect to %s\n", refusals[i].name);
		assert_int_equal(try_open(path, O_RDWR), -refusals[i].error);
		assert_last_refusal(refusals[i].error, refusals[i].words);
	}
}

static int listen_low(void *argument)
{
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return -try_mkdir(TCP "/127.0.0.1:80");
}

static void test_addresses_in_use(void **state)
{
	int listener = plain_listener(4300, 5);

	assert_int_equal(try_mkdir(TCP "/0.0.0.0:4300"), -EADDRINUSE);
	assert_last_refusal(EADDRINUSE, "0.0.0.0:4300");
	assert_int_equal(try_mkdir(TCP "/any:4300"), -EADDRINUSE);
	assert_last_refusal(EADDRINUSE, "ss -ant");
	/* The very same address has a directory: anybody's. */
	assert_int_equal(try_mkdir(TCP "/127.0.0.1:4300"), -EEXIST);
	close(listener);
	make_listener(4300);
	assert_int_equal(try_mkdir(TCP "/127.0.0.1:4300"), -EEXIST);
	assert_int_equal(try_mkdir(TCP "/0.0.0.0:4300"), -EADDRINUSE);
	assert_return_code(rmdir(TCP "/127.0.0.1:4300"), errno);
	make_listener(65535);
	assert_return_code(rmdir(TCP "/127.0.0.1:65535"), errno);
	assert_int_equal(reap(spawn(listen_low, NULL)), EACCES);
	assert_last_refusal(EACCES, "ports below 1024 (net.ipv4.ip_unprivileged_port_start)");
}

/* ---- names of hosts ---- */

/* What a name server says: here.example is 127.0.0.1, slow.example gets no answer, no other is. */
static int serve_names(void *argument)
{
	static const unsigned char here[] = "\004here\007example";
	static const unsigned char slow[] = "\004slow\007example";
	static const unsigned char loopback[] = {0xc0, 12, 0, 1, 0,   1, 0, 0,
						 0,    9,  0, 4, 127, 0, 0, 1};
	unsigned char packet[1024];
	int fd = *(int *)argument;

	for (;;) {
		struct sockaddr_in client;
		socklen_t length = sizeof(client);
		ssize_t size = recvfrom(fd, packet, sizeof(packet) - sizeof(loopback), 0,
					(struct sockaddr *)&client, &length);
		size_t name, end;

		if (size < 12)
			return 1;
		name = strnlen((char *)packet + 12, (size_t)size - 12) + 1;
		end = 12 + name + 4;
		if (!memcmp(packet + 12, slow, sizeof(slow)))
			continue;
		packet[2] = 0x81;
		packet[3] = 0x80;
		memset(packet + 6, 0, 6);
		if (memcmp(packet + 12, here, sizeof(here)) != 0) {
			packet[3] |= 3; /* there is no such name */
		} else if (packet[end - 3] == 1) {
			packet[7] = 1;
			memcpy(packet + end, loopback, sizeof(loopback));
			end += sizeof(loopback);
		}
		sendto(fd, packet, end, 0, (struct sockaddr *)&client, length);
	}
}

static void replace_file(const char *path, const char *text)
{
	static int number;
	char other[64];
	int fd;

	snprintf(other, sizeof(other), "/run/file%d", number++);
	fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_return_code(fd, errno);
	send_all(fd, text, strlen(text));
	close(fd);
	if (mount(other, path, NULL, MS_BIND, NULL) < 0) {
		print_message("skipped: %s: %s\n", path, strerror(errno));
		skip();
	}
}

static int open_and_exit(void *argument)
{
	int fd = try_open(argument, O_RDWR);

	return fd < 0 ? -fd : 0;
}

static void test_hosts(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
	int names = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), listener, fd;
	pid_t server, asker;

	replace_file("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n");
	replace_file("/etc/nsswitch.conf", "hosts: dns\nservices: files\n");
	/* Nobody answers there. */
	assert_int_equal(try_open(TCP "/connect/here.example:4400", O_RDWR), -EHOSTUNREACH);
	assert_last_refusal(EHOSTUNREACH, "no name server answers for 'here.example'");
	assert_return_code(bind(names, (struct sockaddr *)&address, sizeof(address)), errno);
	server = spawn(serve_names, &names);
	assert_int_equal(try_open(TCP "/connect/nowhere.example:4400", O_RDWR), -ENXIO);
	assert_last_refusal(ENXIO, "no host 'nowhere.example'");
	assert_int_equal(try_open(TCP "/connect/here.example:4400", O_RDWR), -ECONNREFUSED);
	assert_last_refusal(ECONNREFUSED, "127.0.0.1:4400");
	listener = plain_listener(4400, 5);
	fd = try_open(TCP "/connect/here.example:4400", O_RDWR);
	assert_return_code(fd, -fd);
	close(fd);
	/* A number out of range is none whoever could be asked. */
	assert_int_equal(try_open(TCP "/connect/slow.example:65536", O_RDWR), -EINVAL);
	/* While one waits for an answer others connect, and who waits can be killed. */
	asker = spawn(open_and_exit, (void *)(uintptr_t)TCP "/connect/slow.example:4400");
	wait_until_open_parked(asker);
	fd = try_open(TCP "/connect/here.example:4400", O_RDWR);
	assert_return_code(fd, -fd);
	close(fd);
	assert_int_equal(try_open(TCP "/try/connect/slow.example:4400", O_RDWR), -EAGAIN);
	assert_int_equal(try_open(TCP "/within/0.1/connect/slow.example:4400", O_RDWR), -ETIMEDOUT);
	kill(asker, SIGKILL);
	assert_int_equal(reap(asker), -SIGKILL);
	kill(server, SIGKILL);
	reap(server);
	close(names);
	close(listener);
	umount("/etc/resolv.conf");
	umount("/etc/nsswitch.conf");
}

/* ---- no IPv6 ---- */

static void set_no_ipv6(const char *value)
{
	int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		print_message("skipped: no IPv6 to switch off: %s\n", strerror(errno));
		skip();
	}
	assert_int_equal(write(fd, value, 1), 1);
	close(fd);
}

static void test_no_ipv6(void **state)
{
	int listener = plain_listener(4500, 5), fd;

	set_no_ipv6("1");
	assert_int_equal(try_mkdir(TCP "/::1:4501"), -EADDRNOTAVAIL);
	assert_last_refusal(EADDRNOTAVAIL,
			    "no interface of this machine has the address of ::1:4501");
	fd = try_open(TCP "/connect/::1:4500", O_RDWR);
	assert_int_equal(fd, -EADDRNOTAVAIL);
	assert_last_refusal(EADDRNOTAVAIL, "::1:4500");
	/* localhost and "any" are what is left. */
	fd = try_open(TCP "/connect/localhost:4500", O_RDWR);
	assert_return_code(fd, -fd);
	close(fd);
	assert_int_equal(try_mkdir(TCP "/any:4502"), 0);
	close(plain_connect(4502));
	fd = try_open(TCP "/any:4502/try/accept", O_RDWR);
	assert_return_code(fd, -fd);
	close(fd);
	assert_return_code(rmdir(TCP "/any:4502"), errno);
	set_no_ipv6("0");
	close(listener);
}

/* ---- port 0 ---- */

/* The names in tcp/ that begin with an address, joined; their number. */
static int listed(const char *prefix, char *name)
{
	DIR *directory = opendir(TCP);
	struct dirent *entry;
	int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix))) {
			count++;
			strcpy(name, entry->d_name);
		}
	closedir(directory);
	return count;
}

/* The channel of the directory of that inode number. */
static bool find_by_inode(ino_t inode, struct stat *st)
{
	DIR *directory = opendir(TCP);
	struct dirent *entry;
	char path[300] = "";

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_ino == inode)
			snprintf(path, sizeof(path), TCP "/%s/wait/accept", entry->d_name);
	closedir(directory);
	return *path && stat(path, st) == 0;
}

/* In a child: makes one, says so by a byte, and lives on until it is killed. */
static int make_and_stay(void *argument)
{
	int error = mkdir(TCP "/127.0.0.9:0", 0600) < 0 ? errno : 0;

	if (write(*(int *)argument, "x", 1) == 1 && !error)
		pause();
	return error;
}

static void test_port_0(void **state)
{
	struct stat by_alias, made;
	int said[2];
	pid_t pid;
	char name[256], path[300];
	struct stat st;

	assert_int_equal(listed("127.0.0.9:", name), 0);
	assert_int_equal(mkdir(TCP "/127.0.0.9:0", 0600), 0);
	assert_int_equal(listed("127.0.0.9:", name), 1);
	assert_string_not_equal(name, "127.0.0.9:0");
	snprintf(path, sizeof(path), TCP "/%s", name);
	assert_return_code(stat(path, &st), errno);
	/* Once more: another.  Its maker finds it as mkdir -m does. */
	assert_int_equal(mkdir(TCP "/127.0.0.9:0", 0600), 0);
	assert_return_code(stat(TCP "/127.0.0.9:0", &by_alias), errno);
	assert_int_not_equal(by_alias.st_ino, st.st_ino);
	assert_return_code(chmod(TCP "/127.0.0.9:0", 0640), errno);
	assert_int_equal(listed("127.0.0.9:", name), 2);
	assert_true(find_by_inode(by_alias.st_ino, &made));
	assert_int_equal(made.st_mode & 0777, 0640);
	/* Of two who make one at the same time nobody is led to the other's. */
	assert_return_code(pipe2(said, O_CLOEXEC), errno);
	pid = spawn(make_and_stay, &said[1]);
	assert_int_equal(read(said[0], path, 1), 1);
	assert_int_equal(chmod(TCP "/127.0.0.9:0", 0666), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(TCP "/127.0.0.9:0", 0600), 0);
	assert_int_equal(chmod(TCP "/127.0.0.9:0", 0666), -1);
	assert_int_equal(errno, ENOENT);
	kill(pid, SIGKILL);
	reap(pid);
	close(said[0]);
	close(said[1]);
	assert_int_equal(listed("127.0.0.9:", name), 4);
	while (listed("127.0.0.9:", name)) {
		snprintf(path, sizeof(path), TCP "/%s", name);
		assert_return_code(rmdir(path), errno);
	}
}

/* ---- descriptors of the daemon ---- */

static int read_one(void *argument)
{
	char byte;

	return read(*(int *)argument, &byte, 1) == 1 ? 0 : errno;
}

static int poll_and_read_one(void *argument)
{
	struct pollfd polled = {.fd = *(int *)argument, .events = POLLIN};

	return poll(&polled, 1, PATIENCE) == 1 ? read_one(argument) : ETIMEDOUT;
}

static void test_no_descriptors(void **state)
{
	enum { MORE = 200 };
	struct rlimit before, few;
	int listener = plain_listener(4700, MORE), fds[MORE], peers[MORE], count = 0, fd, client;
	pid_t readers[MORE];
	char words[80];

	assert_return_code(prlimit(fixture_daemon(), RLIMIT_NOFILE, NULL, &before), errno);
	make_listener(4701);
	few = before;
	few.rlim_cur = (rlim_t)descriptors_of(fixture_daemon()) + MORE / 2;
	assert_return_code(prlimit(fixture_daemon(), RLIMIT_NOFILE, &few, NULL), errno);
	snprintf(words, sizeof(words), "RLIMIT_NOFILE of the daemon is %llu",
		 (unsigned long long)few.rlim_cur);
	while ((fd = try_open(connect_path("", 4700), O_RDWR)) >= 0) {
		assert_true(count < MORE);
		fds[count] = fd;
		peers[count++] = plain_accept(listener);
	}
	assert_int_equal(fd, -EMFILE);
	assert_last_refusal(EMFILE, words);
	assert_true(count > 0);
	/* No server either, and no client for one; he waits until there is room. */
	assert_int_equal(try_mkdir(TCP "/127.0.0.1:4702"), -EMFILE);
	assert_last_refusal(EMFILE, words);
	client = plain_connect(4701);
	assert_int_equal(try_open(listener_path(4701, "accept"), O_RDWR), -EMFILE);
	assert_last_refusal(EMFILE, words);
	/* Whoever is connected goes on, also if all wait at once, and in poll; and can be killed.
	 */
	for (int i = 0; i < count; i++)
		readers[i] = spawn(i % 2 ? read_one : poll_and_read_one, &fds[i]);
	for (int i = 0; i < count; i++) {
		if (i % 2)
			wait_until_parked(readers[i]);
		else
			wait_until_asleep_in(readers[i], "poll");
	}
	for (int i = 0; i < count / 2; i++) {
		kill(readers[i], SIGKILL);
		assert_int_equal(reap(readers[i]), -SIGKILL);
	}
	for (int i = count / 2; i < count; i++)
		assert_int_equal(write(peers[i], "x", 1), 1);
	for (int i = count / 2; i < count; i++)
		assert_int_equal(reap(readers[i]), 0);
	/* And the tree can be looked at, by who has never been there. */
	assert_int_equal(WEXITSTATUS(system("ls " TCP " >/dev/null && cat " MOUNT
					    "/sockets/status >/dev/null && mkdir " MOUNT
					    "/sem/x && rmdir " MOUNT "/sem/x")),
			 0);
	/* What is closed makes room again. */
	for (int i = 0; i < count; i++) {
		close(fds[i]);
		close(peers[i]);
	}
	do
		fd = try_open(listener_path(4701, "accept"), O_RDWR);
	while (fd == -EMFILE);
	assert_return_code(fd, -fd);
	assert_int_equal(write(client, "x", 1), 1);
	assert_int_equal(read_one(&fd), 0);
	close(fd);
	close(client);
	assert_return_code(prlimit(fixture_daemon(), RLIMIT_NOFILE, &before, NULL), errno);
	assert_return_code(rmdir(listener_path(4701, "")), errno);
	close(listener);
}

/* ---- a daemon that is killed ---- */

static void test_killed_daemon(void **state)
{
	int listener = plain_listener(4800, 5), peer, fd, client, served, status;
	pid_t waiter, reader;
	char byte;

	fd = tree_connect(listener, O_RDWR, &peer);
	make_listener(4801);
	client = plain_connect(4801);
	served = try_open(listener_path(4801, "accept"), O_RDWR);
	assert_return_code(served, -served);
	waiter = spawn(open_and_exit, (void *)(uintptr_t)listener_path(4801, "accept"));
	wait_until_open_parked(waiter);
	reader = spawn(read_one, &fd);
	wait_until_parked(reader);
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	fixture_daemon_gone();
	/* Nobody hangs: not who waits in the tree, nor whoever is at the other end. */
	assert_int_equal(reap(waiter), ECONNABORTED);
	assert_int_equal(reap(reader), ECONNABORTED);
	await_input(peer);
	assert_int_equal(read(peer, &byte, 1), 0);
	await_input(client);
	assert_int_equal(read(client, &byte, 1), 0);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, ENOTCONN);
	/* A new one on the same place: the address is free, and what was is no more. */
	fixture_mount(NULL);
	assert_int_equal(read(served, &byte, 1), -1);
	assert_int_equal(try_open(listener_path(4801, "accept"), O_RDWR), -ENOENT);
	make_listener(4801);
	close(client);
	client = plain_connect(4801);
	close(served);
	served = try_open(listener_path(4801, "try/accept"), O_RDWR);
	assert_return_code(served, -served);
	assert_int_equal(write(client, "x", 1), 1);
	assert_int_equal(read(served, &byte, 1), 1);
	close(fd);
	close(peer);
	fd = tree_connect(listener, O_RDWR, &peer);
	close(fd);
	close(peer);
	close(served);
	close(client);
	assert_return_code(rmdir(listener_path(4801, "")), errno);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_to_listen_at),
		cmocka_unit_test(test_addresses_to_connect_to),
		cmocka_unit_test(test_addresses_in_use),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_no_ipv6),
		cmocka_unit_test(test_port_0),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_killed_daemon),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("sockets-tcp-faults", tests, fixture_mount,
					   fixture_unmount);
}
