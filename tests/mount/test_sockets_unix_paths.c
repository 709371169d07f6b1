/*
 * test_sockets_unix_paths.c - where unix sockets are: the caller's paths to them, their files in
 * the run directory, names that are odd or too long.
 */
#include "talk_help.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECT "unix/connect"
/* A directory of the tests. */
#define HERE "/run/here"

static void directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

static int listening(const char *path)
{
	return plain_listener(SOCK_STREAM, local(path), 5);
}

/* 0, or the errno of connecting to @path, which begins with a slash or is an abstract name. */
static int connects(const char *path)
{
	char full[1600];
	int fd;

	snprintf(full, sizeof(full), CONNECT "%s%s", *path == '/' ? "" : "/", path);
	fd = open_at(full, O_RDWR);
	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

struct attempt {
	const char *path, *root;
	uid_t uid;
};

static int attempt_as_child(void *argument)
{
	const struct attempt *attempt = argument;

	if (attempt->root && (chroot(attempt->root) < 0 || chdir("/") < 0))
		return 200;
	if (attempt->uid)
		become(attempt->uid);
	return connects(attempt->path);
}

static int connects_as(uid_t uid, const char *path)
{
	struct attempt attempt = {.path = path, .uid = uid};

	return reap(spawn(attempt_as_child, &attempt));
}

static int connects_rooted(const char *root, const char *path)
{
	struct attempt attempt = {.path = path, .root = root};

	return reap(spawn(attempt_as_child, &attempt));
}

/* ---- the caller's paths ---- */

static void what_is_no_socket_refuses(void **state)
{
	int fd = open(HERE "/plain", O_CREAT | O_WRONLY | O_CLOEXEC, 0666), listener;

	assert_return_code(fd, errno);
	close(fd);
	assert_return_code(mkfifo(HERE "/fifo", 0666), errno);
	close(plain_bound(SOCK_STREAM, local(HERE "/left")));
	listener = listening(HERE "/listens");
	assert_int_equal(connects(HERE "/listens"), 0);
	assert_int_equal(connects(HERE "/plain"), ECONNREFUSED);
	expect_refusal("ECONNREFUSED", "nobody listens at " HERE "/plain");
	/* Nobody waits for a FIFO's other end, or for a device. */
	assert_int_equal(connects(HERE "/fifo"), ECONNREFUSED);
	assert_int_equal(connects("/dev/null"), ECONNREFUSED);
	assert_int_equal(connects(HERE "/left"), ECONNREFUSED);
	assert_int_equal(connects("@nobody"), ECONNREFUSED);
	expect_refusal("ECONNREFUSED", "nobody listens at @nobody");
	assert_int_equal(connects(HERE "/none"), ENOENT);
	assert_int_equal(connects(HERE "/none/s"), ENOENT);
	assert_int_equal(connects(HERE "/plain/s"), ENOTDIR);
	assert_return_code(symlink("none", HERE "/dangling"), errno);
	assert_return_code(symlink("round", HERE "/round"), errno);
	assert_return_code(symlink("listens", HERE "/link"), errno);
	assert_int_equal(connects(HERE "/dangling"), ENOENT);
	assert_int_equal(connects(HERE "/round"), ELOOP);
	assert_int_equal(connects(HERE "/link"), 0);
	/* A directory is one here too, and lists nothing. */
	fd = opened(CONNECT HERE, O_RDONLY | O_DIRECTORY);
	close(fd);
	assert_int_equal(open_at(CONNECT HERE, O_RDWR), -EISDIR);
	close(listener);
}

static void permission_is_the_callers(void **state)
{
	int listener;

	directory(HERE "/private", 0700);
	listener = listening(HERE "/private/s");
	assert_return_code(chmod(HERE "/private/s", 0666), errno);
	assert_int_equal(connects_as(OWNER, HERE "/private/s"), EACCES);
	assert_int_equal(connects_as(OWNER, HERE "/private/none"), EACCES);
	assert_return_code(chmod(HERE "/private", 0711), errno);
	assert_int_equal(connects_as(OWNER, HERE "/private/s"), 0);
	assert_int_equal(connects_as(OWNER, HERE "/private/none"), ENOENT);
	assert_return_code(chmod(HERE "/private/s", 0600), errno);
	assert_int_equal(connects_as(OWNER, HERE "/private/s"), EACCES);
	expect_refusal("EACCES", "takes write permission for the socket");
	assert_return_code(chown(HERE "/private/s", OWNER, OWNER), errno);
	assert_int_equal(connects_as(OWNER, HERE "/private/s"), 0);
	assert_int_equal(connects_as(OTHER, HERE "/private/s"), EACCES);
	close(listener);
}

/* Who has another root connects below that, and to nothing outside it. */
static void paths_begin_at_the_callers_root(void **state)
{
	int inside, outside;

	directory(HERE "/jail", 0755);
	directory(HERE "/jail" MOUNT, 0755);
	assert_return_code(mount(MOUNT, HERE "/jail" MOUNT, NULL, MS_BIND, NULL), errno);
	inside = listening(HERE "/jail/inside");
	outside = listening(HERE "/outside");
	assert_return_code(symlink("/inside", HERE "/jail/link"), errno);
	assert_return_code(symlink("../outside", HERE "/jail/above"), errno);
	assert_return_code(symlink(HERE "/outside", HERE "/jail/absolute"), errno);
	assert_int_equal(connects_rooted(HERE "/jail", "/inside"), 0);
	assert_int_equal(connects_rooted(HERE "/jail", "/link"), 0);
	assert_int_equal(connects_rooted(HERE "/jail", HERE "/outside"), ENOENT);
	assert_int_equal(connects_rooted(HERE "/jail", "/above"), ENOENT);
	assert_int_equal(connects_rooted(HERE "/jail", "/absolute"), ENOENT);
	assert_int_equal(connects(HERE "/outside"), 0);
	assert_int_equal(connects("/inside"), ENOENT);
	/* From outside the links mean what they mean there. */
	assert_int_equal(connects(HERE "/jail/link"), ENOENT);
	assert_int_equal(connects(HERE "/jail/above"), 0);
	assert_return_code(umount(HERE "/jail" MOUNT), errno);
	close(inside);
	close(outside);
}

/* A container's: mounts that the daemon's namespace does not have. */
static int connect_in_other_mounts(void *argument)
{
	int listener;

	if (unshare(CLONE_NEWNS) < 0 || mount("tmpfs", HERE "/other", "tmpfs", 0, NULL) < 0)
		return 200;
	listener = listening(HERE "/other/s");
	return listener < 0 ? 201 : connects(HERE "/other/s");
}

static void paths_are_those_of_the_callers_mounts(void **state)
{
	directory(HERE "/other", 0755);
	assert_int_equal(reap(spawn(connect_in_other_mounts, NULL)), 0);
	assert_int_equal(connects(HERE "/other/s"), ENOENT);
}

/* The daemon must not wait for itself. */
static void no_path_leads_into_the_tree(void **state)
{
	make("unix/x", 0600);
	assert_int_equal(connects(MOUNT "/sockets/unix/x/socket"), EXDEV);
	expect_refusal("EXDEV", "file system of type fuse");
	assert_int_equal(connects(MOUNT "/README"), EXDEV);
	assert_return_code(symlink(MOUNT "/sockets/unix/x/socket", HERE "/into"), errno);
	assert_int_equal(connects(HERE "/into"), EXDEV);
	assert_int_equal(connects(RUN_UNIX "/x"), 0);
	removed("unix/x");
}

/* ---- odd names ---- */

static const char *const odd[] = {
	"with space", "with\nline", "with,comma=1",  "%2F", "\\", "*?[x]",    "'quoted\"",
	"\377\376",   "\xc3\xa4 ",  "x,type=dgram",  "...", "-",  "\001\033", ":1",
	"wait",       "connect",    "@not abstract",
};

static void names_may_be_any(void **state)
{
	char path[256];

	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		int listener;

		snprintf(path, sizeof(path), HERE "/%s", odd[i]);
		listener = listening(path);
		if (connects(path) != 0)
			fail_msg("cannot connect to '%s'", path);
		close(plain_accepted(listener));
		close(listener);
		unlink(path);
		snprintf(path, sizeof(path), "@%s", odd[i]);
		listener = listening(path);
		if (connects(path) != 0)
			fail_msg("cannot connect to '%s'", path);
		close(plain_accepted(listener));
		close(listener);
	}
	{
		int listener = listening("@/tmp/.X11-unix/X0");

		assert_int_equal(connects("@/tmp/.X11-unix/X0"), 0);
		close(listener);
	}
}

