/*
 * test_confine.c - what is given up is gone, and what the documentation says is kept is kept.
 *
 * Each call is tried by a child that confines itself first.  The arguments are such that it would
 * do no harm, and say something else than ENOSYS, if it were let through.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../return_code.h"
#include "../confinement_md.h"
#include "common/charge.h"
#include "confine.h"
#include "syscalls.h"
#include "under_valgrind.h"

static void skip_without_filter(void)
{
	if (syscalls_available())
		return;
	print_message("skipped: built without a filter of system calls\n");
	skip();
}

static void skip_without_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: needs to be root\n");
	skip();
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- the documentation ---- */

static void test_documented_capabilities(void **state)
{
	uint64_t kept = 0;

	for (int i = 0; i < confine_capabilities_count; i++)
		kept |= UINT64_C(1) << confine_capabilities[i];
	assert_int_equal(kept, confinement_capabilities());
}

static void test_documented_groups(void **state)
{
	char *page = confinement_md(), *rest = confinement_section(page, "\n### Allowed\n");

	for (const struct syscall_group *group = syscalls_allowed; group->title; group++) {
		char *row = confinement_row(&rest), *name;

		assert_non_null(row);
		assert_memory_equal(row + 2, group->title, strlen(group->title));
		for (size_t i = 0; group->names[i]; i++) {
			name = confinement_word(&row);
			assert_non_null(name);
			assert_string_equal(name, group->names[i]);
		}
		assert_null(confinement_word(&row));
	}
	assert_null(confinement_row(&rest));
	free(page);
}

static void test_documented_rules(void **state)
{
	char *page = confinement_md();
	char *rest = confinement_section(page, "\n### Allowed with some arguments\n");
	const struct syscall_rule *rule = syscalls_limited;
	char *row, *name;

	/* One row for each call; several rules of a call are `A`, `B` ... */
	while ((row = confinement_row(&rest))) {
		name = confinement_word(&row);
		for (; rule->name && !strcmp(rule->name, name); rule++) {
			const char *words = confinement_word(&row);

			assert_non_null(words);
			assert_string_equal(words, rule->words);
		}
		assert_null(confinement_word(&row));
	}
	assert_null(rule->name);
	free(page);
}

static void test_documented_fatal(void **state)
{
	char *page = confinement_md(), *rest = confinement_section(page, "\n### Killed\n"), *row;
	size_t i = 0;

	while ((row = confinement_row(&rest))) {
		const char *name;

		while ((name = confinement_word(&row))) {
			assert_non_null(syscalls_fatal[i]);
			assert_string_equal(name, syscalls_fatal[i++]);
		}
	}
	assert_null(syscalls_fatal[i]);
	free(page);
}

/* ---- the filter ---- */

enum { KILLED = -SIGSYS, FAILED_BEFORE = 255 };

