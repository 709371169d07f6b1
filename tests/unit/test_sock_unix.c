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
	assert_refused(make_at("unix", "file", 0600), EADDRINUSE, "something else");
	unlink(RUN "/file");
	assert_int_equal(symlink("/etc/elsewhere", RUN "/link"), 0);
	assert_refused(make_at("unix", "link", 0600), EADDRINUSE, "something else");
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
	/* Its file has another name, and leads to nobody. */
	assert_not_there("unix", "y");
	assert_int_equal(unlink(RUN "/y"), 0);
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
	assert_refused(make_at("unix", "theirs", 0600), EADDRINUSE, "something else");
	assert_int_equal(access(RUN "/theirs", F_OK), 0);
	assert_int_equal(remove_at("unix/theirs"), 0);
	assert_int_equal(access(RUN "/theirs", F_OK), -1);
	end(listener);
}

/* Its program may end and leave the file: that is no socket, and in nobody's way. */
static void what_is_left_of_a_socket_is_replaced(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	int client;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		int other = bound(types[i], local(RUN "/left"));

		assert_refused(make_at("unix", "left", 0600), EADDRINUSE, "something else");
		end(other);
		assert_int_equal(file_mode(RUN "/left"), 0777);
		assert_not_there("unix", "left");
		assert_int_equal(remove_at("unix/left"), -ENOENT);
		assert_made("unix", "left");
		assert_int_equal(file_mode(RUN "/left"), 0600);
		assert_shows("unix", "left", "state", "LISTEN\n");
		assert_int_equal(remove_at("unix/left"), 0);
	}
	/* For who may not remove it, it is in the way. */
	end(bound(SOCK_STREAM, local(RUN "/left")));
	call.as_daemon = step_as_root;
	become(NOBODY);
	assert_refused(make_at("unix", "left", 0600), EADDRINUSE, "uid 0 to remove");
	become(0);
	assert_int_equal(chown(RUN "/left", NOBODY, 0), 0);
	become(NOBODY);
	assert_made("unix", "left");
	assert_int_equal(remove_at("unix/left"), 0);
	become(0);
	call.as_daemon = NULL;
	/* Somebody's in another network namespace is somebody's. */
	client = bound(SOCK_STREAM, local(RUN "/left"));
	assert_int_equal(fresh_network(NULL), 0);
	assert_not_there("unix", "left");
	assert_refused(make_at("unix", "left", 0600), EADDRINUSE, "something else");
	end(client);
	assert_made("unix", "left");
}

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
		TEST(what_is_left_of_a_socket_is_replaced),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