/* ---- long names ---- */

/* What bind(2) could not say: the path is longer than an address, the socket was bound otherwise.
 */
static void a_path_may_be_longer_than_an_address(void **state)
{
	enum { DEEP = 12, TOO_DEEP = 24 };
	char path[1400] = HERE, name[48];
	int listener;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < TOO_DEEP; i++) {
		if (i == DEEP) {
			assert_return_code(chdir(path), errno);
			listener = listening("s");
			assert_return_code(chdir("/"), errno);
			strcat(path, "/s");
			assert_true(strlen(path) > sizeof(((struct sockaddr_un *)0)->sun_path));
			assert_int_equal(connects(path), 0);
			close(listener);
			*strrchr(path, '/') = '\0';
		}
		strcat(strcat(path, "/"), name);
		directory(path, 0755);
	}
	assert_int_equal(connects(path), ENAMETOOLONG);
	expect_refusal("ENAMETOOLONG", "a path below unix/connect/ has at most 1023 bytes");
}

static void too_long_names_are_refused_in_words(void **state)
{
	enum { LONGEST = 107 };
	char name[256], path[512];
	int room = LONGEST - (int)strlen(RUN_UNIX "/"), listener;

	memset(name, 'n', sizeof(name));
	snprintf(path, sizeof(path), "unix/%.*s", room, name);
	make(path, 0600);
	removed(path);
	snprintf(path, sizeof(path), "unix/%.*s", room + 1, name);
	assert_int_equal(mkdir(at(path), 0600), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	expect_refusal("ENAMETOOLONG", "the path of a unix socket has at most 107");
	assert_int_equal(access(RUN_UNIX, F_OK), 0);
	/* An abstract one: 107 behind the @. */
	snprintf(path, sizeof(path), "@%.*s", LONGEST, name);
	listener = listening(path);
	assert_int_equal(connects(path), 0);
	close(listener);
	snprintf(path, sizeof(path), "@%.*s", LONGEST + 1, name);
	assert_int_equal(connects(path), ENAMETOOLONG);
	expect_refusal("ENAMETOOLONG", "an abstract name has at most 107 bytes");
}

/* ---- files of the run directory ---- */

static void nothing_is_bound_inside_the_tree(void **state)
{
	static const char *const paths[] = {MOUNT "/s",        SOCKETS "/s",
					    SOCKETS "/unix/s", SOCKETS "/unix/x/s",
					    SOCKETS "/tcp/s",  MOUNT "/mq/s"};
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	make("unix/x", 0600);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (size_t j = 0; j < 3; j++) {
			struct address address = local(paths[i]);
			int fd = plain_socket(AF_UNIX, types[j]);

			assert_int_equal(bind(fd, &address.any, address.size), -1);
			assert_int_equal(errno, EPERM);
			close(fd);
		}
	removed("unix/x");
}

/* Any program's connect(2) goes by the link, as it would by the path. */
static void the_link_leads_to_the_socket(void **state)
{
	char target[64] = "";
	struct stat st;
	int client, fd;

	make("unix/x", 0640);
	assert_return_code(lstat(at("unix/x/socket"), &st), errno);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(readlink(at("unix/x/socket"), target, sizeof(target) - 1),
			 strlen(RUN_UNIX "/x"));
	assert_string_equal(target, RUN_UNIX "/x");
	assert_return_code(stat(at("unix/x/socket"), &st), errno);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0640);
	client = plain_connected(SOCK_STREAM, local(SOCKETS "/unix/x/socket"));
	fd = opened("unix/x/accept", O_RDWR);
	say_text(fd, "hello");
	plain_expect(client, "hello", 5);
	close(fd);
	close(client);
	removed("unix/x");
}

