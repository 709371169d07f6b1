/*
 * holders_help.c - what the tests of holders, orphans and unnamed share.
 */
#include "holders_help.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

void holders_read(const char *path, bool objects, struct holder_list *list)
{
	static char text[1 << 20];
	char file[400], *line, *rest = text;
	ssize_t size;

	snprintf(file, sizeof(file), MOUNT "/%s", path);
	size = get(file, text, sizeof(text));
	if (size < 0)
		fail_msg("%s: %s", file, strerror((int)-size));
	list->count = 0;
	list->hidden = 0;
	assert_true(size == 0 || text[size - 1] == '\n');
	while ((line = strsep(&rest, "\n")) && *line) {
		struct holder_line *to = &list->lines[list->count];
		int end = 0;

		/* Only the last one may begin so. */
		assert_int_equal(list->hidden, 0);
		if (*line == '#') {
			assert_int_equal(sscanf(line, "# %ld process", &list->hidden), 1);
			continue;
		}
		assert_true(list->count < HOLDERS_MAX);
		*to = (struct holder_line){.pid = 0};
		if (objects) {
			assert_int_equal(sscanf(line, "%299s%n", to->object, &end), 1);
			line += end;
		}
		assert_int_equal(sscanf(line, "%d %63s %79s%n", &to->pid, to->user, to->how, &end),
				 3);
		assert_int_equal(line[end], ' ');
		snprintf(to->command, sizeof(to->command), "%s", line + end + 1);
		list->count++;
	}
}

const struct holder_line *holder_find(const struct holder_list *list, const char *object, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->lines[i].pid == pid &&
		    (!object || strcmp(list->lines[i].object, object) == 0))
			return &list->lines[i];
	return NULL;
}

void wait_until(bool (*is)(void *context), void *context, const char *what)
{
	const struct timespec pause = {0, 5000000};

	for (int i = 0; i < 6000; i++) {
		if (is(context))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("it never came: %s", what);
}

struct wanted {
	const char *path, *how;
	pid_t pid;
	struct holder_list list;
};

static bool is_held(void *context)
{
	struct wanted *wanted = context;
	const struct holder_line *line;

	holders_read(wanted->path, false, &wanted->list);
	line = holder_find(&wanted->list, NULL, wanted->pid);
	return line && strcmp(line->how, wanted->how) == 0;
}

void wait_until_held(const char *path, pid_t pid, const char *how)
{
	static struct wanted wanted;
	char what[400];

	wanted = (struct wanted){.path = path, .how = how, .pid = pid};
	snprintf(what, sizeof(what), "%s %d %s", path, (int)pid, how);
	wait_until(is_held, &wanted, what);
}

bool has_entry(const char *directory, const char *name)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	bool found = false;

	assert_non_null(dir);
	while (!found && (entry = readdir(dir)))
		found = strcmp(entry->d_name, name) == 0;
	closedir(dir);
	return found;
}

void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(100);
	/* As after an exec: else the kernel lets nobody look into it. */
	prctl(PR_SET_DUMPABLE, 1);
}
