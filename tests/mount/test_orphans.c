/*
 * test_orphans.c - memory that nobody uses: what ended programs have left is there, and nothing
 * else ever is, and rm removes exactly that.
 *
 * Ages are those of the kernel's clock, so a test waits until what was made last has come of age;
 * all that was made before, and must not be there, is older.
 */
#include "holders_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ORPHANS MOUNT "/shm/orphans"
#define AGE "orphan_age=1"

enum { OTHER = 1002 };

/* ---- what programs do ---- */

/* Makes a segment, and a POSIX object of its key's name; then waits to be killed if it is to. */
struct program {
	key_t key;
	bool attaches, stays;
	int ready[2];
};

static int run_program(void *argument)
{
	const struct program *program = argument;
	char name[32];
	int id = shmget(program->key, 4096, IPC_CREAT | IPC_EXCL | 0666), fd;

	snprintf(name, sizeof(name), "/left-%x", (unsigned)program->key);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0666);
	if (id < 0 || fd < 0 || ftruncate(fd, 4096) < 0)
		return 1;
	if (program->attaches && shmat(id, NULL, 0) == (void *)-1)
		return 2;
	if (write(program->ready[1], "x", 1) != 1)
		return 3;
	pause();
	return 0;
}

/* Runs it and, unless it stays, kills it.  Its pid. */
static pid_t leave(key_t key, bool attaches, bool stays)
{
	struct program program = {.key = key, .attaches = attaches};
	char byte;
	pid_t pid;

	assert_return_code(pipe(program.ready), errno);
	pid = spawn(run_program, &program);
	assert_int_equal(read(program.ready[0], &byte, 1), 1);
	close(program.ready[0]);
	close(program.ready[1]);
	if (!stays) {
		kill(pid, SIGKILL);
		assert_int_equal(reap(pid), -SIGKILL);
	}
	return pid;
}

static const char *segment_name(key_t key)
{
	static char names[4][16];
	static unsigned turn;
	char *name = names[turn++ % 4];

	snprintf(name, 16, "0x%08x", (unsigned)key);
	return name;
}

static const char *object_name(key_t key)
{
	static char names[4][32];
	static unsigned turn;
	char *name = names[turn++ % 4];

	snprintf(name, 32, "left-%x", (unsigned)key);
	return name;
}

static bool is_listed(void *context)
{
	return has_entry(ORPHANS, context);
}

/* Leaves an orphan and returns when it has come of age: whatever else is to be one is listed too.
 */
static void come_of_age(void)
{
	leave(0x999, true, false);
	wait_until(is_listed, (char *)object_name(0x999), "a POSIX orphan");
	wait_until(is_listed, (char *)segment_name(0x999), "an orphan segment");
}

static size_t listed_count(void)
{
	DIR *dir = opendir(ORPHANS);
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += *entry->d_name != '.';
	closedir(dir);
	return count;
}

static int remove_orphan(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), ORPHANS "/%s", name);
	return unlink(path) < 0 ? -errno : 0;
}

/* Removes all objects, whatever they are. */
static int clear(void **state)
{
	DIR *dir = opendir(MOUNT "/shm");
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[400];
		struct stat st;

		snprintf(path, sizeof(path), MOUNT "/shm/%s", entry->d_name);
		if (*entry->d_name != '.' && strcmp(entry->d_name, "orphans") != 0 &&
		    lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			rmdir(path);
	}
	closedir(dir);
	return 0;
}

/* ---- what is there ---- */

static void test_left_by_the_killed(void **state)
{
	char target[300];
	struct stat st;

	leave(0x100, true, false);
	leave(0x101, false, false);
	come_of_age();
	for (key_t key = 0x100; key <= 0x101; key++) {
		char path[300];
		ssize_t length;

		assert_true(has_entry(ORPHANS, segment_name(key)));
		assert_true(has_entry(ORPHANS, object_name(key)));
		snprintf(path, sizeof(path), ORPHANS "/%s", segment_name(key));
		length = readlink(path, target, sizeof(target) - 1);
		assert_true(length > 0);
		target[length] = '\0';
		assert_string_equal(target + 3, segment_name(key));
		assert_memory_equal(target, "../", 3);
		/* It leads to the object itself. */
		assert_return_code(stat(path, &st), errno);
		assert_true(S_ISDIR(st.st_mode));
		strcat(path, "/size");
		assert_int_equal(get_number(path), 4096);
	}
	/* Removed are those that are named, and no others. */
	assert_int_equal(listed_count(), 6);
	assert_int_equal(remove_orphan(segment_name(0x100)), 0);
	assert_int_equal(remove_orphan(object_name(0x101)), 0);
	assert_int_equal(listed_count(), 4);
	assert_int_equal(shmget(0x100, 0, 0), -1);
	assert_return_code(shmget(0x101, 0, 0), errno);
	assert_int_equal(access("/dev/shm/left-101", F_OK), -1);
	assert_return_code(access("/dev/shm/left-100", F_OK), errno);
	assert_int_equal(remove_orphan(segment_name(0x100)), -ENOENT);
}

/* ---- what must not be there ---- */

