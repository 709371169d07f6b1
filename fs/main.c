/*
 * main.c - the command: mounting, and the order in which all is set up.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "background.h"
#include "check.h"
#include "common/quota.h"
#include "common/run_dir.h"
#include "confine.h"
#include "creds.h"
#include "device.h"
#include "fuse.h"
#include "heap.h"
#include "mountpoint.h"
#include "namespaces.h"
#include "node.h"
#include "notify.h"
#include "options.h"
#include "requests.h"
#include "root.h"
#include "serve.h"
#include "target.h"
#include "timeout.h"
#include "tree.h"
#include "unmounter.h"
#include "version.h"

/* The exit status; see EXIT STATUS in ipcfs(8). */
enum { FAILED = 1, USAGE = 2, CANNOT_MOUNT = 3 };

/* What failed has not said so. */
static int no_memory(void)
{
	fprintf(stderr, "ipcfs: %s\n", strerror(ENOMEM));
	return FAILED;
}

/* By the time it is unmounted the working directory is another. */
static int resolve_mountpoint(struct options *options)
{
	char *path = mountpoint_resolve(options->mountpoint);

	free(options->mountpoint);
	options->mountpoint = path;
	return path ? 0 : -1;
}

/* Each open channel of a POSIX object is a descriptor of the daemon. */
static void allow_all_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Where the administrator has limited how long a request may take, the kernel ends the whole mount
 * when one takes longer.  So nothing may wait that long: nanoseconds, or NO_LIMIT.
 */
static int64_t longest_wait(void)
{
	unsigned seconds = timeout_of_requests();

	if (!seconds)
		return NO_LIMIT;
	fprintf(stderr,
		"ipcfs: the kernel ends a mount when a request takes %u s "
		"(fs.fuse.*_request_timeout): "
		"what waits longer than %.2f s ends with EINTR\n",
		seconds, seconds * 0.75);
	return seconds * INT64_C(750000000);
}

static int add_mount_options(struct fuse_args *args, const struct options *options)
{
	int error = fuse_opt_add_arg(args, "-ofsname=ipcfs,subtype=ipcfs,nosuid,nodev,noexec");

	/* Who could not enter the target's namespaces must not come in by this door. */
	if (!error && geteuid() == 0 && !options->private && !options->target)
		error = fuse_opt_add_arg(args, "-oallow_other");
	if (!error && options->read_only)
		error = fuse_opt_add_arg(args, "-oro");
	if (!error && options->debug)
		error = fuse_opt_add_arg(args, "-odebug");
	return error;
}

/* Everything between a session and its end, with the mount in place. */
static int run(struct fuse_session *session, const struct options *options)
{
	int64_t longest = longest_wait();
	int error;

	/* The threads of what follows must be those of the process that stays. */
	if (options->foreground || options->debug)
		error = chdir("/") < 0 ? -errno : 0;
	else
		error = background_begin();
	if (!error && geteuid() != 0)
		error = unmounter_start(options->mountpoint);
	if (error)
		return error;
	serve_block_signals();
	error = confine_calls();
	if (!error)
		error = serve_setup(longest);
	return error ? error : serve(session, background_done);
}

/* Makes the target's what would otherwise be the daemon's own. */
static int aim(const struct options *options, struct target *target, struct settings *settings)
{
	char *end;
	long pid = strtol(options->target, &end, 10);
	int error;

	if (*end || end == options->target || pid < 1 || pid > INT_MAX) {
		fprintf(stderr, "ipcfs: --target takes the number of a process, not '%s'\n",
			options->target);
		return USAGE;
	}
	error = target_enter((pid_t)pid, target);
	if (error)
		return error;
	settings->shm = target->shm;
	if (!settings->run_dir)
		settings->run_dir = target->run_dir;
	return 0;
}

