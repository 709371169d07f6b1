/*
 * syscalls.c - the tables of system calls, and the filter that is made of them (seccomp(2)).
 *
 * The tables have what glibc and musl use for one thing under several names, and what libraries do
 * that the daemon has loaded: names are resolved by modules (nsswitch.conf(5)) that read files and
 * ask daemons through sockets.
 */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backing.h"

#ifdef HAVE_SECCOMP
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#endif

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

#define CALLS(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct syscall_group syscalls_allowed[] = {
	{"Requests, and the bytes of objects",
	 CALLS("read", "readv", "pread64", "write", "writev", "pwrite64", "pwritev2", "lseek",
	       "ftruncate", "fallocate", "close", "dup3")},
	{"Finding and looking: objects, /proc, the files of the C library",
	 CALLS("open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat", "statx",
	       "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
	       "getdents64", "getcwd", "fgetxattr", "inotify_init1", "inotify_add_watch")},
	{"Making, changing and removing objects that are files",
	 CALLS("mkdirat", "mknodat", "unlinkat", "linkat", "renameat", "renameat2", "utimensat",
	       "chmod", "fchmod", "fchmodat", "fchown", "fchownat", "fsetxattr", "flock",
	       "memfd_create")},
	{"System V objects", CALLS("msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
				   "semtimedop", "semctl", "shmget", "shmat", "shmdt", "shmctl")},
	{"POSIX message queues",
	 CALLS("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_getsetattr")},
	{"Sockets: those of the tree, and those by which names are resolved",
	 CALLS("bind", "connect", "listen", "accept4", "shutdown", "getsockopt", "setsockopt",
	       "getsockname", "getpeername", "sendto", "sendmsg", "sendmmsg", "recvfrom",
	       "recvmsg")},
	{"Waiting", CALLS("poll", "ppoll", "select", "pselect6", "epoll_create1", "epoll_ctl",
			  "epoll_pwait2", "eventfd2", "pipe2", "futex", "nanosleep",
			  "clock_nanosleep", "sched_yield", "restart_syscall")},
	{"Signals of its own",
	 CALLS("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait")},
	{"Memory of its own",
	 CALLS("brk", "munmap", "mremap", "mincore", "madvise", "membarrier", "getrandom")},
	{"Threads, their beginning and end", CALLS("set_robust_list", "set_tid_address", "rseq",
						   "sched_getaffinity", "exit", "exit_group")},
	{"Becoming the caller", CALLS("setgroups", "setresgid", "setresuid", "capget", "capset")},
	{"Who and when it is", CALLS("getpid", "gettid", "getuid", "geteuid", "getgid", "getegid",
				     "uname", "sysinfo", "clock_gettime", "gettimeofday")},
	{"Descriptors that other processes hold, to ask what is in a pipe and who a peer is",
	 CALLS("pidfd_open", "pidfd_getfd")},
	{NULL},
};

/* clang-format off */
#define ARGUMENT(n, m, v) {.number = n, .mask = m, .value = v}
#define EXACTLY(n, v) ARGUMENT(n, UINT32_MAX, (uint32_t)(v))
#define OWN_PROCESS(n) {.number = n, .mask = UINT32_MAX, .own_process = true}
#define ONE(call, text, ...) {call, text, 1, {__VA_ARGS__}}
#define BOTH(call, text, ...) {call, text, 2, {__VA_ARGS__}}
#define FCNTL(command) ONE("fcntl", #command, EXACTLY(1, command))
#define IOCTL(request) ONE("ioctl", #request, EXACTLY(1, request))
/* clang-format on */

/* clone(2) puts the thread's flags first, but for s390, for which no filter is built. */
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP)

