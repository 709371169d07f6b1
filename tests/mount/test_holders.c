/*
 * test_holders.c - who waits, who comes by way of the tree, whom a plain user sees, odd names,
 * other namespaces, and processes that come and go meanwhile.
 */
#include "holders_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OWNER = 1001, OTHER = 1002 };

static void make(const char *path, mode_t mode)
{
	char file[300];

	snprintf(file, sizeof(file), MOUNT "/%s", path);
	if (mkdir(file, mode) < 0)
		fail_msg("%s: %s", file, strerror(errno));
}

static void remove_object(const char *path)
{
	char file[300];

	snprintf(file, sizeof(file), MOUNT "/%s", path);
	assert_return_code(rmdir(file), errno);
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
}

/* ---- who waits in the kernel itself ---- */

static int wait_semop(void *argument)
{
	struct sembuf take = {0, -1, 0};

	return semop(semget(0x51, 0, 0), &take, 1) < 0;
}

static int wait_msgrcv(void *argument)
{
	struct {
		long type;
		char text[8];
	} message;

	return msgrcv(msgget(0x51, 0), &message, sizeof(message.text), 0, 0) < 0;
}

static int wait_msgsnd(void *argument)
{
	struct {
		long type;
		char text[1024];
	} message = {.type = 1};

	while (msgsnd(msgget(0x52, 0), &message, sizeof(message.text), 0) == 0)
		;
	return 1;
}

static int wait_mq_receive(void *argument)
{
	char text[8192];
	mqd_t queue = mq_open("/jobs", O_RDONLY);

	return mq_receive(queue, text, sizeof(text), NULL) < 0;
}

static int wait_mq_send(void *argument)
{
	mqd_t queue = mq_open("/full", O_WRONLY);

	while (mq_send(queue, "x", 1, 0) == 0)
		;
	return 1;
}

static int wait_sem(void *argument)
{
	return sem_wait(sem_open("/taken", 0)) < 0;
}

static void test_waiting_natively(void **state)
{
	static const struct {
		int (*function)(void *argument);
		const char *object, *how;
	} waits[] = {
		{wait_semop, "sem/0x00000051", "wait"},
		{wait_msgrcv, "mq/0x00000051", "wait-receive"},
		{wait_msgsnd, "mq/0x00000052", "wait-send"},
		{wait_mq_receive, "mq/jobs", "read,wait-receive"},
		{wait_mq_send, "mq/full", "write,wait-send"},
		{wait_sem, "sem/taken", "mem-rw,wait"},
	};
	static struct holder_list list;

	make("sem/0x51,value=0", 0600);
	make("mq/0x51", 0600);
	make("mq/0x52", 0600);
	make("mq/jobs", 0600);
	make("mq/full,maxmsg=1,msgsize=16", 0600);
	make("sem/taken,value=0", 0600);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		pid_t pid = spawn(waits[i].function, NULL);
		char path[300];

		snprintf(path, sizeof(path), "%s/holders", waits[i].object);
		wait_until_held(path, pid, waits[i].how);
		holders_read(path, false, &list);
		assert_int_equal(list.count, 1);
		holders_read("holders", true, &list);
		assert_string_equal(holder_find(&list, waits[i].object, pid)->how, waits[i].how);
		end_child(pid);
		holders_read(path, false, &list);
		assert_int_equal(list.count, 0);
		remove_object(waits[i].object);
	}
}

static void *thread_waits(void *argument)
{
	wait_semop(NULL);
	return NULL;
}

static int wait_in_thread(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_waits, NULL))
		return 1;
	pause();
	return 0;
}

/* A thread that waits is its process. */
static void test_waiting_thread(void **state)
{
	pid_t pid;

	make("sem/0x51,value=0", 0600);
	pid = spawn(wait_in_thread, NULL);
	wait_until_held("sem/0x51/holders", pid, "wait");
	end_child(pid);
	remove_object("sem/0x51");
}

/* ---- who comes by way of the tree ---- */

struct opening {
	const char *path;
	int flags;
	const char *text; /* to write */
};

