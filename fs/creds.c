/*
 * creds.c - becoming the caller, so that the kernel judges what the caller may do.
 */
#include "creds.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/securebits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "caller.h"
#include "namespaces.h"

struct creds {
	atomic_uint references;
	uid_t uid;
	gid_t gid;
	uid_t real_uid;
	gid_t real_gid;
	pid_t pid;
	uint64_t capabilities;
	unsigned foreign;
	size_t groups_count;
	gid_t groups[];
};

enum { GROUPS_ROOM = 8, STATUS_ROOM = 4096 };

static struct {
	bool can_change, serve_foreign;
	/* Effective capabilities come with uid 0 and go with it, as long as nobody forbids that. */
	bool uid_has_capabilities;
	uint64_t permitted, inheritable;
	struct creds *self;
} daemon_creds;

/* Who this thread is now; NULL: the daemon, from its beginning.  Holds a reference. */
static _Thread_local struct creds *current;

static uint64_t both(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* What no change of ids or of effective capabilities changes. */
static void capabilities_note(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	int bits = prctl(PR_GET_SECUREBITS);

	capget(&header, data);
	daemon_creds.permitted = both(data[0].permitted, data[1].permitted);
	daemon_creds.inheritable = both(data[0].inheritable, data[1].inheritable);
	daemon_creds.uid_has_capabilities = bits >= 0 && !(bits & SECBIT_NO_SETUID_FIXUP);
}

static int capabilities_use(uint64_t effective)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(daemon_creds.permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(daemon_creds.inheritable >> 32 * i);
		data[i].effective = (uint32_t)(effective >> 32 * i) & data[i].permitted;
	}
	return capset(&header, data) < 0 ? -errno : 0;
}

/* By its own number, that of the PID namespace in which it runs. */
static bool sees_itself(void)
{
	char number[16];
	ssize_t length = readlink("/proc/self", number, sizeof(number) - 1);

	if (length < 0)
		return false;
	number[length] = '\0';
	return atoi(number) == getpid();
}

int creds_setup(bool serve_foreign)
{
	int error;

	daemon_creds.serve_foreign = serve_foreign;
	daemon_creds.can_change = geteuid() == 0;
	capabilities_note();
	namespaces_setup();
	if (!sees_itself())
		return -ESRCH;
	/* Who calls again may be another than before, with another /proc. */
	creds_release(daemon_creds.self);
	daemon_creds.self = NULL;
	caller_forget_all();
	error = creds_of(geteuid(), getegid(), getpid(), 0, &daemon_creds.self);
	/* The daemon will be a child of this process. */
	caller_forget_all();
	return error;
}

static const char *field_find(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : NULL;
}

enum { REAL_ID, FS_ID };

/* Of the four that a line of the status has the first and the last. */
static bool ids_read(const char *status, const char *name, unsigned ids[2])
{
	const char *at = field_find(status, name);

	return at && sscanf(at, "%u %*u %*u %u", &ids[REAL_ID], &ids[FS_ID]) == 2;
}

/* Under which ids the thread asks that has these, -1: it is not who asked any more. */
static int asks_as(const char *status, struct creds *creds)
{
	unsigned uids[2], gids[2];

	if (!ids_read(status, "\nUid:", uids) || !ids_read(status, "\nGid:", gids))
		return -1;
	creds->real_uid = uids[REAL_ID];
	creds->real_gid = gids[REAL_ID];
	if (uids[FS_ID] == creds->uid && gids[FS_ID] == creds->gid)
		return FS_ID;
	return uids[REAL_ID] == creds->uid && gids[REAL_ID] == creds->gid ? REAL_ID : -1;
}

static struct creds *creds_new(uid_t uid, gid_t gid, pid_t pid)
{
	struct creds *creds = calloc(1, sizeof(*creds) + GROUPS_ROOM * sizeof(gid_t));

