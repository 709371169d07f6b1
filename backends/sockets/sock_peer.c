/*
 * sock_peer.c - who is at the other end of a unix socket, as the socket itself says.
 *
 * Only a descriptor of the socket can be asked.  The kernel lets the caller see that a process has
 * one, or not; then the daemon fetches a copy of it.  The call that does judges by the real ids,
 * which are the daemon's even while the effective ones are the caller's, so it is never made as the
 * caller.  What it fetches can be another file by then, of a file system that does not answer even
 * a close, so it is made apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/apart.h"
#include "common/proc_status.h"
#include "sock.h"

struct asking {
	pid_t pid; /* 0: the daemon has it, for who uses it by way of the tree */
	int fd;
	uint32_t inode;
	struct ucred *peer;
};

static int fetch(pid_t pid, int number)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	if (process < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
	if (fd < 0)
		fd = -errno;
	close(process);
	return fd;
}

static int own_find(void *context, const struct proc_fd *fd)
{
	struct asking *asking = context;

	if (fd->st.st_dev != sock_device() || fd->st.st_ino != asking->inode)
		return 0;
	asking->pid = fd->pid;
	asking->fd = fd->fd;
	return 1;
}

/* By now another process may have the pid, or this one another file under the number. */
static bool is_meant(int fd, uint32_t inode)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &st) ==
		       0 &&
	       S_ISSOCK(st.stx_mode) && st.stx_ino == inode &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == sock_device();
}

/* Questions whose thread has not come back: not even a close is sure to, of what was not meant. */
static atomic_int asked;

enum { ASKED_MAX = 8 };

struct question {
	pid_t pid;
	int fd, error;
	uint32_t inode;
	struct ucred peer;
};

static void question_ask(void *context)
{
	struct question *question = context;
	socklen_t size = sizeof(question->peer);
	int fd = fetch(question->pid, question->fd);

	question->error = fd < 0 ? fd : 0;
	if (fd >= 0 && !is_meant(fd, question->inode))
		question->error = -ESRCH;
	else if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &question->peer, &size) < 0)
		question->error = -errno;
	if (fd >= 0)
		close(fd);
	asked--;
}

static int ask_step(void *context)
{
	struct asking *asking = context;
	struct question *question;
	int error;

	if (!asking->pid && proc_fds_of(proc_self(), S_IFSOCK, own_find, asking) != 1)
		return -ESRCH;
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	*question = (struct question){.pid = asking->pid, .fd = asking->fd, .inode = asking->inode};
	if (++asked > ASKED_MAX) {
		asked--;
		error = -ETIMEDOUT;
	} else {
		error = apart_run(question_ask, free, question);
		if (error == -ETIMEDOUT)
			return error;
		if (error)
			asked--;
	}
	if (!error)
		error = question->error;
	if (!error)
		*asking->peer = question->peer;
	free(question);
	return error;
}

int sock_peer(struct call *call, const struct sock_info *sock, struct ucred *peer)
{
	struct asking asking = {.inode = sock->inode, .peer = peer};
	const struct sock_use *use;
	struct sock_users users;
	size_t count;
	int error = sock_users_gather(call, &sock->inode, 1, &users);

	if (error)
		return error;
	error = users.hidden + users.unknown ? -EACCES : -ENODATA;
	use = sock_users_of(&users, sock->inode, &count);
	for (; count; count--, use++) {
		const struct sock_process *process = &users.processes[use->process];

		if (process->hidden)
			continue;
		asking.pid = use->by_tree ? 0 : process->pid;
		asking.fd = use->fd;
		error = as_daemon(call, ask_step, &asking);
		if (!error || error == -ETIMEDOUT || error == -ENOMEM)
			break;
		/* Where the daemon may not fetch it the kernel tells nobody. */
		error = error == -EPERM ? -EACCES : -ENODATA;
	}
	sock_users_free(&users);
	if (error == -ETIMEDOUT)
		return refuse(call, ETIMEDOUT,
			      "a process that has the socket has put a file in its place that does "
			      "not answer");
	if (!error && peer->uid == (uid_t)-1)
		return -ENODATA;
	return error;
}
