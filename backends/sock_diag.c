/*
 * sock_diag.c - asking the kernel for sockets: the requests of sock_diag(7) and their answers.
 */
#include "sock_diag.h"

#include <errno.h>
#include <stdlib.h>
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

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum {
	/* The kernel fills a message of a dump up to this, if there is room for it. */
	ANSWER_SIZE = 32 << 10,
	REQUEST_SIZE = 256,
	FAMILIES = 2,
};

static const sa_family_t inet_families[FAMILIES] = {AF_INET, AF_INET6};

/* ---- asking ---- */

struct asking {
	struct mnl_socket *socket;
	unsigned sequence;
	/* Reads one answer: false if it is not to be shown. */
	bool (*read)(struct asking *asking, const struct nlmsghdr *answer, struct sock_info *sock);
	const struct sock_query *query;
	enum sock_table table;
	sock_each *each;
	void *context;
	int error;   /* what the kernel said, or what @each did */
	bool absent; /* the kernel has nothing that answers such a request */
	_Alignas(struct nlmsghdr) char answer[ANSWER_SIZE];
};

static struct asking *asking_new(void)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (!asking)
		return NULL;
	asking->socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (asking->socket && mnl_socket_bind(asking->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return asking;
	/* The errno is what the caller returns. */
	if (asking->socket) {
		int error = errno;

		mnl_socket_close(asking->socket);
		errno = error;
	}
	free(asking);
	return NULL;
}

static void asking_free(struct asking *asking)
{
	mnl_socket_close(asking->socket);
	free(asking);
}

static int take_answer(const struct nlmsghdr *answer, void *context)
{
	struct asking *asking = context;
	struct sock_info sock = {.table = asking->table};

	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY || !asking->read(asking, answer, &sock) ||
	    !sock_is_asked(asking->query, &sock))
		return MNL_CB_OK;
	asking->error = asking->each(asking->context, &sock);
	return asking->error ? MNL_CB_ERROR : MNL_CB_OK;
}

/* The end of a dump carries an error, which libmnl's own function for it does not look at. */
static int take_end(const struct nlmsghdr *answer, void *context)
{
	struct asking *asking = context;

	if (mnl_nlmsg_get_payload_len(answer) >= sizeof(int))
		asking->error = *(const int *)mnl_nlmsg_get_payload(answer);
	return MNL_CB_STOP;
}

static int take_error(const struct nlmsghdr *answer, void *context)
{
	struct asking *asking = context;

	if (mnl_nlmsg_get_payload_len(answer) >= sizeof(struct nlmsgerr))
		asking->error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))->error;
	return MNL_CB_STOP;
}

static mnl_cb_t take_control[] = {
	[NLMSG_ERROR] = take_error,
	[NLMSG_DONE] = take_end,
};

