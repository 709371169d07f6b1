/*
 * stress_blocked.c - thousands of clients blocked at once, in every way there is.
 *
 * The daemon takes little for each, others are served nearly as if nobody waited, all end when they
 * are interrupted, with EINTR, and nothing has been lost, taken or left behind.
 *
 * When one of two objects is removed just those who wait for it hear of that.
 *
 * In the environment: CLIENTS, how many processes (10000 by hand); WAYS, only the ways to wait
 * whose description begins so ("System V", say: each of those is a thread of the daemon);
 * PROCESSORS, how many who asks and the daemon have while operations are timed.  That is one, since
 * with more what an operation takes is first of all whether both are on the same one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../mount/fixture.h"
#include "memory_use.h"
#include "waits.h"
#include "watchdog.h"

/* Bytes for 10,000 clients, and what a daemon with none may take besides. */
enum { CLIENTS = 1000, BYTES_EACH = 30 << 10, BYTES_ALONE = 16 << 20, AT_ONCE = 64 };

static struct client {
	pid_t pid;
	const struct wait_way *way;
} * clients;
static size_t clients_count;

static size_t number(const char *variable, size_t otherwise)
{
	const char *value = getenv(variable);

	return value ? (size_t)atol(value) : otherwise;
}

static double microseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- what others do ---- */

static void look(void)
{
	struct stat st;

	assert_return_code(stat(MOUNT "/mq/other/data", &st), errno);
}

static void read_text(void)
{
	char text[4096];

	assert_true(get(MOUNT "/mq/other/status", text, sizeof(text)) > 0);
}

static void send_and_take(const char *path)
{
	char text[64];

	assert_int_equal(put(path, "hello"), 0);
	assert_int_equal(get(path, text, sizeof(text)), 5);
}

static void posix_message(void)
{
	send_and_take(MOUNT "/mq/other/data");
}

static void sysv_message(void)
{
	send_and_take(MOUNT "/mq/0x99/data");
}

static void posix_semaphore(void)
{
	assert_int_equal(put(MOUNT "/sem/other/op", "P"), 0);
	assert_int_equal(put(MOUNT "/sem/other/op", "V"), 0);
}

static void sysv_semaphore(void)
{
	assert_int_equal(put(MOUNT "/sem/0x99/op", "P"), 0);
	assert_int_equal(put(MOUNT "/sem/0x99/op", "V"), 0);
}

static void make_and_remove(void)
{
	assert_return_code(mkdir(MOUNT "/mq/short,maxmsg=1,msgsize=1", 0600), errno);
	assert_return_code(rmdir(MOUNT "/mq/short"), errno);
}

static const struct {
	const char *what;
	void (*act)(void);
} others[] = {
	{"stat of a channel", look},
	{"cat of a status", read_text},
	{"POSIX message", posix_message},
	{"System V message", sysv_message},
	{"POSIX P and V", posix_semaphore},
	{"System V P and V", sysv_semaphore},
	{"mkdir, rmdir of a queue", make_and_remove},
};
enum { OTHERS = sizeof(others) / sizeof(*others), TIMES = 51, ROUNDS = 20 };
/* How much longer they may take. */
#define LONGER 2.0

