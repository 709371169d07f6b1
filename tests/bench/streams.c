/*
 * streams.c - messages from one process to another: lines written, bulk read, beside a loop of the
 * system calls.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	QUEUE_KEY = 0x4d3,
	MESSAGES = 1000000, /* in all pairs together */
	PAIRS = 10,
	SIZE = 64,
	LINE = SIZE + 1,
	BLOCK = 128 << 10,
	LINES = BLOCK / LINE,
	DEPTH = 65536, /* the most the kernel lets a POSIX queue have */
};

struct sysv_message {
	long type;
	char text[SIZE];
};

static char *block; /* of whole lines */
static mqd_t posix_queue;
static int sysv_queue, count;

/* ---- the four ends ---- */

static void send_posix(const void *unused)
{
	for (int i = 0; i < count; i++)
		bench_must(mq_send(posix_queue, block, SIZE, 0) == 0, "mq_send");
}

static void receive_posix(const void *unused)
{
	char text[SIZE];

	for (int i = 0; i < count; i++)
		bench_must(mq_receive(posix_queue, text, SIZE, NULL) == SIZE, "mq_receive");
}

static void send_sysv(const void *unused)
{
	struct sysv_message message = {.type = 1};

	for (int i = 0; i < count; i++)
		bench_must(msgsnd(sysv_queue, &message, SIZE, 0) == 0, "msgsnd");
}

static void receive_sysv(const void *unused)
{
	struct sysv_message message;

	for (int i = 0; i < count; i++)
		bench_must(msgrcv(sysv_queue, &message, SIZE, 0, 0) == SIZE, "msgrcv");
}

static int open_file(const char *directory, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, flags | O_CLOEXEC);
	bench_must(fd >= 0, path);
	return fd;
}

static void write_lines(const void *directory)
{
	int fd = open_file(directory, "lines", O_WRONLY);

	for (int left = count; left > 0; left -= LINES) {
		ssize_t size = (left < LINES ? left : LINES) * LINE;

		bench_must(write(fd, block, (size_t)size) == size, "lines");
	}
	close(fd);
}

static void read_bulk(const void *directory)
{
	static char got[BLOCK];
	int fd = open_file(directory, "bulk", O_RDONLY);

	for (ssize_t left = (ssize_t)count * LINE; left > 0;) {
		ssize_t size = read(fd, got, BLOCK);

		bench_must(size > 0 && size <= left && size % LINE == 0, "bulk");
		left -= size;
	}
	close(fd);
}

/* ---- */

struct stream {
	void (*send)(const void *context), (*receive)(const void *context);
	const char *context;
};

/* Microseconds of a message, from before the first is sent until the last is there. */
static double run_stream(const void *context)
{
	const struct stream *stream = context;
	double begin = bench_now();
	pid_t sender = fork();
	int status;

	bench_must(sender >= 0, "fork");
	if (sender == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stream->send(stream->context);
		_exit(0);
	}
	stream->receive(stream->context);
	begin = bench_now() - begin;
	bench_must(waitpid(sender, &status, 0) == sender && status == 0, "the sender");
	return begin / count;
}

static const struct {
	struct row row;
	struct stream ours, base;
} rows[] = {
	{{"stream/posix", "messages of 64 bytes", "mq/NAME/lines to bulk, 128 KiB each",
	  "mq_send to mq_receive", AT_LEAST, 0.6},
	 {write_lines, read_bulk, TREE "/mq/posix"},
	 {send_posix, receive_posix, NULL}},
	{{"stream/sysv", "messages of 64 bytes", "mq/KEY/lines to bulk, 128 KiB each",
	  "msgsnd to msgrcv", AT_LEAST, 0.6},
	 {write_lines, read_bulk, TREE "/mq/0x4d3"},
	 {send_sysv, receive_sysv, NULL}},
};

static void make_queues(void)
{
	struct msqid_ds limits;
	char bytes[16];
	int depth = bench_make_queue("/posix", DEPTH, SIZE);

	posix_queue = mq_open("/posix", O_RDWR);
	/* The same depth: this kind has no limit that could be had beyond it. */
	snprintf(bytes, sizeof(bytes), "%d", depth * SIZE);
	bench_set("/proc/sys/kernel/msgmnb", bytes);
	sysv_queue = msgget(QUEUE_KEY, IPC_CREAT | 0600);
	bench_must(posix_queue >= 0 && sysv_queue >= 0 &&
			   msgctl(sysv_queue, IPC_STAT, &limits) == 0 &&
			   limits.msg_qbytes == (msglen_t)(depth * SIZE),
		   "making the queues");
	bench_count("stream/depth", "the queues take", depth, "messages", -1, "");
}

static void measure(void)
{
	pid_t ipcfs = bench_mount_tree();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		bench_pair(&rows[i].row, (struct side){run_stream, &rows[i].ours},
			   (struct side){run_stream, &rows[i].base});
	bench_unmount(ipcfs, TREE);
}

void bench_streams(void)
{
	count = bench_times(MESSAGES / PAIRS, 50);
	block = malloc(LINES * LINE);
	bench_must(block != NULL, "memory");
	memset(block, 'x', LINES * LINE);
	for (int i = 0; i < LINES; i++)
		block[i * LINE + SIZE] = '\n';
	make_queues();
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
