/*
 * processes.c - tables for which all processes are looked at: sockets beside ss, pipes beside lsof.
 *
 * The machine is this PID and network namespace.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { PROCESSES = 500, SOCKET_PROCESSES = 20, TIMES = 10, EACH_TIME = 5 };

/* EACH_TIME of them: a listener, the two ends of a connection, a UDP and a unix socket. */
static void make_sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			   bound = address;
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);
	sa_family_t automatic = AF_UNIX;

	bench_must(listener >= 0 && client >= 0 && udp >= 0 && local >= 0, "socket");
	bench_must(bind(listener, (struct sockaddr *)&address, size) == 0 &&
			   listen(listener, 1) == 0 &&
			   getsockname(listener, (struct sockaddr *)&address, &size) == 0,
		   "listen");
	bench_must(connect(client, (struct sockaddr *)&address, size) == 0, "connect");
	bench_must(accept(listener, NULL, NULL) >= 0, "accept");
	bench_must(bind(udp, (struct sockaddr *)&bound, sizeof(bound)) == 0, "bind");
	/* The kernel finds a name. */
	bench_must(bind(local, (struct sockaddr *)&automatic, sizeof(automatic)) == 0, "bind");
}

static void have_sockets(void)
{
	for (int i = 0; i < TIMES; i++)
		make_sockets();
}

/* Ten: four ends of pipes, three files, a directory, a socket and an eventfd. */
static void have_pipes(void)
{
	int ends[2];

	for (int i = 0; i < 2; i++)
		bench_must(pipe(ends) == 0, "pipe");
	bench_must(open("/dev/null", O_RDONLY) >= 0 && open("/dev/zero", O_RDONLY) >= 0 &&
			   open("/proc/version", O_RDONLY) >= 0 &&
			   open("/", O_RDONLY | O_DIRECTORY) >= 0 &&
			   socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && eventfd(0, 0) >= 0,
		   "ten descriptors");
}

static pid_t start_process(void (*fill)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	bench_must(pipe2(ready, O_CLOEXEC) == 0, "pipe2");
	pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fill();
		bench_must(write(ready[1], "r", 1) == 1, "write");
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	bench_must(read(ready[0], &byte, 1) == 1, "a process");
	close(ready[0]);
	return pid;
}

static double run_program(const void *argv)
{
	return bench_time_of(argv);
}

struct scene {
	struct row row;
	const char *program;
	const char *ours[3], *base[4];
};

static void measure(const struct scene *scenes, size_t count, int processes, void (*fill)(void))
{
	pid_t pids[PROCESSES], ipcfs;

	for (int i = 0; i < processes; i++)
		pids[i] = start_process(fill);
	ipcfs = bench_mount_tree();
	for (size_t i = 0; i < count; i++) {
		if (bench_has(scenes[i].program))
			bench_pair(&scenes[i].row, (struct side){run_program, scenes[i].ours},
				   (struct side){run_program, scenes[i].base});
		else
			bench_skip(scenes[i].row.id, "its program is not installed");
	}
	bench_unmount(ipcfs, TREE);
	for (int i = 0; i < processes; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < processes; i++)
		waitpid(pids[i], NULL, 0);
}

void bench_processes(void)
{
	static const struct scene sockets[] = {
		{{"process/sockets", "table of all sockets", "cat sockets/status", "ss -anp",
		  AT_LEAST, 0},
		 "ss",
		 {"cat", TREE "/sockets/status"},
		 {"ss", "-anp"}},
	};
	static const struct scene pipes[] = {
		{{"process/pipes", "table of all pipes", "cat pipes/status", "lsof -w", AT_LEAST,
		  0},
		 "lsof",
		 {"cat", TREE "/pipes/status"},
		 {"lsof", "-w"}},
	};

	bench_use_one_processor();
	measure(sockets, sizeof(sockets) / sizeof(*sockets), bench_times(SOCKET_PROCESSES, 2),
		have_sockets);
	measure(pipes, sizeof(pipes) / sizeof(*pipes), bench_times(PROCESSES, 4), have_pipes);
}
