/*
 * proc_maps.c - what each process has mapped from files, and where its threads are in the kernel.
 */
#include "proc_maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "proc_status.h"

/* Longer than any line: a path has at most PATH_MAX bytes, a newline in it is printed as four. */
enum { LINES_SIZE = 64 << 10 };

/* The kernel prints a newline in a path as \\012; what looks so and is none cannot be told. */
static char *path_read(char *path)
{
	char *at = path;

	while ((at = strstr(at, "\\012"))) {
		*at++ = '\n';
		memmove(at, at + 3, strlen(at + 3) + 1);
	}
	return path;
}

/* Reads "START-END PERMS OFFSET MAJOR:MINOR INODE PATH"; false: not of a file. */
static bool map_read(char *line, struct proc_map *map)
{
	unsigned long major, minor;
	const char *perms;
	char *at;

	map->start = strtoull(line, &at, 16);
	map->end = strtoull(at + 1, &at, 16);
	perms = at + 1;
	if (strlen(at) < 6)
		return false;
	map->writable = perms[1] == 'w';
	map->shared = perms[3] == 's';
	map->offset = strtoull(perms + 4, &at, 16);
	major = strtoul(at, &at, 16);
	minor = strtoul(at + (*at == ':'), &at, 16);
	map->ino = strtoull(at, &at, 10);
	map->dev = makedev((unsigned)major, (unsigned)minor);
	map->path = path_read(at + strspn(at, " "));
	return map->dev != 0;
}

/* Gives @each the whole lines of @text; *used says how much of it they were. */
static int lines_give(char *text, size_t length, size_t *used, struct proc_map *map,
		      proc_map_each *each, void *context)
{
	char *line = text, *end;
	int result = 0;

	while (!result && (end = memchr(line, '\n', length - (size_t)(line - text)))) {
		*end = '\0';
		if (map_read(line, map))
			result = each(context, map);
		line = end + 1;
	}
	*used = (size_t)(line - text);
	return result;
}

int proc_maps_of(pid_t pid, proc_map_each *each, void *context)
{
	struct proc_map map = {.pid = pid};
	size_t kept = 0, used;
	int fd, result = 0;
	ssize_t length;
	char path[32], *text;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return proc_error(errno);
	text = malloc(LINES_SIZE);
	if (!text)
		result = -ENOMEM;
	while (!result && (length = read(fd, text + kept, LINES_SIZE - kept)) != 0) {
		if (length < 0) {
			result = proc_error(errno);
			break;
		}
		kept += (size_t)length;
		result = lines_give(text, kept, &used, &map, each, context);
		if (!result && used == 0 && kept == LINES_SIZE)
			result = -EIO;
		kept -= used;
		memmove(text, text + used, kept);
	}
	free(text);
	close(fd);
	return result;
}

/* ---- threads ---- */

/*
 * The numbers of a 32-bit program's calls mean something else; its stack is below 4 GiB, where no
 * other's is.
 */
static bool is_of_other_set(uint64_t stack)
{
	return sizeof(long) == 8 && stack >> 32 == 0;
}

/* "NUMBER ARGUMENT... STACK PROGRAM"; "running", or -1 of a thread that sleeps elsewhere. */
static bool wait_read(const char *text, struct proc_wait *wait)
{
	uint64_t *arguments = wait->arguments, stack;

	return sscanf(text,
		      "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
		      " %" SCNx64,
		      &wait->number, &arguments[0], &arguments[1], &arguments[2], &arguments[3],
		      &arguments[4], &arguments[5], &stack) == 8 &&
	       !is_of_other_set(stack);
}

static int thread_look(int tasks, const char *thread, struct proc_wait *wait)
{
	char path[32], text[256];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%.20s/syscall", thread);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return proc_error(errno);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (length < 0)
		return proc_error(errno);
	text[length] = '\0';
	wait->thread = (pid_t)strtol(thread, NULL, 10);
	return wait_read(text, wait);
}

int proc_waits_of(pid_t pid, proc_wait_each *each, void *context)
{
	struct proc_wait wait = {.pid = pid};
	struct dirent *entry;
	char path[32];
	int result = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return proc_error(errno);
	while (!result && (entry = readdir(tasks))) {
		if (*entry->d_name == '.')
			continue;
		result = thread_look(dirfd(tasks), entry->d_name, &wait);
		if (result > 0)
			result = each(context, &wait);
		else if (result == -ESRCH)
			result = 0; /* one thread of several */
	}
	closedir(tasks);
	return result;
}

uint64_t proc_ipc_space(pid_t pid)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", (int)pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool proc_shares_ipc(pid_t pid)
{
	struct stat ours;

	/* A kernel without namespaces has one of everything. */
	return stat("/proc/self/ns/ipc", &ours) < 0 || proc_ipc_space(pid) == ours.st_ino;
}
