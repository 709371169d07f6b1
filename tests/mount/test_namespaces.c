/*
 * test_namespaces.c - callers in other namespaces or with another root directory: what that decides
 * of is refused, and all else works; where foreign callers are served, all works.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKETS MOUNT "/sockets"
#define TCP SOCKETS "/tcp/127.0.0.1:4000"
#define UDP SOCKETS "/udp/127.0.0.1:4000"
#define UNIX SOCKETS "/unix/x"
/* Root directories. */
#define BARE "/run/roots/bare"
#define WHOLE "/run/roots/whole"

/* What can be another one. */
enum { NETWORK = 1, IPC = 2, MEMORY = 4, RUN = 8, PIDS = 16, EVERYTHING = 31 };

/* What each does to the objects of the tree: 0, or its errno; nothing is left behind. */

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* All of @paths alike. */
static int looks_at(const char *const paths[])
{
	char text[65536];
	int refused = 0, count;

	for (count = 0; paths[count]; count++) {
		ssize_t result = get(paths[count], text, sizeof(text));

		if (result < 0 && result != -EACCES)
			return (int)-result;
		refused += result < 0;
	}
	return refused == 0 ? 0 : refused == count ? EACCES : EINVAL;
}

static int looks_at_sockets(void)
{
	static const char *const paths[] = {SOCKETS "/limits", TCP "/state", UDP "/recvq", NULL};

	return looks_at(paths);
}

static int looks_at_users_of_sockets(void)
{
	static const char *const paths[] = {SOCKETS "/status", SOCKETS "/holders", TCP "/holders",
					    UDP "/status.json", NULL};

	return looks_at(paths);
}

static int looks_at_users_of_queues(void)
{
	static const char *const paths[] = {MOUNT "/mq/holders", MOUNT "/mq/posix/holders",
					    MOUNT "/mq/0x4d2/holders", NULL};

	return looks_at(paths);
}

static int looks_at_unnamed_pipes(void)
{
	DIR *directory = opendir(MOUNT "/pipes/anon");
	int error = 0;

	if (!directory)
		return errno;
	errno = 0;
	while (readdir(directory))
		;
	error = errno;
	closedir(directory);
	return error;
}

static int looks_at_pipes(void)
{
	static const char *const paths[] = {MOUNT "/pipes/status", MOUNT "/pipes/fifo/holders",
					    MOUNT "/pipes/fifo/status.json", NULL};

	return looks_at(paths);
}

static int looks_at_all_kinds(void)
{
	static const char *const paths[] = {"/status", "/status.json", "/holders", "/metrics.prom",
					    "/events"};
	char path[64];
	int refused = 0;

	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s%s", MOUNT, paths[i]);
		refused += opened(path, O_RDONLY) == EACCES;
	}
	return refused == 0 ? 0 : refused == 5 ? EACCES : EINVAL;
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

/* Where /run is another one there is none, or it can't be told in which file system that is. */
static int connects_to_path(void)
{
	int error = opened(SOCKETS "/unix/connect/run/ipcfs/unix/x", O_RDWR);

	return error == ENOENT || error == EXDEV ? EACCES : error;
}

