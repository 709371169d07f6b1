/*
 * main.c - measures what ipcfs costs, beside what does the same without it.
 *
 * usage: bench [-q | -s] [-r RUNS] [ROW...]    (as root)
 *
 * Each group of rows runs in a process that is the first of its own PID namespace, with IPC,
 * mount and network namespaces of its own: however it ends, nothing of it stays.  A ROW is a group,
 * a row's id, or a pattern of ids; -q measures less, -s as little as can be (a trial of the program
 * and not of the machine).  IPCFS names another daemon than the one that was built with this.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/sched.h>
#include <net/if.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

enum { LIMIT = 1200, TRIAL_LIMIT = 100 }; /* seconds for a group */

struct run bench_run = {
	.runs = 12, .seconds = 1, .divisor = 1, .rest = 300000, .null = -1, .ipcfs = -1};

static const struct group {
	const char *name;
	void (*function)(void);
} groups[] = {
	{"request", bench_requests}, {"shell", bench_shell},   {"handover", bench_handover},
	{"stream", bench_streams},   {"memory", bench_memory}, {"pipe", bench_pipe},
	{"socket", bench_sockets},   {"table", bench_tables},  {"process", bench_processes},
	{"parked", bench_parked},    {"rest", bench_rest},     {"calls", bench_calls},
};

static bool wants_group(const char *name)
{
	if (!bench_run.patterns[0])
		return true;
	for (int i = 0; bench_run.patterns[i]; i++) {
		char first[64];

		snprintf(first, sizeof(first), "%.*s", (int)strcspn(bench_run.patterns[i], "/"),
			 bench_run.patterns[i]);
		if (fnmatch(first, name, 0) == 0)
			return true;
	}
	return false;
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bench_must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
	close(fd);
}

/* Something waits for what does not come. */
static void too_long(int signal)
{
	static const char message[] = "bench: this takes too long\n";

	(void)!write(STDERR_FILENO, message, sizeof(message) - 1);
	_exit(1);
}

/* What is mounted over /mnt may cover our programs: they are open already. */
static void isolate(void)
{
	bench_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			   mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0 &&
			   mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") == 0 &&
			   mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0 &&
			   mount("proc", "/proc", "proc", 0, NULL) == 0,
		   "mount");
	loopback_up();
}

/* 0, or 1 with a message that the group has printed. */
static int run_group(const struct group *group)
{
	struct clone_args apart = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET,
		.exit_signal = SIGCHLD,
	};
	int status = 1;
	pid_t pid;

	fflush(NULL);
	pid = (pid_t)syscall(SYS_clone3, &apart, sizeof(apart));
	bench_must(pid >= 0, "new namespaces");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGALRM, too_long);
		alarm((unsigned)bench_times(LIMIT, TRIAL_LIMIT));
		isolate();
		group->function();
		fflush(NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		bench_must(errno == EINTR, "waitpid");
	if (status == 0)
		return 0;
	fprintf(stderr, "bench: the group %s ended with %#x\n", group->name, status);
	return 1;
}

static int open_program(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	bench_must(fd >= 0, path);
	return fd;
}

/* Beside this program, and where the build puts the daemon. */
static void open_programs(void)
{
	char self[PATH_MAX - 64], path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *ipcfs = getenv("IPCFS");

	bench_must(size > 0, "/proc/self/exe");
	self[size] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/bench-null", self);
	bench_run.null = open_program(path);
	snprintf(path, sizeof(path), "%s/../../fs/ipcfs", self);
	bench_run.ipcfs = open_program(ipcfs && *ipcfs ? ipcfs : path);
	snprintf(path, sizeof(path), "%s/bench-semop", self);
	bench_run.semop = open(path, O_RDONLY | O_CLOEXEC);
}

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [-q | -s] [-r RUNS] [ROW...]\n", name);
	return 2;
}

int main(int argc, char *argv[])
{
	int option, failed = 0, found = 0;

	while ((option = getopt(argc, argv, "qsr:")) != -1) {
		switch (option) {
		case 'q':
			bench_run.runs = 4;
			bench_run.seconds = .1;
			bench_run.divisor = 8;
			break;
		case 's':
			bench_run.runs = 1;
			bench_run.seconds = 0;
			bench_run.divisor = 1000;
			bench_run.rest = 0;
			break;
		case 'r':
			bench_run.runs = atoi(optarg);
			break;
		default:
			return usage(argv[0]);
		}
	}
	if (bench_run.runs < 1 || bench_run.runs > RUNS_MOST)
		return usage(argv[0]);
	bench_run.patterns = argv + optind;
	open_programs();
	bench_introduce();
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!wants_group(groups[i].name))
			continue;
		found++;
		failed |= run_group(&groups[i]);
	}
	if (!found)
		fprintf(stderr, "%s: there are no such rows\n", argv[0]);
	return failed || !found;
}
