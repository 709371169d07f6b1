/*
 * isolate.c - a machine of its own for a fuzzer that makes IPC objects.
 */
#include "isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

static void cannot_run(const char *why)
{
	fprintf(stderr, "skipped: %s: %s\n", why, strerror(errno));
	exit(77);
}

static void go_on_in_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		cannot_run("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void mount_own(const char *type, const char *at, const char *options)
{
	if (mount(type, at, type, MS_NOSUID | MS_NODEV, options) < 0)
		cannot_run(at);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		cannot_run(path);
	close(fd);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		cannot_run("lo");
	close(fd);
}

/* No name is looked up anywhere but in files. */
static void resolve_here(void)
{
	static const char switches[] = "/run/nsswitch.conf";

	write_file(switches, "passwd: files\ngroup: files\nhosts: files\nservices: files\n");
	if (access("/etc/nsswitch.conf", F_OK) == 0 &&
	    mount(switches, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) < 0)
		cannot_run("/etc/nsswitch.conf");
}

void isolate(void)
{
	/* The bytes of POSIX queues are counted over all namespaces: most are left to others. */
	const struct rlimit queues = {256 << 10, 256 << 10};

	if (geteuid() != 0 || unshare(CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) < 0)
		cannot_run("namespaces");
	go_on_in_child();
	/* Not as process 1, which no sanitizer can stop to look for leaks. */
	go_on_in_child();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		cannot_run("private mounts");
	mount_own("proc", "/proc", NULL);
	mount_own("tmpfs", "/dev/shm", "mode=1777,size=16m");
	mount_own("tmpfs", "/run", "mode=755,size=16m");
	loopback_up();
	resolve_here();
	/* Of this IPC namespace: pages. */
	write_file("/proc/sys/kernel/shmall", "4096");
	setrlimit(RLIMIT_MSGQUEUE, &queues);
	signal(SIGPIPE, SIG_IGN);
	umask(0);
}

/* ---- removing ---- */

struct names {
	char **list;
	size_t count;
};

static int note_name(void *context, const char *name, const struct place *place)
{
	struct names *names = context;

	names->list = reallocarray(names->list, names->count + 1, sizeof(*names->list));
	require(names->list, "no memory");
	names->list[names->count] = strdup(name);
	require(names->list[names->count++], "no memory");
	return 0;
}

static void remove_in(const struct dir *dir)
{
	const struct place at = {.dir = dir};
	struct call call = {.pid = getpid()};
	struct names names = {NULL};

	dir->list(&call, &at, note_name, &names);
	for (size_t i = 0; i < names.count; i++) {
		struct place found;

		if (dir->find(&call, &at, names.list[i], &found) == 0 && found.dir->remove)
			found.dir->remove(&call, &found);
		free(names.list[i]);
	}
	free(names.list);
}

static void remove_below(const struct dir *dir)
{
	if (dir->make && dir->make != refuse_make)
		remove_in(dir);
	for (const struct row *row = dir->rows; row->type != ROW_END; row++)
		if (row->type == ROW_DIR && row->name)
			remove_below(row->dir);
}

void remove_objects(const struct kind *kind)
{
	remove_below(kind->dir);
}
