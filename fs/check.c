/*
 * check.c - what this machine has and lacks of what ipcfs can make use of.
 *
 * What can be tried without leaving a trace is tried: the tree is mounted in a mount namespace that
 * ends with the process, and the kernel is asked there for what only a mount can be asked for.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "backend.h"
#include "common/checklist.h"
#include "confine.h"
#include "device.h"
#include "fuse.h"
#include "namespaces.h"
#include "passthrough.h"
#include "requests.h"
#include "timeout.h"

#define WHAT_MOUNTING_TAKES \
	"it takes CAP_SYS_ADMIN, and a container's profile (AppArmor, seccomp) must allow it"

static void no_log(enum fuse_log_level level, const char *format, va_list arguments)
{
}

/* ---- what nothing works without ---- */

static void check_device(struct checklist *list)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		checklist_has(list, "/dev/fuse", "opens");
	} else if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
		checklist_prevents(list, "/dev/fuse",
				   "is not there: modprobe fuse; a container needs "
				   "--device /dev/fuse");
	} else {
		checklist_prevents(list, "/dev/fuse", "%s: a container needs --device /dev/fuse",
				   strerror(errno));
	}
}

/* The program of that name in PATH; false: there is none. */
static bool find_program(const char *name, char path[PATH_MAX])
{
	const char *path_variable = getenv("PATH");
	char *all = strdup(path_variable ? path_variable : "/usr/bin:/bin"), *rest = all;
	bool found = false;

	for (char *at; all && !found && (at = strsep(&rest, ":"));)
		found = snprintf(path, PATH_MAX, "%s/%s", at, name) < PATH_MAX &&
			access(path, X_OK) == 0;
	free(all);
	return found;
}

/* Who may not mount has it done by a program that may. */
static void check_helper(struct checklist *list)
{
	char path[PATH_MAX];
	struct stat st;

	if (!find_program("fusermount3", path))
		checklist_prevents(list, "fusermount3",
				   "it mounts for who is not root, and is not in the PATH: "
				   "install fuse3");
	else if (stat(path, &st) < 0 || st.st_uid != 0 || !(st.st_mode & S_ISUID))
		checklist_prevents(list, "fusermount3", "%s is not set-uid root", path);
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		checklist_prevents(list, "fusermount3", "no_new_privs keeps %s from being root",
				   path);
	else
		checklist_has(list, "fusermount3", "%s mounts for you", path);
}

/* Whether the kernel passes through to what POSIX memory is in; the mount is in place. */
static void try_passthrough(struct checklist *list, struct fuse_session *session, int file)
{
	struct fuse_buf request = {.mem = NULL};
	int id = -EOPNOTSUPP;

	/* The first request is the one by which all is agreed on. */
	if (file >= 0 && device_setup(session, true) == 0 &&
	    fuse_session_receive_buf(session, &request) > 0) {
		fuse_session_process_buf(session, &request);
		id = passthrough_open(file);
	}
	free(request.mem);
	if (id > 0) {
		passthrough_close(id);
		checklist_has(list, "passthrough", "shm/*/data can be mapped shared");
		return;
	}
	checklist_lacks(list, "passthrough",
			"shm/*/data can be read and written, not mapped shared: %s",
			id == -EPERM        ? "it takes CAP_SYS_ADMIN"
			: id == -ELOOP      ? "/dev/shm lies on another file system"
			: id == -EOPNOTSUPP ? "it takes Linux 6.9 and CONFIG_FUSE_PASSTHROUGH"
					    : strerror(-id));
}