/* Sends @request, which begins with a netlink header; takes what comes until the end of it. */
static int ask(struct asking *asking, struct nlmsghdr *request)
{
	bool dump = request->nlmsg_flags & NLM_F_DUMP;

	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->nlmsg_flags |= NLM_F_REQUEST;
	request->nlmsg_seq = ++asking->sequence;
	asking->error = 0;
	asking->absent = false;
	if (mnl_socket_sendto(asking->socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t size = mnl_socket_recvfrom(asking->socket, asking->answer, ANSWER_SIZE);
		int result;

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		result = mnl_cb_run2(asking->answer, (size_t)size, asking->sequence,
				     mnl_socket_get_portid(asking->socket), take_answer, asking,
				     take_control, MNL_ARRAY_SIZE(take_control));
		if (result == MNL_CB_STOP)
			asking->absent = dump && asking->error == -ENOENT;
		if (asking->error)
			return asking->error;
		if (result == MNL_CB_ERROR)
			return -errno;
		if (result == MNL_CB_STOP || !dump)
			return 0;
	}
}

static uint64_t cookie_of(const uint32_t cookie[2])
{
	return (uint64_t)cookie[1] << 32 | cookie[0];
}

bool sock_end_equal(const struct sock_end *one, const struct sock_end *other)
{
	return memcmp(one->address, other->address, sizeof(one->address)) == 0 &&
	       one->port == other->port && one->interface == other->interface;
}

bool sock_is_asked(const struct sock_query *query, const struct sock_info *sock)
{
	bool inet = sock->family == AF_INET || sock->family == AF_INET6;

	if (query->family && query->family != sock->family)
		return false;
	return !inet || !query->port || query->port == sock->inet.local.port;
}

/* ---- IP ---- */

static void end_read(struct sock_end *end, const uint32_t address[4], uint16_t port,
		     uint32_t interface)
{
	memcpy(end->address, address, sizeof(end->address));
	end->port = ntohs(port);
	end->interface = interface;
}

static bool inet_read(struct asking *asking, const struct nlmsghdr *answer, struct sock_info *sock)
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
	mnl_attr_for_each(attribute, answer,
			  sizeof(*message)) if (mnl_attr_get_type(attribute) ==
							INET_DIAG_SKV6ONLY &&
						mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
		sock->v6only = mnl_attr_get_u8(attribute);
	return true;
}

static int inet_protocol(enum sock_table table)
{
	switch (table) {
	case TABLE_RAW:
		return IPPROTO_RAW;
	case TABLE_UDP:
		return IPPROTO_UDP;
	case TABLE_SCTP:
		return IPPROTO_SCTP;
	case TABLE_MPTCP:
		return IPPROTO_MPTCP;
	default:
		return IPPROTO_TCP;
	}
}

static struct inet_diag_req_v2 *inet_request(struct nlmsghdr *request, sa_family_t family,
					     int protocol)
{
	struct inet_diag_req_v2 *asked =
		mnl_nlmsg_put_extra_header(request, sizeof(struct inet_diag_req_v2));

	asked->sdiag_family = (uint8_t)family;
	asked->sdiag_protocol = (uint8_t)protocol;
	asked->idiag_states = STATES_ALL;
	asked->id.idiag_cookie[0] = asked->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	/* A protocol that the byte has no room for. */
	if (protocol > UINT8_MAX)
		mnl_attr_put_u32(request, INET_DIAG_REQ_PROTOCOL, (uint32_t)protocol);
	return asked;
}

static int inet_gather(struct asking *asking)
{
	const struct sock_query *query = asking->query;

	asking->read = inet_read;
	for (int i = 0; i < FAMILIES; i++) {
		_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
		struct nlmsghdr *request = mnl_nlmsg_put_header(room);
		struct inet_diag_req_v2 *asked;
		int error;

		if (query->family && query->family != inet_families[i])
			continue;
		asked = inet_request(request, inet_families[i], inet_protocol(asking->table));
		request->nlmsg_flags = NLM_F_DUMP;
		if (query->states)
			asked->idiag_states = query->states;
		asked->id.idiag_sport = htons(query->port);
		error = ask(asking, request);
		/* A kernel may have no IPv6. */
		if (error && asking->absent && i > 0 && !query->family) {
			asking->absent = false;
			error = 0;
		}
		if (error)
			return error;
	}
	return 0;
}

/* ---- unix ---- */

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

static bool unix_read(struct asking *asking, const struct nlmsghdr *answer, struct sock_info *sock)
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
	mnl_attr_for_each(attribute, answer, sizeof(*message)) unix_read_attribute(attribute, sock);
	return true;
}

static int unix_ask(struct asking *asking, uint32_t inode)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct unix_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = unix_read;
	asked->sdiag_family = AF_UNIX;
	asked->udiag_states = asking->query->states ? asking->query->states : STATES_ALL;
	asked->udiag_ino = inode;
	asked->udiag_cookie[0] = asked->udiag_cookie[1] = INET_DIAG_NOCOOKIE;
	asked->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN |
			    UDIAG_SHOW_UID | (asking->query->pending ? UDIAG_SHOW_ICONS : 0);
	request->nlmsg_flags = inode ? 0 : NLM_F_DUMP;
	return ask(asking, request);
}

/* ---- netlink, packet ---- */

/* What waits in the queues, in bytes of the kernel's memory: all that is told of these. */
static void queues_read(const struct nlattr *attribute, struct sock_info *sock)
{
	const uint32_t *memory = mnl_attr_get_payload(attribute);

	if (mnl_attr_get_payload_len(attribute) <= SK_MEMINFO_WMEM_ALLOC * sizeof(*memory))
		return;
	sock->recvq = memory[SK_MEMINFO_RMEM_ALLOC];
	sock->sendq = memory[SK_MEMINFO_WMEM_ALLOC];
}

static bool netlink_read(struct asking *asking, const struct nlmsghdr *answer,
			 struct sock_info *sock)
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
	mnl_attr_for_each(attribute, answer, sizeof(*message)) if (mnl_attr_get_type(attribute) ==
								   NETLINK_DIAG_MEMINFO)
		queues_read(attribute, sock);
	return true;
}

