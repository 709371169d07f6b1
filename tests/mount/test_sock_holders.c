/*
 * test_sock_holders - who uses a socket by way of the tree is its holder, and not the daemon.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKETS MOUNT "/sockets"
#define TCP SOCKETS "/tcp/127.0.0.1:4000"
#define CONNECT SOCKETS "/tcp/connect/127.0.0.1:4000,from=127.0.0.1:%d"
/* The client's end, and the other. */
#define CLIENT SOCKETS "/tcp/conn/127.0.0.1:%d-127.0.0.1:4000"
#define SERVER SOCKETS "/tcp/conn/127.0.0.1:4000-127.0.0.1:%d"

enum { NOBODY = 65534 };

static int keep(int fd)
{
	assert_return_code(fd, errno);
	return fd;
}

static int client_open(int port)
{
	char path[128];

	snprintf(path, sizeof(path), CONNECT, port);
	return keep(open(path, O_RDWR | O_CLOEXEC));
}

/* ---- what is said of an object ---- */

static char text[65536];

/* @form has a %d for @port, or none. */
static const char *holders_of(const char *form, int port)
{
	char path[160];
	const char *number = strstr(form, "%d");

	if (number)
		snprintf(path, sizeof(path), "%.*s%d%s/holders", (int)(number - form), form, port,
			 number + 2);
	else
		snprintf(path, sizeof(path), "%s/holders", form);
	assert_return_code(get(path, text, sizeof(text)), 0);
	return text;
}

/* One line for each process, of which it is the first word, and no others. */
static void assert_held_by(const char *form, int port, pid_t first, pid_t second)
{
	const char *at = holders_of(form, port);
	bool has_first = !first, has_second = !second;

	for (; *at; at = strchr(at, '\n') + 1) {
		long pid = strtol(at, NULL, 10);

		if (pid == first)
			has_first = true;
		else if (pid == second)
			has_second = true;
		else
			fail_msg("%s", text);
	}
	if (!has_first || !has_second)
		fail_msg("%s", text);
}

static void assert_line(const char *form, int port, pid_t pid, int fd, const char *command)
{
	char line[128];

	snprintf(line, sizeof(line), "%d root fd=%d %s\n", (int)pid, fd, command);
	assert_string_equal(holders_of(form, port), line);
}

static void assert_status_has(const char *command, pid_t pid, int fd)
{
	char users[128];

	snprintf(users, sizeof(users), "users:((\"%s\",pid=%d,fd=%d))", command, (int)pid, fd);
	assert_return_code(get(SOCKETS "/status", text, sizeof(text)), 0);
	assert_non_null(strstr(text, users));
}

/* ---- processes with descriptors of this one ---- */

static int wait_for_end(void *unused)
{
	prctl(PR_SET_NAME, "heir");
	raise(SIGSTOP);
	return 0;
}

