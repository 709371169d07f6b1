/*
 * reason.c - the reason of a refusal for which the kind had no words.
 *
 * What is said here holds for every kind: whose an object is, the limits of the daemon itself, and
 * what an errno means in this tree.
 */
#include "reason.h"

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

static void refuse_files(struct call *call)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	refuse(call, EMFILE,
	       "RLIMIT_NOFILE of the daemon is %llu, and it has as many files open for all its "
	       "users: close what nobody needs, or start it with more (ulimit -n)",
	       (unsigned long long)limit.rlim_cur);
}

void reason_complete(struct call *call, const struct place *place, int error)
{
	if (*call->reason)
		return;
	switch (error) {
	case EACCES:
	case EPERM:
		refuse_permission(call, error, place, "%s", "");
		break;
	case EROFS:
		refuse(call, error, "this tree was mounted -o ro: it shows and changes nothing");
		break;
	case EIDRM:
		refuse(call, error,
		       "the object was removed, here or by another program, while this had it "
		       "open");
		break;
	case EEXIST:
		refuse(call, error, "there is one of that name (mkdir -p takes that for success)");
		break;
	case ENAMETOOLONG:
		refuse(call, error, "a name has at most %d bytes", NAME_MAX);
		break;
	case EMFILE:
		refuse_files(call);
		break;
	case ENFILE:
		refuse(call, error, "the machine has as many files open as fs.file-max allows");
		break;
	case ENOMEM:
		refuse(call, error,
		       "the kernel has no memory left for this, or the daemon's cgroup has none");
		break;
	case EFBIG:
		refuse(call, error,
		       "larger than RLIMIT_FSIZE of the daemon or the largest file of the system");
		break;
	default:
		break;
	}
}
