/*
 * target.c - the tree of another process: a container's, from outside.
 *
 * A pidfd holds the process fast while three things are taken from it: its IPC namespace, its
 * network namespace, its /dev/shm.  They stay when it ends.  The mount namespace remains our own,
 * because the tree is mounted for us.
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/proc_status.h"

static int fail(pid_t pid, int error, const char *what)
{
	/* The link to a root directory says EACCES, setns(2) EPERM. */
	if (error == EPERM || error == EACCES) {
		error = EPERM;
		what = "its namespaces and files take the right to trace it (ptrace(2)) and "
		       "CAP_SYS_ADMIN, here and in the user namespace that they belong to";
	}
	fprintf(stderr, "ipcfs: --target %d: %s: %s\n", (int)pid, what, strerror(error));
	return -error;
}

static int enter_namespaces(pid_t pid, int pidfd)
{
	if (setns(pidfd, CLONE_NEWIPC | CLONE_NEWNET) == 0)
		return 0;
	return fail(pid, errno,
		    errno == ESRCH ? "it has ended"
				   : "its IPC and network namespaces cannot be entered");
}

/*
 * Its /dev/shm as it sees it: links in it lead nowhere but to what is below its root.  It must be a
 * tmpfs: a file system that another process serves could hold up the whole tree.
 */
static int open_shm(pid_t pid)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	struct statfs fs = {0};
	char path[48];
	int root, found, fd;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(pid, errno, "its root directory cannot be opened");
	found = (int)syscall(SYS_openat2, root, "dev/shm", &how, sizeof(how));
	close(root);
	if (found < 0)
		return fail(pid, errno, "it has no /dev/shm");
	if (fstatfs(found, &fs) < 0 || fs.f_type != TMPFS_MAGIC) {
		close(found);
		return fail(pid, EOPNOTSUPP, "its /dev/shm is no tmpfs");
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(found);
	return fd < 0 ? fail(pid, errno, "its /dev/shm cannot be opened") : fd;
}

static int enter(pid_t pid, int pidfd, struct target *target)
{
	struct pollfd alive = {.fd = pidfd, .events = POLLIN};
	uint64_t started = 0;
	int error, fd;

	fd = open_shm(pid);
	if (fd < 0)
		return fd;
	proc_start_ticks(pid, &started); /* with its pid a name that no other process has */
	error = enter_namespaces(pid, pidfd);
	if (error)
		return error;
	/* What was found by its number was its own only if it is there still. */
	if (poll(&alive, 1, 0) != 0)
		return fail(pid, ESRCH, "it has ended");
	snprintf(target->shm, sizeof(target->shm), "/proc/self/fd/%d", fd);
	snprintf(target->run_dir, sizeof(target->run_dir), "/run/ipcfs.%d.%" PRIu64, (int)pid,
		 started);
	return 0;
}

int target_enter(pid_t pid, struct target *target)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), error;

	if (pidfd < 0)
		return fail(pid, errno,
			    errno == ESRCH || errno == EINVAL ? "there is no such process"
							      : "pidfd_open");
	error = enter(pid, pidfd, target);
	close(pidfd);
	return error;
}
