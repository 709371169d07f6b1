/*
 * pipes - how long pipes/status takes on a machine with many processes, beside lsof -w.
 *
 * usage: pipes [PROCESSES]    (2000; as root)
 *
 * The processes are those of a pid namespace of its own; each has ten descriptors: four ends of
 * pipes, three files, a directory, a socket and an eventfd.  It prints medians of processor time,
 * as root and as a user who may look into half of them, and the ratio to lsof where that is
 * installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"

enum { RUNS = 9, PROCESSES = 2000, USER = 65534 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Milliseconds of processor time, its own and that of programs it has run: others do not count. */
static double now(void)
{
	const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
	double sum = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage used;

		getrusage(whose[i], &used);
		sum += (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
	}
	return sum;
}

/* A process that holds what it is given and the rest of its ten, and says so. */
static void hold(int in, int out, int ready, bool as_user)
{
	int own[2];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (in != 0 && dup2(in, 0) < 0)
		_exit(1);
	if (out != 1 && dup2(out, 1) < 0)
		_exit(1);
	dup2(ready, 2);
	close_range(3, ~0U, 0);
	if (pipe(own) < 0 || open("/dev/null", O_RDONLY) < 0 || open("/dev/zero", O_RDONLY) < 0 ||
	    open("/proc/version", O_RDONLY) < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0 ||
	    socket(AF_UNIX, SOCK_STREAM, 0) < 0 || eventfd(0, 0) < 0)
		_exit(1);
	if (as_user &&
	    (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER)))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	if (write(2, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

/* One long pipeline of them. */
static void fill_machine(int count)
{
	int ready[2], in = open("/dev/null", O_RDONLY), next[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ready) < 0)
		die("socketpair");
	for (int i = 0; i < count; i++) {
		pid_t pid;

		if (pipe(next) < 0)
			die("pipe");
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid == 0)
			hold(in, next[1], ready[1], i % 2);
		close(in);
		close(next[1]);
		in = next[0];
		if (read(ready[0], &byte, 1) != 1)
			die("a process");
	}
	close(in);
	close(ready[0]);
	close(ready[1]);
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

static double median(void (*run)(const void *), const void *context)
{
	double times[RUNS];

	for (int i = 0; i < RUNS; i++) {
		double start = now();

		run(context);
		times[i] = now() - start;
	}
	qsort(times, RUNS, sizeof(*times), compare);
	return times[RUNS / 2];
}

static int as_root(int (*step)(void *context), void *context)
{
	uid_t uid = geteuid();
	int result;

	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		abort();
	result = step(context);
	if (syscall(SYS_setresuid, -1, uid, -1) < 0)
		abort();
	return result;
}

static void show(const void *file)
{
	struct call call = {.uid = geteuid(), .as_daemon = as_root};
	const struct place place = {.dir = pipe_kind.dir};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const struct row *row = pipe_kind.dir->rows;

	while (strcmp(row->name, file) != 0)
		row++;
	if (row->show(&call, &place, out) < 0)
		die(call.reason);
	fclose(out);
	free(text);
}

static void lsof(const void *unused)
{
	if (system("lsof -w >/dev/null") < 0)
		die("lsof");
}

static void look_up(const void *name)
{
	struct call call = {.uid = 0, .as_daemon = as_root};
	const struct row *row = pipe_kind.dir->rows;
	struct place place = {.dir = NULL}, found;

	while (strcmp(row->name, "anon") != 0)
		row++;
	row->dir->find(&call, &place, name, &found);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : PROCESSES;
	double as_superuser, as_user, other;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		die("namespaces");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return waitpid(pid, &(int){0}, 0) < 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
		die("mount");
	if (pipe_kind.setup(&(struct settings){.run_dir = NULL}) < 0)
		die("setup");
	fill_machine(count);
	as_superuser = median(show, "status");
	printf("%d processes, %d descriptors; processor time, medians of %d\n", count, 10 * count,
	       RUNS);
	printf("status, as root            %9.2f ms\n", as_superuser);
	printf("status.json, as root       %9.2f ms\n", median(show, "status.json"));
	printf("holders, as root           %9.2f ms\n", median(show, "holders"));
	if (syscall(SYS_setresuid, -1, USER, -1) < 0)
		die("setresuid");
	as_user = median(show, "status");
	if (syscall(SYS_setresuid, -1, 0, -1) < 0)
		die("setresuid");
	printf("status, as a user          %9.2f ms\n", as_user);
	printf("a number that is not there %9.2f ms\n", median(look_up, "1"));
	if (system("command -v lsof >/dev/null") == 0) {
		other = median(lsof, NULL);
		printf("lsof -w                    %9.2f ms, %.1f times as long\n", other,
		       other / as_superuser);
	}
	return 0;
}
