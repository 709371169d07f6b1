/*
 * sock_object.c - which directory a socket has; finding and listing those directories.
 *
 * There are five groups of them.  A socket's name in its group follows from its address alone (of
 * an unnamed unix socket and of a connection of one from its inode number), so an object is found
 * again by gathering what may have that name and comparing names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sock.h"
#include "sock_talk.h"

struct group {
	const struct dir *parent, *object;
	const struct dir *own[4]; /* of objects too, that this tree made or may unlink */
	const char *prefix;
	enum sock_table table;
	uint32_t states; /* that sockets of it can have */
};

#define STATES_BOUND \
	(STATE_BIT(TCP_LISTEN) | STATE_BIT(TCP_CLOSE) | STATE_BIT(STATE_BOUND_INACTIVE))

enum { GROUP_TCP, GROUP_CONN, GROUP_UDP, GROUP_UNIX, GROUP_ANON, GROUPS };

static const struct group groups[GROUPS] = {
	[GROUP_TCP] = {&sock_tcp_dir,
		       &sock_tcp_object_dir,
		       {&sock_tcp_own_dir},
		       "tcp/",
		       TABLE_TCP,
		       STATES_BOUND},
	[GROUP_CONN] = {&sock_conn_dir,
			&sock_conn_object_dir,
			{NULL},
			"tcp/conn/",
			TABLE_TCP,
			STATES_ALL & ~STATES_BOUND},
	[GROUP_UDP] = {&sock_udp_dir,
		       &sock_udp_object_dir,
		       {&sock_udp_own_dir},
		       "udp/",
		       TABLE_UDP,
		       STATES_ALL},
	[GROUP_UNIX] = {&sock_unix_dir,
			&sock_unix_object_dir,
			{&sock_unix_own_dir, &sock_unix_own_packet_dir, &sock_unix_own_dgram_dir,
			 &sock_unix_file_dir},
			"unix/",
			TABLE_UNIX,
			STATES_ALL},
	[GROUP_ANON] = {&sock_anon_dir,
			&sock_anon_object_dir,
			{NULL},
			"unix/anon/",
			TABLE_UNIX,
			STATES_ALL},
};

/* The group of a directory, or of an object in it. */
static const struct group *group_at(const struct dir *dir)
{
	for (const struct group *group = groups;; group++) {
		if (group->parent == dir || group->object == dir)
			return group;
		for (size_t i = 0; i < sizeof(group->own) / sizeof(*group->own); i++)
			if (group->own[i] == dir)
				return group;
	}
}

/* NULL: it has no directory. */
static const struct group *group_of(const struct sock_info *sock)
{
	switch (sock->table) {
	case TABLE_TCP:
		if (sock->state == TCP_LISTEN || sock->state == TCP_CLOSE)
			return &groups[GROUP_TCP];
		return &groups[GROUP_CONN];
	case TABLE_UDP:
		return &groups[GROUP_UDP];
	case TABLE_UNIX:
		/* What a listener has accepted has the listener's address. */
		if (!sock->un.name_size ||
		    (sock->type != SOCK_DGRAM && sock->state == TCP_ESTABLISHED))
			return &groups[GROUP_ANON];
		return &groups[GROUP_UNIX];
	default:
		return NULL;
	}
}

/* The wildcard of IPv6 is that of IPv4 too unless it is said not to be. */
static void bound_list(const struct sock_info *sock, char name[SOCK_NAME_SIZE])
{
	static const struct sock_end everywhere;
	struct sock_end end = sock->inet.local;

	sock_end_list(sock->family, &end, name);
	end.port = 0;
	if (sock->family == AF_INET6 && !sock->v6only && sock_end_equal(&end, &everywhere))
		snprintf(name, SOCK_NAME_SIZE, "any:%u", sock->inet.local.port);
}

