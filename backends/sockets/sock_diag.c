/*
 * sock_diag.c - asking the kernel for sockets: the requests of sock_diag(7).
 */
#include "sock_diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <linux/inet_diag.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "common/hash.h"
#include "sock_answer.h"
#include "sock_proc.h"

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
	bool (*read)(const struct nlmsghdr *answer, struct sock_info *sock);
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

	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY || !asking->read(answer, &sock) ||
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

/* ---- IP ---- */

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

	asking->read = sock_answer_inet;
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

/*
 * One, or with @inode 0 all.  Never asks for the pending ones of all: a dump ends where the first
 * of its sockets has too many of them, and says nothing.
 */
static int unix_ask(struct asking *asking, uint32_t inode, uint32_t more)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct unix_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = sock_answer_unix;
	asked->sdiag_family = AF_UNIX;
	asked->udiag_states = asking->query->states ? asking->query->states : STATES_ALL;
	asked->udiag_ino = inode;
	asked->udiag_cookie[0] = asked->udiag_cookie[1] = INET_DIAG_NOCOOKIE;
	asked->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN |
			    UDIAG_SHOW_UID | more;
	request->nlmsg_flags = inode ? 0 : NLM_F_DUMP;
	return ask(asking, request);
}

/* ---- netlink, packet ---- */

/* Those that have been told. */
struct told {
	uint64_t cookie;
	UT_hash_handle hh;
};

struct telling {
	sock_each *each;
	void *context;
	struct told *told;
};

/* The kernel tells of one that hears multicast twice: from both of its lists. */
static int tell_once(void *context, const struct sock_info *sock)
{
	struct telling *telling = context;
	struct told *told = NULL;

	HASH_FIND(hh, telling->told, &sock->cookie, sizeof(sock->cookie), told);
	if (told)
		return 0;
	told = malloc(sizeof(*told));
	if (!told)
		return -ENOMEM;
	told->cookie = sock->cookie;
	HASH_ADD(hh, telling->told, cookie, sizeof(told->cookie), told);
	if (!HASH_HAS(hh, told)) {
		free(told);
		return -ENOMEM;
	}
	return telling->each(telling->context, sock);
}

static int netlink_gather(struct asking *asking)
{
	struct telling telling = {asking->each, asking->context, NULL};
	struct told *told, *next;
	int error;
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct netlink_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = sock_answer_netlink;
	asked->sdiag_family = AF_NETLINK;
	asked->sdiag_protocol = NDIAG_PROTO_ALL;
	asked->ndiag_show = NDIAG_SHOW_MEMINFO;
	request->nlmsg_flags = NLM_F_DUMP;
	asking->each = tell_once;
	asking->context = &telling;
	error = ask(asking, request);
	asking->each = telling.each;
	asking->context = telling.context;
	HASH_ITER(hh, telling.told, told, next) {
		HASH_DEL(telling.told, told);
		free(told);
	}
	return error;
}

static int packet_gather(struct asking *asking)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct packet_diag_req *asked = mnl_nlmsg_put_extra_header(request, sizeof(*asked));

	asking->read = sock_answer_packet;
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
		return unix_ask(asking, 0, 0);
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
static struct asking *getting_new(enum sock_table table, sock_each *each, void *context)
{
	static const struct sock_query query;
	struct asking *asking = asking_new();

	if (!asking)
		return NULL;
	asking->query = &query;
	asking->table = table;
	asking->each = each;
	asking->context = context;
	return asking;
}

static void end_write(const struct sock_end *end, uint32_t address[4], uint16_t *port)
{
	memcpy(address, end->address, sizeof(end->address));
	*port = htons(end->port);
}

/* What the kernel would give a packet that comes from @remote to @local to; of any @cookie if 0. */
static int get_tcp(sa_family_t family, const struct sock_end *local, const struct sock_end *remote,
		   uint64_t cookie, struct sock_info *sock)
{
	_Alignas(struct nlmsghdr) char room[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(room);
	struct inet_diag_req_v2 *asked = inet_request(request, family, IPPROTO_TCP);
	struct asking *asking = getting_new(TABLE_TCP, get_one, sock);
	int error;

	if (!asking)
		return -errno;
	*sock = (struct sock_info){.table = TABLE_TCP};
	end_write(local, asked->id.idiag_src, &asked->id.idiag_sport);
	end_write(remote, asked->id.idiag_dst, &asked->id.idiag_dport);
	asked->id.idiag_if = local->interface;
	if (cookie) {
		asked->id.idiag_cookie[0] = (uint32_t)cookie;
		asked->id.idiag_cookie[1] = (uint32_t)(cookie >> 32);
	}
	asking->read = sock_answer_inet;
	error = ask(asking, request);
	asking_free(asking);
	if (error)
		return error;
	/* It may be one that takes packets to more addresses than this. */
	if (sock->family != family || !sock_end_equal(&sock->inet.local, local) ||
	    !sock_end_equal(&sock->inet.remote, remote))
		return -ENOENT;
	return 0;
}

int sock_get_connection(sa_family_t family, const struct sock_end *local,
			const struct sock_end *remote, struct sock_info *sock)
{
	int error = get_tcp(family, local, remote, 0, sock);

	return !error && sock->state == TCP_LISTEN ? -ENOENT : error;
}

int sock_get_listener(sa_family_t family, const struct sock_end *local, uint64_t cookie,
		      struct sock_info *sock)
{
	static const struct sock_end anyone;
	int error = get_tcp(family, local, &anyone, cookie, sock);

	return !error && sock->state != TCP_LISTEN ? -ENOENT : error;
}

static int get_unix(uint32_t inode, uint32_t more, sock_each *each, void *context)
{
	struct asking *asking;
	int error;

	if (!inode)
		return -ENOENT;
	asking = getting_new(TABLE_UNIX, each, context);
	if (!asking)
		return -errno;
	error = unix_ask(asking, inode, more);
	asking_free(asking);
	return error;
}

int sock_get_unix(uint32_t inode, struct sock_info *sock)
{
	int error;

	*sock = (struct sock_info){.table = TABLE_UNIX};
	error = get_unix(inode, 0, get_one, sock);
	return !error && sock->inode != inode ? -ENOENT : error;
}

int sock_get_pending(uint32_t inode, sock_each *each, void *context)
{
	return get_unix(inode, UDIAG_SHOW_ICONS, each, context);
}
