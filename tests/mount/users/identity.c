/*
 * identity.c - being somebody else, for good or for one deed.
 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

const struct identity identities[] = {
	{"owner or creator", OWNER, GROUP, 0, CAPS_AS_UID},
	{"member of the first group", MEMBER, MEMBER, GROUP, CAPS_AS_UID},
	{"owner after chown", NEW_OWNER, NEW_OWNER, 0, CAPS_AS_UID},
	{"member of the new group", NEW_MEMBER, NEW_GROUP, 0, CAPS_AS_UID},
	{"other", OTHER, OTHER, 0, CAPS_AS_UID},
	{"other with capabilities", CAPABLE, CAPABLE, 0, CAPS_OF_OBJECTS},
	{"root", 0, 0, 0, CAPS_AS_UID},
	{"root without what lets it use others' objects", 0, 0, 0, CAPS_WITHOUT_OBJECTS},
	{"root without capabilities", 0, 0, 0, CAPS_NONE},
	{NULL},
};

const struct identity *identity_of(uid_t uid)
{
	const struct identity *who = identities;

	while (who->uid != uid)
		who++;
	return who;
}

/* By which the kernel lets one use what is another's. */
static const cap_value_t of_objects[] = {CAP_IPC_OWNER, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
					 CAP_FOWNER,    CAP_CHOWN,        CAP_FSETID};
enum { OF_OBJECTS = sizeof(of_objects) / sizeof(*of_objects) };

/* The effective capabilities of @who, who has them all yet; with @permitted those, too. */
static bool use_capabilities(const struct identity *who, bool permitted)
{
	cap_flag_value_t to = who->caps == CAPS_OF_OBJECTS ? CAP_SET : CAP_CLEAR;
	cap_t caps = cap_get_proc();
	bool done;

	if (!caps)
		return false;
	done = (who->caps == CAPS_WITHOUT_OBJECTS ||
		(cap_clear_flag(caps, CAP_EFFECTIVE) == 0 &&
		 (!permitted || cap_clear_flag(caps, CAP_PERMITTED) == 0))) &&
	       (who->caps == CAPS_NONE ||
		(cap_set_flag(caps, CAP_EFFECTIVE, OF_OBJECTS, of_objects, to) == 0 &&
		 (!permitted ||
		  cap_set_flag(caps, CAP_PERMITTED, OF_OBJECTS, of_objects, to) == 0))) &&
	       cap_set_proc(caps) == 0;
	cap_free(caps);
	return done;
}

static void take_groups(const struct identity *who)
{
	if (setgroups(who->supplementary ? 1 : 0, &who->supplementary) < 0)
		_exit(100);
}

/* Which a change of ids has taken away; of who logs in it is so too. */
static void stay_visible(void)
{
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void become(const struct identity *who)
{
	if (who->caps == CAPS_OF_OBJECTS && prctl(PR_SET_KEEPCAPS, 1) < 0)
		_exit(100);
	take_groups(who);
	if (setresgid(who->gid, who->gid, who->gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		_exit(100);
	if (who->caps != CAPS_AS_UID && !use_capabilities(who, true))
		_exit(101);
	stay_visible();
}

/* ---- for one deed ---- */

enum { SAID = 1 << 20, FIRST_KEPT = 500 };

static char speech[SAID];
static size_t speech_length;

void say(const char *format, ...)
{
	size_t room = SAID - speech_length;
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(speech + speech_length, room, format, list);
	va_end(list);
	if (length > 0)
		speech_length += (size_t)length < room ? (size_t)length : room - 1;
}

const char *said(void)
{
	return speech;
}

int do_as(const struct identity *who, deed *act, const void *argument)
{
	static const struct identity root = {"root", 0, 0, 0, CAPS_AS_UID};
	cap_t before = cap_get_proc();
	int result;

	assert_non_null(before);
	speech_length = 0;
	*speech = '\0';
	take_groups(who);
	if (setresgid(who->gid, who->gid, 0) < 0 || setresuid(who->uid, who->uid, 0) < 0)
		_exit(100);
	if (who->caps != CAPS_AS_UID && !use_capabilities(who, false))
		_exit(101);
	stay_visible();
	result = act(argument);
	/* Capabilities first, without which ids cannot be had back; with uid 0 they come again. */
	cap_set_proc(before);
	if (setresuid(0, 0, 0) < 0 || setresgid(0, 0, 0) < 0 || cap_set_proc(before) < 0)
		_exit(102);
	take_groups(&root);
	stay_visible();
	cap_free(before);
	return result;
}

/* The lowest that is free when the first deed is done. */
static unsigned first_open;

void let_go(void)
{
	if (!first_open) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		first_open = (unsigned)fd;
	}
	close_range(first_open, FIRST_KEPT - 1, 0);
}

int keep_open(int fd)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_KEPT);

	assert_return_code(kept, errno);
	close(fd);
	return kept;
}
