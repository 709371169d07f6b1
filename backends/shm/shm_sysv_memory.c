/*
 * shm_sysv_memory.c - the content of a System V segment as a file.
 *
 * The caller attaches the segment, so the kernel judges.  What is attached can then be opened as
 * /proc/self/map_files/START-END, which is the segment's own file: with that nothing stays
 * attached.  Where the kernel does not let the daemon open it (a plain user's), the segment stays
 * attached as long as the handle is open, and is copied from and to by process_vm_readv(2) and
 * process_vm_writev(2) on the daemon itself: what cannot be touched is then an error, no SIGBUS.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "shm.h"
#include "common/sysv.h"

/* Pages that are asked about at once. */
#define PAGES 256

struct sysv_memory {
	uint32_t id;
	size_t size;
	bool writes;
	int fd;          /* the segment's own file, -1: none */
	bool huge;       /* a file of huge pages: it can be read, not written */
	char *at;        /* where it is attached, NULL: it is not */
	bool sees_holes; /* mincore(2) tells what has no page */
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- opening ---- */

/* A mapping of the segment at @at whose pages have @page bytes, as a file; -errno. */
static int mapped_file(const struct sysv_memory *memory, size_t page)
{
	uintptr_t start = (uintptr_t)memory->at;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/map_files/%" PRIxPTR "-%" PRIxPTR, start,
		 start + (memory->size + page - 1) / page * page);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The same for the sizes that huge pages have here. */
static int mapped_huge_file(const struct sysv_memory *memory)
{
	DIR *sizes = opendir("/sys/kernel/mm/hugepages");
	int fd = -ENOENT;
	struct dirent *entry;

	if (!sizes)
		return fd;
	while (fd == -ENOENT && (entry = readdir(sizes))) {
		size_t kilobytes;

		if (sscanf(entry->d_name, "hugepages-%zukB", &kilobytes) == 1)
			fd = mapped_file(memory, kilobytes << 10);
	}
	closedir(sizes);
	return fd;
}

/* As the daemon: 0, or the negative errno for which there is no file. */
static int file_open(void *context)
{
	struct sysv_memory *memory = context;
	struct statfs system;
	int fd = mapped_file(memory, page_size());

	if (fd == -ENOENT)
		fd = mapped_huge_file(memory);
	fd = descriptor_keep(fd);
	if (fd < 0)
		return fd;
	if (fstatfs(fd, &system) < 0) {
		close(fd);
		return -EIO;
	}
	memory->huge = system.f_type == HUGETLBFS_MAGIC;
	memory->fd = fd;
	return 0;
}

static int attach(struct call *call, struct sysv_memory *memory)
{
	void *at;

	shm_daemon_note(call);
	at = shmat((int)memory->id, NULL, memory->writes ? 0 : SHM_RDONLY);

	if (at != (void *)-1) {
		/* A process that the daemon makes (charge.h) would attach and detach it too. */
		madvise(at, memory->size, MADV_DONTFORK);
		memory->at = at;
		return 0;
	}
	switch (errno) {
	case EACCES:
		return refuse_permission(
			call, EACCES, &(struct place){.dir = &shm_sysv_dir, .object = memory->id},
			memory->writes ? "writing to a segment needs read and write permission, as "
					 "shmat does"
				       : "reading a segment needs read permission");
	case ENOMEM:
		return refuse(call, ENOMEM,
			      "the daemon has no room to attach the %zu bytes of the segment",
			      memory->size);
	default:
		return sysv_error(errno);
	}
}

/*
 * With kernel.shm_rmid_forced the kernel removes what the last process detaches, and we are that
 * one if nobody else has it attached: it would be removed by a look at it.
 */
static int attaching_check(struct call *call, const struct shm_sysv *segment)
{
	char forced = '0';
	int fd;

	if (segment->nattch > 0)
		return 0;
	fd = open("/proc/sys/kernel/shm_rmid_forced", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, &forced, 1) < 1)
		forced = '0';
	close(fd);
	if (forced == '0')
		return 0;
	return refuse(
		call, EBUSY,
		"kernel.shm_rmid_forced is %c: the kernel would remove this segment, which no "
		"process has attached, as soon as it has been opened here",
		forced);
}

static void sysv_close(void *state)
{
	struct sysv_memory *memory = state;

	if (memory->at)
		shmdt(memory->at);
	if (memory->fd >= 0)
		close(memory->fd);
	free(memory);
}

