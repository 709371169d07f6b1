/*
 * test_holders_hostile.c - a process that holds the lock of its address space: whoever looks at
 * what is mapped is not held up by it, and what others have is shown.
 *
 * It maps a file of a file system of its own, in which a write waits for an answer that does not
 * come: the kernel lets no mapping begin until that is done, and has the lock meanwhile.
 */
#include "holders_help.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_OF_ITS_OWN "/run/hostile"

enum { FILE_SIZE = 1 << 16 };

/* FUSE_DIRECT_IO_ALLOW_MMAP is bit 36 of the flags, which come in two words. */
#define ALLOW_MMAP_IN_FLAGS2 (1u << (36 - 32))

static void answer(int fuse, const struct fuse_in_header *in, const void *body, size_t size)
{
	char buffer[512];
	struct fuse_out_header out = {.len = (uint32_t)(sizeof(out) + size), .unique = in->unique};

	memcpy(buffer, &out, sizeof(out));
	memcpy(buffer + sizeof(out), body, size);
	if (write(fuse, buffer, out.len) < 0 && errno != ENOENT)
		_exit(1);
}

/* The file system: the root of it is its one file.  Writes are not answered. */
static int serve(void *argument)
{
	static char request[1 << 20];
	int fuse = *(int *)argument;

	while (read(fuse, request, sizeof(request)) > 0) {
		const struct fuse_in_header *in = (const void *)request;
		const struct fuse_init_in *init = (const void *)(in + 1);
		struct fuse_init_out agreed = {
			.major = FUSE_KERNEL_VERSION,
			.minor = init->minor,
			.max_readahead = 4096,
			.flags = FUSE_INIT_EXT,
			.flags2 = ALLOW_MMAP_IN_FLAGS2,
			.max_write = 1 << 16,
			.max_background = 16,
			.congestion_threshold = 12,
		};
		struct fuse_attr_out attributes = {
			.attr = {.ino = 1, .size = FILE_SIZE, .mode = S_IFREG | 0666, .nlink = 1}};
		struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO |
							     FOPEN_PARALLEL_DIRECT_WRITES};

		switch (in->opcode) {
		case FUSE_INIT:
			answer(fuse, in, &agreed, sizeof(agreed));
			break;
		case FUSE_GETATTR:
			answer(fuse, in, &attributes, sizeof(attributes));
			break;
		case FUSE_OPEN:
			answer(fuse, in, &opened, sizeof(opened));
			break;
		}
	}
	return 0;
}

/* The two threads of the process that holds its lock, for all to see. */
static struct {
	_Atomic pid_t writer, mapper;
} * threads;

static void *write_for_ever(void *argument)
{
	static char page[4096];

	threads->writer = gettid();
	pwrite(*(int *)argument, page, sizeof(page), 0);
	return NULL;
}

static void *map_for_ever(void *argument)
{
	threads->mapper = gettid();
	mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *(int *)argument, 0);
	_exit(77); /* this kernel does not wait there */
}

static bool is_in(pid_t thread, const char *function)
{
	char path[64], stack[4096];

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)thread);
	return get(path, stack, sizeof(stack)) > 0 && strstr(stack, function);
}

/* Has memory of its own, and a segment; then holds its lock. */
static int hold_lock(void *argument)
{
	int file = open(FILE_OF_ITS_OWN, O_RDWR);
	pthread_t writer, mapper;
	struct stat st;

	/* The kernel has to know the size: a write past the end is another matter. */
	if (file < 0 || fstat(file, &st) < 0 || shmat(shmget(0x51, 0, 0), NULL, 0) == (void *)-1 ||
	    mmap(NULL, 123 * 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 1;
	/* Its stack has to be there before nothing can be mapped any more. */
	pthread_create(&writer, NULL, write_for_ever, &file);
	while (!threads->writer || !is_in(threads->writer, "request_wait_answer"))
		;
	pthread_create(&mapper, NULL, map_for_ever, &file);
	pause();
	return 0;
}

static int attach(void *argument)
{
	if (shmat(shmget(0x51, 0, 0), NULL, 0) == (void *)-1)
		return 1;
	pause();
	return 0;
}

static bool waits_in_mmap(void *context)
{
	siginfo_t ended = {.si_pid = 0};

	waitid(P_PID, (id_t) * (pid_t *)context, &ended, WEXITED | WNOHANG | WNOWAIT);
	return ended.si_pid || (threads->mapper && is_in(threads->mapper, "mmap"));
}

static void test_lock_held(void **state)
{
	static char text[1 << 20];
	static struct holder_list list;
	pid_t server, hostile, other;
	char options[80];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int file = open(FILE_OF_ITS_OWN, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_return_code(fuse, errno);
	close(file);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=0,group_id=0,allow_other",
		 fuse);
	assert_return_code(mount("hostile", FILE_OF_ITS_OWN, "fuse", 0, options), errno);
	server = spawn(serve, &fuse);
	close(fuse);
	assert_return_code(mkdir(MOUNT "/shm/0x51", 0600), errno);
	other = spawn(attach, NULL);
	wait_until_held("shm/0x51/holders", other, "mem-rw");
	threads = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(threads, MAP_FAILED);
	hostile = spawn(hold_lock, NULL);
	wait_until(waits_in_mmap, &hostile, "a thread that maps");
	if (waitpid(hostile, NULL, WNOHANG) != 0) {
		print_message("skipped: this kernel has no such lock to hold\n");
		skip();
	}
	for (int i = 0; i < 3; i++) {
		holders_read("shm/0x51/holders", false, &list);
		assert_non_null(holder_find(&list, NULL, other));
		/* It is named, or counted: where the kernel does not tell. */
		assert_true(holder_find(&list, NULL, hostile) || list.hidden > 0);
		assert_true(get(MOUNT "/shm/unnamed", text, sizeof(text)) > 0);
		assert_true(get(MOUNT "/holders", text, sizeof(text)) > 0);
	}
	kill(server, SIGKILL);
	assert_int_equal(reap(server), -SIGKILL);
	/* Its mapping comes to an end now, and it too. */
	kill(hostile, SIGKILL);
	assert_int_equal(waitpid(hostile, NULL, 0), hostile);
	/* And it has been forgotten. */
	do
		holders_read("shm/0x51/holders", false, &list);
	while (list.hidden > 0);
	assert_int_equal(list.count, 1);
	kill(other, SIGKILL);
	assert_int_equal(reap(other), -SIGKILL);
	umount2(FILE_OF_ITS_OWN, MNT_DETACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock_held),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