/* 0, a negative errno, or USAGE; each with a message on standard error. */
static int mount_and_run(struct fuse_args *args, const struct options *options)
{
	struct settings settings = {
		.run_dir = options->run_dir,
		.read_only = options->read_only,
		.orphan_age = options->orphan_age,
	};
	struct target target;
	struct fuse_session *session;
	const struct dir *root;
	int error;

	error = confine_privileges();
	if (error)
		return error;
	error = creds_setup(options->foreign);
	if (error) {
		fprintf(stderr, "ipcfs: /proc: %s\n",
			error == -ESRCH ? "it is that of another PID namespace (mount one: "
					  "unshare --mount-proc)"
					: strerror(-error));
		return error;
	}
	/* Callers are those of the namespaces in which it was mounted, which have been noted. */
	error = options->target ? aim(options, &target, &settings) : 0;
	if (error)
		return error;
	root = root_setup(&settings);
	if (!root)
		return -EIO;
	namespaces_note_run_dir(run_dir_path());
	node_number_directories(root);
	if (add_mount_options(args, options) < 0)
		return -no_memory();
	mount_mode.read_only = options->read_only;
	if (options->read_only)
		tree_hide_links();
	errno = 0;
	session = fuse_session_new(args, &requests, sizeof(requests), NULL);
	if (!session && errno == ENOMEM)
		return -no_memory();
	if (!session) {
		fputs("ipcfs: ipcfs -h has the options\n", stderr);
		return USAGE;
	}
	error = -EIO;
	device_open();
	errno = 0;
	if (fuse_session_mount(session, options->mountpoint) == 0) {
		error = mountpoint_note(options->mountpoint, fuse_session_fd(session));
		if (error == -ENODEV) {
			/* There is nothing to be taken off, and what is there is not ours. */
			error = -no_memory();
			fuse_session_destroy(session);
			return error;
		}
		if (!error)
			error = device_setup(session, !options->no_passthrough);
		if (!error) {
			notify("STATUS=Mounted on %s", options->mountpoint);
			error = run(session, options);
		}
		if (error) {
			fprintf(stderr, "ipcfs: %s\n", strerror(-error));
			notify("STATUS=%s\nERRNO=%d", strerror(-error), -error);
		}
		device_end();
		/*
		 * Ours may have been taken off or detached, and something else be there now or in a
		 * moment; libfuse knows to leave only by unmounting that path.
		 */
		if (mountpoint_is_ours(options->mountpoint))
			unmounter_run();
		/* Who has it open still keeps it; the end of the process closes the connection. */
		if (!mountpoint_leave(options->mountpoint, fuse_session_fd(session)))
			_exit(error ? FAILED : 0);
		fuse_session_unmount(session);
	} else if (errno == ENOMEM) {
		no_memory();
	} else {
		check_explain_failure();
	}
	device_end();
	fuse_session_destroy(session);
	return error;
}

/* The tree, from its beginning to its end: the exit status. */
static int serve_tree(struct fuse_args *args, struct options *options)
{
	int error;

	/* Modes are the caller's business; the kernel has applied the caller's umask. */
	umask(0);
	/* A message to a pipe that nobody reads must not end the mount. */
	signal(SIGPIPE, SIG_IGN);
	/* How a process of the daemon's has ended is asked for; who started it may ignore that. */
	signal(SIGCHLD, SIG_DFL);
	if (geteuid() && isatty(STDERR_FILENO))
		fputs("ipcfs: you are not root: the tree serves you alone "
		      "(ipcfs --check says what else is missing)\n",
		      stderr);
	/* In the network namespace in which it was started. */
	notify_setup();
	error = resolve_mountpoint(options);
	if (!error)
		error = mount_and_run(args, options);
	return error < 0 ? FAILED : error;
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct options options;
	int status = 0;

	heap_setup();
	allow_all_descriptors();
	quota_setup();
	errno = 0;
	if (options_parse(&args, &options) < 0) {
		status = errno == ENOMEM ? no_memory() : USAGE;
	} else if (options.help) {
		options_print_help();
	} else if (options.version) {
		printf("ipcfs %s, libfuse %s\n", IPCFS_VERSION, fuse_pkgversion());
	} else if (options.check) {
		status = check() ? 0 : CANNOT_MOUNT;
	} else if (!options.mountpoint) {
		fputs("usage: ipcfs [options] MOUNTPOINT (ipcfs -h tells more)\n", stderr);
		status = USAGE;
	} else {
		status = serve_tree(&args, &options);
	}
	options_free(&options);
	fuse_opt_free_args(&args);
	return status;
}