struct user {
	void (*function)(void);
	int ready[2];
};

static int use(void *argument)
{
	struct user *user = argument;

	user->function();
	if (write(user->ready[1], "x", 1) != 1)
		return 1;
	pause();
	return 0;
}

static pid_t spawn_user(void (*function)(void))
{
	struct user user = {.function = function};
	char byte;
	pid_t pid;

	assert_return_code(pipe(user.ready), errno);
	pid = spawn(use, &user);
	assert_int_equal(read(user.ready[0], &byte, 1), 1);
	close(user.ready[0]);
	close(user.ready[1]);
	return pid;
}

static void attach_200(void)
{
	if (shmat(shmget(0x200, 0, 0), NULL, SHM_RDONLY) == (void *)-1)
		_exit(1);
}

static void open_200(void)
{
	if (open("/dev/shm/left-200", O_RDONLY) < 0)
		_exit(1);
}

static void map_201(void)
{
	int fd = open("/dev/shm/left-201", O_RDONLY);

	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		_exit(1);
	close(fd);
}

/* Who has attached and let go lives. */
static void detach_201(void)
{
	void *memory = shmat(shmget(0x201, 0, 0), NULL, SHM_RDONLY);

	if (memory == (void *)-1 || shmdt(memory) < 0)
		_exit(1);
}

static void open_202_through_tree(void)
{
	if (open(MOUNT "/shm/left-202/data", O_RDONLY) < 0)
		_exit(1);
}

/* With nothing of it attached or open any more, where the kernel maps through the mount. */
static void map_through_tree(const char *path)
{
	int fd = open(path, O_RDWR);

	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		close(fd);
}

static void map_203_through_tree(void)
{
	map_through_tree(MOUNT "/shm/left-203/data");
}

static void map_segment_203_through_tree(void)
{
	map_through_tree(MOUNT "/shm/0x203/data");
}

static int attach_once(void *argument)
{
	void *memory = shmat(shmget(0x203, 0, 0), NULL, SHM_RDONLY);

	return memory == (void *)-1 || shmdt(memory) < 0;
}

/* A process with the pid that another had; 0: the kernel does not let one choose it. */
static pid_t spawn_with_pid(pid_t pid)
{
	pid_t wanted = pid;
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&wanted,
		.set_tid_size = 1,
	};
	pid_t got = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (got == 0) {
		pause();
		_exit(0);
	}
	return got == pid ? got : 0;
}

static void test_never(void **state)
{
	static const char *const never[] = {
		"0x00000200", "left-200", /* attached, open */
		"0x00000201", "left-201", /* by a last user who lives, mapped */
		"left-202",               /* open through the tree */
		"0x00000203", "left-203", /* mapped through the tree */
		"0x00000204", "left-204", /* of one who lives and has it open */
		"0x00000205", "made",     /* made through the tree */
		"0x00000206",             /* the creator's pid is another's by now */
	};
	pid_t users[8];
	size_t count = 0;
	pid_t reused, creator;

	for (key_t key = 0x200; key <= 0x203; key++)
		leave(key, false, false);
	assert_return_code(mkdir(MOUNT "/shm/0x205", 0600), errno);
	assert_return_code(mkdir(MOUNT "/shm/made,size=4096", 0600), errno);
	users[count++] = leave(0x204, false, true);
	creator = leave(0x206, false, false);
	assert_return_code(shm_unlink("/left-206"), errno);
	users[count++] = spawn_user(attach_200);
	users[count++] = spawn_user(open_200);
	users[count++] = spawn_user(map_201);
	users[count++] = spawn_user(detach_201);
	users[count++] = spawn_user(open_202_through_tree);
	users[count++] = spawn_user(map_203_through_tree);
	users[count++] = spawn_user(map_segment_203_through_tree);
	/* The last who has attached it is then not the daemon any more, and has ended. */
	assert_int_equal(reap(spawn(attach_once, NULL)), 0);
	reused = spawn_with_pid(creator);
	come_of_age();
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
		if (!reused && strcmp(never[i], "0x00000206") == 0)
			continue;
		if (has_entry(ORPHANS, never[i]))
			fail_msg("%s is no orphan", never[i]);
		/* By its name it is not there either. */
		assert_int_equal(remove_orphan(never[i]), -ENOENT);
	}
	/* 0x202 is one: nobody has opened it. */
	assert_true(has_entry(ORPHANS, "0x00000202"));
	for (size_t i = 0; i < count; i++) {
		kill(users[i], SIGKILL);
		assert_int_equal(reap(users[i]), -SIGKILL);
	}
	if (reused) {
		kill(reused, SIGKILL);
		assert_int_equal(reap(reused), -SIGKILL);
	} else {
		print_message("skipped: a process with a chosen pid\n");
	}
}

