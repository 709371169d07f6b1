/*
 * parked.c - what an operation takes while clients wait for something else.
 *
 * There are two mounts: clients are parked in the one, nobody is in the other, and the same
 * operation is done in both in turn.  A client is a thread, its file its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

enum { SEM_KEY = 0x4d2, MOST = 10000, EACH_PROCESS = 1000, MESSAGES = 300, PARK_LIMIT = 60 };

#define QUIET "/mnt/quiet"

static int set;

/* ---- the clients ---- */

struct way {
	const char *name, *what;
	const char *path; /* of what they wait at */
	bool writes;      /* a P; else they read */
	int (*parked)(void);
};

/* As limits.users tells of root. */
static int parked_in_daemon(void)
{
	FILE *file = fopen(TREE "/limits.users", "re");
	char line[256], user[64], limit[64];
	int used, found = 0;

	bench_must(file != NULL, "limits.users");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %63s %d", user, limit, &used) == 3 &&
		    strcmp(user, "root") == 0 && strcmp(limit, "waiting_max") == 0)
			found = used;
	fclose(file);
	return found;
}

/* As the kernel tells. */
static int parked_in_kernel(void)
{
	return semctl(set, 0, GETNCNT);
}

static const struct way ways[] = {
	{"queue", "message to oneself, beside %d blocked readers", TREE "/mq/empty/each", false,
	 parked_in_daemon},
	{"thread", "message to oneself, beside %d blocked P", TREE "/sem/0x4d2/op", true,
	 parked_in_kernel},
};

struct client {
	int fd;
	bool writes;
};

static void *wait_for_ever(void *argument)
{
	struct client *client = argument;
	char byte = 'P';

	/* It ends with its process. */
	if ((client->writes ? write(client->fd, &byte, 1) : read(client->fd, &byte, 1)) < 0)
		perror("bench: a client");
	else
		fprintf(stderr, "bench: a client did not wait\n");
	_exit(1);
}

static void start_threads(const struct way *way, int count)
{
	struct client *clients = calloc((size_t)count, sizeof(*clients));
	pthread_attr_t little;
	pthread_t thread;

	bench_must(clients != NULL && pthread_attr_init(&little) == 0 &&
			   pthread_attr_setstacksize(&little, 64 << 10) == 0,
		   "memory");
	for (int i = 0; i < count; i++) {
		clients[i] = (struct client){
			.fd = open(way->path, (way->writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC),
			.writes = way->writes,
		};
		bench_must(clients[i].fd >= 0, way->path);
		errno = pthread_create(&thread, &little, wait_for_ever, &clients[i]);
		bench_must(errno == 0, "pthread_create");
	}
}

/* Its processes are put into @pids. */
static int start_clients(const struct way *way, int count, pid_t *pids)
{
	int processes = 0;

	for (int left = count; left > 0; left -= EACH_PROCESS) {
		pid_t pid = fork();

		bench_must(pid >= 0, "fork");
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			start_threads(way, left < EACH_PROCESS ? left : EACH_PROCESS);
			for (;;)
				pause();
		}
		pids[processes++] = pid;
	}
	return processes;
}

/* 0, or -1: some have ended, for what they want cannot be had, or do not come to wait. */
static int await_parked(const struct way *way, int count, const pid_t *pids, int processes)
{
	double limit = bench_now() + PARK_LIMIT * 1e6;

	while (way->parked() != count) {
		for (int i = 0; i < processes; i++)
			if (waitpid(pids[i], NULL, WNOHANG | __WALL) == pids[i])
				return -1;
		if (bench_now() > limit)
			return -1;
		usleep(10000);
	}
	return 0;
}

/* ---- the operation ---- */

static void use_once(const char *path, int flags)
{
	char byte = 'x';
	int fd = open(path, flags | O_CLOEXEC);

	bench_must(fd >= 0 && (flags == O_WRONLY ? write(fd, &byte, 1) : read(fd, &byte, 1)) == 1,
		   path);
	close(fd);
}

/* Microseconds to send a message as echo does and to take it as cat does. */
static double send_and_take(const void *path)
{
	int count = bench_times(MESSAGES, 2);
	double begin = bench_now();

	for (int i = 0; i < count; i++) {
		use_once(path, O_WRONLY);
		use_once(path, O_RDONLY);
	}
	return (bench_now() - begin) / count;
}

static void measure(const struct way *way, int count)
{
	pid_t pids[MOST / EACH_PROCESS];
	char id[64], what[64], ours[64];
	struct row row = {id, what, ours, "nobody waits", AT_MOST, 1.3};
	int processes;

	snprintf(id, sizeof(id), "parked/%s-%d", way->name, count);
	snprintf(what, sizeof(what), way->what, count);
	snprintf(ours, sizeof(ours), "%d wait", count);
	if (!bench_wants(id))
		return;
	processes = start_clients(way, count, pids);
	if (await_parked(way, count, pids, processes) < 0)
		bench_skip(id, "so many cannot wait here");
	else
		bench_pair(&row, (struct side){send_and_take, TREE "/mq/other/data"},
			   (struct side){send_and_take, QUIET "/mq/other/data"});
	for (int i = 0; i < processes; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < processes; i++)
		waitpid(pids[i], NULL, 0);
	/* Their waits end in their turn. */
	while (way->parked() != 0)
		usleep(10000);
}

static void open_many(void)
{
	struct rlimit files;

	bench_must(getrlimit(RLIMIT_NOFILE, &files) == 0, "getrlimit");
	files.rlim_cur = files.rlim_max;
	bench_must(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
}

void bench_parked(void)
{
	pid_t ipcfs, quiet;

	open_many();
	bench_make_queue("/empty", 4, 64);
	bench_make_queue("/other", 4, 64);
	set = semget(SEM_KEY, 1, IPC_CREAT | 0600);
	bench_must(set >= 0, "semget");
	bench_use_one_processor();
	ipcfs = bench_mount_tree();
	quiet = bench_mount_tree_at(QUIET);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		/* In a trial only the first of these. */
		for (int count = 1; count <= MOST / (bench_run.divisor > 100 ? 1000 : 1);
		     count *= 10)
			measure(&ways[i], count);
	bench_unmount(quiet, QUIET);
	bench_unmount(ipcfs, TREE);
}
