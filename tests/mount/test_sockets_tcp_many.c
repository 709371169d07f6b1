/*
 * test_sockets_tcp_many - a thousand processes blocked in accept, read and write at once; thousands
 * of connections open at once.
 *
 * BLOCKED and OPEN in the environment are other numbers of them.
 */
#include "tcp_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKED = 1000, OPEN = 5000 };

/* Each test has its own; none is one that the kernel gives a client. */
static uint16_t server = 20000, taken = 20001;
/* Whom the blocked are connected to.  Who opens one name at one moment is served one after the
 * other. */
enum { SERVERS = 10, SERVER_FIRST = 21000 };

static int number(const char *variable, int otherwise)
{
	const char *value = getenv(variable);

	return value ? atoi(value) : otherwise;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Sockets of this network namespace keep little: what a thousand writers leave is kernel memory. */
static void small_buffers(void)
{
	static const char *const files[] = {"tcp_wmem", "tcp_rmem"};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", files[i]);
		assert_int_equal(put(path, "4096 16384 16384"), 0);
	}
}

/* ---- blocked ---- */

static int block_in_accept(void *unused)
{
	int fd = try_open(listener_path(taken, "accept"), O_RDWR);

	return fd < 0 ? -fd : 0;
}

static int block_in_read(void *whom)
{
	int fd = try_open(whom, O_RDWR);
	char byte;

	return fd < 0 ? -fd : (int)read(fd, &byte, 1);
}

static int block_in_write(void *whom)
{
	static char block[1 << 16]; /* of one user 64 MiB may wait to be written */
	int fd = try_open(whom, O_RDWR);

	while (fd >= 0 && write(fd, block, sizeof(block)) > 0)
		;
	return errno;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How long something takes that has nothing to do with sockets: the best median of some rounds. */
static double unrelated(void)
{
	enum { ROUNDS = 5, TIMES = 101 };
	double took[TIMES], best = 1e9;
	char text[8];

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < TIMES; i++) {
			double begun = seconds();

			assert_int_equal(put(MOUNT "/sem/other/op", "V"), 0);
			assert_int_equal(put(MOUNT "/sem/other/try/op", "P"), 0);
			assert_int_equal(put(MOUNT "/mq/0x77/data", "x"), 0);
			assert_int_equal(get(MOUNT "/mq/0x77/try/data", text, sizeof(text)), 1);
			took[i] = seconds() - begun;
		}
		qsort(took, TIMES, sizeof(*took), compare);
		if (took[TIMES / 2] < best)
			best = took[TIMES / 2];
	}
	return best;
}

static char state_letter(pid_t pid)
{
	char path[40], text[512], *after;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	size = get(path, text, sizeof(text));
	after = size > 0 ? strrchr(text, ')') : NULL;
	return after ? after[2] : 'X';
}

/* Ends all of them by a signal; how long that took. */
static double end_all(const pid_t *pids, int count, int sent)
{
	double begun = seconds();

	for (int i = 0; i < count; i++)
		kill(pids[i], sent);
	for (int i = 0; i < count; i++)
		assert_int_equal(reap(pids[i]), -sent);
	return seconds() - begun;
}

static int next_ports(void **state)
{
	server += 10;
	taken += 10;
	return 0;
}

/* One of those that accept ends well, and is the first of @pids then. */
static void reap_served(pid_t *pids, int count)
{
	int status, at = 0;
	pid_t pid = waitpid(-1, &status, 0);

	while (at < count && pids[at] != pid)
		at += 3;
	assert_true(at < count);
	assert_int_equal(status, 0);
	pids[at] = pids[0];
	pids[0] = pid;
}

