/*
 * sock_bind.c - making listening and bound internet sockets, as the caller.
 */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/names.h"
#include "sock_caller.h"
#include "sock_stream.h"
#include "sock_talk.h"

/* So long the name with port 0 leads to the socket; whoever has made one longer ago does not rely
 * on it any more. */
enum { ALIAS_SECONDS = 10, ALONE_SECONDS = 60 };

struct wish {
	struct sock_addr address;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	int64_t backlog;
	int64_t reuseport;
};

static int backlog_read(struct call *call, const char *value, void *context)
{
	struct wish *wish = context;

	return number_read(call, "backlog", value, 0, INT32_MAX, &wish->backlog);
}

static int reuseport_read(struct call *call, const char *value, void *context)
{
	struct wish *wish = context;

	return number_read(call, "reuseport", value, 0, 1, &wish->reuseport);
}

static const struct attribute tcp_attributes[] = {
	{"backlog", backlog_read},
	{"reuseport", reuseport_read},
	{NULL},
};

static const struct attribute udp_attributes[] = {
	{"reuseport", reuseport_read},
	{NULL},
};

static int wish_read(struct call *call, const char *name, struct wish *wish)
{
	const char *comma = strchr(name, ',');
	char address[SOCK_ADDR_TEXT];
	size_t length = comma ? (size_t)(comma - name) : strlen(name);
	int error;

	if (length >= sizeof(address))
		return refuse(call, EINVAL, "an address has at most %zu bytes, not %zu",
			      sizeof(address) - 1, length);
	memcpy(address, name, length);
	address[length] = '\0';
	error = sock_addr_read(call, address, &wish->address);
	if (error)
		return error;
	return attributes_read(call, comma ? comma + 1 : NULL,
			       wish->type == SOCK_STREAM ? tcp_attributes : udp_attributes, wish);
}

static int first_privileged_port(void)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	int port = 1024;

	if (file) {
		if (fscanf(file, "%d", &port) != 1)
			port = 1024;
		fclose(file);
	}
	return port;
}

static int refuse_bind(struct call *call, const struct wish *wish, int error)
{
	char text[SOCK_ADDR_TEXT];

	sock_addr_print(&wish->address, text);
	switch (error) {
	case EADDRINUSE:
		return refuse(call, error,
			      "another socket is bound to %s, or to an address that it would "
			      "share: ss -an%s shows it",
			      text, wish->type == SOCK_STREAM ? "t" : "u");
	case EACCES:
		return refuse(call, error,
			      "ports below %d (net.ipv4.ip_unprivileged_port_start) are for who "
			      "has CAP_NET_BIND_SERVICE",
			      first_privileged_port());
	case EADDRNOTAVAIL:
		return refuse(call, error, "no interface of this machine has the address of %s",
			      text);
	case EINVAL:
		return refuse(call, error,
			      "%s is no address to bind to; one of a link (fe80::) needs its "
			      "interface, as in fe80::1%%eth0:80",
			      text);
	default:
		return -error;
	}
}

/* On every interface that can have groups: where no route says which is meant. */
static bool join_everywhere(int fd, int level, int option, struct group_req *group)
{
	struct if_nameindex *interfaces = if_nameindex();
	bool joined = false;

	for (const struct if_nameindex *at = interfaces; at && at->if_index; at++) {
		group->gr_interface = at->if_index;
		if (setsockopt(fd, level, option, group, sizeof(*group)) == 0)
			joined = true;
	}
	if (interfaces)
		if_freenameindex(interfaces);
	return joined;
}

/* Joins the group that @address is, for as long as @fd is open. */
static int group_join(struct call *call, int fd, const struct sock_addr *address)
{
	bool is6 = address->any.sa_family == AF_INET6;
	struct group_req group = {.gr_interface = is6 ? address->in6.sin6_scope_id : 0};
	int level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
	char text[SOCK_ADDR_TEXT];
	int error;

	memcpy(&group.gr_group, &address->room, sizeof(group.gr_group));
	if (setsockopt(fd, level, MCAST_JOIN_GROUP, &group, sizeof(group)) == 0)
		return 0;
	error = errno;
	if ((error == ENODEV || error == EADDRNOTAVAIL) && !group.gr_interface &&
	    join_everywhere(fd, level, MCAST_JOIN_GROUP, &group))
		return 0;
	sock_addr_print(address, text);
	return refuse(call, error, "the group of %s cannot be joined: %s", text, strerror(error));
}

