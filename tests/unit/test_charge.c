/*
 * test_charge.c - what a thread makes as the caller is the caller's by the kernel's count, and who
 * could end what made it ends nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../return_code.h"
#include "common/charge.h"
#include "common/proc_fds.h"
#include "common/proc_status.h"
#include "common/quota.h"
#include "under_valgrind.h"

enum { USER = 1234, OTHER = 5678, QUEUE_BYTES = 82880 };

/* What the steps are told and tell. */
static struct shared {
	atomic_int begun, go_on;
	int number, error;
	uid_t real, effective, saved;
} * shared;

static struct call call;

static void become(uid_t uid)
{
	assert_return_code(syscall(SYS_setresuid, -1, 0, -1), errno);
	assert_return_code(syscall(SYS_setresuid, -1, uid, -1), errno);
	call = (struct call){.uid = uid, .pid = getpid()};
}

static int charged(int (*step)(const void *context), const void *context)
{
	return charge_caller(&call, RLIMIT_MSGQUEUE, step, context);
}

static int ids_step(const void *unused)
{
	return getresuid(&shared->real, &shared->effective, &shared->saved) < 0 ? -errno : 0;
}

/* The saved one stays the daemon's: nobody else's process may be traced, or its limits set. */
static void test_ids(void **state)
{
	become(USER);
	assert_int_equal(charged(ids_step, NULL), 0);
	assert_int_equal(shared->real, USER);
	assert_int_equal(shared->effective, USER);
	assert_int_equal(shared->saved, 0);
	become(0);
	assert_int_equal(charged(ids_step, NULL), 0);
	assert_int_equal(shared->real, 0);
}

static int descriptor_step(const void *number)
{
	return fcntl(*(const int *)number, F_GETFD) < 0 ? -errno : 0;
}

static void test_descriptors(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	become(USER);
	assert_int_equal(charged(descriptor_step, &fd), -EBADF);
	become(0);
	/* What the process closed is open here. */
	assert_return_code(fcntl(fd, F_GETFD), errno);
	close(fd);
}

static int queue_step(const void *name)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8192};
	int fd = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);

	return fd < 0 ? -errno : 0;
}

static int fill(const char *prefix, int *error)
{
	char name[32];
	int count = 0;

	do {
		snprintf(name, sizeof(name), "/%s%d", prefix, count);
		*error = charged(queue_step, name);
	} while (!*error && ++count < 100);
	return count;
}

static void empty(const char *prefix, int count)
{
	char name[32];

	while (count--) {
		snprintf(name, sizeof(name), "/%s%d", prefix, count);
		assert_return_code(mq_unlink(name), errno);
	}
}

/* Each has all that one user may have. */
static void test_each_is_charged(void **state)
{
	struct rlimit limit;
	int user, other, error;

	getrlimit(RLIMIT_MSGQUEUE, &limit);
	if (limit.rlim_cur / QUEUE_BYTES >= 50) {
		limit.rlim_cur = limit.rlim_max = 10 * QUEUE_BYTES - 1;
		assert_return_code(setrlimit(RLIMIT_MSGQUEUE, &limit), errno);
	}
	become(USER);
	user = fill("user", &error);
	assert_int_equal(error, -EMFILE);
	assert_int_equal(user, limit.rlim_cur / QUEUE_BYTES);
	become(OTHER);
	other = fill("other", &error);
	assert_int_equal(error, -EMFILE);
	assert_int_equal(other, user);
	become(0);
	empty("user", user);
	become(USER);
	/* Removed by another it is given back to who was charged. */
	assert_int_equal(fill("user", &error), user);
	become(0);
	empty("user", user);
	empty("other", other);
}

