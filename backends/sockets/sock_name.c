/*
 * sock_name.c - writing and reading the names of sockets.
 */
#include "sock_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/names.h"

/* ---- ends of IP sockets ---- */

void sock_end_list(sa_family_t family, const struct sock_end *end, char text[SOCK_END_SIZE])
{
	char host[SOCK_HOST_TEXT];

	sock_host_print(family, end->address, end->interface, host);
	snprintf(text, SOCK_END_SIZE, "%s:%u", host, end->port);
}

int sock_end_read(const char *text, sa_family_t *family, struct sock_end *end, bool *any)
{
	struct sock_name name;
	const char *host = name.host;
	int64_t port;

	memset(end, 0, sizeof(*end));
	if (any)
		*any = false;
	if (sock_name_split(NULL, text, &name) ||
	    number_read(NULL, "port", name.service, 0, UINT16_MAX, &port))
		return -ENOENT;
	if (any && strcmp(host, "any") == 0) {
		*any = true;
		host = "::";
	} else if (strcmp(host, "localhost") == 0) {
		host = "127.0.0.1";
	}
	end->port = (uint16_t)port;
	return sock_host_read(host, family, end->address, &end->interface) ? 0 : -ENOENT;
}

void sock_connection_list(const struct sock_info *sock, char text[SOCK_NAME_SIZE])
{
	char local[SOCK_END_SIZE], remote[SOCK_END_SIZE];

	sock_end_list(sock->family, &sock->inet.local, local);
	sock_end_list(sock->family, &sock->inet.remote, remote);
	snprintf(text, SOCK_NAME_SIZE, "%s-%s", local, remote);
}

int sock_connection_read(const char *text, sa_family_t *family, struct sock_end *local,
			 struct sock_end *remote)
{
	sa_family_t remote_family;
	char copy[SOCK_NAME_SIZE], *dash;

	if (strlen(text) >= sizeof(copy))
		return -ENOENT;
	/* The name of an interface may have one, what follows the last is the remote end. */
	strcpy(copy, text);
	dash = strrchr(copy, '-');
	if (!dash)
		return -ENOENT;
	*dash = '\0';
	if (sock_end_read(copy, family, local, NULL) ||
	    sock_end_read(dash + 1, &remote_family, remote, NULL) || *family != remote_family)
		return -ENOENT;
	return 0;
}

/* ---- unix sockets ---- */

static bool is_abstract(const struct sock_info *sock)
{
	return sock->un.name_size > 0 && sock->un.name[0] == '\0';
}

static bool is_relative(const struct sock_info *sock)
{
	const char *path = sock->un.name;
	size_t size = sock->un.name_size;

	return size > 0 && path[0] != '/' && !(size > 1 && path[0] == '.' && path[1] == '/');
}

static bool is_control(unsigned char byte)
{
	return byte < ' ' || byte == 0x7f;
}

static char *put_escaped(char *at, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (is_control(byte) || strchr("/%,", byte))
			at += sprintf(at, "%%%02X", byte);
		else
			*at++ = (char)byte;
	}
	*at = '\0';
	return at;
}

void sock_unix_list(const struct sock_info *sock, char name[SOCK_NAME_SIZE])
{
	char whole[3 * sizeof(sock->un.name) + 8], *at = whole, inode[16];
	size_t room;

	if (is_abstract(sock)) {
		*at++ = '@';
		at = put_escaped(at, sock->un.name + 1, sock->un.name_size - 1);
	} else {
		if (is_relative(sock))
			at = put_escaped(at, "./", 2);
		at = put_escaped(at, sock->un.name, sock->un.name_size);
	}
	if ((size_t)(at - whole) < SOCK_NAME_SIZE) {
		strcpy(name, whole);
		return;
	}
	room = SOCK_NAME_SIZE - 1 -
	       (size_t)snprintf(inode, sizeof(inode), "%%~%" PRIu32, sock->inode);
	/* Not within a %XX. */
	for (size_t back = 1; back <= 2; back++)
		if (whole[room - back] == '%') {
			room -= back;
			break;
		}
	snprintf(name, SOCK_NAME_SIZE, "%.*s%s", (int)room, whole, inode);
}

bool sock_unix_is_listed(const char *name)
{
	return name[0] == '@' || strchr(name, '%');
}

void sock_unix_text(const struct sock_info *sock, const char *also, char text[SOCK_UNIX_TEXT_SIZE])
{
	size_t first = is_abstract(sock);

	if (first)
		*text++ = '@';
	for (size_t i = first; i < sock->un.name_size; i++) {
		unsigned char byte = (unsigned char)sock->un.name[i];

		if (is_control(byte) || byte == '\\' || strchr(also, byte))
			text += sprintf(text, "\\%03o", byte);
		else
			*text++ = (char)byte;
	}
	*text = '\0';
}
