/*
 * request.c - one read or write of an open file, beside the same on the null file system.
 *
 * And beside the bare system call, which has no request.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#include "bench.h"

enum { SEM_KEY = 0x4d2, QUEUE_KEY = 0x4d3, SIZE = 64, FULL = 1000 };

static char message[SIZE];
static int queue, set;
static mqd_t posix_queue;
static sem_t *semaphore;
static int count; /* of operations in a run; as many messages fit the queues */

/* ---- the objects, put right beside the clock ---- */

static void fill_posix(void)
{
	for (int i = 0; i < count; i++)
		bench_must(mq_send(posix_queue, message, SIZE, 0) == 0, "mq_send");
}

static void drain_posix(void)
{
	char got[SIZE];

	while (mq_receive(posix_queue, got, SIZE, NULL) >= 0)
		;
	bench_must(errno == EAGAIN, "mq_receive");
}

static void fill_sysv(void)
{
	struct {
		long type;
		char text[SIZE];
	} whole = {.type = 1};

	for (int i = 0; i < count; i++)
		bench_must(msgsnd(queue, &whole, SIZE, IPC_NOWAIT) == 0, "msgsnd");
}

static void drain_sysv(void)
{
	struct {
		long type;
		char text[SIZE];
	} whole;

	while (msgrcv(queue, &whole, SIZE, 0, IPC_NOWAIT) >= 0)
		;
	bench_must(errno == ENOMSG, "msgrcv");
}

static void raise_sysv(void)
{
	bench_must(semctl(set, 0, SETVAL, count) == 0, "semctl");
}

static void lower_sysv(void)
{
	bench_must(semctl(set, 0, SETVAL, 0) == 0, "semctl");
}

static void raise_posix(void)
{
	for (int i = 0; i < count; i++)
		sem_post(semaphore);
}

static void lower_posix(void)
{
	while (sem_trywait(semaphore) == 0)
		;
}

static void leave(void)
{
}

/* ---- the operations ---- */

/* A file that is read, or that a text is written to: as many operations as in a run. */
struct request {
	const char *path, *text;
	void (*before)(void), (*after)(void);
};

