/*
 * test_sock_diag_unix - what is gathered of unix sockets.
 */
#include "sock_gathered.h"

#include <sys/sysmacros.h>

static void assert_name(const struct sock_info *row, const char *name, size_t size)
{
	assert_int_equal(row->un.name_size, size);
	assert_memory_equal(row->un.name, name, size);
}

static void unix_is_told(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < 3; i++) {
		int fds[2], unnamed = make(AF_UNIX, types[i], 0);
		struct sock_list list;

		pair(types[i], fds);
		send_between(fds[0], fds[1], "abc");
		list = gathered_from(TABLE_UNIX);
		assert_int_equal(list.count, 3);
		for (size_t j = 0; j < list.count; j++) {
			assert_int_equal(list.rows[j].type, types[i]);
			assert_int_equal(list.rows[j].un.name_size, 0);
			assert_false(list.rows[j].un.has_file);
			assert_true(list.rows[j].has_uid);
		}
		assert_int_equal(row_of(&list, unnamed)->state, TCP_CLOSE);
		assert_int_equal(row_of(&list, unnamed)->un.peer, 0);
		assert_int_equal(row_of(&list, fds[0])->state, TCP_ESTABLISHED);
		assert_int_equal(row_of(&list, fds[0])->un.peer, inode_of(fds[1]));
		assert_int_equal(row_of(&list, fds[1])->un.peer, inode_of(fds[0]));
		/* Bytes of a stream and of the first message; what is on its way counts as memory.
		 */
		assert_int_equal(row_of(&list, fds[1])->recvq, 3);
		assert_true(row_of(&list, fds[0])->sendq > 0);
		sock_list_free(&list);
		close_all(NULL);
	}
}

static int take_pending(void *context, const struct sock_info *sock)
{
	assert_int_equal(sock->un.pending_count, 1);
	*(uint32_t *)context = sock->un.pending[0];
	return 0;
}

static void a_listener_tells_who_waits(void **state)
{
	int listener = listening(SOCK_STREAM, local(DIRECTORY "/l"), 4);
	int first = connected(SOCK_STREAM, local(DIRECTORY "/l"));
	int second = connected(SOCK_STREAM, local(DIRECTORY "/l")), server = accepted(listener);
	struct sock_list list = gathered_from(TABLE_UNIX);
	const struct sock_info *row = row_of(&list, listener);
	uint32_t waiting;
	struct stat st;

	assert_int_equal(row->state, TCP_LISTEN);
	assert_int_equal(row->recvq, 1);
	assert_int_equal(row->sendq, 4);
	assert_int_equal(sock_get_pending(inode_of(listener), take_pending, &waiting), 0);
	assert_int_equal(waiting, inode_of(second));
	assert_name(row, DIRECTORY "/l", strlen(DIRECTORY "/l"));
	assert_int_equal(stat(DIRECTORY "/l", &st), 0);
	assert_true(row->un.has_file);
	assert_int_equal(row->un.file_inode, (uint32_t)st.st_ino);
	assert_int_equal(row->un.file_device, st.st_dev);
	/* What it accepts has its address. */
	row = row_of(&list, server);
	assert_int_equal(row->state, TCP_ESTABLISHED);
	assert_int_equal(row->un.peer, inode_of(first));
	assert_name(row, DIRECTORY "/l", strlen(DIRECTORY "/l"));
	sock_list_free(&list);
	unlink(DIRECTORY "/l");
}

static int count_pending(void *context, const struct sock_info *sock)
{
	*(size_t *)context = sock->un.pending_count;
	return 0;
}

/* More than fit into what the kernel answers with hide no other socket. */
static void many_may_wait(void **state)
{
	enum { WAITING = 1500 };
	int listeners[20];
	struct sock_list list;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "@busy%zu", i);
		listeners[i] = listening(SOCK_STREAM, local(name), i ? 100 : WAITING);
		for (size_t j = 0; j < (i ? 100 : WAITING); j++)
			connected(SOCK_STREAM, local(name));
	}
	list = gathered_from(TABLE_UNIX);
	assert_int_equal(list.count, 20 + WAITING + 19 * 100);
	assert_int_equal(row_of(&list, listeners[0])->recvq, WAITING);
	sock_list_free(&list);
	assert_int_equal(sock_get_pending(inode_of(listeners[1]), count_pending, &count), 0);
	assert_int_equal(count, 100);
	error = sock_get_pending(inode_of(listeners[0]), count_pending, &count);
	assert_true(error == -EMSGSIZE || (error == 0 && count == WAITING));
}

static void names_are_told_byte_for_byte(void **state)
{
	static const struct {
		const char *bind;
		size_t size;
		const char *told;
		size_t told_size;
	} cases[] = {
		{DIRECTORY "/a b\n\xff\xfe", sizeof(DIRECTORY "/a b\n\xff\xfe") - 1,
		 DIRECTORY "/a b\n\xff\xfe", sizeof(DIRECTORY "/a b\n\xff\xfe") - 1},
		/* A NUL ends a path, whatever its length is said to be. */
		{DIRECTORY "/n\0ul", sizeof(DIRECTORY "/n\0ul") - 1, DIRECTORY "/n",
		 sizeof(DIRECTORY "/n") - 1},
		{"@abs", 4, "\0abs", 4},
		{"@abs\0", 5, "\0abs\0", 5},
		{"@\0\n /%,\xff", 8, "\0\0\n /%,\xff", 8},
		{"@", 1, "\0", 1},
	};
	char longest[108];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = bound(SOCK_DGRAM, local_bytes(cases[i].bind, cases[i].size));
		struct sock_list list = gathered_from(TABLE_UNIX);

		assert_name(row_of(&list, fd), cases[i].told, cases[i].told_size);
		sock_list_free(&list);
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < 2; i++) {
		struct sock_list list;
		int fd;

		if (i == 0)
			memcpy(longest, DIRECTORY "/", sizeof(DIRECTORY));
		else
			longest[0] = '@';
		fd = bound(SOCK_DGRAM, local_bytes(longest, sizeof(longest)));
		if (i == 1)
			longest[0] = '\0';
		list = gathered_from(TABLE_UNIX);
		assert_name(row_of(&list, fd), longest, sizeof(longest));
		sock_list_free(&list);
	}
	assert_int_equal(unlink(DIRECTORY "/a b\n\xff\xfe"), 0);
	assert_int_equal(unlink(DIRECTORY "/n"), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fresh_network, close_all)

int main(void)
{
	const struct rlimit files = {4096, 4096};
	const struct CMUnitTest tests[] = {
		TEST(unix_is_told),
		TEST(a_listener_tells_who_waits),
		TEST(many_may_wait),
		TEST(names_are_told_byte_for_byte),
	};

	setrlimit(RLIMIT_NOFILE, &files);
	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
