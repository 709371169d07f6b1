/*
 * proc_fds.c - which processes there are, and what each has open.
 *
 * The walk makes one system call for each descriptor, and that is most of what it costs.  Listing
 * the directory would cost a third as much again, and descriptors are numbered from 0 with few
 * gaps: so the numbers are tried one after the other, as many as the kernel says there are.
 */
#include "proc_fds.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "charge.h"
#include "proc_status.h"

enum {
	ENTRIES_SIZE = 32 << 10,
	GAPS_MAX = 1, /* numbers without a descriptor that are tried, before listing */
	NUMBER_SIZE = 12,
};

/* A name of decimal digits; -1 if it is none. */
static int number_of(const char *name)
{
	long number = 0;

	for (const char *at = name; *at; at++) {
		if (*at < '0' || *at > '9' || number > (1L << 30) / 10)
			return -1;
		number = number * 10 + (*at - '0');
	}
	return *name ? (int)number : -1;
}

/*
 * Calls @each with every numeric entry of a directory of /proc.  getdents64 is used as it is:
 * opendir(3) would take memory from the heap for each process.
 */
static int numbers_walk(int dir, int (*each)(void *context, const char *text, int number),
			void *context)
{
	_Alignas(struct dirent64) char entries[ENTRIES_SIZE];
	ssize_t length;

	while ((length = getdents64(dir, entries, sizeof(entries))) > 0) {
		for (ssize_t at = 0; at < length;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			int number = number_of(entry->d_name);
			int result = number < 0 ? 0 : each(context, entry->d_name, number);

			if (result)
				return result;
			at += entry->d_reclen;
		}
	}
	return length < 0 ? -errno : 0;
}

/*
 * AT_STATX_DONT_SYNC: from what the kernel has, so that no file system is asked, which might be
 * this one, or might not answer.
 */
int proc_look(int dir, const char *path, struct stat *st)
{
	const unsigned what = STATX_TYPE | STATX_MODE | STATX_INO | STATX_UID | STATX_GID |
			      STATX_NLINK | STATX_SIZE | STATX_BLOCKS;
	struct statx stx;

	if (statx(dir, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, what, &stx) < 0)
		return -errno;
	*st = (struct stat){
		.st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.st_ino = stx.stx_ino,
		.st_mode = stx.stx_mode,
		.st_nlink = stx.stx_nlink,
		.st_size = (off_t)stx.stx_size,
		.st_blocks = (blkcnt_t)stx.stx_blocks,
		.st_uid = stx.stx_uid,
		.st_gid = stx.stx_gid,
		.st_atim = {stx.stx_atime.tv_sec, stx.stx_atime.tv_nsec},
		.st_mtim = {stx.stx_mtime.tv_sec, stx.stx_mtime.tv_nsec},
		.st_ctim = {stx.stx_ctime.tv_sec, stx.stx_ctime.tv_nsec},
	};
	return 0;
}

struct process_walk {
	pid_t pid;
	mode_t type;
	proc_fd_each *each;
	void *context;
	int dir;
	int next; /* the first number that has not been tried */
};

/* @gap: there is none of that number, or no more. */
static int descriptor_look(const struct process_walk *walk, const char *text, int number, bool *gap)
{
	struct proc_fd fd = {.pid = walk->pid, .fd = number, .dir = walk->dir, .text = text};
	int error = proc_error(-proc_look(walk->dir, text, &fd.st));

	*gap = error == -ESRCH;
	if (error == -EACCES)
		return error;
	/* An error: closed meanwhile, or on a file system that is broken. */
	if (error || (walk->type && (fd.st.st_mode & S_IFMT) != walk->type))
		return 0;
	return walk->each(walk->context, &fd);
}

static int descriptor(void *context, const char *text, int number)
{
	const struct process_walk *walk = context;
	bool gap;

	return number < walk->next ? 0 : descriptor_look(walk, text, number, &gap);
}