/* 0, the errno, or -signal of what a confined child does. */
static int outcome(long (*act)(const void *argument), const void *argument)
{
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		if (confine_privileges() < 0 || confine_calls() < 0)
			_exit(FAILED_BEFORE);
		errno = 0;
		_exit(act(argument) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

struct raw {
	const char *name;
	long number;
	unsigned long arguments[6];
};

static long raw_call(const void *argument)
{
	const struct raw *raw = argument;
	const unsigned long *a = raw->arguments;

	return syscall(raw->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define ADDRESS(what) ((unsigned long)(uintptr_t)(what))

static char byte;
static const struct iovec piece = {&byte, 1};
static const struct rlimit some = {1024, 1024};

static int charged_step(const void *unused)
{
	return getuid() == 1234 ? 0 : -EDOM;
}

/* Where it could not make a process it would be charged itself. */
static long charge(const void *unused)
{
	struct call call = {.uid = 1234};
	int error = syscall(SYS_setresuid, -1, 1234, -1) < 0 ? -errno : 0;

	if (!error)
		error = charge_caller(&call, RLIMIT_MSGQUEUE, charged_step, NULL);
	errno = -error;
	return error;
}

static void test_charges(void **state)
{
	assert_int_equal(outcome(charge, NULL), 0);
}

static void test_refused(void **state)
{
	const unsigned long parent = (unsigned long)getpid();
	const struct raw calls[] = {
		/* Processes and programs. */
		{"clone, a process", SYS_clone, {CLONE_SIGHAND}},
		{"clone, one that has all that is open", SYS_clone, {SIGCHLD}},
		{"clone, one with this memory", SYS_clone, {CLONE_VM | CLONE_FILES | SIGCHLD}},
		{"waitid, any", SYS_waitid, {P_ALL, 0, 0, WEXITED | WNOHANG}},
		{"close_range", SYS_close_range, {1000, 1000, 0}},
		{"clone, a namespace", SYS_clone, {CLONE_THREAD | CLONE_NEWNET}},
		{"clone3", SYS_clone3, {0}},
#ifdef SYS_fork
		{"fork", SYS_fork, {0}},
#endif
		{"wait4", SYS_wait4, {(unsigned long)-1, 0, WNOHANG}},
		{"kill", SYS_kill, {parent, SIGCONT}},
		{"kill a group", SYS_kill, {0, SIGCONT}},
		{"tgkill", SYS_tgkill, {parent, parent, SIGCONT}},
		{"tkill", SYS_tkill, {parent, SIGCONT}},
		{"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {parent, SIGCONT}},
		{"setpriority", SYS_setpriority, {PRIO_PROCESS, parent, 0}},
		{"sched_setaffinity", SYS_sched_setaffinity, {parent, 0}},
		{"prlimit64, another's", SYS_prlimit64, {parent, RLIMIT_CORE}},
		{"prlimit64, to set", SYS_prlimit64, {0, RLIMIT_NOFILE, ADDRESS(&some)}},
		{"personality", SYS_personality, {0xffffffff}},
		{"setsid", SYS_setsid, {0}},
		{"timer_create", SYS_timer_create, {CLOCK_MONOTONIC}},
		/* The memory of others, and programs in one's own. */
		{"process_vm_readv",
		 SYS_process_vm_readv,
		 {parent, ADDRESS(&piece), 1, ADDRESS(&piece), 1}},
		{"process_vm_writev",
		 SYS_process_vm_writev,
		 {parent, ADDRESS(&piece), 1, ADDRESS(&piece), 1}},
		{"mmap",
		 SYS_mmap,
		 {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		  (unsigned long)-1}},
		{"mprotect", SYS_mprotect, {0, 0, PROT_READ | PROT_EXEC}},
		/* What signals others by a descriptor, and types for them. */
		{"F_SETOWN", SYS_fcntl, {0, F_SETOWN, 0}},
		{"F_SETSIG", SYS_fcntl, {0, F_SETSIG, 0}},
		{"O_ASYNC", SYS_fcntl, {0, F_SETFL, O_ASYNC}},
		{"F_NOTIFY", SYS_fcntl, {(unsigned long)-1, F_NOTIFY, 0}},
		{"TIOCSTI", SYS_ioctl, {(unsigned long)-1, TIOCSTI}},
		{"FIOSETOWN", SYS_ioctl, {(unsigned long)-1, 0x8901}},
		/* Sockets of other families. */
		{"AF_PACKET", SYS_socket, {AF_PACKET, SOCK_DGRAM, 0}},
		{"AF_ALG", SYS_socket, {AF_ALG, SOCK_SEQPACKET, 0}},
		{"AF_VSOCK", SYS_socket, {AF_VSOCK, SOCK_STREAM, 0}},
		{"AF_NETLINK, audit", SYS_socket, {AF_NETLINK, SOCK_RAW, 9}},
		{"AF_NETLINK, generic", SYS_socket, {AF_NETLINK, SOCK_RAW, 16}},
		/* The kernel. */
		{"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
		{"keyctl", SYS_keyctl, {0, (unsigned long)-1}},
		{"add_key", SYS_add_key, {0}},
		{"request_key", SYS_request_key, {0}},
		{"io_uring_setup", SYS_io_uring_setup, {0}},
		{"name_to_handle_at", SYS_name_to_handle_at, {(unsigned long)-1}},
		{"fanotify_init", SYS_fanotify_init, {(unsigned long)-1}},
		{"sethostname", SYS_sethostname, {0, (unsigned long)-1}},
		{"syslog", SYS_syslog, {(unsigned long)-1}},
		{"quotactl", SYS_quotactl, {(unsigned long)-1}},
		{"acct", SYS_acct, {ADDRESS("/nowhere")}},
		{"umount2, not lazily", SYS_umount2, {ADDRESS("/nowhere"), 0}},
		{"umount2, by force", SYS_umount2, {ADDRESS("/nowhere"), MNT_FORCE}},
		/* What could be and is not used. */
		{"splice", SYS_splice, {(unsigned long)-1}},
		{"symlinkat", SYS_symlinkat, {0}},
		{"setuid", SYS_setuid, {(unsigned long)-1}},
		{"setfsuid", SYS_setfsuid, {(unsigned long)-1}},
		{"umask", SYS_umask, {0}},
		{"chdir", SYS_chdir, {0}},
	};

	skip_without_filter();
	for (size_t i = 0; i < COUNT(calls); i++) {
		int got = outcome(raw_call, &calls[i]);

		if (got != ENOSYS)
			fail_msg("%s: %d", calls[i].name, got);
	}
}

/* Every one of the table, so one that is added has to be added here. */
static void test_killed(void **state)
{
#define FATAL(call)                                        \
	{                                                  \
#call, SYS_##call,                         \
		{                                          \
			-1ul, -1ul, -1ul, -1ul, -1ul, -1ul \
		}                                          \
	}
	static const struct raw calls[] = {
		FATAL(execve),
		FATAL(execveat),
		FATAL(ptrace),
		FATAL(process_madvise),
		FATAL(pidfd_send_signal),
		FATAL(userfaultfd),
		FATAL(perf_event_open),
		FATAL(bpf),
		FATAL(init_module),
		FATAL(finit_module),
		FATAL(delete_module),
		FATAL(kexec_load),
		FATAL(kexec_file_load),
		FATAL(reboot),
		FATAL(open_by_handle_at),
		FATAL(mount),
		FATAL(fsopen),
		FATAL(fspick),
		FATAL(fsmount),
		FATAL(open_tree),
		FATAL(move_mount),
		FATAL(mount_setattr),
		FATAL(pivot_root),
		FATAL(chroot),
		FATAL(swapon),
		FATAL(swapoff),
		FATAL(unshare),
		FATAL(setns),
		FATAL(clock_settime),
		FATAL(settimeofday),
#ifdef SYS_iopl
		FATAL(iopl),
		FATAL(ioperm),
#endif
	};

	skip_without_filter();
	for (size_t i = 0; i < COUNT(calls); i++) {
		int got = outcome(raw_call, &calls[i]);

		if (got != KILLED)
			fail_msg("%s: %d", calls[i].name, got);
	}
	for (size_t i = 0; syscalls_fatal[i]; i++) {
		size_t at = 0;

		while (at < COUNT(calls) && strcmp(calls[at].name, syscalls_fatal[i]))
			at++;
#ifndef SYS_iopl
		if (!strncmp(syscalls_fatal[i], "io", 2))
			continue;
#endif
		if (at == COUNT(calls))
			fail_msg("%s is not tried", syscalls_fatal[i]);
	}
}

#ifdef __x86_64__
static long getpid_of_i386(const void *unused)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* A call by the numbers of another machine, by which a filter could be passed by. */
static void test_other_numbers(void **state)
{
	static const struct raw x32 = {"getpid", 0x40000000 | SYS_getpid, {0}};
	int got;

	skip_without_filter();
	got = outcome(getpid_of_i386, NULL);
	/* A kernel without such calls says so before. */
	assert_true(got == KILLED || got == -SIGSEGV);
	assert_int_equal(outcome(raw_call, &x32), KILLED);
}
#endif

/* ---- what the daemon needs ---- */

static void *thread(void *unused)
{
	return unused;
}

/* Returns the line of what did not work. */
static long works(const void *unused)
{
#define WORKS(what)                     \
	if (!(what)) {                  \
		errno = __LINE__ % 251; \
		return -1;              \
	}
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	struct timespec moment = {0, 1};
	struct addrinfo *list;
	char text[16] = "abc", copy[16];
	struct iovec here = {copy, 4}, there = {text, 4};
	struct flock record = {.l_type = F_WRLCK};
	struct rlimit limit;
	struct stat st;
	pthread_t made;
	int fd, ends[2];

	WORKS(pthread_create(&made, NULL, thread, NULL) == 0 && pthread_join(made, NULL) == 0);
	WORKS(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGCONT) == 0);
	WORKS(kill(getpid(), 0) == 0);
	for (size_t i = 0; i < COUNT(families); i++) {
		fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
		WORKS(fd >= 0 || errno == EAFNOSUPPORT);
		close(fd);
	}
	WORKS(getaddrinfo("localhost", "80", NULL, &list) == 0);
	freeaddrinfo(list);
	WORKS(getpwuid(0) && getgrgid(0));
	WORKS(localtime(&(time_t){0}));
	WORKS(stat("/", &st) == 0 && access("/", R_OK) == 0);
	WORKS(nanosleep(&moment, NULL) == 0);
	WORKS(process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 4 && !strcmp(copy, "abc"));
	WORKS(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	WORKS(pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	WORKS(fcntl(ends[0], F_GETPIPE_SZ) > 0 && ioctl(ends[0], FIONREAD, &fd) == 0);
	fd = memfd_create("x", MFD_CLOEXEC);
	WORKS(fcntl(fd, F_OFD_SETLK, &record) == 0);
	WORKS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED);
	WORKS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	      MAP_FAILED);
	/* Refused by the mount that is not there, not by the filter. */
	WORKS(umount2("/nowhere", MNT_DETACH) < 0 && errno == ENOENT);
	WORKS(getpid() == (pid_t)syscall(SYS_getpid));
	return 0;
}

static void test_allowed(void **state)
{
	assert_int_equal(outcome(works, NULL), 0);
}

/* A thread that is made later is under it too. */
static void *forbidden(void *unused)
{
	return (void *)(intptr_t)(syscall(SYS_setsid) < 0 ? errno : 0);
}

static long in_thread(const void *unused)
{
	pthread_t made;
	void *error;

	if (pthread_create(&made, NULL, forbidden, NULL) || pthread_join(made, &error))
		return -1;
	errno = (int)(intptr_t)error;
	return errno ? -1 : 0;
}

static void test_threads(void **state)
{
	skip_without_filter();
	assert_int_equal(outcome(in_thread, NULL), ENOSYS);
}

/* ---- privileges ---- */

static uint64_t own_set(const char *name)
{
	char line[256];
	uint64_t set = UINT64_MAX;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, name, strlen(name)))
			set = strtoull(line + strlen(name), NULL, 16);
	if (status)
		fclose(status);
	return set;
}

struct sets {
	uint64_t kept, permitted;
};

static long has_no_more(const void *argument)
{
	static const char *const of[] = {"CapPrm:", "CapEff:", "CapBnd:"};
	const struct sets *sets = argument;
	cap_value_t other = CAP_SYS_BOOT;
	cap_t all = cap_get_proc();

	for (size_t i = 0; i < COUNT(of); i++)
		if ((own_set(of[i]) & sets->permitted) != (sets->kept & sets->permitted))
			return -1;
	if (own_set("CapInh:") || own_set("CapAmb:") || own_set("CapPrm:") & ~sets->permitted ||
	    own_set("NoNewPrivs:") != 1)
		return -1;
	if (cap_set_flag(all, CAP_PERMITTED, 1, &other, CAP_SET) < 0 || cap_set_proc(all) == 0)
		return -1;
	return 0;
}

static void test_privileges(void **state)
{
	const struct sets sets = {confinement_capabilities(), own_set("CapPrm:")};

	skip_without_root();
	assert_int_equal(outcome(has_no_more, &sets), 0);
}

/* A process without capabilities that stays until it is killed: confined before, or as it is. */
static pid_t spawn_bare(bool confined)
{
	int ready[2];
	pid_t pid;
	char went;

	assert_return_code(pipe(ready), errno);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (confined && (confine_privileges() < 0 || confine_calls() < 0))
			_exit(1);
		if (cap_set_proc(cap_init()) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			poll(NULL, 0, -1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &went, 1), 1);
	close(ready[0]);
	return pid;
}

/* What root finds who may not trace everything: 0, or an errno. */
static int looked_into(pid_t pid)
{
	int status;
	pid_t looker = fork();

	assert_return_code(looker, errno);
	if (looker == 0) {
		cap_value_t trace = CAP_SYS_PTRACE;
		cap_t own = cap_get_proc();
		char path[40], program[16];

		cap_set_flag(own, CAP_EFFECTIVE, 1, &trace, CAP_CLEAR);
		cap_set_flag(own, CAP_PERMITTED, 1, &trace, CAP_CLEAR);
		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
		if (cap_set_proc(own) < 0)
			_exit(EINVAL);
		_exit(readlink(path, program, sizeof(program)) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(looker, &status, 0), looker);
	return WEXITSTATUS(status);
}

static void test_not_looked_into(void **state)
{
	pid_t pids[2];

	skip_without_root();
	for (int i = 0; i < 2; i++)
		pids[i] = spawn_bare(i);
	assert_int_equal(looked_into(pids[0]), 0);
	assert_int_equal(looked_into(pids[1]), EACCES);
	for (int i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

int main(void)
{
	const struct CMUnitTest documented[] = {
		cmocka_unit_test(test_documented_capabilities),
		cmocka_unit_test(test_documented_groups),
		cmocka_unit_test(test_documented_rules),
		cmocka_unit_test(test_documented_fatal),
	};
	const struct CMUnitTest confined[] = {
		cmocka_unit_test(test_charges),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_killed),
#ifdef __x86_64__
		cmocka_unit_test(test_other_numbers),
#endif
		cmocka_unit_test(test_allowed),       cmocka_unit_test(test_threads),
		cmocka_unit_test(test_privileges),    cmocka_unit_test(test_not_looked_into),
	};
	int failed = cmocka_run_group_tests(documented, NULL, NULL);

	if (under_valgrind()) {
		puts("skip: valgrind makes system calls of its own, which the filter ends");
		return failed ? failed : 77;
	}
	return failed + cmocka_run_group_tests(confined, NULL, NULL);
}