static int sysv_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct sysv_memory *memory;
	struct shm_sysv segment;
	int error = shm_sysv_get(place->object, &segment);

	if (!error)
		error = attaching_check(call, &segment);
	if (error)
		return error;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	*memory = (struct sysv_memory){.id = place->object,
				       .size = segment.size,
				       .writes = (flags & O_ACCMODE) != O_RDONLY,
				       .fd = -1};
	error = attach(call, memory);
	if (error) {
		sysv_close(memory);
		return error;
	}
	/* Who gets none keeps the segment attached; that there are none left is for the user to
	 * know.
	 */
	error = as_daemon(call, file_open, memory);
	if (error == -EMFILE) {
		sysv_close(memory);
		return error;
	}
	if (memory->fd >= 0 && !(memory->huge && memory->writes)) {
		shmdt(memory->at);
		memory->at = NULL;
	}
	/* Of huge pages mincore tells what is mapped, not what is there; they refuse this advice,
	   which does nothing to what nobody has touched here. */
	if (memory->at)
		memory->sees_holes = madvise(memory->at, 1, MADV_COLD) == 0;
	*state = memory;
	return 0;
}

static int sysv_file(void *state)
{
	const struct sysv_memory *memory = state;

	return memory->huge ? -1 : memory->fd;
}

/* ---- reading and writing ---- */

/* Copies between @buffer and the attached segment: bytes, -EIO if there are none to touch. */
static ssize_t attached_copy(const struct sysv_memory *memory, void *buffer, size_t size,
			     off_t offset, bool write)
{
	struct iovec here = {buffer, size}, there = {memory->at + offset, size};
	ssize_t copied = write ? process_vm_writev(getpid(), &here, 1, &there, 1, 0)
			       : process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	if (copied < 0)
		return errno == EFAULT ? -EIO : -errno;
	return copied;
}

/* Whether any page of the segment is on disk, where mincore says that it is nowhere. */
static bool may_be_swapped(const struct sysv_memory *memory)
{
	struct shm_sysv segment;

	return shm_sysv_measure(memory->id, &segment) < 0 || segment.swap > 0;
}

/* Sets @pages, one for each page from @at on, to whether it must be read: reading a hole would
 * fill it. */
static void pages_look(const struct sysv_memory *memory, char *at, size_t count,
		       unsigned char *pages)
{
	size_t size = count * page_size();
	bool known = memory->sees_holes && mincore(at, size, pages) == 0;
	bool all = true;

	for (size_t i = 0; known && i < count; i++)
		all &= pages[i] & 1;
	/* Looked at again between two looks at the swap: what was out the first time has come in.
	 */
	if (known && !all &&
	    (may_be_swapped(memory) || mincore(at, size, pages) < 0 || may_be_swapped(memory)))
		known = false;
	for (size_t i = 0; i < count; i++)
		pages[i] = known ? pages[i] & 1 : 1;
}

/* At most @PAGES pages. */
static ssize_t attached_read_part(const struct sysv_memory *memory, char *buffer, size_t size,
				  off_t offset)
{
	size_t page = page_size(), skip = (size_t)offset % page, done = 0;
	size_t count = (skip + size + page - 1) / page;
	unsigned char pages[PAGES];

	pages_look(memory, memory->at + offset - skip, count, pages);
	for (size_t first = 0, end; first < count; first = end) {
		size_t length;
		ssize_t copied;

		for (end = first + 1; end < count && pages[end] == pages[first];)
			end++;
		length = end * page - skip - done;
		if (length > size - done)
			length = size - done;
		if (pages[first]) {
			copied = attached_copy(memory, buffer + done, length, offset + (off_t)done,
					       false);
			if (copied < 0)
				return done ? (ssize_t)done : copied;
		} else {
			memset(buffer + done, 0, length);
			copied = (ssize_t)length;
		}
		done += (size_t)copied;
		if ((size_t)copied < length)
			break;
	}
	return (ssize_t)done;
}

static ssize_t attached_read(const struct sysv_memory *memory, char *buffer, size_t size,
			     off_t offset)
{
	const size_t most =
		(PAGES - 1) * page_size(); /* in at most PAGES pages, wherever it begins */
	size_t done = 0;

	while (done < size) {
		size_t part = size - done < most ? size - done : most;
		ssize_t copied =
			attached_read_part(memory, buffer + done, part, offset + (off_t)done);

		if (copied < 0)
			return done ? (ssize_t)done : copied;
		done += (size_t)copied;
		if ((size_t)copied < part)
			break;
	}
	return (ssize_t)done;
}

/* Bytes of @size that are inside the segment from @offset on. */
static size_t size_inside(const struct sysv_memory *memory, size_t size, off_t offset)
{
	size_t left;

	if ((uint64_t)offset >= memory->size)
		return 0;
	left = memory->size - (size_t)offset;
	return size < left ? size : left;
}