/* One that has inherited all that is open, and has its name. */
static pid_t heir(void)
{
	pid_t pid = spawn(wait_for_end, NULL);
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static void end_heir(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int make_tcp(void **state)
{
	prctl(PR_SET_NAME, "asker");
	return mkdir(TCP, 0600);
}

static int remove_tcp(void **state)
{
	return rmdir(TCP);
}

/* ---- tests ---- */

static void test_both_ends_are_of_who_opened_them(void **state)
{
	int client = client_open(5001), server = keep(open(TCP "/accept", O_RDWR | O_CLOEXEC));

	assert_line(CLIENT, 5001, getpid(), client, "asker");
	assert_line(SERVER, 5001, getpid(), server, "asker");
	assert_status_has("asker", getpid(), client);
	assert_status_has("asker", getpid(), server);
	assert_return_code(get(SOCKETS "/holders", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "tcp/conn/127.0.0.1:5001-127.0.0.1:4000 "));
	close(client);
	close(server);
}

/* The same path, opened many times: each is another connection. */
static void test_many_connections_are_told_apart(void **state)
{
	enum { COUNT = 8 };
	int clients[COUNT], servers[COUNT];

	for (int i = 0; i < COUNT; i++) {
		clients[i] = client_open(5010 + i);
		servers[i] = keep(open(TCP "/accept", O_RDWR | O_CLOEXEC));
	}
	for (int i = 0; i < COUNT; i++) {
		assert_line(CLIENT, 5010 + i, getpid(), clients[i], "asker");
		assert_line(SERVER, 5010 + i, getpid(), servers[i], "asker");
	}
	for (int i = 0; i < COUNT; i++) {
		close(clients[i]);
		close(servers[i]);
	}
}

static void test_heirs_hold_too(void **state)
{
	int client = client_open(5021), server;
	pid_t first = heir(), second;

	server = keep(open(TCP "/accept", O_RDWR | O_CLOEXEC));
	assert_held_by(CLIENT, 5021, getpid(), first);
	assert_held_by(SERVER, 5021, getpid(), 0);
	second = heir();
	close(client);
	close(server);
	assert_held_by(CLIENT, 5021, first, second);
	assert_line(SERVER, 5021, second, server, "heir");
	end_heir(first);
	assert_line(CLIENT, 5021, second, client, "heir");
	end_heir(second);
}

/* Under way in a socket of somebody it is in nobody's table: the daemon is seen to have it. */
static void test_what_nobody_is_seen_to_have_is_the_daemons(void **state)
{
	int client = client_open(5031), pair[2];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	char byte = 'x';
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	assert_held_by(TCP, 0, fixture_daemon(), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	memcpy(CMSG_DATA(&control.header), &client, sizeof(int));
	assert_int_equal(sendmsg(pair[0], &message, 0), 1);
	assert_held_by(CLIENT, 5031, getpid(), 0);
	close(client);
	assert_held_by(CLIENT, 5031, fixture_daemon(), 0);
	close(pair[0]);
	close(pair[1]);
}

static void test_datagram_sockets(void **state)
{
	static const char path[] = SOCKETS "/udp/127.0.0.1:4000";
	int receiver, sender;

	assert_return_code(mkdir(path, 0600), errno);
	assert_held_by(path, 0, fixture_daemon(), 0);
	receiver = keep(open(SOCKETS "/udp/127.0.0.1:4000/data", O_RDWR | O_CLOEXEC));
	sender = keep(open(SOCKETS "/udp/connect/127.0.0.1:4000", O_RDWR | O_CLOEXEC));
	assert_return_code(get(SOCKETS "/status", text, sizeof(text)), 0);
	assert_status_has("asker", getpid(), receiver);
	assert_held_by(path, 0, getpid(), 0);
	close(sender);
	close(receiver);
	assert_return_code(rmdir(path), errno);
}

/* The peer's credentials are asked of the daemon's descriptor. */
static void test_unix_connections(void **state)
{
	int client, server, found = 0;
	char path[300], expected[64];
	struct dirent *entry;
	DIR *anon;

	assert_return_code(mkdir(SOCKETS "/unix/x", 0600), errno);
	client = keep(open(SOCKETS "/unix/connect/run/ipcfs/unix/x", O_RDWR | O_CLOEXEC));
	server = keep(open(SOCKETS "/unix/x/accept", O_RDWR | O_CLOEXEC));
	snprintf(expected, sizeof(expected), "%d 0 0\n", (int)fixture_daemon());
	anon = opendir(SOCKETS "/unix/anon");
	assert_non_null(anon);
	while ((entry = readdir(anon))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), SOCKETS "/unix/anon/%s/peer", entry->d_name);
		assert_true(get(path, text, sizeof(text)) > 0);
		assert_string_equal(text, expected);
		snprintf(path, sizeof(path), SOCKETS "/unix/anon/%s/holders", entry->d_name);
		assert_true(get(path, text, sizeof(text)) > 0);
		assert_int_equal(strtol(text, NULL, 10), getpid());
		found++;
	}
	closedir(anon);
	assert_int_equal(found, 2);
	close(client);
	close(server);
	assert_return_code(rmdir(SOCKETS "/unix/x"), errno);
}

/* Another user is told of one process that is not shown: the client, and not the daemon besides. */
static int look_as_nobody(void *unused)
{
	static const char hidden[] = "# 1 process not shown: you may not look at it\n";

	if (setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 1;
	return strcmp(holders_of(CLIENT, 5041), hidden) ? 2 : 0;
}

static void test_others_are_counted_once(void **state)
{
	int client = client_open(5041), server = keep(open(TCP "/accept", O_RDWR | O_CLOEXEC));
	pid_t looker;

	looker = fork();
	assert_return_code(looker, errno);
	if (looker == 0) {
		/* It must not be a holder itself. */
		close(client);
		close(server);
		_exit(look_as_nobody(NULL));
	}
	assert_int_equal(reap(looker), 0);
	close(client);
	close(server);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_tcp, remove_tcp)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ends_are_of_who_opened_them),
		TEST(test_many_connections_are_told_apart),
		TEST(test_heirs_hold_too),
		TEST(test_what_nobody_is_seen_to_have_is_the_daemons),
		TEST(test_datagram_sockets),
		TEST(test_unix_connections),
		TEST(test_others_are_counted_once),
	};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("sock-holders", tests, fixture_mount, fixture_unmount);
}