static void make_others(void)
{
	static const char *const objects[] = {"/mq/other,maxmsg=2,msgsize=64", "/mq/0x99",
					      "/sem/other", "/sem/0x99"};
	char path[64];

	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		snprintf(path, sizeof(path), MOUNT "%s", objects[i]);
		assert_return_code(mkdir(path, 0600), errno);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of one operation, in microseconds; a tenth of the times were no longer than the second. */
struct times {
	double median, tenth;
};

static struct times times_of(void (*act)(void))
{
	double took[TIMES];

	for (size_t i = 0; i < TIMES; i++) {
		double start = microseconds();

		act();
		took[i] = microseconds() - start;
	}
	qsort(took, TIMES, sizeof(*took), compare);
	return (struct times){took[TIMES / 2], took[TIMES / 10]};
}

static double lesser(double one, double other)
{
	return one < other ? one : other;
}

/* For this process, and each thread that the daemon has now. */
static void use_processors(const cpu_set_t *set)
{
	char path[32];
	struct dirent *task;
	DIR *tasks;

	assert_return_code(sched_setaffinity(0, sizeof(*set), set), errno);
	snprintf(path, sizeof(path), "/proc/%d/task", fixture_daemon());
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((task = readdir(tasks)))
		if (*task->d_name != '.' &&
		    sched_setaffinity(atoi(task->d_name), sizeof(*set), set) < 0)
			assert_int_equal(errno, ESRCH); /* it has ended */
	closedir(tasks);
}

static cpu_set_t first_of(const cpu_set_t *all, int count)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&set) < count; i++)
		if (CPU_ISSET(i, all))
			CPU_SET(i, &set);
	return set;
}

/* The times of each, in the round that the rest of the machine disturbed least. */
static void time_others(struct times times[OTHERS])
{
	cpu_set_t all, some;

	assert_return_code(sched_getaffinity(0, sizeof(all), &all), errno);
	some = first_of(&all, (int)number("PROCESSORS", 1));
	use_processors(&some);
	for (size_t i = 0; i < OTHERS; i++)
		times[i] = (struct times){DBL_MAX, DBL_MAX};
	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < OTHERS; i++) {
			struct times now = times_of(others[i].act);

			times[i].median = lesser(times[i].median, now.median);
			times[i].tenth = lesser(times[i].tenth, now.tenth);
		}
	use_processors(&all);
}

static void print_times(const struct times idle[OTHERS], const struct times busy[OTHERS])
{
	printf("%-26s %10s %10s %6s\n", "median microseconds", "idle", "blocked", "ratio");
	for (size_t i = 0; i < OTHERS; i++)
		printf("%-26s %10.1f %10.1f %6.2f\n", others[i].what, idle[i].median,
		       busy[i].median, busy[i].median / idle[i].median);
}

/* By those times that hold beside busy processes too, which can double the median. */
static void check_times(const struct times idle[OTHERS], const struct times busy[OTHERS])
{
	for (size_t i = 0; i < OTHERS; i++)
		if (busy[i].tenth > LONGER * idle[i].tenth)
			fail_msg("%s: %.1f microseconds, %.1f idle", others[i].what, busy[i].tenth,
				 idle[i].tenth);
}

/* ---- clients ---- */

static void interrupted(int signal)
{
}

static int run_client(void *argument)
{
	const struct wait_way *way = argument;
	struct sigaction action = {.sa_handler = interrupted}; /* no SA_RESTART */

	sigaction(SIGINT, &action, NULL);
	return way->wait(way->path);
}

static void await_asleep(const struct client *client)
{
	wait_until_asleep_in(client->pid, client->way->asleep);
}

/* Each way its share; those that are for a few give theirs to the others. */
static void start_clients(size_t count)
{
	const char *only = getenv("WAYS");
	unsigned *started = calloc(wait_ways_count, sizeof(*started));
	size_t before;

	clients = calloc(count, sizeof(*clients));
	assert_non_null(clients);
	assert_non_null(started);
	do {
		before = clients_count;
		for (size_t i = 0; i < wait_ways_count && clients_count < count; i++) {
			const struct wait_way *way = &wait_ways[i];

			if ((way->most && started[i] >= way->most) ||
			    (only && strncmp(way->what, only, strlen(only))))
				continue;
			started[i]++;
			clients[clients_count++] =
				(struct client){spawn(run_client, (void *)way), way};
			/* Who opens one name at one moment is served one after the other. */
			if (clients_count > AT_ONCE)
				await_asleep(&clients[clients_count - AT_ONCE]);
		}
		assert_true(clients_count > before);
	} while (clients_count < count);
	free(started);
	for (size_t i = 0; i < count; i++)
		await_asleep(&clients[i]);
}

