/*
 * sock_own.c - finding and listing the sockets that were made through the tree.
 *
 * They are found before what else there is, so a socket of the tree has the name it was given, also
 * where others share its address.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "sock.h"
#include "sock_talk.h"

static bool is_unix(const struct dir *dir)
{
	return dir != &sock_tcp_dir && dir != &sock_tcp_own_dir && dir != &sock_udp_dir &&
	       dir != &sock_udp_own_dir;
}

static enum sock_sort sort_of(const struct dir *dir)
{
	if (is_unix(dir))
		return SOCK_UNIX;
	return dir == &sock_tcp_dir || dir == &sock_tcp_own_dir ? SOCK_TCP : SOCK_UDP;
}

struct sock_bound *sock_own(const struct place *place)
{
	return sock_bound_hold(sort_of(place->dir), place->identity);
}

const struct dir *sock_unix_own(int type)
{
	switch (type) {
	case SOCK_DGRAM:
		return &sock_unix_own_dgram_dir;
	case SOCK_SEQPACKET:
		return &sock_unix_own_packet_dir;
	default:
		return &sock_unix_own_dir;
	}
}

static const struct dir *dir_of(const struct dir *parent, const struct sock_bound *bound)
{
	if (parent == &sock_tcp_dir)
		return &sock_tcp_own_dir;
	if (parent == &sock_udp_dir)
		return &sock_udp_own_dir;
	return sock_unix_own(sock_bound_type(bound));
}

/* Makes of @place, an object called @name in @parent, one of the tree's own if it is one. */
static bool own_find(const struct dir *parent, const char *name, struct place *place)
{
	struct sock_bound *bound = sock_bound_find(sort_of(parent), name);

	if (!bound)
		return false;
	place->dir = dir_of(parent, bound);
	place->name = name;
	place->identity = sock_bound_identity(bound);
	sock_bound_release(bound);
	return true;
}

/* The name without the attributes that mkdir reads, this thread's until its next; NULL: too long.
 */
static char *plain_name(const char *name)
{
	static _Thread_local char text[SOCK_NAME_SIZE];
	size_t length = strcspn(name, ",");

	if (length >= sizeof(text))
		return NULL;
	memcpy(text, name, length);
	text[length] = '\0';
	return text;
}

int sock_own_find_inet(struct call *call, const struct place *at, const char *name,
		       struct place *found)
{
	char *text = plain_name(name);
	struct sock_addr address;

	*found = (struct place){NULL};
	if (text && sock_addr_read(NULL, text, &address) == 0) {
		sock_addr_print(&address, text);
		if (own_find(at->dir, text, found))
			return 0;
	}
	return sock_object_find(call, at, name, found);
}

int sock_own_find_unix(struct call *call, const struct place *at, const char *name,
		       struct place *found)
{
	const char *text = plain_name(name);
	int error;

	*found = (struct place){NULL};
	if (text && own_find(at->dir, text, found))
		return 0;
	error = sock_object_find(call, at, name, found);
	if (!error && !sock_unix_is_listed(found->name))
		found->dir = &sock_unix_file_dir;
	return error;
}

struct listing_context {
	const struct dir *parent;
	listing *each;
	void *context;
};

/* What the other half lists as anybody's may be the tree's own. */
static int list_as_own(void *context, const char *name, const struct place *place)
{
	const struct listing_context *to = context;
	struct place own = *place;

	if (!own_find(to->parent, name, &own) && is_unix(to->parent) && !sock_unix_is_listed(name))
		own.dir = &sock_unix_file_dir;
	return to->each(to->context, name, &own);
}

int sock_own_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct listing_context to = {at->dir, each, context};

	sock_bound_sweep();
	return sock_object_list(call, at, list_as_own, &to);
}