static void name_of(const struct group *group, const struct sock_info *sock,
		    const struct sock_files *files, char name[SOCK_NAME_SIZE])
{
	const struct sock_file *file;

	switch (group - groups) {
	case GROUP_CONN:
		sock_connection_list(sock, name);
		break;
	case GROUP_ANON:
		snprintf(name, SOCK_NAME_SIZE, "%" PRIu32, sock->inode);
		break;
	case GROUP_UNIX:
		file = sock_files_of(files, sock);
		if (file)
			snprintf(name, SOCK_NAME_SIZE, "%s", file->name);
		else
			sock_unix_list(sock, name);
		break;
	default:
		bound_list(sock, name);
	}
}

bool sock_object_path(const struct sock_info *sock, const struct sock_files *files,
		      char path[SOCK_PATH_SIZE])
{
	const struct group *group = group_of(sock);
	char name[SOCK_NAME_SIZE];

	if (!group)
		return false;
	name_of(group, sock, files, name);
	snprintf(path, SOCK_PATH_SIZE, "%s%s", group->prefix, name);
	return true;
}

static uint64_t identity_of(const struct sock_info *sock)
{
	return sock->cookie ? sock->cookie : sock->inode;
}

static int rank_of(const struct sock_info *sock)
{
	return sock->state == TCP_LISTEN ? 0 : sock->state == TCP_CLOSE ? 1 : 2;
}

static int leader_compare(const void *one, const void *other)
{
	const struct sock_info *a = one, *b = other;
	uint64_t first = identity_of(a), second = identity_of(b);

	if (rank_of(a) != rank_of(b))
		return rank_of(a) - rank_of(b);
	return (first > second) - (first < second);
}

/* ---- the sockets of one object ---- */

struct picking {
	const struct group *group;
	const char *name;
	uint64_t identity; /* of one that is known to have been there; 0: not known */
	const struct sock_files *files;
	struct sock_list *list;
};

static int pick(void *context, const struct sock_info *sock)
{
	const struct picking *picking = context;
	char name[SOCK_NAME_SIZE];

	if (group_of(sock) != picking->group)
		return 0;
	name_of(picking->group, sock, picking->files, name);
	return strcmp(name, picking->name) ? 0 : sock_list_add(picking->list, sock);
}

static int pick_by_port(struct picking *picking, sa_family_t family, uint16_t port, uint32_t states)
{
	const struct sock_query query = {
		.tables = TABLE_BIT(picking->group->table),
		.states = states,
		.family = family,
		.port = port,
	};

	return sock_gather(&query, pick, picking, NULL);
}

/* The first ways are the faster ones, and nearly always enough. */
static int pick_listener(struct picking *picking, sa_family_t family, const struct sock_end *end)
{
	struct sock_info sock;
	int error = -ENOENT;

	if (picking->identity)
		error = sock_get_listener(family, end, picking->identity, &sock);
	if (!error)
		return pick(picking, &sock);
	if (error == -ENOENT)
		error = pick_by_port(picking, family, end->port, STATE_BIT(TCP_LISTEN));
	if (error || picking->list->count)
		return error;
	return pick_by_port(picking, family, end->port, STATES_BOUND);
}

static int pick_bound(struct picking *picking, bool all)
{
	struct sock_end end;
	sa_family_t family;
	bool any;
	int error = sock_end_read(picking->name, &family, &end, &any);

	if (error)
		return error;
	if (picking->group == &groups[GROUP_TCP] && !all)
		return pick_listener(picking, family, &end);
	return pick_by_port(picking, family, end.port, picking->group->states);
}

static int pick_connection(struct picking *picking)
{
	struct sock_end local, remote;
	struct sock_info sock;
	sa_family_t family;
	int error = sock_connection_read(picking->name, &family, &local, &remote);

	if (!error)
		error = sock_get_connection(family, &local, &remote, &sock);
	return error ? error : pick(picking, &sock);
}

static int pick_unnamed(struct picking *picking)
{
	struct sock_info sock;
	char *end;
	unsigned long inode = strtoul(picking->name, &end, 10);
	int error = *end || inode > UINT32_MAX ? -ENOENT : sock_get_unix((uint32_t)inode, &sock);

	return error ? error : pick(picking, &sock);
}