const struct syscall_rule syscalls_limited[] = {
	ONE("clone", "a thread, in no new namespace",
	    ARGUMENT(0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD)),
	/* By which the kernel charges a caller (common/charge.c): it has the same filter. */
	ONE("clone", "a process, in no new namespace", EXACTLY(0, CLONE_FILES | SIGCHLD)),
	ONE("close_range", "of what was shared", EXACTLY(2, CLOSE_RANGE_UNSHARE)),
	ONE("waitid", "one process", EXACTLY(0, P_PID)),
	/* For one that waits; raise(3).  Not tkill(2), in which no process is named. */
	ONE("tgkill", "a thread of its own", OWN_PROCESS(0)),
	ONE("kill", "signal 0, which asks whether there is such a process", EXACTLY(1, 0)),
	ONE("process_vm_readv", "its own memory", OWN_PROCESS(0)),
	ONE("process_vm_writev", "its own memory", OWN_PROCESS(0)),
	BOTH("prlimit64", "its own limits, to ask for them", EXACTLY(0, 0), EXACTLY(2, 0)),
	BOTH("prlimit64", "its own RLIMIT_MSGQUEUE", EXACTLY(0, 0), EXACTLY(1, RLIMIT_MSGQUEUE)),
	BOTH("prlimit64", "its own RLIMIT_MEMLOCK", EXACTLY(0, 0), EXACTLY(1, RLIMIT_MEMLOCK)),
	/* PROT_EXEC is for the modules that resolve names. */
	ONE("mmap", "not PROT_EXEC", ARGUMENT(2, PROT_EXEC, 0)),
	ONE("mmap", "not PROT_WRITE", ARGUMENT(2, PROT_WRITE, 0)),
	ONE("mprotect", "not PROT_EXEC", ARGUMENT(2, PROT_EXEC, 0)),
	ONE("socket", "AF_UNIX", EXACTLY(0, AF_UNIX)),
	ONE("socket", "AF_INET", EXACTLY(0, AF_INET)),
	ONE("socket", "AF_INET6", EXACTLY(0, AF_INET6)),
	BOTH("socket", "AF_NETLINK with NETLINK_SOCK_DIAG", EXACTLY(0, AF_NETLINK),
	     EXACTLY(2, NETLINK_SOCK_DIAG)),
	BOTH("socket", "AF_NETLINK with NETLINK_ROUTE", EXACTLY(0, AF_NETLINK),
	     EXACTLY(2, NETLINK_ROUTE)),
	/* Not F_SETOWN and F_SETSIG: these signal any process. */
	FCNTL(F_DUPFD_CLOEXEC),
	FCNTL(F_GETFD),
	FCNTL(F_SETFD),
	FCNTL(F_GETFL),
	BOTH("fcntl", "F_SETFL without O_ASYNC", EXACTLY(1, F_SETFL), ARGUMENT(2, O_ASYNC, 0)),
	FCNTL(F_OFD_GETLK),
	FCNTL(F_OFD_SETLK),
	FCNTL(F_OFD_SETLKW),
	FCNTL(F_SETLEASE),
	FCNTL(F_GETPIPE_SZ),
	FCNTL(F_SETPIPE_SZ),
	/* Not TIOCSTI, which types for whoever has the terminal. */
	IOCTL(FIONREAD),
	IOCTL(SIOCOUTQ),
	IOCTL(SIOCGIFINDEX),
	IOCTL(SIOCGIFNAME),
	IOCTL(TCGETS),
	IOCTL(TIOCGWINSZ),
	ONE("ioctl", "FUSE_DEV_IOC_BACKING_OPEN", EXACTLY(1, BACKING_OPEN)),
	ONE("ioctl", "FUSE_DEV_IOC_BACKING_CLOSE", EXACTLY(1, BACKING_CLOSE)),
	/* The end of the mount. */
	ONE("umount2", "MNT_DETACH", EXACTLY(1, MNT_DETACH)),
	{NULL},
};

const char *const syscalls_fatal[] = {
	/* Programs, and the memory of others. */
	"execve", "execveat", "ptrace", "process_madvise", "pidfd_send_signal", "userfaultfd",
	"perf_event_open",
	/* The kernel. */
	"bpf", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
	"reboot", "iopl", "ioperm",
	/* What everyone sees: files by number, mounts, namespaces, the clock. */
	"open_by_handle_at", "mount", "fsopen", "fspick", "fsmount", "open_tree", "move_mount",
	"mount_setattr", "pivot_root", "chroot", "swapon", "swapoff", "unshare", "setns",
	"clock_settime", "settimeofday", NULL};

#ifdef HAVE_SECCOMP

/*
 * Tried by the C library again and again, which then does it in another way: threads are made by
 * clone(2), whose flags can be looked at.
 */
static const char *const quiet[] = {"clone3", NULL};

bool syscalls_available(void)
{
	return true;
}

