/*
 * sock_peer.c - who is at the other end of a unix socket, as the socket itself says.
 *
 * Only a descriptor of the socket can be asked.  The kernel lets the caller see that a process has
 * one, or not; then the daemon fetches a copy of it.  The call that does judges by the real ids,
 * which are the daemon's even while the effective ones are the caller's, so it is never made as the
 * caller.
 */
#include <errno.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

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

static int ask_step(void *context)
{
	struct asking *asking = context;
	socklen_t size = sizeof(*asking->peer);
	struct stat st;
	int fd, error = 0;

	if (!asking->pid && proc_fds_of(proc_self(), S_IFSOCK, own_find, asking) != 1)
		return -ESRCH;
	fd = fetch(asking->pid, asking->fd);

	if (fd < 0)
		return fd;
	/* By now another may have the pid, or the number. */
	if (fstat(fd, &st) < 0 || st.st_dev != sock_device() || st.st_ino != asking->inode)
		error = -ESRCH;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, asking->peer, &size) < 0)
		error = -errno;
	close(fd);
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
		if (!error)
			break;
		/* Where the daemon may not fetch it the kernel tells nobody. */
		error = error == -EPERM ? -EACCES : -ENODATA;
	}
	sock_users_free(&users);
	if (!error && peer->uid == (uid_t)-1)
		return -ENODATA;
	return error;
}
