/*
 * fuzz_address - addresses of sockets: what is printed is read again as the same, and the two
 * readers of HOST:PORT agree.
 *
 * Input: a byte that chooses what is tried, and the text or the bytes of an address.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>

#include "fuzz.h"
#include "sockets/sock_addr.h"
#include "sockets/sock_name.h"

/* ---- HOST:PORT ---- */

static void require_printed(const struct sock_addr *address, const char *from)
{
	char text[SOCK_ADDR_TEXT];
	struct sock_addr again;

	sock_addr_print(address, text);
	require(!sock_addr_read(NULL, text, &again), "'%s' of '%s'", text, from);
	require(sock_addr_same(address, &again) && again.both == address->both &&
			again.length == address->length,
		"'%s' of '%s'", text, from);
}

/* A name as sockets of others are found by, where it is one too, says the same. */
static void require_agreement(const struct sock_addr *address, const char *text)
{
	sa_family_t family;
	struct sock_end end;
	bool any;

	if (sock_end_read(text, &family, &end, &any))
		return;
	require(end.port == sock_addr_port(address) && any == address->both, "'%s'", text);
	if (family == AF_INET)
		require(address->any.sa_family == AF_INET &&
				!memcmp(end.address, &address->in.sin_addr, 4),
			"'%s'", text);
	else if (address->any.sa_family == AF_INET6)
		require(!memcmp(end.address, &address->in6.sin6_addr, 16) &&
				end.interface == address->in6.sin6_scope_id,
			"'%s'", text);
	else /* an IPv4 address in IPv6's clothes */
		require(!memcmp(end.address + 12, &address->in.sin_addr, 4), "'%s'", text);
}

static void host_port(const char *text)
{
	struct call call = {.reason = ""};
	struct sock_addr address;
	int error = sock_addr_read(&call, text, &address);

	if (error) {
		require(error == -EINVAL && *call.reason, "%d for '%s'", error, text);
		return;
	}
	require_printed(&address, text);
	require_agreement(&address, text);
}

/* ---- the names of directories ---- */

static void require_end_listed(sa_family_t family, const struct sock_end *end, const char *from)
{
	char text[SOCK_END_SIZE];
	struct sock_end again;
	sa_family_t again_family;

	sock_end_list(family, end, text);
	require(!sock_end_read(text, &again_family, &again, NULL), "'%s' of '%s'", text, from);
	require(family == again_family && sock_end_equal(end, &again), "'%s' of '%s'", text, from);
}

static void end_name(const char *text)
{
	sa_family_t family;
	struct sock_end end;
	int error = sock_end_read(text, &family, &end, NULL);

	require(!error || error == -ENOENT, "%d for '%s'", error, text);
	if (!error)
		require_end_listed(family, &end, text);
}

static void connection_name(const char *text)
{
	struct sock_info sock = {.table = TABLE_TCP};
	struct sock_end local, remote;
	sa_family_t family;
	char listed[SOCK_NAME_SIZE];
	int error = sock_connection_read(text, &family, &sock.inet.local, &sock.inet.remote);

	require(!error || error == -ENOENT, "%d for '%s'", error, text);
	if (error)
		return;
	sock.family = (uint8_t)family;
	sock_connection_list(&sock, listed);
	require(!sock_connection_read(listed, &family, &local, &remote), "'%s' of '%s'", listed,
		text);
	require(family == sock.family && sock_end_equal(&local, &sock.inet.local) &&
			sock_end_equal(&remote, &sock.inet.remote),
		"'%s' of '%s'", listed, text);
}

/* ---- unix sockets ---- */

/* By its own reader of the three forms. */
static void require_decoded(const struct sock_info *sock, const char *name)
{
	char bytes[SOCK_NAME_SIZE];
	size_t size = 0;
	bool abstract = *name == '@';

	if (strstr(name, "%~"))
		return;
	if (abstract) {
		bytes[size++] = '\0';
		name++;
	}
	for (; *name; name++) {
		unsigned value = (unsigned char)*name;

		if (*name == '%') {
			require(sscanf(name + 1, "%2X", &value) == 1 && !islower(name[1]) &&
					!islower(name[2]),
				"'%s'", name);
			name += 2;
		}
		bytes[size++] = (char)value;
	}
	if (size == sock->un.name_size + 2 && !abstract) {
		require(!memcmp(bytes, "./", 2), "'%s'", bytes);
		memmove(bytes, bytes + 2, size -= 2);
	}
	require(size == sock->un.name_size && !memcmp(bytes, sock->un.name, size),
		"%zu bytes were %zu", size, sock->un.name_size);
}

