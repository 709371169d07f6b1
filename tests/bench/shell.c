/*
 * shell.c - what a loop of bash does through the tree, beside the null file system and beside the
 * programs that do it without the tree.
 *
 * bash takes the time itself, around the loop: its own start does not count.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "run.h"

enum { SEM_KEY = 0x4d2, ECHOES = 1000, PROGRAMS = 60, INTERPRETERS = 15 };

#define HELPER "/run/semop"

/* A loop: what bash does @count times, after what makes it ready. */
struct loop {
	const char *body;
	int full, least; /* as of bench_times */
	void (*before)(int count);
	void (*after)(void);
};

static int set;
static sem_t *semaphore;

/* Microseconds of a turn. */
static double run_loop(const void *context)
{
	const struct loop *loop = context;
	int count = bench_times(loop->full, loop->least);
	const char *argv[] = {"bash", "--norc", "--noprofile", "-c", NULL, NULL};
	char script[1024], times[128];
	long long from, from_us, to, to_us;

	snprintf(script, sizeof(script),
		 "set -e\nfrom=$EPOCHREALTIME\n"
		 "for ((i = 1; i <= %d; i++)); do %s; done\n"
		 "echo $from $EPOCHREALTIME",
		 count, loop->body);
	argv[4] = script;
	if (loop->before)
		loop->before(count);
	bench_output_of(argv, times, sizeof(times));
	if (loop->after)
		loop->after();
	bench_must(sscanf(times, "%lld.%lld %lld.%lld", &from, &from_us, &to, &to_us) == 4, times);
	return ((double)(to - from) * 1e6 + (double)(to_us - from_us)) / count;
}

/* ---- what is beside the clock ---- */

static void raise_sysv(int count)
{
	bench_must(semctl(set, 0, SETVAL, count) == 0, "semctl");
}

static void raise_posix(int count)
{
	while (sem_trywait(semaphore) == 0)
		;
	while (count--)
		sem_post(semaphore);
}

static void must_be_taken(void)
{
	bench_must(semctl(set, 0, GETVAL) == 0, "the semaphore");
}

/* All queues: of this namespace. */
static void remove_queues(void)
{
	struct msqid_ds queue;
	int last = msgctl(0, MSG_INFO, &queue);

	for (int i = 0; i <= last; i++) {
		int id = msgctl(i, MSG_STAT, &queue);

		if (id >= 0)
			bench_must(msgctl(id, IPC_RMID, NULL) == 0, "IPC_RMID");
	}
}

/* With the keys 0x1 to 0x@count, as a shell that puts 0x before a number has them. */
static void make_queues(int count)
{
	for (int i = 1; i <= count; i++) {
		char key[16];

		snprintf(key, sizeof(key), "0x%d", i);
		bench_must(msgget((key_t)strtol(key, NULL, 16), IPC_CREAT | IPC_EXCL | 0600) >= 0,
			   "msgget");
	}
}

/* ---- */

static const struct {
	struct row row;
	struct loop ours, base;
} rows[] = {
	{{"shell/echo-sysv", "echo P, in bash", "sem/KEY/op", "null file system, same depth",
	  AT_MOST, 1.3},
	 {"echo P >" TREE "/sem/0x4d2/op", ECHOES, 5, raise_sysv, must_be_taken},
	 {"echo P >" NULL_FILE, ECHOES, 5}},
	{{"shell/echo-posix", "echo P, in bash", "sem/NAME/op", "null file system, same depth",
	  AT_MOST, 1.3},
	 {"echo P >" TREE "/sem/posix/op", ECHOES, 5, raise_posix},
	 {"echo P >" NULL_FILE, ECHOES, 5}},
	{{"shell/echo-wait", "echo P, in bash", "sem/KEY/wait/op", "null file system, same depth",
	  AT_MOST, 0},
	 {"echo P >" TREE "/sem/0x4d2/wait/op", ECHOES, 5, raise_sysv, must_be_taken},
	 {"echo P >" NULL_TREE "/kind/object/wait/file", ECHOES, 5}},
	{{"shell/echo-helper", "echo P, in bash", "sem/KEY/op", "forked static program, semop",
	  AT_LEAST, 15},
	 {"echo P >" TREE "/sem/0x4d2/op", ECHOES, 5, raise_sysv, must_be_taken},
	 {HELPER " $id -1", PROGRAMS * 5, 2, raise_sysv, must_be_taken}},
	{{"shell/null-helper", "echo P, in bash", "null file system, same depth",
	  "forked static program, semop", AT_LEAST, 0},
	 {"echo P >" NULL_FILE, ECHOES, 5},
	 {HELPER " $id -1", PROGRAMS * 5, 2, raise_sysv, must_be_taken}},
	{{"shell/echo-perl", "echo P, in bash", "sem/KEY/op", "perl -MIPC::SysV, semop", AT_LEAST,
	  0},
	 {"echo P >" TREE "/sem/0x4d2/op", ECHOES, 5, raise_sysv, must_be_taken},
	 {"perl -MIPC::SysV -e 'exit !semop($ARGV[0], pack(\"s3\", 0, -1, 0))' $id", INTERPRETERS,
	  2, raise_sysv, must_be_taken}},
	{{"shell/mkdir", "make a queue", "mkdir mq/KEY", "ipcmk -Q", AT_LEAST, 0},
	 {"mkdir " TREE "/mq/0x$i", PROGRAMS, 2, NULL, remove_queues},
	 {"ipcmk -Q >/dev/null", PROGRAMS, 2, NULL, remove_queues}},
	{{"shell/rmdir", "remove a queue", "rmdir mq/KEY", "ipcrm -Q KEY", AT_LEAST, 0},
	 {"rmdir " TREE "/mq/0x$i", PROGRAMS, 2, make_queues, remove_queues},
	 {"ipcrm -Q 0x$i", PROGRAMS, 2, make_queues, remove_queues}},
};

/* To where no mount of ours covers it. */
static void copy_helper(void)
{
	int out = open(HELPER, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	off_t offset = 0;
	ssize_t sent;

	bench_must(out >= 0, HELPER);
	do
		sent = sendfile(out, bench_run.semop, &offset, 1 << 20);
	while (sent > 0);
	bench_must(sent == 0, HELPER);
	close(out);
}

/* Why a row cannot be had, NULL: it can. */
static const char *missing(const struct loop *base)
{
	if (strstr(base->body, HELPER) && bench_run.semop < 0)
		return "no static program can be linked here";
	if (strstr(base->body, "perl") && system("perl -MIPC::SysV -e 1 >/dev/null 2>&1") != 0)
		return "Perl has no IPC::SysV here";
	return NULL;
}

static void measure(void)
{
	pid_t null = bench_mount_null(), ipcfs = bench_mount_tree();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *why = missing(&rows[i].base);

		if (why)
			bench_skip(rows[i].row.id, why);
		else
			bench_pair(&rows[i].row, (struct side){run_loop, &rows[i].ours},
				   (struct side){run_loop, &rows[i].base});
	}
	bench_unmount(ipcfs, TREE);
	bench_unmount(null, NULL_TREE);
}

void bench_shell(void)
{
	char id[16];

	set = semget(SEM_KEY, 1, IPC_CREAT | 0600);
	semaphore = sem_open("/posix", O_CREAT, 0600, 0);
	bench_must(set >= 0 && semaphore != SEM_FAILED, "making the objects");
	snprintf(id, sizeof(id), "%d", set);
	setenv("id", id, 1);
	if (bench_run.semop >= 0)
		copy_helper();
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
