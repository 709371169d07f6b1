/*
 * sock_status - how long sockets/status takes on a machine of a thousand sockets, as a ratio to ss.
 *
 * usage: sock_status IPCFS    (the program; as root)
 *
 * Both run as programs, cat and ss, in turn, what they print thrown away.  The machine is a PID
 * and a network namespace.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"

enum { PROCESSES = 20, TIMES = 10, EACH_TIME = 5 };

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

static struct sockaddr_in any_port(void)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* EACH_TIME of them: a listener, the two ends of a connection, a UDP and a unix socket. */
static void make_sockets(void)
{
	struct sockaddr_in address = any_port();
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_in bound = any_port();
	sa_family_t automatic = AF_UNIX;

	must(listener >= 0 && client >= 0 && udp >= 0 && local >= 0, "socket");
	must(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0 &&
		     getsockname(listener, (struct sockaddr *)&address, &size) == 0,
	     "listen");
	must(connect(client, (struct sockaddr *)&address, size) == 0, "connect");
	must(accept(listener, NULL, NULL) >= 0, "accept");
	must(bind(udp, (struct sockaddr *)&bound, sizeof(bound)) == 0, "bind");
	/* The kernel finds a name. */
	must(bind(local, (struct sockaddr *)&automatic, sizeof(automatic)) == 0, "bind");
}

static void start_process(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	must(pipe2(ready, O_CLOEXEC) == 0, "pipe2");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < TIMES; i++)
			make_sockets();
		must(write(ready[1], "r", 1) == 1, "write");
		for (;;)
			pause();
	}
	close(ready[1]);
	must(read(ready[0], &byte, 1) == 1, "a process with sockets");
	close(ready[0]);
}

static double time_of(const char *const argv[])
{
	double start = bench_now();
	pid_t pid = fork();
	int status;

	must(pid >= 0, "fork");
	if (pid == 0) {
		int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0, argv[0]);
	return bench_now() - start;
}

static const struct {
	const char *name;
	const char *argv[4];
} programs[] = {
	{"cat sockets/status", {"cat", TREE "/sockets/status", NULL}},
	{"ss -anp", {"ss", "-anp", NULL}},
	{"ss -ap", {"ss", "-ap", NULL}},
	{"cat sockets/status.json", {"cat", TREE "/sockets/status.json", NULL}},
};
enum { PROGRAMS = sizeof(programs) / sizeof(*programs) };

static void compare(void)
{
	double times[PROGRAMS][RUNS], ratios[PROGRAMS][RUNS];

	for (int run = -1; run < RUNS; run++) {
		double now[PROGRAMS];

		for (int i = 0; i < PROGRAMS; i++) {
			int which = (i + run + 1) % PROGRAMS;

			now[which] = time_of(programs[which].argv);
		}
		for (int i = 0; i < PROGRAMS && run >= 0; i++) {
			times[i][run] = now[i];
			ratios[i][run] = now[i] / now[0];
		}
	}
	printf("%-24s %10s %20s  %s\n", "", "ms", "as long as the first", "lowest - highest");
	for (int i = 0; i < PROGRAMS; i++) {
		bench_median(ratios[i]);
		printf("%-24s %10.1f %20.2f  %.2f - %.2f\n", programs[i].name,
		       bench_median(times[i]) / 1e3, ratios[i][RUNS / 2], ratios[i][0],
		       ratios[i][RUNS - 1]);
	}
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
	close(fd);
}

int main(int argc, char *argv[])
{
	const char *const ipcfs_argv[] = {"ipcfs", "-f", TREE, NULL};
	int ipcfs, status = 1;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: %s IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover it. */
	ipcfs = open(argv[1], O_PATH | O_CLOEXEC);
	must(ipcfs >= 0, argv[1]);
	bench_isolate();
	must(unshare(CLONE_NEWNET | CLONE_NEWPID) == 0, "unshare");
	loopback_up();
	pid = fork();
	must(pid >= 0, "fork");
	if (pid > 0) {
		waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	/* What it has started ends with it, the first process of its namespace. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(mount("proc", "/proc", "proc", 0, NULL) == 0, "/proc");
	bench_introduce(0);
	for (int i = 0; i < PROCESSES; i++)
		start_process();
	printf("%d sockets of %d processes\n", PROCESSES * TIMES * EACH_TIME, PROCESSES);
	pid = bench_start(ipcfs, ipcfs_argv, TREE);
	compare();
	bench_stop(pid, TREE);
	return 0;
}
