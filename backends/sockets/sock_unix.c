/*
 * sock_unix.c - making unix sockets in the run directory, and connecting to any.
 *
 * A socket to connect to is found as the caller, in the caller's root, and connected to by its
 * descriptor, so it is the one that was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/names.h"
#include "common/run_dir.h"
#include "sock.h"
#include "sock_caller.h"
#include "sock_stream.h"
#include "sock_talk.h"

enum {
	PATH_LONGEST = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	PLACE_NAME_MAX = 1023, /* that a place can have */
};

/* ---- making ---- */

struct wish {
	char name[NAME_MAX + 1];
	int type;
	int64_t backlog;
};

static int type_read(struct call *call, const char *value, void *context)
{
	static const struct {
		const char *name;
		int type;
	} types[] = {{"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {"seqpacket", SOCK_SEQPACKET}};
	struct wish *wish = context;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].name, value)) {
			wish->type = types[i].type;
			return 0;
		}
	return refuse(call, EINVAL, "'%.48s' is no type: stream, dgram and seqpacket are", value);
}

static int backlog_read(struct call *call, const char *value, void *context)
{
	struct wish *wish = context;

	return number_read(call, "backlog", value, 0, INT32_MAX, &wish->backlog);
}

static const struct attribute attributes[] = {
	{"type", type_read},
	{"backlog", backlog_read},
	{NULL},
};

static int wish_read(struct call *call, const char *text, struct wish *wish)
{
	size_t length = strcspn(text, ",");

	if (length >= sizeof(wish->name))
		return refuse(call, ENAMETOOLONG,
			      "a name of %zu bytes: the name of a socket here has at most %d",
			      length, NAME_MAX);
	memcpy(wish->name, text, length);
	wish->name[length] = '\0';
	if (!length || !strcmp(wish->name, ".") || !strcmp(wish->name, "..") ||
	    !sock_files_is_plain(wish->name))
		return refuse(call, EINVAL,
			      "'%.80s' cannot be the name of a socket here: it has no %%, control "
			      "character or comma in it, no @ in front, and is none of the files "
			      "of unix/",
			      wish->name);
	return attributes_read(call, text[length] ? text + length + 1 : NULL, attributes, wish);
}

/* True if the path of the run directory leads where its descriptor does. */
static bool path_is_of(const struct run_dir *directory)
{
	struct stat by_path, own;

	return stat(directory->path, &by_path) == 0 && fstat(directory->fd, &own) == 0 &&
	       by_path.st_dev == own.st_dev && by_path.st_ino == own.st_ino;
}

/*
 * The address to bind to.  It should be the path by which others know the socket, since that is
 * what getpeername(2) tells them.
 */
static int address_make(struct call *call, const struct wish *wish, struct sock_addr *address)
{
	const struct run_dir *directory = sock_files_directory();
	char path[PATH_MAX + NAME_MAX + 2];
	struct sockaddr_un *un = &address->un;
	int length = snprintf(path, sizeof(path), "%s/%s", directory->path, wish->name);

	if (length > PATH_LONGEST)
		return refuse(
			call, ENAMETOOLONG,
			"%.60s.../%.40s has %d bytes: the path of a unix socket has at most %d, "
			"which leaves %d for its name",
			directory->path, wish->name, length, PATH_LONGEST,
			PATH_LONGEST - (int)strlen(directory->path) - 1);
	if (!path_is_of(directory))
		length = snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory->fd,
				  wish->name);
	if (length > PATH_LONGEST)
		return -ENAMETOOLONG;
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(un->sun_path, path, (size_t)length);
	address->length = sizeof(*un);
	return 0;
}

static int refuse_bind(struct call *call, const struct wish *wish, int error)
{
	return refuse(call, error, "%.80s/%.80s: %s", sock_files_directory()->path, wish->name,
		      strerror(error));
}

