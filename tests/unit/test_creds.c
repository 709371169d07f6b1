/*
 * test_creds.c - a thread becomes another, does no more than that one may, and comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../return_code.h"

#include "backend.h"
#include "creds.h"
#include "namespaces.h"
#include "under_valgrind.h"

enum { USER = 1234, GROUP = 77, MANY = 2000 };

/* For a child that is who it will be: a change of ids takes it back. */
static void end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

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
		if (setgroups(1, &group) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(1);
		end_with_parent();
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

	assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), 0);
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

	assert_int_equal(creds_of(0, 0, bare, UINT_MAX, &root), 0);
	assert_int_equal(creds_of(USER, USER, user, UINT_MAX, &plain), 0);
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

/* ---- from anybody to anybody ---- */

/* What the kernel says of this thread, with the real and saved ids that it must always have. */
static void assert_is(uid_t uid, gid_t gid, int groups, gid_t group, uint64_t capabilities)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	gid_t real_gid, effective_gid, saved_gid, list[NGROUPS_MAX];
	uid_t real, effective, saved;

	assert_return_code(getresuid(&real, &effective, &saved), errno);
	assert_return_code(getresgid(&real_gid, &effective_gid, &saved_gid), errno);
	assert_int_equal(real, 0);
	assert_int_equal(saved, 0);
	assert_int_equal(real_gid, getgid());
	assert_int_equal(effective, uid);
	assert_int_equal(effective_gid, gid);
	assert_int_equal(getgroups(NGROUPS_MAX, list), groups);
	if (groups == 1)
		assert_int_equal(list[0], group);
	assert_return_code(capget(&header, data), errno);
	assert_int_equal(data[0].effective | (uint64_t)data[1].effective << 32, capabilities);
}

static uint64_t own_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};

	assert_return_code(capget(&header, data), errno);
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* Whatever a change leaves out because it is there already, what comes of it is the same. */
static void test_each_after_each(void **state)
{
	const struct {
		uid_t uid;
		gid_t group;
		bool capable;
		unsigned wanted;
	} users[] = {
		{USER, GROUP, true, UINT_MAX},     {USER, GROUP + 1, true, UINT_MAX},
		{USER + 1, GROUP, true, UINT_MAX}, {USER + 1, USER, false, NAMESPACE_IPC},
		{0, GROUP, false, NAMESPACE_IPC},  {0, GROUP, true, NAMESPACE_NETWORK},
		{0, GROUP, true, NAMESPACE_IPC},
	};
	enum { USERS = sizeof(users) / sizeof(*users) };
	uint64_t all = own_capabilities();
	gid_t gid = getegid(), group = 0;
	int groups = getgroups(0, NULL);
	struct creds *creds[USERS + 1] = {NULL};
	pid_t pids[USERS];

	if (groups == 1)
		assert_int_equal(getgroups(1, &group), 1);
	for (int i = 0; i < USERS; i++) {
		pids[i] = spawn_user(users[i].uid, users[i].group, users[i].capable);
		assert_int_equal(
			creds_of(users[i].uid, users[i].uid, pids[i], users[i].wanted, &creds[i]),
			0);
	}
	for (int from = 0; from <= USERS; from++)
		for (int to = 0; to <= USERS; to++) {
			assert_int_equal(creds_become(creds[from]), 0);
			assert_int_equal(creds_become(creds[to]), 0);
			if (to == USERS)
				assert_is(0, gid, groups, group, all);
			else if (!users[to].uid && users[to].capable &&
				 users[to].wanted == NAMESPACE_IPC && namespaces_know_all_ids())
				/* Who passes every check is asked for no groups. */
				assert_is(0, 0, groups, group, all);
			else
				assert_is(users[to].uid, users[to].uid, 1, users[to].group,
					  !users[to].uid && users[to].capable ? all : 0);
		}
	assert_int_equal(creds_become(NULL), 0);
	for (int i = 0; i < USERS; i++) {
		creds_release(creds[i]);
		end_user(pids[i]);
	}
}

