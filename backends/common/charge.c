/*
 * charge.c - having the kernel charge the caller, and not the daemon, for what is made.
 */
#include "charge.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc_fds.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

/* How many there are; from before the first step of each until after its last. */
static atomic_int processes;

/* The thread is not its own caller. */
static bool is_charged_otherwise(void)
{
	return getuid() != geteuid();
}

struct reading {
	pid_t pid;
	const char *name;
	rlim_t limit;
};

/* As the daemon, which sees all callers. */
static int limit_read(void *context)
{
	struct reading *reading = context;
	char path[32], line[256], soft[32];
	size_t length = strlen(reading->name);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)reading->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long long limit;

		if (strncmp(line, reading->name, length) != 0 ||
		    sscanf(line + length, "%31s", soft) != 1)
			continue;
		/* "unlimited" is no number. */
		if (sscanf(soft, "%llu", &limit) == 1)
			reading->limit = (rlim_t)limit;
	}
	if (file)
		fclose(file);
	return 0;
}

rlim_t charge_limit(struct call *call, int resource)
{
	struct reading reading = {
		.pid = call->pid,
		.name = resource == RLIMIT_MSGQUEUE ? "Max msgqueue size" : "Max locked memory",
		.limit = RLIM_INFINITY,
	};
	struct rlimit own;

	if (getrlimit(resource, &own) < 0)
		return RLIM_INFINITY;
	if (!is_charged_otherwise())
		return own.rlim_cur;
	if (call->pid > 0)
		as_daemon(call, limit_read, &reading);
	return reading.limit < own.rlim_max ? reading.limit : own.rlim_max;
}

/* In the process, which shares the daemon's descriptors until it has none. */
static int step_charged(int resource, rlim_t limit, int (*step)(const void *context),
			const void *context)
{
	struct rlimit limits;

	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE) < 0 ||
	    getrlimit(resource, &limits) < 0)
		return -errno;
	limits.rlim_cur = limit;
	if (setrlimit(resource, &limits) < 0 || syscall(SYS_setresuid, geteuid(), -1, -1) < 0)
		return -errno;
	return step(context);
}

/* Who stops it would have the daemon wait for that: it is ended then. */
static int process_wait(pid_t pid)
{
	siginfo_t end;

	for (;;) {
		if (waitid(P_PID, (id_t)pid, &end, WEXITED | WSTOPPED) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (end.si_code == CLD_EXITED)
			return -end.si_status;
		if (end.si_code == CLD_KILLED || end.si_code == CLD_DUMPED)
			return -EINTR;
		kill(pid, SIGKILL);
	}
}

int charge_caller(struct call *call, int resource, int (*step)(const void *context),
		  const void *context)
{
	struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	rlim_t limit;
	long pid;
	int error;

	if (!is_charged_otherwise())
		return step(context);
	limit = charge_limit(call, resource);
	atomic_fetch_add(&processes, 1);
	/* Not by fork(3), which would wait for locks of other threads. */
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		syscall(SYS_exit_group, -step_charged(resource, limit, step, context));
	error = pid < 0 ? -errno : process_wait((pid_t)pid);
	atomic_fetch_sub(&processes, 1);
	/* A kernel before 5.9, or a filter of calls: then it is charged to the daemon. */
	if (error == -ENOSYS)
		return step(context);
	/* That would mean "not now". */
	if (error == -EAGAIN && pid < 0)
		return refuse(call, ENOMEM, "there can be no process that would be charged for it");
	if (error == -EINTR)
		return refuse(call, EINTR, "the process that would be charged was ended");
	return error;
}

bool charge_is_process(pid_t pid)
{
	/* It was there when its number was seen, so one of these has not gone unless it has. */
	return processes && proc_parent(pid) == proc_self();
}
