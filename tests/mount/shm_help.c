/*
 * shm_help.c - what the tests of shm/ share: objects made behind the tree's back, and the kernel's
 * own view of them to compare with.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* FUSE_PASSTHROUGH is bit 37 of the flags of FUSE_INIT, which come in two words; the headers that
 * ipcfs builds with may not have it yet. */
#define PASSTHROUGH_IN_FLAGS2 (1u << (37 - 32))

bool shm_kernel_can_map(void)
{
	static int known = -1;
	struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
		char rest[65536];
	} request = {0};
	char options[80];
	int fd;

	if (known >= 0)
		return known;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	assert_return_code(mount("probe", "/media", "fuse", 0, options), errno);
	assert_true(read(fd, &request, sizeof(request)) > 0);
	known = (request.init.flags & FUSE_INIT_EXT) &&
		(request.init.flags2 & PASSTHROUGH_IN_FLAGS2);
	close(fd);
	assert_return_code(umount2("/media", MNT_DETACH), errno);
	if (!known)
		print_message("skipped: this kernel maps nothing through a mount (needs 6.9)\n");
	return known;
}

bool shm_maps(void)
{
	return !strstr(fixture_options, NO_PASSTHROUGH) && shm_kernel_can_map();
}

void shm_needs_mapping(void)
{
	int fd;

	if (shm_maps())
		return;
	shm_make("unmapped,size=4096", 0600);
	fd = shm_open_data("unmapped", O_RDWR);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(errno, ENODEV);
	close(fd);
	shm_remove("unmapped");
	skip();
}

const char *shm_path(const char *object, const char *file)
{
	enum { BUFFERS = 4 };
	static char paths[BUFFERS][512];
	static unsigned turn;
	char *path = paths[turn++ % BUFFERS];

	snprintf(path, sizeof(paths[0]), MOUNT "/shm/%s%s%s", object, *file ? "/" : "", file);
	return path;
}

int shm_open_data(const char *object, int flags)
{
	int fd = open(shm_path(object, "data"), flags | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s: %s", shm_path(object, "data"), strerror(errno));
	return fd;
}

void *shm_map(const char *object, size_t size)
{
	int fd = shm_open_data(object, O_RDWR);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		fail_msg("mmap of %s: %s", object, strerror(errno));
	close(fd);
	return memory;
}

void shm_make(const char *name_and_attributes, mode_t mode)
{
	if (mkdir(shm_path(name_and_attributes, ""), mode) < 0)
		fail_msg("mkdir shm/%s: %s", name_and_attributes, strerror(errno));
}

void shm_remove(const char *object)
{
	if (rmdir(shm_path(object, "")) < 0)
		fail_msg("rmdir shm/%s: %s", object, strerror(errno));
}

int shm_posix_create(const char *name, off_t size)
{
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

	assert_return_code(fd, errno);
	assert_return_code(ftruncate(fd, size), errno);
	return fd;
}

/* The file of the mapping that begins at @memory. */
static int mapped_file(const void *memory)
{
	char line[256], path[128];
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "re");
	int fd = -1;

	assert_non_null(maps);
	while (fd < 0 && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == (unsigned long)memory) {
			snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", start, end);
			fd = open(path, O_RDWR | O_CLOEXEC);
			assert_return_code(fd, errno);
		}
	fclose(maps);
	return fd;
}

int shm_sysv_file(int id)
{
	void *memory = shmat(id, NULL, 0);
	int fd;

	assert_ptr_not_equal(memory, (void *)-1);
	fd = mapped_file(memory);
	assert_return_code(fd, errno);
	assert_return_code(shmdt(memory), errno);
	return fd;
}

struct shmid_ds shm_sysv_stat(key_t key)
{
	struct shmid_ds ds;
	int id = shmget(key, 0, 0);

	assert_return_code(id, errno);
	assert_return_code(shmctl(id, IPC_STAT, &ds), errno);
	return ds;
}

void shm_daemon_answers(void)
{
	char text[65536];

	assert_return_code(kill(fixture_daemon(), 0), errno);
	assert_true(get(MOUNT "/README", text, sizeof(text)) > 0);
}

/* Whether the kernel keeps the locks itself or asks the daemon, the sleeper is below one of these.
 */
static bool waits_for_lock(pid_t pid)
{
	static const char *const functions[] = {"sys_flock", "fcntl_setlk"};
	char path[64], stack[4096];

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)pid);
	if (get(path, stack, sizeof(stack)) <= 0 ||
	    (!strstr(stack, "lock_inode_wait") && !strstr(stack, "request_wait_answer")))
		return false;
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (strstr(stack, functions[i]))
			return true;
	return false;
}

void shm_wait_until_lock_waited(pid_t pid)
{
	const struct timespec pause = {0, 500000};
	siginfo_t ended;

	while (!waits_for_lock(pid)) {
		ended.si_pid = 0;
		assert_return_code(waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT), errno);
		if (ended.si_pid)
			fail_msg("process %d has ended instead of waiting", (int)pid);
		nanosleep(&pause, NULL);
	}
}

void shm_become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(100);
}

enum { TRY_SECONDS = 20 };

int shm_try_as(uid_t uid, int (*act)(void *), void *argument)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		alarm(TRY_SECONDS);
		if (uid)
			shm_become(uid);
		_exit(act(argument));
	}
	return reap(pid);
}

void shm_child_failed(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: in a child: not so: %s (errno: %s)\n", file, line, condition,
		strerror(errno));
	_exit(99);
}

int shm_run_both_ways_(const char *name, const struct CMUnitTest *tests, size_t count)
{
	static const char *const options[] = {"", NO_PASSTHROUGH};
	int failed = 0;

	shm_kernel_can_map(); /* asked here, not by several children at once */
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		char group[128];

		fixture_options = options[i];
		/* New namespaces: what a failed test has left is not there. */
		if (i)
			fixture_isolate();
		snprintf(group, sizeof(group), "%s%s%s", name, i ? " -o " : "", options[i]);
		failed += _cmocka_run_group_tests(group, tests, count, fixture_mount,
						  fixture_unmount);
	}
	return failed;
}
