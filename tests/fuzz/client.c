/*
 * client.c - the kernel's part in a conversation with the daemon's FUSE session.
 */
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "common/quota.h"
#include "creds.h"
#include "fuse.h"
#include "handle.h"
#include "intern.h"
#include "isolate.h"
#include "node.h"
#include "requests.h"
#include "root.h"
#include "serve.h"

enum { PATIENCE = 10 };

#define WAITING_MAX "64"

struct request {
	uint64_t unique;
	uint32_t opcode;
	size_t most; /* bytes that the answer may have, of reads and writes */
	struct answer answer;
	struct request *next;
};

static struct {
	struct fuse_session *session;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct request *requests;
	uint64_t unique;
	unsigned caller;
	pid_t pids[CALLERS];
} client = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};

static const uid_t uids[CALLERS] = {0, 1000, 65534, 0};

const struct client_watch *client_watch;

/* ---- what an answer must be ---- */

/* What is open and removed has no link. */
static void require_attributes(const struct fuse_attr *attr, bool found)
{
	require(attr->nlink || !found, "no links");
	require(attr->ino, "no inode number");
	require(S_ISDIR(attr->mode) || S_ISREG(attr->mode) || S_ISLNK(attr->mode) ||
			S_ISFIFO(attr->mode),
		"mode %o", attr->mode);
	require(attr->atimensec < 1000000000 && attr->mtimensec < 1000000000 &&
			attr->ctimensec < 1000000000,
		"times: %u, %u, %u ns", attr->atimensec, attr->mtimensec, attr->ctimensec);
	require(attr->size <= INT64_MAX, "size %llu", (unsigned long long)attr->size);
}

/* The kernel drops a listing that has anything else in it, with EIO. */
static void require_entries(const char *bytes, size_t size)
{
	uint64_t last = 0;

	while (size) {
		const struct fuse_dirent *entry = (const struct fuse_dirent *)bytes;

		require(size >= FUSE_NAME_OFFSET && size >= FUSE_DIRENT_SIZE(entry), "%zu bytes",
			size);
		require(entry->namelen > 0 && entry->namelen <= NAME_MAX &&
				!memchr(entry->name, '/', entry->namelen) &&
				!memchr(entry->name, '\0', entry->namelen),
			"'%.*s'", (int)entry->namelen, entry->name);
		require(entry->ino && entry->off > last, "offset %llu",
			(unsigned long long)entry->off);
		last = entry->off;
		bytes += FUSE_DIRENT_SIZE(entry);
		size -= FUSE_DIRENT_SIZE(entry);
	}
}

static void require_right(const struct request *request, const char *bytes, size_t size)
{
	const struct fuse_entry_out *entry = (const void *)bytes;
	const struct fuse_attr_out *attributes = (const void *)bytes;
	const struct fuse_write_out *written = (const void *)bytes;

	switch (request->opcode) {
	case FUSE_LOOKUP:
	case FUSE_MKDIR:
	case FUSE_MKNOD:
		require(size == sizeof(*entry), "%zu bytes", size);
		require(entry->nodeid, "no node");
		require_attributes(&entry->attr, true);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		require(size == sizeof(*attributes), "%zu bytes", size);
		require_attributes(&attributes->attr, false);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		require(size == sizeof(struct fuse_open_out), "%zu bytes", size);
		break;
	case FUSE_READ:
		require(size <= request->most, "%zu bytes of %zu", size, request->most);
		break;
	case FUSE_READDIR:
		require(size <= request->most, "%zu bytes of %zu", size, request->most);
		require_entries(bytes, size);
		break;
	case FUSE_WRITE:
		require(size == sizeof(*written) && written->size <= request->most, "%u of %zu",
			written->size, request->most);
		break;
	case FUSE_READLINK:
		require(size > 0 && size < PATH_MAX && !memchr(bytes, '\0', size), "%zu bytes",
			size);
		break;
	case FUSE_LSEEK:
		require(size == sizeof(struct fuse_lseek_out), "%zu bytes", size);
		break;
	case FUSE_POLL:
		require(size == sizeof(struct fuse_poll_out), "%zu bytes", size);
		break;
	case FUSE_GETLK:
		require(size == sizeof(struct fuse_lk_out), "%zu bytes", size);
		break;
	case FUSE_STATFS:
	case FUSE_INIT:
		break;
	default:
		require(!size, "%zu bytes to request %u", size, request->opcode);
	}
}

/* ---- requests and answers ---- */

static struct request *find(uint64_t unique)
{
	struct request *request = client.requests;

	while (request && request->unique != unique)
		request = request->next;
	return request;
}