static void test_a_thousand_blocked(void **state)
{
	static int (*const blocks[])(void *) = {block_in_accept, block_in_read, block_in_write};
	int count = number("BLOCKED", BLOCKED), listeners[SERVERS];
	pid_t *pids = calloc((size_t)count, sizeof(*pids));
	double alone, beside, interrupted, killed;

	assert_non_null(pids);
	assert_int_equal(try_mkdir(MOUNT "/sem/other"), 0);
	assert_int_equal(try_mkdir(MOUNT "/mq/0x77"), 0);
	make_listener(taken);
	alone = unrelated();
	for (int i = 0; i < SERVERS; i++)
		listeners[i] = plain_listener((uint16_t)(SERVER_FIRST + i), 4096);
	for (int i = 0; i < count; i++)
		pids[i] = spawn(blocks[i % 3], (void *)(uintptr_t)connect_path(
						       "", (uint16_t)(SERVER_FIRST + i % SERVERS)));
	for (int i = 0; i < count; i++) {
		if (i % 3 == 0)
			wait_until_asleep_in(pids[i], "fuse_send_open");
		else
			wait_until_parked(pids[i]);
	}
	beside = unrelated();
	for (int i = 0; i < count; i++)
		if (state_letter(pids[i]) != 'S')
			fail_msg("process %d is in state %c", (int)pids[i], state_letter(pids[i]));
	/* And so is what has to do with them: one is accepted, another connects and talks. */
	close(plain_connect(taken));
	reap_served(pids, count);
	interrupted = end_all(pids + 1, count / 2, SIGINT);
	killed = end_all(pids + 1 + count / 2, count - 1 - count / 2, SIGKILL);
	print_message(
		"%d blocked: an operation of others %.0f us, alone %.0f us; %.2f s until half "
		"were interrupted, %.2f s until half were killed\n",
		count, beside * 1e6, alone * 1e6, interrupted, killed);
	/* Far beyond what any machine needs, far below what waiting for one of them would take. */
	assert_true(beside < 20 * alone);
	assert_true(interrupted < 10 && killed < 10);
	/* Nobody was accepted for the dead. */
	for (int i = 0; i < 10; i++) {
		int client = plain_connect(taken);
		int fd = try_open(listener_path(taken, "within/20/accept"), O_RDWR);
		char byte;

		assert_return_code(fd, -fd);
		assert_int_equal(write(client, "x", 1), 1);
		assert_int_equal(read(fd, &byte, 1), 1);
		close(client);
		close(fd);
	}
	assert_return_code(rmdir(listener_path(taken, "")), errno);
	assert_return_code(rmdir(MOUNT "/sem/other"), errno);
	assert_return_code(rmdir(MOUNT "/mq/0x77"), errno);
	for (int i = 0; i < SERVERS; i++)
		close(listeners[i]);
	free(pids);
}

/* ---- open ---- */

/* The names in a directory with @part in them. */
static int count_entries(const char *path, const char *part)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.' && strstr(entry->d_name, part);
	closedir(directory);
	return count;
}

static void test_thousands_open(void **state)
{
	struct rlimit limit;
	int count = number("OPEN", OPEN), listener = plain_listener(server, 4096), *ours, *peers;
	size_t before;
	double begun, opened, talked;
	char byte, part[32];

	assert_return_code(prlimit(fixture_daemon(), RLIMIT_NOFILE, NULL, &limit), errno);
	if (limit.rlim_cur < (rlim_t)count * 3) {
		print_message("skipped: the daemon can have no more than %llu descriptors\n",
			      (unsigned long long)limit.rlim_cur);
		skip();
	}
	assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
	ours = calloc((size_t)count, sizeof(*ours));
	peers = calloc((size_t)count, sizeof(*peers));
	assert_true(ours && peers);
	make_listener(taken);
	before = descriptors_of(fixture_daemon());
	begun = seconds();
	/* In turn a client and a server of the tree. */
	for (int i = 0; i < count; i++) {
		if (i % 2) {
			ours[i] = tree_connect(listener, O_RDWR, &peers[i]);
		} else {
			peers[i] = plain_connect(taken);
			ours[i] = try_open(listener_path(taken, "accept"), O_RDWR);
			assert_return_code(ours[i], -ours[i]);
		}
	}
	opened = seconds();
	for (int i = 0; i < count; i++)
		assert_int_equal(write(ours[i], &i, sizeof(i)), sizeof(i));
	for (int i = 0, got; i < count; i++) {
		recv_all(peers[i], &got, sizeof(got));
		assert_int_equal(got, i);
		assert_int_equal(write(peers[i], "x", 1), 1);
	}
	for (int i = 0; i < count; i++)
		assert_int_equal(read(ours[i], &byte, 1), 1);
	talked = seconds();
	/* Both ends are of this machine. */
	snprintf(part, sizeof(part), "127.0.0.1:%u", server);
	assert_int_equal(count_entries(TCP "/conn", part), count / 2 * 2);
	snprintf(part, sizeof(part), "127.0.0.1:%u", taken);
	assert_int_equal(count_entries(TCP "/conn", part), (count + 1) / 2 * 2);
	print_message("%d connections: opened in %.2f s, talked in %.2f s, listed in %.2f s\n",
		      count, opened - begun, talked - opened, seconds() - talked);
	for (int i = 0; i < count; i++) {
		close(ours[i]);
		close(peers[i]);
	}
	/* All is given back. */
	while (descriptors_of(fixture_daemon()) > before) {
		const struct timespec pause = {0, 1000000};

		nanosleep(&pause, NULL);
	}
	assert_return_code(rmdir(listener_path(taken, "")), errno);
	close(listener);
	free(ours);
	free(peers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_thousand_blocked, next_ports),
		cmocka_unit_test_setup(test_thousands_open, next_ports),
	};

	fixture_isolate();
	fixture_isolate_network();
	small_buffers();
	return cmocka_run_group_tests_name("sockets-tcp-many", tests, fixture_mount,
					   fixture_unmount);
}