/* What was made or used through a daemon that has been killed since is not an ended program's. */
static void test_made_through_a_daemon_that_ended(void **state)
{
	int status;

	assert_return_code(mkdir(MOUNT "/shm/0x300", 0600), errno);
	assert_return_code(mkdir(MOUNT "/shm/made,size=4096", 0600), errno);
	leave(0x301, true, false);
	assert_int_equal(put(MOUNT "/shm/0x301/data", "x"), 0);
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	fixture_daemon_gone();
	fixture_unmount(state);
	fixture_mount(state);
	come_of_age();
	assert_false(has_entry(ORPHANS, "0x00000300"));
	assert_false(has_entry(ORPHANS, "made"));
	assert_false(has_entry(ORPHANS, "0x00000301"));
	/* Its POSIX object nobody has touched. */
	assert_true(has_entry(ORPHANS, "left-301"));
}

/* ---- between looking and removing ---- */

static void attach_400(void)
{
	if (shmat(shmget(0x400, 0, 0), NULL, 0) == (void *)-1)
		_exit(1);
}

static void open_400(void)
{
	if (open("/dev/shm/left-400", O_RDONLY) < 0)
		_exit(1);
}

static void test_used_after_listing(void **state)
{
	pid_t users[2];

	leave(0x400, false, false);
	come_of_age();
	assert_true(has_entry(ORPHANS, segment_name(0x400)));
	assert_true(has_entry(ORPHANS, object_name(0x400)));
	users[0] = spawn_user(attach_400);
	users[1] = spawn_user(open_400);
	assert_int_equal(remove_orphan(segment_name(0x400)), -EBUSY);
	assert_int_equal(remove_orphan(object_name(0x400)), -EBUSY);
	assert_return_code(shmget(0x400, 0, 0), errno);
	assert_return_code(access("/dev/shm/left-400", F_OK), errno);
	assert_false(has_entry(ORPHANS, segment_name(0x400)));
	assert_false(has_entry(ORPHANS, object_name(0x400)));
	for (int i = 0; i < 2; i++) {
		kill(users[i], SIGKILL);
		assert_int_equal(reap(users[i]), -SIGKILL);
	}
	/* Nobody uses the object any more; reading has not changed it. */
	assert_true(has_entry(ORPHANS, object_name(0x400)));
	assert_int_equal(remove_orphan(object_name(0x400)), 0);
}

/* ---- who removes ---- */

static int remove_as_other(void *argument)
{
	become(OTHER);
	return -remove_orphan(argument);
}

static void test_another_user(void **state)
{
	static char segment[] = "0x00000500", object[] = "left-500";

	leave(0x500, false, false);
	come_of_age();
	assert_true(has_entry(ORPHANS, segment));
	assert_int_equal(reap(spawn(remove_as_other, segment)), EPERM);
	assert_int_equal(reap(spawn(remove_as_other, object)), EACCES);
	assert_return_code(shmget(0x500, 0, 0), errno);
	assert_return_code(access("/dev/shm/left-500", F_OK), errno);
	/* Other things cannot be done there. */
	assert_int_equal(mkdir(ORPHANS "/new", 0700), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(rename(ORPHANS "/left-500", ORPHANS "/left-501"), -1);
	assert_int_equal(rmdir(ORPHANS "/left-500"), -1);
	assert_int_equal(unlink(MOUNT "/shm/left-500/data"), -1);
	assert_int_equal(errno, EPERM);
}

static void test_old_enough(void **state)
{
	fixture_unmount(state);
	fixture_options = "orphan_age=100000";
	fixture_mount(state);
	leave(0x600, false, false);
	assert_int_equal(listed_count(), 0);
	assert_int_equal(remove_orphan("left-600"), -ENOENT);
	fixture_unmount(state);
	fixture_options = "ro,orphan_age=0";
	fixture_mount(state);
	assert_true(has_entry(ORPHANS, "left-600"));
	assert_int_equal(remove_orphan("left-600"), -EROFS);
	fixture_unmount(state);
	fixture_options = AGE;
	fixture_mount(state);
}

/*
 * The times of a file may be ahead of the clock: somebody has set them, the clock has been set
 * back, or the kernel has told the file's more finely (Linux 6.13) than time() tells the hour.
 */
static void test_times_to_come(void **state)
{
	const struct timespec times[2] = {{time(NULL) + 3600, 0}, {time(NULL) + 3600, 0}};

	leave(0x700, false, false);
	assert_return_code(utimensat(AT_FDCWD, "/dev/shm/left-700", times, 0), errno);
	come_of_age();
	assert_false(has_entry(ORPHANS, "left-700"));
	fixture_unmount(state);
	fixture_options = "orphan_age=0";
	fixture_mount(state);
	assert_true(has_entry(ORPHANS, "left-700"));
	assert_int_equal(remove_orphan("left-700"), 0);
	fixture_unmount(state);
	fixture_options = AGE;
	fixture_mount(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_left_by_the_killed, clear),
		cmocka_unit_test_teardown(test_never, clear),
		cmocka_unit_test_teardown(test_made_through_a_daemon_that_ended, clear),
		cmocka_unit_test_teardown(test_used_after_listing, clear),
		cmocka_unit_test_teardown(test_another_user, clear),
		cmocka_unit_test_teardown(test_old_enough, clear),
		cmocka_unit_test_teardown(test_times_to_come, clear),
	};

	fixture_isolate();
	fixture_isolate_processes();
	fixture_options = AGE;
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
