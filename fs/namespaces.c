/*
 * namespaces.c - whether a caller's namespaces are those in which the daemon was started.
 *
 * A mount namespace of its own is nothing strange, a service has one for its /tmp.  What counts is
 * whether /dev/shm is the same there.  The tables of mounts tell: no path is walked in a tree of
 * mounts that another process may serve.
 */
#include "namespaces.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend.h"

enum { USER, IPC, NETWORK, MOUNT, NAMESPACES };

static const struct {
	const char *file;
	unsigned bit;
} kinds_of[NAMESPACES] = {
	[USER] = {"user", 0},
	[IPC] = {"ipc", NAMESPACE_IPC},
	[NETWORK] = {"net", NAMESPACE_NETWORK},
	[MOUNT] = {"mnt", NAMESPACE_MEMORY_FS},
};

/* Where /dev/shm is: device and directory of the file system, and at which path it is mounted. */
struct memory_fs {
	char device[32], root[PATH_MAX], at[16];
};

static struct {
	ino_t namespaces[NAMESPACES]; /* 0: the kernel has none of that kind */
	struct memory_fs memory_fs;
} own;

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

static bool is_above_or_at_shm(const char *at)
{
	return strcmp(at, "/") == 0 || strcmp(at, "/dev") == 0 || strcmp(at, "/dev/shm") == 0;
}

/* By proc_pid_mountinfo(5): the deepest mount, and of several at one place the last. */
static int memory_fs_of(const char *pid, struct memory_fs *found)
{
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *mounts;

	memset(found, 0, sizeof(*found));
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
		if (count < 5 || !is_above_or_at_shm(words[4]) ||
		    strlen(words[4]) < strlen(found->at))
			continue;
		snprintf(found->device, sizeof(found->device), "%s", words[2]);
		snprintf(found->root, sizeof(found->root), "%s", words[3]);
		snprintf(found->at, sizeof(found->at), "%s", words[4]);
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
	memory_fs_of("self", &own.memory_fs);
}

static bool same_memory_fs(const char *pid)
{
	struct memory_fs theirs;

	return memory_fs_of(pid, &theirs) == 0 &&
	       strcmp(theirs.device, own.memory_fs.device) == 0 &&
	       strcmp(theirs.root, own.memory_fs.root) == 0 &&
	       strcmp(theirs.at, own.memory_fs.at) == 0;
}

int namespaces_compare(pid_t pid, unsigned *foreign)
{
	char text[16];

	*foreign = 0;
	snprintf(text, sizeof(text), "%d", (int)pid);
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
		if (i != MOUNT || !same_memory_fs(text))
			*foreign |= kinds_of[i].bit;
	}
	return 0;
}
