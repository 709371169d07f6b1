/*
 * stress_blocked.c - thousands of clients blocked at once, in every way there is.
 *
 * The daemon takes little for each, others are served as if nobody waited, all end when they are
 * interrupted, with EINTR, and nothing has been lost, taken or left behind.
 *
 * In the environment: CLIENTS, how many processes (10000 by hand); WAYS, only the ways to wait
 * whose description begins so ("System V", say: each of those is a thread of the daemon).
 */
#include <errno.h>
#include <fcntl.h>
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
enum { CLIENTS = 1000, BYTES_EACH = 30 << 10, BYTES_ALONE = 16 << 20 };

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
enum { OTHERS = sizeof(others) / sizeof(*others), TIMES = 101 };

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

/* The median of each, in microseconds. */
static void time_others(double median[OTHERS])
{
	double took[TIMES];

	for (size_t i = 0; i < OTHERS; i++) {
		for (size_t j = 0; j < TIMES; j++) {
			double start = microseconds();

			others[i].act();
			took[j] = microseconds() - start;
		}
		qsort(took, TIMES, sizeof(*took), compare);
		median[i] = took[TIMES / 2];
	}
}

static void print_times(const double idle[OTHERS], const double busy[OTHERS])
{
	printf("%-26s %10s %10s %6s\n", "median microseconds", "idle", "blocked", "ratio");
	for (size_t i = 0; i < OTHERS; i++)
		printf("%-26s %10.1f %10.1f %6.2f\n", others[i].what, idle[i], busy[i],
		       busy[i] / idle[i]);
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
		}
		assert_true(clients_count > before);
	} while (clients_count < count);
	free(started);
	for (size_t i = 0; i < count; i++)
		wait_until_asleep_in(clients[i].pid, clients[i].way->asleep);
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
		struct client *client = client_of(pid);

		if (pid == 0) {
			interrupt_again();
			nanosleep(&pause, NULL);
		}
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
	double before[OTHERS], meanwhile[OTHERS];
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
	};

	fixture_isolate();
	fixture_isolate_network();
	fixture_isolate_processes();
	watchdog_start();
	return cmocka_run_group_tests_name("blocked", tests, NULL, NULL);
}