/*
 * A name that this libseccomp does not know, or this machine has not, is passed over: it can't be
 * told from others that are refused.
 */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name,
	       const struct syscall_rule *rule)
{
	struct scmp_arg_cmp compare[2];
	int number = seccomp_syscall_resolve_name(name);

	if (number < 0)
		return 0;
	for (unsigned i = 0; rule && i < rule->conditions; i++) {
		const struct syscall_argument *argument = &rule->arguments[i];
		uint32_t value = argument->own_process ? (uint32_t)getpid() : argument->value;

		compare[i] = SCMP_CMP(argument->number, SCMP_CMP_MASKED_EQ, argument->mask, value);
	}
	return seccomp_rule_add_array(filter, action, number, rule ? rule->conditions : 0, compare);
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int error = 0;

	for (size_t i = 0; names[i] && !error; i++)
		error = add(filter, action, names[i], NULL);
	return error;
}

static int add_tables(scmp_filter_ctx filter)
{
	int error = add_all(filter, SCMP_ACT_ALLOW, quiet);

	for (const struct syscall_group *group = syscalls_allowed; group->title && !error; group++)
		error = add_all(filter, SCMP_ACT_ALLOW, group->names);
	for (const struct syscall_rule *rule = syscalls_limited; rule->name && !error; rule++)
		error = add(filter, SCMP_ACT_ALLOW, rule->name, rule);
	return error ? error : add_all(filter, SCMP_ACT_KILL_PROCESS, syscalls_fatal);
}

/* The filter as the kernel takes it; free() of its instructions is due. */
static int program_of(scmp_filter_ctx filter, struct sock_fprog *program)
{
	int file = memfd_create("filter", MFD_CLOEXEC), error;
	off_t size = 0;

	*program = (struct sock_fprog){.filter = NULL};
	if (file < 0)
		return -errno;
	error = seccomp_export_bpf(filter, file);
	if (!error && (size = lseek(file, 0, SEEK_END)) <= 0)
		error = -ENOMEM;
	if (!error && !(program->filter = malloc((size_t)size)))
		error = -ENOMEM;
	if (!error && pread(file, program->filter, (size_t)size, 0) != size)
		error = -EIO;
	program->len = (unsigned short)((size_t)size / sizeof(*program->filter));
	close(file);
	return error;
}

/*
 * Where libseccomp has no memory for a part of the program it leaves that out and says nothing:
 * what it makes is made twice, and believed only if it is the same.
 */
static int load_program(scmp_filter_ctx filter, unsigned flags)
{
	struct sock_fprog program, again = {.filter = NULL};
	int error = program_of(filter, &program);

	if (!error)
		error = program_of(filter, &again);
	if (!error &&
	    (program.len != again.len ||
	     memcmp(program.filter, again.filter, program.len * sizeof(*again.filter)) != 0))
		error = -ENOMEM;
	if (!error) {
		long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

		/* A positive number is a thread that cannot have it. */
		error = result < 0 ? -errno : result > 0 ? -ESRCH : 0;
	}
	free(program.filter);
	free(again.filter);
	return error;
}

static int load(scmp_filter_ctx filter, bool log)
{
	/* A call of another machine's (the kernel knows those of i386 too) has other numbers. */
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* A tree: few steps for those that are not always allowed, which the kernel remembers. */
	if (!error)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return error ? error
		     : load_program(filter, SECCOMP_FILTER_FLAG_TSYNC |
						    (log ? SECCOMP_FILTER_FLAG_LOG : 0));
}

/* Two filters, of which the kernel heeds the stricter: only what the second refuses is logged. */
int syscalls_confine(void)
{
	scmp_filter_ctx unlogged = seccomp_init(SCMP_ACT_ALLOW);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int error = unlogged && filter ? 0 : -ENOMEM;

	if (!error)
		error = add_all(unlogged, SCMP_ACT_ERRNO(ENOSYS), quiet);
	if (!error)
		error = add_tables(filter);
	if (!error)
		error = load(unlogged, false);
	if (!error)
		error = load(filter, true);
	if (unlogged)
		seccomp_release(unlogged);
	if (filter)
		seccomp_release(filter);
	return error;
}

#else

bool syscalls_available(void)
{
	return false;
}

int syscalls_confine(void)
{
	return 0;
}

#endif
