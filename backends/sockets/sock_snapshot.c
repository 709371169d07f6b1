/*
 * sock_snapshot.c - the sockets that listen or are bound at one moment.  Connections come and go
 * too fast to be told of.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "events/snapshot.h"
#include "sock.h"

struct taking {
	struct snapshot *snapshot;
	struct sock_files files;
};

static int add(void *context, const struct sock_info *sock)
{
	static const char *const elsewhere[] = {"tcp/conn/", "unix/anon/"};
	struct taking *taking = context;
	struct snapshot_object *object;
	char path[SOCK_PATH_SIZE];
	bool listens = sock->state == TCP_LISTEN;

	if (!sock_object_path(sock, &taking->files, path))
		return 0;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++)
		if (!strncmp(path, elsewhere[i], strlen(elsewhere[i])))
			return 0;
	object = snapshot_add(taking->snapshot, path,
			      sock->table == TABLE_TCP   ? "tcp"
			      : sock->table == TABLE_UDP ? "udp"
							 : "unix",
			      sock->cookie ? sock->cookie : sock->inode);
	if (!object)
		return -ENOMEM;
	snapshot_figure(object, "listen", listens);
	snapshot_figure(object, "backlog", listens ? sock->sendq : 0);
	return 0;
}

const char *const sock_families[] = {"tcp", "udp", "unix", NULL};

int sock_snapshot(struct snapshot *snapshot)
{
	const struct sock_query queries[] = {
		{.tables = TABLE_BIT(TABLE_TCP),
		 .states = STATE_BIT(TCP_LISTEN) | STATE_BIT(STATE_BOUND_INACTIVE)},
		{.tables = TABLE_BIT(TABLE_UDP)},
		{.tables = TABLE_BIT(TABLE_UNIX),
		 .states = STATE_BIT(TCP_LISTEN) | STATE_BIT(TCP_CLOSE)},
	};
	struct taking taking = {.snapshot = snapshot};
	int error = sock_files_gather(&taking.files);

	for (size_t i = 0; i < sizeof(queries) / sizeof(*queries) && !error; i++)
		error = sock_gather(&queries[i], add, &taking, NULL);
	sock_files_free(&taking.files);
	return error;
}