static int pick_all(struct picking *picking, bool all)
{
	const struct sock_query query = {.tables = TABLE_BIT(TABLE_UNIX)};

	switch (picking->group - groups) {
	case GROUP_CONN:
		return pick_connection(picking);
	case GROUP_ANON:
		return pick_unnamed(picking);
	case GROUP_UNIX:
		return sock_gather(&query, pick, picking, NULL);
	default:
		return pick_bound(picking, all);
	}
}

/* True if the object of @identity is among them; any is if that is 0. */
static bool is_there(const struct sock_list *list, uint64_t identity)
{
	for (size_t i = 0; i < list->count; i++)
		if (!identity || identity_of(&list->rows[i]) == identity)
			return true;
	return false;
}

static bool is_file(const struct group *group, const char *name)
{
	return group == &groups[GROUP_UNIX] && !sock_unix_is_listed(name);
}

int sock_object_gather(const struct place *place, bool all, struct sock_list *list)
{
	const struct group *group = group_at(place->dir);
	bool file = is_file(group, place->name);
	struct sock_files files = {NULL};
	struct picking picking = {group, place->name, place->identity, &files, list};
	struct stat st;
	int error = 0;

	*list = (struct sock_list){NULL};
	if (file) {
		error = sock_files_get(place->name, &files, &st);
		if (!error && place->identity && st.st_ino != place->identity)
			error = -ENOENT;
	}
	if (!error)
		error = pick_all(&picking, all);
	/* A file's identity is its own, and it may be another's by the time that it is listed. */
	if (!error && !is_there(list, file ? 0 : place->identity))
		error = -ENOENT;
	sock_files_free(&files);
	if (error)
		sock_list_free(list);
	else if (list->count > 1)
		qsort(list->rows, list->count, sizeof(*list->rows), leader_compare);
	return error;
}

int sock_object_stat(const struct place *place, struct stat *st)
{
	struct sock_files files;
	struct sock_list list;
	struct stat file;
	int error;

	if (is_file(group_at(place->dir), place->name)) {
		error = sock_files_get(place->name, &files, &file);
		sock_files_free(&files);
		if (error || (place->identity && file.st_ino != place->identity))
			return error ? error : -ENOENT;
		st->st_uid = file.st_uid;
		st->st_gid = file.st_gid;
		st->st_mode = file.st_mode & 0777;
		st->st_atim = file.st_atim;
		st->st_mtim = file.st_mtim;
		st->st_ctim = file.st_ctim;
		return 0;
	}
	error = sock_object_gather(place, false, &list);
	if (error)
		return error;
	if (list.rows->has_uid)
		st->st_uid = list.rows->uid;
	st->st_mode = 0600;
	sock_list_free(&list);
	return 0;
}

/* ---- finding ---- */

/* The name as it is listed; -ENOENT: no socket can have it. */
static int name_read(const struct group *group, const char *name, char listed[SOCK_NAME_SIZE])
{
	bool any;
	struct sock_info sock = {0};
	sa_family_t family;
	int error = 0;

	switch (group - groups) {
	case GROUP_CONN:
		error = sock_connection_read(name, &family, &sock.inet.local, &sock.inet.remote);
		sock.family = (uint8_t)family;
		if (!error)
			sock_connection_list(&sock, listed);
		return error;
	case GROUP_UNIX:
	case GROUP_ANON:
		if (strlen(name) >= SOCK_NAME_SIZE)
			return -ENOENT;
		strcpy(listed, name);
		return 0;
	default:
		error = sock_end_read(name, &family, &sock.inet.local, &any);
		sock.family = (uint8_t)family;
		sock.v6only = !any;
		if (!error)
			bound_list(&sock, listed);
		return error;
	}
}

static int find_listed(const struct group *group, const char *listed, struct place *found)
{
	struct sock_files files;
	struct sock_list list;
	struct stat st;
	int error;

	*found = (struct place){.dir = group->object, .name = listed};
	if (is_file(group, listed)) {
		error = sock_files_get(listed, &files, &st);
		sock_files_free(&files);
		if (error)
			return error;
		found->identity = st.st_ino;
	}
	error = sock_object_gather(found, false, &list);
	if (error)
		return error;
	if (!found->identity)
		found->identity = identity_of(list.rows);
	sock_list_free(&list);
	return 0;
}

