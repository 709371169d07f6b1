/*
 * test_sock_unix_connect - connecting to any unix socket, by the caller's path or an abstract name.
 */
#include "sock_talk_fixture.h"

static void any_path_is_connected_to(void **state)
{
	int listener, peer;
	struct file file;

	mkdir(DIRECTORY "/deep", 0755);
	mkdir(DIRECTORY "/deep/er", 0755);
	listener = listening(SOCK_STREAM, local(DIRECTORY "/deep/er/s"), 5);
	file = file_open("unix/connect" DIRECTORY "/deep/er/s", O_RDWR);
	peer = accepted(listener);
	file_puts(&file, "hello");
	assert_peer_reads(peer, "hello");
	peer_puts(peer, "welcome");
	assert_reads(&file, "welcome");
	file_close(&file);
}

static void the_type_is_found_out(void **state)
{
	int listener = listening(SOCK_SEQPACKET, local(DIRECTORY "/packets"), 5), peer;
	int datagrams = bound(SOCK_DGRAM, local(DIRECTORY "/datagrams"));
	struct address sender = {.size = sizeof(sender.un)};
	struct file file = file_open("unix/connect" DIRECTORY "/packets", O_RDWR);
	char buffer[16];

	peer = accepted(listener);
	file_puts(&file, "one");
	file_puts(&file, "two");
	assert_peer_reads(peer, "one");
	assert_peer_reads(peer, "two");
	file_close(&file);
	file = file_open("unix/connect" DIRECTORY "/datagrams", O_RDWR);
	file_puts(&file, "query");
	assert_int_equal(recvfrom(datagrams, buffer, sizeof(buffer), 0, &sender.any, &sender.size),
			 5);
	assert_int_equal(sendto(datagrams, "answer", 6, 0, &sender.any, sender.size), 6);
	assert_reads(&file, "answer");
	file_close(&file);
}

/* Who the kernel says has sent what is read from @fd: the ids that are checked where it matters. */
static void assert_sender(int fd, uid_t uid, gid_t gid)
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

	await_input(fd);
	assert_true(recvmsg(fd, &message, 0) > 0);
	assert_non_null(CMSG_FIRSTHDR(&message));
	assert_int_equal(control.header.cmsg_type, SCM_CREDENTIALS);
	memcpy(&creds, CMSG_DATA(&control.header), sizeof(creds));
	assert_int_equal(creds.uid, uid);
	assert_int_equal(creds.gid, gid);
}

static void nobody_is_taken_for_the_daemon(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
	const int yes = 1;
	struct ucred creds;
	socklen_t size = sizeof(creds);

	int fd = bound(SOCK_DGRAM, local("@judge"));
	struct file file;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), 0);
	become(NOBODY);
	file = file_open("unix/connect/@judge", O_RDWR);
	file_puts(&file, "I am root");
	become(0);
	assert_sender(fd, NOBODY, 0);
	file_close(&file);
	end(fd);
	for (size_t i = 0; i < 2; i++) {
		int listener = bound(types[i], local("@judge")), peer;

		assert_int_equal(listen(listener, 5), 0);
		become(NOBODY);
		file = file_open("unix/connect/@judge", O_RDWR);
		become(0);
		peer = accepted(listener);
		assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), 0);
		assert_int_equal(getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &creds, &size), 0);
		assert_int_equal(creds.uid, NOBODY);
		become(NOBODY);
		file_puts(&file, "I am root");
		become(0);
		assert_sender(peer, NOBODY, 0);
		file_close(&file);
		end(listener);
	}
}