/* Binds, also where a socket has been that nobody has any more. */
static int wish_bind(struct call *call, const struct wish *wish, int fd,
		     const struct sock_addr *address)
{
	int error;

	if (bind(fd, &address->any, address->length) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return refuse_bind(call, wish, errno);
	error = sock_files_clear(call, wish->name);
	if (error)
		return error;
	return bind(fd, &address->any, address->length) < 0 ? refuse_bind(call, wish, errno) : 0;
}

/* A socket bound to its file; @st is of that. */
static int wish_grant(struct call *call, const struct wish *wish, mode_t mode, struct stat *st)
{
	int directory = sock_files_directory()->fd, fd;
	struct sock_addr address;
	int error = address_make(call, wish, &address);

	if (error)
		return error;
	fd = sock_new(call, AF_UNIX, wish->type | (wish->type == SOCK_DGRAM ? 0 : SOCK_NONBLOCK));
	if (fd < 0)
		return fd;
	/* Each datagram says whose it is. */
	if (wish->type == SOCK_DGRAM)
		error = sock_set(fd, SOL_SOCKET, SO_PASSCRED, 1);
	/* Its file gets the mode that the socket has: at no moment may others connect. */
	if (!error && fchmod(fd, mode & 0666) < 0)
		error = -errno;
	if (!error)
		error = wish_bind(call, wish, fd, &address);
	if (error) {
		close(fd);
		return error;
	}
	if (wish->type != SOCK_DGRAM && listen(fd, (int)wish->backlog) < 0)
		error = -errno;
	else
		error = entry_look(directory, wish->name, st);
	if (!error)
		return fd;
	close(fd);
	unlinkat(directory, wish->name, 0);
	return error;
}

int sock_unix_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		   struct place *made)
{
	static _Thread_local struct wish wish; /* made->name is in it */
	struct sock_keeping keeping = {.sort = SOCK_UNIX, .name = wish.name, .member = -1};
	struct stat st;
	int error, fd;

	if (sock_files_directory()->fd < 0)
		return run_dir_refuse(call, sock_files_directory());
	if (call->foreign & NAMESPACE_RUN_DIR)
		return refuse(call, EACCES,
			      "process %d has another run directory than this tree, where the "
			      "socket would have to be",
			      (int)call->pid);
	wish = (struct wish){.type = SOCK_STREAM, .backlog = SOMAXCONN};
	error = wish_read(call, name, &wish);
	if (error)
		return error;
	fd = wish_grant(call, &wish, mode, &st);
	if (fd < 0)
		return fd;
	keeping.fd = fd;
	keeping.identity = st.st_ino;
	error = sock_bound_keep(call, &keeping);
	if (error) {
		unlinkat(sock_files_directory()->fd, wish.name, 0);
		return error;
	}
	*made = (struct place){
		.dir = sock_unix_own(wish.type),
		.name = wish.name,
		.identity = st.st_ino,
	};
	return 0;
}

/* ---- connecting ---- */

struct dialing {
	struct sock_stream stream; /* first: see sock_stream.h */
	int found;                 /* the socket's file; -1: the name is abstract */
	struct sock_addr to;
	char name[PLACE_NAME_MAX + 2]; /* a path with its slash, or @ and an abstract name */
};

/* What is looked for among the abstract names. */
struct abstract {
	const char *name; /* with its @ */
	bool exact, below;
};

static int abstract_compare(void *context, const struct sock_info *sock)
{
	struct abstract *abstract = context;
	size_t length = strlen(abstract->name);

	if (!sock->un.name_size || sock->un.name[0] || sock->un.name_size < length ||
	    memcmp(sock->un.name + 1, abstract->name + 1, length - 1) != 0)
		return 0;
	if (sock->un.name_size == length)
		abstract->exact = true;
	else if (sock->un.name[length] == '/')
		abstract->below = true;
	return 0;
}

/* Abstract names may have slashes in them: 1 if there are longer ones, but not this. */
static int abstract_named(struct call *call, const char *name)
{
	const struct sock_query query = {.tables = TABLE_BIT(TABLE_UNIX)};
	struct abstract abstract = {.name = name};
	int error;

	if (strlen(name) > PATH_LONGEST + 1)
		return refuse(call, ENAMETOOLONG, "an abstract name has at most %d bytes",
			      PATH_LONGEST);
	error = sock_gather(&query, abstract_compare, &abstract, NULL);
	if (error)
		return error;
	return abstract.below && !abstract.exact;
}

static int path_named(struct call *call, const char *path)
{
	int fd = sock_caller_open(call, path);
	struct stat st;
	int result;

	if (fd < 0)
		return fd;
	result = fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode);
	close(fd);
	return result;
}

int sock_unix_named(struct call *call, const char *name, struct place *place)
{
	static _Thread_local char path[PLACE_NAME_MAX + 1];
	char longer[PLACE_NAME_MAX + 1];
	int result;

	if (snprintf(longer, sizeof(longer), "%s%s%s", place->name ? place->name : "",
		     place->name ? "/" : "", name) >= (int)sizeof(longer))
		return refuse(call, ENAMETOOLONG, "a path below unix/connect/ has at most %d bytes",
			      PLACE_NAME_MAX);
	result = longer[0] == '@' ? abstract_named(call, longer) : path_named(call, longer);
	if (result < 0)
		return result;
	strcpy(path, longer);
	place->name = path;
	return result;
}

