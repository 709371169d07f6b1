/*
 * pipe_help.c - what the tests of pipes/ share.
 */
#include "pipe_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *in_pipe(const char *name, const char *file)
{
	static char paths[4][2048];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), PIPES "/%s%s%s", name, *file ? "/" : "", file);
	return path;
}

void make(const char *name, mode_t mode)
{
	assert_return_code(mkdir(in_pipe(name, ""), mode), errno);
}

int open_data(const char *name, int flags)
{
	int fd = open(in_pipe(name, "data"), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

long figure(const char *name, const char *file)
{
	return get_number(in_pipe(name, file));
}

int set(const char *name, const char *file, const char *text)
{
	return put(in_pipe(name, file), text);
}

void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(100);
	/* As exec does; without it this user could not look into its own process. */
	prctl(PR_SET_DUMPABLE, 1);
}

uint64_t inode_of(int fd)
{
	struct stat st;

	assert_return_code(fstat(fd, &st), errno);
	return st.st_ino;
}

const char *anon_name(int fd)
{
	static char name[64];

	snprintf(name, sizeof(name), "anon/%" PRIu64, inode_of(fd));
	return name;
}

json_t *status_of(const char *path)
{
	json_error_t error;
	json_t *status = json_load_file(path, 0, &error);

	if (!status)
		fail_msg("%s: %s", path, error.text);
	assert_true(json_is_array(status));
	return status;
}

json_t *row_of(json_t *status, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach(status, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
			return row;
	}
	return NULL;
}

long row_number(json_t *row, const char *key)
{
	json_t *value = json_object_get(row, key);

	assert_true(json_is_integer(value));
	return (long)json_integer_value(value);
}

static const char *holder_word(json_t *row, pid_t pid, const char *key)
{
	json_t *holder;
	size_t i;

	assert_non_null(row);
	json_array_foreach(json_object_get(row, "holders"), i, holder)
	{
		if (json_integer_value(json_object_get(holder, "pid")) == pid)
			return json_string_value(json_object_get(holder, key));
	}
	return NULL;
}

const char *holder_how(json_t *row, pid_t pid)
{
	return holder_word(row, pid, "how");
}

const char *holder_command(json_t *row, pid_t pid)
{
	return holder_word(row, pid, "command");
}

bool is_listed(const char *directory, const char *name)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	bool found = false;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		found = found || strcmp(entry->d_name, name) == 0;
	closedir(dir);
	return found;
}

size_t descriptors_for_good(pid_t pid)
{
	enum { LOOKS = 100 };
	size_t least = descriptors_of(pid);

	for (int i = 1; i < LOOKS; i++) {
		size_t count = descriptors_of(pid);
		struct stat st;

		least = count < least ? count : least;
		assert_return_code(stat(MOUNT "/README", &st), errno);
	}
	return least;
}

void wait_for_descriptors(pid_t pid, size_t count)
{
	const struct timespec pause = {0, 1000000};

	while (descriptors_of(pid) > count)
		nanosleep(&pause, NULL);
}

void wait_for_command(pid_t pid, const char *command)
{
	char path[32], text[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	do
		assert_true(get(path, text, sizeof(text)) > 0);
	while (strncmp(text, command, strlen(command)) != 0);
}

int pause_until_killed(void *unused)
{
	while (pause() < 0)
		;
	return 0;
}

void end(pid_t pid)
{
	assert_return_code(kill(pid, SIGKILL), errno);
	assert_int_equal(reap(pid), -SIGKILL);
}
