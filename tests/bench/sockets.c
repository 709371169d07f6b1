/*
 * sockets.c - a gigabyte through a connection by way of the tree, beside socat in between and
 * beside sockets of the same two programs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { PORT = 4000, SOCAT_PORT = 4001, BLOCK = 64 << 10, BLOCKS = 1000000000 / BLOCK };

static char block[BLOCK];
static int count; /* of blocks in a run */

/* ---- ends of a connection ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

struct family {
	const char *name;
	int domain;
	const char *made, *accept, *connect;
	const char *path; /* of the unix socket */
	const char *socat_listen, *socat_connect, *socat_path;
};

static const struct family families[] = {
	{"tcp", AF_INET, TREE "/sockets/tcp/127.0.0.1:4000",
	 TREE "/sockets/tcp/127.0.0.1:4000/accept", TREE "/sockets/tcp/connect/127.0.0.1:4000",
	 NULL, "TCP4-LISTEN:4001,reuseaddr", "TCP4:127.0.0.1:4000", NULL},
	{"unix", AF_UNIX, TREE "/sockets/unix/x", TREE "/sockets/unix/x/accept",
	 TREE "/sockets/unix/connect/run/ipcfs/unix/x", "/run/ipcfs/unix/x",
	 "UNIX-LISTEN:/run/between", "UNIX-CONNECT:/run/ipcfs/unix/x", "/run/between"},
};

static socklen_t address_of(const struct family *family, bool socat, union address *address)
{
	memset(address, 0, sizeof(*address));
	if (family->domain == AF_INET) {
		address->in = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_port = htons(socat ? SOCAT_PORT : PORT),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		return sizeof(address->in);
	}
	address->un.sun_family = AF_UNIX;
	strcpy(address->un.sun_path, socat ? family->socat_path : family->path);
	return sizeof(address->un);
}

/* Until somebody listens there. */
static int connect_directly(const struct family *family, bool socat)
{
	double limit = bench_now() + 1e7;
	union address address;
	socklen_t size = address_of(family, socat, &address);

	for (;;) {
		int fd = socket(family->domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

		bench_must(fd >= 0, "socket");
		if (connect(fd, &address.any, size) == 0)
			return fd;
		bench_must((errno == ECONNREFUSED || errno == ENOENT) && bench_now() < limit,
			   "connect");
		close(fd);
		sched_yield();
	}
}

static int listen_directly(const struct family *family)
{
	static const int yes = 1;
	union address address;
	socklen_t size = address_of(family, false, &address);
	int fd = socket(family->domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	bench_must(bind(fd, &address.any, size) == 0 && listen(fd, 1) == 0, "listen");
	return fd;
}

/* ---- one run ---- */

struct way {
	const struct family *family;
	bool from_tree, to_tree; /* who sends, who receives */
	const char *socat;       /* in between, with as much at once; NULL: nothing */
};

static pid_t start_sender(const struct way *way)
{
	pid_t pid = fork();
	int fd;

	bench_must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way->from_tree)
		fd = open(way->family->connect, O_RDWR | O_CLOEXEC);
	else
		fd = connect_directly(way->family, way->socat);
	bench_must(fd >= 0, way->family->connect);
	for (int left = count * BLOCK; left > 0;) {
		ssize_t sent = write(fd, block, (size_t)(left < BLOCK ? left : BLOCK));

		bench_must(sent > 0, "write");
		left -= (int)sent;
	}
	close(fd);
	_exit(0);
}

static pid_t start_socat(const struct family *family, const char *size)
{
	pid_t pid = fork();

	bench_must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("socat", "socat", "-b", size, family->socat_listen, family->socat_connect, NULL);
	bench_die("socat");
}

static void await(pid_t pid, const char *what)
{
	int status;

	bench_must(waitpid(pid, &status, 0) == pid && status == 0, what);
}

/* Microseconds of a block, from the connection to the end of file. */
static double run_through(const void *context)
{
	const struct way *way = context;
	const struct family *family = way->family;
	int listener = -1, fd;
	long long bytes = 0;
	pid_t sender, socat = 0;
	double begin;
	ssize_t got;

	if (way->to_tree)
		bench_must(mkdir(family->made, 0666) == 0, family->made);
	else
		listener = listen_directly(family);
	if (way->socat)
		socat = start_socat(family, way->socat);
	sender = start_sender(way);
	fd = way->to_tree ? open(family->accept, O_RDONLY | O_CLOEXEC)
			  : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	bench_must(fd >= 0, "accept");
	begin = bench_now();
	while ((got = read(fd, block, BLOCK)) > 0)
		bytes += got;
	begin = bench_now() - begin;
	bench_must(bytes == (long long)count * BLOCK, "read");
	close(fd);
	await(sender, "the sender");
	if (socat)
		await(socat, "socat");
	if (listener >= 0)
		close(listener);
	if (way->to_tree)
		bench_must(rmdir(family->made) == 0, family->made);
	else if (family->path)
		bench_must(unlink(family->path) == 0, family->path);
	return begin / count;
}

/* ---- */

static const struct {
	const char *name, *ours;
	bool from_tree, to_tree;
} ways[] = {
	{"both", "the tree at both ends", true, true},
	{"sends", "the tree sends", true, false},
	{"receives", "the tree receives", false, true},
};

/* socat's own size of a block, and that of the programs. */
static const struct {
	const char *name, *base, *size;
	double goal;
} bases[] = {
	{"", "socat in between", "8192", 1.5},
	{"-64k", "socat -b 65536 in between", "65536", 0},
	{"-plain", "sockets alone", NULL, 0},
};

static void measure_way(const struct family *family, size_t which, bool socat)
{
	struct way way = {family, ways[which].from_tree, ways[which].to_tree, NULL};
	char id[64], what[64];

	snprintf(what, sizeof(what), "64 KiB through a %s connection", family->name);
	for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
		struct way base = {family, false, false, bases[i].size};
		struct row row = {id,       what,         ways[which].ours, bases[i].base,
				  AT_LEAST, bases[i].goal};

		/* The rest is told by the tree at both ends. */
		if (i > 0 && which > 0)
			continue;
		snprintf(id, sizeof(id), "socket/%s-%s%s", family->name, ways[which].name,
			 bases[i].name);
		if (base.socat && !socat)
			bench_skip(id, "there is no socat here");
		else
			bench_pair(&row, (struct side){run_through, &way},
				   (struct side){run_through, &base});
	}
}

static void measure(void)
{
	bool socat = bench_has("socat");
	pid_t ipcfs = bench_mount_tree();

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		for (size_t which = 0; which < sizeof(ways) / sizeof(*ways); which++)
			measure_way(&families[i], which, socat);
	bench_unmount(ipcfs, TREE);
}

void bench_sockets(void)
{
	count = bench_times(BLOCKS, 16);
	memset(block, 'y', sizeof(block));
	bench_use_one_processor();
	measure();
	bench_use_all_processors();
	measure();
}