/* Other sockets may have a group's address too, and each gets all that is sent to it. */
static void group_prepare(int fd, const struct sock_addr *address)
{
	sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	/* Only what it has joined itself, not what anybody on the machine has. */
	if (address->any.sa_family == AF_INET)
		sock_set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	else
		sock_set(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
}

static int wish_grant(struct call *call, struct wish *wish)
{
	int family = wish->address.any.sa_family, error;
	int fd = sock_new(call, family,
			  wish->type | (wish->type == SOCK_STREAM ? SOCK_NONBLOCK : 0));

	if (fd < 0)
		return fd;
	if (wish->type == SOCK_STREAM)
		sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	else
		sock_set(fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (sock_addr_is_multicast(&wish->address))
		group_prepare(fd, &wish->address);
	if (wish->reuseport)
		sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (family == AF_INET6)
		sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !wish->address.both);
	if (bind(fd, &wish->address.any, wish->address.length) < 0 ||
	    (wish->type == SOCK_STREAM && listen(fd, (int)wish->backlog) < 0)) {
		error = refuse_bind(call, wish, errno);
		close(fd);
		return error;
	}
	return fd;
}

/* What stays a member of the group; the bound socket is none, since nobody reads it. */
static int member_open(struct call *call, const struct sock_addr *address)
{
	int fd = sock_new(call, address->any.sa_family, SOCK_DGRAM), error;

	if (fd < 0)
		return fd;
	error = group_join(call, fd, address);
	if (!error)
		return fd;
	close(fd);
	return error;
}

/*
 * Who makes a socket with port 0 finds it by that name at first: mkdir -m goes on to set the mode
 * of what it has made.  But if two make some at the same time the name could lead one to the
 * other's socket, so then it leads nowhere.
 */
static unsigned alias_seconds(const struct call *call)
{
	static struct {
		pthread_mutex_t lock;
		pid_t maker;
		time_t made;
	} last = {PTHREAD_MUTEX_INITIALIZER};
	struct timespec now;
	bool alone;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&last.lock);
	alone = !last.maker || last.maker == call->pid || now.tv_sec - last.made > ALONE_SECONDS ||
		(kill(last.maker, 0) < 0 && errno == ESRCH);
	last.maker = call->pid;
	last.made = now.tv_sec;
	pthread_mutex_unlock(&last.lock);
	return call->pid && alone ? ALIAS_SECONDS : 0;
}

static int wish_keep(struct call *call, struct wish *wish, int fd, mode_t mode, struct place *made)
{
	static _Thread_local char name[SOCK_ADDR_TEXT];
	bool tcp = wish->type == SOCK_STREAM, both = wish->address.both;
	struct sock_keeping keeping = {
		.sort = tcp ? SOCK_TCP : SOCK_UDP,
		.name = name,
		.identity = sock_cookie(fd),
		.fd = fd,
		.member = -1,
		.mode = mode,
	};
	bool any_port = sock_addr_port(&wish->address) == 0;
	int error = sock_addr_of(fd, &wish->address);

	wish->address.both = both;
	sock_addr_print(&wish->address, name);
	if (!error && sock_addr_is_multicast(&wish->address)) {
		keeping.member = member_open(call, &wish->address);
		error = keeping.member < 0 ? keeping.member : 0;
	}
	if (error) {
		close(fd);
		return error;
	}
	error = sock_bound_keep(call, &keeping);
	if (error)
		return error;
	*made = (struct place){
		.dir = tcp ? &sock_tcp_own_dir : &sock_udp_own_dir,
		.name = name,
		.identity = keeping.identity,
		.alias_seconds = any_port ? alias_seconds(call) : 0,
	};
	return 0;
}

int sock_group_open(struct call *call, const struct sock_bound *bound)
{
	struct wish wish = {.type = SOCK_DGRAM};
	int error = sock_addr_of(sock_bound_fd(bound), &wish.address), fd;

	if (error)
		return error;
	fd = wish_grant(call, &wish);
	if (fd < 0)
		return fd;
	error = group_join(call, fd, &wish.address);
	if (!error)
		return fd;
	close(fd);
	return error;
}

static int wish_make(struct call *call, struct wish *wish, const char *name, mode_t mode,
		     struct place *made)
{
	int error = wish_read(call, name, wish), fd;

	if (error)
		return error;
	if (wish->type == SOCK_STREAM && sock_addr_is_multicast(&wish->address))
		return refuse(call, EADDRNOTAVAIL,
			      "a multicast address is for datagrams: mkdir udp/ADDR:PORT");
	fd = wish_grant(call, wish);
	return fd < 0 ? fd : wish_keep(call, wish, fd, mode, made);
}

int sock_tcp_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		  struct place *made)
{
	struct wish wish = {.type = SOCK_STREAM, .backlog = SOMAXCONN};

	return wish_make(call, &wish, name, mode, made);
}

int sock_udp_make(struct call *call, const struct place *at, const char *name, mode_t mode,
		  struct place *made)
{
	struct wish wish = {.type = SOCK_DGRAM};

	return wish_make(call, &wish, name, mode, made);
}
