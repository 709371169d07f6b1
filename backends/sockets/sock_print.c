/*
 * sock_print.c - sockets as ss(8) prints them with -anp, in a table in the style of ipcs(1); their
 * holders and limits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_ether.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/holders.h"
#include "common/print.h"
#include "sock.h"

/* What would break a row into other words, and the list of processes into other items. */
#define WORD " "
#define ITEM "\""

/* ---- words ---- */

const char *sock_netid(const struct sock_info *sock)
{
	switch (sock->table) {
	case TABLE_NETLINK:
		return "nl";
	case TABLE_PACKET:
		return sock->type == SOCK_RAW ? "p_raw" : "p_dgr";
	case TABLE_UNIX:
		return sock->type == SOCK_STREAM  ? "u_str"
		       : sock->type == SOCK_DGRAM ? "u_dgr"
						  : "u_seq";
	case TABLE_RAW:
		return "raw";
	case TABLE_UDP:
		return "udp";
	case TABLE_TCP:
		return "tcp";
	case TABLE_MPTCP:
		return "mptcp";
	default:
		return "sctp";
	}
}

const char *sock_state_name(const struct sock_info *sock)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTAB",    [TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECV] = "SYN-RECV",    [TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2", [TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "UNCONN",         [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK",    [TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
	};

	if (sock->state >= sizeof(names) / sizeof(*names) || !names[sock->state])
		return "UNKNOWN";
	return names[sock->state];
}

static void netlink_text(uint32_t first, int32_t port, char text[SOCK_TEXT_SIZE])
{
	if (port == -1)
		snprintf(text, SOCK_TEXT_SIZE, "%" PRIu32 ":*", first);
	else
		snprintf(text, SOCK_TEXT_SIZE, "%" PRIu32 ":%" PRId32, first, port);
}

static void packet_text(const struct sock_info *sock, char text[SOCK_TEXT_SIZE])
{
	char interface[IF_NAMESIZE], protocol[8] = "*";

	sock_interface_name(sock->packet.interface, interface);
	if (sock->packet.protocol != ETH_P_ALL)
		snprintf(protocol, sizeof(protocol), "[%u]", sock->packet.protocol);
	snprintf(text, SOCK_TEXT_SIZE, "%s:%s", protocol, interface);
}

static void unix_text(const struct sock_info *sock, char text[SOCK_TEXT_SIZE])
{
	if (sock->un.name_size)
		sock_unix_text(sock, "", text);
	else
		snprintf(text, SOCK_TEXT_SIZE, "anon/%" PRIu32, sock->inode);
}

void sock_local_text(const struct sock_info *sock, char text[SOCK_TEXT_SIZE])
{
	switch (sock->table) {
	case TABLE_NETLINK:
		netlink_text(sock->netlink.protocol, sock->netlink.port, text);
		break;
	case TABLE_PACKET:
		packet_text(sock, text);
		break;
	case TABLE_UNIX:
		unix_text(sock, text);
		break;
	default:
		sock_end_list(sock->family, &sock->inet.local, text);
	}
}

void sock_remote_text(const struct sock_info *sock, const struct sock_info *peer,
		      char text[SOCK_TEXT_SIZE])
{
	static const struct sock_end nowhere;

	*text = '\0';
	switch (sock->table) {
	case TABLE_NETLINK:
		if (sock->netlink.connected)
			netlink_text(sock->netlink.remote_group, sock->netlink.remote_port, text);
		break;
	case TABLE_PACKET:
		break;
	case TABLE_UNIX:
		if (peer)
			unix_text(peer, text);
		else if (sock->un.peer)
			snprintf(text, SOCK_TEXT_SIZE, "anon/%" PRIu32, sock->un.peer);
		break;
	default:
		if (!sock_end_equal(&sock->inet.remote, &nowhere))
			sock_end_list(sock->family, &sock->inet.remote, text);
	}
}

/* ---- the table ---- */

/* An end as ss has it: IPv6 in brackets, "*" for any port, and for any address of both families. */
static void ss_end(const struct sock_info *sock, const struct sock_end *end,
		   char text[SOCK_TEXT_SIZE])
{
	static const unsigned char any[16];
	char address[INET6_ADDRSTRLEN], interface[IF_NAMESIZE], port[8] = "*";
	bool bracket = sock->family == AF_INET6;

	inet_ntop(sock->family, end->address, address, sizeof(address));
	if (bracket && !sock->v6only && memcmp(end->address, any, sizeof(any)) == 0) {
		strcpy(address, "*");
		bracket = false;
	}
	if (end->interface)
		sock_interface_name(end->interface, interface);
	if (end->port)
		snprintf(port, sizeof(port), "%u", end->port);
	snprintf(text, SOCK_TEXT_SIZE, "%s%s%s%s%s:%s", bracket ? "[" : "", address,
		 bracket ? "]" : "", end->interface ? "%" : "", end->interface ? interface : "",
		 port);
}

static void ss_local(const struct sock_info *sock, char text[SOCK_TEXT_SIZE])
{
	char name[SOCK_UNIX_TEXT_SIZE] = "*";

	switch (sock->table) {
	case TABLE_NETLINK:
	case TABLE_PACKET:
		sock_local_text(sock, text);
		break;
	case TABLE_UNIX:
		if (sock->un.name_size)
			sock_unix_text(sock, WORD, name);
		snprintf(text, SOCK_TEXT_SIZE, "%s %" PRIu32, name, sock->inode);
		break;
	default:
		ss_end(sock, &sock->inet.local, text);
	}
}

