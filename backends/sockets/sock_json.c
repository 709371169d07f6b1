/*
 * sock_json.c - sockets as JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/holders.h"
#include "common/print.h"
#include "sock.h"

/* ---- finding the other end of a unix socket ---- */

struct ends {
	const struct sock_info **by_inode;
	size_t count;
};

static int inode_compare(const void *one, const void *other)
{
	const struct sock_info *a = *(const struct sock_info *const *)one;
	const struct sock_info *b = *(const struct sock_info *const *)other;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

static int ends_index(const struct sock_list *list, struct ends *ends)
{
	*ends = (struct ends){calloc(list->count + 1, sizeof(*ends->by_inode))};
	if (!ends->by_inode)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].table == TABLE_UNIX)
			ends->by_inode[ends->count++] = &list->rows[i];
	qsort(ends->by_inode, ends->count, sizeof(*ends->by_inode), inode_compare);
	return 0;
}

/* In the list, or by asking the kernel, which fills @room; NULL: there is none. */
static const struct sock_info *end_find(const struct ends *ends, const struct sock_info *sock,
					struct sock_info *room)
{
	const struct sock_info wanted = {.inode = sock->un.peer}, *key = &wanted;
	const struct sock_info **found;

	if (sock->table != TABLE_UNIX || !sock->un.peer)
		return NULL;
	found = bsearch(&key, ends->by_inode, ends->count, sizeof(*ends->by_inode), inode_compare);
	if (found)
		return *found;
	return sock_get_unix(sock->un.peer, room) == 0 ? room : NULL;
}

/* ---- values ---- */

static json_t *json_or_null(bool known, json_int_t number)
{
	return known ? json_integer(number) : json_null();
}

static json_t *json_text_or_null(const char *text)
{
	return *text ? json_text(text) : json_null();
}

static const char *family_name(const struct sock_info *sock)
{
	switch (sock->family) {
	case AF_INET:
		return "inet";
	case AF_INET6:
		return "inet6";
	case AF_UNIX:
		return "unix";
	case AF_PACKET:
		return "packet";
	default:
		return "netlink";
	}
}

static const char *type_name(const struct sock_info *sock)
{
	switch (sock->type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_DGRAM:
		return "dgram";
	case SOCK_SEQPACKET:
		return "seqpacket";
	default:
		return "raw";
	}
}

static int add_pending(void *context, const struct sock_info *sock)
{
	for (size_t i = 0; i < sock->un.pending_count; i++)
		if (json_array_append_new(context, json_integer(sock->un.pending[i])) < 0)
			return -ENOMEM;
	return 0;
}

/* Inode numbers of those that wait for a unix listener; null of others, and where it isn't told. */
static json_t *json_pending(const struct sock_info *sock)
{
	json_t *list;

	if (sock->table != TABLE_UNIX || sock->state != TCP_LISTEN)
		return json_null();
	list = json_array();
	if (list && sock->recvq && sock_get_pending(sock->inode, add_pending, list) < 0) {
		json_decref(list);
		return json_null();
	}
	return list;
}

struct gathering {
	json_t *list;
	struct user_names *names;
};

static int add_holder(void *context, const struct holder *holder)
{
	struct gathering *to = context;

	return json_array_append_new(to->list, holder_json(holder, to->names)) < 0 ? -ENOMEM : 0;
}

static json_t *json_holders(const struct sock_info *sock, const struct sock_users *users,
			    struct user_names *names, size_t *hidden)
{
	struct gathering to = {json_array(), names};

	*hidden = 0;
	if (to.list && sock_each_holder(sock, users, add_holder, &to, hidden) < 0) {
		json_decref(to.list);
		return NULL;
	}
	return to.list;
}

static json_t *json_sock(const struct sock_info *sock, const struct sock_info *peer,
			 const struct sock_users *users, const struct sock_files *files,
			 struct user_names *names)
{
	char path[SOCK_PATH_SIZE] = "", local[SOCK_TEXT_SIZE], remote[SOCK_TEXT_SIZE];
	bool unix_socket = sock->table == TABLE_UNIX, inet6 = sock->family == AF_INET6;
	size_t hidden;
	json_t *holders = json_holders(sock, users, names, &hidden);

	sock_object_path(sock, files, path);
	sock_local_text(sock, local);
	sock_remote_text(sock, peer, remote);
	/* A NULL among the values, which is want of memory, fails the whole. */
	return json_pack(
		"{so ss ss ss ss sI sI so so so so so so so so so so so}", "name",
		json_text_or_null(path), "netid", sock_netid(sock), "family", family_name(sock),
		"type", type_name(sock), "state", sock_state_name(sock), "recvq",
		(json_int_t)sock->recvq, "sendq", (json_int_t)sock->sendq, "backlog",
		json_or_null(sock->state == TCP_LISTEN, sock->sendq), "local", json_text(local),
		"remote", json_text_or_null(remote), "v6only",
		inet6 ? json_boolean(sock->v6only) : json_null(), "uid",
		json_or_null(sock->has_uid, sock->uid), "user",
		sock->has_uid ? json_text(user_names_get(names, sock->uid)) : json_null(), "inode",
		json_or_null(sock->inode, sock->inode), "peer",
		json_or_null(unix_socket && sock->un.peer, unix_socket ? sock->un.peer : 0),
		"pending", json_pending(sock), "holders", holders, "hidden",
		json_or_null(users->unknown == 0, (json_int_t)hidden));
}

int sock_json_list(void *context, const struct sock_list *list, const struct sock_users *users,
		   const struct sock_files *files)
{
	struct user_names names = {0};
	struct ends ends;
	int error = ends_index(list, &ends);

	if (error)
		return error;
	for (size_t i = 0; i < list->count && !error; i++) {
		const struct sock_info *sock = &list->rows[i];
		struct sock_info room;

		error = json_list_add(context, json_sock(sock, end_find(&ends, sock, &room), users,
							 files, &names));
	}
	free(ends.by_inode);
	return error;
}