	if (!creds)
		return NULL;
	atomic_init(&creds->references, 1);
	creds->uid = creds->real_uid = uid;
	creds->gid = creds->real_gid = gid;
	creds->pid = pid;
	return creds;
}

static int groups_read(const char *at, struct creds **creds)
{
	size_t room = GROUPS_ROOM;

	for (;;) {
		unsigned long group;
		struct creds *fit;
		char *end;

		while (*at == '\t' || *at == ' ')
			at++;
		group = strtoul(at, &end, 10);
		if (end == at)
			return 0;
		at = end;
		if ((*creds)->groups_count == room) {
			room *= 2;
			fit = realloc(*creds, sizeof(**creds) + room * sizeof(gid_t));
			if (!fit)
				return -ENOMEM;
			*creds = fit;
		}
		(*creds)->groups[(*creds)->groups_count++] = (gid_t)group;
	}
}

static uint64_t capabilities_read(const char *status, const char *name)
{
	const char *at = field_find(status, name);

	return at ? strtoull(at, NULL, 16) & daemon_creds.permitted : 0;
}

/*
 * While a request is under way another thread of the process can execute a program that has more
 * than the process had, and which then has the number of the thread that asked.  Such a program's
 * files in /proc are root's before it has its capabilities.  Found anew: an open file says whose it
 * was.
 */
static bool may_have_been_given(int directory, uid_t uid)
{
	struct stat st;

	return uid && (fstatat(directory, "status", &st, 0) < 0 || st.st_uid != uid);
}

static int status_parse(int directory, const char *status, struct creds **creds)
{
	const char *groups = field_find(status, "\nGroups:");

	if (!groups)
		return -EACCES;
	switch (asks_as(status, *creds)) {
	case FS_ID:
		(*creds)->capabilities = capabilities_read(status, "\nCapEff:");
		if ((*creds)->capabilities && may_have_been_given(directory, (*creds)->uid))
			(*creds)->capabilities = 0;
		break;
	case REAL_ID: /* the way of access(2) */
		if ((*creds)->uid == 0)
			(*creds)->capabilities = capabilities_read(status, "\nCapPrm:");
		break;
	default:
		return -ESRCH;
	}
	return groups_read(groups, creds);
}

static int status_take(struct caller *caller, struct creds **creds)
{
	char room[STATUS_ROOM], *status;
	int error = caller_read(caller, room, sizeof(room), &status);

	if (error)
		return error;
	error = status_parse(caller->directory, status, creds);
	if (status != room)
		free(status);
	return error;
}

static int compare(const struct caller *caller, unsigned namespaces, struct creds *creds)
{
	int error = namespaces_compare(caller->directory, namespaces, &creds->foreign);

	if (daemon_creds.serve_foreign) {
		if (error)
			creds->capabilities = 0;
		creds->foreign = 0;
		return 0;
	}
	/* A plain user's daemon can't look into every process of that user's own. */
	if (error == -EACCES && !daemon_creds.can_change)
		error = 0;
	return error;
}

/*
 * With these no check of the kernel's that the daemon passes comes to the caller's groups: in the
 * user namespace that the machine begins with, in which each owner is known.
 */
static const int sufficient[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_IPC_OWNER};

/* Of these objects permission alone is asked.  Of a socket groups are told (SO_PEERGROUPS). */
enum { JUDGED_ONLY = NAMESPACE_IPC | NAMESPACE_MEMORY_FS };

/*
 * True of root with all that the daemon may pass on, which capget(2) tells in a fraction of the
 * time that the status takes.  It goes by the number: it is true of the one whose directory this is
 * only if that one is found to be there afterwards.
 */
