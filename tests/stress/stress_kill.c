/*
 * stress_kill.c - the daemon is killed under a mixed load, and the tree mounted again, many times.
 *
 * Each time: who waits is told ECONNABORTED and nobody hangs; what is open is ENOTCONN; no object
 * is another one or gone; what was held of System V semaphores is given back, a POSIX hold stays
 * taken; and messages and values of queues and semaphores that nobody could operate are the same.
 * At the end all messages of the load are accounted for, none has come twice.
 *
 * In the environment: KILL_ROUNDS (100 by hand), LOAD_SEED, LOAD_SHELLS, KILL_AFTER, the
 * milliseconds of load before each kill.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../mount/fixture.h"
#include "books.h"
#include "clients.h"
#include "load.h"
#include "waits.h"
#include "watchdog.h"

enum { ROUNDS = 4, SHELLS = 50, AFTER = 500, KILL_EVERY = 40, WAITERS_MOST = 64 };

/* Of the test alone: a hold and an operation to be undone, and a hold of a POSIX semaphore. */
enum { HELD_KEY = 0x70, UNDONE_KEY = 0x71, SEGMENT_KEY = 0x80, SEGMENT = 4096 };

static unsigned number(const char *variable, unsigned otherwise)
{
	const char *value = getenv(variable);

	return value ? (unsigned)atol(value) : otherwise;
}

/* ---- objects, by the kernel's own calls ---- */

static const key_t queues[] = {0x10, 0x11, 0x50, 0x51};
static const key_t sets[] = {0x20, 0x21, 0x22, 0x60, 0x61, HELD_KEY, UNDONE_KEY};
static const char *const posix_queues[] = {"/empty", "/full", "/jobs", "/exact"};
static const char *const posix_files[] = {"sem.taken", "sem.lock", "sem.slots",
					  "sem.kept",  "area",     "locked"};
enum {
	QUEUES = sizeof(queues) / sizeof(*queues),
	SETS = sizeof(sets) / sizeof(*sets),
	POSIX_QUEUES = sizeof(posix_queues) / sizeof(*posix_queues),
	POSIX_FILES = sizeof(posix_files) / sizeof(*posix_files),
};

/* What tells an object from another of its name. */
struct identities {
	int queues[QUEUES], sets[SETS], segment;
	ino_t posix_queues[POSIX_QUEUES], posix_files[POSIX_FILES], pipe;
};

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_return_code(fd, errno);
	assert_return_code(fstat(fd, &st), errno);
	close(fd);
	return st.st_ino;
}

static struct identities identities(void)
{
	struct identities now;
	char path[128];

	memset(&now, 0, sizeof(now));
	for (size_t i = 0; i < QUEUES; i++)
		now.queues[i] = msgget(queues[i], 0);
	for (size_t i = 0; i < SETS; i++)
		now.sets[i] = semget(sets[i], 0, 0);
	now.segment = shmget(SEGMENT_KEY, 0, 0);
	for (size_t i = 0; i < POSIX_QUEUES; i++)
		now.posix_queues[i] = inode_of(mq_open(posix_queues[i], O_RDONLY));
	for (size_t i = 0; i < POSIX_FILES; i++) {
		snprintf(path, sizeof(path), "/dev/shm/%s", posix_files[i]);
		now.posix_files[i] = inode_of(open(path, O_PATH | O_CLOEXEC));
	}
	now.pipe = inode_of(open("/run/ipcfs/pipes/log", O_PATH | O_CLOEXEC));
	return now;
}

/* Fills the segment, or looks whether it is still filled. */
static void segment_bytes(bool fill)
{
	unsigned char *memory = shmat(shmget(SEGMENT_KEY, 0, 0), NULL, 0);

	assert_true(memory != (void *)-1);
	for (size_t i = 0; i < SEGMENT; i++)
		if (fill)
			memory[i] = (unsigned char)(i * 7 + 1);
		else
			assert_int_equal(memory[i], (unsigned char)(i * 7 + 1));
	shmdt(memory);
}

static void make_own_objects(void)
{
	assert_return_code(mkdir(MOUNT "/sem/0x70", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/0x71", 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/kept", 0600), errno);
	assert_return_code(mkdir(MOUNT "/shm/0x80,size=4096", 0600), errno);
	segment_bytes(true);
}

/*
 * The value of a POSIX semaphore, which is given back up to @start as whoever looks after it would
 * do when nobody holds it any more.
 */
static int give_back(const char *name, int start)
{
	sem_t *semaphore = sem_open(name, 0);
	int value;

	assert_true(semaphore != SEM_FAILED);
	assert_int_equal(sem_getvalue(semaphore, &value), 0);
	for (int i = value; i < start; i++)
		sem_post(semaphore);
	sem_close(semaphore);
	return value;
}

/* ---- who uses the mount that ends ---- */

struct waiting {
	pid_t pid;
	const struct wait_way *way;
};

static int run_waiting(void *argument)
{
	const struct wait_way *way = argument;

	return way->wait(way->path);
}

