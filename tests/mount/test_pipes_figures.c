/*
 * test_pipes_figures.c - what the tree says of pipes is what the kernel says on a descriptor of
 * them: how full, how large, who has which end; of named ones and of those that any program makes.
 */
#include "pipe_help.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static long kernel_bytes(int fd)
{
	int bytes;

	assert_return_code(ioctl(fd, FIONREAD, &bytes), errno);
	return bytes;
}

/* Every way in which the tree tells it must tell what the descriptor says. */
static void check_figures(const char *name, int fd)
{
	long bytes = kernel_bytes(fd), capacity = fcntl(fd, F_GETPIPE_SZ);
	json_t *own = status_of(in_pipe(name, "status.json")),
	       *all = status_of(PIPES "/status.json");

	assert_int_equal(figure(name, "bytes"), bytes);
	assert_int_equal(figure(name, "capacity"), capacity);
	assert_int_equal(json_array_size(own), 1);
	assert_int_equal(row_number(row_of(own, name), "bytes"), bytes);
	assert_int_equal(row_number(row_of(own, name), "capacity"), capacity);
	assert_int_equal(row_number(row_of(own, name), "inode"), inode_of(fd));
	assert_true(json_equal(row_of(own, name), row_of(all, name)));
	json_decref(own);
	json_decref(all);
}

/* ---- named ---- */

static void test_named(void **state)
{
	char bytes[5000] = "", empty[8];
	int both;

	make("n", 0600);
	/* Nobody has it open: nothing is in it, and it has no capacity. */
	assert_int_equal(figure("n", "bytes"), 0);
	assert_int_equal(get(PIPES "/n/capacity", empty, sizeof(empty)), 0);
	assert_int_equal(set("n", "capacity", "4096"), -ENXIO);
	both = open_data("n", O_RDWR);
	check_figures("n", both);
	for (size_t size = 1; size < sizeof(bytes); size += 1111) {
		assert_int_equal(write(both, bytes, size), size);
		check_figures("n", both);
	}
	assert_int_equal(read(both, bytes, 77), 77);
	check_figures("n", both);
	close(both);
	assert_int_equal(figure("n", "bytes"), 0);
	assert_return_code(rmdir(PIPES "/n"), errno);
}

/* For more than fs.pipe-max-size one needs CAP_SYS_RESOURCE, which this user has not. */
static int ask_for_more(void *unused)
{
	char more[16];

	become(OWNER);
	snprintf(more, sizeof(more), "%ld", 2 * get_number("/proc/sys/fs/pipe-max-size"));
	return -set("c", "capacity", more);
}