static ssize_t take(struct iovec *iov, int count)
{
	struct fuse_out_header header;
	struct request *request;
	size_t size = 0;
	char *bytes;

	for (int i = 0; i < count; i++)
		size += iov[i].iov_len;
	memcpy(&header, iov[0].iov_base, sizeof(header));
	require(header.len == size, "%u is not %zu", header.len, size);
	if (!header.unique) {
		require(header.error == FUSE_NOTIFY_POLL, "notification %d", header.error);
		return (ssize_t)size;
	}
	/* An interrupt that came too late is libfuse's to refuse. */
	if (header.unique & 1) {
		require(header.error == -EAGAIN, "interrupt: %d", header.error);
		return (ssize_t)size;
	}
	bytes = malloc(size);
	require(bytes, "no memory");
	size = 0;
	for (int i = 1; i < count; i++) {
		memcpy(bytes + size, iov[i].iov_base, iov[i].iov_len);
		size += iov[i].iov_len;
	}
	pthread_mutex_lock(&client.lock);
	request = find(header.unique);
	require(request, "an answer to request %llu, which waits for none",
		(unsigned long long)header.unique);
	require(!request->answer.here, "two answers to request %u", request->opcode);
	/* What the kernel takes; ENOSYS would end all requests of the kind. */
	require(header.error <= 0 && header.error > -512, "error %d", header.error);
	require(header.error != -ENOSYS, "request %u", request->opcode);
	require(!header.error || !size, "error %d and %zu bytes", header.error, size);
	if (!header.error)
		require_right(request, bytes, size);
	request->answer = (struct answer){true, header.error, size, bytes};
	if (client_watch)
		client_watch->answered(header.unique, &request->answer);
	pthread_cond_broadcast(&client.answered);
	pthread_mutex_unlock(&client.lock);
	return (ssize_t)(header.len);
}

/* On whatever thread answers. */
static ssize_t take_answer(int fd, struct iovec *iov, int count, void *unused)
{
	ssize_t size;

	if (client_watch)
		client_watch->daemon_leaves();
	size = take(iov, count);
	if (client_watch)
		client_watch->daemon_enters();
	return size;
}

static ssize_t read_nothing(int fd, void *buffer, size_t size, void *unused)
{
	return -1;
}

/* Hands it to libfuse, and frees it at once: whoever still wants it must have a copy. */
static void send(uint64_t unique, uint32_t opcode, uint64_t node, const struct part *parts,
		 size_t count)
{
	struct fuse_in_header header = {
		.len = sizeof(header),
		.opcode = opcode,
		.unique = unique,
		.nodeid = node,
		.uid = uids[client.caller],
		.gid = uids[client.caller],
		.pid = (uint32_t)client.pids[client.caller],
	};
	struct fuse_buf buffer = {.mem = NULL};
	char *at;

	for (size_t i = 0; i < count; i++)
		header.len += (uint32_t)parts[i].size;
	buffer.size = header.len;
	buffer.mem = at = malloc(header.len);
	require(at, "no memory");
	at = mempcpy(at, &header, sizeof(header));
	for (size_t i = 0; i < count; i++)
		at = mempcpy(at, parts[i].bytes, parts[i].size);
	if (client_watch)
		client_watch->asked(unique, opcode);
	fuse_session_process_buf(client.session, &buffer);
	if (client_watch)
		client_watch->back(unique);
	free(buffer.mem);
}

uint64_t client_begin(uint32_t opcode, uint64_t node, const struct part *parts, size_t count,
		      bool at_once)
{
	struct request *request = calloc(1, sizeof(*request));
	uint64_t unique = client.unique += 2; /* as the kernel numbers them */

	require(request, "no memory");
	request->unique = unique;
	request->opcode = opcode;
	if (opcode == FUSE_READ || opcode == FUSE_READDIR)
		request->most = ((const struct fuse_read_in *)parts[0].bytes)->size;
	if (opcode == FUSE_WRITE)
		request->most = parts[1].size;
	pthread_mutex_lock(&client.lock);
	request->next = client.requests;
	client.requests = request;
	pthread_mutex_unlock(&client.lock);
	send(unique, opcode, node, parts, count);
	pthread_mutex_lock(&client.lock);
	require(!at_once || request->answer.here, "request %u waits", opcode);
	pthread_mutex_unlock(&client.lock);
	return unique;
}

uint64_t client_next(void)
{
	return client.unique + 2;
}