static int netlink_gather(struct asking *asking)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct netlink_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = netlink_read;
	asked->sdiag_family = AF_NETLINK;
	asked->sdiag_protocol = NDIAG_PROTO_ALL;
	asked->ndiag_show = NDIAG_SHOW_MEMINFO;
	request->nlmsg_flags = NLM_F_DUMP;
	return ask(asking, request);
}

static bool packet_read(struct asking *asking, const struct nlmsghdr *answer,
			struct sock_info *sock)
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
	mnl_attr_for_each(attribute, answer, sizeof(*message))
	{
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

static int packet_gather(struct asking *asking)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct packet_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = packet_read;
	asked->sdiag_family = AF_PACKET;
	asked->pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO;
	request->nlmsg_flags = NLM_F_DUMP;
	return ask(asking, request);
}

/* ---- the interface ---- */

static int table_gather(struct asking *asking)
{
	int error;

	switch (asking->table) {
	case TABLE_NETLINK:
		return netlink_gather(asking);
	case TABLE_PACKET:
		return packet_gather(asking);
	case TABLE_UNIX:
		return unix_ask(asking, 0);
	case TABLE_RAW:
		error = inet_gather(asking);
		if (!asking->absent)
			return error;
		return sock_proc_gather_raw(asking->query, asking->each, asking->context,
					    &asking->absent);
	case TABLE_UDP:
	case TABLE_TCP:
		return inet_gather(asking);
	default:
		error = inet_gather(asking);
		if (!asking->absent)
			return error;
		/* Where nothing answers for them there are none. */
		asking->absent = false;
		return 0;
	}
}

int sock_gather(const struct sock_query *query, sock_each *each, void *context, uint32_t *untold)
{
	struct asking *asking = asking_new();
	uint32_t tables = query->tables ? query->tables : TABLES_ALL;
	int error = 0;

	if (!asking)
		return -errno;
	asking->query = query;
	asking->each = each;
	asking->context = context;
	for (asking->table = 0; asking->table < TABLES && !error; asking->table++) {
		if (!(tables & TABLE_BIT(asking->table)))
			continue;
		asking->absent = false;
		error = table_gather(asking);
		if (asking->absent) {
			error = 0;
			if (untold)
				*untold |= TABLE_BIT(asking->table);
		}
	}
	asking_free(asking);
	return error;
}

static int get_one(void *context, const struct sock_info *sock)
{
	struct sock_info *got = context;

	*got = *sock;
	return 0;
}

/* Room for the one answer of an exact request. */
static struct asking *getting_new(enum sock_table table, struct sock_info *sock)
{
	static const struct sock_query query;
	struct asking *asking = asking_new();

	if (!asking)
		return NULL;
	*sock = (struct sock_info){.table = TABLES};
	asking->query = &query;
	asking->table = table;
	asking->each = get_one;
	asking->context = sock;
	return asking;
}

static void end_write(const struct sock_end *end, uint32_t address[4], uint16_t *port)
{
	memcpy(address, end->address, sizeof(end->address));
	*port = htons(end->port);
}

int sock_get_connection(sa_family_t family, const struct sock_end *local,
			const struct sock_end *remote, struct sock_info *sock)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct inet_diag_req_v2 *asked = inet_request(request, family, IPPROTO_TCP);
	struct asking *asking = getting_new(TABLE_TCP, sock);
	int error;

	if (!asking)
		return -errno;
	end_write(local, asked->id.idiag_src, &asked->id.idiag_sport);
	end_write(remote, asked->id.idiag_dst, &asked->id.idiag_dport);
	asked->id.idiag_if = local->interface;
	asking->read = inet_read;
	error = ask(asking, request);
	asking_free(asking);
	if (error)
		return error;
	/* Where there is no such connection the kernel finds the listener that would take it. */
	if (sock->table != TABLE_TCP || sock->family != family || sock->state == TCP_LISTEN ||
	    !sock_end_equal(&sock->inet.local, local) ||
	    !sock_end_equal(&sock->inet.remote, remote))
		return -ENOENT;
	return 0;
}

int sock_get_unix(uint32_t inode, struct sock_info *sock)
{
	struct asking *asking;
	int error;

	if (!inode)
		return -ENOENT;
	asking = getting_new(TABLE_UNIX, sock);
	if (!asking)
		return -errno;
	error = unix_ask(asking, inode);
	asking_free(asking);
	if (error)
		return error;
	return sock->table == TABLE_UNIX ? 0 : -ENOENT;
}
