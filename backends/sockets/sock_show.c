/*
 * sock_show.c - the files of one socket.  Its figures are those of the first of the sockets that
 * share its address; status, status.json and holders have all of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/json.h"
#include "sock.h"

/* Prints one figure of @sock: a line, or nothing. */
typedef int figure(struct call *call, const struct sock_info *sock, FILE *out);

static int show_figure(struct call *call, const struct place *place, FILE *out, figure *print)
{
	struct sock_list list;
	int error = sock_object_gather(place, false, &list);

	if (error)
		return error;
	if (list.count)
		error = print(call, list.rows, out);
	sock_list_free(&list);
	return error;
}

#define FIGURE(name)                                                                  \
	int sock_show_##name(struct call *call, const struct place *place, FILE *out) \
	{                                                                             \
		return show_figure(call, place, out, print_##name);                   \
	}

static int print_text(FILE *out, const char *text)
{
	if (*text)
		fprintf(out, "%s\n", text);
	return 0;
}

static int print_state(struct call *call, const struct sock_info *sock, FILE *out)
{
	return print_text(out, sock_state_name(sock));
}

static int print_local(struct call *call, const struct sock_info *sock, FILE *out)
{
	char text[SOCK_TEXT_SIZE];

	sock_local_text(sock, text);
	return print_text(out, text);
}

static int print_remote(struct call *call, const struct sock_info *sock, FILE *out)
{
	struct sock_info peer;
	bool has_peer = sock->table == TABLE_UNIX && sock_get_unix(sock->un.peer, &peer) == 0;
	char text[SOCK_TEXT_SIZE];

	sock_remote_text(sock, has_peer ? &peer : NULL, text);
	return print_text(out, text);
}

static int print_recvq(struct call *call, const struct sock_info *sock, FILE *out)
{
	fprintf(out, "%" PRIu32 "\n", sock->recvq);
	return 0;
}

static int print_sendq(struct call *call, const struct sock_info *sock, FILE *out)
{
	fprintf(out, "%" PRIu32 "\n", sock->sendq);
	return 0;
}

/* Only a listener has one. */
static int print_backlog(struct call *call, const struct sock_info *sock, FILE *out)
{
	if (sock->state == TCP_LISTEN)
		fprintf(out, "%" PRIu32 "\n", sock->sendq);
	return 0;
}

static int print_inode(struct call *call, const struct sock_info *sock, FILE *out)
{
	if (sock->inode)
		fprintf(out, "%" PRIu32 "\n", sock->inode);
	return 0;
}

static int print_peer(struct call *call, const struct sock_info *sock, FILE *out)
{
	struct ucred peer;
	int error;

	if (sock->table != TABLE_UNIX || sock->state != TCP_ESTABLISHED)
		return 0;
	error = sock_peer(call, sock, &peer);
	if (error)
		return error == -ENODATA ? 0 : error;
	fprintf(out, "%d %u %u\n", (int)peer.pid, (unsigned)peer.uid, (unsigned)peer.gid);
	return 0;
}

FIGURE(state)
FIGURE(local)
FIGURE(remote)
FIGURE(recvq)
FIGURE(sendq)
FIGURE(backlog)
FIGURE(inode)
FIGURE(peer)

/* ---- of all that share the address ---- */

int sock_show_list(struct call *call, struct sock_list *list, sock_table *print, void *context)
{
	struct sock_files files;
	struct sock_users users;
	int error = sock_files_gather(&files);

	if (!error) {
		error = sock_list_users(call, list, &users);
		if (!error) {
			error = print(context, list, &users, &files);
			sock_users_free(&users);
		}
		sock_files_free(&files);
	}
	sock_list_free(list);
	return error;
}

static int show_all(struct call *call, const struct place *place, sock_table *print, void *context)
{
	struct sock_list list;
	int error = sock_object_gather(place, true, &list);

	return error ? error : sock_show_list(call, &list, print, context);
}

static int print_status(void *out, const struct sock_list *list, const struct sock_users *users,
			const struct sock_files *files)
{
	sock_print_table(out, list, users);
	sock_print_hidden(out, list, users);
	return 0;
}

static int print_holders(void *out, const struct sock_list *list, const struct sock_users *users,
			 const struct sock_files *files)
{
	int error = sock_print_holders(out, list, users, NULL);

	sock_print_hidden(out, list, users);
	return error;
}

int sock_show_status(struct call *call, const struct place *place, FILE *out)
{
	return show_all(call, place, print_status, out);
}

int sock_show_json(struct call *call, const struct place *place, FILE *out)
{
	struct json_list list;
	int error;

	json_list_begin(&list, out);
	error = show_all(call, place, sock_json_list, &list);
	return error ? error : json_list_end(&list);
}

int sock_show_holders(struct call *call, const struct place *place, FILE *out)
{
	return show_all(call, place, print_holders, out);
}
