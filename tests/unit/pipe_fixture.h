/*
 * pipe_fixture.h - a machine with no processes but the test's and no run directory but its own, the
 * tables of pipes/ by the names of their files, and processes that hold what they are given.
 */
#ifndef IPCFS_PIPE_FIXTURE_H
#define IPCFS_PIPE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../return_code.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "kinds.h"

enum { USER = 65534, OTHER = 65533 };

#define RUN "/run/ipcfs"
#define PIPES RUN "/pipes"

static struct call call;
extern const struct dir pipe_dir;
static const struct place root = {.dir = &pipe_dir};

/* ---- the machine ---- */

static inline void skip_all(const char *what)
{
	fprintf(stderr, "skipped: needs %s of its own: %s\n", what, strerror(errno));
	exit(77);
}

/* Passes on what the test says, until it has ended, and ends as it did. */
static inline void machine_follow(pid_t pid, int from)
{
	char text[4096];
	ssize_t length;
	int status;

	while ((length = read(from, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, (size_t)length) < 0)
			break;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Nothing more: a leak checker could start no thread, whose first process would be gone. */
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/*
 * The test goes on in the first process of a pid namespace, so /proc has no process but its own,
 * and nothing outlives it.  It has no pipe open: what it says goes through a socket.
 */
static inline void machine_enter(void)
{
	int lines[2];
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, lines) < 0)
		skip_all("namespaces");
	pid = fork();
	if (pid < 0)
		skip_all("a process");
	if (pid > 0) {
		close(lines[1]);
		machine_follow(pid, lines[0]);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(open("/dev/null", O_RDONLY), STDIN_FILENO) < 0 ||
	    dup2(lines[1], STDOUT_FILENO) < 0 || dup2(lines[1], STDERR_FILENO) < 0)
		skip_all("descriptors");
	if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
		skip_all("mounts");
	close_range(STDERR_FILENO + 1, ~0U, 0);
	umask(022);
	signal(SIGPIPE, SIG_IGN);
}

/* Becomes someone by the effective ids alone, and this thread only, as the daemon does. */
static inline void become(uid_t uid)
{
	const gid_t group = uid;

	if (syscall(SYS_setresuid, -1, 0, -1) || syscall(SYS_setgroups, uid != 0, &group) ||
	    syscall(SYS_setresgid, -1, uid, -1) || syscall(SYS_setresuid, -1, uid, -1))
		abort();
	call.uid = call.gid = uid;
}

static inline int run_as_daemon(int (*step)(void *context), void *context)
{
	uid_t uid = geteuid();
	int result;

	become(0);
	result = step(context);
	become(uid);
	call.uid = call.gid = uid;
	return result;
}

static inline void kind_setup(void)
{
	if (pipe_kind.setup(&(struct settings){.run_dir = NULL}) < 0)
		abort();
	call = (struct call){.pid = getpid(), .as_daemon = run_as_daemon};
}

/* After each test: whoever it was, the daemon goes on, and the directory is empty. */
static inline int test_end(void **state)
{
	become(0);
	/* The leak checker looks into this process, too. */
	prctl(PR_SET_DUMPABLE, 1);
	return system("rm -rf " PIPES "/*") != 0;
}

/* ---- the tree ---- */

static inline const struct row *row_of(const struct dir *dir, const char *name)
{
	const struct row *row = dir->rows;

	while (row->type != ROW_END && strcmp(row->name, name) != 0)
		row++;
	if (row->type == ROW_END)
		fail_msg("no file %s", name);
	return row;
}

static inline int tree_find(const char *name, struct place *found)
{
	call.reason[0] = '\0';
	memset(found, 0, sizeof(*found));
	if (strncmp(name, "anon/", 5) == 0)
		return row_of(pipe_kind.dir, "anon")->dir->find(&call, &root, name + 5, found);
	return pipe_kind.dir->find(&call, &root, name, found);
}

/* A place whose name lasts: what find says can be in memory that the next find uses. */
static inline struct place at(const char *name)
{
	static char names[16][256];
	static unsigned next;
	struct place found;
	int error = tree_find(name, &found);

	if (error)
		fail_msg("%s: %s (%s)", name, strerror(-error), call.reason);
	found.name = strcpy(names[next++ % 16], found.name);
	return found;
}

static inline int tree_make(const char *name, mode_t mode)
{
	struct place made;

	call.reason[0] = '\0';
	return pipe_kind.dir->make(&call, &root, name, mode, &made);
}

static inline int tree_remove(const char *name)
{
	struct place place = at(name);

	return place.dir->remove(&call, &place);
}

