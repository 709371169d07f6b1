/*
 * fuzz_answer - the kernel's answers about sockets, which have lengths in them.
 *
 * Input: the table of sockets that was asked for, a byte, and an answer as it follows the header of
 * a netlink message.
 */
#include <sys/socket.h>

#include "fuzz.h"
#include "sockets/sock_answer.h"
#include "sockets/sock_name.h"

static void name_ends(const struct sock_info *sock)
{
	char name[SOCK_NAME_SIZE];

	if (sock->family == AF_INET || sock->family == AF_INET6)
		sock_connection_list(sock, name);
}

static void name_unix(const struct sock_info *sock)
{
	char name[SOCK_NAME_SIZE], text[SOCK_UNIX_TEXT_SIZE];
	uint32_t sum = 0;

	require(sock->un.name_size <= sizeof(sock->un.name), "%zu", sock->un.name_size);
	sock_unix_list(sock, name);
	sock_unix_text(sock, " ", text);
	for (size_t i = 0; i < sock->un.pending_count; i++)
		sum |= sock->un.pending[i];
	/* So that they are read. */
	__asm__ volatile("" ::"r"(sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct sock_info sock = {.table = input_byte(&in) % TABLES};
	size_t length = MNL_NLMSG_HDRLEN + in.size;
	/* The kernel's are padded. */
	struct nlmsghdr *answer = calloc(1, MNL_ALIGN(length));

	require(answer, "no memory");
	answer->nlmsg_len = (uint32_t)length;
	if (in.size)
		memcpy((char *)answer + MNL_NLMSG_HDRLEN, in.at, in.size);
	switch (sock.table) {
	case TABLE_NETLINK:
		sock_answer_netlink(answer, &sock);
		break;
	case TABLE_PACKET:
		sock_answer_packet(answer, &sock);
		break;
	case TABLE_UNIX:
		if (sock_answer_unix(answer, &sock))
			name_unix(&sock);
		break;
	default:
		if (sock_answer_inet(answer, &sock))
			name_ends(&sock);
	}
	free(answer);
	return 0;
}
