/*
 * unmounter.c - the end of a plain user's mount.
 */
#include "unmounter.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "background.h"

static int other = -1;

/*
 * All but the standard ones and @kept.  With a copy of the connection to the kernel the mount would
 * outlive its daemon.
 */
static int close_all_but(int kept)
{
	DIR *list = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!list)
		return -errno;
	while ((entry = readdir(list))) {
		int fd = atoi(entry->d_name);

		if (fd > STDERR_FILENO && fd != kept && fd != dirfd(list))
			close(fd);
	}
	closedir(list);
	return 0;
}

static void wait_and_unmount(int daemon, const char *path)
{
	char byte;

	/* What ends the daemon, a Ctrl-C or a service manager, must leave this one for the rest. */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_NAME, "ipcfs-unmount");
	background_leave();
	if (close_all_but(daemon) < 0 || read(daemon, &byte, 1) != 1)
		_exit(1);
	/* The descriptor stays open in it: the daemon sees its end. */
	execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", path, NULL);
	perror("ipcfs: fusermount3");
	_exit(1);
}

int unmounter_start(const char *path)
{
	int ends[2];
	pid_t pid;

	/* Not close-on-exec: see above. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		wait_and_unmount(ends[1], path);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	other = ends[0];
	return 0;
}

void unmounter_run(void)
{
	char byte = 'u';

	/* SIGPIPE is ignored: if it has been killed, the mount stays as after a kill of the daemon.
	 */
	if (other >= 0 && write(other, &byte, 1) == 1)
		while (read(other, &byte, 1) < 0 && errno == EINTR)
			;
	if (other >= 0)
		close(other);
	other = -1;
}