/* One for each way to wait on what outlives a mount. */
static size_t start_waiting(struct waiting waiting[WAITERS_MOST])
{
	size_t count = 0;

	for (size_t i = 0; i < wait_ways_count; i++) {
		const struct wait_way *way = &wait_ways[i];

		if (!way->path || (strncmp(way->path, "mq/", 3) && strncmp(way->path, "sem/", 4)))
			continue;
		assert_true(count < WAITERS_MOST);
		waiting[count++] = (struct waiting){spawn(run_waiting, (void *)way), way};
	}
	for (size_t i = 0; i < count; i++)
		wait_until_asleep_in(waiting[i].pid, waiting[i].way->asleep);
	return count;
}

static void expect_aborted(const struct waiting *waiting, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error = reap(waiting[i].pid);

		/* poll(2) says that there is an error by returning. */
		if (error != (strstr(waiting[i].way->what, "poll") ? 0 : ECONNABORTED))
			fail_msg("%s: %s", waiting[i].way->what, strerror(error));
	}
}

struct open_files {
	int hold, posix_hold, undone, queue, memory;
};

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	assert_return_code(fd, errno);
	return fd;
}

static struct open_files open_some(void)
{
	struct open_files files = {
		.hold = opened(MOUNT "/sem/0x70/try/hold", O_WRONLY),
		.posix_hold = opened(MOUNT "/sem/kept/try/hold", O_WRONLY),
		.undone = opened(MOUNT "/sem/0x71/try/op", O_WRONLY),
		.queue = opened(MOUNT "/mq/empty/each", O_RDWR),
		.memory = opened(MOUNT "/shm/0x80/data", O_RDWR),
	};

	assert_int_equal(write(files.undone, "Pu", 2), 2);
	return files;
}

static void expect_not_connected(int result)
{
	assert_int_equal(result, -1);
	assert_int_equal(errno, ENOTCONN);
}

static void expect_dead(const struct open_files *files)
{
	char byte = 'x';
	struct stat st;

	expect_not_connected((int)read(files->queue, &byte, 1));
	expect_not_connected((int)write(files->queue, &byte, 1));
	expect_not_connected((int)write(files->undone, "V", 1));
	expect_not_connected(fstat(files->hold, &st));
	expect_not_connected((int)pread(files->memory, &byte, 1, 0));
	expect_not_connected(stat(MOUNT "/mq", &st));
	expect_not_connected(open(MOUNT "/mq/empty/data", O_RDONLY));
	close(files->hold);
	close(files->posix_hold);
	close(files->undone);
	close(files->queue);
	close(files->memory);
}

static int value_of(key_t key)
{
	return semctl(semget(key, 0, 0), 0, GETVAL);
}

/* ---- the test ---- */

static void round_of(unsigned after)
{
	struct identities before = identities(), now;
	struct waiting waiting[WAITERS_MOST];
	struct open_files files;
	size_t count;
	int status;

	watchdog_expect(60 + after / 1000, "load");
	load_go_on(after, KILL_EVERY);
	watchdog_expect(60, "clients that wait");
	files = open_some();
	count = start_waiting(waiting);
	assert_int_equal(value_of(HELD_KEY), 0);
	assert_int_equal(value_of(UNDONE_KEY), 0);
	watchdog_expect(60, "the daemon's end");
	kill(fixture_daemon(), SIGKILL);
	assert_int_equal(waitpid(fixture_daemon(), &status, 0), fixture_daemon());
	fixture_daemon_gone();
	watchdog_expect(60, "the end of who waited");
	expect_aborted(waiting, count);
	expect_dead(&files);
	/* System V: given back by the kernel.  POSIX: as taken as it was. */
	assert_int_equal(value_of(HELD_KEY), 1);
	assert_int_equal(value_of(UNDONE_KEY), 1);
	assert_int_equal(give_back("/kept", 1), 0);
	assert_in_range(give_back("/lock", 1), 0, 1);
	assert_in_range(give_back("/slots", 3), 0, 3);
	segment_bytes(false);
	now = identities();
	assert_memory_equal(&before, &now, sizeof(now));
	watchdog_expect(60, "a new mount");
	fixture_mount(NULL);
	clients_make_sockets();
	watchdog_expect(60, "what the new mount shows");
	waits_check_figures(true);
	assert_int_equal(get_number(MOUNT "/sem/kept/value"), 1);
}

static void test_kill(void **state)
{
	unsigned rounds = number("KILL_ROUNDS", ROUNDS), after = number("KILL_AFTER", AFTER);
	struct load_setting setting = {
		.seed = number("LOAD_SEED", (unsigned)time(NULL)),
		.shells = number("LOAD_SHELLS", SHELLS),
		.mount_dies = true,
		.beside = true,
		.seconds = 60 + rounds * (after / 1000 + 10),
	};

	printf("LOAD_SEED=%u KILL_ROUNDS=%u KILL_AFTER=%u\n", setting.seed, rounds, after);
	watchdog_expect(20, "making objects");
	waits_make_objects();
	clients_make_objects();
	clients_make_sockets();
	make_own_objects();
	load_start(&setting);
	for (unsigned i = 0; i < rounds; i++)
		round_of(after);
	watchdog_expect(60, "the last mount's load");
	load_go_on(after, KILL_EVERY);
	watchdog_expect(60, "all are made to rest");
	load_pause();
	load_print();
	load_end();
	watchdog_expect(60, "what is left");
	clients_drain();
	clients_check_semaphores(true);
	waits_check_figures(true);
	load_check_books();
	watchdog_expect(0, "");
}

int main(void)
{
	return load_run("kill", test_kill);
}