/* Whom one has connected to is who made the socket, not the daemon. */
static int make_as_owner(void *argument)
{
	become(OWNER);
	umask(0);
	return mkdir(at("unix/x"), 0666) < 0 ? errno : 0;
}

static void a_client_is_told_whose_the_socket_is(void **state)
{
	struct ucred creds;
	socklen_t size = sizeof(creds);
	int client;

	assert_int_equal(reap(spawn(make_as_owner, NULL)), 0);
	client = plain_connected(SOCK_STREAM, local(RUN_UNIX "/x"));
	assert_return_code(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &creds, &size), errno);
	assert_int_equal(creds.uid, OWNER);
	assert_int_equal(creds.gid, OWNER);
	assert_int_equal(creds.pid, fixture_daemon());
	close(client);
	removed("unix/x");
}

/* Which uid the kernel says has sent what comes next. */
static uid_t sender_of_next(int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char buffer[16];
	struct iovec piece = {buffer, sizeof(buffer)};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct ucred creds;

	assert_true(recvmsg(fd, &message, 0) > 0);
	assert_non_null(CMSG_FIRSTHDR(&message));
	assert_int_equal(control.header.cmsg_type, SCM_CREDENTIALS);
	memcpy(&creds, CMSG_DATA(&control.header), sizeof(creds));
	return creds.uid;
}