/* snprintf(3) was some four percent of what a walk costs. */
static const char *number_text(char text[NUMBER_SIZE], int number)
{
	char *at = text + NUMBER_SIZE - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return at;
}

/*
 * Tries the numbers from 0 on until @count descriptors have been found, but goes no further than a
 * few gaps; walk->next is then where to go on.  True: that was all, or *result ends it.
 */
static bool numbers_try(struct process_walk *walk, off_t count, int *result)
{
	int gaps = 0;

	*result = 0;
	while (count > 0 && gaps <= GAPS_MAX && *result == 0) {
		char text[NUMBER_SIZE];
		bool gap;

		*result = descriptor_look(walk, number_text(text, walk->next), walk->next, &gap);
		gaps += gap;
		count -= !gap;
		walk->next++;
	}
	return count == 0 || *result != 0;
}

/* What a process has open.  The size of the directory says how many (Linux 6.2; 0 before). */
static int process_walk(struct process_walk *walk)
{
	char path[32];
	struct stat st;
	int result, list;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)walk->pid);
	walk->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->dir < 0)
		return proc_error(errno);
	walk->next = 0;
	result = fstat(walk->dir, &st) < 0 ? -errno : 0;
	if (result == 0 && (st.st_size == 0 || !numbers_try(walk, st.st_size, &result))) {
		list = openat(walk->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		result = list < 0 ? -errno : numbers_walk(list, descriptor, walk);
		if (list >= 0)
			close(list);
	}
	close(walk->dir);
	return result < 0 ? proc_error(-result) : result;
}

int proc_pids_add(struct proc_pids *pids, pid_t pid)
{
	if (pids->count == pids->room) {
		size_t room = pids->room ? 2 * pids->room : 64;
		pid_t *list = reallocarray(pids->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		pids->list = list;
		pids->room = room;
	}
	pids->list[pids->count++] = pid;
	return 0;
}

struct pids_walk {
	proc_each *each;
	void *context;
};

static int pids_process(void *context, const char *text, int number)
{
	const struct pids_walk *walk = context;

	return charge_is_process(number) ? 0 : walk->each(walk->context, number);
}

int proc_walk(proc_each *each, void *context)
{
	struct pids_walk walk = {each, context};
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

	if (proc < 0)
		return -errno;
	result = numbers_walk(proc, pids_process, &walk);
	close(proc);
	return result;
}

int proc_fds_of(pid_t pid, mode_t type, proc_fd_each *each, void *context)
{
	struct process_walk walk = {.pid = pid, .type = type, .each = each, .context = context};

	return process_walk(&walk);
}

int proc_fds_one(pid_t pid, int number, mode_t type, proc_fd_each *each, void *context)
{
	struct process_walk walk = {.pid = pid, .type = type, .each = each, .context = context};
	char path[32], text[16];
	int result;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	snprintf(text, sizeof(text), "%d", number);
	walk.dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk.dir < 0)
		return proc_error(errno);
	result = descriptor(&walk, text, number);
	close(walk.dir);
	return result < 0 ? proc_error(-result) : result;
}

/* The link in /proc/PID/fd has the mode that the descriptor was opened with. */
int proc_fd_access(const struct proc_fd *fd)
{
	struct stat link;
	int error;

	if (fstatat(fd->dir, fd->text, &link, AT_SYMLINK_NOFOLLOW) < 0) {
		error = proc_error(errno);
		return error == -ESRCH ? 0 : error;
	}
	return (link.st_mode & S_IRUSR ? PROC_FD_READ : 0) |
	       (link.st_mode & S_IWUSR ? PROC_FD_WRITE : 0);
}

int proc_fd_path(const struct proc_fd *fd, char *path, size_t size)
{
	ssize_t length = readlinkat(fd->dir, fd->text, path, size - 1);

	if (length < 0)
		return proc_error(errno);
	path[length] = '\0';
	return (int)length;
}
