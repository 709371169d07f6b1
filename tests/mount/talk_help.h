/*
 * talk_help.h - what the tests of datagrams and unix sockets share: plain sockets for the other
 * end, which know nothing of the tree, and processes that wait in it.
 */
#ifndef IPCFS_TEST_TALK_HELP_H
#define IPCFS_TEST_TALK_HELP_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fixture.h"

#define SOCKETS MOUNT "/sockets"
/* Where the socket files themselves are. */
#define RUN_UNIX "/run/ipcfs/unix"

enum { OWNER = 64990, OTHER = 64991 };

/* ---- plain sockets ---- */

struct address {
	socklen_t size;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

struct address ip(const char *host, uint16_t port);
/* A path, or with @ at its begin an abstract name. */
struct address local(const char *name);
/* Each is a descriptor; what fails fails the test. */
int plain_socket(int family, int type);
int plain_bound(int type, struct address address);
int plain_listener(int type, struct address address, int backlog);
int plain_connected(int type, struct address address);
int plain_accepted(int listener);
void plain_send(int fd, struct address to, const void *data, size_t size);
uint16_t port_of(int fd);
/* What comes next is this, whole, within a time; from where it came. */
struct address plain_expect(int fd, const void *data, size_t size);
/* Nothing has come. */
void plain_expect_nothing(int fd);
/* The end of file comes next. */
void plain_expect_end(int fd);
/* Returns when there is something to read. */
void await_input(int fd);

/* ---- the tree ---- */

/* SOCKETS/@path; the fourth call after it overwrites it. */
const char *at(const char *path);
/* What fails fails the test; the mode is exact. */
void make(const char *path, mode_t mode);
void removed(const char *path);
/* open(2) of it: a descriptor; -errno. */
int open_at(const char *path, int flags);
/* The same, and what fails fails the test. */
int opened(const char *path, int flags);
/* One read(2) gives just this, one write(2) takes it all. */
void expect(int fd, const void *data, size_t size);
void expect_text(int fd, const char *text);
void say(int fd, const void *data, size_t size);
void say_text(int fd, const char *text);
/* The errno of one read(2) or write(2) of one byte, 0 if it succeeds. */
int read_error(int fd);
int write_error(int fd);
/* poll(2) at once: the events of POLLIN and POLLOUT that are true. */
short polled(int fd);
/* Fails unless the last line of `errors` has " ERRNO: " with this name and, after it, @words. */
void expect_refusal(const char *name, const char *words);

/* Becomes @uid, of the same gid, and nothing else for good; in a child. */
void become(uid_t uid);

/* ---- unix sockets, and their peers ---- */

/* One of the tree, and a plain one. */
#define X "unix/x"
#define RUN_X RUN_UNIX "/x"
#define TO_X "unix/connect" RUN_X
#define PEER "/run/peer"
#define TO_PEER "unix/connect" PEER

/* More than any socket buffers. */
enum { LARGE = 8 << 20 };
extern char large[LARGE], got[LARGE];

/* What X accepts, being of type "stream" or "seqpacket"; X itself is removed again. */
int tree_accepted(const char *type, int flags, int *peer);
/* A connection that the tree makes to a plain listener at PEER, which then goes. */
int tree_connected(int type, int flags, int *peer);
/* Reads just so much from a stream. */
void read_all(int fd, char *buffer, size_t size);
/* Writes `large` in pieces of 4096 bytes, through the tree, until no more fits: how much did. */
size_t stuff(int fd);

/* ---- who waits ---- */

struct waiting {
	enum { WAIT_READ, WAIT_WRITE, WAIT_OPEN, WAIT_POLL } what;
	const char *path; /* opened by the child with these flags; NULL: fd is used */
	int flags, fd;
	uid_t uid;
};

/*
 * A child that does one of these and exits with its errno, or 0; of a read with 200 plus how much
 * it has got, which is less than 50.  A WAIT_POLL exits with the events.  It handles SIGUSR1.
 * Returns when it waits.
 */
pid_t waiter(const struct waiting *waiting);
/* The same, that need not wait: how it exits. */
int done(const struct waiting *waiting);

/* Bytes that are nowhere like themselves a little further on. */
void fill(void *data, size_t size, unsigned seed);

#endif