static int use_channel(void *argument)
{
	const struct opening *opening = argument;
	char path[300], text[100];
	int fd;

	snprintf(path, sizeof(path), MOUNT "/%s", opening->path);
	fd = open(path, opening->flags);
	if (fd < 0)
		return 1;
	if (opening->text && write(fd, opening->text, strlen(opening->text)) < 0)
		return 2;
	if (!opening->text && opening->flags == O_RDONLY && read(fd, text, sizeof(text)) < 0)
		return 3;
	pause();
	return 0;
}

static void *use_channel_in_thread(void *argument)
{
	use_channel(argument);
	return NULL;
}

static int use_in_thread(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, use_channel_in_thread, argument))
		return 1;
	pause();
	return 0;
}

static void test_through_the_tree(void **state)
{
	static struct opening waits[] = {
		{"mq/jobs/data", O_RDONLY, NULL},
		{"mq/0x51/within/100/each", O_RDONLY, NULL},
		{"mq/0x51/type/3", O_RDONLY, NULL},
		{"mq/full/wait/data", O_WRONLY, "x"},
		{"sem/0x51/op", O_WRONLY, "P"},
		{"sem/0x51/0/op", O_WRONLY, "P"},
		{"sem/taken/op", O_RDWR, "P"},
		{"sem/taken/hold", O_WRONLY, NULL},
		{"sem/0x51/within/100.5/hold", O_RDWR, NULL},
	};
	static const struct {
		const char *object, *how;
	} expected[] = {
		{"mq/jobs", "read,wait-receive"},
		{"mq/0x00000051", "read,wait-receive"},
		{"mq/0x00000051", "read,wait-receive"},
		{"mq/full", "write,wait-send"},
		{"sem/0x00000051", "write,wait"},
		{"sem/0x00000051", "write,wait"},
		{"sem/taken", "read-write,wait"},
		{"sem/taken", "wait"},
		{"sem/0x00000051", "wait"},
	};
	static struct holder_list list;

	make("sem/0x51,value=0", 0600);
	make("mq/0x51", 0600);
	make("mq/jobs", 0600);
	make("mq/full,maxmsg=1,msgsize=16", 0600);
	assert_int_equal(put(MOUNT "/mq/full/data", "x"), 0);
	make("sem/taken,value=0", 0600);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		/* Also a thread other than the first is its process. */
		pid_t pid = spawn(i % 2 ? use_in_thread : use_channel, &waits[i]);
		char path[300];

		snprintf(path, sizeof(path), "%s/holders", expected[i].object);
		wait_until_held(path, pid, expected[i].how);
		/* And nobody else: not the daemon, which waits in the kernel for it. */
		holders_read(path, false, &list);
		assert_int_equal(list.count, 1);
		end_child(pid);
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const objects[] = {"sem/0x51", "mq/0x51", "mq/full",
						      "sem/taken"};

		remove_object(objects[i]);
	}
	remove_object("mq/jobs");
}

static bool is_free(void *context)
{
	static struct holder_list list;

	holders_read(context, false, &list);
	return list.count == 0;
}

static void test_hold(void **state)
{
	static struct opening hold = {"sem/lock/hold", O_WRONLY, NULL};
	static struct opening hold_sysv = {"sem/0x51/try/hold", O_WRONLY, NULL};
	static struct holder_list list;
	pid_t pid, other;

	make("sem/lock", 0600);
	make("sem/0x51", 0600);
	pid = spawn(use_channel, &hold);
	other = spawn(use_channel, &hold_sysv);
	wait_until_held("sem/lock/holders", pid, "hold");
	wait_until_held("sem/0x51/holders", other, "hold");
	holders_read("sem/holders", true, &list);
	assert_int_equal(list.count, 2);
	end_child(pid);
	end_child(other);
	wait_until(is_free, (char *)"sem/lock/holders", "nobody holds the lock");
	remove_object("sem/lock");
	remove_object("sem/0x51");
}

/* Memory that is mapped through the tree, its file closed, is its user's, whoever is the daemon. */
static int map_through(void *argument)
{
	int fd = open(argument, O_RDWR), *ready;
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return errno == ENODEV ? 77 : 1;
	ready = memory;
	close(fd);
	*ready = 1;
	pause();
	return 0;
}