static void ss_remote(const struct sock_info *sock, char text[SOCK_TEXT_SIZE])
{
	switch (sock->table) {
	case TABLE_NETLINK:
	case TABLE_PACKET:
		sock_remote_text(sock, NULL, text);
		if (!*text)
			strcpy(text, "*");
		break;
	case TABLE_UNIX:
		snprintf(text, SOCK_TEXT_SIZE, "* %" PRIu32, sock->un.peer);
		break;
	default:
		ss_end(sock, &sock->inet.remote, text);
	}
}

/* users:(("sshd",pid=612,fd=3),("sshd",pid=700,fd=3)) */
static void print_users(FILE *out, const struct sock_info *sock, const struct sock_users *users)
{
	size_t count;
	const struct sock_use *use = sock_users_of(users, sock->inode, &count);
	const char *before = "users:(";

	for (; count; count--, use++) {
		const struct sock_process *process = &users->processes[use->process];

		if (process->hidden)
			continue;
		fprintf(out, "%s(\"", before);
		text_print(out, process->command, ITEM);
		fprintf(out, "\",pid=%d,fd=%d)", (int)process->pid, use->fd);
		before = ",";
	}
	if (*before == ',')
		fputc(')', out);
}

void sock_print_table(FILE *out, const struct sock_list *list, const struct sock_users *users)
{
	ipcs_title(out, "Sockets");
	fprintf(out, "%-5s %-10s %-8s %-8s %-28s %-28s %s\n", "Netid", "State", "Recv-Q", "Send-Q",
		"Local", "Peer", "Process");
	for (size_t i = 0; i < list->count; i++) {
		const struct sock_info *sock = &list->rows[i];
		char local[SOCK_TEXT_SIZE], remote[SOCK_TEXT_SIZE];

		ss_local(sock, local);
		ss_remote(sock, remote);
		fprintf(out, "%-5s %-10s %-8" PRIu32 " %-8" PRIu32 " %-28s %-28s ",
			sock_netid(sock), sock_state_name(sock), sock->recvq, sock->sendq, local,
			remote);
		print_users(out, sock, users);
		fputc('\n', out);
	}
}

void sock_print_hidden(FILE *out, const struct sock_list *list, const struct sock_users *users)
{
	static const char *const tables[TABLES] = {
		[TABLE_NETLINK] = "netlink", [TABLE_PACKET] = "packet", [TABLE_UNIX] = "unix",
		[TABLE_RAW] = "raw",         [TABLE_UDP] = "UDP",       [TABLE_TCP] = "TCP",
		[TABLE_MPTCP] = "MPTCP",     [TABLE_SCTP] = "SCTP",
	};

	for (unsigned table = 0; table < TABLES; table++)
		if (list->untold & TABLE_BIT(table))
			fprintf(out,
				"# %s sockets are not shown: this kernel does not tell of them\n",
				tables[table]);
	holders_print_hidden(out, users->hidden + users->unknown);
}

/* ---- holders ---- */

/* "fd=3,5": the descriptors of one process, of which there are @count. */
static char *how_text(const struct sock_use *use, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return NULL;
	for (size_t i = 0; i < count; i++)
		fprintf(memory, "%s%d", i ? "," : "fd=", use[i].fd);
	if (text_close(memory, &text)) {
		free(text);
		return NULL;
	}
	return text;
}

int sock_each_holder(const struct sock_info *sock, const struct sock_users *users,
		     int (*each)(void *context, const struct holder *holder), void *context,
		     size_t *hidden)
{
	size_t left, count;
	const struct sock_use *use = sock_users_of(users, sock->inode, &left);
	int error = 0;

	*hidden = 0;
	for (; left && !error; left -= count, use += count) {
		const struct sock_process *process = &users->processes[use->process];
		struct holder holder = {process->pid, process->uid, NULL, process->command};
		char *how;

		for (count = 1; count < left && use[count].process == use->process; count++)
			;
		if (process->hidden) {
			++*hidden;
			continue;
		}
		how = how_text(use, count);
		if (!how)
			return -ENOMEM;
		holder.how = how;
		error = each(context, &holder);
		free(how);
	}
	return error;
}

struct printing {
	FILE *out;
	const char *path; /* of the object */
	struct user_names names;
};

static int print_holder(void *context, const struct holder *holder)
{
	struct printing *printing = context;

	holder_print(printing->out, printing->path, holder, &printing->names);
	return 0;
}

int sock_print_holders(FILE *out, const struct sock_list *list, const struct sock_users *users,
		       const struct sock_files *files)
{
	struct printing printing = {.out = out};
	char path[SOCK_PATH_SIZE];
	int error = 0;

	for (size_t i = 0; i < list->count && !error; i++) {
		size_t hidden;

		if (files) {
			if (!sock_object_path(&list->rows[i], files, path))
				continue;
			printing.path = path;
		}
		error = sock_each_holder(&list->rows[i], users, print_holder, &printing, &hidden);
	}
	return error;
}

/* ---- limits ---- */

int sock_print_limits(FILE *out)
{
	static const struct limit_line lines[] = {
		{"max connections waiting for accept", "net/core/somaxconn"},
		{"max connections being opened to a listener", "net/ipv4/tcp_max_syn_backlog"},
		{"max datagrams waiting in a unix socket", "net/unix/max_dgram_qlen"},
		{"default receive buffer (bytes)", "net/core/rmem_default"},
		{"max receive buffer (bytes)", "net/core/rmem_max"},
		{"default send buffer (bytes)", "net/core/wmem_default"},
		{"max send buffer (bytes)", "net/core/wmem_max"},
		{"TCP receive buffer, min default max (bytes)", "net/ipv4/tcp_rmem"},
		{"TCP send buffer, min default max (bytes)", "net/ipv4/tcp_wmem"},
		{"ports given to connections", "net/ipv4/ip_local_port_range"},
		{NULL},
	};

	ipcs_title(out, "Socket Limits");
	return limits_print(out, lines);
}
