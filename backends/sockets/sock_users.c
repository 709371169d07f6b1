/*
 * sock_users.c - which processes have which sockets.
 */
#include "sock_users.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static dev_t device;

/* A socket has the inode number of its kind only on this device; a socket file has any other. */
static void device_look(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0)
		device = st.st_dev;
	close(fd);
}

dev_t sock_device(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, device_look);
	return device;
}

static int inode_compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;

	return (a > b) - (a < b);
}

/* The list with room for one more; NULL: no memory, and it is as it was. */
static void *with_room(void *list, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;

	if (count < *room)
		return list;
	list = reallocarray(list, more, size);
	if (list)
		*room = more;
	return list;
}

/* The process that is being looked into, put down at its first socket. */
static int process_meet(struct sock_looking *looking, pid_t pid)
{
	struct sock_users *users = looking->users;
	struct sock_process *process;
	int error;

	if (users->processes_count && users->processes[users->processes_count - 1].pid == pid)
		return 0;
	process = with_room(users->processes, users->processes_count, &users->processes_room,
			    sizeof(*process));
	if (!process)
		return -ENOMEM;
	users->processes = process;
	process += users->processes_count;
	*process = (struct sock_process){.pid = pid, .hidden = looking->hidden};
	if (!process->hidden) {
		error = proc_command(pid, process->command);
		if (!error)
			error = proc_user(pid, &process->uid);
		if (error)
			return error;
	}
	users->hidden += process->hidden;
	users->processes_count++;
	return 0;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	struct sock_looking *looking = context;
	struct sock_users *users = looking->users;
	uint32_t inode = (uint32_t)fd->st.st_ino;
	struct sock_use *use;
	int error;

	if (fd->st.st_dev != sock_device() || !bsearch(&inode, looking->inodes, looking->count,
						       sizeof(*looking->inodes), inode_compare))
		return 0;
	error = process_meet(looking, fd->pid);
	if (error)
		return error;
	use = with_room(users->uses, users->uses_count, &users->uses_room, sizeof(*use));
	if (!use)
		return -ENOMEM;
	users->uses = use;
	users->uses[users->uses_count++] = (struct sock_use){
		.inode = inode,
		.fd = fd->fd,
		.process = users->processes_count - 1,
	};
	return 0;
}

static int hide(void *context)
{
	struct sock_looking *looking = context;

	looking->hidden = true;
	return 0;
}

static int use_compare(const void *one, const void *other)
{
	const struct sock_use *a = one, *b = other;

	if (a->inode != b->inode)
		return (a->inode > b->inode) - (a->inode < b->inode);
	if (a->process != b->process)
		return (a->process > b->process) - (a->process < b->process);
	return a->fd - b->fd;
}

struct proc_viewer sock_users_viewer(struct sock_looking *looking)
{
	*looking->users = (struct sock_users){NULL};
	return (struct proc_viewer){
		.type = S_IFSOCK, .descriptor = descriptor, .hide = hide, .context = looking};
}

void sock_users_complete(struct sock_users *users, const struct proc_scan *walk)
{
	users->unknown = walk->unknown;
	if (users->uses_count)
		qsort(users->uses, users->uses_count, sizeof(*users->uses), use_compare);
}

int sock_users_gather(struct call *call, const uint32_t *inodes, size_t count,
		      struct sock_users *users)
{
	struct sock_looking looking = {.inodes = inodes, .count = count, .users = users};
	struct proc_viewer viewer = sock_users_viewer(&looking);
	struct proc_scan scan = {.call = call, .viewers = &viewer, .count = 1};
	int error;

	if (!count)
		return 0;
	error = proc_scan_visible(&scan);
	if (!error)
		error = proc_scan_hidden(&scan);
	sock_users_complete(users, &scan);
	proc_scan_free(&scan);
	if (error)
		sock_users_free(users);
	return error;
}

const struct sock_use *sock_users_of(const struct sock_users *users, uint32_t inode, size_t *count)
{
	size_t low = 0, high = users->uses_count, end;

	*count = 0;
	if (!inode)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users->uses[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < users->uses_count && users->uses[end].inode == inode; end++)
		;
	*count = end - low;
	return users->uses + low;
}

void sock_users_free(struct sock_users *users)
{
	free(users->uses);
	free(users->processes);
	*users = (struct sock_users){NULL};
}
