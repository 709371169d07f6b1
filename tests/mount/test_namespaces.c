/*
 * test_namespaces - callers in other namespaces: what such a namespace decides of is refused, and
 * all else works.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKETS MOUNT "/sockets"
#define TCP SOCKETS "/tcp/127.0.0.1:4000"
#define UDP SOCKETS "/udp/127.0.0.1:4000"
#define UNIX SOCKETS "/unix/x"

enum { WORKS = 0, REFUSED = EACCES };

/* What each does to the objects of the tree: 0, or its errno; nothing is left behind. */

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int looks_at_sockets(void)
{
	static const char *const paths[] = {SOCKETS "/status", SOCKETS "/limits", TCP "/state",
					    UDP "/status.json"};
	char text[65536];
	int errors = 0;

	for (int i = 0; i < 4; i++)
		errors += get(paths[i], text, sizeof(text)) == -EACCES;
	return errors == 0 ? 0 : errors == 4 ? EACCES : EINVAL;
}

static int looks_at_all_kinds(void)
{
	char text[65536];
	ssize_t size = get(MOUNT "/status", text, sizeof(text));

	return size < 0 ? (int)-size : 0;
}

static int makes_sockets(void)
{
	static const char *const paths[] = {SOCKETS "/tcp/127.0.0.1:4001",
					    SOCKETS "/udp/127.0.0.1:4001"};
	int error = 0;

	for (int i = 0; i < 2; i++) {
		if (mkdir(paths[i], 0600) < 0)
			error = errno;
		else if (error || rmdir(paths[i]) < 0)
			return EINVAL;
	}
	return error;
}

static int changes_sockets(void)
{
	int error = chmod(TCP, 0600) < 0 ? errno : 0;

	if ((chown(UDP, 0, 0) < 0 ? errno : 0) != error)
		return EINVAL;
	return error;
}

/* Only where it must be refused: it is needed. */
static int removes_sockets(void)
{
	return rmdir(TCP) < 0 && errno == EACCES && rmdir(UDP) < 0 ? errno : EINVAL;
}

static int accepts(void)
{
	int error = opened(SOCKETS "/tcp/127.0.0.1:4000/try/accept", O_RDWR);

	return error == EAGAIN ? 0 : error;
}

static int takes_datagrams(void)
{
	return opened(UDP "/try/data", O_RDWR);
}

/* There is nobody at that port. */
static int connects(void)
{
	int error = opened(SOCKETS "/tcp/connect/127.0.0.1:1", O_RDWR);

	return error == ECONNREFUSED ? 0 : error;
}

static int connects_to_abstract(void)
{
	int error = opened(SOCKETS "/unix/connect/@nobody", O_RDWR);

	return error == ECONNREFUSED ? 0 : error;
}

/* The file system decides of these. */
static int connects_to_path(void)
{
	return opened(SOCKETS "/unix/connect/run/ipcfs/unix/x", O_RDWR);
}

static int uses_pipes(void)
{
	char text[16];

	if (mkdir(MOUNT "/pipes/mine,keep=1", 0600) < 0)
		return errno;
	if (get(MOUNT "/pipes/mine/keep", text, sizeof(text)) != 2)
		return EINVAL;
	return rmdir(MOUNT "/pipes/mine") < 0 ? errno : 0;
}

static int uses_queues(void)
{
	int error = put(MOUNT "/mq/0x4d2/data", "x");

	if (!error)
		error = put(MOUNT "/mq/posix/data", "x");
	return -error;
}

static int uses_semaphore_sets(void)
{
	return -put(MOUNT "/sem/0x4d2/op", "V");
}

static int uses_memory(void)
{
	int error = opened(MOUNT "/shm/posix/data", O_RDWR);

	if (!error)
		error = -put(MOUNT "/sem/posix/op", "V");
	return error;
}

static int reads_what_is_of_none(void)
{
	char text[65536];
	struct stat st;

	if (get(MOUNT "/README", text, sizeof(text)) < 0 ||
	    get(MOUNT "/errors", text, sizeof(text)) < 0)
		return EINVAL;
	/* Names are told to all. */
	return stat(TCP, &st) < 0 || stat(MOUNT "/mq/posix", &st) < 0 ? errno : 0;
}

