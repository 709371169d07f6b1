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

/* ---- who comes by way of the tree ---- */

/* A file of the tree that is open, and the socket that the daemon has for it. */
struct sock_behind {
	ino_t file;
	uint32_t inode;
};

static int behind_compare(const void *one, const void *other)
{
	const struct sock_behind *a = one, *b = other;

	return (a->file > b->file) - (a->file < b->file);
}

static int behind_add(void *context, const struct tree_user *user)
{
	struct sock_looking *looking = context;
	struct sock_behind *behind;

	if (!user->behind || user->behind_device != sock_device())
		return 0;
	behind = with_room(looking->behind, looking->behind_count, &looking->behind_room,
			   sizeof(*behind));
	if (!behind)
		return -ENOMEM;
	looking->behind = behind;
	behind[looking->behind_count++] = (struct sock_behind){user->inode, (uint32_t)user->behind};
	return 0;
}

static int behind_gather(struct sock_looking *looking)
{
	const struct tree *tree = looking->call ? looking->call->tree : NULL;
	int error = tree ? tree->users(behind_add, looking) : 0;

	if (looking->behind_count)
		qsort(looking->behind, looking->behind_count, sizeof(*looking->behind),
		      behind_compare);
	return error;
}

/* The inode number of the socket that @fd is, or that is behind it; 0: it is none. */
static uint32_t inode_of(const struct sock_looking *looking, const struct proc_fd *fd,
			 bool *by_tree)
{
	const struct sock_behind wanted = {.file = fd->st.st_ino}, *behind;

	*by_tree = false;
	if (fd->st.st_dev == sock_device())
		return (uint32_t)fd->st.st_ino;
	if (!looking->behind_count || fd->st.st_dev != looking->call->tree->device())
		return 0;
	behind = bsearch(&wanted, looking->behind, looking->behind_count, sizeof(*behind),
			 behind_compare);
	*by_tree = true;
	return behind ? behind->inode : 0;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	struct sock_looking *looking = context;
	struct sock_users *users = looking->users;
	struct sock_use *use;
	bool by_tree;
	uint32_t inode = inode_of(looking, fd, &by_tree);
	int error;

	if (!inode || !bsearch(&inode, looking->inodes, looking->count, sizeof(*looking->inodes),
			       inode_compare))
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
		.by_tree = by_tree,
		.process = users->processes_count - 1,
	};
	return 0;
}

/*
 * What somebody has by way of the tree is not the daemon's: its own descriptors of such sockets are
 * dropped.  What nobody is seen to have is: it keeps a socket until rmdir.  The uses are in order.
 */
static void drop_own(struct sock_users *users, pid_t self)
{
	size_t kept = 0, own = 0;
	struct sock_process *daemon = NULL;

	for (size_t i = 0; i < users->processes_count; i++)
		if (users->processes[i].pid == self)
			daemon = &users->processes[i];
	if (!daemon)
		return;
	for (size_t begin = 0, end; begin < users->uses_count; begin = end) {
		bool by_tree = false;

		for (end = begin;
		     end < users->uses_count && users->uses[end].inode == users->uses[begin].inode;
		     end++)
			by_tree |= users->uses[end].by_tree;
		for (size_t i = begin; i < end; i++) {
			bool is_own = users->processes + users->uses[i].process == daemon;

			if (is_own && by_tree)
				continue;
			own += is_own;
			users->uses[kept++] = users->uses[i];
		}
	}
	users->uses_count = kept;
	if (!own && daemon->hidden) {
		daemon->hidden = false;
		users->hidden--;
	}
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

int sock_users_begin(struct sock_looking *looking, struct proc_viewer *viewer)
{
	int error = behind_gather(looking);

	*looking->users = (struct sock_users){NULL};
	*viewer = (struct proc_viewer){
		.type = looking->behind_count ? 0 : S_IFSOCK,
		.descriptor = descriptor,
		.hide = hide,
		.context = looking,
	};
	if (error) {
		free(looking->behind);
		looking->behind = NULL;
	}
	return error;
}

void sock_users_complete(struct sock_looking *looking, const struct proc_scan *walk)
{
	struct sock_users *users = looking->users;

	users->unknown = walk->unknown;
	if (users->uses_count)
		qsort(users->uses, users->uses_count, sizeof(*users->uses), use_compare);
	if (looking->behind_count)
		drop_own(users, walk->self);
	free(looking->behind);
	looking->behind = NULL;
}

int sock_users_gather(struct call *call, const uint32_t *inodes, size_t count,
		      struct sock_users *users)
{
	struct sock_looking looking = {
		.inodes = inodes, .count = count, .users = users, .call = call};
	struct proc_viewer viewer;
	struct proc_scan scan = {.call = call, .viewers = &viewer, .count = 1};
	int error;

	*users = (struct sock_users){NULL};
	if (!count)
		return 0;
	error = sock_users_begin(&looking, &viewer);
	if (error)
		return error;
	error = proc_scan_visible(&scan);
	if (!error)
		error = proc_scan_hidden(&scan);
	sock_users_complete(&looking, &scan);
	proc_scan_free(&scan);
	if (error)
		sock_users_free(users);
	return error;
}

const struct sock_use *sock_users_of(const struct sock_users *users, uint32_t inode, size_t *count)
{
	size_t low = 0, high = users->uses_count, end;

	*count = 0;
	if (!inode || !users->uses)
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
