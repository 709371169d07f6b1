/*
 * test_creds.c - a thread becomes another, does no more than that one may, and comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "creds.h"

enum { USER = 1234, GROUP = 77 };

/* A process of another identity that sleeps until it is killed. */
static pid_t spawn_user(uid_t uid, gid_t group, bool capable)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_return_code(pipe(ready), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setgroups(1, &group) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(1);
		if (!capable)
			cap_set_proc(cap_init());
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_user(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_becomes_and_returns(void **state)
{
	pid_t pid = spawn_user(USER, GROUP, true);
	uid_t real, effective, saved;
	struct creds *creds;
	gid_t group;
	int id;

	assert_int_equal(creds_of(USER, USER, pid, &creds), 0);
	assert_int_equal(creds_become(creds), 0);
	assert_return_code(getresuid(&real, &effective, &saved), errno);
	assert_int_equal(real, 0);
	assert_int_equal(effective, USER);
	assert_int_equal(saved, 0);
	assert_int_equal(getegid(), USER);
	assert_int_equal(getgroups(1, &group), 1);
	assert_int_equal(group, GROUP);
	assert_int_equal(open("/etc/shadow", O_RDONLY), -1);
	assert_int_equal(errno, EACCES);
	id = msgget(IPC_PRIVATE, 0600);
	assert_return_code(id, errno);
	assert_int_equal(creds_become(NULL), 0);
	assert_int_equal(geteuid(), 0);
	assert_true(open("/etc/shadow", O_RDONLY) >= 0);
	struct msqid_ds queue;
	assert_return_code(msgctl(id, IPC_STAT, &queue), errno);
	assert_int_equal(queue.msg_perm.cuid, USER);
	msgctl(id, IPC_RMID, NULL);
	creds_release(creds);
	end_user(pid);
}

/* Root without capabilities, as in a container, gains none. */
static void test_root_without_capabilities(void **state)
{
	pid_t bare = spawn_user(0, 0, false), user = spawn_user(USER, GROUP, true);
	struct creds *root, *plain;

	assert_int_equal(creds_of(0, 0, bare, &root), 0);
	assert_int_equal(creds_of(USER, USER, user, &plain), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(creds_become(root), 0);
		assert_int_equal(geteuid(), 0);
		assert_int_equal(setgroups(0, NULL), -1);
		assert_int_equal(chown("/", 0, 0), 0); /* it owns it */
		assert_int_equal(chroot("/"), -1);
		assert_int_equal(creds_become(plain), 0);
		assert_int_equal(geteuid(), USER);
		assert_int_equal(creds_become(NULL), 0);
		assert_int_equal(chroot("/"), 0);
	}
	creds_release(root);
	creds_release(plain);
	end_user(bare);
	end_user(user);
}

static void *other_thread(void *unused)
{
	return (void *)(uintptr_t)geteuid();
}

static void test_only_this_thread(void **state)
{
	pid_t pid = spawn_user(USER, GROUP, true);
	struct creds *creds;
	pthread_t thread;
	void *seen;

	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	assert_int_equal(creds_of(USER, USER, pid, &creds), 0);
	assert_int_equal(creds_become(creds), 0);
	pthread_join(thread, &seen);
	assert_ptr_equal(seen, NULL);
	/* That user can't signal this process: the real and saved ids are not its. */
	if (fork() == 0) {
		if (setresuid(USER, USER, USER) < 0)
			_exit(2);
		_exit(kill(getppid(), 0) == 0);
	}
	int status;
	assert_int_equal(creds_become(NULL), 0);
	wait(&status);
	creds_release(creds);
	end_user(pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_refused(void **state)
{
	struct creds *creds;
	pid_t gone = spawn_user(USER, GROUP, true);

	assert_int_equal(creds_of((uid_t)-1, 0, getpid(), &creds), -EACCES);
	assert_int_equal(creds_of(0, (gid_t)-1, getpid(), &creds), -EACCES);
	assert_int_equal(creds_of(0, 0, 0, &creds), -EACCES);
	end_user(gone);
	assert_int_equal(creds_of(USER, USER, gone, &creds), -EACCES);
}

static int setup(void **state)
{
	return creds_setup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_becomes_and_returns),
		cmocka_unit_test(test_root_without_capabilities),
		cmocka_unit_test(test_only_this_thread),
		cmocka_unit_test(test_refused),
	};

	if (geteuid() != 0) {
		fputs("skipped: needs root\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests_name("creds", tests, setup, NULL);
}