static void what_is_no_listener_refuses(void **state)
{
	struct file file;
	int fd = open(DIRECTORY "/plain", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	end(bound(SOCK_STREAM, local(DIRECTORY "/stale")));
	assert_refused(file_try("unix/connect" DIRECTORY "/plain", O_RDWR, &file), ECONNREFUSED,
		       "nobody listens at " DIRECTORY "/plain");
	assert_refused(file_try("unix/connect" DIRECTORY "/stale", O_RDWR, &file), ECONNREFUSED,
		       "nobody listens");
	assert_refused(file_try("unix/connect/@nobody", O_RDWR, &file), ECONNREFUSED, "@nobody");
	assert_int_equal(file_try("unix/connect" DIRECTORY "/none", O_RDWR, &file), -ENOENT);
	assert_int_equal(file_try("unix/connect" DIRECTORY "/plain/x", O_RDWR, &file), -ENOTDIR);
	unlink(DIRECTORY "/stale");
}

static int connects_to(const char *path)
{
	struct file file;
	int error = file_try(path, O_RDWR, &file);

	if (!error)
		file_close(&file);
	return error;
}

static void links_lead_where_they_lead(void **state)
{
	struct place place;

	mkdir(DIRECTORY "/a", 0755);
	mkdir(DIRECTORY "/a/b", 0755);
	listening(SOCK_STREAM, local(DIRECTORY "/a/b/s"), 50);
	symlink("b/s", DIRECTORY "/a/relative");
	symlink(DIRECTORY "/a/b/../b/./s", DIRECTORY "/a/absolute");
	symlink("../../.." DIRECTORY "/a", DIRECTORY "/a/b/above");
	symlink(DIRECTORY "/a/round", DIRECTORY "/a/round");
	symlink("../../../../../../../../../../.." DIRECTORY "/a/b/s", DIRECTORY "/a/high");
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/a/relative"), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/a/absolute"), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/a/b/above/b/above/relative"), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/a/high"), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/a/round"), -ELOOP);
	/* Directories are on the way, all else is a channel. */
	assert_int_equal(place_find("unix/connect" DIRECTORY "/a/b", &place), 1);
	assert_int_equal(place_find("unix/connect" DIRECTORY "/a/b/above", &place), 1);
	assert_int_equal(place_find("unix/connect" DIRECTORY "/a/absolute", &place), 0);
}

