/*
 * access.c - access(2), by which a set-user-ID program asks what its user may do: judged by the
 * real ids, also in the tree.
 */
#include "access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "matrix.h"

#define FILE_OF_OBJECT "/dev/shm/u"
#define OBJECT MOUNT "/shm/u/data"

static const int wishes[] = {F_OK, R_OK, W_OK, R_OK | W_OK};

/* Asks both, as whom it is.  F_OK is 0. */
static void compare(const struct identity *who, mode_t mode, const char *how)
{
	for (size_t i = 0; i < COUNT(wishes); i++) {
		int tree = errno_of(access(OBJECT, wishes[i]));
		int direct = errno_of(access(FILE_OF_OBJECT, wishes[i]));

		matrix_cases++;
		matrix_refused += direct != 0;
		if (tree != direct)
			say("access %d of mode %04o by %s, %s: %s, directly %s\n", wishes[i], mode,
			    who->name, how, tree ? strerrorname_np(tree) : "done",
			    direct ? strerrorname_np(direct) : "done");
	}
}

struct asking {
	const struct identity *who;
	mode_t mode;
};

static int ask_itself(const void *argument)
{
	const struct asking *asking = argument;

	compare(asking->who, asking->mode, "itself");
	return 0;
}

/* A program with the real ids of @who, and root's effective ones. */
static int ask_for_user(const void *argument)
{
	const struct asking *asking = argument;
	const struct identity *who = asking->who;

	if (setgroups(who->supplementary ? 1 : 0, &who->supplementary) < 0 ||
	    setresgid(who->gid, 0, 0) < 0 || setresuid(who->uid, 0, 0) < 0)
		return errno;
	compare(who, asking->mode, "by a program of root's");
	return 0;
}

/* The other way round: root's program that has put its power off for a while. */
static int ask_for_root(const void *argument)
{
	const struct asking *asking = argument;
	const struct identity *who = asking->who;

	if (setresgid(0, who->gid, 0) < 0 || setresuid(0, who->uid, 0) < 0)
		return errno;
	compare(who, asking->mode, "for root");
	return 0;
}

static int owner_makes(const void *unused)
{
	return errno_of(shm_open("/u", O_CREAT | O_EXCL | O_RDWR, 0600));
}

void access_check(void)
{
	static const mode_t modes[] = {0600, 0640, 0606, 0246, 0};
	static deed *const ways[] = {ask_itself, ask_for_user, ask_for_root};
	const struct identity *root = identity_of(0);

	assert_int_equal(do_as(identities, owner_makes, NULL), 0);
	for (size_t m = 0; m < COUNT(modes); m++) {
		assert_return_code(chmod(FILE_OF_OBJECT, modes[m]), errno);
		for (const struct identity *who = identities; who->name; who++)
			for (size_t i = 0; i < COUNT(ways); i++) {
				struct asking asking = {who, modes[m]};

				/* What is left of permitted capabilities is not theirs. */
				if (who->caps != CAPS_AS_UID)
					continue;
				assert_int_equal(do_as(i ? root : who, ways[i], &asking), 0);
				if (*said())
					fail_msg("%s", said());
			}
	}
	let_go();
	shm_unlink("/u");
}