/* Those that may be busy when a signal comes are sent it until they end. */
static void interrupt_again(void)
{
	for (size_t i = 0; i < clients_count; i++)
		if (clients[i].pid && clients[i].way->goes_on)
			kill(clients[i].pid, SIGINT);
}

static struct client *client_of(pid_t pid)
{
	for (size_t i = 0; i < clients_count; i++)
		if (clients[i].pid == pid)
			return &clients[i];
	return NULL;
}

static void end_clients(void)
{
	const struct timespec pause = {0, 1000000};
	double start = microseconds();
	size_t ended = 0;

	for (size_t i = 0; i < clients_count; i++)
		kill(clients[i].pid, SIGINT);
	while (ended < clients_count) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		struct client *client;

		assert_return_code(pid, errno);
		if (pid == 0) {
			interrupt_again();
			nanosleep(&pause, NULL);
			continue;
		}
		client = client_of(pid);
		if (!client)
			continue;
		ended++;
		client->pid = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EINTR)
			fail_msg("%s: status 0x%x, %s", client->way->what, status,
				 WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "a signal");
	}
	printf("all ended by SIGINT in %.2f s\n", (microseconds() - start) / 1e6);
}

/* ---- the test ---- */

static void print_use(const char *when, const struct memory_use *use)
{
	printf("%-8s %6.1f MiB (peak %.1f, Pss %.1f), %zu threads, %zu descriptors\n", when,
	       (double)use->bytes / (1 << 20), (double)use->peak / (1 << 20),
	       (double)use->pss / (1 << 20), use->threads, use->descriptors);
}

/* Threads that have nothing to do end after some seconds. */
static struct memory_use await_rest(const struct memory_use *idle)
{
	const struct timespec pause = {0, 10000000};
	struct memory_use use;

	while (use = memory_use(fixture_daemon()),
	       use.threads > idle->threads || use.descriptors > idle->descriptors)
		nanosleep(&pause, NULL);
	return use;
}

static void test_blocked(void **state)
{
	size_t count = number("CLIENTS", CLIENTS);
	/* A thread for every client takes more than the mix. */
	bool bounded = !memory_has_sanitizer(fixture_daemon()) && !getenv("WAYS");
	struct times before[OTHERS], meanwhile[OTHERS];
	struct memory_use idle, busy, after;

	watchdog_expect(20, "making objects");
	waits_make_objects();
	waits_make_rest();
	make_others();
	watchdog_expect(20, "what others do alone");
	time_others(before);
	idle = memory_use(fixture_daemon());
	watchdog_expect(20 + (unsigned)count / 50, "waiting until every client waits");
	start_clients(count);
	busy = memory_use(fixture_daemon());
	watchdog_expect(60, "what others do meanwhile");
	time_others(meanwhile);
	print_times(before, meanwhile);
	watchdog_expect(20 + (unsigned)count / 200, "ending all by SIGINT");
	end_clients();
	watchdog_expect(60, "what is back to what it was");
	waits_check();
	after = await_rest(&idle);
	printf("%zu clients; memory: %s\n", count, busy.how);
	print_use("idle", &idle);
	print_use("blocked", &busy);
	print_use("after", &after);
	printf("%.1f KiB for each client\n",
	       (double)(busy.bytes - idle.bytes) / 1024 / (double)count);
	if (bounded)
		assert_in_range(busy.bytes, 0, BYTES_ALONE + count * BYTES_EACH);
	if (bounded && number("PROCESSORS", 1) == 1)
		check_times(before, meanwhile);
	watchdog_expect(0, "");
}

/* ---- removal ---- */