/* Bytes that some program has bound a socket to. */
static void unix_name(struct input *in)
{
	struct sock_info sock = {.table = TABLE_UNIX, .family = AF_UNIX, .inode = UINT32_MAX};
	char name[SOCK_NAME_SIZE], text[SOCK_UNIX_TEXT_SIZE];
	size_t size = in->size < sizeof(sock.un.name) ? in->size : sizeof(sock.un.name);

	memcpy(sock.un.name, in->at, size);
	sock.un.name_size = size && sock.un.name[0] ? strnlen(sock.un.name, size) : size;
	if (!sock.un.name_size)
		return;
	sock_unix_list(&sock, name);
	require(strlen(name) <= NAME_MAX && !strchr(name, '/') && !strchr(name, ','), "'%s'", name);
	require(strcmp(name, ".") && strcmp(name, "..") && sock_unix_is_listed(name), "'%s'", name);
	for (const char *at = name; *at; at++)
		require(!iscntrl((unsigned char)*at), "'%s'", name);
	require_decoded(&sock, name);
	sock_unix_text(&sock, " ", text);
	require(!strchr(text, ' ') && !strchr(text, '\n'), "'%s'", text);
}

/* Bytes as getsockname(2) has them, as text and back. */
static void unix_address(struct input *in)
{
	struct sock_addr address = {.un.sun_family = AF_UNIX}, again;
	size_t size =
		in->size < sizeof(address.un.sun_path) ? in->size : sizeof(address.un.sun_path);
	char text[SOCK_PATH_TEXT];
	struct call call = {.reason = ""};

	memcpy(address.un.sun_path, in->at, size);
	address.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	sock_path_print(&address, text);
	if (!*text)
		return; /* no address */
	/* A path that fills all of it can be bound, and has no NUL. */
	if (sock_path_read(&call, text, &again)) {
		require(*call.reason, "'%s' is refused without a word", text);
		require(address.un.sun_path[0] &&
				strnlen(address.un.sun_path, size) == sizeof(address.un.sun_path),
			"'%s'", text);
		return;
	}
	if (address.un.sun_path[0]) {
		require(!strncmp(again.un.sun_path, address.un.sun_path, size), "'%s'", text);
		return;
	}
	require(again.length == address.length && !memcmp(&again.un, &address.un, again.length),
		"'%s'", text);
}

static void unix_text(const char *text)
{
	struct call call = {.reason = ""};
	struct sock_addr address, again;
	char printed[SOCK_PATH_TEXT];
	int error = sock_path_read(&call, text, &address);

	if (error) {
		require((error == -EINVAL || error == -ENAMETOOLONG) && *call.reason, "%d for '%s'",
			error, text);
		return;
	}
	require(address.length <= sizeof(address.un), "'%s'", text);
	sock_path_print(&address, printed);
	require(!sock_path_read(NULL, printed, &again), "'%s' of '%s'", printed, text);
	require(again.length == address.length && !memcmp(&again.un, &address.un, again.length),
		"'%s' of '%s'", printed, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const of_text[])(const char *) = {host_port, end_name, connection_name,
							unix_text};
	static void (*const of_bytes[])(struct input *) = {unix_name, unix_address};
	enum {
		TEXTS = sizeof(of_text) / sizeof(*of_text),
		BYTES = sizeof(of_bytes) / sizeof(*of_bytes)
	};
	struct input in = {data, size};
	unsigned which = input_byte(&in) % (TEXTS + BYTES);

	if (which < TEXTS) {
		char *text = input_text(&in);

		of_text[which](text);
		free(text);
	} else {
		of_bytes[which - TEXTS](&in);
	}
	return 0;
}
