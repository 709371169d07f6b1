/*
 * test_sock_figures - the figures of one socket, who has it, and who is at its other end.
 */
#include "sock_fixture.h"

/* ---- figures ---- */

static void figures_are_the_kernels(void **state)
{
	int listener = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 7), client, server;
	char name[128], text[128];
	struct place place;
	struct stat st = {0};

	client = connected(SOCK_STREAM, ip("127.0.0.1", 4000));
	assert_shows("tcp", "127.0.0.1:4000", "recvq", "1\n");
	server = accepted(listener);
	assert_shows("tcp", "127.0.0.1:4000", "state", "LISTEN\n");
	assert_shows("tcp", "127.0.0.1:4000", "local", "127.0.0.1:4000\n");
	assert_shows("tcp", "127.0.0.1:4000", "remote", "");
	assert_shows("tcp", "127.0.0.1:4000", "recvq", "0\n");
	assert_shows("tcp", "127.0.0.1:4000", "sendq", "7\n");
	assert_shows("tcp", "127.0.0.1:4000", "backlog", "7\n");
	assert_shows("tcp", "127.0.0.1:4000", "peer", "");
	snprintf(text, sizeof(text), "%u\n", inode_of(listener));
	assert_shows("tcp", "127.0.0.1:4000", "inode", text);
	snprintf(name, sizeof(name), "127.0.0.1:4000-127.0.0.1:%u", port_of(client));
	send_between(client, server, "12345");
	assert_shows("tcp/conn", name, "recvq", "5\n");
	assert_shows("tcp/conn", name, "backlog", "");
	snprintf(text, sizeof(text), "127.0.0.1:%u\n", port_of(client));
	assert_shows("tcp/conn", name, "remote", text);
	/* Of a socket of someone else. */
	become(NOBODY);
	listening(SOCK_STREAM, ip("127.0.0.1", 4001), 1);
	become(0);
	place = object_at("tcp", "127.0.0.1:4001");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_mode, 0600);
}

static void the_other_end_is_named(void **state)
{
	int listener = listening(SOCK_STREAM, local("@named\n"), 5), client, server, fds[2];
	char name[16], text[64];

	client = connected(SOCK_STREAM, local("@named\n"));
	server = accepted(listener);
	snprintf(name, sizeof(name), "%u", inode_of(client));
	snprintf(text, sizeof(text), "anon/%u\n", inode_of(client));
	assert_shows("unix/anon", name, "local", text);
	assert_shows("unix/anon", name, "remote", "@named\\012\n");
	snprintf(name, sizeof(name), "%u", inode_of(server));
	assert_shows("unix/anon", name, "local", "@named\\012\n");
	assert_shows("unix/anon", name, "remote", text);
	pair(SOCK_DGRAM, fds);
	snprintf(name, sizeof(name), "%u", inode_of(fds[0]));
	snprintf(text, sizeof(text), "anon/%u\n", inode_of(fds[1]));
	assert_shows("unix/anon", name, "remote", text);
	end(fds[1]);
	assert_shows("unix/anon", name, "remote", "");
	assert_shows("unix", "@named%0A", "remote", "");
}

/* ---- processes ---- */

/* Another process that has what this one has, until its end of a pipe closes. */
struct child {
	pid_t pid;
	int control;
};

static struct child child_start(uid_t uid, const char *command)
{
	struct child child;
	int control[2], ready[2];
	char byte;

	assert_int_equal(pipe(control), 0);
	assert_int_equal(pipe(ready), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		close(control[1]);
		prctl(PR_SET_NAME, command);
		if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(control[0], &byte, 1) != 0);
	}
	close(control[0]);
	child.control = control[1];
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void child_end(struct child child)
{
	int status;

	close(child.control);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
}

static void holders_are_processes(void **state)
{
	int fd = listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1), copy = keep(dup(fd));
	struct child child = child_start(NOBODY, "odd \"\n\\name");
	char line[128], *text;

	text = show("tcp", "127.0.0.1:4000", "holders");
	snprintf(line, sizeof(line), "%d root fd=%d,%d unit-sock_figur\n", getpid(), fd, copy);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "%d %d fd=%d,%d odd \"\\012\\134name\n", child.pid, NOBODY, fd,
		 copy);
	assert_non_null(strstr(text, line));
	assert_int_equal(count_of(text, "fd="), 2);
	free(text);
	text = show("tcp", "127.0.0.1:4000", "status");
	snprintf(line, sizeof(line),
		 "(\"unit-sock_figur\",pid=%d,fd=%d),(\"unit-sock_figur\",pid=%d,fd=%d)", getpid(),
		 fd, getpid(), copy);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "(\"odd \\042\\012\\134name\",pid=%d,fd=%d)", child.pid, fd);
	assert_non_null(strstr(text, line));
	free(text);
	text = show("", NULL, "holders");
	snprintf(line, sizeof(line), "tcp/127.0.0.1:4000 %d root fd=%d,%d unit-sock_figur\n",
		 getpid(), fd, copy);
	assert_non_null(strstr(text, line));
	free(text);
	child_end(child);
}

