/*
 * device.c - the descriptors of /dev/fuse by which requests come and answers go.
 *
 * The kernel keeps a request that has been read until its answer comes, with the descriptor that
 * it was read from, in one of 256 lists, and looks for it from that list's begin (fuse_request_find
 * in fs/fuse/dev.c of Linux).  Those that wait are in front of all that come later, so beside some
 * thousands of them that search would be a third of all the work that a request makes.  So there
 * are several descriptors, all of the one connection, and requests are read from one by which few
 * are still to be answered.
 */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agreement.h"
#include "passthrough.h"

/*
 * By one there may be as many as half of the lists have one, before the next is used.  Of few
 * descriptors that the daemon may have users need most.
 */
enum { DEVICES = 16, FEW = 128, DESCRIPTORS_EACH = 64 };

/* The most bytes of an answer that are copied together rather than written in pieces. */
enum { WHOLE = 512 };

static struct {
	int count;
	struct device {
		int fd;
		atomic_int unanswered;
	} all[DEVICES];
	atomic_int current;
} devices;

/* The request that this thread has read last. */
static _Thread_local struct {
	uint64_t request; /* 0: none */
	int device;
} own;

static int few_unanswered(void)
{
	int found = atomic_load_explicit(&devices.current, memory_order_relaxed);

	if (devices.all[found].unanswered < FEW)
		return found;
	for (int i = 0; i < devices.count; i++)
		if (devices.all[i].unanswered < devices.all[found].unanswered)
			found = i;
	devices.current = found;
	return found;
}

static bool is_answered(uint32_t opcode)
{
	return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

static ssize_t receive(int unused, void *buffer, size_t size, void *userdata)
{
	int device = few_unanswered();
	ssize_t got = read(devices.all[device].fd, buffer, size);
	const struct fuse_in_header *header = buffer;

	/* The end of the mount as well, which has come while a request was about to be read. */
	if (got < 0 && errno == ECONNABORTED)
		errno = ENODEV;
	if (got < (ssize_t)sizeof(*header))
		return got;
	agreement_look(buffer, (size_t)got);
	if (is_answered(header->opcode)) {
		own.request = header->unique;
		own.device = device;
		devices.all[device].unanswered++;
	}
	return got;
}

/* Of an INTERRUPT, which libfuse answers when it comes before what it interrupts. */
static bool is_of_interrupt(uint64_t unique)
{
	return unique & 1;
}

/*
 * The kernel looks for the page of each piece, which takes longer than to copy what is small.
 * Being aligned to its size, the copy is in one page.  No answer lies in memory that could vanish.
 */
static ssize_t write_pieces(int fd, const struct iovec *iov, int count)
{
	alignas(WHOLE) char whole[WHOLE];
	size_t size = 0;

	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len > WHOLE - size)
			return writev(fd, iov, count);
		memcpy(whole + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	return write(fd, whole, size);
}

/* -1 with ENOENT: it was not read from there. */
static ssize_t answer_by(int device, const struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov->iov_base;
	ssize_t written = write_pieces(devices.all[device].fd, iov, count);

	/* One that cannot be copied ends the request as well. */
	if ((written >= 0 || errno != ENOENT) && !is_of_interrupt(header->unique))
		devices.all[device].unanswered--;
	return written;
}

/* Of what has waited it is not known from which it was read. */
static ssize_t answer(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *header = iov->iov_base;
	ssize_t written = -1;

	/* A notice, which answers nothing. */
	if (!header->unique)
		return write_pieces(fd, iov, count);
	if (header->unique == own.request)
		return answer_by(own.device, agreement_wish(iov, count), count);
	errno = ENOENT;
	for (int i = 0; i < devices.count && written < 0 && errno == ENOENT; i++)
		written = answer_by(i, iov, count);
	return written;
}

void device_refuse(uint64_t request, int error)
{
	struct fuse_out_header header = {.len = sizeof(header), .error = error, .unique = request};
	struct iovec whole = {&header, sizeof(header)};

	answer(-1, &whole, 1, NULL);
}

void device_open(void)
{
	struct rlimit limit = {0};
	rlim_t most;

	getrlimit(RLIMIT_NOFILE, &limit);
	most = limit.rlim_cur / DESCRIPTORS_EACH;
	for (int i = 1; i < DEVICES; i++)
		devices.all[i].fd = (rlim_t)i < most ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : -1;
}

/* One more for the connection of @fd. */
static bool joins(int device, int fd)
{
	const uint32_t connection = (uint32_t)fd;

	return device >= 0 && ioctl(device, FUSE_DEV_IOC_CLONE, &connection) == 0;
}

int device_setup(struct fuse_session *session, bool passthrough)
{
	static const struct fuse_custom_io io = {.writev = answer, .read = receive};
	int fd = fuse_session_fd(session);

	devices.all[0].fd = fd;
	devices.count = 1;
	while (devices.count < DEVICES && joins(devices.all[devices.count].fd, fd))
		devices.count++;
	agreement_setup(passthrough);
	passthrough_setup(fd);
	return fuse_session_custom_io(session, &io, fd);
}

void device_end(void)
{
	for (int i = 1; i < DEVICES; i++) {
		if (devices.all[i].fd >= 0)
			close(devices.all[i].fd);
		devices.all[i].fd = -1;
	}
	devices.count = 1;
}