static void test_capacity(void **state)
{
	static const char *const wrong[] = {
		"\n", "x",     "-1",     "0",          "4096 4096",
		"4k", "4096x", "0x1000", "2147483648", "99999999999999999999"};
	char bytes[9000] = "", status[65536];
	long before;
	int both;

	make("c", 0600);
	assert_return_code(chown(PIPES "/c", OWNER, OWNER), errno);
	both = open_data("c", O_RDWR);
	assert_int_equal(set("c", "capacity", "1"), 0);
	assert_int_equal(fcntl(both, F_GETPIPE_SZ), sysconf(_SC_PAGESIZE));
	assert_int_equal(set("c", "capacity", "65536\n"), 0);
	assert_int_equal(fcntl(both, F_GETPIPE_SZ), 65536);
	assert_int_equal(fcntl(both, F_SETPIPE_SZ, 131072), 131072);
	check_figures("c", both);
	before = fcntl(both, F_GETPIPE_SZ);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(set("c", "capacity", wrong[i]), -EINVAL);
	assert_int_equal(reap(spawn(ask_for_more, NULL)), EPERM);
	assert_true(get(MOUNT "/errors", status, sizeof(status)) > 0);
	assert_non_null(strstr(status, "fs.pipe-max-size is "));
	assert_int_equal(write(both, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(set("c", "capacity", "4096"), -EBUSY);
	assert_int_equal(fcntl(both, F_GETPIPE_SZ), before);
	check_figures("c", both);
	close(both);
	assert_return_code(rmdir(PIPES "/c"), errno);
}

/* Who may not write a pipe may not set its capacity. */
static int set_capacity_as_reader(void *unused)
{
	become(OTHER);
	return -set("w", "capacity", "8192");
}

static void test_capacity_takes_permission(void **state)
{
	int both;

	make("w", 0644);
	both = open_data("w", O_RDWR);
	assert_int_equal(reap(spawn(set_capacity_as_reader, NULL)), EACCES);
	assert_return_code(chmod(PIPES "/w", 0646), errno);
	assert_int_equal(reap(spawn(set_capacity_as_reader, NULL)), 0);
	assert_int_equal(fcntl(both, F_GETPIPE_SZ), 8192);
	close(both);
	assert_return_code(rmdir(PIPES "/w"), errno);
}

/* A process counts once for each end, however many descriptors of it there are. */
static void check_counts(const char *name, long readers, long writers)
{
	json_t *status = status_of(in_pipe(name, "status.json"));

	assert_int_equal(figure(name, "readers"), readers);
	assert_int_equal(figure(name, "writers"), writers);
	assert_int_equal(row_number(row_of(status, name), "readers"), readers);
	assert_int_equal(row_number(row_of(status, name), "writers"), writers);
	json_decref(status);
}

static void test_counts(void **state)
{
	int reader, writer, again, both, path;
	json_t *status;
	pid_t heir;

	make("count", 0600);
	check_counts("count", 0, 0);
	path = open_data("count", O_PATH);
	check_counts("count", 0, 0);
	reader = open_data("count", O_RDONLY | O_NONBLOCK);
	check_counts("count", 1, 0);
	again = dup(reader);
	check_counts("count", 1, 0);
	writer = open_data("count", O_WRONLY);
	check_counts("count", 1, 1);
	status = status_of(PIPES "/count/status.json");
	assert_string_equal(holder_how(row_of(status, "count"), getpid()), "read-write");
	json_decref(status);
	heir = spawn(pause_until_killed, NULL);
	check_counts("count", 2, 2);
	close(reader);
	close(again);
	check_counts("count", 1, 2);
	status = status_of(PIPES "/count/status.json");
	assert_string_equal(holder_how(row_of(status, "count"), getpid()), "write");
	assert_string_equal(holder_how(row_of(status, "count"), heir), "read-write");
	json_decref(status);
	both = open_data("count", O_RDWR);
	check_counts("count", 2, 2);
	end(heir);
	check_counts("count", 1, 1);
	close(both);
	close(writer);
	check_counts("count", 0, 0);
	close(path);
	assert_return_code(rmdir(PIPES "/count"), errno);
}

/* ---- unnamed ---- */

/* The row of an unnamed pipe must name these two, and its directory say the same. */
static void check_ends(int fd, pid_t writer, pid_t reader)
{
	const char *name = anon_name(fd);
	json_t *all = status_of(PIPES "/status.json"), *row = row_of(all, name);

	assert_non_null(row);
	assert_string_equal(json_string_value(json_object_get(row, "family")), "unnamed");
	assert_string_equal(holder_how(row, writer), "write");
	assert_string_equal(holder_how(row, reader), "read");
	assert_int_equal(json_array_size(json_object_get(row, "holders")), 2);
	assert_int_equal(figure(name, "readers"), 1);
	assert_int_equal(figure(name, "writers"), 1);
	check_figures(name, fd);
	json_decref(all);
}

static void check_command(int fd, pid_t pid, const char *command)
{
	json_t *all = status_of(PIPES "/status.json"), *row = row_of(all, anon_name(fd));
	char text[65536], word[64];

	assert_string_equal(holder_command(row, pid), command);
	json_decref(all);
	snprintf(word, sizeof(word), "%d/%s", (int)pid, command);
	assert_true(get(PIPES "/status", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, word));
	assert_true(get(in_pipe(anon_name(fd), "holders"), text, sizeof(text)) > 0);
	snprintf(word, sizeof(word), "%d root ", (int)pid);
	assert_non_null(strstr(text, word));
}

static void test_popen_to_read(void **state)
{
	FILE *pipe = popen("echo $$; exec sleep 1000", "re");
	int child;

	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%d", &child), 1);
	wait_for_command(child, "sleep");
	check_ends(fileno(pipe), child, getpid());
	check_command(fileno(pipe), child, "sleep");
	kill(child, SIGKILL);
	pclose(pipe);
}

static void test_popen_to_write(void **state)
{
	int report[2], child;
	char command[64], text[16] = "";
	FILE *pipe;

	assert_return_code(pipe2(report, 0), errno);
	snprintf(command, sizeof(command), "echo $$ >&%d; exec cat %d>&- %d<&-", report[1],
		 report[1], report[0]);
	pipe = popen(command, "we");
	assert_non_null(pipe);
	assert_true(read(report[0], text, sizeof(text) - 1) > 0);
	child = atoi(text);
	wait_for_command(child, "cat");
	check_ends(fileno(pipe), getpid(), child);
	check_command(fileno(pipe), child, "cat");
	assert_int_equal(pclose(pipe), 0);
	close(report[0]);
	close(report[1]);
}

static int keep_writing_end(void *argument)
{
	const int *ends = argument;

	close(ends[0]);
	return pause_until_killed(NULL);
}

static int become_program(void *argument)
{
	const int *ends = argument;

	close(ends[0]);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	execlp("sleep", "sleep", "1000", NULL);
	return 127;
}

static void test_pipe_and_fork(void **state)
{
	int (*const children[])(void *) = {keep_writing_end, become_program};

	for (int i = 0; i < 2; i++) {
		int ends[2];
		pid_t child;

		assert_return_code(pipe(ends), errno);
		child = spawn(children[i], ends);
		if (children[i] == become_program)
			wait_for_command(child, "sleep");
		close(ends[1]);
		/* The child closes its copy of the reading end first thing. */
		while (figure(anon_name(ends[0]), "readers") != 1)
			;
		check_ends(ends[0], child, getpid());
		end(child);
		close(ends[0]);
	}
}

static int fill(void *argument)
{
	static const char zeros[4096];
	int *ends = argument;

	close(ends[0]);
	while (write(ends[1], zeros, sizeof(zeros)) > 0)
		;
	return 0;
}

static int hold_reading_end(void *argument)
{
	const int *ends = argument;

	close(ends[1]);
	return pause_until_killed(NULL);
}

/* The pipeline is stuck, and the tree says where: the pipe is full, these two have it. */
static void test_full(void **state)
{
	pid_t writer, reader;
	json_t *status;
	char name[64];
	int ends[2];

	assert_return_code(pipe(ends), errno);
	writer = spawn(fill, ends);
	reader = spawn(hold_reading_end, ends);
	snprintf(name, sizeof(name), "%s", anon_name(ends[0]));
	wait_until_asleep_in(writer, "pipe_write");
	wait_until_asleep_in(reader, "pause"); /* it has closed the other end */
	check_figures(name, ends[0]);
	assert_int_equal(figure(name, "bytes"), figure(name, "capacity"));
	close(ends[0]);
	close(ends[1]);
	while (figure(name, "readers") != 1 || figure(name, "writers") != 1)
		;
	status = status_of(in_pipe(name, "status.json"));
	assert_string_equal(holder_how(row_of(status, name), writer), "write");
	assert_string_equal(holder_how(row_of(status, name), reader), "read");
	json_decref(status);
	end(reader);
	/* Nobody reads any more. */
	assert_int_equal(reap(writer), -SIGPIPE);
	assert_int_equal(access(in_pipe(name, ""), F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

/* A number that is none, or no pipe's. */
static void test_no_such_pipe(void **state)
{
	static const char *const names[] = {"0",  "01",
					    "x",  "-1",
					    "1x", "99999999999999999999",
					    "+1", " 1",
					    "1 ", "184467440737095516160"};
	struct stat st;
	int ends[2];
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), PIPES "/anon/%s", names[i]);
		assert_int_equal(stat(path, &st), -1);
		assert_int_equal(errno, ENOENT);
	}
	assert_return_code(pipe(ends), errno);
	snprintf(path, sizeof(path), PIPES "/%s", anon_name(ends[0]));
	assert_return_code(stat(path, &st), errno);
	assert_int_equal(rmdir(path), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(chmod(path, 0666), -1);
	assert_int_equal(errno, EPERM);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

/* A process in a PID namespace below is called by its pid up here. */
static int enter_namespace(void *argument)
{
	const int *ends = argument;
	pid_t inner;

	if (unshare(CLONE_NEWPID) < 0)
		return 1;
	inner = fork();
	if (inner == 0)
		_exit(pause_until_killed(NULL));
	close(ends[0]);
	if (write(ends[1], &inner, sizeof(inner)) != sizeof(inner))
		return 1;
	close(ends[1]);
	return waitpid(inner, NULL, 0) < 0;
}

static void test_pid_namespace(void **state)
{
	json_t *status;
	pid_t outer, inner;
	int ends[2];

	assert_return_code(pipe(ends), errno);
	outer = spawn(enter_namespace, ends);
	assert_int_equal(read(ends[0], &inner, sizeof(inner)), sizeof(inner));
	assert_true(inner > outer);
	while (figure(anon_name(ends[0]), "writers") != 2)
		;
	status = status_of(in_pipe(anon_name(ends[0]), "status.json"));
	assert_string_equal(holder_how(row_of(status, anon_name(ends[0])), inner), "read-write");
	json_decref(status);
	check_figures(anon_name(ends[0]), ends[0]);
	assert_return_code(kill(inner, SIGKILL), errno);
	assert_int_equal(reap(outer), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_capacity_takes_permission),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_popen_to_read),
		cmocka_unit_test(test_popen_to_write),
		cmocka_unit_test(test_pipe_and_fork),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_such_pipe),
		cmocka_unit_test(test_pid_namespace),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
