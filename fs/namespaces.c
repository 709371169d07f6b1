/*
 * namespaces.c - whether a caller is where the tree is.
 *
 * A mount namespace or a root directory of its own is nothing strange, a service has one for its
 * /tmp.  What counts is whether /dev/shm and the run directory are the same there.  The tables of
 * mounts tell: no path is walked in a tree of mounts that another process may serve.
 */
#include "namespaces.h"

#include <errno.h>
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
	[USER] = {"user", 0},
	[IPC] = {"ipc", NAMESPACE_IPC},
	[NETWORK] = {"net", NAMESPACE_NETWORK},
	[PID] = {"pid", NAMESPACE_PID},
	[MOUNT] = {"mnt", 0},
};

enum { MEMORY_FS, RUN_DIR, PLACES };

/* What is mounted at or above a path: device and directory of the file system, and where. */
struct mounted {
	char device[32], root[PATH_MAX], at[PATH_MAX];
};

static struct {
	ino_t namespaces[NAMESPACES]; /* 0: the kernel has none of that kind */
	/* As proc_pid_mountinfo(5) writes it; "" is the same everywhere. */
	char path[PLACES][PATH_MAX];
	struct mounted mounted[PLACES];
} own;

static const unsigned place_bits[PLACES] = {NAMESPACE_MEMORY_FS, NAMESPACE_RUN_DIR};

static int namespace_of(const char *pid, int which, ino_t *number)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kinds_of[which].file);
	if (stat(path, &st) < 0)
		return -errno;
	*number = st.st_ino;
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

/* By proc_pid_mountinfo(5), whose paths begin at the root directory of that process. */
static int mounted_of(const char *pid, struct mounted found[PLACES])
{
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *mounts;

	memset(found, 0, PLACES * sizeof(*found));
	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	mounts = fopen(path, "re");
	if (!mounts)
		return -errno;
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

void namespaces_setup(void)
{
	for (int i = 0; i < NAMESPACES; i++)
		if (namespace_of("self", i, &own.namespaces[i]) < 0)
			own.namespaces[i] = 0;
	strcpy(own.path[MEMORY_FS], "/dev/shm");
	mounted_of("self", own.mounted);
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
	mounted_of("self", own.mounted);
}

/* Whether paths lead from elsewhere: then as text, because the directory may be anybody's. */
static bool has_other_root(const char *pid)
{
	char path[64], root[2];

	snprintf(path, sizeof(path), "/proc/%s/root", pid);
	return readlink(path, root, sizeof(root)) != 1 || root[0] != '/';
}

static bool same_mount(const struct mounted *a, const struct mounted *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->root, b->root) == 0 &&
	       strcmp(a->at, b->at) == 0;
}

static unsigned foreign_places(const char *pid)
{
	struct mounted *theirs = calloc(PLACES, sizeof(*theirs));
	unsigned foreign = 0;
	int error = theirs ? mounted_of(pid, theirs) : -ENOMEM;

	for (int i = 0; i < PLACES; i++)
		if (own.path[i][0] && (error || !same_mount(&own.mounted[i], &theirs[i])))
			foreign |= place_bits[i];
	free(theirs);
	return foreign;
}

int namespaces_compare(pid_t pid, unsigned *foreign)
{
	bool other_mounts;
	char text[16];

	*foreign = 0;
	snprintf(text, sizeof(text), "%d", (int)pid);
	other_mounts = has_other_root(text);
	for (int i = 0; i < NAMESPACES; i++) {
		ino_t number = 0;

		if (!own.namespaces[i])
			continue;
		if (namespace_of(text, i, &number) < 0)
			return -EACCES;
		if (number == own.namespaces[i])
			continue;
		if (i == USER)
			return -EXDEV;
		if (i == MOUNT)
			other_mounts = true;
		*foreign |= kinds_of[i].bit;
	}
	if (other_mounts)
		*foreign |= foreign_places(text);
	return 0;
}
