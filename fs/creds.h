/*
 * creds.h - becoming the caller, so that the kernel judges what the caller may do.
 *
 * A thread changes only itself: raw system calls, effective ids alone.  The real uid stays the
 * daemon's, so no user can signal or trace it, and so it can change back.  A thread stays who it is
 * until it must be someone else.  If a change back fails the process ends: it must not go on with
 * more than the caller had.
 */
#ifndef IPCFS_CREDS_H
#define IPCFS_CREDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Who a caller is: ids, groups and capabilities.  Immutable, counted. */
struct creds;

/*
 * Before threads: notes what the daemon itself is.  Unless it is root there is nobody to
 * become and creds_become does nothing.  @serve_foreign: no caller is refused for where it is.
 * -ESRCH: /proc is not that of the process's own PID namespace, so no caller would be found in it.
 */
int creds_setup(bool serve_foreign);

/* True if creds_become can become others. */
bool creds_can_change(void);
/*
 * Reads who thread @pid is, which asked under @uid and @gid, from /proc, and in which of the
 * @namespaces, NAMESPACE_ ..., it is elsewhere.  -EACCES: it cannot be seen, or its ids are the
 * "unchanged" of setresuid(2); -ESRCH: it is not who asked any more; -EXDEV: it is in another user
 * namespace; -ENOMEM.
 *
 * Where foreign callers are served one that cannot be seen is its two ids alone, and one of another
 * user namespace has no capability, because those it has count there only.
 */
int creds_of(uid_t uid, gid_t gid, pid_t pid, unsigned namespaces, struct creds **creds);
/*
 * Under which uid it is counted what is done for thread @pid of @uid without asking who it is: its
 * own, or UID_ELSEWHERE for all of other user namespaces, and all that cannot be seen, together,
 * since a user can have as many uids there as subuid(5) says.  Where foreign callers are served
 * each is its own.  The thread is the daemon afterwards.
 */
#define UID_ELSEWHERE ((uid_t)-1)
uid_t creds_counted(uid_t uid, pid_t pid);
struct creds *creds_hold(struct creds *creds);
void creds_release(struct creds *creds);
/* True if @creds were read for this thread under these ids. */
bool creds_match(const struct creds *creds, uid_t uid, gid_t gid, pid_t pid);
uid_t creds_uid(const struct creds *creds);
gid_t creds_gid(const struct creds *creds);
/* The thread's real ids; where it cannot be seen, the others. */
uid_t creds_real_uid(const struct creds *creds);
gid_t creds_real_gid(const struct creds *creds);
pid_t creds_pid(const struct creds *creds);
/* Those that were asked for in which the thread is not where the daemon was when it began. */
unsigned creds_foreign(const struct creds *creds);
/* What access(2) would say, from the mode bits and the capability to pass them by. */
bool creds_allow(const struct creds *creds, const struct stat *st, int mask);

/* The calling thread becomes the caller, and holds @creds; NULL: the daemon itself. */
int creds_become(struct creds *creds);

/* Runs @step as the daemon and returns its result; the thread is then who it was before. */
int creds_as_daemon(int (*step)(void *context), void *context);

/*
 * For a new thread: the daemon itself, whoever the thread was that made it.  Without that it would
 * have that one's ids and not know.
 */
void creds_reset(void);

#endif
