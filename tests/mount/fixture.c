/*
 * fixture.c - a mount of its own for each test: its own IPC and mount namespaces, daemon,
 * /dev/shm and /run.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *fixture_options = "";
static pid_t daemon_pid;

static void cannot_run(const char *why)
{
	fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

void fixture_isolate(void)
{
	if (geteuid() != 0)
		cannot_run("needs root");
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		cannot_run("/dev/fuse");
	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) < 0)
		cannot_run("unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		cannot_run("private /dev/shm and /run");
	/* Whatever becomes of this program, no daemon of its stays behind. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(0);
}

/* Goes on in a child; the parent ends as the child does, having waited for whoever else ends. */
static void go_on_in_child(void)
{
	pid_t pid = fork(), ended;
	int status;

	if (pid < 0)
		cannot_run("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	do
		ended = waitpid(-1, &status, 0);
	while (ended > 0 && ended != pid);
	/* Whoever has left its PID namespace has no thread any more that could look for leaks. */
	_exit(ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

void fixture_isolate_processes(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		cannot_run("unshare");
	go_on_in_child();
	/* Not as process 1, which no sanitizer can stop to look for leaks. */
	go_on_in_child();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		cannot_run("private /proc");
}

void fixture_isolate_network(void)
{
	struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		cannot_run("unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) < 0)
		cannot_run("loopback");
	close(fd);
}

static bool mounted(void)
{
	struct stat here, above;

	return stat(MOUNT, &here) == 0 && stat("/", &above) == 0 && here.st_dev != above.st_dev;
}

int fixture_mount(void **state)
{
	const char *program = getenv("IPCFS");
	char options[256];

	assert_non_null(program);
	snprintf(options, sizeof(options), "%s%s", *fixture_options ? "-o" : "-f", fixture_options);
	fflush(NULL);
	daemon_pid = fork();
	assert_return_code(daemon_pid, errno);
	if (daemon_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, program, "-f", options, MOUNT, NULL);
		_exit(127);
	}
	for (int tries = 0; !mounted(); tries++) {
		const struct timespec pause = {0, 2000000};
		int status;

		assert_int_equal(waitpid(daemon_pid, &status, WNOHANG), 0);
		assert_true(tries < 5000);
		nanosleep(&pause, NULL);
	}
	return 0;
}

pid_t fixture_daemon(void)
{
	return daemon_pid;
}

void fixture_daemon_gone(void)
{
	daemon_pid = 0;
}

/* What is said of one that is no more has more words behind it. */
static bool is_of_caller(int directory, const char *name)
{
	char link[64] = "";
	int directory_end = 0, status_end = 0;
	ssize_t length = readlinkat(directory, name, link, sizeof(link) - 1);

	if (length <= 0)
		return false;
	sscanf(link, "/proc/%*u%n/status%n", &directory_end, &status_end);
	length = status_end ? status_end : directory_end;
	return length && (link[length] == '\0' || link[length] == ' ');
}

size_t descriptors_of(pid_t daemon)
{
	enum { KEPT = 8 };
	size_t count = 0, callers = 0;
	struct dirent *entry;
	DIR *directory;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (is_of_caller(dirfd(directory), entry->d_name))
			callers++;
		else
			count += entry->d_name[0] != '.';
	closedir(directory);
	return callers > KEPT ? count + callers - KEPT : count;
}

static void end_as_failed(void)
{
	fflush(NULL);
	_exit(1);
}

int fixture_unmount(void **state)
{
	int status = 0;

	if (daemon_pid) {
		kill(daemon_pid, SIGTERM);
		if (waitpid(daemon_pid, &status, 0) != daemon_pid)
			status = -1;
		daemon_pid = 0;
	}
	umount2(MOUNT, MNT_DETACH);
	if (status == 0)
		return 0;
	/*
	 * A sanitizer that found something, and a crash, both show here.  cmocka passes over the
	 * teardown of a group that fails.
	 */
	print_error("the daemon ended with status %#x\n", (unsigned)status);
	atexit(end_as_failed);
	return -1;
}

int put_bytes(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC); /* as > of a shell */
	ssize_t written;
	int error = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, data, size);
	if (written < 0)
		error = -errno;
	else if ((size_t)written != size)
		error = -EIO;
	close(fd);
	return error;
}

int put(const char *path, const char *text)
{
	return put_bytes(path, text, strlen(text));
}

ssize_t get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) != 0) {
		if (got < 0) {
			int error = errno;

			close(fd);
			return -error;
		}
		used += (size_t)got;
	}
	close(fd);
	text[used] = '\0';
	return (ssize_t)used;
}

long get_number(const char *path)
{
	char text[64], *end;
	ssize_t size = get(path, text, sizeof(text));
	long value;

	if (size < 0)
		fail_msg("%s: %s", path, strerror((int)-size));
	value = strtol(text, &end, 10);
	assert_true(end != text);
	return value;
}

pid_t spawn(int (*function)(void *), void *argument)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(function(argument));
	}
	return pid;
}

int reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* The word after "State:" of /proc/PID/status, 'X' for a process that has gone. */
static char state_of(pid_t pid)
{
	char path[40], line[256], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "State: %c", &state) == 1)
			break;
	if (file)
		fclose(file);
	return state;
}

/* The kernel's stack of the thread @pid has both functions in it. */
static bool is_in(pid_t pid, const char *function, const char *other)
{
	char path[40], stack[4096];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/stack", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	size = fread(stack, 1, sizeof(stack) - 1, file);
	fclose(file);
	stack[size] = '\0';
	return strstr(stack, function) && strstr(stack, other);
}

static void wait_until_in(pid_t pid, const char *function, const char *other)
{
	const struct timespec pause = {0, 500000};

	while (!is_in(pid, function, other)) {
		if (strchr("ZX", state_of(pid)))
			fail_msg("process %d has ended instead of waiting", (int)pid);
		nanosleep(&pause, NULL);
	}
}

void wait_until_asleep_in(pid_t pid, const char *function)
{
	wait_until_in(pid, function, function);
}

/* All threads of the daemon are asleep, one at least waiting for a request. */
static bool daemon_is_at_rest(void)
{
	char path[40];
	struct dirent *task;
	bool waits = false, all = true;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)fixture_daemon());
	tasks = opendir(path);
	while (tasks && all && (task = readdir(tasks))) {
		pid_t thread = (pid_t)atoi(task->d_name);

		if (thread <= 0)
			continue;
		waits = waits || is_in(thread, "fuse_dev_do_read", "fuse_dev_do_read");
		all = state_of(thread) == 'S';
	}
	if (tasks)
		closedir(tasks);
	return waits && all;
}

/*
 * In a request that the daemon has seen and not answered: it is asleep in it, and so are then the
 * threads that take requests, waiting for the next one.
 */
static void wait_until_unanswered(pid_t pid, const char *function)
{
	enum { TRIES = 10000 };

	do {
		wait_until_in(pid, function, "request_wait_answer");
		/* One that is held up by something else for long is not the one for this request.
		 */
		for (int i = 0; i < TRIES && !daemon_is_at_rest(); i++)
			sched_yield();
	} while (!is_in(pid, function, "request_wait_answer"));
}

void wait_until_parked(pid_t pid)
{
	wait_until_unanswered(pid, "fuse_direct_io");
}

void wait_until_open_parked(pid_t pid)
{
	wait_until_unanswered(pid, "fuse_send_open");
}