static int refuse_dial(struct call *call, const struct dialing *dialing, int error)
{
	switch (error) {
	case ECONNREFUSED:
		return refuse(call, error, "nobody listens at %.200s", dialing->name);
	case EACCES:
		return refuse(call, error,
			      "%.150s: to connect takes write permission for the socket",
			      dialing->name);
	default:
		return refuse(call, error, "%.150s: %s", dialing->name, strerror(error));
	}
}

/* Notes where to connect to: dialing->to. */
static int address_find(struct call *call, struct dialing *dialing)
{
	struct sockaddr_un *to = &dialing->to.un;
	size_t length = strlen(dialing->name);

	to->sun_family = AF_UNIX;
	if (dialing->name[0] == '@') {
		memcpy(to->sun_path + 1, dialing->name + 1, length - 1);
		dialing->to.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
		if (!(call->foreign & NAMESPACE_NETWORK))
			return 0;
		return refuse(call, EACCES,
			      "process %d is in another network namespace than this tree, where "
			      "other sockets have abstract names",
			      (int)call->pid);
	}
	dialing->found = sock_caller_open(call, dialing->name);
	if (dialing->found < 0)
		return dialing->found;
	snprintf(to->sun_path, sizeof(to->sun_path), "/proc/self/fd/%d", dialing->found);
	dialing->to.length = sizeof(*to);
	return 0;
}

static void dial_close(void *state)
{
	struct dialing *dialing = state;

	if (dialing->found >= 0)
		close(dialing->found);
	sock_stream_end(&dialing->stream);
	free(dialing);
}

static int dial_open(struct call *call, const struct place *place, int flags, void **state)
{
	struct dialing *dialing = calloc(1, sizeof(*dialing));
	int error;

	if (!dialing)
		return -ENOMEM;
	sock_stream_new(call, &dialing->stream, flags);
	dialing->found = -1;
	dialing->stream.is_unix = true;
	snprintf(dialing->name, sizeof(dialing->name), "%s%s", place->name[0] == '@' ? "" : "/",
		 place->name);
	error = sock_stream_count(call, &dialing->stream);
	if (!error)
		error = address_find(call, dialing);
	if (error)
		dial_close(dialing);
	else
		*state = dialing;
	return error;
}

/* A connected socket of @type, or -errno. */
static int attempt(struct call *call, const struct dialing *dialing, int type)
{
	const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	int fd = sock_new(call, AF_UNIX, type | (call->may_wait ? 0 : SOCK_NONBLOCK));
	int error = 0;

	if (fd < 0)
		return fd;
	/* Who gets a datagram can answer only who has an address: the kernel makes one up. */
	if (type == SOCK_DGRAM &&
	    bind(fd, (const struct sockaddr *)&unnamed, sizeof(unnamed.sun_family)) < 0)
		error = -errno;
	else if (connect(fd, &dialing->to.any, dialing->to.length) < 0)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* True if a socket of another type may have the name. */
static bool is_of_another_type(const struct dialing *dialing, int error)
{
	/* Each type has abstract names of its own. */
	return error == -EPROTOTYPE || (error == -ECONNREFUSED && dialing->found < 0);
}

/* What listens says itself of which type it is: by refusing the others. */
static int dial_enter(struct call *call, void *state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	struct dialing *dialing = state;
	int fd = -EPROTOTYPE;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types) && is_of_another_type(dialing, fd);
	     i++) {
		fd = attempt(call, dialing, types[i]);
		if (fd >= 0)
			sock_stream_begin(&dialing->stream, fd, types[i]);
	}
	if (fd >= 0)
		return 0;
	if (fd == -EAGAIN || fd == -EINTR)
		return fd;
	return fd == -EMFILE || fd == -ENFILE ? fd : refuse_dial(call, dialing, -fd);
}

/* -1 for an open: a listener's queue that is full cannot be polled by who wants to join it. */
static int dial_wait_fd(void *state, short *events)
{
	struct dialing *dialing = state;

	if (!*events)
		*events = POLLIN;
	return dialing->stream.fd;
}

const struct channel sock_channel_unix = {
	.serial = SERIAL_READ | SERIAL_WRITE,
	.exclusive = true,
	.flush_seconds = SOCK_LINGER_SECONDS,
	.open = dial_open,
	.enter = dial_enter,
	.read = sock_stream_read,
	.write = sock_stream_write,
	.ready = sock_stream_ready,
	.wait_fd = dial_wait_fd,
	.flush = sock_stream_flush,
	.close = dial_close,
};
