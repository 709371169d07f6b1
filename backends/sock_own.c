/*
 * sock.c - the kind of sockets: tcp/, udp/ and unix/, and what can be made and opened in them.
 */
#include <errno.h>
#include <string.h>

#include "kinds.h"
#include "sock_talk.h"

enum sock_sort sock_sort_of(const struct dir *dir)
{
	if (dir == &sock_tcp_own_dir || dir == &sock_tcp_dir)
		return SOCK_TCP;
	return dir == &sock_udp_own_dir || dir == &sock_udp_dir ? SOCK_UDP : SOCK_UNIX;
}

struct sock_bound *sock_own(const struct place *place)
{
	return sock_bound_hold(sock_sort_of(place->dir), place->identity);
}

static int own_stat(const struct place *place, struct stat *st)
{
	struct sock_bound *bound = sock_own(place);
	struct stat judge;
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_stat(bound, &judge);
	sock_bound_release(bound);
	if (error)
		return error;
	st->st_uid = judge.st_uid;
	st->st_gid = judge.st_gid;
	st->st_mode = judge.st_mode & 0777;
	st->st_atim = judge.st_atim;
	st->st_mtim = judge.st_mtim;
	st->st_ctim = judge.st_ctim;
	return 0;
}

static int own_change(struct call *call, const struct place *place, const struct change *change)
{
	struct sock_bound *bound = sock_own(place);
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_change(bound, change);
	sock_bound_release(bound);
	return error;
}

static int own_remove(struct call *call, const struct place *place)
{
	struct sock_bound *bound = sock_own(place);
	struct stat judge;
	int error;

	if (!bound)
		return -ENOENT;
	error = sock_bound_admit_removal(bound);
	if (!error)
		sock_bound_remove(bound);
	else if (sock_bound_stat(bound, &judge) == 0)
		error = refuse(call, -error,
			       "a socket is for its owner to close: it belongs to uid %u, asked by "
			       "uid %u",
			       (unsigned)judge.st_uid, (unsigned)call->uid);
	sock_bound_release(bound);
	return error;
}

static const struct row listening_rows[] = {
	{"accept", ROW_CHANNEL, .channel = &sock_channel_accept},
	{"framed", ROW_CHANNEL, .channel = &sock_channel_accept_framed},
	{NULL, ROW_END},
};

const struct dir sock_tcp_own_dir = {
	.rows = listening_rows,
	.stat = own_stat,
	.make = refuse_make,
	.remove = own_remove,
	.change = own_change,
	.rename = refuse_rename,
};

/* Finds an internet address, however it is written; what follows a comma is not read. */
static int inet_find(struct call *call, const struct place *at, const char *name,
		     struct place *found)
{
	static _Thread_local char text[SOCK_ADDR_TEXT];
	enum sock_sort sort = sock_sort_of(at->dir);
	const char *comma = strchr(name, ',');
	struct sock_addr address;
	struct sock_bound *bound;

	if ((size_t)snprintf(text, sizeof(text), "%.*s",
			     comma ? (int)(comma - name) : (int)strlen(name),
			     name) >= sizeof(text) ||
	    sock_addr_read(NULL, text, &address) < 0)
		return -ENOENT;
	sock_addr_print(&address, text);
	bound = sock_bound_find(sort, text);
	if (!bound)
		return -ENOENT;
	*found = (struct place){
		.dir = sort == SOCK_TCP ? &sock_tcp_own_dir : &sock_udp_own_dir,
		.name = text,
		.identity = sock_bound_identity(bound),
	};
	sock_bound_release(bound);
	return 0;
}

struct listing_context {
	listing *each;
	void *context;
	const struct dir *dir;
};

static int list_own(void *context, const char *name, uint64_t identity)
{
	struct listing_context *to = context;
	struct place place = {.dir = to->dir, .name = name, .identity = identity};

	return to->each(to->context, name, &place);
}

static int inet_list(struct call *call, const struct place *at, listing *each, void *context)
{
	enum sock_sort sort = sock_sort_of(at->dir);
	struct listing_context to = {each, context,
				     sort == SOCK_TCP ? &sock_tcp_own_dir : &sock_udp_own_dir};

	return sock_bound_list(sort, list_own, &to);
}

static int tcp_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		    struct place *made)
{
	return sock_tcp_make(call, name, mode, made);
}

static const struct row tcp_rows[] = {
	{"connect", ROW_NAMED, 0666, .channel = &sock_channel_tcp, .named = sock_tcp_named},
	{NULL, ROW_END},
};

static const struct dir *const tcp_children[] = {&sock_tcp_own_dir, NULL};

const struct dir sock_tcp_dir = {
	.rows = tcp_rows,
	.children = tcp_children,
	.find = inet_find,
	.list = inet_list,
	.make = tcp_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static const struct row rows[] = {
	{"tcp", ROW_DIR, .dir = &sock_tcp_dir},
	{NULL, ROW_END},
};

const struct dir sock_dir = {
	.rows = rows,
	.make = refuse_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static int sock_setup(const struct settings *settings)
{
	return sock_bound_setup(-1);
}

const struct kind sock_kind = {
	.name = "sockets",
	.dir = &sock_dir,
	.setup = sock_setup,
	.removals = sock_bound_removals,
};

/* TODO: udp, unix */
const struct dir sock_udp_dir, sock_udp_own_dir;