/* Steps as the daemon, in a test that has become someone else. */
static int as_root(int (*step)(void *context), void *context)
{
	uid_t uid = geteuid();
	int result;

	become(0);
	result = step(context);
	become(uid);
	return result;
}

/* How many processes the last line says are not shown. */
static int hidden_in(const char *text)
{
	const char *last = strstr(text, "# ");
	int hidden = 0;

	if (last)
		assert_int_equal(sscanf(last, "# %d process", &hidden), 1);
	return hidden;
}

static void who_may_not_look_is_told_how_many(void **state)
{
	struct child root, own;
	char line[64], *text;
	int fds[2], error, unknown;

	listening(SOCK_STREAM, ip("127.0.0.1", 4000), 1);
	pair(SOCK_STREAM, fds);
	/* There may be processes that not even root may look into. */
	text = show("tcp", "127.0.0.1:4000", "holders");
	unknown = hidden_in(text);
	free(text);
	root = child_start(0, "root-child");
	own = child_start(NOBODY, "own-child");
	become(NOBODY);
	call.as_daemon = as_root;
	text = show("tcp", "127.0.0.1:4000", "holders");
	snprintf(line, sizeof(line), "%d %d fd=", own.pid, NOBODY);
	assert_non_null(strstr(text, line));
	/* This process and its child. */
	assert_null(strstr(text, "root"));
	assert_int_equal(hidden_in(text), unknown + 2);
	free(text);
	text = show("", NULL, "status");
	assert_null(strstr(text, "root-child"));
	assert_non_null(strstr(text, "own-child"));
	assert_non_null(strstr(text, "\n# "));
	free(text);
	/* Whom nobody that may be looked into has. */
	become(0);
	child_end(own);
	become(NOBODY);
	snprintf(line, sizeof(line), "%u", inode_of(fds[0]));
	text = show("unix/anon", line, "holders");
	assert_int_equal(strncmp(text, "# ", 2), 0);
	free(text);
	free(show_at(object_at("unix/anon", line), "peer", &error));
	assert_int_equal(error, -EACCES);
	become(0);
	call.as_daemon = NULL;
	child_end(root);
}

static void the_peer_is_told(void **state)
{
	int listener = listening(SOCK_STREAM, local("@peer"), 1), client, fds[2];
	char name[16], line[64];
	struct child child;

	become(NOBODY);
	client = connected(SOCK_STREAM, local("@peer"));
	become(0);
	snprintf(name, sizeof(name), "%u", inode_of(accepted(listener)));
	snprintf(line, sizeof(line), "%d %d 0\n", getpid(), NOBODY);
	assert_shows("unix/anon", name, "peer", line);
	/* Who called listen. */
	snprintf(name, sizeof(name), "%u", inode_of(client));
	snprintf(line, sizeof(line), "%d 0 0\n", getpid());
	assert_shows("unix/anon", name, "peer", line);
	assert_shows("unix", "@peer", "peer", "");
	pair(SOCK_SEQPACKET, fds);
	snprintf(name, sizeof(name), "%u", inode_of(fds[0]));
	assert_shows("unix/anon", name, "peer", line);
	/* The caller sees a process that has it, and is told through that one. */
	child = child_start(NOBODY, "child");
	become(NOBODY);
	call.as_daemon = as_root;
	assert_shows("unix/anon", name, "peer", line);
	become(0);
	call.as_daemon = NULL;
	child_end(child);
	/* A datagram socket is not told who connects. */
	bound(SOCK_DGRAM, local("@datagrams"));
	snprintf(name, sizeof(name), "%u", inode_of(connected(SOCK_DGRAM, local("@datagrams"))));
	assert_shows("unix/anon", name, "peer", "");
	make(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name, sizeof(name), "%u", inode_of(make(AF_UNIX, SOCK_STREAM, 0)));
	assert_shows("unix/anon", name, "peer", "");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_are_the_kernels), TEST(the_other_end_is_named),
		TEST(holders_are_processes),   TEST(who_may_not_look_is_told_how_many),
		TEST(the_peer_is_told),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