/* Started where uid 0 neither gives nor takes capabilities, it still acts with the caller's. */
static void test_capabilities_apart_from_ids(void **state)
{
	pid_t pid = spawn_user(USER, GROUP, true), child;
	struct creds *creds;
	int status;

	child = fork();
	assert_return_code(child, errno);
	if (!child) {
		uint64_t all = own_capabilities();
		bool well;

		if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0 || creds_setup(false) ||
		    creds_of(USER, USER, pid, UINT_MAX, &creds) || creds_become(creds))
			_exit(2);
		well = own_capabilities() == 0 && open("/etc/shadow", O_RDONLY) < 0;
		if (creds_become(NULL))
			_exit(3);
		creds_release(creds);
		_exit(!(well && own_capabilities() == all && geteuid() == 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	end_user(pid);
	assert_int_equal(status, 0);
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
	assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), 0);
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

	assert_int_equal(creds_of((uid_t)-1, 0, getpid(), UINT_MAX, &creds), -EACCES);
	assert_int_equal(creds_of(0, (gid_t)-1, getpid(), UINT_MAX, &creds), -EACCES);
	assert_int_equal(creds_of(0, 0, 0, UINT_MAX, &creds), -EACCES);
	end_user(gone);
	assert_int_equal(creds_of(USER, USER, gone, UINT_MAX, &creds), -EACCES);
}

/* ---- a program that has more than who started it ---- */

#define PROGRAM "/mnt/program"

/* A copy of a program that waits, with these mode bits and capabilities. */
static void make_program(mode_t mode, const char *capabilities)
{
	assert_int_equal(system("cp /bin/cat " PROGRAM), 0);
	assert_return_code(chmod(PROGRAM, mode), errno);
	if (capabilities) {
		cap_t set = cap_from_text(capabilities);

		assert_return_code(cap_set_file(PROGRAM, set), errno);
		cap_free(set);
	}
}

/* USER has executed it, and it runs. */
static pid_t spawn_program(int input[2], const char *path, bool ambient)
{
	int output[2];
	pid_t pid;
	char byte;

	assert_return_code(pipe2(input, O_CLOEXEC), errno);
	assert_return_code(pipe2(output, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		prctl(PR_SET_KEEPCAPS, ambient);
		if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER))
			_exit(1);
		if (ambient) {
			cap_t set = cap_from_text("cap_dac_override=eip");

			if (cap_set_proc(set) < 0 || cap_set_ambient(CAP_DAC_OVERRIDE, CAP_SET) < 0)
				_exit(1);
			cap_free(set);
		}
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execl(path, path, (char *)NULL);
		_exit(1);
	}
	assert_int_equal(write(input[1], "x", 1), 1);
	assert_int_equal(read(output[0], &byte, 1), 1);
	close(output[0]);
	close(output[1]);
	return pid;
}

static void end_program(pid_t pid, int input[2])
{
	close(input[0]);
	close(input[1]);
	waitpid(pid, NULL, 0);
}

static bool passes_modes_by(const struct creds *creds)
{
	struct stat secret = {.st_mode = S_IFREG | 0600};

	return creds_allow(creds, &secret, R_OK);
}

/*
 * Who asks may have become such a program by the time it is looked at.  What that one may do is
 * nothing that was asked for.
 */
static void test_more_than_who_asked(void **state)
{
	static const struct {
		mode_t mode;
		const char *capabilities;
	} programs[] = {{0755, "cap_dac_override=ep"}, {04755, NULL}, {06755, NULL}};
	struct creds *creds;
	int input[2];
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		make_program(programs[i].mode, programs[i].capabilities);
		pid = spawn_program(input, PROGRAM, false);
		assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), 0);
		assert_false(passes_modes_by(creds));
		creds_release(creds);
		end_program(pid, input);
	}
	/* One that is set-user-ID asks as its owner, with all that one has. */
	pid = spawn_program(input, PROGRAM, false);
	assert_int_equal(creds_of(0, 0, pid, UINT_MAX, &creds), 0);
	assert_true(passes_modes_by(creds));
	creds_release(creds);
	assert_int_equal(creds_of(0, USER, pid, UINT_MAX, &creds), -ESRCH);
	assert_int_equal(creds_of(USER + 1, USER, pid, UINT_MAX, &creds), -ESRCH);
	end_program(pid, input);
	/* What it was given before it started it keeps. */
	pid = spawn_program(input, "/bin/cat", true);
	assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), 0);
	assert_true(passes_modes_by(creds));
	creds_release(creds);
	end_program(pid, input);
}

/* ---- one that changes between two requests ---- */

/* What a byte tells it to become, from root with all capabilities. */
static void change_to(char what)
{
	static gid_t many[MANY];
	gid_t group = GROUP;

	if (setresuid(0, 0, 0) || setresgid(0, 0, 0) || setgroups(1, &group))
		_exit(1);
	switch (what) {
	case 'g': /* another group */
		group = GROUP + 1;
		if (setgroups(1, &group))
			_exit(1);
		break;
	case 'm': /* more than a page of its status has room for */
		for (gid_t i = 0; i < MANY; i++)
			many[i] = 100000 + i;
		if (setgroups(MANY, many))
			_exit(1);
		break;
	case 'i':
		if (unshare(CLONE_NEWIPC))
			_exit(1);
		break;
	case 'r': /* other places */
		if (chroot("/mnt"))
			_exit(1);
		break;
	case 'b': /* root without capabilities */
		cap_set_proc(cap_init());
		return;
	case 'u': /* in a user namespace */
		if (unshare(CLONE_NEWUSER))
			_exit(1);
		return;
	}
	if (setresgid(-1, USER, 0) || setresuid(-1, USER, 0))
		_exit(1);
}

