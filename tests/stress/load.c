/*
 * load.c - a mixed load: workers that are programs and shells, and whom it kills.
 *
 * Each worker has a place.  A shell is the leader of a process group, so that what it has started
 * ends with it.  Whoever ends is read out: a program by what it shares, a shell by its log.
 */
#include "load.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../mount/fixture.h"
#include "books.h"
#include "clients.h"
#include "watchdog.h"

enum { PROGRAMS = 24, SHELLS_MOST = 200, PLACES = PROGRAMS + SHELLS_MOST, BESIDE = 2 };

#define DIRECTORY "/run/load"

static const enum client_role programs[PROGRAMS] = {
	CLIENT_SENDER,        CLIENT_RECEIVER,        CLIENT_SENDER,         CLIENT_RECEIVER,
	CLIENT_SENDER,        CLIENT_RECEIVER,        CLIENT_NATIVE_SENDER,  CLIENT_NATIVE_RECEIVER,
	CLIENT_NATIVE_SENDER, CLIENT_NATIVE_RECEIVER, CLIENT_LOCKER,         CLIENT_LOCKER,
	CLIENT_NATIVE_LOCKER, CLIENT_SERVER,          CLIENT_SERVER,         CLIENT_MEMORY,
	CLIENT_MEMORY,        CLIENT_RECEIVER,        CLIENT_EXACT_SENDER,   CLIENT_EXACT_SENDER,
	CLIENT_EXACT_SENDER,  CLIENT_EXACT_RECEIVER,  CLIENT_EXACT_RECEIVER, CLIENT_EXACT_RECEIVER,
};
static const char *const shell_roles[] = {"sender",   "receiver", "locker", "sender",
					  "receiver", "locker",   "pipe",   "talker"};
enum { SHELL_ROLES = sizeof(shell_roles) / sizeof(*shell_roles) };

static struct place {
	pid_t pid; /* 0: nobody is here */
	bool shell;
	unsigned turn;   /* of a shell */
	uint32_t writer; /* of a shell */
} places[PLACES];

static struct {
	struct load_setting setting;
	struct clients_setting clients;
	struct client_state *states; /* of the programs, and of the reader of the pipe */
	unsigned seed;
	size_t places;
	pid_t pipe_reader, beside[BESIDE];
	unsigned killed, interrupted, ended, shell_operations;
	bool resting;
} load;

static unsigned any(unsigned below)
{
	return (unsigned)rand_r(&load.seed) % below;
}

static int64_t milliseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- starting ---- */

