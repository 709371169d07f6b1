/*
 * background.c - leaving the terminal, once it is known whether the tree is served.
 *
 * fuse_daemonize(3) lets go of the terminal and reports success before there are threads, and
 * before the filter of system calls: what fails there nobody would hear of.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int done = -1, nowhere = -1;

static _Noreturn void wait_for(pid_t child, int ended)
{
	int status;
	char byte;

	if (read(ended, &byte, 1) == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int background_begin(void)
{
	int ends[2] = {-1, -1}, error;
	pid_t child;

	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere < 0 || pipe2(ends, O_CLOEXEC) < 0)
		goto fail;
	child = fork();
	if (child < 0)
		goto fail;
	if (child > 0) {
		close(ends[1]);
		wait_for(child, ends[0]);
	}
	close(ends[0]);
	done = ends[1];
	if (setsid() < 0 || chdir("/") < 0 || dup3(nowhere, STDIN_FILENO, 0) < 0 ||
	    dup3(nowhere, STDOUT_FILENO, 0) < 0)
		return -errno;
	return 0;
fail:
	error = -errno;
	if (ends[0] >= 0) {
		close(ends[0]);
		close(ends[1]);
	}
	return error;
}

void background_leave(void)
{
	if (nowhere >= 0)
		dup3(nowhere, STDERR_FILENO, 0);
}

void background_done(void)
{
	const char byte = 0;

	if (done < 0)
		return;
	background_leave();
	/* Who has started it may have been killed: the tree is served all the same. */
	if (write(done, &byte, 1) < 0)
		errno = 0;
	close(done);
	close(nowhere);
	done = nowhere = -1;
}