static int uses_unix_sockets(void)
{
	char text[64];
	int error = mkdir(SOCKETS "/unix/mine", 0600) < 0 ? errno : 0;

	if (!error && rmdir(SOCKETS "/unix/mine") < 0)
		return EINVAL;
	if ((get(UNIX "/backlog", text, sizeof(text)) < 0 ? EACCES : 0) != error)
		return EINVAL;
	return error;
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

static int uses_segments(void)
{
	return opened(MOUNT "/shm/0x4d2/data", O_RDWR);
}

static int uses_memory(void)
{
	int error = opened(MOUNT "/shm/posix/data", O_RDWR);

	if (-put(MOUNT "/sem/posix/op", "V") != error)
		return EINVAL;
	return error;
}

/* One directory is of both families. */
static int makes_memory_and_semaphores(void)
{
	static const char *const paths[] = {MOUNT "/shm/0x4d3,size=1", MOUNT "/shm/mine,size=1",
					    MOUNT "/sem/0x4d3", MOUNT "/sem/mine"};
	static const char *const made[] = {MOUNT "/shm/0x4d3", MOUNT "/shm/mine",
					   MOUNT "/sem/0x4d3", MOUNT "/sem/mine"};
	int refused = 0;

	for (int i = 0; i < 4; i++) {
		if (mkdir(paths[i], 0600) == 0 && rmdir(made[i]) == 0)
			continue;
		if (errno != EACCES)
			return errno;
		refused++;
	}
	return refused == 0 ? 0 : refused == 4 ? EACCES : EINVAL;
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
	unsigned refused_to; /* those of whom one of these is another one */
} operations[] = {
	{"looks at sockets", looks_at_sockets, NETWORK},
	{"looks at users of sockets", looks_at_users_of_sockets, NETWORK | PIDS},
	{"looks at users of queues", looks_at_users_of_queues, IPC | PIDS},
	{"looks at pipes", looks_at_pipes, RUN | PIDS},
	{"looks at unnamed pipes", looks_at_unnamed_pipes, PIDS},
	{"looks at all kinds", looks_at_all_kinds, EVERYTHING},
	{"makes sockets", makes_sockets, NETWORK},
	{"changes sockets", changes_sockets, NETWORK},
	{"accepts", accepts, NETWORK},
	{"takes datagrams", takes_datagrams, NETWORK},
	{"connects", connects, NETWORK},
	{"connects to an abstract name", connects_to_abstract, NETWORK},
	{"connects to a path", connects_to_path, RUN},
	{"uses unix sockets", uses_unix_sockets, RUN},
	{"uses pipes", uses_pipes, RUN},
	{"uses queues", uses_queues, IPC},
	{"uses semaphore sets", uses_semaphore_sets, IPC},
	{"uses segments", uses_segments, IPC},
	{"uses POSIX memory and semaphores", uses_memory, MEMORY},
	{"makes memory and semaphores", makes_memory_and_semaphores, IPC | MEMORY},
	{"reads what is of none", reads_what_is_of_none, 0},
};
enum { OPERATIONS = sizeof(operations) / sizeof(*operations) };

/* ---- callers ---- */

struct caller {
	int unshares;       /* CLONE_NEW... */
	const char *mounts; /* here, another file system */
	const char *root;
	bool served; /* wherever it is */
};

enum { NO_NAMESPACE = 100, NO_MOUNT, NO_ROOT };

static unsigned elsewhere(const struct caller *caller)
{
	unsigned elsewhere = 0;

	if (caller->served)
		return 0;
	if (caller->unshares & CLONE_NEWNET)
		elsewhere |= NETWORK;
	if (caller->unshares & CLONE_NEWIPC)
		elsewhere |= IPC;
	if (caller->unshares & CLONE_NEWPID)
		elsewhere |= PIDS;
	if (caller->mounts)
		elsewhere |= strcmp(caller->mounts, "/run") == 0 ? RUN : MEMORY;
	if (caller->root && strcmp(caller->root, BARE) == 0)
		elsewhere |= RUN | MEMORY;
	return elsewhere;
}

static int call_all(void *argument)
{
	const struct caller *caller = argument;
	unsigned other = elsewhere(caller);

	for (int i = 0; i < OPERATIONS; i++) {
		int expected = operations[i].refused_to & other ? EACCES : 0, error;

		/* A path is followed where the caller is, whoever is served. */
		if (operations[i].function == connects_to_path && caller->served)
			continue;
		error = operations[i].function();
		if (error != expected) {
			fprintf(stderr, "%s: %s\n", operations[i].name, strerror(error));
			return i + 1;
		}
	}
	if (other & NETWORK && removes_sockets() != EACCES)
		return OPERATIONS + 1;
	return 0;
}

static int goes_there(void *argument)
{
	const struct caller *caller = argument;

	if (unshare(caller->unshares) < 0)
		return NO_NAMESPACE;
	if (caller->mounts && mount("tmpfs", caller->mounts, "tmpfs", 0, NULL) < 0)
		return NO_MOUNT;
	if (caller->root && (chroot(caller->root) < 0 || chdir("/") < 0))
		return NO_ROOT;
	/* A child is in the PID namespace, and its parent is not. */
	return reap(spawn(call_all, argument));
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
		MOUNT "/shm/0x4d2,size=4096",
		MOUNT "/shm/posix,size=4096",
		MOUNT "/pipes/fifo",
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
		MOUNT "/shm/0x4d2",
		MOUNT "/shm/posix",
		MOUNT "/pipes/fifo",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_return_code(rmdir(paths[i]), errno);
}

static void check(struct caller caller)
{
	int result;

	make_objects();
	caller.served = strstr(fixture_options, "foreign");
	result = reap(spawn(goes_there, &caller));
	remove_objects();
	if (result == NO_NAMESPACE) {
		print_message("skipped: no such namespace can be made here\n");
		skip();
	}
	assert_int_equal(result, 0);
}

static void test_the_same(void **state)
{
	check((struct caller){0});
}

static void test_another_network(void **state)
{
	char text[65536];

	check((struct caller){.unshares = CLONE_NEWNET});
	if (*fixture_options)
		return;
	assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "is in another network namespace than this tree"));
}

static void test_another_ipc(void **state)
{
	check((struct caller){.unshares = CLONE_NEWIPC});
}