static pid_t child(void)
{
	sigset_t set;
	pid_t pid;

	fflush(NULL);
	/* One that notes what it does is not to die of an interruption before it can say so. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid)
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	assert_return_code(pid, errno);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static void unblock(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void start_program(size_t at)
{
	unsigned seed = any(INT_MAX);
	pid_t pid;

	memset(&load.states[at], 0, sizeof(*load.states));
	load.states[at].place = (unsigned)at;
	pid = child();
	if (pid == 0)
		client_run(programs[at], seed, &load.states[at], &load.clients);
	places[at].pid = pid;
}

static void start_shell(struct place *place)
{
	char writer[16], turn[16];
	pid_t pid;

	place->writer = books_writer(false);
	snprintf(writer, sizeof(writer), "%u", place->writer);
	snprintf(turn, sizeof(turn), "%u", place->turn / SHELL_ROLES);
	pid = child();
	if (pid == 0) {
		const char *shell = place->turn % 2 ? "bash" : "dash";
		int nowhere = open("/dev/null", O_RDWR);

		setpgid(0, 0);
		unblock();
		/* What it says that is of use it says in its log. */
		dup2(nowhere, 0);
		dup2(nowhere, 2);
		execlp(shell, shell, WORKER, shell_roles[place->turn % SHELL_ROLES], writer, turn,
		       DIRECTORY, NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	place->pid = pid;
}

static void start(size_t at)
{
	if (places[at].shell)
		start_shell(&places[at]);
	else
		start_program(at);
}

static pid_t start_beside(const char *script)
{
	pid_t pid = child();

	if (pid == 0) {
		setpgid(0, 0);
		unblock();
		execlp("sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	setpgid(pid, pid);
	return pid;
}

void load_start(const struct load_setting *setting)
{
	char script[512];

	load.setting = *setting;
	load.seed = setting->seed;
	load.clients = (struct clients_setting){DIRECTORY, setting->mount_dies};
	assert_in_range(setting->shells, 0, SHELLS_MOST);
	load.places = PROGRAMS + setting->shells;
	assert_return_code(mkdir(DIRECTORY, 0700), errno);
	if (setting->mount_dies)
		close(open(DIRECTORY "/daemon-dies", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	load.states = mmap(NULL, (PROGRAMS + 1) * sizeof(*load.states), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(load.states != MAP_FAILED);
	load.pipe_reader = child();
	if (load.pipe_reader == 0)
		client_read_pipe(&load.states[PROGRAMS]);
	for (size_t i = 0; i < load.places; i++) {
		places[i].shell = i >= PROGRAMS;
		places[i].turn = (unsigned)(i - PROGRAMS);
		start(i);
	}
	if (!setting->beside)
		return;
	snprintf(script, sizeof(script),
		 "cd /run && command -v stress-ng >/dev/null && exec stress-ng --quiet --timeout "
		 "%us "
		 "--sem 1 --sem-sysv 1 --mq 1 --msg 1 --shm 1 --shm-bytes 1M --shm-objs 4 "
		 "--shm-sysv 1 --shm-sysv-bytes 1M --shm-sysv-segs 4 --sock 1 >/dev/null 2>&1",
		 setting->seconds);
	load.beside[0] = start_beside(script);
	load.beside[1] =
		start_beside("while :; do find /mnt -type f ! -path '*/data' -exec cat {} + ; "
			     "ls -lR /mnt; done >/dev/null 2>&1");
}

/* ---- ending ---- */

static void reap_shell_log(const struct place *place)
{
	char path[64], *line = NULL;
	struct message message = {place->writer, 0};
	bool sending = false, receiving = false;
	size_t room = 0;
	ssize_t size;
	FILE *log;

	snprintf(path, sizeof(path), DIRECTORY "/log.%u", place->writer);
	log = fopen(path, "re");
	/* One that was killed at once has none. */
	while (log && (size = getline(&line, &room, log)) > 0) {
		bool killed = !strncmp(line, "x 13", 4) || !strncmp(line, "x 14", 4);

		line[--size] = '\0';
		switch (line[0]) {
		case 's':
			message.number = (uint32_t)atol(line + 2);
			books_sending(message);
			sending = true;
			break;
		case 'S':
			books_sent(message);
			sending = false;
			break;
		case 'r':
			receiving = true;
			break;
		case 'R':
			books_received(line + 2, (size_t)size - 2);
			receiving = false;
			break;
		case 'x': /* a message that was to be sent is in doubt, and stays it */
			if (receiving && (killed || strstr(line, "onnection abort")))
				books_may_have_lost(false);
			else if (!load.setting.mount_dies && !killed && !strstr(line, "nterrupted"))
				books_fault("a shell that %s: %s", sending ? "sends" : "receives",
					    line);
			sending = receiving = false;
			break;
		default:
			books_fault("a shell: %s", line);
		}
		load.shell_operations += strchr("SR", line[0]) != NULL;
	}
	if (receiving)
		books_may_have_lost(false);
	free(line);
	if (log)
		fclose(log);
	unlink(path);
	snprintf(path, sizeof(path), DIRECTORY "/said.%u", place->writer);
	unlink(path);
}

/* What a shell has started ends with it; nobody of its group is there when this returns. */
static void end_group(pid_t group)
{
	while (kill(-group, SIGKILL) == 0 || errno != ESRCH)
		while (waitpid(-group, NULL, WNOHANG) > 0)
			;
}

static void ended(struct place *place, int status)
{
	load.ended++;
	if (place->shell) {
		end_group(place->pid);
		reap_shell_log(place);
	} else if (load.states[place - places].receiving) {
		books_may_have_lost(false);
	}
	if (!place->shell && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		books_fault("a client has ended by itself: status 0x%x", status);
	place->pid = 0;
}

/* Takes note of who has ended; others in their places, unless all rest. */
static void reap_all(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == fixture_daemon())
			fail_msg("the daemon has ended: status 0x%x", status);
		for (size_t i = 0; i < load.places; i++)
			if (places[i].pid == pid) {
				ended(&places[i], status);
				if (!load.resting)
					start(i);
			}
	}
}

/* Some child of a shell, or the shell itself. */
static pid_t one_of_group(pid_t shell)
{
	char path[64], text[256];
	int child_pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)shell, (int)shell);
	if (any(2) && get(path, text, sizeof(text)) > 0 && sscanf(text, "%d", &child_pid) == 1)
		return child_pid;
	return shell;
}

static bool is_exact(const struct place *place)
{
	enum client_role role = place->shell ? CLIENT_ROLES : programs[place - places];

	return role == CLIENT_EXACT_SENDER || role == CLIENT_EXACT_RECEIVER;
}

static void kill_one(void)
{
	struct place *place = &places[any((unsigned)load.places)];
	bool hard = any(2) && !is_exact(place);

	if (!place->pid)
		return;
	kill(place->shell ? one_of_group(place->pid) : place->pid, hard ? SIGKILL : SIGINT);
	if (hard)
		load.killed++;
	else
		load.interrupted++;
}

/* Programs know what became of an operation that was interrupted: nothing. */
static void interrupt_programs(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = places[any(PROGRAMS)].pid;

		if (pid)
			kill(pid, SIGINT);
		load.interrupted += pid > 0;
	}
}

void load_go_on(unsigned time, unsigned every)
{
	const struct timespec pause = {0, 2000000};
	int64_t now = milliseconds(), until = now + time, next = now;

	while ((now = milliseconds()) < until) {
		if (every && now >= next) {
			kill_one();
			next = now + 1 + any(2 * every);
		}
		if (every)
			interrupt_programs();
		reap_all();
		nanosleep(&pause, NULL);
	}
}

static void pause_program(pid_t pid, struct client_state *state)
{
	const struct timespec pause = {0, 1000000};

	state->pause = true;
	/* It may be on its way into a call that waits. */
	while (!state->idle) {
		if (kill(pid, SIGINT) < 0)
			return;
		nanosleep(&pause, NULL);
	}
}

void load_pause(void)
{
	load.resting = true;
	for (size_t i = 0; i < load.places; i++)
		if (places[i].pid && places[i].shell)
			kill(-places[i].pid, SIGKILL);
	for (size_t i = 0; i < load.places; i++)
		while (places[i].pid && places[i].shell)
			reap_all();
	reap_all();
	for (size_t i = 0; i < PROGRAMS; i++)
		if (places[i].pid)
			pause_program(places[i].pid, &load.states[i]);
	reap_all();
	/* It takes what is in the pipe first. */
	pause_program(load.pipe_reader, &load.states[PROGRAMS]);
}

void load_resume(void)
{
	load.resting = false;
	for (size_t i = 0; i <= PROGRAMS; i++)
		load.states[i].pause = false;
	for (size_t i = 0; i < load.places; i++)
		if (!places[i].pid)
			start(i);
}

void load_end(void)
{
	if (!load.resting)
		load_pause();
	for (size_t i = 0; i < BESIDE; i++)
		if (load.beside[i])
			end_group(load.beside[i]);
	for (size_t i = 0; i < PROGRAMS; i++)
		if (places[i].pid) {
			kill(places[i].pid, SIGKILL);
			reap(places[i].pid);
			places[i].pid = 0;
		}
	kill(load.pipe_reader, SIGKILL);
	reap(load.pipe_reader);
}

void load_print(void)
{
	unsigned operations = 0;

	for (size_t i = 0; i < PROGRAMS; i++)
		operations += load.states[i].done;
	printf("%u messages by shells, %u operations of the programs that live; %u killed, %u "
	       "interrupted, %u ended\n",
	       load.shell_operations, operations, load.killed, load.interrupted, load.ended);
}

void load_check_books(void)
{
	struct books_sum sum = books_sum();
	const char *fault = books_first_fault();

	printf("%" PRIu64 " sent, %" PRIu64 " received; in doubt %" PRIu64
	       ", of which received %" PRIu64 "\n",
	       sum.sent, sum.received, sum.unsure, sum.unsure_received);
	printf("taken by who was killed: %" PRIu64 " of at most %" PRIu64
	       "; where nobody is killed %" PRIu64 " of at most %" PRIu64 "\n",
	       sum.lost[0], sum.may_lose[0], sum.lost[1], sum.may_lose[1]);
	if (fault)
		fail_msg("%s", fault);
	assert_int_equal(sum.twice, 0);
	assert_int_equal(sum.never_sent, 0);
	assert_int_equal(sum.refused_received, 0);
	assert_int_equal(sum.sent + sum.unsure_received, sum.received + sum.lost[0] + sum.lost[1]);
	assert_in_range(sum.lost[0], 0, sum.may_lose[0]);
	assert_in_range(sum.lost[1], 0, sum.may_lose[1]);
	if (!sum.lost[0] && !sum.lost[1] && !sum.unsure_received)
		assert_true(sum.sum_sent == sum.sum_received);
	assert_true(sum.received > 0);
}

static int end_mount(void **state)
{
	watchdog_expect(20, "unmounting");
	fixture_unmount(state);
	watchdog_expect(0, "");
	return 0;
}

int load_run(const char *name, void (*test)(void **state))
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test, fixture_mount, end_mount),
	};

	fixture_isolate();
	fixture_isolate_network();
	fixture_isolate_processes();
	books_open();
	watchdog_start();
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
