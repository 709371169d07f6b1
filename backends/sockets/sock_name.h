/*
 * sock_name.h - what sockets and their addresses are called.
 *
 * An end of an IP socket is ADDRESS:PORT, of one that is bound to an interface ADDRESS%NAME:PORT;
 * the last colon begins the port, so IPv6 needs no brackets, which a shell would take for a
 * pattern.
 *
 * The address of a unix socket, a path or an abstract name, is one name of a directory by %XX, as
 * URLs have it, for control characters, the slash, the percent sign and the comma.  An abstract one
 * begins with @; a path that is relative to nobody knows what begins with "./".  So it has a % or
 * begins with @, and that tells it from the name of a socket in the run directory.
 */
#ifndef IPCFS_SOCK_NAME_H
#define IPCFS_SOCK_NAME_H

#include <limits.h>

#include "backend.h"
#include "sock_addr.h"
#include "sock_info.h"

/* An address, an interface, a port. */
#define SOCK_END_SIZE (SOCK_HOST_TEXT + 6)
/* Of any directory of a socket. */
#define SOCK_NAME_SIZE (NAME_MAX + 1)
/* Of an address of a unix socket as text. */
#define SOCK_UNIX_TEXT_SIZE (4 * sizeof(((struct sock_info *)0)->un.name) + 3)

void sock_end_list(sa_family_t family, const struct sock_end *end, char text[SOCK_END_SIZE]);

/*
 * Reads what sock_end_list writes, also with brackets, and other ways to write the same address.
 * "localhost" is 127.0.0.1.  "any" is :: with *any true (which may be NULL): 0.0.0.0 is meant too.
 * -ENOENT: it is none.
 */
int sock_end_read(const char *text, sa_family_t *family, struct sock_end *end, bool *any);

/* LOCAL-REMOTE. */
void sock_connection_list(const struct sock_info *sock, char text[SOCK_NAME_SIZE]);
int sock_connection_read(const char *text, sa_family_t *family, struct sock_end *local,
			 struct sock_end *remote);

/*
 * The name of a directory for the address of a unix socket that has one.  One that would be longer
 * than NAME_MAX is cut, and ends in %~ and the inode number.
 */
void sock_unix_list(const struct sock_info *sock, char name[SOCK_NAME_SIZE]);
/* True if a name is as sock_unix_list makes them. */
bool sock_unix_is_listed(const char *name);

/*
 * The address for people: a path as it is, @ and the abstract name.  Control characters, the
 * backslash and what is in @also are \ooo.  Empty if it has none.
 */
void sock_unix_text(const struct sock_info *sock, const char *also, char text[SOCK_UNIX_TEXT_SIZE]);

#endif