static bool passes_all(const struct caller *caller, uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, caller->pid};
	struct __user_cap_data_struct data[2] = {0};
	struct stat st;

	if (uid || !daemon_creds.self || !daemon_creds.can_change || daemon_creds.serve_foreign ||
	    !namespaces_know_all_ids())
		return false;
	for (size_t i = 0; i < sizeof(sufficient) / sizeof(*sufficient); i++)
		if (!(daemon_creds.permitted >> sufficient[i] & 1))
			return false;
	/* Of this directory they are the effective ids of the moment. */
	if (fstat(caller->directory, &st) < 0 || st.st_uid != uid || st.st_gid != gid)
		return false;
	return capget(&header, data) == 0 &&
	       !(daemon_creds.permitted & ~both(data[0].effective, data[1].effective));
}

/* Its groups are taken to be the daemon's own, so that nothing changes between the two. */
static struct creds *creds_of_all(gid_t gid, pid_t pid)
{
	const struct creds *self = daemon_creds.self;
	size_t size = self->groups_count * sizeof(gid_t);
	struct creds *creds = calloc(1, sizeof(*creds) + size);

	if (!creds)
		return NULL;
	atomic_init(&creds->references, 1);
	creds->gid = creds->real_gid = gid;
	creds->pid = pid;
	creds->capabilities = daemon_creds.permitted;
	creds->groups_count = self->groups_count;
	memcpy(creds->groups, self->groups, size);
	return creds;
}

static bool look_briefly(const struct caller *caller, uid_t uid, gid_t gid, unsigned namespaces,
			 struct creds **result)
{
	struct creds *creds;

	if (namespaces & ~JUDGED_ONLY || !namespaces_tell_ended() || !passes_all(caller, uid, gid))
		return false;
	creds = creds_of_all(gid, caller->pid);
	if (creds && !compare(caller, namespaces, creds)) {
		*result = creds;
		return true;
	}
	free(creds);
	return false;
}

static int look(struct caller *caller, uid_t uid, gid_t gid, unsigned namespaces,
		struct creds **result)
{
	struct creds *creds = creds_new(uid, gid, caller->pid);
	int error = creds ? status_take(caller, &creds) : -ENOMEM;

	if (!error)
		error = compare(caller, namespaces, creds);
	if (error)
		free(creds);
	else
		*result = creds;
	return error;
}

static int look_at(pid_t pid, uid_t uid, gid_t gid, unsigned namespaces, struct creds **result)
{
	struct caller caller;
	int error = caller_take(pid, &caller);

	if (error)
		return error;
	if (!look_briefly(&caller, uid, gid, namespaces, result))
		error = look(&caller, uid, gid, namespaces, result);
	caller_give_back(&caller);
	return error;
}

int creds_of(uid_t uid, gid_t gid, pid_t pid, unsigned namespaces, struct creds **result)
{
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return -EACCES;
	if (pid > 0)
		return look_at(pid, uid, gid, namespaces, result);
	if (!daemon_creds.serve_foreign)
		return -EACCES;
	*result = creds_new(uid, gid, pid);
	return *result ? 0 : -ENOMEM;
}

uid_t creds_counted(uid_t uid, pid_t pid)
{
	if (daemon_creds.serve_foreign || !daemon_creds.can_change)
		return uid;
	if (pid <= 0)
		return UID_ELSEWHERE;
	/* Only the daemon itself can see every caller. */
	creds_become(NULL);
	return namespaces_are_of_others(pid) ? UID_ELSEWHERE : uid;
}

struct creds *creds_hold(struct creds *creds)
{
	if (creds)
		atomic_fetch_add(&creds->references, 1);
	return creds;
}

void creds_release(struct creds *creds)
{
	if (creds && atomic_fetch_sub(&creds->references, 1) == 1)
		free(creds);
}

bool creds_match(const struct creds *creds, uid_t uid, gid_t gid, pid_t pid)
{
	return creds && creds->uid == uid && creds->gid == gid && creds->pid == pid;
}

uid_t creds_uid(const struct creds *creds)
{
	return creds->uid;
}

gid_t creds_gid(const struct creds *creds)
{
	return creds->gid;
}

uid_t creds_real_uid(const struct creds *creds)
{
	return creds->real_uid;
}

gid_t creds_real_gid(const struct creds *creds)
{
	return creds->real_gid;
}