static void test_mapped_through_the_tree(void **state)
{
	static const char *const objects[] = {"shm/one", "shm/0x00000051"};
	static struct holder_list list;

	make("shm/one,size=4096", 0600);
	make("shm/0x51,size=4096", 0600);
	for (size_t i = 0; i < 2; i++) {
		char path[300], data[300];
		siginfo_t ended = {.si_pid = 0};
		pid_t pid;

		snprintf(data, sizeof(data), MOUNT "/%s/data", objects[i]);
		snprintf(path, sizeof(path), "%s/holders", objects[i]);
		pid = spawn(map_through, data);
		while (!ended.si_pid && (holders_read(path, false, &list),
					 !list.count || strcmp(list.lines[0].how, "mem-rw") != 0))
			assert_return_code(
				waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT),
				errno);
		if (ended.si_pid) {
			assert_int_equal(reap(pid), 77);
			print_message("skipped: this kernel maps nothing through a mount\n");
			continue;
		}
		assert_int_equal(list.count, 1);
		assert_int_equal(list.lines[0].pid, pid);
		end_child(pid);
		wait_until(is_free, path, "nobody has it mapped");
	}
	remove_object("shm/one");
	remove_object("shm/0x51");
}

/* ---- who asks ---- */

static int attach_as(void *argument)
{
	const uid_t *uid = argument;

	if (*uid)
		become(*uid);
	if (shmat(shmget(0x51, 0, 0), NULL, 0) == (void *)-1)
		return 1;
	pause();
	return 0;
}

static int ask_as_user(void *argument)
{
	const char *path = argument;
	static char text[65536];

	become(OWNER);
	if (get(path, text, sizeof(text)) < 0)
		return 1;
	printf("%s", text);
	/* One line of his own, and the two others counted. */
	if (strncmp(strchr(text, '\n') + 1, "# 2 processes not shown", 23) != 0)
		return 2;
	return strstr(text, " user-1001 ") || strstr(text, " 1001 ") ? 0 : 3;
}

static void test_plain_user(void **state)
{
	static uid_t uids[] = {OWNER, OTHER, 0};
	static struct holder_list list;
	pid_t pids[3];

	make("shm/0x51", 0666);
	for (int i = 0; i < 3; i++) {
		pids[i] = spawn(attach_as, &uids[i]);
		wait_until_held("shm/0x51/holders", pids[i], "mem-rw");
	}
	holders_read("shm/0x51/holders", false, &list);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.hidden, 0);
	assert_int_equal(reap(spawn(ask_as_user, (char *)MOUNT "/shm/0x51/holders")), 0);
	assert_int_equal(reap(spawn(ask_as_user, (char *)MOUNT "/shm/holders")), 0);
	for (int i = 0; i < 3; i++)
		end_child(pids[i]);
	remove_object("shm/0x51");
}

/* ---- odd names ---- */

static int attach_named(void *argument)
{
	prctl(PR_SET_NAME, argument);
	if (shmat(shmget(0x51, 0, 0), NULL, 0) == (void *)-1)
		return 1;
	pause();
	return 0;
}

static void test_odd_names(void **state)
{
	static const struct {
		const char *name, *printed;
	} names[] = {
		{"a\nb", "a\\012b"},
		{"\"quoted\"", "\"quoted\""},
		{"back\\slash", "back\\134slash"},
		{"\xff\xfe", "\xff\xfe"},
		{"two words ", "two words "},
		{"# 1 process", "# 1 process"},
		{"\033[1m", "\\033[1m"},
	};
	static char text[65536];

	make("shm/0x51", 0600);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		pid_t pid = spawn(attach_named, (char *)names[i].name);
		char expected[200];

		wait_until_held("shm/0x51/holders", pid, "mem-rw");
		snprintf(expected, sizeof(expected), "%d root mem-rw %s\n", (int)pid,
			 names[i].printed);
		assert_true(get(MOUNT "/shm/0x51/holders", text, sizeof(text)) > 0);
		assert_string_equal(text, expected);
		end_child(pid);
	}
	remove_object("shm/0x51");
}