static void the_callers_permission_is_asked_on_the_way(void **state)
{
	mkdir(DIRECTORY "/private", 0700);
	listening(SOCK_STREAM, local(DIRECTORY "/private/s"), 5);
	assert_int_equal(chmod(DIRECTORY "/private/s", 0666), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/private/s"), 0);
	become(NOBODY);
	/* Group 0 is still NOBODY's, and has no permission either. */
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/private/s"), -EACCES);
	become(0);
}

/* A process whose root is elsewhere, until it is killed. */
static pid_t process_rooted_at(const char *root)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		if (chroot(root) == 0 && chdir("/") == 0)
			(void)!write(ready[1], "x", 1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void paths_begin_at_the_callers_root(void **state)
{
	pid_t child;
	int status;

	mkdir(DIRECTORY "/jail", 0755);
	listening(SOCK_STREAM, local(DIRECTORY "/jail/inside"), 5);
	listening(SOCK_STREAM, local(DIRECTORY "/outside"), 5);
	symlink(DIRECTORY "/outside", DIRECTORY "/jail/absolute");
	symlink("../outside", DIRECTORY "/jail/relative");
	child = process_rooted_at(DIRECTORY "/jail");
	call.pid = child;
	assert_int_equal(connects_to("unix/connect/inside"), 0);
	assert_int_equal(connects_to("unix/connect/../inside"), 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/outside"), -ENOENT);
	assert_int_equal(connects_to("unix/connect/absolute"), -ENOENT);
	assert_int_equal(connects_to("unix/connect/relative"), -ENOENT);
	call.pid = getpid();
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/outside"), 0);
}

/* Nobody answers for this file system: whoever asks anything of it waits for ever. */
static void no_path_leads_into_fuse(void **state)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		skip();
	mkdir(DIRECTORY "/fuse", 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fd);
	if (mount("nobody", DIRECTORY "/fuse", "fuse.nobody", 0, options) < 0) {
		close(fd);
		skip();
	}
	symlink(DIRECTORY "/fuse/s", DIRECTORY "/into");
	assert_refused(connects_to("unix/connect" DIRECTORY "/fuse/s"), EXDEV, "fuse.nobody");
	assert_refused(connects_to("unix/connect" DIRECTORY "/fuse"), EXDEV, "fuse.nobody");
	assert_refused(connects_to("unix/connect" DIRECTORY "/into"), EXDEV, "fuse.nobody");
	assert_refused(connects_to("unix/connect" DIRECTORY "/fuse/../x"), EXDEV, "fuse.nobody");
	umount2(DIRECTORY "/fuse", MNT_DETACH);
	close(fd);
	/* Others are entered. */
	mkdir(DIRECTORY "/other", 0755);
	assert_int_equal(mount("tmpfs", DIRECTORY "/other", "tmpfs", 0, NULL), 0);
	listening(SOCK_STREAM, local(DIRECTORY "/other/s"), 5);
	assert_int_equal(connects_to("unix/connect" DIRECTORY "/other/s"), 0);
	umount2(DIRECTORY "/other", MNT_DETACH);
}

static void abstract_names_may_look_like_paths(void **state)
{
	struct place place;
	char longest[200];

	listening(SOCK_STREAM, local("@plain"), 5);
	listening(SOCK_STREAM, local("@/tmp/.X11/X0"), 5);
	listening(SOCK_STREAM, local("@both"), 5);
	listening(SOCK_STREAM, local("@both/below"), 5);
	assert_int_equal(connects_to("unix/connect/@plain"), 0);
	assert_int_equal(place_find("unix/connect/@", &place), 1);
	assert_int_equal(place_find("unix/connect/@/tmp/.X11", &place), 1);
	assert_int_equal(place_find("unix/connect/@/tmp/.X1", &place), 0);
	assert_int_equal(connects_to("unix/connect/@/tmp/.X11/X0"), 0);
	assert_int_equal(connects_to("unix/connect/@both"), 0);
	memset(longest, 'x', sizeof(longest));
	longest[107] = '\0';
	longest[0] = '@';
	{
		char path[300];

		/* 108 bytes, the first of which is the @. */
		listening(SOCK_STREAM, local(longest), 5);
		snprintf(path, sizeof(path), "unix/connect/%s", longest);
		assert_int_equal(connects_to(path), 0);
		strcat(path, "xx");
		assert_refused(connects_to(path), ENAMETOOLONG, "107");
	}
}

static void paths_have_an_end(void **state)
{
	char path[3000] = "unix/connect";
	struct place place;

	while (strlen(path) < sizeof(path) - 40)
		strcat(path, "/proc/..");
	assert_int_equal(place_find(path, &place), -ENAMETOOLONG);
}

struct connecting {
	pthread_t thread;
	struct file file;
	int result;
};

static void *connect_waiting(void *context)
{
	struct connecting *connecting = context;
	struct call waiting = call;

	waiting.may_wait = true;
	connecting->result = connecting->file.channel->enter(&waiting, connecting->file.state);
	return NULL;
}

static void a_full_queue_is_waited_for(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/full"), 0);
	struct connecting connecting;
	struct file file;
	short events = 0;

	connected(SOCK_STREAM, local(DIRECTORY "/full"));
	assert_int_equal(file_try("unix/connect" DIRECTORY "/full", O_RDWR | O_NONBLOCK, &file),
			 -EAGAIN);
	assert_int_equal(file_begin("unix/connect" DIRECTORY "/full", O_RDWR, &connecting.file), 0);
	/* No descriptor tells when there is room: a thread has to wait. */
	assert_int_equal(connecting.file.channel->enter(&call, connecting.file.state), -EAGAIN);
	assert_int_equal(connecting.file.channel->wait_fd(connecting.file.state, &events), -1);
	assert_int_equal(pthread_create(&connecting.thread, NULL, connect_waiting, &connecting), 0);
	accepted(listener);
	pthread_join(connecting.thread, NULL);
	assert_int_equal(connecting.result, 0);
	file_puts(&connecting.file, "through");
	assert_peer_reads(accepted(listener), "through");
	file_close(&connecting.file);
	unlink(DIRECTORY "/full");
}

static void a_close_loses_nothing(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/s"), 5), peer;
	struct file file = file_open("unix/connect" DIRECTORY "/s", O_RDWR);

	peer = accepted(listener);
	file_puts(&file, "written");
	peer_puts(peer, "never read");
	assert_int_equal(file.channel->flush(&call, file.state), -EAGAIN);
	assert_peer_reads(peer, "written");
	assert_peer_reads(peer, "");
	end(peer);
	file_flush(&file);
	file_close(&file);
	unlink(DIRECTORY "/s");
}

/* Paths that tests bind to are made again by the next. */
static int tidy(void **state)
{
	int result;

	call.pid = getpid();
	result = remove_all(state);
	umount2(DIRECTORY "/fuse", MNT_DETACH);
	if (system("find " DIRECTORY " -mindepth 1 -path " RUN_DIRECTORY " -prune -o "
		   "-mindepth 1 -delete 2>&- ; true") != 0)
		return -1;
	return result;
}

#undef TEST
#define TEST(test) cmocka_unit_test_teardown(test, tidy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_path_is_connected_to),
		TEST(the_type_is_found_out),
		TEST(nobody_is_taken_for_the_daemon),
		TEST(what_is_no_listener_refuses),
		TEST(links_lead_where_they_lead),
		TEST(the_callers_permission_is_asked_on_the_way),
		TEST(paths_begin_at_the_callers_root),
		TEST(no_path_leads_into_fuse),
		TEST(abstract_names_may_look_like_paths),
		TEST(paths_have_an_end),
		TEST(a_full_queue_is_waited_for),
		TEST(a_close_loses_nothing),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