struct run_by {
	uid_t real, effective;
	bool natively;
};

/* What a set-user-ID program does. */
static int send_as_program(void *argument)
{
	const struct run_by *run = argument;
	int fd;

	if (setresuid(run->real, run->effective, 0) < 0)
		return errno;
	if (run->natively)
		fd = plain_connected(SOCK_DGRAM, local(HERE "/judge"));
	else
		fd = open(at("unix/connect" HERE "/judge"), O_WRONLY);
	return fd < 0 || write(fd, "x", 1) < 0 ? errno : 0;
}

static void a_message_is_of_who_runs_the_program(void **state)
{
	const int yes = 1;
	int fd = plain_bound(SOCK_DGRAM, local(HERE "/judge"));

	assert_return_code(chmod(HERE "/judge", 0666), errno);
	assert_return_code(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), errno);
	for (int natively = 0; natively < 2; natively++) {
		struct run_by roots = {OWNER, 0, natively}, theirs = {OWNER, OTHER, natively};

		assert_int_equal(reap(spawn(send_as_program, &roots)), 0);
		assert_int_equal(sender_of_next(fd), OWNER);
		/* The daemon may say no more than it is while it acts for one that is not root. */
		assert_int_equal(reap(spawn(send_as_program, &theirs)), natively ? 0 : EPERM);
		if (natively)
			assert_int_equal(sender_of_next(fd), OWNER);
	}
	close(fd);
	assert_return_code(unlink(HERE "/judge"), errno);
}

static void expect_figure(const char *path, const char *value)
{
	char text[256];
	ssize_t size = get(at(path), text, sizeof(text));

	if (size < 0)
		fail_msg("%s: %s", path, strerror((int)-size));
	assert_string_equal(text, value);
}

static void what_others_bind_shows_while_they_have_it(void **state)
{
	int fd = plain_bound(SOCK_STREAM, local(RUN_UNIX "/theirs"));
	char line[64];

	/* Nothing listens yet. */
	expect_figure("unix/theirs/state", "UNCONN\n");
	assert_return_code(listen(fd, 3), errno);
	expect_figure("unix/theirs/state", "LISTEN\n");
	expect_figure("unix/theirs/local", RUN_UNIX "/theirs\n");
	expect_figure("unix/theirs/backlog", "3\n");
	snprintf(line, sizeof(line), "%d root fd=%d mount-sockets-u\n", (int)getpid(), fd);
	expect_figure("unix/theirs/holders", line);
	assert_int_equal(open_at("unix/theirs/accept", O_RDWR), -ENOENT);
	assert_int_equal(mkdir(at("unix/theirs"), 0600), -1);
	assert_int_equal(errno, EEXIST);
	close(fd);
	assert_int_equal(access(at("unix/theirs"), F_OK), -1);
	assert_int_equal(access(RUN_UNIX "/theirs", F_OK), 0);
	make("unix/theirs", 0600);
	expect_figure("unix/theirs/state", "LISTEN\n");
	removed("unix/theirs");
	/* What is no socket is not shown, and in the way. */
	assert_return_code(symlink("/etc/passwd", RUN_UNIX "/link"), errno);
	assert_int_equal(access(at("unix/link"), F_OK), -1);
	assert_int_equal(mkdir(at("unix/link"), 0600), -1);
	assert_int_equal(errno, EADDRINUSE);
	expect_refusal("EADDRINUSE", "something else at " RUN_UNIX "/link");
	assert_return_code(unlink(RUN_UNIX "/link"), errno);
}

