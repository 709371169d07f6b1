/*
 * handover.c - from a V in one process until the P that is blocked in another returns.
 *
 * It costs what the same costs without the tree, and a request on each side, of which one is on the
 * way: so it is measured against one write to the null file system and the bare hand-over, in the
 * same pair.  The next V comes only when the kernel's own count says that somebody is blocked.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { SEM_KEY = 0x4d2, HANDOVERS = 200, WRITES = 500, SETTLE = 50000 /* nanoseconds */ };

static int set, null_file, tree_sysv, tree_posix;
static sem_t *semaphore;

static void bare_sysv(int delta)
{
	struct sembuf operation = {0, (short)delta, 0};

	bench_must(semop(set, &operation, 1) == 0, "semop");
}

static void bare_posix(int delta)
{
	bench_must((delta > 0 ? sem_post(semaphore) : sem_wait(semaphore)) == 0, "sem_wait");
}

static void write_op(int fd, int delta)
{
	bench_must(write(fd, delta > 0 ? "V" : "P", 1) == 1, "op");
}

static void through_sysv(int delta)
{
	write_op(tree_sysv, delta);
}

static void through_posix(int delta)
{
	write_op(tree_posix, delta);
}

static bool blocked_sysv(void)
{
	return semctl(set, 0, GETNCNT) == 1;
}

/* The upper half of glibc's semaphore, of 64 bits. */
static bool blocked_posix(void)
{
	return __atomic_load_n((uint64_t *)semaphore, __ATOMIC_RELAXED) >> 32 == 1;
}

struct way {
	void (*operate)(int delta);
	bool (*blocked)(void);
};

/* Takes @count times, and tells when each has returned. */
static pid_t start_taker(const struct way *way, int count, int out)
{
	pid_t pid = fork();

	bench_must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (count--) {
		double now;

		way->operate(-1);
		now = bench_now();
		bench_must(write(out, &now, sizeof(now)) == sizeof(now), "write");
	}
	_exit(0);
}

static void settle(void)
{
	static const struct timespec moment = {.tv_nsec = SETTLE};

	nanosleep(&moment, NULL);
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Of many that are timed each, so that one which somebody else has delayed does not count. */
static double median(double *times, int count)
{
	qsort(times, (size_t)count, sizeof(*times), by_value);
	return times[count / 2];
}

/* Microseconds of a hand-over. */
static double hand_over(const void *context)
{
	const struct way *way = context;
	int count = bench_times(HANDOVERS, 2), ends[2];
	double times[HANDOVERS];
	pid_t taker;

	bench_must(pipe(ends) == 0, "pipe");
	taker = start_taker(way, count, ends[1]);
	for (int i = 0; i < count; i++) {
		double begin, end;

		while (!way->blocked())
			settle();
		/* It counts as blocked before it sleeps. */
		settle();
		begin = bench_now();
		way->operate(1);
		bench_must(read(ends[0], &end, sizeof(end)) == sizeof(end), "read");
		times[i] = end - begin;
	}
	close(ends[0]);
	close(ends[1]);
	bench_must(waitpid(taker, NULL, 0) == taker, "waitpid");
	return median(times, count);
}

static double hand_over_and_request(const void *context)
{
	int count = bench_times(WRITES, 2);
	double bare = hand_over(context), times[WRITES];

	for (int i = 0; i < count; i++) {
		double begin = bench_now();

		write_op(null_file, 1);
		times[i] = bench_now() - begin;
	}
	return bare + median(times, count);
}

static void measure(void)
{
	static const struct way sysv = {through_sysv, blocked_sysv},
				plain_sysv = {bare_sysv, blocked_sysv};
	static const struct way posix = {through_posix, blocked_posix},
				plain_posix = {bare_posix, blocked_posix};
	static const struct row sysv_row = {"handover/sysv",
					    "V until a blocked P returns",
					    "sem/KEY/op, open",
					    "null request + semop",
					    AT_MOST,
					    2.5},
				posix_row = {"handover/posix",
					     "V until a blocked P returns",
					     "sem/NAME/op, open",
					     "null request + sem_post",
					     AT_MOST,
					     2.5};
	pid_t null = bench_mount_null(), ipcfs = bench_mount_tree();

	null_file = open(NULL_FILE, O_WRONLY | O_CLOEXEC);
	tree_sysv = open(TREE "/sem/0x4d2/op", O_WRONLY | O_CLOEXEC);
	tree_posix = open(TREE "/sem/posix/op", O_WRONLY | O_CLOEXEC);
	bench_must(null_file >= 0 && tree_sysv >= 0 && tree_posix >= 0, "open");
	bench_pair(&sysv_row, (struct side){hand_over, &sysv},
		   (struct side){hand_over_and_request, &plain_sysv});
	if (sizeof(long) == 8)
		bench_pair(&posix_row, (struct side){hand_over, &posix},
			   (struct side){hand_over_and_request, &plain_posix});
	close(null_file);
	close(tree_sysv);
	close(tree_posix);
	bench_unmount(ipcfs, TREE);
	bench_unmount(null, NULL_TREE);
}

void bench_handover(void)
{
	set = semget(SEM_KEY, 1, IPC_CREAT | 0600);
	semaphore = sem_open("/posix", O_CREAT, 0600, 0);
	bench_must(set >= 0 && semaphore != SEM_FAILED, "making the objects");
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