/* The content of a file in memory of its own; NULL and *error if it cannot be shown. */
static inline char *place_text(const struct place *place, const char *file, int *error)
{
	const struct dir *dir = place->dir ? place->dir : pipe_kind.dir;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	call.reason[0] = '\0';
	*error = row_of(dir, file)->show(&call, place, out);
	fclose(out);
	if (*error == 0)
		return text;
	free(text);
	return NULL;
}

/* @name NULL: a file of the kind itself. */
static inline char *text_of(const char *name, const char *file)
{
	struct place place = name ? at(name) : root;
	int error;
	char *text = place_text(&place, file, &error);

	if (error)
		fail_msg("%s/%s: %s (%s)", name ? name : "", file, strerror(-error), call.reason);
	return text;
}

static inline int error_of(const char *name, const char *file)
{
	struct place place = at(name);
	int error;

	free(place_text(&place, file, &error));
	return error;
}

static inline void assert_text(const char *name, const char *file, const char *expected)
{
	char *text = text_of(name, file);

	assert_string_equal(text, expected);
	free(text);
}

static inline void assert_figure(const char *name, const char *file, int64_t expected)
{
	char line[32];

	snprintf(line, sizeof(line), "%" PRId64 "\n", expected);
	assert_text(name, file, line);
}

static inline void assert_contains(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text ? text : "");
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (text && strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static inline int tree_store(const char *name, const char *file, const char *text)
{
	struct place place = at(name);

	call.reason[0] = '\0';
	return row_of(place.dir, file)->store(&call, &place, text);
}

struct names {
	char text[4096];
};

static inline int name_add(void *context, const char *name, const struct place *place)
{
	struct names *names = context;
	size_t length = strlen(names->text);

	assert_non_null(place->name);
	snprintf(names->text + length, sizeof(names->text) - length, "%s\n", name);
	return 0;
}

/* Names of a directory, a line each. */
static inline void tree_list(const struct dir *dir, struct names *names)
{
	names->text[0] = '\0';
	assert_int_equal(dir->list(&call, &root, name_add, names), 0);
}

/* ---- processes ---- */

/* A process that has nothing open but what it was given, at numbers from 3 on. */
struct child {
	pid_t pid;
	int line; /* this end of a socket to it */
};

/* What the child is to do before it says that it is ready; @line is its end of the socket. */
typedef void child_work(int line, void *context);

static inline struct child child_start(uid_t uid, const int *fds, int count, child_work *work,
				       void *context)
{
	struct child child;
	int lines[2];
	char byte;

	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, lines), errno);
	child.pid = fork();
	assert_return_code(child.pid, errno);
	if (child.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Out of the way of where they belong. */
		int line = fcntl(lines[1], F_DUPFD, 400);

		for (int i = 0; i < count; i++)
			if (dup2(fds[i], 200 + i) < 0)
				_exit(2);
		for (int i = 0; i < count; i++)
			dup2(200 + i, 3 + i);
		close_range(3 + (unsigned)count, 399, 0);
		close_range((unsigned)line + 1, ~0U, 0);
		for (int i = 0; i <= STDERR_FILENO; i++)
			dup2(open("/dev/null", O_RDWR), i);
		close_range(3 + (unsigned)count, 399, 0);
		if (uid &&
		    (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(3);
		/* Another user's process is dumpable only if it says so, and looked into only then.
		 */
		prctl(PR_SET_DUMPABLE, 1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "holder");
		if (work)
			work(line, context);
		if (send(line, "", 1, 0) != 1)
			_exit(4);
		(void)!recv(line, &byte, 1, 0);
		_exit(0);
	}
	close(lines[1]);
	child.line = lines[0];
	if (recv(child.line, &byte, 1, 0) != 1)
		fail_msg("a process that was to hold descriptors failed");
	return child;
}

/* A process of @uid that holds @fd. */
static inline struct child child_hold(uid_t uid, int fd)
{
	return child_start(uid, &fd, 1, NULL, NULL);
}

static inline void child_end(struct child *child)
{
	kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
	close(child->line);
}

/* An unnamed pipe and its path below pipes/. */
struct ends {
	int read, write;
	char name[40];
};

static inline struct ends ends_make(void)
{
	struct ends ends;
	struct stat st;
	int fds[2];

	assert_return_code(pipe2(fds, O_CLOEXEC | O_NONBLOCK), errno);
	assert_return_code(fstat(fds[0], &st), errno);
	ends.read = fds[0];
	ends.write = fds[1];
	snprintf(ends.name, sizeof(ends.name), "anon/%ju", (uintmax_t)st.st_ino);
	return ends;
}

static inline void ends_close(struct ends *ends)
{
	close(ends->read);
	close(ends->write);
}

#endif
