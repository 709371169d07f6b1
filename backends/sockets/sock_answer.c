/*
 * sock_answer.c - the kernel's answers about sockets, read into struct sock_info.
 */
#include "sock_answer.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <netinet/tcp.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

static uint64_t cookie_of(const uint32_t cookie[2])
{
	return (uint64_t)cookie[1] << 32 | cookie[0];
}

static void end_read(struct sock_end *end, const uint32_t address[4], uint16_t port,
		     uint32_t interface)
{
	memcpy(end->address, address, sizeof(end->address));
	end->port = ntohs(port);
	end->interface = interface;
}

bool sock_answer_inet(const struct nlmsghdr *answer, struct sock_info *sock)
{
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attribute;

	if (mnl_nlmsg_get_payload_len(answer) < sizeof(*message))
		return false;
	sock->family = message->idiag_family;
	sock->state = message->idiag_state;
	sock->has_uid = true;
	sock->uid = message->idiag_uid;
	sock->recvq = message->idiag_rqueue;
	sock->sendq = message->idiag_wqueue;
	sock->inode = message->idiag_inode;
	sock->cookie = cookie_of(message->id.idiag_cookie);
	end_read(&sock->inet.local, message->id.idiag_src, message->id.idiag_sport,
		 message->id.idiag_if);
	end_read(&sock->inet.remote, message->id.idiag_dst, message->id.idiag_dport, 0);
	switch (sock->table) {
	case TABLE_RAW:
		sock->type = SOCK_RAW;
		break;
	case TABLE_UDP:
		sock->type = SOCK_DGRAM;
		break;
	default:
		sock->type = SOCK_STREAM;
	}
	mnl_attr_for_each(attribute, answer, sizeof(*message))
		if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY &&
		    mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
			sock->v6only = mnl_attr_get_u8(attribute);
	return true;
}

static void unix_read_attribute(const struct nlattr *attribute, struct sock_info *sock)
{
	const void *payload = mnl_attr_get_payload(attribute);
	size_t size = mnl_attr_get_payload_len(attribute);

	switch (mnl_attr_get_type(attribute)) {
	case UNIX_DIAG_NAME:
		if (size > sizeof(sock->un.name))
			size = sizeof(sock->un.name);
		memcpy(sock->un.name, payload, size);
		/* A path comes with its NUL; an abstract name may be any bytes. */
		sock->un.name_size = size && sock->un.name[0] ? strnlen(sock->un.name, size) : size;
		break;
	case UNIX_DIAG_VFS:
		if (size >= sizeof(struct unix_diag_vfs)) {
			const struct unix_diag_vfs *file = payload;

			sock->un.has_file = true;
			sock->un.file_inode = file->udiag_vfs_ino;
			/* As the kernel has it inside: 12 bits and 20. */
			sock->un.file_device = makedev(file->udiag_vfs_dev >> 20,
						       file->udiag_vfs_dev & ((1u << 20) - 1));
		}
		break;
	case UNIX_DIAG_PEER:
		if (size >= sizeof(uint32_t))
			sock->un.peer = mnl_attr_get_u32(attribute);
		break;
	case UNIX_DIAG_ICONS:
		sock->un.pending = payload;
		sock->un.pending_count = size / sizeof(uint32_t);
		break;
	case UNIX_DIAG_RQLEN:
		if (size >= sizeof(struct unix_diag_rqlen)) {
			const struct unix_diag_rqlen *queues = payload;

			sock->recvq = queues->udiag_rqueue;
			sock->sendq = queues->udiag_wqueue;
		}
		break;
	case UNIX_DIAG_UID:
		if (size >= sizeof(uint32_t)) {
			sock->has_uid = true;
			sock->uid = mnl_attr_get_u32(attribute);
		}
		break;
	}
}

bool sock_answer_unix(const struct nlmsghdr *answer, struct sock_info *sock)
{
	const struct unix_diag_msg *message = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attribute;

	if (mnl_nlmsg_get_payload_len(answer) < sizeof(*message))
		return false;
	sock->family = AF_UNIX;
	sock->type = message->udiag_type;
	sock->state = message->udiag_state;
	sock->inode = message->udiag_ino;
	sock->cookie = cookie_of(message->udiag_cookie);
	mnl_attr_for_each(attribute, answer, sizeof(*message))
		unix_read_attribute(attribute, sock);
	return true;
}

/* What waits in the queues, in bytes of the kernel's memory: all that is told of these. */
static void queues_read(const struct nlattr *attribute, struct sock_info *sock)
{
	const uint32_t *memory = mnl_attr_get_payload(attribute);

	if (mnl_attr_get_payload_len(attribute) <= SK_MEMINFO_WMEM_ALLOC * sizeof(*memory))
		return;
	sock->recvq = memory[SK_MEMINFO_RMEM_ALLOC];
	sock->sendq = memory[SK_MEMINFO_WMEM_ALLOC];
}

bool sock_answer_netlink(const struct nlmsghdr *answer, struct sock_info *sock)
{
	const struct netlink_diag_msg *message = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attribute;

	if (mnl_nlmsg_get_payload_len(answer) < sizeof(*message))
		return false;
	sock->family = AF_NETLINK;
	sock->type = message->ndiag_type;
	sock->state = TCP_CLOSE; /* a connected one has an address to send to, and no other end */
	sock->inode = message->ndiag_ino;
	sock->cookie = cookie_of(message->ndiag_cookie);
	sock->netlink.protocol = message->ndiag_protocol;
	sock->netlink.connected = message->ndiag_state == NETLINK_CONNECTED;
	sock->netlink.port = (int32_t)message->ndiag_portid;
	sock->netlink.remote_port = (int32_t)message->ndiag_dst_portid;
	sock->netlink.remote_group = message->ndiag_dst_group;
	mnl_attr_for_each(attribute, answer, sizeof(*message))
		if (mnl_attr_get_type(attribute) == NETLINK_DIAG_MEMINFO)
			queues_read(attribute, sock);
	return true;
}

bool sock_answer_packet(const struct nlmsghdr *answer, struct sock_info *sock)
{
	const struct packet_diag_msg *message = mnl_nlmsg_get_payload(answer);
	const struct nlattr *attribute;

	if (mnl_nlmsg_get_payload_len(answer) < sizeof(*message))
		return false;
	sock->family = AF_PACKET;
	sock->type = message->pdiag_type;
	sock->state = TCP_CLOSE;
	sock->inode = message->pdiag_ino;
	sock->cookie = cookie_of(message->pdiag_cookie);
	sock->packet.protocol = message->pdiag_num;
	mnl_attr_for_each(attribute, answer, sizeof(*message)) {
		size_t size = mnl_attr_get_payload_len(attribute);

		switch (mnl_attr_get_type(attribute)) {
		case PACKET_DIAG_INFO:
			if (size >= sizeof(struct packet_diag_info)) {
				const struct packet_diag_info *info =
					mnl_attr_get_payload(attribute);

				sock->packet.interface = info->pdi_index;
			}
			break;
		case PACKET_DIAG_MEMINFO:
			queues_read(attribute, sock);
			break;
		case PACKET_DIAG_UID:
			if (size >= sizeof(uint32_t)) {
				sock->has_uid = true;
				sock->uid = mnl_attr_get_u32(attribute);
			}
			break;
		}
	}
	return true;
}
