/*
 * test_sock_unix - unix sockets in the run directory, and connecting to any by path or name.
 */
#include "sock_talk_fixture.h"

#define RUN RUN_DIRECTORY "/unix"
#define X RUN "/x"

static mode_t file_mode(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_true(S_ISSOCK(st.st_mode));
	return st.st_mode & 07777;
}

static int connected_here(int type, const char *path)
{
	return connected(type, local(path));
}

/* ---- sockets of the tree ---- */

static void a_socket_is_made_and_removed(void **state)
{
	struct address address = {.size = sizeof(address.un)};
	char target[PATH_MAX];
	struct place place;
	struct file file;
	struct stat st;
	int client;

	assert_int_equal(make_at("unix", "x", 0640), 0);
	assert_int_equal(file_mode(X), 0640);
	assert_there("unix", "x");
	place = object_at("unix", "x");
	assert_ptr_equal(place.dir, &sock_unix_own_dir);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0640);
	place.row = row_at(place.dir, "socket");
	assert_int_equal(place.row->target(&place, target, sizeof(target)), 0);
	assert_string_equal(target, X);
	assert_int_equal(place.row->target(&place, target, 5), -ENAMETOOLONG);
	assert_shows("unix", "x", "state", "LISTEN\n");
	client = connected_here(SOCK_STREAM, X);
	/* What it was bound to is what its clients see. */
	assert_int_equal(getpeername(client, &address.any, &address.size), 0);
	assert_string_equal(address.un.sun_path, X);
	file = file_open("unix/x/accept", O_RDWR);
	peer_puts(client, "hello");
	assert_reads(&file, "hello");
	file_puts(&file, "answer");
	assert_peer_reads(client, "answer");
	assert_int_equal(remove_at("unix/x"), 0);
	assert_int_equal(access(X, F_OK), -1);
	assert_not_there("unix", "x");
	/* The connection lives on, and the name is free. */
	file_puts(&file, "more");
	assert_peer_reads(client, "more");
	file_close(&file);
	assert_made("unix", "x,backlog=7");
	assert_shows("unix", "x", "backlog", "7\n");
}

static void framed_says_who_it_is(void **state)
{
	char expected[64];
	struct file file;
	int client;

	assert_int_equal(make_at("unix", "x", 0666), 0);
	become(NOBODY);
	client = connected_here(SOCK_STREAM, X);
	become(0);
	file = file_open("unix/x/framed", O_RDONLY);
	snprintf(expected, sizeof(expected), "pid=%d uid=%d gid=0\n", (int)getpid(), NOBODY);
	assert_reads(&file, expected);
	peer_puts(client, "x");
	assert_reads(&file, "x");
	file_close(&file);
}

static void packets_stay_whole(void **state)
{
	static char large[100000], got[100000];
	struct file file;
	int client;

	assert_made("unix", "x,type=seqpacket");
	assert_ptr_equal(object_at("unix", "x").dir, &sock_unix_own_packet_dir);
	client = connected_here(SOCK_SEQPACKET, X);
	file = file_open("unix/x/accept", O_RDWR);
	peer_puts(client, "one");
	peer_puts(client, "two");
	/* A small buffer gets the rest by further reads. */
	assert_int_equal(file_read(&file, got, 2), 2);
	assert_true(file.channel->ready(file.state) & POLLIN);
	assert_reads(&file, "e");
	assert_reads(&file, "two");
	file_puts(&file, "three");
	file_puts(&file, "four");
	assert_peer_reads(client, "three");
	assert_peer_reads(client, "four");
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7);
	assert_int_equal(send(client, large, sizeof(large), 0), sizeof(large));
	assert_int_equal(file_read(&file, got, 1000), 1000);
	assert_int_equal(file_read(&file, got + 1000, sizeof(got)), sizeof(got) - 1000);
	assert_memory_equal(got, large, sizeof(got));
	assert_refused((int)file_write(&file, large, 2 << 20), EMSGSIZE, "packet");
	end(client);
	assert_reads(&file, "");
	file_close(&file);
}

