/*
 * test_pipes_looking.c - looking at pipes disturbs nobody: who waits goes on waiting, and processes
 * that come and go while they are looked at do no harm.
 */
#include "pipe_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMES = 200 };

/* Reads all regular files of a directory, and looks at the others; a link to one is a channel's. */
static void look_at(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char text[65536];
		struct stat st, itself;

		assert_return_code(fstatat(dirfd(dir), entry->d_name, &itself, AT_SYMLINK_NOFOLLOW),
				   errno);
		assert_return_code(fstatat(dirfd(dir), entry->d_name, &st, 0), errno);
		faccessat(dirfd(dir), entry->d_name, R_OK | W_OK, 0);
		if (S_ISREG(itself.st_mode)) {
			char file[600];

			snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
			assert_true(get(file, text, sizeof(text)) >= 0);
		} else if (S_ISFIFO(st.st_mode)) {
			int fd = openat(dirfd(dir), entry->d_name, O_PATH | O_CLOEXEC);

			assert_return_code(fd, errno);
			close(fd);
		}
	}
	closedir(dir);
}

struct opening {
	const char *name;
	int flags;
};

static int open_one(void *argument)
{
	const struct opening *opening = argument;

	return open_data(opening->name, opening->flags) < 0;
}

static void test_who_waits_goes_on_waiting(void **state)
{
	struct opening openings[] = {{"r", O_RDONLY}, {"w", O_WRONLY}};
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		make(openings[i].name, 0600);
		pids[i] = spawn(open_one, &openings[i]);
		wait_until_asleep_in(pids[i], "fifo_open");
	}
	for (int i = 0; i < TIMES; i++) {
		look_at(PIPES);
		look_at(PIPES "/r");
		look_at(PIPES "/w");
		look_at(PIPES "/anon");
		/* Neither of them is an end yet. */
		assert_int_equal(figure("r", "readers"), 0);
		assert_int_equal(figure("w", "writers"), 0);
		for (int j = 0; j < 2; j++)
			assert_int_equal(waitpid(pids[j], NULL, WNOHANG), 0);
	}
	for (int i = 0; i < 2; i++) {
		int fd;

		wait_until_asleep_in(pids[i], "fifo_open");
		/* As it has gone on waiting, it is there for who comes now. */
		fd = open_data(openings[i].name,
			       (openings[i].flags == O_RDONLY ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
		assert_true(fd >= 0);
		assert_int_equal(reap(pids[i]), 0);
		close(fd);
		assert_return_code(rmdir(in_pipe(openings[i].name, "")), errno);
	}
}

/* ---- processes that come and go ---- */

enum { PROCESSES = 1000, TOGETHER = 4 };

/* Processes with pipes that end as soon as they have begun: so many, then one for each byte. */
static int churn(void *argument)
{
	const int *more = argument;
	char byte;

	close(more[1]);
	for (int i = 0; i < PROCESSES || read(more[0], &byte, 1) > 0; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			int ends[2];

			_exit(pipe(ends) < 0 || write(ends[1], "x", 1) != 1);
		}
		if (i >= TOGETHER && wait(NULL) < 0)
			return 2;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

/* Pipes that may have gone by the time they are looked at; then there is no such file, and no other
 * error. */
static void look_at_unnamed(void)
{
	static const char *const files[] = {"bytes", "capacity", "readers", "holders", "status"};
	DIR *dir = opendir(PIPES "/anon");
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
			char path[600], text[65536];
			ssize_t got;

			snprintf(path, sizeof(path), PIPES "/anon/%s/%s", entry->d_name, files[i]);
			got = get(path, text, sizeof(text));
			if (got < 0)
				assert_int_equal(got, -ENOENT);
		}
	}
	closedir(dir);
}

/* Rows of words under three headers, and nothing that is no row. */
static void check_table(char *text)
{
	char *line, *rest = text;
	int headers = 0, rows = 0;

	while ((line = strsep(&rest, "\n"))) {
		char name[5000], owner[64];

		if (strncmp(line, "------ ", 7) == 0) {
			headers++;
		} else if (*line && *line != '#') {
			assert_int_equal(sscanf(line, "%4999s %63s", name, owner), 2);
			rows++;
		}
	}
	assert_int_equal(headers, 3);
	assert_true(rows >= 3);
}

static void test_processes_that_end(void **state)
{
	static char text[1 << 20];
	size_t before;
	json_t *status;
	int more[2];
	pid_t pid;

	assert_return_code(pipe(more), errno);
	status = status_of(PIPES "/status.json");
	json_decref(status);
	before = descriptors_for_good(fixture_daemon());
	pid = spawn(churn, more);
	for (int i = 0; i < TIMES; i++) {
		json_t *row;
		size_t at;

		status = status_of(PIPES "/status.json");
		/* Who is counted may have ended before its name was asked for. */
		json_array_foreach(status, at, row)
			assert_true(json_integer_value(json_object_get(row, "readers")) +
					    json_integer_value(json_object_get(row, "writers")) >
				    0);
		/* This process has a pipe, whatever becomes of others. */
		assert_string_equal(holder_how(row_of(status, anon_name(more[0])), getpid()),
				    "read-write");
		json_decref(status);
		assert_true(get(PIPES "/status", text, sizeof(text)) > 0);
		check_table(text);
		assert_true(get(PIPES "/holders", text, sizeof(text)) > 0);
		if (i % 10 == 0)
			look_at_unnamed();
		assert_int_equal(write(more[1], "x", 1), 1);
	}
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	close(more[1]);
	assert_int_equal(reap(pid), 0);
	wait_for_descriptors(fixture_daemon(), before);
	close(more[0]);
}

/* ---- many ---- */

enum { MANY_PROCESSES = 100, MANY_PIPES = 10 };

static int hold_many(void *argument)
{
	const int *ready = argument;

	for (int i = 0; i < MANY_PIPES; i++) {
		int ends[2];

		if (pipe(ends) < 0)
			return 1;
	}
	if (write(ready[1], "x", 1) != 1)
		return 1;
	pause();
	return 0;
}

static void test_many(void **state)
{
	int ready[2];
	pid_t pids[MANY_PROCESSES];
	size_t found[MANY_PROCESSES] = {0}, at;
	json_t *status, *row;
	char byte;

	assert_return_code(pipe(ready), errno);
	for (int i = 0; i < MANY_PROCESSES; i++)
		pids[i] = spawn(hold_many, ready);
	for (int i = 0; i < MANY_PROCESSES; i++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	status = status_of(PIPES "/status.json");
	json_array_foreach(status, at, row)
	{
		bool shared = row == row_of(status, anon_name(ready[0]));

		for (int i = 0; i < MANY_PROCESSES; i++)
			found[i] += !shared && holder_how(row, pids[i]) &&
				    row_number(row, "readers") == 1 &&
				    row_number(row, "writers") == 1;
		if (shared)
			assert_int_equal(row_number(row, "readers"), MANY_PROCESSES + 1);
	}
	json_decref(status);
	for (int i = 0; i < MANY_PROCESSES; i++) {
		assert_int_equal(found[i], MANY_PIPES);
		kill(pids[i], SIGKILL);
		assert_int_equal(reap(pids[i]), -SIGKILL);
	}
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_waits_goes_on_waiting),
		cmocka_unit_test(test_processes_that_end),
		cmocka_unit_test(test_many),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
