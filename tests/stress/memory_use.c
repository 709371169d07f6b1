/*
 * memory_use.c - how much memory a daemon takes, with all that the kernel keeps for it.
 *
 * A memory cgroup counts everything: pages, page tables, kernel stacks, the kernel's objects.  Of
 * version 2, or of version 1, which has the same in files of other names.  Without one it is
 * the pages (Pss), the page tables and 16 KiB of kernel stack for each thread.
 */
#include "memory_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../mount/fixture.h"

/* Groups of these tests, before a number. */
#define NAME "ipcfs-test-"

enum { KERNEL_STACK = 16 << 10 };

static struct {
	char path[PATH_MAX]; /* "": none */
	char above[PATH_MAX];
	const char *now, *most; /* files */
	const char *how;
} group;

static bool write_pid(const char *directory)
{
	char path[PATH_MAX + 16];
	FILE *file;
	bool written;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	file = fopen(path, "we");
	if (!file)
		return false;
	fprintf(file, "%d", (int)getpid());
	written = fclose(file) == 0;
	return written;
}

/* The directory of this process's group: of version 2, or that of version 1 for memory. */
static bool own_group(bool version2, char *path, size_t size)
{
	char line[PATH_MAX], mounted[PATH_MAX] = "", type[16], options[1024], within[PATH_MAX] = "";
	FILE *file = fopen("/proc/self/mounts", "re");

	while (file && fgets(line, sizeof(line), file)) {
		char at[1024];

		if (sscanf(line, "%*s %1023s %15s %1023s", at, type, options) != 3)
			continue;
		if (version2 ? !strcmp(type, "cgroup2")
			     : !strcmp(type, "cgroup") && strstr(options, ",memory"))
			snprintf(mounted, sizeof(mounted), "%s", at);
	}
	if (file)
		fclose(file);
	file = fopen("/proc/self/cgroup", "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *of = strchr(line, ':'), *where = of ? strchr(of + 1, ':') : NULL;

		if (!where)
			continue;
		*where++ = '\0';
		where[strcspn(where, "\n")] = '\0';
		if (version2 ? !of[1] : !strcmp(of + 1, "memory"))
			snprintf(within, sizeof(within), "%s", where);
	}
	if (file)
		fclose(file);
	return *mounted && *within &&
	       snprintf(path, size, "%s%s", mounted, strcmp(within, "/") ? within : "") < (int)size;
}

/* What a test that was killed has left. */
static void remove_leftovers(void)
{
	DIR *above = opendir(group.above);
	struct dirent *entry;

	while (above && (entry = readdir(above)))
		if (!strncmp(entry->d_name, NAME, strlen(NAME)))
			unlinkat(dirfd(above), entry->d_name, AT_REMOVEDIR);
	if (above)
		closedir(above);
}

static bool try_group(bool version2)
{
	struct timespec now_is;
	const char *now = version2 ? "memory.current" : "memory.usage_in_bytes";
	char path[PATH_MAX + 32];

	if (!own_group(version2, group.above, sizeof(group.above)))
		return false;
	remove_leftovers();
	/* Pids here are those of a PID namespace, as other tests have. */
	clock_gettime(CLOCK_MONOTONIC, &now_is);
	snprintf(group.path, sizeof(group.path), "%.4000s/" NAME "%lld", group.above,
		 now_is.tv_sec * 1000000000LL + now_is.tv_nsec);
	if (mkdir(group.path, 0755) < 0) {
		group.path[0] = '\0';
		return false;
	}
	snprintf(path, sizeof(path), "%s/%s", group.path, now);
	if (access(path, R_OK) < 0 || !write_pid(group.path)) {
		rmdir(group.path);
		group.path[0] = '\0';
		return false;
	}
	group.now = now;
	group.most = version2 ? "memory.peak" : "memory.max_usage_in_bytes";
	group.how = version2 ? "memory.current of a cgroup" : "memory.usage_in_bytes of a cgroup";
	return true;
}

bool memory_group_enter(void)
{
	return try_group(true) || try_group(false);
}

void memory_group_leave(void)
{
	if (*group.path)
		write_pid(group.above);
}

void memory_group_remove(void)
{
	/* Whoever has ended is in it until the kernel is done with him. */
	for (int tries = 0; *group.path && rmdir(group.path) < 0 && errno == EBUSY; tries++) {
		if (tries == 2000)
			break;
		usleep(1000);
	}
	group.path[0] = '\0';
}

static size_t group_figure(const char *name)
{
	char path[PATH_MAX + 32];
	unsigned long figure = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", group.path, name);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%lu", &figure) != 1)
			figure = 0;
		fclose(file);
	}
	return figure;
}

/* The number after "@name:" in a file of /proc, in its own unit. */
static size_t proc_figure(pid_t pid, const char *file_name, const char *name)
{
	char path[64], line[256];
	unsigned long figure = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file_name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			figure = strtoul(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return figure;
}

struct memory_use memory_use(pid_t pid)
{
	struct memory_use use = {
		.pss = proc_figure(pid, "smaps_rollup", "Pss") << 10,
		.threads = proc_figure(pid, "status", "Threads"),
		.descriptors = descriptors_of(pid),
		.how = "Pss, page tables and kernel stacks",
	};

	use.bytes =
		use.pss + (proc_figure(pid, "status", "VmPTE") << 10) + use.threads * KERNEL_STACK;
	if (*group.path) {
		use.bytes = group_figure(group.now);
		use.peak = group_figure(group.most);
		use.how = group.how;
	}
	return use;
}

bool memory_has_sanitizer(pid_t pid)
{
	char path[64], line[4096];
	bool has = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	file = fopen(path, "re");
	while (file && !has && fgets(line, sizeof(line), file))
		has = strstr(line, "libasan") || strstr(line, "libtsan");
	if (file)
		fclose(file);
	return has;
}
