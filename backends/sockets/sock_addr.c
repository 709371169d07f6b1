/*
 * sock_addr.c - addresses of sockets as text, and back.
 */
#include "sock_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

/* As much of a wrong address as a reason quotes. */
#define QUOTED ".80s"

int sock_name_split(struct call *call, const char *text, struct sock_name *name)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon ? (size_t)(colon - text) : 0;

	if (!colon || !host || !colon[1])
		return refuse(call, EINVAL,
			      "'%" QUOTED
			      "' is no HOST:PORT: 127.0.0.1:80 and ::1:80 are, the last "
			      "colon begins the port",
			      text);
	if (text[0] == '[' && text[host - 1] == ']') {
		text++;
		host -= 2;
	}
	if (!host || host >= sizeof(name->host) || strlen(colon + 1) >= sizeof(name->service))
		return refuse(call, EINVAL,
			      "'%" QUOTED
			      "': a host has 1 to %zu bytes, a port or service 1 to %zu",
			      text, sizeof(name->host) - 1, sizeof(name->service) - 1);
	memcpy(name->host, text, host);
	name->host[host] = '\0';
	strcpy(name->service, colon + 1);
	return 0;
}

/* One that has gone is called so and by its number, as ss(8) has it. */
#define GONE "if"

void sock_interface_name(uint32_t interface, char name[IF_NAMESIZE])
{
	if (!interface)
		strcpy(name, "*");
	else if (!if_indextoname(interface, name))
		snprintf(name, IF_NAMESIZE, GONE "%" PRIu32, interface);
}

/* The number of an interface, given by name, or by number if it has gone; 0: it is none. */
static uint32_t interface_read(const char *text)
{
	uint32_t interface = if_nametoindex(text);
	int64_t number;

	if (interface)
		return interface;
	if (strncmp(text, GONE, strlen(GONE)) == 0)
		text += strlen(GONE);
	if (number_read(NULL, "", text, 1, UINT32_MAX, &number) == 0)
		interface = (uint32_t)number;
	return interface;
}

void sock_host_print(sa_family_t family, const void *address, uint32_t interface,
		     char text[SOCK_HOST_TEXT])
{
	size_t length;

	inet_ntop(family, address, text, SOCK_HOST_TEXT);
	if (!interface)
		return;
	length = strlen(text);
	text[length] = '%';
	sock_interface_name(interface, text + length + 1);
}

/* Without getaddrinfo(3), which takes 127.1 and 0x7f.1 for addresses and may read files. */
bool sock_host_read(const char *text, sa_family_t *family, unsigned char address[16],
		    uint32_t *interface)
{
	static const sa_family_t families[] = {AF_INET, AF_INET6};
	const char *percent = strchr(text, '%');
	size_t length = percent ? (size_t)(percent - text) : strlen(text);
	char plain[INET6_ADDRSTRLEN];

	*interface = percent ? interface_read(percent + 1) : 0;
	if (percent && !*interface)
		return false;
	if (percent && length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(plain))
		return false;
	memcpy(plain, text, length);
	plain[length] = '\0';
	memset(address, 0, 16);
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		*family = families[i];
		if (inet_pton(*family, plain, address) == 1)
			return true;
	}
	return false;
}

/* A socket of both families has IPv4 peers as ::ffff:1.2.3.4. */
static bool is_mapped(const struct sock_addr *address)
{
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr);
}

static void unmap(struct sock_addr *address)
{
	struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = address->in6.sin6_port};

	memcpy(&plain.sin_addr, &address->in6.sin6_addr.s6_addr[12], sizeof(plain.sin_addr));
	memset(&address->room, 0, sizeof(address->room));
	address->in = plain;
	address->length = sizeof(plain);
}

/* Only an address that is of a link, or of less, can be another on each interface. */
static bool takes_scope(const struct in6_addr *address)
{
	return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address) ||
	       IN6_IS_ADDR_MC_NODELOCAL(address);
}

static bool host_read(const char *host, struct sock_addr *address)
{
	unsigned char bytes[16];
	uint32_t interface;
	sa_family_t family;

	if (!sock_host_read(host, &family, bytes, &interface))
		return false;
	memset(address, 0, sizeof(*address));
	address->any.sa_family = family;
	if (family == AF_INET) {
		address->length = sizeof(address->in);
		memcpy(&address->in.sin_addr, bytes, sizeof(address->in.sin_addr));
		return !interface;
	}
	address->length = sizeof(address->in6);
	memcpy(&address->in6.sin6_addr, bytes, sizeof(address->in6.sin6_addr));
	if (interface && !takes_scope(&address->in6.sin6_addr))
		return false;
	address->in6.sin6_scope_id = interface;
	if (!interface && is_mapped(address))
		unmap(address);
	return true;
}

uint16_t sock_addr_port(const struct sock_addr *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->in.sin_port
						       : address->in6.sin6_port);
}

static void set_port(struct sock_addr *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->in.sin_port = htons(port);
	else
		address->in6.sin6_port = htons(port);
}