static int find_named(const struct group *group, const char *name, struct place *found)
{
	/* Until this thread's next. */
	static _Thread_local char listed[SOCK_NAME_SIZE];
	int error = name_read(group, name, listed);

	return error ? error : find_listed(group, listed, found);
}

int sock_object_find(struct call *call, const struct place *at, const char *name,
		     struct place *found)
{
	const struct group *group = group_at(at->dir);
	const char *comma = strchr(name, ',');
	int error = find_named(group, name, found);

	/* mkdir looks up what it has made with its attributes; an interface may have a comma. */
	if (error == -ENOENT && comma && comma - name < SOCK_NAME_SIZE) {
		char before[SOCK_NAME_SIZE];

		snprintf(before, sizeof(before), "%.*s", (int)(comma - name), name);
		error = find_named(group, before, found);
	}
	return error;
}

/* ---- listing ---- */

struct entry {
	char *name;
	int rank;
	uint64_t identity;
};

struct entries {
	const struct group *group;
	const struct sock_files *files;
	struct entry *list;
	size_t count, room;
};

static int entry_add(struct entries *entries, const char *name, int rank, uint64_t identity)
{
	struct entry entry = {strdup(name), rank, identity};

	if (entry.name && entries->count == entries->room) {
		size_t room = entries->room ? 2 * entries->room : 16;
		struct entry *list = reallocarray(entries->list, room, sizeof(*list));

		if (!list) {
			free(entry.name);
			return -ENOMEM;
		}
		entries->list = list;
		entries->room = room;
	}
	if (!entry.name)
		return -ENOMEM;
	entries->list[entries->count++] = entry;
	return 0;
}

static int entry_take(void *context, const struct sock_info *sock)
{
	struct entries *entries = context;
	const struct sock_file *file;
	char name[SOCK_NAME_SIZE];

	if (group_of(sock) != entries->group)
		return 0;
	file = sock_files_of(entries->files, sock);
	name_of(entries->group, sock, entries->files, name);
	return entry_add(entries, name, rank_of(sock), file ? file->inode : identity_of(sock));
}

static int entry_compare(const void *one, const void *other)
{
	const struct entry *a = one, *b = other;
	int names = strcmp(a->name, b->name);

	if (names)
		return names;
	if (a->rank != b->rank)
		return a->rank - b->rank;
	return (a->identity > b->identity) - (a->identity < b->identity);
}

/* Each name once, as its first socket. */
static int entries_list(const struct entries *entries, listing *each, void *context)
{
	const char *last = NULL;
	int error = 0;

	for (size_t i = 0; i < entries->count && !error; i++) {
		const struct entry *entry = &entries->list[i];
		const struct place place = {
			.dir = entries->group->object,
			.name = entry->name,
			.identity = entry->identity,
		};

		if (last && strcmp(last, entry->name) == 0)
			continue;
		last = entry->name;
		error = each(context, entry->name, &place);
	}
	return error;
}

int sock_object_list(struct call *call, const struct place *at, listing *each, void *context)
{
	const struct group *group = group_at(at->dir);
	const struct sock_query query = {
		.tables = TABLE_BIT(group->table),
		.states = group->states,
	};
	struct sock_files files = {NULL};
	struct entries entries = {.group = group, .files = &files};
	int error = 0;

	if (group == &groups[GROUP_UNIX])
		error = sock_files_gather(&files);
	if (!error)
		error = sock_gather(&query, entry_take, &entries, NULL);
	if (entries.count)
		qsort(entries.list, entries.count, sizeof(*entries.list), entry_compare);
	if (!error)
		error = entries_list(&entries, each, context);
	for (size_t i = 0; i < entries.count; i++)
		free(entries.list[i].name);
	free(entries.list);
	sock_files_free(&files);
	return error;
}