struct changing {
	pid_t pid;
	int orders[2], answers[2];
};

static void obey(struct changing *changing)
{
	char what;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(changing->orders[0], &what, 1) == 1) {
		change_to(what);
		if (write(changing->answers[1], &what, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static void start(struct changing *changing)
{
	assert_return_code(pipe2(changing->orders, O_CLOEXEC), errno);
	assert_return_code(pipe2(changing->answers, O_CLOEXEC), errno);
	/* Not by fork: ThreadSanitizer's has a thread in the child, which then cannot change its
	   user namespace. */
	changing->pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	assert_return_code(changing->pid, errno);
	if (!changing->pid) {
		close(changing->orders[1]);
		obey(changing);
	}
	/* If it ends, nobody waits for its answer. */
	close(changing->orders[0]);
	close(changing->answers[1]);
}

static void order(struct changing *changing, char what)
{
	assert_int_equal(write(changing->orders[1], &what, 1), 1);
	assert_int_equal(read(changing->answers[0], &what, 1), 1);
}

static void end(struct changing *changing)
{
	end_user(changing->pid);
	close(changing->orders[1]);
	close(changing->answers[0]);
}

static void assert_groups(pid_t pid, int count, gid_t first)
{
	static gid_t groups[NGROUPS_MAX];
	struct creds *creds;

	assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), 0);
	assert_int_equal(creds_become(creds), 0);
	assert_int_equal(getgroups(NGROUPS_MAX, groups), count);
	assert_int_equal(groups[0], first);
	assert_int_equal(groups[count - 1], first + (gid_t)count - 1);
	assert_int_equal(creds_become(NULL), 0);
	creds_release(creds);
}

static unsigned foreign_of(pid_t pid, unsigned wanted)
{
	struct creds *creds;
	unsigned foreign;

	assert_int_equal(creds_of(USER, USER, pid, wanted, &creds), 0);
	foreign = creds_foreign(creds);
	creds_release(creds);
	return foreign;
}

/* A file of USER's, who lets nobody read it. */
static bool passes_owner(const struct creds *creds)
{
	struct stat secret = {.st_uid = USER, .st_mode = S_IFREG | 0600};

	return creds_allow(creds, &secret, R_OK);
}

/* What is so now, whatever it was before. */
static void test_changes_are_seen(void **state)
{
	struct changing caller;
	struct creds *creds;

	start(&caller);
	order(&caller, ' ');
	assert_groups(caller.pid, 1, GROUP);
	order(&caller, 'g');
	assert_groups(caller.pid, 1, GROUP + 1);
	order(&caller, 'm');
	assert_groups(caller.pid, MANY, 100000);
	order(&caller, ' ');
	assert_groups(caller.pid, 1, GROUP);
	assert_int_equal(foreign_of(caller.pid, UINT_MAX), 0);
	order(&caller, 'i');
	assert_int_equal(foreign_of(caller.pid, UINT_MAX), NAMESPACE_IPC);
	order(&caller, 'r');
	assert_int_equal(foreign_of(caller.pid, UINT_MAX), NAMESPACE_IPC | NAMESPACE_MEMORY_FS);
	/* What is not asked for is not said. */
	assert_int_equal(foreign_of(caller.pid, NAMESPACE_IPC), NAMESPACE_IPC);
	assert_int_equal(foreign_of(caller.pid, NAMESPACE_NETWORK), 0);
	assert_int_equal(foreign_of(caller.pid, 0), 0);
	order(&caller, 'b');
	assert_int_equal(creds_of(USER, USER, caller.pid, 0, &creds), -ESRCH);
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), 0);
	assert_false(passes_owner(creds));
	creds_release(creds);
	end(&caller);
	/* The user namespace counts whatever is asked for. */
	start(&caller);
	order(&caller, ' ');
	assert_int_equal(foreign_of(caller.pid, 0), 0);
	order(&caller, 'u');
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), -EXDEV);
	end(&caller);
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), -EACCES);
}

