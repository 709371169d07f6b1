/*
 * memory.c - what the open handles of one object's memory share.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <utlist.h>

#include "passthrough.h"

struct open_memory {
	UT_hash_handle hh;
	uint64_t ino;
	struct handle *handles;
	int passthrough; /* 0: none */
	int file;        /* what is passed through, or could be; -1: none */
	struct locks *locks;
	struct stat st; /* owner, mode and times when it was first opened */
};

static struct {
	pthread_mutex_t lock; /* not held while anything is done about locks of a file */
	struct open_memory *open;
} memories = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct memory *memory_of(const struct handle *handle)
{
	return handle->node.place.row->memory;
}

static bool same_file(int one, int other)
{
	const unsigned wanted = STATX_INO | STATX_BTIME;
	struct statx a, b;

	/* A number can come back: only its time of birth tells a file from one before it. */
	return !statx(one, "", AT_EMPTY_PATH, wanted, &a) &&
	       !statx(other, "", AT_EMPTY_PATH, wanted, &b) && a.stx_ino == b.stx_ino &&
	       a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor &&
	       a.stx_btime.tv_sec == b.stx_btime.tv_sec &&
	       a.stx_btime.tv_nsec == b.stx_btime.tv_nsec;
}

/* As the daemon. */
static int pass_through(void *context)
{
	struct open_memory *memory = context;
	int id = passthrough_open(memory->file);

	/* Without it every read and write comes here. */
	memory->passthrough = id < 0 ? 0 : id;
	return 0;
}

static struct open_memory *memory_new(struct call *call, const struct handle *handle, uint64_t ino,
				      int file)
{
	struct open_memory *memory = calloc(1, sizeof(*memory));
	const struct place *place = &handle->node.place;

	if (!memory)
		return NULL;
	memory->ino = ino;
	memory->file = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 0);
	memory->locks = locks_new(memory->file);
	if (memory->locks)
		HASH_ADD(hh, memories.open, ino, sizeof(ino), memory);
	if (!memory->locks || !HASH_HAS(hh, memory)) {
		locks_free(memory->locks);
		if (memory->file >= 0)
			close(memory->file);
		free(memory);
		return NULL;
	}
	if (memory->file >= 0)
		as_daemon(call, pass_through, memory);
	if (place->dir->stat)
		place->dir->stat(place, &memory->st);
	return memory;
}

int memory_enter(struct call *call, struct handle *handle, uint64_t ino)
{
	int file = memory_of(handle)->file(handle->state);
	struct open_memory *memory;
	int error = 0;

	pthread_mutex_lock(&memories.lock);
	HASH_FIND(hh, memories.open, &ino, sizeof(ino), memory);
	if (memory && file >= 0 && memory->file >= 0 && !same_file(file, memory->file))
		error = -ESTALE;
	if (!memory) {
		memory = memory_new(call, handle, ino, file);
		if (!memory)
			error = -ENOMEM;
	}
	if (!error) {
		DL_APPEND2(memory->handles, handle, memory_prev, memory_next);
		handle->memory = memory;
	}
	pthread_mutex_unlock(&memories.lock);
	return error;
}

/* Without the lock: what others have locked of the file makes closing it take its time. */
static void memory_free(struct open_memory *memory)
{
	if (memory->passthrough)
		passthrough_close(memory->passthrough);
	if (memory->file >= 0)
		close(memory->file);
	locks_free(memory->locks);
	free(memory);
}

void memory_leave(struct handle *handle)
{
	struct open_memory *memory = handle->memory;
	bool last;

	if (!memory)
		return;
	locks_leave(memory->locks, handle->number);
	pthread_mutex_lock(&memories.lock);
	DL_DELETE2(memory->handles, handle, memory_prev, memory_next);
	last = !memory->handles;
	if (last)
		HASH_DEL(memories.open, memory);
	pthread_mutex_unlock(&memories.lock);
	if (last)
		memory_free(memory);
}

int memory_file(uint64_t ino)
{
	struct open_memory *memory;
	int fd = -1;

	pthread_mutex_lock(&memories.lock);
	HASH_FIND(hh, memories.open, &ino, sizeof(ino), memory);
	if (memory && memory->file >= 0)
		fd = fcntl(memory->file, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&memories.lock);
	return fd;
}

int memory_passthrough(const struct handle *handle)
{
	return handle->memory->passthrough;
}

bool memory_stat_removed(uint64_t ino, struct stat *st)
{
	struct open_memory *memory;
	bool known = false;

	pthread_mutex_lock(&memories.lock);
	HASH_FIND(hh, memories.open, &ino, sizeof(ino), memory);
	if (memory) {
		const struct handle *handle = memory->handles;

		*st = memory->st;
		st->st_ino = node_inode_number(&handle->node);
		st->st_nlink = 0;
		st->st_mode = S_IFREG | (st->st_mode & 0777);
		st->st_blksize = 4096;
		known = !memory_of(handle)->stat(&handle->node.place, handle->state, st);
	}
	pthread_mutex_unlock(&memories.lock);
	return known;
}

int memory_flock_fd(struct call *call, struct handle *handle)
{
	return locks_open(call, handle->memory->locks, &handle->flock, &handle->flock_fd);
}

struct locks *memory_locks(const struct handle *handle)
{
	return handle->memory->locks;
}
