/*
 * charge.c - having the kernel charge the caller, and not the daemon, for what is made.
 */
#include "charge.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utlist.h>

#include "proc_status.h"
#include "quota.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

/* How many there are; from before the first step of each until after its last. */
static atomic_int processes;

/* One of them. */
struct process {
	struct process *next;
	pid_t pid;
	struct quota_share share;
};

/* Those that their users have stopped, and for which nobody waits any more. */
static struct {
	pthread_mutex_t lock;
	struct process *list;
} stopped = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct process *process_new(struct call *call, int *error)
{
	struct process *process = calloc(1, sizeof(*process));

	*error = -ENOMEM;
	if (!process)
		return NULL;
	process->share = quota_share(QUOTA_PROCESSES, geteuid());
	*error = quota_take(call, &process->share, 1);
	if (!*error) {
		atomic_fetch_add(&processes, 1);
		return process;
	}
	free(process);
	return NULL;
}

static void process_free(struct process *process)
{
	atomic_fetch_sub(&processes, 1);
	quota_drop(&process->share);
	free(process);
}

static void stopped_add(struct process *process)
{
	pthread_mutex_lock(&stopped.lock);
	LL_PREPEND(stopped.list, process);
	pthread_mutex_unlock(&stopped.lock);
}

/* Forgets those that have come to an end since. */
static void stopped_sweep(void)
{
	struct process *process, *next;

	pthread_mutex_lock(&stopped.lock);
	LL_FOREACH_SAFE(stopped.list, process, next) {
		siginfo_t end = {.si_pid = 0};

		if (waitid(P_PID, (id_t)process->pid, &end, WEXITED | WNOHANG) == 0 && !end.si_pid)
			continue;
		LL_DELETE(stopped.list, process);
		process_free(process);
	}
	pthread_mutex_unlock(&stopped.lock);
}

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

/*
 * In the process, which shares the daemon's descriptors until it has none; nobody can stop it
 * before.
 */
static int step_charged(int resource, rlim_t limit, int (*step)(const void *context),
			const void *context)
{
	struct rlimit limits;

	if (syscall(SYS_close_range, 0, ~0U, CLOSE_RANGE_UNSHARE) < 0 ||
	    getrlimit(resource, &limits) < 0)
		return -errno;
	limits.rlim_cur = limit;
	if (setrlimit(resource, &limits) < 0 || syscall(SYS_setresuid, geteuid(), -1, -1) < 0)
		return -errno;
	return step(context);
}

/* What the process says; takes it over.  Who stops it would have the daemon wait for that. */
static int process_wait(struct process *process)
{
	siginfo_t end;
	int result;

	do
		result = waitid(P_PID, (id_t)process->pid, &end, WEXITED | WSTOPPED);
	while (result < 0 && errno == EINTR);
	if (result == 0 && end.si_code == CLD_STOPPED) {
		stopped_add(process);
		return -EINTR;
	}
	result = result < 0 ? -errno : end.si_code == CLD_EXITED ? -end.si_status : -EINTR;
	process_free(process);
	return result;
}

int charge_caller(struct call *call, int resource, int (*step)(const void *context),
		  const void *context)
{
	struct process *process;
	rlim_t limit;
	int error;

	if (!is_charged_otherwise())
		return step(context);
	stopped_sweep();
	process = process_new(call, &error);
	if (!process)
		return error;
	limit = charge_limit(call, resource);
	/* Not by fork(3), which would wait for locks of other threads. */
	process->pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (process->pid == 0)
		syscall(SYS_exit_group, -step_charged(resource, limit, step, context));
	if (process->pid < 0) {
		error = -errno;
		process_free(process);
		/* Its EAGAIN would mean "not now". */
		if (error == -EAGAIN)
			error = refuse(call, ENOMEM,
				       "there can be no process that would be charged for it");
	} else {
		error = process_wait(process);
	}
	/* A kernel before 5.9: then it is charged to the daemon. */
	return error == -ENOSYS ? step(context) : error;
}

bool charge_is_process(pid_t pid)
{
	/* It was there when its number was seen, so one of these has not gone unless it has. */
	return processes && proc_parent(pid) == proc_self();
}
