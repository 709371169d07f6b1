/*
 * test_fetched - the daemon takes copies of descriptors that processes hold.  What a process has
 * put in the place of the one that was meant can be a file of a file system that does not answer.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBER = 50, SWAPS = 4000 };

#define SILENT "/run/silent"

static struct {
	atomic_int friend; /* whom the file system answers; 0: everyone */
	atomic_int swaps;
} * shared;

static void answer(int fuse, const struct fuse_in_header *to, int error, const void *data,
		   size_t size)
{
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + size), .error = error, .unique = to->unique};
	struct iovec parts[] = {{&header, sizeof(header)}, {(void *)(uintptr_t)data, size}};

	if (writev(fuse, parts, size ? 2 : 1) < 0)
		_exit(1);
}

/* Serves a directory with one file. */
static int serve(void *connection)
{
	static _Alignas(struct fuse_in_header) char buffer[1 << 17];
	const struct fuse_in_header *request = (const void *)buffer;
	const struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	const struct fuse_entry_out entry = {
		.nodeid = 2,
		.entry_valid = 1000,
		.attr = {.ino = 2, .mode = S_IFREG | 0666, .nlink = 1, .blksize = 4096}};
	const int fuse = *(const int *)connection;

	while (read(fuse, buffer, sizeof(buffer)) > 0) {
		if (request->opcode == FUSE_INIT)
			answer(fuse, request, 0, &init, sizeof(init));
		else if (request->opcode == FUSE_LOOKUP)
			answer(fuse, request, 0, &entry, sizeof(entry));
		else if (request->opcode == FUSE_OPEN)
			answer(fuse, request, -ENOSYS, NULL, 0);
		else if (!shared->friend || (int)request->pid == shared->friend)
			answer(fuse, request, 0, NULL, 0);
	}
	return 1;
}

/*
 * Mounts it.  Only its server has the connection: when that is killed, whoever waits for an answer
 * does so no more.
 */
static pid_t mount_silent(void)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[80];
	pid_t server;

	assert_return_code(fuse, errno);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fuse);
	assert_return_code(mkdir(SILENT, 0755), errno);
	assert_return_code(mount("silent", SILENT, "fuse", 0, options), errno);
	server = spawn(serve, &fuse);
	close(fuse);
	return server;
}

/* Has the socket all the time, but at one number now that and now the file. */
static int swap(void *argument)
{
	const int *end = argument;
	/* Of higher numbers, so that this one is asked first. */
	int socket = fcntl(*end, F_DUPFD, 2 * NUMBER), file = open(SILENT "/x", O_RDWR);

	close(*end);
	if (file < 0)
		return errno;
	shared->friend = getpid();
	for (int i = 0;; i++, shared->swaps++) {
		dup2(i % 2 ? file : socket, NUMBER);
		/* About as long as a look at all processes takes. */
		for (int yields = 0; yields < 50; yields++)
			sched_yield();
	}
	return 0;
}

static int read_peer(void *path)
{
	char text[64];
	int told = 0;

	while (shared->swaps < SWAPS || !told)
		told += get(path, text, sizeof(text)) > 0;
	return 0;
}

/* The status of a child that ends within @seconds. */
static int reap_within(pid_t pid, int seconds)
{
	const struct timespec pause = {0, 1000000};

	for (int i = 0; i < 1000 * seconds; i++) {
		int status;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return WEXITSTATUS(status);
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static void test_peer(void **state)
{
	pid_t server = mount_silent(), swapper, reader;
	struct stat st;
	char path[80];
	int ends[2], result;

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), errno);
	assert_return_code(fstat(ends[0], &st), errno);
	snprintf(path, sizeof(path), MOUNT "/sockets/unix/anon/%ju/peer", (uintmax_t)st.st_ino);
	swapper = spawn(swap, &ends[0]);
	close(ends[0]);
	while (!shared->friend)
		sched_yield();
	reader = spawn(read_peer, path);
	result = reap_within(reader, 20);
	kill(swapper, SIGKILL);
	kill(server, SIGKILL);
	reap(server);
	reap(swapper);
	if (result == -ETIMEDOUT) {
		kill(reader, SIGKILL);
		reap(reader);
	}
	umount2(SILENT, MNT_DETACH);
	assert_int_equal(result, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer),
	};

	fixture_isolate();
	fixture_isolate_processes();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return cmocka_run_group_tests_name("fetched", tests, fixture_mount, fixture_unmount);
}