static const struct operation {
	const char *name;
	int (*function)(void);
	int network, ipc, memory; /* expected where that is another one */
} operations[] = {
	{"looks at sockets", looks_at_sockets, REFUSED, WORKS, WORKS},
	{"looks at all kinds", looks_at_all_kinds, REFUSED, REFUSED, REFUSED},
	{"makes sockets", makes_sockets, REFUSED, WORKS, WORKS},
	{"changes sockets", changes_sockets, REFUSED, WORKS, WORKS},
	{"accepts", accepts, REFUSED, WORKS, WORKS},
	{"takes datagrams", takes_datagrams, REFUSED, WORKS, WORKS},
	{"connects", connects, REFUSED, WORKS, WORKS},
	{"connects to an abstract name", connects_to_abstract, REFUSED, WORKS, WORKS},
	{"connects to a path", connects_to_path, WORKS, WORKS, WORKS},
	{"uses pipes", uses_pipes, WORKS, WORKS, WORKS},
	{"uses queues", uses_queues, WORKS, REFUSED, WORKS},
	{"uses semaphore sets", uses_semaphore_sets, WORKS, REFUSED, REFUSED},
	{"uses POSIX memory and semaphores", uses_memory, WORKS, REFUSED, REFUSED},
	{"reads what is of none", reads_what_is_of_none, WORKS, WORKS, WORKS},
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* ---- callers ---- */

struct caller {
	int unshares; /* CLONE_NEW... */
	bool mounts;  /* another file system on /dev/shm */
};

enum { NO_NAMESPACE = 100, NO_MOUNT = 101 };

static bool is_elsewhere(const struct caller *caller, const struct operation *operation)
{
	return (caller->unshares & CLONE_NEWNET && operation->network) ||
	       (caller->unshares & CLONE_NEWIPC && operation->ipc) ||
	       (caller->mounts && operation->memory);
}

static int call_all(void *argument)
{
	const struct caller *caller = argument;

	if (unshare(caller->unshares) < 0)
		return NO_NAMESPACE;
	if (caller->mounts && mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) < 0)
		return NO_MOUNT;
	for (int i = 0; i < OPERATIONS; i++) {
		int expected = is_elsewhere(caller, &operations[i]) ? REFUSED : WORKS, error;

		error = operations[i].function();
		if (error != expected) {
			fprintf(stderr, "%s: %s\n", operations[i].name, strerror(error));
			return i + 1;
		}
	}
	if (caller->unshares & CLONE_NEWNET && removes_sockets() != EACCES)
		return OPERATIONS + 1;
	return 0;
}

static void make_objects(void)
{
	static const char *const paths[] = {
		TCP,
		UDP,
		UNIX,
		MOUNT "/mq/0x4d2",
		MOUNT "/mq/posix",
		MOUNT "/sem/0x4d2",
		MOUNT "/sem/posix",
		MOUNT "/shm/posix,size=4096",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_return_code(mkdir(paths[i], 0600), errno);
}

static void remove_objects(void)
{
	static const char *const paths[] = {
		TCP,
		UDP,
		UNIX,
		MOUNT "/mq/0x4d2",
		MOUNT "/mq/posix",
		MOUNT "/sem/0x4d2",
		MOUNT "/sem/posix",
		MOUNT "/shm/posix",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_return_code(rmdir(paths[i]), errno);
}

static void check(int unshares, bool mounts)
{
	struct caller caller = {unshares, mounts};
	int result;

	make_objects();
	result = reap(spawn(call_all, &caller));
	remove_objects();
	if (result == NO_NAMESPACE) {
		print_message("skipped: no such namespace can be made here\n");
		skip();
	}
	assert_int_equal(result, 0);
}

static void test_the_same(void **state)
{
	check(0, false);
}

static void test_another_network(void **state)
{
	char text[65536];

	check(CLONE_NEWNET, false);
	assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "is in another network namespace than this tree"));
}

static void test_another_ipc(void **state)
{
	check(CLONE_NEWIPC, false);
}

/* A service's own, say: with the same /dev/shm it has the same memory. */
static void test_another_table_of_mounts(void **state)
{
	check(CLONE_NEWNS, false);
}

static void test_another_memory_fs(void **state)
{
	check(CLONE_NEWNS, true);
}

/* What is open may be passed on. */
static int talks(void *argument)
{
	int fd = *(int *)argument;
	char byte;

	if (unshare(CLONE_NEWNET) < 0)
		return NO_NAMESPACE;
	return write(fd, "x", 1) != 1 || read(fd, &byte, 1) != 1 || byte != 'y';
}

static void test_a_connection_is_passed_on(void **state)
{
	int client, server;
	pid_t child;
	char byte;

	assert_return_code(mkdir(TCP, 0600), errno);
	client = open(SOCKETS "/tcp/connect/127.0.0.1:4000", O_RDWR | O_CLOEXEC);
	assert_return_code(client, errno);
	server = open(TCP "/accept", O_RDWR | O_CLOEXEC);
	assert_return_code(server, errno);
	child = spawn(talks, &client);
	assert_int_equal(read(server, &byte, 1), 1);
	assert_int_equal(write(server, "y", 1), 1);
	assert_int_equal(reap(child), 0);
	close(client);
	close(server);
	assert_return_code(rmdir(TCP), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same),
		cmocka_unit_test(test_another_network),
		cmocka_unit_test(test_another_ipc),
		cmocka_unit_test(test_another_table_of_mounts),
		cmocka_unit_test(test_another_memory_fs),
		cmocka_unit_test(test_a_connection_is_passed_on),
	};

	fixture_isolate();
	fixture_isolate_network();
	return cmocka_run_group_tests_name("namespaces", tests, fixture_mount, fixture_unmount);
}