static double use_file(const void *context)
{
	const struct request *request = context;
	int fd = open(request->path, (request->text ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	size_t size = request->text ? strlen(request->text) : SIZE;
	char got[SIZE];
	double start;

	bench_must(fd >= 0, request->path);
	request->before();
	start = bench_now();
	for (int i = 0; i < count; i++) {
		ssize_t done =
			request->text ? write(fd, request->text, size) : read(fd, got, sizeof(got));

		bench_must(done == (ssize_t)size, request->path);
	}
	start = bench_now() - start;
	request->after();
	close(fd);
	return start / count;
}

struct bare {
	void (*function)(void), (*after)(void);
};

static double call_bare(const void *context)
{
	const struct bare *bare = context;
	double start = bench_now();

	bare->function();
	start = bench_now() - start;
	bare->after();
	return start / count;
}

static void give_sysv(void)
{
	struct sembuf up = {0, 1, 0};

	for (int i = 0; i < count; i++)
		bench_must(semop(set, &up, 1) == 0, "semop");
}

#define ONE_MESSAGE "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
	struct row row;
	struct request ours;
	const char *null; /* what is written to the null file system, NULL: it is read */
} rows[] = {
	{{"request/write-posix", "write a message of 64 bytes", "mq/NAME/data, open",
	  "null file system", AT_MOST, 1.15},
	 {TREE "/mq/posix/data", ONE_MESSAGE, leave, drain_posix},
	 ONE_MESSAGE},
	{{"request/write-sysv", "write a message of 64 bytes", "mq/KEY/data, open",
	  "null file system", AT_MOST, 1.15},
	 {TREE "/mq/0x4d3/data", ONE_MESSAGE, leave, drain_sysv},
	 ONE_MESSAGE},
	{{"request/read-posix", "read a message of 64 bytes", "mq/NAME/each, open",
	  "null file system", AT_MOST, 1.15},
	 {TREE "/mq/posix/each", NULL, fill_posix, drain_posix},
	 NULL},
	{{"request/read-sysv", "read a message of 64 bytes", "mq/KEY/each, open",
	  "null file system", AT_MOST, 1.15},
	 {TREE "/mq/0x4d3/each", NULL, fill_sysv, drain_sysv},
	 NULL},
	{{"request/V-posix", "write V", "sem/NAME/op, open", "null file system", AT_MOST, 1.15},
	 {TREE "/sem/posix/op", "V\n", lower_posix, lower_posix},
	 "V\n"},
	{{"request/P-posix", "write P", "sem/NAME/op, open", "null file system", AT_MOST, 1.15},
	 {TREE "/sem/posix/op", "P\n", raise_posix, lower_posix},
	 "P\n"},
	{{"request/V-sysv", "write V", "sem/KEY/op, open", "null file system", AT_MOST, 1.15},
	 {TREE "/sem/0x4d2/op", "V\n", lower_sysv, lower_sysv},
	 "V\n"},
	{{"request/P-sysv", "write P", "sem/KEY/op, open", "null file system", AT_MOST, 1.15},
	 {TREE "/sem/0x4d2/op", "P\n", raise_sysv, lower_sysv},
	 "P\n"},
};

static const struct {
	struct row row;
	struct request ours;
	struct bare bare;
} bare_rows[] = {
	{{"request/write-posix-bare", "write a message of 64 bytes", "mq/NAME/data, open",
	  "mq_send", AT_MOST, 0},
	 {TREE "/mq/posix/data", ONE_MESSAGE, leave, drain_posix},
	 {fill_posix, drain_posix}},
	{{"request/write-sysv-bare", "write a message of 64 bytes", "mq/KEY/data, open", "msgsnd",
	  AT_MOST, 0},
	 {TREE "/mq/0x4d3/data", ONE_MESSAGE, leave, drain_sysv},
	 {fill_sysv, drain_sysv}},
	{{"request/V-sysv-bare", "write V", "sem/KEY/op, open", "semop", AT_MOST, 0},
	 {TREE "/sem/0x4d2/op", "V\n", lower_sysv, lower_sysv},
	 {give_sysv, lower_sysv}},
};

static void make_objects(void)
{
	struct msqid_ds limits;

	memset(message, 'x', SIZE);
	count = bench_times(FULL, 5);
	bench_make_queue("/posix", FULL, SIZE);
	posix_queue = mq_open("/posix", O_RDWR | O_NONBLOCK);
	bench_must(posix_queue >= 0, "mq_open");
	bench_set("/proc/sys/kernel/msgmnb", "1048576");
	queue = msgget(QUEUE_KEY, IPC_CREAT | 0600);
	set = semget(SEM_KEY, 1, IPC_CREAT | 0600);
	semaphore = sem_open("/posix", O_CREAT, 0600, 0);
	bench_must(queue >= 0 && set >= 0 && semaphore != SEM_FAILED, "making the objects");
	bench_must(msgctl(queue, IPC_STAT, &limits) == 0 && limits.msg_qbytes >= FULL * SIZE,
		   "msg_qbytes");
}

static void measure(void)
{
	pid_t null = bench_mount_null(), ipcfs = bench_mount_tree();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct request base = {NULL_FILE, rows[i].null, leave, leave};

		bench_pair(&rows[i].row, (struct side){use_file, &rows[i].ours},
			   (struct side){use_file, &base});
	}
	for (size_t i = 0; i < sizeof(bare_rows) / sizeof(*bare_rows); i++)
		bench_pair(&bare_rows[i].row, (struct side){use_file, &bare_rows[i].ours},
			   (struct side){call_bare, &bare_rows[i].bare});
	bench_unmount(ipcfs, TREE);
	bench_unmount(null, NULL_TREE);
}

void bench_requests(void)
{
	make_objects();
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
