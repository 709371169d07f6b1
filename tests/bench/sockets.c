/*
 * sockets - what bytes through a connection of the tree cost, as a ratio to the same two programs
 * with sockets of their own, and with socat in between.
 *
 * usage: sockets IPCFS    (the program; as root)
 *
 * All happens in its own namespaces.  The ways are taken in turn, beginning with another each time,
 * and a ratio is of two throughputs of the same turn.  Beside it stands the processor time that all
 * took, the daemon and socat too, which a busy machine changes less.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TREE "/mnt/ipcfs"
#define BYTES (128LL << 20) /* in a run */
#define BLOCK_MAX (1 << 20)

enum { PORT = 4000, SOCAT_PORT = 4001 };

static char *block;

static void must(bool done, const char *what)
{
	if (!done)
		bench_die(what);
}

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
	{"unix stream", AF_UNIX, TREE "/sockets/unix/x", TREE "/sockets/unix/x/accept",
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

		must(fd >= 0, "socket");
		if (connect(fd, &address.any, size) == 0)
			return fd;
		must((errno == ECONNREFUSED || errno == ENOENT) && bench_now() < limit, "connect");
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

	must(fd >= 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	must(bind(fd, &address.any, size) == 0 && listen(fd, 1) == 0, "listen");
	return fd;
}

/* ---- one run ---- */

struct way {
	const char *name;
	bool from_tree, to_tree; /* who sends, who receives */
	bool socat;
};

static const struct way ways[] = {
	{"sockets", false, false, false},         {"the tree, both ends", true, true, false},
	{"the tree sends", true, false, false},   {"the tree receives", false, true, false},
	{"socat in between", false, false, true},
};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

static void send_all(int fd, size_t size)
{
	for (long long left = BYTES; left > 0;) {
		ssize_t sent = write(fd, block, size);

		must(sent > 0, "write");
		left -= sent;
	}
}

static pid_t start_sender(const struct family *family, const struct way *way, size_t size)
{
	pid_t pid = fork();
	int fd;

	must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (way->from_tree)
		fd = open(family->connect, O_RDWR | O_CLOEXEC);
	else
		fd = connect_directly(family, way->socat);
	must(fd >= 0, family->connect);
	send_all(fd, size);
	close(fd);
	_exit(0);
}

static pid_t start_socat(const struct family *family)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp("socat", "socat", family->socat_listen, family->socat_connect, NULL);
	bench_die("socat");
}

/* Microseconds of processor time, of the daemon, of this program and of those that have ended. */
static double time_used(pid_t daemon)
{
	struct timespec time;
	struct rusage ended;
	clockid_t clock;
	double sum;

	must(clock_getcpuclockid(daemon, &clock) == 0, "clock_getcpuclockid");
	must(clock_gettime(clock, &time) == 0, "clock_gettime");
	sum = time.tv_sec * 1e6 + time.tv_nsec / 1e3;
	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0, "clock_gettime");
	sum += time.tv_sec * 1e6 + time.tv_nsec / 1e3;
	getrusage(RUSAGE_CHILDREN, &ended);
	return sum + ended.ru_utime.tv_sec * 1e6 + ended.ru_utime.tv_usec +
	       ended.ru_stime.tv_sec * 1e6 + ended.ru_stime.tv_usec;
}

struct measure {
	double rate; /* bytes in a microsecond, from the first to the end of file */
	double used; /* microseconds of processor time */
};

static struct measure run_once(const struct family *family, const struct way *way, size_t size,
			       pid_t daemon)
{
	int listener = -1, fd;
	long long bytes = 0;
	pid_t sender, socat = 0;
	double used = time_used(daemon), start;
	ssize_t got;

	if (way->to_tree)
		must(mkdir(family->made, 0666) == 0, family->made);
	else
		listener = listen_directly(family);
	if (way->socat)
		socat = start_socat(family);
	sender = start_sender(family, way, size);
	fd = way->to_tree ? open(family->accept, O_RDONLY | O_CLOEXEC)
			  : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fd >= 0, "accept");
	start = bench_now();
	while ((got = read(fd, block, size)) > 0)
		bytes += got;
	start = bench_now() - start;
	must(bytes >= BYTES, "read");
	close(fd);
	must(waitpid(sender, NULL, 0) == sender, "wait");
	if (socat)
		must(waitpid(socat, NULL, 0) == socat, "wait");
	if (listener >= 0)
		close(listener);
	if (way->to_tree)
		must(rmdir(family->made) == 0, family->made);
	else if (family->path)
		must(unlink(family->path) == 0, family->path);
	return (struct measure){(double)bytes / start, time_used(daemon) - used};
}

static void compare(const struct family *family, size_t size, bool socat, pid_t daemon)
{
	double rates[WAYS][RUNS], ratios[WAYS][RUNS], used[WAYS][RUNS];
	int count = socat ? WAYS : WAYS - 1;

	for (int run = -1; run < RUNS; run++) {
		struct measure now[WAYS];

		for (int i = 0; i < count; i++) {
			int which = (i + run + 1) % count;

			now[which] = run_once(family, &ways[which], size, daemon);
		}
		for (int i = 0; i < count && run >= 0; i++) {
			rates[i][run] = now[i].rate;
			ratios[i][run] = now[i].rate / now[0].rate;
			used[i][run] = now[i].used / now[0].used;
		}
	}
	for (int i = 0; i < count; i++) {
		double rate = bench_median(rates[i]);

		bench_median(ratios[i]);
		bench_median(used[i]);
		printf("%-12s %7zu  %-20s %6.0f MB/s %6.2f  %.2f - %.2f %8.2f  %.2f - %.2f\n",
		       family->name, size, ways[i].name, rate, ratios[i][RUNS / 2], ratios[i][0],
		       ratios[i][RUNS - 1], used[i][RUNS / 2], used[i][0], used[i][RUNS - 1]);
		fflush(stdout);
	}
}

/* ---- */

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
	close(fd);
}

int main(int argc, char *argv[])
{
	static const size_t sizes[] = {64 << 10, BLOCK_MAX};
	const char *const ipcfs_argv[] = {"ipcfs", "-f", TREE, NULL};
	bool socat = system("command -v socat >/dev/null") == 0;
	int ipcfs;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: %s IPCFS\n", argv[0]);
		return 2;
	}
	/* Opened first: what is mounted on /mnt may cover it. */
	ipcfs = open(argv[1], O_PATH | O_CLOEXEC);
	must(ipcfs >= 0, argv[1]);
	block = malloc(BLOCK_MAX);
	must(block, "memory");
	memset(block, 'y', BLOCK_MAX);
	bench_isolate();
	must(unshare(CLONE_NEWNET) == 0, "unshare");
	loopback_up();
	bench_introduce(0);
	printf("%lld MiB through a connection, the ratio is to sockets without the tree\n\n"
	       "%-12s %7s  %-20s %11s %6s  %-11s %8s\n",
	       BYTES >> 20, "", "writes", "by way of", "", "ratio", "lowest", "time used");
	pid = bench_start(ipcfs, ipcfs_argv, TREE);
	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			compare(&families[f], sizes[i], socat, pid);
	bench_stop(pid, TREE);
	return 0;
}