struct answer client_answer(uint64_t unique, bool wait)
{
	struct request *request, **link = &client.requests;
	struct answer answer;
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&client.lock);
	request = find(unique);
	require(request, "no such request");
	while (wait && !request->answer.here && !error)
		error = pthread_cond_timedwait(&client.answered, &client.lock, &until);
	require(!error, "request %u has no answer after %d seconds", request->opcode, PATIENCE);
	answer = request->answer;
	if (answer.here) {
		while (*link != request)
			link = &(*link)->next;
		*link = request->next;
		free(request);
	}
	pthread_mutex_unlock(&client.lock);
	return answer;
}

struct answer client_ask(uint32_t opcode, uint64_t node, const struct part *parts, size_t count)
{
	return client_answer(client_begin(opcode, node, parts, count, true), false);
}

void client_tell(uint32_t opcode, uint64_t node, const struct part *parts, size_t count)
{
	send(client.unique += 2, opcode, node, parts, count);
}

void client_interrupt(uint64_t unique)
{
	const struct fuse_interrupt_in body = {unique};
	const struct part part = PART(body);

	/* As the kernel numbers them.  libfuse answers it only if the request is not to be found.
	 */
	send(unique | 1, FUSE_INTERRUPT, 0, &part, 1);
}

void answer_free(struct answer *answer)
{
	free(answer->bytes);
	answer->bytes = NULL;
}

void client_ask_as(unsigned caller)
{
	client.caller = caller % CALLERS;
}

/* ---- the beginning and the end ---- */

/* A process with a caller's ids, that the daemon can look at: it has them when this returns. */
static pid_t caller_start(uid_t uid)
{
	int ready[2];
	pid_t pid;
	char byte;

	require(pipe2(ready, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	require(pid >= 0, "fork");
	if (pid) {
		close(ready[1]);
		require(read(ready[0], &byte, 1) == 1, "a caller has not begun");
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(ready[1], "x", 1) != 1)
		_exit(1);
	close(ready[0]);
	close(ready[1]);
	for (;;)
		pause();
}

static void say_first(void)
{
	const struct fuse_init_in body = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 131072,
		.flags = UINT32_MAX & ~FUSE_INIT_EXT,
	};
	const struct part part = PART(body);
	struct answer answer = client_ask(FUSE_INIT, 0, &part, 1);

	require(!answer.error, "INIT: %d", answer.error);
	answer_free(&answer);
}

void client_setup(void)
{
	static const struct fuse_custom_io io = {.writev = take_answer, .read = read_nothing};
	/* FUZZ_SHOW in the environment shows every request and answer. */
	char program[] = "ipcfs", show[] = "-d", *argv[] = {program, show, NULL};
	const struct settings settings = {0};
	struct fuse_args args = FUSE_ARGS_INIT(getenv("FUZZ_SHOW") ? 2 : 1, argv);
	const struct dir *root;

	isolate();
	client.pids[CALLER_ROOT] = getpid();
	client.pids[CALLER_USER] = caller_start(uids[CALLER_USER]);
	client.pids[CALLER_OTHER] = caller_start(uids[CALLER_OTHER]);
	require(!creds_setup(false), "creds");
	root = root_setup(&settings);
	require(root, "root");
	node_number_directories(root);
	client.session = fuse_session_new(&args, &requests, sizeof(requests), NULL);
	require(client.session, "session");
	fuse_opt_free_args(&args);
	/* The descriptor is libfuse's to close, and nobody's to use. */
	require(!fuse_session_custom_io(client.session, &io, dup(STDERR_FILENO)), "custom io");
	require(!quota_set("waiting_max", WAITING_MAX), "limits");
	require(!serve_setup(NO_LIMIT), "threads");
	say_first();
}

static bool someone_has_something(void)
{
	struct quota_use *uses;
	ssize_t count = quota_uses(&uses);

	free(uses);
	return count != 0;
}

void client_require_nothing_left(const char *kinds_used)
{
	const struct timespec pause = {0, 1000000};

	requests_leave();
	for (const struct kind *const *kind = kinds; *kind; kind++)
		if (!kinds_used || strstr(kinds_used, (*kind)->name))
			remove_objects(*kind);
	require(!client.requests, "requests are waiting");
	/* What is left of an unfinished line goes on by itself until its object has gone. */
	for (int tries = 0; handle_any(); tries++) {
		require(tries < PATIENCE * 1000, "an open handle is left");
		nanosleep(&pause, NULL);
	}
	/* A name that is being looked up has a thread of its own. */
	for (int tries = 0; someone_has_something(); tries++) {
		require(tries < PATIENCE * 1000, "somebody is still charged for something");
		nanosleep(&pause, NULL);
	}
	require(!node_visits(), "%u visits are left", node_visits());
	require(!name_count(), "%u names are left", name_count());
}
