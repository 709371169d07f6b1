/*
 * proc_status.c - who a process is: what /proc tells everyone of it.
 */
#include "proc_status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int proc_error(int error)
{
	switch (error) {
	case ENOENT:
	case ESRCH:
		return -ESRCH;
	case EACCES:
	case EPERM:
		return -EACCES;
	default:
		return -error;
	}
}

int proc_command(pid_t pid, char command[PROC_COMMAND_SIZE])
{
	char path[32];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return proc_error(errno);
	length = read(fd, command, PROC_COMMAND_SIZE - 1);
	close(fd);
	if (length < 0)
		return -ESRCH;
	if (length > 0 && command[length - 1] == '\n')
		length--;
	command[length] = '\0';
	return 0;
}

int proc_start_ticks(pid_t pid, uint64_t *ticks)
{
	char path[32], text[1024], *end;
	size_t length = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file) {
		length = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	/* The name is in brackets and may have some; the third field follows. */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1,
			   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			   "%*d %*d %" SCNu64,
			   ticks) != 1)
		return -ESRCH;
	return 0;
}

/* The machine's start, which proc_start_ticks counts from. */
static long long boot_time(void)
{
	char line[256];
	long long boot = 0;
	FILE *file = fopen("/proc/stat", "re");

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "btime %lld", &boot) != 1)
		;
	if (file)
		fclose(file);
	return boot;
}

int proc_started(pid_t pid, time_t *started)
{
	uint64_t ticks;
	int error = proc_start_ticks(pid, &ticks);

	if (!error)
		*started = boot_time() + (time_t)(ticks / (uint64_t)sysconf(_SC_CLK_TCK));
	return error;
}

/* A number that /proc/PID/status has under @key; 0: it has gone. */
static pid_t status_number(pid_t of, const char *key)
{
	char path[32], line[256];
	size_t length = strlen(key);
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)of);
	file = fopen(path, "re");
	while (file && !pid && fgets(line, sizeof(line), file))
		if (strncmp(line, key, length) != 0 || sscanf(line + length, "%d", &pid) != 1)
			pid = 0;
	if (file)
		fclose(file);
	return pid;
}

pid_t proc_parent(pid_t pid)
{
	return status_number(pid, "PPid:");
}

pid_t proc_process_of(pid_t thread)
{
	return status_number(thread, "Tgid:");
}

int proc_user(pid_t pid, uid_t *uid)
{
	char path[32];
	struct stat st;

	/* Unlike what is in it, the directory is the effective user's even if it can't be dumped.
	 */
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &st) < 0)
		return proc_error(errno);
	*uid = st.st_uid;
	return 0;
}

pid_t proc_self(void)
{
	char text[16];
	ssize_t length = readlink("/proc/self", text, sizeof(text) - 1);

	if (length <= 0)
		return 0;
	text[length] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}