/* By root: in a mount namespace whose mounts nobody else sees. */
static void try_mount(struct checklist *list)
{
	char name[] = "ipcfs", options[] = "-ofsname=ipcfs,subtype=ipcfs";
	char *arguments[] = {name, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(2, arguments);
	/* A file without a name, of the file system of POSIX memory. */
	int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct fuse_session *session = NULL;

	fuse_set_log_func(no_log);
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		session = fuse_session_new(&args, &requests, sizeof(requests), NULL);
	device_open();
	/* A directory that is there if the device is. */
	if (session && fuse_session_mount(session, "/dev") == 0) {
		checklist_has(list, "mount", "tried");
		try_passthrough(list, session, file);
		device_end();
		fuse_session_unmount(session);
	} else {
		checklist_prevents(list, "mount", "%s: " WHAT_MOUNTING_TAKES, strerror(errno));
	}
	device_end();
	if (session)
		fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	if (file >= 0)
		close(file);
}

/* ---- what some of it does not work without ---- */

static void check_kernel(struct checklist *list)
{
	struct utsname name = {0};
	int major = 0, minor = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	if (major * 1000 + minor >= 5008)
		checklist_has(list, "Linux", "%s", name.release);
	else
		checklist_lacks(list, "Linux", "%s: 5.8 is needed for --target", name.release);
	checklist_has(list, "libfuse", "%s", fuse_pkgversion());
}

static void check_user(struct checklist *list)
{
	if (geteuid() == 0)
		checklist_has(list, "root", "the tree serves every user");
	else
		checklist_lacks(list, "root",
				"you are uid %u: the tree serves you alone and maps no memory",
				(unsigned)geteuid());
}

/* What is lost without one of those that the daemon keeps. */
static const char *lost_without(cap_value_t capability)
{
	switch (capability) {
	case CAP_SYS_ADMIN:
		return "mounting, mapping of memory, a list of POSIX queues";
	case CAP_SETUID:
	case CAP_SETGID:
		return "serving users other than root";
	case CAP_DAC_OVERRIDE:
		return "that no mode stops root";
	case CAP_DAC_READ_SEARCH:
		return "that root may read all";
	case CAP_FOWNER:
		return "that root may change and remove what is others'";
	case CAP_CHOWN:
		return "chown";
	case CAP_IPC_OWNER:
		return "that no mode of a System V object stops root";
	case CAP_IPC_LOCK:
		return "locked of segments beyond RLIMIT_MEMLOCK";
	case CAP_SYS_PTRACE:
		return "who holds what, and what is in pipes, of other users' processes";
	case CAP_SYS_RESOURCE:
		return "values above fs.mqueue.*, kernel.msgmnb, fs.pipe-max-size";
	case CAP_NET_BIND_SERVICE:
		return "listening at ports below 1024";
	case CAP_LEASE:
		return "orphans among other users' POSIX memory";
	default:
		return "what confinement.md has for it";
	}
}

static void check_capabilities(struct checklist *list)
{
	cap_t mine = cap_get_proc();
	bool all = true;

	for (int i = 0; mine && i < confine_capabilities_count; i++) {
		cap_flag_value_t value = CAP_SET;
		char *name;

		cap_get_flag(mine, confine_capabilities[i], CAP_PERMITTED, &value);
		if (value == CAP_SET)
			continue;
		all = false;
		name = cap_to_name(confine_capabilities[i]);
		for (char *at = name; at && *at; at++)
			*at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
		checklist_lacks(list, name ? name : "a capability", "lost without it: %s",
				lost_without(confine_capabilities[i]));
		cap_free(name);
	}
	cap_free(mine);
	if (all)
		checklist_has(list, "capabilities", "all that the daemon keeps");
}

static void check_proc(struct checklist *list)
{
	struct statfs fs;

	if (statfs("/proc", &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		checklist_prevents(list, "/proc", "is not mounted: mount -t proc proc /proc");
	else if (access("/proc/1/stat", R_OK) < 0)
		checklist_lacks(list, "/proc", "shows your own processes alone (hidepid=)");
	else
		checklist_has(list, "/proc", "shows all processes");
}

static bool is_first(const char *path, ino_t number)
{
	struct stat st;

	/* A kernel without such namespaces has but one. */
	return stat(path, &st) < 0 || st.st_ino == number;
}

static void check_namespaces(struct checklist *list)
{
	if (is_first("/proc/self/ns/user", FIRST_USER_NAMESPACE))
		checklist_has(list, "user namespace", "the machine's");
	else
		checklist_lacks(list, "user namespace",
				"is not the machine's: users of others are refused (EACCES)");
	if (is_first("/proc/self/ns/pid", FIRST_PID_NAMESPACE))
		checklist_has(list, "PID namespace", "the machine's");
	else
		checklist_lacks(list, "PID namespace",
				"is not the machine's: processes outside it are refused (EACCES)");
}

static void check_limits(struct checklist *list)
{
	enum { FEW = 4096 };
	unsigned seconds = timeout_of_requests();
	struct rlimit files;

	/* The command raises the soft limit by itself. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		if (files.rlim_max < FEW)
			checklist_lacks(list, "RLIMIT_NOFILE",
					"%llu: so many files, connections and kept pipes are open "
					"at a time (ulimit -Hn)",
					(unsigned long long)files.rlim_max);
		else
			checklist_has(list, "RLIMIT_NOFILE", "%llu",
				      (unsigned long long)files.rlim_max);
	}
	if (seconds)
		checklist_lacks(list, "endless waits",
				"fs.fuse.*_request_timeout is %u: waits end with EINTR after %.2f "
				"s",
				seconds, seconds * 0.75);
	else
		checklist_has(list, "endless waits", "no request timeout is set");
}

bool check(void)
{
	struct checklist list = {.out = stdout};

	check_kernel(&list);
	check_user(&list);
	if (geteuid() == 0)
		check_capabilities(&list);
	check_namespaces(&list);
	check_proc(&list);
	check_limits(&list);
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if ((*kind)->check)
			(*kind)->check(&list);
	check_device(&list);
	if (geteuid())
		check_helper(&list);
	else if (!list.prevented)
		try_mount(&list);
	puts(list.prevented ? "ipcfs cannot mount here." : "ipcfs can mount here.");
	return !list.prevented;
}

void check_explain_failure(void)
{
	struct checklist list = {.out = stderr, .only_prevented = true};

	check_device(&list);
	if (geteuid())
		check_helper(&list);
	if (!geteuid() && !list.prevented)
		checklist_prevents(&list, "mount", WHAT_MOUNTING_TAKES);
	fputs("ipcfs --check tells more.\n", stderr);
}