/* ---- other namespaces ---- */

static int attach_in_another_namespace(void *argument)
{
	const int *wanted = argument;
	char number[16];
	int id;

	if (unshare(CLONE_NEWIPC) < 0)
		return 1;
	/* What the next one is to be called, where the kernel lets one say so. */
	snprintf(number, sizeof(number), "%d", *wanted);
	if (put("/proc/sys/kernel/shm_next_id", number) < 0)
		return 77;
	id = shmget(0x51, 4096, IPC_CREAT | 0600);
	if (id != *wanted || shmat(id, NULL, 0) == (void *)-1)
		return 2;
	prctl(PR_SET_NAME, "elsewhere");
	pause();
	return 0;
}

static bool is_elsewhere(void *context)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", *(pid_t *)context);
	return get(path, text, sizeof(text)) > 0 && strcmp(text, "elsewhere\n") == 0;
}

/* A segment with the same id in another IPC namespace is another one. */
static void test_another_namespace(void **state)
{
	static struct holder_list list;
	uid_t root = 0;
	pid_t pid, other;
	int id;

	if (access("/proc/sys/kernel/shm_next_id", W_OK) < 0)
		skip();
	id = shmget(0x51, 4096, IPC_CREAT | 0600);
	assert_return_code(id, errno);
	pid = spawn(attach_as, &root);
	other = spawn(attach_in_another_namespace, &id);
	wait_until_held("shm/0x51/holders", pid, "mem-rw");
	wait_until(is_elsewhere, &other, "attached elsewhere");
	holders_read("shm/0x51/holders", false, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.hidden, 0);
	end_child(pid);
	end_child(other);
	remove_object("shm/0x51");
}

/* ---- processes that come and go ---- */

static int come_and_go(void *argument)
{
	const int *more = argument;
	char byte;

	close(more[1]);
	while (read(more[0], &byte, 1) > 0) {
		for (int i = 0; i < 4; i++) {
			pid_t pid = fork();

			if (pid == 0) {
				int fd = open("/dev/shm/one", O_RDWR);

				mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
				shmat(shmget(0x51, 0, 0), NULL, SHM_RDONLY);
				_exit(0);
			}
		}
		while (wait(NULL) > 0)
			;
	}
	return 0;
}

static void test_come_and_go(void **state)
{
	static const char *const files[] = {"holders", "shm/holders", "shm/0x51/holders"};
	enum { TIMES = 300 };
	static struct holder_list list;
	uid_t root = 0;
	pid_t pid, stays;
	int more[2];

	make("shm/0x51", 0600);
	make("shm/one,size=4096", 0600);
	stays = spawn(attach_as, &root);
	wait_until_held("shm/0x51/holders", stays, "mem-rw");
	/* Only now, so that nobody else has its end. */
	assert_return_code(pipe(more), errno);
	pid = spawn(come_and_go, more);
	for (int i = 0; i < TIMES; i++) {
		const char *file = files[i % 3];
		const char *object = i % 3 == 0 ? "shm/0x00000051" : "0x00000051";

		assert_int_equal(write(more[1], "x", 1), 1);
		holders_read(file, i % 3 != 2, &list);
		/* Who stays is there each time. */
		assert_non_null(holder_find(&list, i % 3 == 2 ? NULL : object, stays));
		if (i % 10 == 0) {
			static char text[1 << 20];

			assert_true(get(MOUNT "/shm/unnamed", text, sizeof(text)) > 0);
			assert_true(get(MOUNT "/holders.dot", text, sizeof(text)) > 0);
		}
	}
	close(more[1]);
	assert_int_equal(reap(pid), 0);
	end_child(stays);
	remove_object("shm/0x51");
	remove_object("shm/one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_natively),
		cmocka_unit_test(test_waiting_thread),
		cmocka_unit_test(test_through_the_tree),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_mapped_through_the_tree),
		cmocka_unit_test(test_plain_user),
		cmocka_unit_test(test_odd_names),
		cmocka_unit_test(test_another_namespace),
		cmocka_unit_test(test_come_and_go),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