/* Root that had all capabilities when it asked before. */
static void test_root_loses_capabilities(void **state)
{
	struct changing caller;
	struct creds *creds;

	start(&caller);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), 0);
		assert_true(passes_owner(creds));
		creds_release(creds);
		/* Not as another. */
		assert_int_equal(creds_of(0, USER, caller.pid, 0, &creds), -ESRCH);
	}
	order(&caller, 'b');
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), 0);
	assert_false(passes_owner(creds));
	creds_release(creds);
	end(&caller);
	start(&caller);
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), 0);
	creds_release(creds);
	order(&caller, 'u');
	assert_int_equal(creds_of(0, 0, caller.pid, 0, &creds), -EXDEV);
	end(&caller);
}

/* Programs that have more, executed by a process that was looked at before. */
static void test_more_than_before(void **state)
{
	struct creds *creds;
	int input[2], output[2];
	char byte = 'x';
	pid_t pid;

	make_program(0755, "cap_dac_override=ep");
	assert_return_code(pipe2(input, O_CLOEXEC), errno);
	assert_return_code(pipe2(output, O_CLOEXEC), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
		    setresuid(USER, USER, USER))
			_exit(1);
		end_with_parent();
		if (write(output[1], "x", 1) != 1 || read(input[0], &byte, 1) != 1)
			_exit(1);
		dup2(input[0], STDIN_FILENO);
		dup2(output[1], STDOUT_FILENO);
		execl(PROGRAM, PROGRAM, (char *)NULL);
		_exit(1);
	}
	assert_int_equal(read(output[0], &byte, 1), 1);
	assert_int_equal(creds_of(USER, USER, pid, 0, &creds), 0);
	assert_false(passes_modes_by(creds));
	creds_release(creds);
	assert_int_equal(write(input[1], "xy", 2), 2);
	assert_int_equal(read(output[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(creds_of(USER, USER, pid, 0, &creds), 0);
	assert_false(passes_modes_by(creds));
	creds_release(creds);
	close(output[0]);
	close(output[1]);
	end_program(pid, input);
}

/* A process of @uid that has the number @pid, which must be free. */
static void spawn_as_number(pid_t pid, uid_t uid)
{
	struct clone_args arguments = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};
	int ready[2];
	char byte;
	long child;

	assert_return_code(pipe(ready), errno);
	child = syscall(SYS_clone3, &arguments, sizeof(arguments));
	assert_return_code(child, errno);
	if (!child) {
		if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(1);
		end_with_parent();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

/* The number of one that has gone is another's. */
static void test_number_used_again(void **state)
{
	struct creds *creds;
	pid_t pid;

	if (under_valgrind()) {
		print_message("skip: valgrind has no clone3\n");
		skip();
	}
	pid = spawn_user(USER, GROUP, true);
	assert_groups(pid, 1, GROUP);
	end_user(pid);
	spawn_as_number(pid, USER + 1);
	assert_int_equal(creds_of(USER, USER, pid, UINT_MAX, &creds), -ESRCH);
	assert_int_equal(creds_of(USER + 1, USER + 1, pid, UINT_MAX, &creds), 0);
	assert_int_equal(creds_become(creds), 0);
	assert_int_equal(getgroups(0, NULL), 0);
	assert_int_equal(creds_become(NULL), 0);
	creds_release(creds);
	end_user(pid);
	/* Root's, who is looked at but briefly for such objects, and again somebody's. */
	spawn_as_number(pid, 0);
	assert_int_equal(creds_of(USER, USER, pid, NAMESPACE_IPC, &creds), -ESRCH);
	assert_int_equal(creds_of(0, 0, pid, NAMESPACE_IPC, &creds), 0);
	assert_true(passes_owner(creds));
	creds_release(creds);
	end_user(pid);
	assert_int_equal(creds_of(0, 0, pid, NAMESPACE_IPC, &creds), -EACCES);
	spawn_as_number(pid, USER);
	assert_int_equal(creds_of(0, 0, pid, NAMESPACE_IPC, &creds), -ESRCH);
	end_user(pid);
}

static int setup(void **state)
{
	return creds_setup(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_becomes_and_returns),
		cmocka_unit_test(test_root_without_capabilities),
		cmocka_unit_test(test_each_after_each),
		cmocka_unit_test(test_capabilities_apart_from_ids),
		cmocka_unit_test(test_only_this_thread),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_more_than_who_asked),
		cmocka_unit_test(test_changes_are_seen),
		cmocka_unit_test(test_root_loses_capabilities),
		cmocka_unit_test(test_more_than_before),
		cmocka_unit_test(test_number_used_again),
	};

	if (geteuid() != 0) {
		fputs("skipped: needs root\n", stderr);
		return 77;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0) {
		fputs("skipped: needs a mount namespace of its own\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests_name("creds", tests, setup, NULL);
}