static void test_another_pid(void **state)
{
	check((struct caller){.unshares = CLONE_NEWPID});
}

/* A service's own, say: with the same /dev/shm it has the same memory. */
static void test_another_table_of_mounts(void **state)
{
	check((struct caller){.unshares = CLONE_NEWNS});
}

static void test_another_memory_fs(void **state)
{
	check((struct caller){.unshares = CLONE_NEWNS, .mounts = "/dev/shm"});
}

static void test_another_run_dir(void **state)
{
	check((struct caller){.unshares = CLONE_NEWNS, .mounts = "/run"});
}

static void test_another_of_all(void **state)
{
	check((struct caller){
		.unshares = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET,
		.root = BARE,
	});
}

/* With nothing in it but the tree, and with all that is outside. */
static void test_another_root(void **state)
{
	check((struct caller){.root = BARE});
	check((struct caller){.root = WHOLE});
}

static int make_roots(void **state)
{
	assert_return_code(mkdir("/run/roots", 0755), errno);
	assert_return_code(mount("tmpfs", "/run/roots", "tmpfs", 0, NULL), errno);
	assert_return_code(mkdir(BARE, 0755), errno);
	assert_return_code(mkdir(BARE MOUNT, 0755), errno);
	assert_return_code(mkdir(WHOLE, 0755), errno);
	if (fixture_mount(state) < 0)
		return -1;
	assert_return_code(mount(MOUNT, BARE MOUNT, NULL, MS_BIND, NULL), errno);
	assert_return_code(mount("/", WHOLE, NULL, MS_BIND | MS_REC, NULL), errno);
	return 0;
}

static int remove_roots(void **state)
{
	assert_return_code(umount2("/run/roots", MNT_DETACH), errno);
	assert_return_code(rmdir("/run/roots"), errno);
	return fixture_unmount(state);
}

/* ---- another user namespace ---- */

static int map_users(void)
{
	int error = put("/proc/self/setgroups", "deny");

	if (!error)
		error = put("/proc/self/uid_map", "0 1234 1");
	return error ? error : put("/proc/self/gid_map", "0 1234 1");
}

/* Whoever is root in a user namespace is outside whom it is mapped to. */
static int is_root_there(void *unused)
{
	if (setresgid(1234, 1234, 1234) < 0 || setresuid(1234, 1234, 1234) < 0)
		return NO_NAMESPACE;
	prctl(PR_SET_DUMPABLE, 1);
	if (unshare(CLONE_NEWUSER) < 0 || map_users() < 0 || geteuid() != 0)
		return NO_NAMESPACE;
	if (!*fixture_options)
		return opened(MOUNT "/README", O_RDONLY) != EACCES ||
		       put(MOUNT "/mq/open/data", "x") != -EACCES;
	if (put(MOUNT "/mq/open/data", "x") != 0)
		return 1;
	if (put(MOUNT "/mq/closed/data", "x") != -EACCES || rmdir(MOUNT "/mq/closed") == 0 ||
	    opened("/dev/shm/closed", O_RDONLY) != EACCES ||
	    opened(MOUNT "/shm/closed/data", O_RDONLY) != EACCES)
		return 2;
	return 0;
}

static void test_another_user_namespace(void **state)
{
	int result;

	assert_return_code(mkdir(MOUNT "/mq/open", 0666), errno);
	assert_return_code(chmod(MOUNT "/mq/open", 0666), errno);
	assert_return_code(mkdir(MOUNT "/mq/closed", 0600), errno);
	assert_return_code(mkdir(MOUNT "/shm/closed,size=4K", 0600), errno);
	result = reap(spawn(is_root_there, NULL));
	assert_return_code(rmdir(MOUNT "/mq/open"), errno);
	assert_return_code(rmdir(MOUNT "/mq/closed"), errno);
	assert_return_code(rmdir(MOUNT "/shm/closed"), errno);
	if (result == NO_NAMESPACE) {
		print_message("skipped: no user namespace can be made here\n");
		skip();
	}
	assert_int_equal(result, 0);
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
		cmocka_unit_test(test_another_pid),
		cmocka_unit_test(test_another_table_of_mounts),
		cmocka_unit_test(test_another_memory_fs),
		cmocka_unit_test(test_another_run_dir),
		cmocka_unit_test(test_another_root),
		cmocka_unit_test(test_another_of_all),
		cmocka_unit_test(test_another_user_namespace),
		cmocka_unit_test(test_a_connection_is_passed_on),
	};
	int failed;

	fixture_isolate();
	fixture_isolate_network();
	failed = cmocka_run_group_tests_name("namespaces", tests, make_roots, remove_roots);
	fixture_options = "foreign";
	return failed + cmocka_run_group_tests_name("namespaces, foreign callers served", tests,
						    make_roots, remove_roots);
}
