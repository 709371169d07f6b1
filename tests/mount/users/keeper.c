/*
 * keeper.c - processes that have something open.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_NUMBER = 100 };

int keeper_number(int slot)
{
	return FIRST_NUMBER + slot;
}

/* One order: the number of the slot, and with it the file. */
struct order {
	struct msghdr message;
	struct iovec bytes;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
};

static void order_prepare(struct order *order, int *slot)
{
	memset(order, 0, sizeof(*order));
	order->bytes = (struct iovec){slot, sizeof(*slot)};
	order->message.msg_iov = &order->bytes;
	order->message.msg_iovlen = 1;
	order->message.msg_control = &order->control;
	order->message.msg_controllen = sizeof(order->control);
}

static _Noreturn void keep(int orders)
{
	struct order order;
	int slot, fd;

	for (;;) {
		order_prepare(&order, &slot);
		if (recvmsg(orders, &order.message, MSG_CMSG_CLOEXEC) != sizeof(slot))
			_exit(0);
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&order.message)), sizeof(fd));
		dup2(fd, keeper_number(slot));
		close(fd);
		if (write(orders, &slot, sizeof(slot)) != sizeof(slot))
			_exit(1);
	}
}

void keeper_start(struct keeper *keeper, const struct identity *who, const char *name)
{
	int ends[2], ready = 0;

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), errno);
	fflush(NULL);
	keeper->name = name;
	keeper->pid = fork();
	assert_return_code(keeper->pid, errno);
	if (keeper->pid == 0) {
		dup2(ends[1], 3);
		close_range(4, ~0U, 0);
		become(who);
		prctl(PR_SET_NAME, name);
		if (write(3, &ready, sizeof(ready)) == sizeof(ready))
			keep(3);
		_exit(1);
	}
	close(ends[1]);
	keeper->orders = keep_open(ends[0]);
	/* From now on it is who it is to be. */
	assert_int_equal(read(keeper->orders, &ready, sizeof(ready)), sizeof(ready));
}

void keeper_take(const struct keeper *keeper, int slot, int fd)
{
	struct order order;
	struct cmsghdr *control;
	int taken = -1;

	order_prepare(&order, &slot);
	control = CMSG_FIRSTHDR(&order.message);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(control), &fd, sizeof(fd));
	assert_int_equal(sendmsg(keeper->orders, &order.message, 0), sizeof(slot));
	assert_int_equal(read(keeper->orders, &taken, sizeof(taken)), sizeof(taken));
	assert_int_equal(taken, slot);
	close(fd);
}

bool keeper_is_visible(const struct keeper *keeper)
{
	char path[48], target[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/3", (int)keeper->pid);
	return readlink(path, target, sizeof(target)) > 0;
}

int keeper_open(const struct keeper *keeper, int slot, int flags)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)keeper->pid, keeper_number(slot));
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int keeper_copy(const struct keeper *keeper, int slot)
{
	int process = pidfd_open(keeper->pid, 0), fd;

	assert_return_code(process, errno);
	fd = pidfd_getfd(process, keeper_number(slot), 0);
	assert_return_code(fd, errno);
	close(process);
	return fd;
}
