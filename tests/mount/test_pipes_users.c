/*
 * test_pipes_users.c - whose pipes and processes the tree shows to whom: a plain user sees his own
 * and the count of the rest, and odd names of processes are shown as text.
 */
#include "pipe_help.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Processes of other users that have a pipe open, counted by who may look into all. */
static long processes_with_pipes(uid_t but)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	long count = 0;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		struct dirent *number;
		char path[300];
		struct stat st;
		bool has = false;
		DIR *fds;

		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		if (!isdigit((unsigned char)*entry->d_name) || stat(path, &st) < 0 ||
		    st.st_uid == but || !(fds = opendir(path)))
			continue;
		while ((number = readdir(fds))) {
			/* What the daemon has open to look at pipes is its own business. */
			if (atoi(entry->d_name) == fixture_daemon() && atoi(number->d_name) > 2)
				continue;
			has = has || (fstatat(dirfd(fds), number->d_name, &st, 0) == 0 &&
				      S_ISFIFO(st.st_mode));
		}
		closedir(fds);
		count += has;
	}
	closedir(proc);
	return count;
}

struct stranger {
	int own[2], roots[2], go[2];
};

static int look_as_stranger(void *argument)
{
	struct stranger *stranger = argument;
	char text[65536], expected[64], path[64];
	json_t *status, *row;
	long others;
	struct stat st;
	uint64_t root_pipe = inode_of(stranger->roots[0]);

	close(stranger->roots[0]);
	close(stranger->roots[1]);
	close(stranger->go[1]);
	/* pipe(2) again, so that it is this user's. */
	close(stranger->own[0]);
	close(stranger->own[1]);
	become(OTHER);
	if (pipe(stranger->own) < 0)
		return 1;
	if (read(stranger->go[0], &others, sizeof(others)) != sizeof(others))
		return 2;
	close(stranger->go[0]);
	status = status_of(PIPES "/status.json");
	row = row_of(status, anon_name(stranger->own[0]));
	if (!row || strcmp(holder_how(row, getpid()), "read-write") != 0)
		return 3;
	snprintf(path, sizeof(path), "anon/%lu", (unsigned long)root_pipe);
	if (row_of(status, path))
		return 4;
	json_decref(status);
	if (stat(in_pipe(path, ""), &st) == 0 || errno != ENOENT)
		return 5;
	if (is_listed(PIPES "/anon", path + 5) ||
	    !is_listed(PIPES "/anon", anon_name(stranger->own[0]) + 5))
		return 6;
	if (get(PIPES "/status", text, sizeof(text)) <= 0)
		return 7;
	snprintf(expected, sizeof(expected), "\n# %ld process%s not shown: ", others,
		 others == 1 ? "" : "es");
	if (!strstr(text, expected)) {
		fprintf(stderr, "expected%s\nin%s\n", expected, text);
		return 8;
	}
	if (get(PIPES "/holders", text, sizeof(text)) <= 0 || !strstr(text, expected))
		return 9;
	return stat(in_pipe(anon_name(stranger->own[0]), ""), &st) < 0 || st.st_uid != OTHER ? 10
											     : 0;
}

static void test_users_see_their_own(void **state)
{
	struct stranger stranger;
	long others;
	json_t *status;
	char name[64], text[65536];
	pid_t pid, holder;

	assert_return_code(pipe(stranger.own), errno);
	assert_return_code(pipe(stranger.roots), errno);
	assert_return_code(pipe(stranger.go), errno);
	holder = spawn(pause_until_killed, NULL);
	/* That root has looked at it lets nobody else do so. */
	assert_true(figure(anon_name(stranger.roots[0]), "bytes") == 0);
	pid = spawn(look_as_stranger, &stranger);
	/* Until it is that user, it is one of those that are counted. */
	for (char path[32];;) {
		struct stat st;

		/* Unlike the directory above, it is root's until the process can be looked into. */
		snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
		assert_return_code(stat(path, &st), errno);
		if (st.st_uid == OTHER)
			break;
	}
	others = processes_with_pipes(OTHER);
	assert_true(others >= 2);
	assert_int_equal(write(stranger.go[1], &others, sizeof(others)), sizeof(others));
	assert_int_equal(reap(pid), 0);
	end(holder);
	/* Root sees all, so there is nothing to count. */
	snprintf(name, sizeof(name), "%s", anon_name(stranger.roots[0]));
	status = status_of(PIPES "/status.json");
	assert_non_null(row_of(status, name));
	json_decref(status);
	assert_true(get(PIPES "/status", text, sizeof(text)) > 0);
	assert_null(strstr(text, "\n# "));
	for (int i = 0; i < 2; i++) {
		close(stranger.own[i]);
		close(stranger.roots[i]);
		close(stranger.go[i]);
	}
}

/* An end of a stranger's is counted, and not named. */
static int count_as_other(void *argument)
{
	const int *both = argument;
	json_t *status;

	close(*both);
	become(OTHER);
	status = status_of(PIPES "/shared/status.json");
	if (json_array_size(json_object_get(row_of(status, "shared"), "holders")) != 0)
		return 1;
	if (row_number(row_of(status, "shared"), "hidden") != 1 ||
	    row_number(row_of(status, "shared"), "readers") != 1 ||
	    row_number(row_of(status, "shared"), "bytes") != 3)
		return 2;
	json_decref(status);
	return 0;
}

static void test_hidden_holders(void **state)
{
	int both;

	make("shared", 0644);
	both = open_data("shared", O_RDWR);
	assert_int_equal(write(both, "abc", 3), 3);
	assert_int_equal(reap(spawn(count_as_other, &both)), 0);
	close(both);
	assert_return_code(rmdir(PIPES "/shared"), errno);
}

/* A process may call itself what it likes. */
static int odd_name(void *argument)
{
	int *ends = argument;
	FILE *comm = fopen("/proc/self/comm", "we");

	fputs("\033[2J,a b\n\xff\\", comm);
	fclose(comm);
	close(ends[0]);
	return pause_until_killed(NULL);
}

static void test_odd_commands(void **state)
{
	char text[65536], word[64];
	json_t *status;
	int ends[2];
	pid_t pid;

	assert_return_code(pipe(ends), errno);
	pid = spawn(odd_name, ends);
	close(ends[1]);
	wait_for_command(pid, "\033");
	status = status_of(PIPES "/status.json");
	json_decref(status);
	assert_true(get(PIPES "/status", text, sizeof(text)) > 0);
	snprintf(word, sizeof(word), "%d/\\033[2J\\054a\\040b\\012\xff\\134", (int)pid);
	assert_non_null(strstr(text, word));
	assert_null(strchr(text, '\033'));
	assert_true(get(PIPES "/holders", text, sizeof(text)) > 0);
	assert_null(strchr(text, '\033'));
	end(pid);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users_see_their_own),
		cmocka_unit_test(test_hidden_holders),
		cmocka_unit_test(test_odd_commands),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