static ssize_t sysv_read(void *state, void *buffer, size_t size, off_t offset)
{
	const struct sysv_memory *memory = state;
	ssize_t result;

	if (offset < 0)
		return -EINVAL;
	size = size_inside(memory, size, offset);
	if (size == 0)
		return 0;
	if (memory->fd < 0)
		return attached_read(memory, buffer, size, offset);
	result = pread(memory->fd, buffer, size, offset);
	return result < 0 ? -errno : result;
}

static int refuse_past_end(struct call *call, const struct sysv_memory *memory)
{
	return refuse(call, ENOSPC,
		      "a System V segment keeps the size that it was made with, and this one ends "
		      "after %zu bytes",
		      memory->size);
}

static ssize_t sysv_write(struct call *call, void *state, const void *buffer, size_t size,
			  off_t offset, bool append)
{
	const struct sysv_memory *memory = state;
	ssize_t result;

	if (!memory->writes)
		return -EBADF;
	if (append)
		offset = (off_t)memory->size;
	if (offset < 0)
		return -EINVAL;
	if (size == 0)
		return 0;
	size = size_inside(memory, size, offset);
	if (size == 0)
		return refuse_past_end(call, memory);
	/* It is read from: process_vm_writev has no const. */
	if (memory->at)
		return attached_copy(memory, (void *)(uintptr_t)buffer, size, offset, true);
	result = pwrite(memory->fd, buffer, size, offset);
	return result < 0 ? -errno : result;
}

static off_t sysv_seek(void *state, off_t offset, int whence)
{
	const struct sysv_memory *memory = state;
	off_t end = (off_t)memory->size, found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (offset < 0 || offset >= end)
		return -ENXIO;
	if (memory->fd < 0 || memory->huge)
		return whence == SEEK_DATA ? offset : end;
	found = lseek(memory->fd, offset, whence);
	if (found < 0)
		return -errno;
	return found < end ? found : end;
}

/* ---- size ---- */

static int refuse_resize(struct call *call, uint64_t size)
{
	return refuse(call, EINVAL,
		      "a System V segment keeps the size that it was made with: this one has "
		      "%" PRIu64 " bytes",
		      size);
}

static int sysv_resize(struct call *call, void *state, off_t size)
{
	const struct sysv_memory *memory = state;

	return size >= 0 && (uint64_t)size == memory->size ? 0 : refuse_resize(call, memory->size);
}

static int sysv_truncate(struct call *call, const struct place *place, off_t size)
{
	struct shm_sysv segment;
	int error = shm_sysv_get(place->object, &segment);

	if (error)
		return error;
	/* 0 is what the > of a shell sends, which leaves other files without a size alone too. */
	if (size == 0 || (size > 0 && (uint64_t)size == segment.size))
		return 0;
	return refuse_resize(call, segment.size);
}

static int sysv_allocate(struct call *call, void *state, int mode, off_t offset, off_t length)
{
	const struct sysv_memory *memory = state;
	const int clearing = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);

	if (!memory->writes)
		return -EBADF;
	if (offset < 0 || length <= 0)
		return -EINVAL;
	if (memory->fd < 0 || !clearing || mode != (clearing | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	length = (off_t)size_inside(memory, (size_t)length, offset);
	if (length == 0)
		return 0;
	return fallocate(memory->fd, mode, offset, length) < 0 ? -errno : 0;
}

static int sysv_stat(const struct place *place, void *state, struct stat *st)
{
	const struct sysv_memory *memory = state;
	struct shm_sysv segment;
	struct stat file;
	int error;

	if (memory && memory->fd >= 0) {
		if (fstat(memory->fd, &file) < 0)
			return -errno;
		st->st_size = (off_t)memory->size;
		st->st_blocks = file.st_blocks;
		return 0;
	}
	error = shm_sysv_measure(memory ? memory->id : place->object, &segment);
	if (error)
		return error;
	st->st_size = (off_t)segment.size;
	/* What is on disk counts too, as in any file of memory. */
	st->st_blocks = (blkcnt_t)((segment.rss + segment.swap) / SHM_BLOCK);
	return 0;
}

const struct memory shm_sysv_memory = {
	.open = sysv_open,
	.file = sysv_file,
	.read = sysv_read,
	.write = sysv_write,
	.seek = sysv_seek,
	.resize = sysv_resize,
	.allocate = sysv_allocate,
	.truncate = sysv_truncate,
	.stat = sysv_stat,
	.close = sysv_close,
	.fixed_size = true,
};