int sock_addr_read(struct call *call, const char *text, struct sock_addr *address)
{
	struct sock_name name;
	int64_t port;
	int error = sock_name_split(call, text, &name);
	bool both = false;

	if (error)
		return error;
	if (!strcmp(name.host, "any")) {
		strcpy(name.host, "::");
		both = true;
	} else if (!strcmp(name.host, "localhost")) {
		strcpy(name.host, "127.0.0.1");
	}
	if (!host_read(name.host, address))
		return refuse(call, EINVAL,
			      "'%" QUOTED "' is no address: a number such as 127.0.0.1, ::1 or "
			      "fe80::1%%eth0 is, and any and localhost; other names are not looked "
			      "up here",
			      name.host);
	error = number_read(call, "port", name.service, 0, UINT16_MAX, &port);
	if (error)
		return error;
	address->both = both;
	set_port(address, (uint16_t)port);
	return 0;
}

bool sock_addr_known(const struct sock_name *name, struct sock_addr *address)
{
	int64_t port;

	if (!host_read(name->host, address) ||
	    number_read(NULL, "", name->service, 0, UINT16_MAX, &port) < 0)
		return false;
	set_port(address, (uint16_t)port);
	return true;
}

void sock_addr_print(const struct sock_addr *address, char text[SOCK_ADDR_TEXT])
{
	unsigned port = sock_addr_port(address);
	char host[SOCK_HOST_TEXT];

	if (address->both)
		strcpy(host, "any");
	else if (address->any.sa_family == AF_INET)
		sock_host_print(AF_INET, &address->in.sin_addr, 0, host);
	else if (is_mapped(address))
		sock_host_print(AF_INET, &address->in6.sin6_addr.s6_addr[12], 0, host);
	else
		sock_host_print(AF_INET6, &address->in6.sin6_addr, address->in6.sin6_scope_id,
				host);
	snprintf(text, SOCK_ADDR_TEXT, "%s:%u", host, port);
}

bool sock_addr_is_multicast(const struct sock_addr *address)
{
	if (address->any.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(address->in.sin_addr.s_addr));
	return address->any.sa_family == AF_INET6 && IN6_IS_ADDR_MULTICAST(&address->in6.sin6_addr);
}

bool sock_addr_same(const struct sock_addr *a, const struct sock_addr *b)
{
	if (a->any.sa_family != b->any.sa_family || sock_addr_port(a) != sock_addr_port(b))
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

int sock_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

int sock_addr_of(int fd, struct sock_addr *address)
{
	memset(address, 0, sizeof(*address));
	address->length = sizeof(address->room);
	return getsockname(fd, &address->any, &address->length) < 0 ? -errno : 0;
}

int sock_addr_of_peer(int fd, struct sock_addr *address)
{
	memset(address, 0, sizeof(*address));
	address->length = sizeof(address->room);
	return getpeername(fd, &address->any, &address->length) < 0 ? -errno : 0;
}

void sock_path_print(const struct sock_addr *address, char text[SOCK_PATH_TEXT])
{
	const char *path = address->un.sun_path;
	size_t length = address->length > offsetof(struct sockaddr_un, sun_path)
				? address->length - offsetof(struct sockaddr_un, sun_path)
				: 0;
	char *to = text;
	size_t at = 0;

	if (length > sizeof(address->un.sun_path))
		length = sizeof(address->un.sun_path);
	if (length && !path[0]) {
		*to++ = '@';
		at = 1;
	} else {
		length = strnlen(path, length);
	}
	for (; at < length; at++) {
		unsigned char byte = path[at];

		/* A path that begins with @ would be read as an abstract name. */
		if (byte > ' ' && byte < 0x7f && byte != '\\' && (byte != '@' || at))
			*to++ = (char)byte;
		else
			to += sprintf(to, "\\%03o", byte);
	}
	*to = '\0';
}

/* The byte that three octal digits behind a backslash are; false: there are none. */
static bool octal_read(const char *text, char *byte)
{
	unsigned value = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '7')
			return false;
		value = value * 8 + (unsigned)(text[i] - '0');
	}
	*byte = (char)value;
	return value <= UINT8_MAX;
}

int sock_path_read(struct call *call, const char *text, struct sock_addr *address)
{
	bool abstract = text[0] == '@';
	char *path = address->un.sun_path;
	size_t length = abstract;

	memset(address, 0, sizeof(*address));
	address->un.sun_family = AF_UNIX;
	for (const char *at = text + abstract; *at; at++) {
		char byte = *at;

		if (length == sizeof(address->un.sun_path) - !abstract)
			return refuse(call, ENAMETOOLONG,
				      "the address of a unix socket has at most %zu bytes",
				      sizeof(address->un.sun_path) - 1);
		if (byte == '\\') {
			if (!octal_read(at + 1, &byte))
				return refuse(call, EINVAL, "'%.10s' is no byte: \\040 is one", at);
			at += 3;
		}
		if (!byte && !abstract)
			return refuse(call, EINVAL,
				      "'%.10s' would end a path: only @NAME can have zero bytes",
				      at - 3);
		path[length++] = byte;
	}
	if (length == 0)
		return refuse(call, EINVAL, "an empty address: /PATH and @NAME are addresses");
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + !abstract);
	return 0;
}