/* A process whose limit is @limit, until it is killed. */
static pid_t caller_start(rlim_t limit)
{
	struct rlimit limits = {limit, limit};
	int ready[2];
	pid_t pid;
	char byte;

	assert_return_code(pipe(ready), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setrlimit(RLIMIT_MSGQUEUE, &limits) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void test_callers_limit(void **state)
{
	pid_t caller = caller_start(2 * QUEUE_BYTES + 1);
	int error;

	become(USER);
	call.pid = caller;
	assert_int_equal(charge_limit(&call, RLIMIT_MSGQUEUE), 2 * QUEUE_BYTES + 1);
	assert_int_equal(fill("user", &error), 2);
	assert_int_equal(error, -EMFILE);
	become(0);
	empty("user", 2);
	kill(caller, SIGKILL);
	waitpid(caller, NULL, 0);
}

static int signal_step(const void *number)
{
	shared->number = getpid();
	kill(getpid(), *(const int *)number);
	return 0;
}

static bool nobody_has_any(void)
{
	struct quota_use *uses;
	ssize_t count = quota_uses(&uses);

	free(uses);
	return count == 0;
}

/* Whoever does that to it does not keep the daemon waiting. */
static void test_signals(void **state)
{
	const int signals[] = {SIGKILL, SIGTERM};

	become(USER);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		assert_int_equal(charged(signal_step, &signals[i]), -EINTR);
	}
	become(0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_true(nobody_has_any());
}

/* Nor can anyone fill the machine with them.  Continued, they go on. */
static void test_stopped(void **state)
{
	const int stop = SIGSTOP;
	pid_t pids[3];
	int error;

	assert_int_equal(quota_set("processes_max", "3"), 0);
	become(USER);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(charged(signal_step, &stop), -EINTR);
		pids[i] = shared->number;
	}
	assert_int_equal(charged(ids_step, NULL), -EDQUOT);
	assert_non_null(strstr(call.reason, "processes_max is 3"));
	become(OTHER);
	assert_int_equal(charged(ids_step, NULL), 0);
	become(USER);
	assert_return_code(kill(pids[0], SIGCONT), errno);
	assert_return_code(kill(pids[1], SIGKILL), errno);
	assert_return_code(kill(pids[2], SIGKILL), errno);
	while ((error = charged(ids_step, NULL)) == -EDQUOT)
		sched_yield();
	assert_int_equal(error, 0);
	while (!nobody_has_any())
		assert_int_equal(charged(ids_step, NULL), 0);
	become(0);
}

static int waiting_step(const void *unused)
{
	shared->begun = 1;
	while (!shared->go_on)
		sched_yield();
	return 0;
}

static void *make(void *unused)
{
	become(USER);
	shared->error = charged(waiting_step, NULL);
	become(0);
	return NULL;
}

static int count_children(void *count, pid_t pid)
{
	*(int *)count += proc_parent(pid) == getpid();
	return 0;
}

static int children_seen(void)
{
	int count = 0;

	assert_int_equal(proc_walk(count_children, &count), 0);
	return count;
}

/* In /proc for as long as it lives: no program of a user's, and no holder of anything. */
static void test_not_shown(void **state)
{
	pthread_t thread;
	pid_t child = caller_start(QUEUE_BYTES);

	assert_int_equal(children_seen(), 1);
	assert_int_equal(pthread_create(&thread, NULL, make, NULL), 0);
	while (!shared->begun)
		sched_yield();
	assert_int_equal(children_seen(), 0);
	shared->go_on = 1;
	pthread_join(thread, NULL);
	assert_int_equal(shared->error, 0);
	assert_int_equal(children_seen(), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int no_step(const void *unused)
{
	return -EDOM;
}

static void test_errors(void **state)
{
	become(USER);
	assert_int_equal(charged(no_step, NULL), -EDOM);
	become(0);
	assert_int_equal(charged(no_step, NULL), -EDOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_each_is_charged),
		cmocka_unit_test(test_callers_limit),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_not_shown),
		cmocka_unit_test(test_errors),
	};

	if (under_valgrind()) {
		puts("skip: valgrind has no clone with CLONE_FILES");
		return 77;
	}
	if (unshare(CLONE_NEWIPC) < 0) {
		printf("skipped: needs to be root\n");
		return 77;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return cmocka_run_group_tests_name("charge", tests, NULL, NULL);
}
