/*
 * tables.c - the tables of many objects, beside ipcs and lsipc, and how they and listings grow.
 *
 * Each run is a program that is started and waited for, with its output thrown away.  POSIX
 * queues have users of their own: RLIMIT_MSGQUEUE lets none have so many.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	SEGMENTS = 4096,
	OTHERS = 30000,
	POSIX_QUEUES = 10000,
	EACH_USER = 2000,
	FIRST_USER = 710000
};

/* ---- objects, of which there may be more and fewer ---- */

static int add_segment(void)
{
	return shmget(IPC_PRIVATE, 4096, 0644);
}

static int add_set(void)
{
	return semget(IPC_PRIVATE, 1, 0644);
}

static int add_queue(void)
{
	return msgget(IPC_PRIVATE, 0644);
}

static int drop_segment(int id)
{
	return shmctl(id, IPC_RMID, NULL);
}

static int drop_set(int id)
{
	return semctl(id, 0, IPC_RMID);
}

static int drop_queue(int id)
{
	return msgctl(id, IPC_RMID, NULL);
}

static struct kind {
	const char *name;
	int full;
	int (*add)(void);
	int (*drop)(int id);
	const char *option; /* of ipcs and lsipc */
	const char *file;
	int ids[OTHERS], count;
} kinds[] = {
	{"segments", SEGMENTS, add_segment, drop_segment, "-m", "shm/status"},
	{"sets", OTHERS, add_set, drop_set, "-s", "sem/status"},
	{"queues", OTHERS, add_queue, drop_queue, "-q", "mq/status"},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static void have(struct kind *kind, int count)
{
	while (kind->count > count)
		bench_must(kind->drop(kind->ids[--kind->count]) == 0, kind->name);
	while (kind->count < count) {
		int id = kind->add();

		bench_must(id >= 0, kind->name);
		kind->ids[kind->count++] = id;
	}
}

/* ---- beside ipcs and lsipc ---- */

static double run_program(const void *argv)
{
	return bench_time_of(argv);
}

struct table {
	struct kind *kind;
	int count;
};

/* Microseconds of an object. */
static double table_each(const void *context)
{
	const struct table *table = context;
	char path[64];
	const char *argv[] = {"cat", path, NULL};

	snprintf(path, sizeof(path), TREE "/%s", table->kind->file);
	have(table->kind, table->count);
	return bench_time_of(argv) / table->count;
}

static void measure_tables(struct kind *kind)
{
	char path[64], ours[64], base[64], id[64], what[64];
	const char *const cat[] = {"cat", path, NULL};
	const char *const ipcs[] = {"ipcs", kind->option, NULL};
	const char *const lsipc[] = {"lsipc", kind->option, NULL};
	int full = bench_times(kind->full, 12);
	struct table few = {kind, full / 4}, many = {kind, full};
	struct row row = {id, what, ours, base, AT_LEAST, 2};

	snprintf(path, sizeof(path), TREE "/%s", kind->file);
	snprintf(ours, sizeof(ours), "cat %s", kind->file);
	for (int part = 4; part >= 1; part /= 2) {
		int count = full / part;

		have(kind, count);
		snprintf(id, sizeof(id), "table/%s-%d", kind->name, kind->full / part);
		snprintf(what, sizeof(what), "table of %d %s", count, kind->name);
		snprintf(base, sizeof(base), "ipcs %s", kind->option);
		bench_pair(&row, (struct side){run_program, cat}, (struct side){run_program, ipcs});
	}
	snprintf(id, sizeof(id), "table/%s-lsipc", kind->name);
	snprintf(base, sizeof(base), "lsipc %s", kind->option);
	row.goal = 0;
	bench_pair(&row, (struct side){run_program, cat}, (struct side){run_program, lsipc});
	snprintf(id, sizeof(id), "table/%s-linear", kind->name);
	snprintf(what, sizeof(what), "a row of %d", full);
	snprintf(base, sizeof(base), "a row of %d", full / 4);
	row.sense = AT_MOST;
	row.goal = 1.15;
	bench_pair(&row, (struct side){table_each, &many}, (struct side){table_each, &few});
	have(kind, 0);
}

/* ---- POSIX queues, as they become more ---- */

static int posix_queues;

/* Queues of the smallest size, whose numbers are @from to @to - 1. */
static void add_posix(int from, int to)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	pid_t pid = fork();
	int status;

	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		bench_must(setuid((uid_t)(FIRST_USER + from)) == 0, "setuid");
		for (int i = from; i < to; i++) {
			char name[32];
			mqd_t queue;

			snprintf(name, sizeof(name), "/queue-%d", i);
			queue = mq_open(name, O_CREAT | O_EXCL | O_RDONLY, 0644, &attr);
			bench_must(queue >= 0, "mq_open");
			mq_close(queue);
		}
		_exit(0);
	}
	bench_must(waitpid(pid, &status, 0) == pid && status == 0, "a user's queues");
}

static void have_posix(int count)
{
	char name[32];

	while (posix_queues > count) {
		snprintf(name, sizeof(name), "/queue-%d", --posix_queues);
		bench_must(mq_unlink(name) == 0, "mq_unlink");
	}
	while (posix_queues < count) {
		int to = posix_queues + EACH_USER < count ? posix_queues + EACH_USER : count;

		add_posix(posix_queues, to);
		posix_queues = to;
	}
}

struct listing {
	const char *const *argv;
	int count;
};

/* Microseconds of a queue. */
static double list_each(const void *context)
{
	const struct listing *listing = context;

	have_posix(listing->count);
	return bench_time_of(listing->argv) / listing->count;
}

static void measure_listings(void)
{
	static const char *const names[] = {"ls", "-U", TREE "/mq", NULL};
	static const char *const stats[] = {"ls", "-lU", TREE "/mq", NULL};
	static const char *const table[] = {"cat", TREE "/mq/status", NULL};
	static const struct {
		const char *id, *ours;
		const char *const *argv;
	} rows[] = {
		{"table/posix-ls-linear", "ls mq", names},
		{"table/posix-ls-l-linear", "ls -l mq", stats},
		{"table/posix-status-linear", "cat mq/status", table},
	};
	int full = bench_times(POSIX_QUEUES, 12);
	char what[64], base[64];

	snprintf(what, sizeof(what), "a POSIX queue of %d", full);
	snprintf(base, sizeof(base), "one of %d", full / 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct row row = {rows[i].id, what, rows[i].ours, base, AT_MOST, 1.15};
		struct listing few = {rows[i].argv, full / 4}, many = {rows[i].argv, full};

		bench_pair(&row, (struct side){list_each, &many}, (struct side){list_each, &few});
	}
	have_posix(0);
}

void bench_tables(void)
{
	pid_t ipcfs;

	/* This namespace's own. */
	bench_set("/proc/sys/kernel/shmmni", "32768");
	bench_set("/proc/sys/kernel/msgmni", "32768");
	bench_set("/proc/sys/kernel/sem", "32000 1024000000 500 32768");
	bench_set("/proc/sys/fs/mqueue/queues_max", "20000");
	bench_use_one_processor();
	ipcfs = bench_mount_tree();
	for (int i = 0; i < KINDS; i++)
		measure_tables(&kinds[i]);
	measure_listings();
	bench_unmount(ipcfs, TREE);
}
