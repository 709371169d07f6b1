/*
 * sock_name.c - writing and reading the names of sockets.
 */
#include "sock_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- ends of IP sockets ---- */

/* One that has gone is called so and by its number, as ss(8) has it. */
#define GONE "if"

void sock_interface_name(uint32_t interface, char name[IF_NAMESIZE])
{
	if (!interface)
		strcpy(name, "*");
	else if (!if_indextoname(interface, name))
		snprintf(name, IF_NAMESIZE, GONE "%" PRIu32, interface);
}

void sock_end_list(sa_family_t family, const struct sock_end *end, char text[SOCK_END_SIZE])
{
	char address[INET6_ADDRSTRLEN], interface[IF_NAMESIZE] = "";

	inet_ntop(family, end->address, address, sizeof(address));
	if (end->interface)
		sock_interface_name(end->interface, interface);
	snprintf(text, SOCK_END_SIZE, "%s%s%s:%u", address, *interface ? "%" : "", interface,
		 end->port);
}

/* Up to five digits and no more than there are ports. */
static bool port_read(const char *text, uint16_t *port)
{
	size_t length = strspn(text, "0123456789");
	unsigned long number;

	if (length == 0 || length > 5 || text[length])
		return false;
	number = strtoul(text, NULL, 10);
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

static bool interface_read(const char *name, uint32_t *interface)
{
	unsigned long long number;
	char *end;

	*interface = if_nametoindex(name);
	if (*interface)
		return true;
	if (strncmp(name, GONE, strlen(GONE)) != 0)
		return false;
	name += strlen(GONE);
	if (*name < '1' || *name > '9')
		return false;
	number = strtoull(name, &end, 10);
	*interface = (uint32_t)number;
	return !*end && number <= UINT32_MAX;
}

static bool address_read(const char *text, sa_family_t *family, unsigned char address[16],
			 bool *any)
{
	static const sa_family_t families[] = {AF_INET, AF_INET6};

	if (any && strcmp(text, "any") == 0) {
		*any = true;
		text = "::";
	} else if (strcmp(text, "localhost") == 0) {
		text = "127.0.0.1";
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		*family = families[i];
		if (inet_pton(families[i], text, address) == 1)
			return true;
	}
	return false;
}

int sock_end_read(const char *text, sa_family_t *family, struct sock_end *end, bool *any)
{
	char copy[SOCK_END_SIZE + 2], *address = copy, *colon, *percent, *bracket;

	memset(end, 0, sizeof(*end));
	if (any)
		*any = false;
	if (strlen(text) >= sizeof(copy))
		return -ENOENT;
	strcpy(copy, text);
	colon = strrchr(copy, ':');
	if (!colon || !port_read(colon + 1, &end->port))
		return -ENOENT;
	*colon = '\0';
	percent = strchr(copy, '%');
	if (percent) {
		if (!interface_read(percent + 1, &end->interface))
			return -ENOENT;
		*percent = '\0';
	}
	if (*address == '[') {
		bracket = strchr(++address, ']');
		if (!bracket || bracket[1])
			return -ENOENT;
		*bracket = '\0';
	}
	if (!address_read(address, family, end->address, any))
		return -ENOENT;
	return address != copy && *family != AF_INET6 ? -ENOENT : 0;
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