static void the_mode_says_who_may_connect_not_who_may_accept(void **state)
{
	struct change open_to_all = {.has_mode = true, .mode = 0666};
	struct change to_nobody = {.has_uid = true, .uid = NOBODY};
	struct file file;
	struct stat st;

	assert_int_equal(make_at("unix", "x", 0600), 0);
	become(NOBODY);
	assert_refused(file_try("unix/connect" X, O_RDWR, &file), EACCES, "write permission");
	assert_int_equal(change_at("unix/x", open_to_all), -EPERM);
	become(0);
	assert_int_equal(change_at("unix/x", open_to_all), 0);
	assert_int_equal(file_mode(X), 0666);
	become(NOBODY);
	file = file_open("unix/connect" X, O_RDWR);
	file_close(&file);
	assert_int_equal(file_try("unix/x/accept", O_RDONLY | O_NONBLOCK, &file), -EACCES);
	assert_refused(remove_at("unix/x"), EPERM, "belongs to uid 0");
	assert_int_equal(file_mode(X), 0666);
	become(0);
	assert_int_equal(change_at("unix/x", to_nobody), 0);
	assert_int_equal(lstat(X, &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	become(NOBODY);
	file = file_open("unix/x/accept", O_RDONLY);
	file_close(&file);
	assert_int_equal(remove_at("unix/x"), 0);
	/* What a user makes is the user's. */
	assert_made("unix", "mine");
	assert_int_equal(lstat(RUN "/mine", &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(remove_at("unix/mine"), 0);
	become(0);
}

static void what_cannot_be_made(void **state)
{
	char name[257];
	int fd;

	assert_refused(make_at("unix", "x,type=raw", 0600), EINVAL, "stream, dgram");
	assert_refused(make_at("unix", "x,backlog=-1", 0600), EINVAL, "'-1'");
	assert_refused(make_at("unix", "x,", 0600), EINVAL, "type=");
	assert_refused(make_at("unix", ",type=dgram", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "..", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "connect", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "wait", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "@x", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "a%2Fb", 0600), EINVAL, "cannot be the name");
	assert_refused(make_at("unix", "a\nb", 0600), EINVAL, "cannot be the name");
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	assert_refused(make_at("unix", name, 0600), ENAMETOOLONG, "at most 255");
	name[107 - strlen(RUN) - 1] = '\0';
	assert_made("unix", name);
	assert_there("unix", name);
	strcat(name, "n");
	assert_refused(make_at("unix", name, 0600), ENAMETOOLONG, "at most 107");
	fd = open(RUN "/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_refused(make_at("unix", "file", 0600), EADDRINUSE, "no socket");
	unlink(RUN "/file");
	assert_int_equal(symlink("/etc/elsewhere", RUN "/link"), 0);
	assert_refused(make_at("unix", "link", 0600), EADDRINUSE, "no socket");
	unlink(RUN "/link");
}

static void whoever_removes_the_file_removes_the_socket(void **state)
{
	char events[512] __attribute__((aligned(8)));
	int bell = sock_kind.removals();
	struct file file;

	while (read(bell, events, sizeof(events)) > 0)
		;
	assert_made("unix", "x");
	assert_int_equal(file_begin("unix/x/accept", O_RDWR, &file), 0);
	assert_int_equal(file_enter(&file, false), -EAGAIN);
	assert_int_equal(file.channel->gone(file.state), 0);
	assert_int_equal(unlink(X), 0);
	assert_true(read(bell, events, sizeof(events)) > 0);
	assert_int_equal(file.channel->gone(file.state), -EIDRM);
	assert_int_equal(file_enter(&file, false), -EIDRM);
	file_close(&file);
	assert_not_there("unix", "x");
	/* Another of that name is another; the old one has gone, and its clients too. */
	assert_made("unix", "x");
	assert_there("unix", "x");
	assert_int_equal(rename(X, RUN "/y"), 0);
	assert_not_there("unix", "x");
	/* Found under its new name, but nobody's: the tree no longer has it. */
	assert_ptr_equal(object_at("unix", "y").dir, &sock_unix_file_dir);
	assert_int_equal(remove_at("unix/y"), 0);
}

static void sockets_of_others_are_there_without_accept(void **state)
{
	int listener = listening(SOCK_STREAM, local(RUN "/theirs"), 5);
	struct place place;

	assert_there("unix", "theirs");
	place = object_at("unix", "theirs");
	assert_ptr_equal(place.dir, &sock_unix_file_dir);
	assert_null(row_at(place.dir, "accept"));
	assert_non_null(row_at(place.dir, "socket"));
	assert_shows("unix", "theirs", "state", "LISTEN\n");
	/* Its program may die and leave the file, which rmdir removes. */
	end(listener);
	assert_there("unix", "theirs");
	assert_shows("unix", "theirs", "state", "");
	assert_refused(make_at("unix", "theirs", 0600), EADDRINUSE, "theirs");
	become(NOBODY);
	assert_refused(remove_at("unix/theirs"), EPERM, "belongs to uid 0");
	become(0);
	assert_int_equal(remove_at("unix/theirs"), 0);
	assert_int_equal(access(RUN "/theirs", F_OK), -1);
}

/* ---- connecting ---- */

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

	connected_here(SOCK_STREAM, DIRECTORY "/full");
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
		TEST(a_socket_is_made_and_removed),
		TEST(framed_says_who_it_is),
		TEST(packets_stay_whole),
		TEST(the_mode_says_who_may_connect_not_who_may_accept),
		TEST(what_cannot_be_made),
		TEST(whoever_removes_the_file_removes_the_socket),
		TEST(sockets_of_others_are_there_without_accept),
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