pid_t creds_pid(const struct creds *creds)
{
	return creds->pid;
}

unsigned creds_foreign(const struct creds *creds)
{
	return creds->foreign;
}

bool creds_can_change(void)
{
	return daemon_creds.can_change;
}

bool creds_allow(const struct creds *creds, const struct stat *st, int mask)
{
	unsigned bits = st->st_mode;

	if (creds->capabilities >> CAP_DAC_OVERRIDE & 1)
		return true;
	if (creds->uid == st->st_uid) {
		bits >>= 6;
	} else {
		bool member = creds->gid == st->st_gid;

		for (size_t i = 0; i < creds->groups_count && !member; i++)
			member = creds->groups[i] == st->st_gid;
		if (member)
			bits >>= 3;
	}
	return !(mask & ~bits & (R_OK | W_OK | X_OK));
}

static bool groups_equal(const struct creds *a, const struct creds *b)
{
	return a->groups_count == b->groups_count &&
	       !memcmp(a->groups, b->groups, a->groups_count * sizeof(gid_t));
}

static bool creds_equal(const struct creds *a, const struct creds *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->capabilities == b->capabilities &&
	       groups_equal(a, b);
}

/* Back to full effective capabilities, which every change needs.  There is no going on without. */
static void regain(const struct creds *from)
{
	if (!from->uid && from->capabilities == daemon_creds.permitted)
		return;
	/* The real uid is root's, so this needs none. */
	if (from->uid && syscall(SYS_setresuid, -1, 0, -1) < 0)
		abort();
	if (from->uid && daemon_creds.uid_has_capabilities)
		return;
	if (capabilities_use(daemon_creds.permitted) < 0)
		abort();
}

/* From full effective capabilities and uid 0, with the groups of @from. */
static int change(const struct creds *from, const struct creds *to)
{
	if (!groups_equal(from, to) && syscall(SYS_setgroups, to->groups_count, to->groups) < 0)
		return -errno;
	if (from->gid != to->gid && syscall(SYS_setresgid, -1, to->gid, -1) < 0)
		return -errno;
	if (to->uid && syscall(SYS_setresuid, -1, to->uid, -1) < 0)
		return -errno;
	/* Root's capabilities come with uid 0, no other's do. */
	if (daemon_creds.uid_has_capabilities &&
	    to->capabilities == (to->uid ? 0 : daemon_creds.permitted))
		return 0;
	return capabilities_use(to->capabilities);
}

int creds_become(struct creds *creds)
{
	struct creds *from = current ? current : daemon_creds.self;
	struct creds *to = creds ? creds : daemon_creds.self;
	int error = 0;

	/* One that can become nobody is asked by its own user alone, and still has to hold @creds.
	 */
	if (daemon_creds.can_change && !creds_equal(from, to)) {
		regain(from);
		error = change(from, to);
		/* Whatever of it has been done. */
		if (error) {
			creds_reset();
			to = daemon_creds.self;
		}
	}
	creds_hold(to);
	creds_release(current);
	current = to;
	return error;
}

int creds_as_daemon(int (*step)(void *context), void *context)
{
	struct creds *caller = creds_hold(current);
	int result, error;

	creds_become(NULL);
	result = step(context);
	error = creds_become(caller);
	creds_release(caller);
	/* As the daemon the rest of the request would ask nobody's permission. */
	if (error)
		abort();
	return result;
}

void creds_reset(void)
{
	const struct creds *self = daemon_creds.self;

	if (!daemon_creds.can_change)
		return;
	if (capabilities_use(daemon_creds.permitted) < 0 || syscall(SYS_setresuid, -1, 0, -1) < 0 ||
	    capabilities_use(daemon_creds.permitted) < 0 ||
	    syscall(SYS_setgroups, self->groups_count, self->groups) < 0 ||
	    syscall(SYS_setresgid, -1, self->gid, -1) < 0)
		abort();
}
