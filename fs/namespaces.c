/*
 * namespaces.c - whether a caller is where the tree is.
 *
 * A mount namespace or a root directory of its own is nothing strange, a service has one for its
 * /tmp.  What counts is whether /dev/shm and the run directory are the same there.  The tables of
 * mounts tell: no path is walked in a tree of mounts that another process may serve.
 */
#include "namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"

enum { USER, IPC, NETWORK, PID, MOUNT, NAMESPACES };

static const struct {
	const char *file;
	unsigned bit;
} kinds_of[NAMESPACES] = {
	[USER] = {"ns/user", 0},
	[IPC] = {"ns/ipc", NAMESPACE_IPC},
	[NETWORK] = {"ns/net", NAMESPACE_NETWORK},
	[PID] = {"ns/pid", NAMESPACE_PID},
	[MOUNT] = {"ns/mnt", 0},
};

enum { NAMESPACE_TEXT = 40 };

enum { MEMORY_FS, RUN_DIR, PLACES };

/* What is mounted at or above a path: device and directory of the file system, and where. */
struct mounted {
	char device[32], root[PATH_MAX], at[PATH_MAX];
};

static struct {
	char namespaces[NAMESPACES][NAMESPACE_TEXT]; /* "": the kernel has none of that kind */
	/* As proc_pid_mountinfo(5) writes it; "" is the same everywhere. */
	char path[PLACES][PATH_MAX];
	struct mounted mounted[PLACES];
} own;

static const unsigned place_bits[PLACES] = {NAMESPACE_MEMORY_FS, NAMESPACE_RUN_DIR};

/* As the text of its link, "ipc:[4026531839]". */
static int namespace_of(int directory, const char *file, char text[NAMESPACE_TEXT])
{
	ssize_t length = readlinkat(directory, file, text, NAMESPACE_TEXT - 1);

	if (length < 0)
		return -errno;
	text[length] = '\0';
	return 0;
}

static bool is_at_or_above(const char *at, const char *path)
{
	size_t length = strlen(at);

	return strcmp(at, "/") == 0 ||
	       (strncmp(at, path, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* The deepest mount, and of several at one place the last. */
static void meet(struct mounted found[PLACES], char *const words[5])
{
	for (int i = 0; i < PLACES; i++) {
		if (!own.path[i][0] || !is_at_or_above(words[4], own.path[i]) ||
		    strlen(words[4]) < strlen(found[i].at))
			continue;
		snprintf(found[i].device, sizeof(found[i].device), "%s", words[2]);
		snprintf(found[i].root, sizeof(found[i].root), "%s", words[3]);
		snprintf(found[i].at, sizeof(found[i].at), "%s", words[4]);
	}
}

/*
 * By proc_pid_mountinfo(5) in @directory, whose paths begin at the root directory of that process.
 */
static int mounted_of(int directory, struct mounted found[PLACES])
{
	int fd = openat(directory, "mountinfo", O_RDONLY | O_CLOEXEC), error;
	FILE *mounts = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t room = 0;

	memset(found, 0, PLACES * sizeof(*found));
	if (!mounts) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (getline(&line, &room, mounts) > 0) {
		char *save, *words[5], *rest = line;
		int count = 0;

		while (count < 5 && (words[count] = strtok_r(rest, " ", &save))) {
			rest = NULL;
			count++;
		}
		if (count == 5)
			meet(found, words);
	}
	free(line);
	fclose(mounts);
	return 0;
}

static void note_mounted(void)
{
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	mounted_of(self, own.mounted);
	if (self >= 0)
		close(self);
}

void namespaces_setup(void)
{
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < NAMESPACES; i++)
		if (namespace_of(self, kinds_of[i].file, own.namespaces[i]) < 0)
			own.namespaces[i][0] = '\0';
	if (self >= 0)
		close(self);
	strcpy(own.path[MEMORY_FS], "/dev/shm");
	note_mounted();
}

void namespaces_note_run_dir(const char *path)
{
	char *out = own.path[RUN_DIR], *end = out + PATH_MAX - 5;

	for (; *path && out < end; path++)
		if (strchr(" \t\n\\", *path))
			out += sprintf(out, "\\%03o", *path);
		else
			*out++ = *path;
	*out = '\0';
	note_mounted();
}

/* Whether paths lead from elsewhere: then as text, because the directory may be anybody's. */
static bool has_other_root(int directory)
{
	char root[2];

	return readlinkat(directory, "root", root, sizeof(root)) != 1 || root[0] != '/';
}

static bool same_mount(const struct mounted *a, const struct mounted *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->root, b->root) == 0 &&
	       strcmp(a->at, b->at) == 0;
}

static unsigned foreign_places(int directory)
{
	struct mounted *theirs = calloc(PLACES, sizeof(*theirs));
	unsigned foreign = 0;
	int error = theirs ? mounted_of(directory, theirs) : -ENOMEM;

	for (int i = 0; i < PLACES; i++)
		if (own.path[i][0] && (error || !same_mount(&own.mounted[i], &theirs[i])))
			foreign |= place_bits[i];
	free(theirs);
	return foreign;
}

/* Which of @wanted have to be asked for to know: those of one bit, and for places the mounts. */
static bool is_wanted(int which, unsigned wanted)
{
	if (which == USER)
		return true;
	if (which == MOUNT)
		return wanted & (NAMESPACE_MEMORY_FS | NAMESPACE_RUN_DIR);
	return wanted & kinds_of[which].bit;
}

bool namespaces_tell_ended(void)
{
	return own.namespaces[USER][0];
}

bool namespaces_know_all_ids(void)
{
	char first[NAMESPACE_TEXT];

	snprintf(first, sizeof(first), "user:[%u]", (unsigned)FIRST_USER_NAMESPACE);
	return strcmp(own.namespaces[USER], first) == 0;
}

bool namespaces_are_of_others(pid_t pid)
{
	char path[64], text[NAMESPACE_TEXT];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, kinds_of[USER].file);
	return own.namespaces[USER][0] && namespace_of(AT_FDCWD, path, text) == 0 &&
	       strcmp(text, own.namespaces[USER]) != 0;
}

int namespaces_compare(int directory, unsigned wanted, unsigned *foreign)
{
	bool other_mounts = is_wanted(MOUNT, wanted) && has_other_root(directory);
	char text[NAMESPACE_TEXT];

	*foreign = 0;
	for (int i = 0; i < NAMESPACES; i++) {
		if (!own.namespaces[i][0] || !is_wanted(i, wanted))
			continue;
		if (namespace_of(directory, kinds_of[i].file, text) < 0)
			return -EACCES;
		if (strcmp(text, own.namespaces[i]) == 0)
			continue;
		if (i == USER)
			return -EXDEV;
		if (i == MOUNT)
			other_mounts = true;
		*foreign |= kinds_of[i].bit;
	}
	if (other_mounts)
		*foreign |= foreign_places(directory) & wanted;
	return 0;
}
