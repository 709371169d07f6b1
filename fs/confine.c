/*
 * confine.c - what the daemon gives up.
 */
#include "confine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "syscalls.h"

/* Never CAP_FSETID: passthrough.c rests on that. */
const cap_value_t confine_capabilities[] = {
	/* To become the caller. */
	CAP_SETUID,
	CAP_SETGID,
	/* A caller's, to whom objects and files of others are open by them. */
	CAP_CHOWN,
	CAP_DAC_OVERRIDE,
	CAP_DAC_READ_SEARCH,
	CAP_FOWNER,
	CAP_IPC_OWNER,
	/* A caller's, for what is limited. */
	CAP_IPC_LOCK,
	CAP_NET_BIND_SERVICE,
	CAP_SYS_RESOURCE,
	/* To see who holds what; a caller's, to be shown it. */
	CAP_SYS_PTRACE,
	/* To find out whether memory is in use. */
	CAP_LEASE,
	/* For the mount, passthrough, the file of a segment; a caller's, to change System V objects
	   of others. */
	CAP_SYS_ADMIN,
};
const int confine_capabilities_count =
	(int)(sizeof(confine_capabilities) / sizeof(*confine_capabilities));

static bool is_kept(cap_value_t capability)
{
	for (int i = 0; i < confine_capabilities_count; i++)
		if (confine_capabilities[i] == capability)
			return true;
	return false;
}

/*
 * The bounding set, out of which a program that is started could get them again.  It takes
 * CAP_SETPCAP, which a plain user has not; there no_new_privs says the same.
 */
static int shrink_bounding_set(void)
{
	for (cap_value_t i = 0; cap_get_bound(i) >= 0; i++)
		if (!is_kept(i) && cap_get_bound(i) > 0 && cap_drop_bound(i) < 0 && errno != EPERM)
			return -errno;
	return 0;
}

/* Permitted and effective become what they are of the kept ones, inheritable and ambient nothing.
 */
static int shrink_own(void)
{
	cap_t own = cap_get_proc();
	int error = 0;

	if (!own)
		return -errno;
	for (cap_value_t i = 0; cap_get_bound(i) >= 0 && !error; i++)
		if (!is_kept(i) && (cap_set_flag(own, CAP_EFFECTIVE, 1, &i, CAP_CLEAR) < 0 ||
				    cap_set_flag(own, CAP_PERMITTED, 1, &i, CAP_CLEAR) < 0))
			error = -errno;
	/* What is not inheritable is not ambient either (capabilities(7)). */
	if (!error && (cap_clear_flag(own, CAP_INHERITABLE) < 0 || cap_set_proc(own) < 0))
		error = -errno;
	cap_free(own);
	return error;
}

int confine_privileges(void)
{
	int error = shrink_bounding_set();

	if (!error)
		error = shrink_own();
	if (error)
		fprintf(stderr, "ipcfs: capabilities cannot be given up: %s\n", strerror(-error));
	return error;
}

/*
 * Its memory has what all users have sent: no core, and no debugger but one that may trace
 * everything.  Each change of ids makes it as dumpable as fs.suid_dumpable says, and whom a process
 * of its own is charged to may end that with a signal that dumps; a limit of one byte keeps the
 * core from pipes too (do_coredump in fs/coredump.c of Linux).
 */
static int hide_memory(void)
{
	static const struct rlimit one = {1, 1};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	/* Where no core is allowed at all it may be that one byte is too much. */
	return setrlimit(RLIMIT_CORE, &one) < 0 && errno != EPERM ? -errno : 0;
}

int confine_calls(void)
{
	/*
	 * A plain user's daemon has only what is that user's, whose lsof(8) and ss(8) are to see it
	 * as any other process.
	 */
	int error = geteuid() == 0 ? hide_memory() : 0;

	if (error)
		return error;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscalls_confine();
}