/* Two objects of each kind, of which one goes; and a way in which one waits for it. */
static const struct {
	const char *what, *make, *object, *file;
} removals[] = {
	{"POSIX queue, data", "mq/%c-gone,maxmsg=1,msgsize=8", "mq/%c-gone", "data"},
	{"System V queue, data", "mq/0x3%c", "mq/0x3%c", "data"},
	{"POSIX semaphore, P", "sem/%c-gone,value=0", "sem/%c-gone", "op"},
	{"POSIX semaphore, hold", "sem/%c-hold,value=0", "sem/%c-hold", "hold"},
	{"System V semaphore, P", "sem/0x3%c,value=0", "sem/0x3%c", "op"},
	{"TCP, accept", "sockets/tcp/127.0.0.%d:20010", "sockets/tcp/127.0.0.%d:20010", "accept"},
	{"UDP, data", "sockets/udp/127.0.0.%d:20010", "sockets/udp/127.0.0.%d:20010", "data"},
	{"unix, accept", "sockets/unix/%c", "sockets/unix/%c", "accept"},
};
enum { REMOVALS = sizeof(removals) / sizeof(*removals), WAITING = 20 };

static struct wait_way way_of(const char *what)
{
	for (size_t i = 0; i < wait_ways_count; i++)
		if (!strcmp(wait_ways[i].what, what))
			return wait_ways[i];
	fail_msg("there is no way called %s", what);
	abort();
}

static const char *name(char text[128], const char *format, int which, const char *file)
{
	size_t used = (size_t)snprintf(text, 128, MOUNT "/");

	/* It is one of those in the table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	used += (size_t)snprintf(text + used, 128 - used, format, which);
#pragma GCC diagnostic pop
	snprintf(text + used, 128 - used, "%s%s", *file ? "/" : "", file);
	return text;
}

/* Who waits for what is removed hears of it, each of them, and nobody else does. */
static void test_removal(void **state)
{
	static char paths[REMOVALS][2][128];
	static struct wait_way ways[REMOVALS][2];
	pid_t pids[REMOVALS][2][WAITING];
	char text[128];

	watchdog_expect(60, "clients that wait for two objects of each kind");
	for (size_t i = 0; i < REMOVALS; i++)
		for (int j = 0; j < 2; j++) {
			int which = strstr(removals[i].make, "%d") ? j + 1 : 'a' + j;

			name(text, removals[i].make, which, "");
			assert_return_code(mkdir(text, 0600), errno);
			ways[i][j] = way_of(removals[i].what);
			name(paths[i][j], removals[i].object, which, removals[i].file);
			ways[i][j].path = paths[i][j] + strlen(MOUNT "/");
			for (int k = 0; k < WAITING; k++)
				pids[i][j][k] = spawn(run_client, &ways[i][j]);
		}
	for (size_t i = 0; i < REMOVALS; i++)
		for (int j = 0; j < 2; j++)
			for (int k = 0; k < WAITING; k++)
				wait_until_asleep_in(pids[i][j][k], ways[i][j].asleep);
	watchdog_expect(60, "the end of those who wait for the first");
	for (size_t i = 0; i < REMOVALS; i++) {
		*strrchr(paths[i][0], '/') = '\0';
		assert_return_code(rmdir(paths[i][0]), errno);
		for (int k = 0; k < WAITING; k++) {
			int error = reap(pids[i][0][k]);

			if (error != EIDRM)
				fail_msg("%s: %s", removals[i].what, strerror(error));
		}
	}
	watchdog_expect(60, "the end of those who wait for the second");
	for (size_t i = 0; i < REMOVALS; i++)
		for (int k = 0; k < WAITING; k++) {
			kill(pids[i][1][k], SIGINT);
			assert_int_equal(reap(pids[i][1][k]), EINTR);
		}
	watchdog_expect(0, "");
}

static int setup(void **state)
{
	memory_group_enter();
	fixture_mount(state);
	memory_group_leave();
	return 0;
}

static int teardown(void **state)
{
	watchdog_expect(20, "unmounting");
	fixture_unmount(state);
	watchdog_expect(0, "");
	memory_group_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removal, fixture_mount, teardown),
	};

	fixture_isolate();
	fixture_isolate_network();
	fixture_isolate_processes();
	watchdog_start();
	return cmocka_run_group_tests_name("blocked", tests, NULL, NULL);
}