/* Whoever removes or moves the file removes the socket, and who waits is told. */
static void a_socket_goes_with_its_file(void **state)
{
	struct waiting accepting = {.what = WAIT_OPEN, .path = "unix/x/accept", .flags = O_RDWR};
	pid_t pid;

	make("unix/x", 0600);
	pid = waiter(&accepting);
	assert_return_code(unlink(RUN_UNIX "/x"), errno);
	assert_int_equal(reap(pid), EIDRM);
	assert_int_equal(access(at("unix/x"), F_OK), -1);
	make("unix/x", 0600);
	pid = waiter(&accepting);
	assert_return_code(rename(RUN_UNIX "/x", RUN_UNIX "/y"), errno);
	assert_int_equal(reap(pid), EIDRM);
	assert_int_equal(access(at("unix/x"), F_OK), -1);
	assert_int_equal(access(at("unix/y"), F_OK), -1);
	/* What it left is in nobody's way. */
	make("unix/y", 0600);
	pid = waiter(
		&(struct waiting){.what = WAIT_OPEN, .path = "unix/y/accept", .flags = O_RDWR});
	close(creat("/run/another", 0600));
	assert_return_code(rename("/run/another", RUN_UNIX "/y"), errno);
	assert_int_equal(reap(pid), EIDRM);
	assert_return_code(unlink(RUN_UNIX "/y"), errno);
}

/* Nobody's copies outlive a tree that ends well; a killed one's are replaced. */
static void a_killed_daemon_is_in_nobodys_way(void **state)
{
	int fd;

	make("unix/stream", 0600);
	make("unix/letters,type=dgram", 0600);
	assert_return_code(kill(fixture_daemon(), SIGKILL), errno);
	assert_int_equal(reap(fixture_daemon()), -SIGKILL);
	fixture_daemon_gone();
	assert_return_code(umount2(MOUNT, MNT_DETACH), errno);
	assert_int_equal(access(RUN_UNIX "/stream", F_OK), 0);
	assert_int_equal(fixture_mount(state), 0);
	assert_int_equal(access(at("unix/stream"), F_OK), -1);
	make("unix/stream", 0600);
	make("unix/letters", 0600);
	fd = plain_connected(SOCK_STREAM, local(RUN_UNIX "/letters"));
	close(fd);
	assert_int_equal(fixture_unmount(state), 0);
	assert_int_equal(access(RUN_UNIX "/stream", F_OK), -1);
	assert_int_equal(access(RUN_UNIX "/letters", F_OK), -1);
	assert_int_equal(fixture_mount(state), 0);
}

/* Each test finds an empty directory. */
static int fresh(void **state)
{
	umount2(HERE, MNT_DETACH);
	directory(HERE, 0755);
	return mount("tmpfs", HERE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

#define TEST(test) cmocka_unit_test_setup(test, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_socket_refuses),
		TEST(permission_is_the_callers),
		TEST(paths_begin_at_the_callers_root),
		TEST(paths_are_those_of_the_callers_mounts),
		TEST(no_path_leads_into_the_tree),
		TEST(names_may_be_any),
		TEST(a_path_may_be_longer_than_an_address),
		TEST(too_long_names_are_refused_in_words),
		TEST(nothing_is_bound_inside_the_tree),
		TEST(the_link_leads_to_the_socket),
		TEST(a_client_is_told_whose_the_socket_is),
		TEST(a_message_is_of_who_runs_the_program),
		TEST(what_others_bind_shows_while_they_have_it),
		TEST(a_socket_goes_with_its_file),
		TEST(a_killed_daemon_is_in_nobodys_way),
	};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_isolate_network();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
